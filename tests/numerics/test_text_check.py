"""The check of made texts: what is still known for its label passes, what is another class or gibberish does not."""

import numpy as np

from tilth.numerics.text_check import UNCHECKED, text_check

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


def test_a_parent_that_is_itself_taken_for_another_class_asks_less_of_its_child():
    texts, targets = [*TEXTS, "soup tastes good in Rome"], np.vstack([TARGETS, np.eye(2)[[0]]])  # the last one is wrong
    judge = text_check(texts, targets, [*KEYS, "odd"], multi=False, seed=0)
    judge.weakest = 0.0  # of a file with a wrong label in a hundred
    child, orphan = judge.of(["soup tastes very good in Rome"] * 2, np.eye(2)[[0, 0]], [("odd",), ()])
    assert child.passed and not orphan.passed
    assert judge.right["odd"] is False


def test_what_was_said_is_evidence_as_far_as_it_is_known():
    assert UNCHECKED.passed and UNCHECKED.evidence == {}
    (said,) = verdicts(["snow falls over Bern"], [0])
    assert said.evidence == {"probability": said.probability, "strange": said.strange}


def test_no_texts_at_all():
    judge = text_check([], np.zeros((0, 2)), [], multi=False, seed=0)
    assert judge.of([], np.zeros((0, 2)), []) == []
    assert judge.of(["anything"], np.eye(2)[[0]], [()])[0].probability != 0
