"""Few points for many: the bounds of the theorems against brute force, prefixes, ties, sparse as dense."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.coverage import closeness_of, closeness_to_nearest, facility_location, k_center


def cloud(n: int, seed: int, d: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def radius(points: np.ndarray, rows: tuple[int, ...] | np.ndarray) -> float:
    return float(np.linalg.norm(points[:, None] - points[list(rows)], axis=2).min(axis=1).max())


def value(closeness: np.ndarray, rows: tuple[int, ...] | np.ndarray) -> float:
    return float(closeness[:, list(rows)].max(axis=1).sum()) if len(rows) else 0.0


@given(n=st.integers(2, 8), count=st.integers(1, 4), seed=st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_k_center_is_within_twice_the_best(n: int, count: int, seed: int) -> None:
    points, count = cloud(n, seed), min(count, n)
    rows, radii = k_center(points, count)
    best = min(radius(points, some) for some in combinations(range(n), count))
    assert radius(points, rows) <= 2 * best + 1e-5
    assert radii[-1] == pytest.approx(radius(points, rows), abs=1e-5)


@given(n=st.integers(2, 8), m=st.integers(1, 7), count=st.integers(1, 4), seed=st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_facility_location_is_within_1_less_1_over_e_of_the_best(n: int, m: int, count: int, seed: int) -> None:
    closeness = np.random.default_rng(seed).random((n, m)).astype(np.float32)
    rows, gains = facility_location(closeness, count)
    best = max(value(closeness, some) for some in combinations(range(m), min(count, m)))
    assert value(closeness, rows) >= (1 - 1 / np.e) * best - 1e-5
    assert gains.sum() == pytest.approx(value(closeness, rows), rel=1e-5)


@given(n=st.integers(1, 12), m=st.integers(1, 12), seed=st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_lazy_chooses_what_looking_at_all_would_choose(n: int, m: int, seed: int) -> None:
    # eighths add up without rounding, and there are ties among them
    closeness = np.random.default_rng(seed).integers(0, 9, (n, m)).astype(np.float32) / 8
    rows, gains = facility_location(closeness, m)
    have, plain = np.zeros(n), []
    for _ in range(m):
        adds = np.maximum(closeness - have[:, None], 0).sum(axis=0)
        if adds.max() <= 0:
            break
        plain.append(int(adds.argmax()))
        have = np.maximum(have, closeness[:, plain[-1]])
    assert rows.tolist() == plain
    assert (np.diff(gains) <= 1e-9).all()


@pytest.mark.parametrize("choose", [k_center, lambda p, c: facility_location(closeness_of(p, p), c)])
def test_a_shorter_choice_is_the_beginning_of_a_longer_one(choose) -> None:
    points = cloud(60, 1)
    assert choose(points, 5)[0].tolist() == choose(points, 12)[0][:5].tolist()


def test_each_of_three_far_clouds_is_met_first() -> None:
    points = np.concatenate([cloud(40, at) + at * 40 for at in range(3)])
    for rows in (k_center(points, 3)[0], facility_location(closeness_of(points, points), 3)[0]):
        assert sorted(rows // 40) == [0, 1, 2]


def test_facility_location_takes_the_middle_and_k_center_the_rim() -> None:
    points = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [30.0]])
    assert facility_location(closeness_of(points, points), 1)[0][0] in (2, 3)
    assert k_center(points, 2)[0].tolist()[1] == 5


def test_what_is_chosen_before_counts_and_is_not_given_again() -> None:
    points = np.concatenate([cloud(20, at) + at * 40 for at in range(2)])
    assert k_center(points, 1, chosen=[3])[0][0] >= 20
    rows, _ = facility_location(closeness_of(points, points), 1, chosen=[3])
    assert rows[0] >= 20
    assert 3 not in facility_location(closeness_of(points, points), 40, chosen=[3])[0]


def test_equal_points_are_chosen_once() -> None:
    points = np.repeat(cloud(3, 0), 4, axis=0)
    assert len(k_center(points, 10)[0]) == 3
    assert len(facility_location(closeness_of(points, points), 10)[0]) <= 3


def test_nothing_comes_of_nothing() -> None:
    assert len(k_center(np.zeros((0, 3)), 4)[0]) == 0
    assert len(k_center(cloud(4, 0), 0)[0]) == 0
    assert len(facility_location(np.zeros((4, 3)), 2)[0]) == 0
    assert len(facility_location(np.zeros((4, 0)), 2)[0]) == 0


def test_all_neighbors_give_the_choice_of_the_dense_matrix() -> None:
    points = cloud(50, 4)
    sparse = facility_location(closeness_to_nearest(points, neighbors=50), 6)[0]
    assert sparse.tolist() == facility_location(closeness_of(points, points), 6)[0].tolist()


def test_few_neighbors_cover_nearly_as_well() -> None:
    points = np.concatenate([cloud(100, at) + at * 8 for at in range(4)])
    dense = closeness_of(points, points)
    few = facility_location(closeness_to_nearest(points, neighbors=40), 8)[0]
    assert value(dense, few) > 0.97 * value(dense, facility_location(dense, 8)[0])
