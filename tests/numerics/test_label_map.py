"""What an operation makes of each class is judged by what a model moves, less what it is wrong about anyway."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics.label_fates import Fate, allowed, fates_of
from tilth.numerics.label_map import BECOMES, FORBIDDEN, SAFE, UNSURE, LabelMap, label_map
from tilth.numerics.label_rules import FORBID

A, B, C = 0, 1, 2


def world(sizes=(100, 100, 100), error=0.0, seed=0):
    """Labels, and the answers of a model that is wrong so often."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(labels)) < error
    return labels, np.where(wrong, (labels + 1) % len(sizes), labels)


def judge(labels, untouched, *answers, own_inverse=True, ranks=None, classes=3) -> LabelMap:
    given_answers = np.stack(answers, axis=1)
    ranks = np.full(given_answers.shape, 0.5) if ranks is None else ranks
    flips = np.full(given_answers.shape[1], own_inverse)
    return label_map(labels, untouched, given_answers, ranks, classes=classes, own_inverse=flips)


def swapped(labels):
    return np.select([labels == A, labels == B], [B, A], labels)


def test_an_operation_that_swaps_two_classes_turns_one_into_the_other_and_leaves_the_third():
    labels, untouched = world(error=0.1)
    found = judge(labels, untouched, swapped(untouched))
    assert found.verdict[:, 0].tolist() == [BECOMES, BECOMES, SAFE]
    assert found.target[:2, 0].tolist() == [B, A]


def test_a_class_that_goes_where_another_already_is_is_spoilt_not_turned():
    labels, untouched = world()
    found = judge(labels, untouched, np.where(labels == A, B, labels))
    assert found.verdict[:, 0].tolist() == [FORBIDDEN, SAFE, SAFE]


def test_a_circle_of_classes_is_forbidden_for_what_undoes_itself_cannot_make_one():
    labels, untouched = world()
    assert judge(labels, untouched, (labels + 1) % 3).verdict[:, 0].tolist() == [FORBIDDEN] * 3


def test_what_has_strengths_turns_no_class_into_another():
    labels, untouched = world()
    found = judge(labels, untouched, swapped(labels), own_inverse=False)
    assert found.verdict[:, 0].tolist() == [FORBIDDEN, FORBIDDEN, SAFE]


def test_a_third_class_that_is_poured_into_a_pair_is_forbidden_and_the_pair_still_changes_places():
    labels, untouched = world()
    found = judge(labels, untouched, np.where(labels == C, B, swapped(labels)))
    assert found.verdict[:, 0].tolist() == [BECOMES, BECOMES, FORBIDDEN]


def test_a_model_that_is_wrong_half_of_the_time_is_believed_in_what_it_gets_right():
    labels, untouched = world(error=0.5)
    same = judge(labels, untouched, untouched)
    assert (same.verdict == SAFE).all() and same.asked.sum() == (labels == untouched).sum()
    assert judge(labels, untouched, swapped(untouched)).verdict[:, 0].tolist() == [BECOMES, BECOMES, SAFE]


def test_what_moves_no_more_than_the_error_of_the_model_is_not_forbidden():
    labels, untouched = world(error=0.2, seed=1)
    _, again = world(error=0.2, seed=2)
    assert FORBIDDEN not in judge(labels, untouched, again).verdict


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_class_of_a_few_is_neither_called_safe_nor_forbidden_where_others_say_nothing(size):
    labels, untouched = world((size, 0, 0))
    answer = labels.copy()
    answer[:1] = B
    assert judge(labels, untouched, answer).verdict[A, 0] == UNSURE


def test_a_small_class_is_forbidden_on_evidence():
    labels, untouched = world((6, 100, 100))
    assert judge(labels, untouched, np.where(labels == A, B, labels)).verdict[A, 0] == FORBIDDEN


def test_a_flip_into_what_nobody_wrote_is_not_safe_and_a_change_of_tone_is():
    labels, untouched = world()
    far = np.full((len(labels), 1), 0.97)
    assert (judge(labels, untouched, labels, ranks=far).verdict == UNSURE).all()
    assert (judge(labels, untouched, labels, ranks=far, own_inverse=False).verdict == SAFE).all()
    unknown = np.full((len(labels), 1), -1.0)
    assert (judge(labels, untouched, labels, ranks=unknown).verdict == SAFE).all()


def test_a_guess_about_what_looks_like_nothing_real_says_nothing_but_of_a_flip():
    labels, untouched = world()
    answers, far = np.where(labels == A, B, labels), np.full((len(labels), 1), 0.97)
    assert judge(labels, untouched, answers, ranks=far, own_inverse=False).verdict[A, 0] == UNSURE
    assert judge(labels, untouched, answers, ranks=far).verdict[A, 0] == FORBIDDEN
    assert judge(labels, untouched, answers, own_inverse=False).verdict[A, 0] == FORBIDDEN


@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(-1, 2)), max_size=40), st.randoms())
def test_the_order_of_samples_changes_nothing_and_counts_are_sound(rows, dice):
    shuffled = list(rows)
    dice.shuffle(shuffled)
    first, again = (judge(*np.array(some, np.int64).reshape(-1, 3).T) for some in (rows, shuffled))
    for name in ("verdict", "asked", "moved", "to_target"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert (first.to_target <= first.moved).all() and (first.moved <= first.asked).all()
    assert (first.low <= first.high + 1e-9).all()
    assert ((first.verdict == UNSURE) | (first.asked > 0)).all()


@given(st.permutations([0, 1, 2]), st.integers(0, 2**16))
def test_names_of_classes_do_not_matter(names, seed):
    rng = np.random.default_rng(seed)
    labels, untouched = world((40, 30, 20), error=0.2, seed=seed)
    answers = np.where(rng.random(len(labels)) < 0.5, swapped(untouched), untouched)
    names = np.array(names)
    first, renamed = judge(labels, untouched, answers), judge(names[labels], names[untouched], names[answers])
    assert np.array_equal(first.verdict, renamed.verdict[names])


# -- what is done about it ------------------------------------------------------------------------------------


def test_an_operation_that_spoils_a_class_at_full_strength_alone_may_be_used_up_to_half():
    labels, untouched = world()
    found = judge(labels, untouched, labels, np.where(labels == A, B, labels), own_inverse=False)
    fates = fates_of(found, [[("rotate", 0.5)], [("rotate", 1.0)]], {})
    assert (fates["rotate", A].word, fates["rotate", A].reach) == ("forbidden", 0.5)

    def may(share: float):
        return allowed(fates, A, [("rotate", share)], mirrors=frozenset({"hflip"}))

    assert may(-0.4) == A and may(0.6) is None and may(-0.6) is None


def test_a_rule_stands_above_what_was_learned():
    labels, untouched = world()
    found = judge(labels, untouched, swapped(labels))
    fates = fates_of(found, [[("hflip", 1.0)]], {("hflip", A): A, ("hflip", C): FORBID})
    flips = frozenset({"hflip"})
    assert allowed(fates, A, [("hflip", 1.0)], mirrors=flips) == A
    assert allowed(fates, B, [("hflip", 1.0)], mirrors=flips) == A
    assert allowed(fates, C, [("hflip", 1.0)], mirrors=flips) is None
    assert fates["hflip", A].by == "rule" and fates["hflip", B].by == "learned"


def test_of_what_nothing_is_known_flips_are_forbidden_and_all_else_is_allowed():
    flips = frozenset({"hflip", "vflip"})
    assert allowed({}, A, [("invert", 1.0), ("rotate", 0.3)], mirrors=flips) == A
    assert allowed({}, A, [("invert", 1.0), ("hflip", 1.0)], mirrors=flips) is None
    unsure = {("hflip", A): Fate("unsure", -1, 1.0, "learned"), ("rotate", A): Fate("unsure", -1, 1.0, "learned")}
    assert allowed(unsure, A, [("rotate", 0.3)], mirrors=flips) == A
    assert allowed(unsure, A, [("hflip", 1.0)], mirrors=flips) is None


def test_two_flips_are_asked_about_as_one_where_they_were_tried_together():
    flips = frozenset({"hflip", "vflip"})
    each = {(name, label): Fate("safe", -1, 1.0, "learned") for name in flips for label in (A, B)}
    both = {
        ("hflip+vflip", A): Fate("becomes", B, 1.0, "learned"),
        ("hflip+vflip", B): Fate("forbidden", -1, 0.0, "learned"),
    }
    moves = [("vflip", 1.0), ("rotate", 0.2), ("hflip", 1.0)]
    assert allowed(each, A, moves, mirrors=flips) == A
    assert allowed({**each, **both}, A, moves, mirrors=flips) == B
    assert allowed({**each, **both}, B, moves, mirrors=flips) is None


def test_one_flip_after_the_other_is_asked_about_the_class_the_first_one_made():
    flips = frozenset({"hflip", "vflip"})
    fates = {("hflip", A): Fate("becomes", B, 1.0, "learned"), ("vflip", B): Fate("becomes", C, 1.0, "learned")}
    assert allowed(fates, A, [("hflip", 1.0), ("vflip", 1.0)], mirrors=flips) == C
