"""Whoever judges a made text saw none of those that it was made from."""

import numpy as np
import pytest

from tilth.numerics.text_witness import Models, Neighborhood, folds_of, unseen

FOLD = {"a": 0, "b": 1, "c": 2}


def constant(value):
    return lambda texts: np.full((len(texts), 1), value)


def test_models_that_saw_a_parent_are_not_asked():
    jury = Models((constant(1.0), constant(2.0), constant(4.0)), FOLD)
    said = jury.answers(["x"] * 4, [("a",), ("b",), ("a", "c"), ()])
    # The model of a fold is the one that did not see it; where each saw a parent, those that saw fewest answer.
    np.testing.assert_allclose(said[:, 0], [1, 2, 2.5, 7 / 3])


def test_keys_that_are_no_real_text_bar_nobody():
    assert unseen(["made"], FOLD, 3).all() and unseen([], FOLD, 3).all()
    assert unseen(["made", "b"], FOLD, 3).tolist() == [False, True, False]


def test_equal_texts_lie_in_one_fold_and_each_fold_has_all_classes():
    texts = [f"text {number % 9} of {number % 2}" for number in range(90)]
    targets = np.eye(2)[[number % 2 for number in range(90)]]
    parts = folds_of(texts, targets, folds=3, seed=0)
    assert all(len({parts[at] for at in range(90) if texts[at] == text}) == 1 for text in texts)
    assert all((targets[parts == part].sum(axis=0) > 0).all() for part in range(3))
    np.testing.assert_array_equal(parts, folds_of(texts, targets, folds=3, seed=0))


def test_neighbours_vote_by_likeness_and_parents_and_their_copies_have_no_vote():
    texts, targets = ["red rose", "red roses", "Red Rose", "blue sea"], np.eye(2)[[0, 1, 0, 1]]
    asked = Neighborhood.of(texts, targets, ["a", "b", "c", "d"])
    alone, free = asked.answers(["red rose", "red rose"], [("a",), ()])
    assert alone[1] == pytest.approx(1, abs=1e-4), "without its parent and its copy the other class alone is near"
    assert free.argmax() == 0 and free.sum() == pytest.approx(1)
