"""Budgets add up, keep to their bounds, and favour what is difficult."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.class_budgets import (
    by_difficulty,
    difficulty,
    effective_weights,
    rarest,
    shrunk_f1,
    within,
)

CLASSES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.floats(0, 9)), min_size=1, max_size=8)


@settings(deadline=None)
@given(CLASSES, st.integers(0, 500))
def test_numbers_within_bounds_add_up(classes, total):
    low = np.array([min(a, b) for a, b, _ in classes])
    high = np.array([max(a, b) for a, b, _ in classes])
    found = within(np.array([c for *_, c in classes]), total, low, high)
    assert (found >= low).all() and (found <= high).all()
    assert found.sum() == np.clip(total, low.sum(), high.sum())


def test_numbers_follow_what_is_wanted():
    assert within([1, 2, 3], 60, [0, 0, 0], [99, 99, 99]).tolist() == [10, 20, 30]
    assert within([1, 1, 1], 10, [0, 0, 0], [99, 99, 99]).tolist() == [4, 3, 3]
    assert within([1, 1, 1], 30, [20, 0, 0], [99, 2, 99]).tolist() == [20, 2, 8]
    assert within([0, 0], 5, [0, 0], [9, 9]).tolist() == [3, 2]


def test_the_formula_by_hand():
    # q = .5, .02 (floored), .3: half evenly, half by q / .82
    assert difficulty([0.5, 1.0, 0.7]) == pytest.approx([1 / 6 + 0.5 * q / 0.82 for q in (0.5, 0.02, 0.3)])
    assert difficulty([0.5, 1.0, 0.7], rho=0) == pytest.approx([1 / 3] * 3)
    assert difficulty([0.1, 0.9]).sum() == pytest.approx(1)


def test_f1_is_drawn_to_a_half_by_little_data():
    truths = np.eye(3, dtype=bool)[[0] * 100 + [1] * 2]
    assert shrunk_f1(truths, truths) == pytest.approx([2 * 101 / 204, 2 * 3 / 8, 2 / 4])
    wrong = np.roll(truths, 1, axis=1)
    assert shrunk_f1(truths, wrong)[0] == pytest.approx(2 / 104)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 1)), min_size=1, max_size=8), st.floats(0.1, 1))
def test_a_difficult_class_never_gets_less_than_an_easy_one_of_its_size(classes, share):
    sizes, f1 = np.array([n for n, _ in classes]), np.array([f for _, f in classes])
    total = int(share * sizes.sum())
    found = by_difficulty(sizes, f1, total, low=np.minimum(sizes, 1))
    assert (found <= sizes).all() and found[sizes == 0].sum() == 0
    if total >= np.minimum(sizes, 1).sum():
        assert found.sum() == total
    for a in range(len(sizes)):
        for b in range(len(sizes)):
            if sizes[a] == sizes[b] and f1[a] < f1[b]:
                assert found[a] >= found[b] - 1


def test_no_class_changes_by_more_than_a_quarter_and_small_ones_keep_their_floor():
    found = by_difficulty(np.array([400, 400, 400, 25]), np.array([0.2, 0.95, 0.95, 0.95]), 600, low=np.ones(4, int))
    now = 600 * 400 / 1225
    assert found[0] == int(1.25 * now) and found[3] >= 20 and found.sum() == 600


def test_a_sample_of_several_classes_counts_for_the_rarest():
    targets = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]], float)
    assert rarest(targets).tolist() == [1, 0, 0, 1, 2, -1]
    assert rarest(np.array([[0.7, 0.3], [0.7, 0.3], [0, 1.0]])).tolist() == [0, 0, 1]
    assert rarest(np.zeros((0, 3))).tolist() == [] and rarest(np.zeros((2, 0))).tolist() == [-1, -1]


def test_effective_weights_lie_between_even_and_the_inverse_of_the_count():
    counts = np.array([1000, 10, 0])
    even, some, inverse = (effective_weights(counts, beta=beta) for beta in (0.0, 0.999, 1 - 1e-9))
    assert even.tolist() == [1, 1, 0]
    assert inverse[1] / inverse[0] == pytest.approx(100, rel=1e-4)
    assert some[1] / some[0] == pytest.approx((1 - 0.999**1000) / (1 - 0.999**10))
    assert (some * counts).sum() == pytest.approx(counts.sum())
    assert effective_weights(np.zeros(2), beta=0.9).tolist() == [0, 0]
