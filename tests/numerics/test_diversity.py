"""Replacing keeps sizes and raises the mean distance; herding and strata agree with brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.coverage import k_center
from tilth.numerics.diversity import in_turns, iterative, random_spread, spread_of, spread_out
from tilth.numerics.herding import herding
from tilth.numerics.strata import middle, stratified


def pool(seed, n=60, d=3, classes=3):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d)).astype(np.float32)
    points[: n // 3] *= 0.1  # a heap
    inside = rng.random(n) < 0.4
    inside[:4] = True
    return points, rng.integers(classes, size=n), inside, rng.random(n) < 0.8


def mean_nearest(points, inside):
    own = points[inside].astype(np.float64)
    apart = np.linalg.norm(own[:, None] - own[None], axis=2) + np.where(np.eye(len(own)), np.inf, 0)
    return apart.min(1).mean()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_iterative_sampling_raises_the_mean_distance_and_keeps_classes(seed, similar):
    points, classes, inside, free = pool(seed)
    found = iterative(points, classes, inside, free, np.random.default_rng(seed), similar=similar)
    assert (np.diff(found.means) > 0).all()
    assert found.means[0] == pytest.approx(mean_nearest(points, inside), rel=1e-5)
    assert found.means[-1] == pytest.approx(mean_nearest(points, found.inside), rel=1e-5)
    assert (np.bincount(classes[found.inside], minlength=3) == np.bincount(classes[inside], minlength=3)).all()
    assert (found.inside[inside & ~free]).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.05, 0.6))
def test_replacing_one_of_each_pair_never_lowers_the_mean_distance(seed, share):
    points, _, inside, free = pool(seed)
    worth = np.random.default_rng(seed).random(len(points))
    found = spread_out(points, inside, free, np.random.default_rng(seed), share=share, values=worth, gamma=1.0)
    assert (np.diff(found.means) >= 0).all()
    assert found.means[-1] == pytest.approx(mean_nearest(points, found.inside), rel=1e-5)
    assert found.inside.sum() == inside.sum() and found.inside[inside & ~free].all()


def test_without_a_pool_or_without_a_choice_nothing_happens():
    points, classes, inside, free = pool(0)
    rng = np.random.default_rng(0)
    for none in (np.zeros(len(points), bool), np.ones(len(points), bool)):
        assert (iterative(points, classes, none, free, rng).inside == none).all()
        assert (spread_out(points, none, free, rng).inside == none).all()
    assert (iterative(points, classes, inside, ~(free | True), rng).inside == inside).all()
    alone = np.zeros(len(points), bool)
    alone[5] = True
    assert (spread_out(points, alone, free, rng).inside == alone).all()


def test_copies_are_replaced_first():
    points = np.array([[0, 0], [0, 0], [0, 0], [9, 0], [0, 9], [9, 9]], np.float32)
    inside = np.array([True, True, True, True, False, False])
    found = iterative(
        points, np.zeros(6, int), inside, np.ones(6, bool), np.random.default_rng(0), similar=1, patience=30
    )
    assert found.inside.sum() == 4 and found.inside[3:].all() and found.means[-1] == 9


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_each_herded_point_is_the_best_next_one(seed, count):
    points = np.random.default_rng(seed).normal(size=(8, 2))
    rows = herding(points, count).tolist()
    for at, row in enumerate(rows):
        before = rows[:at]

        def off(one, before=before):
            return np.linalg.norm(points[[*before, one]].mean(0) - points.mean(0))

        best = min(off(one) for one in range(8) if one not in before)
        assert off(row) == pytest.approx(best, abs=1e-9)
    assert herding(points, 3, chosen=rows[:2]).tolist() == herding(points, 5).tolist()[2:] or count < 2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_k_centre_is_at_most_twice_the_best(seed, count):
    points = np.random.default_rng(seed).normal(size=(8, 2)).astype(np.float32)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    best = min(apart[:, list(some)].min(1).max() for some in combinations(range(8), count))
    rows, _ = k_center(points, count)
    assert apart[:, rows].min(1).max() <= 2 * best + 1e-5


def test_spread_agrees_with_brute_force_and_a_random_choice_with_itself():
    points, classes, chosen, free = pool(3)
    spread, near = spread_of(points, classes, chosen)
    apart = np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)
    allowed = chosen[None] & (classes[:, None] == classes[None]) & ~np.eye(len(points), dtype=bool)
    least = np.where(allowed, apart, np.inf).min(1)
    assert near == pytest.approx(least, rel=1e-4)
    assert spread.apart == pytest.approx(least[chosen].mean(), rel=1e-4)
    assert spread.cover == pytest.approx(np.where(chosen, 0, least).mean(), rel=1e-4)
    none_free = random_spread(points, classes, chosen, np.zeros(len(points), bool), np.random.default_rng(0))
    assert none_free.apart == pytest.approx(spread.apart)
    assert random_spread(points, classes, chosen, free, np.random.default_rng(0)).apart > 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 40), st.integers(0, 30))
def test_strata_keep_the_count_and_leave_the_hardest_out(seed, count, discard):
    rng = np.random.default_rng(seed)
    scores = rng.exponential(size=40)
    rows = stratified(scores, count, rng, strata=7, discard=discard)
    assert len(rows) == len(set(rows.tolist())) == count
    hardest = np.argsort(-scores)[: min(discard, 40 - count)]
    assert not set(rows.tolist()) & set(hardest.tolist())


def test_small_strata_pass_their_surplus_on():
    scores = np.array([0.0] * 30 + [0.5] * 2 + [1.0] * 30)
    rows = stratified(scores, 22, np.random.default_rng(0), strata=3)
    assert [(scores[rows] == value).sum() for value in (0, 0.5, 1)] == [10, 2, 10]
    assert len(stratified(np.ones(9), 4, np.random.default_rng(0))) == 4


def test_the_middle_is_what_lies_nearest_to_the_median():
    assert middle(np.array([9.0, 1, 2, 3, 50]), 3).tolist() == [3, 2, 1]
    assert middle(np.zeros(0), 3).tolist() == []


def test_askers_take_turns_and_none_is_served_twice():
    orders = [np.array([1, 2, 3]), np.array([1, 5]), np.array([], int)]
    assert in_turns(orders, 9).tolist() == [1, 5, 2, 3]
    assert in_turns(orders, 2).tolist() == [1, 5] and in_turns([], 3).tolist() == []
