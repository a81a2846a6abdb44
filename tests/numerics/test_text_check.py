"""The check of made texts: what is still known for its label passes, what is another class or gibberish does not."""

import numpy as np

from tilth.numerics.text_check import text_check

PLACES = ("Oslo", "Perth", "Turin", "Quito", "Kyoto", "Lisbon", "Accra", "Hanoi", "Bern", "Lima")
TEXTS = [
    *(f"{what} falls over {where} today" for what in ("rain", "snow", "hail") for where in PLACES),
    *(f"the {what} tastes good in {where}" for what in ("soup", "bread", "rice") for where in PLACES),
]
TARGETS = np.repeat(np.eye(2), 30, axis=0)
KEYS = [f"k{number}" for number in range(60)]


def verdicts(texts, labels, parents=None, *, multi=False, targets=TARGETS):
    judge = text_check(TEXTS, targets, KEYS, multi=multi, seed=0)
    wanted = np.eye(targets.shape[1])[labels]
    return judge.of(texts, wanted, parents or [()] * len(texts))


def test_the_right_class_passes_and_another_does_not():
    right, wrong, child = verdicts(
        ["snow falls over Bern", "soup tastes good in Bern", "hail falls today over Lima"],
        [0, 0, 0],
        [(), (), ("k29",)],
    )
    assert right.passed and right.probability > 0.5 and not right.why
    assert not wrong.passed and "probability" in wrong.why
    assert child.passed


def test_gibberish_is_strange():
    odd, new = verdicts(["qzx vkjw xqqz jjvw", "rain falls over Reykjavik today"], [0, 0])
    assert not odd.passed and odd.strange > 0.9
    assert new.passed and new.strange < 0.5, "a new name is no gibberish"


def test_of_a_class_that_is_hardly_known_nobody_says_anything():
    targets = np.column_stack([TARGETS, np.zeros(60)])
    unknown = verdicts(["the coach falls over Bern today"], [2], targets=targets)[0]
    assert unknown.passed and np.isnan(unknown.probability)


def test_several_labels_are_asked_one_by_one():
    both, half = verdicts(["rain falls over Oslo today", "rain falls over Oslo today"], [0, 1], multi=True)
    assert both.passed and not half.passed


def test_models_that_saw_a_parent_are_not_asked():
    judge = text_check(TEXTS, TARGETS, KEYS, multi=False, seed=0)
    for key in KEYS[:6]:
        unseen = judge._unseen([key])
        assert unseen.sum() == 1 and unseen[judge.fold[key]]
    assert judge._unseen([]).all()


def test_no_texts_at_all():
    judge = text_check([], np.zeros((0, 2)), [], multi=False, seed=0)
    assert judge.of([], np.zeros((0, 2)), []) == []
    assert judge.of(["anything"], np.eye(2)[[0]], [()])[0].probability != 0
