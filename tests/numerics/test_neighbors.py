"""Nearest neighbours agree with brute force, ties and copies among them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics import neighbors
from tilth.numerics.neighbors import nearest, nearest_distance


def brute(queries, points, k, exclude_self=False):
    distances = np.sqrt(((queries[:, None].astype(float) - points[None]) ** 2).sum(-1))
    if exclude_self:
        np.fill_diagonal(distances, np.inf)
    order = np.lexsort((np.broadcast_to(np.arange(len(points)), distances.shape), distances), axis=1)[:, :k]
    return np.take_along_axis(distances, order, 1), order


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 8), st.booleans(), st.integers(0, 9999))
def test_agrees_with_brute_force_when_points_tie(n, d, k, exclude_self, seed):
    points = np.random.default_rng(seed).integers(0, 3, (n, d))  # whole numbers: many ties and copies
    count = min(k, n - exclude_self)
    distances, rows = nearest(points, points, k, exclude_self=exclude_self)
    expected, order = brute(points, points, count, exclude_self)
    assert rows.shape == (n, count)
    np.testing.assert_array_equal(rows, order)
    np.testing.assert_allclose(distances, expected, atol=1e-6)


def test_a_copy_is_at_distance_zero():
    points = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32) + 30
    points[7] = points[3]
    distances, rows = nearest(points, points, 1, exclude_self=True)
    assert rows[7, 0] == 3 and rows[3, 0] == 7 and distances[7, 0] == 0


def test_many_blocks_give_what_one_gives(monkeypatch):
    points = np.random.default_rng(1).normal(size=(300, 8))
    whole = nearest(points, points, 5, exclude_self=True)
    monkeypatch.setattr(neighbors, "_BLOCK_ENTRIES", 700)
    for left, right in zip(whole, nearest(points, points, 5, exclude_self=True), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


@pytest.fixture(scope="module")
def crowds():
    rng = np.random.default_rng(2)
    return (rng.normal(size=(40, 16))[rng.integers(40, size=4000)] * 3 + rng.normal(size=(4000, 16))).astype(np.float32)


def test_faiss_finds_what_numpy_finds(monkeypatch, crowds):
    plain = nearest(crowds, crowds, 10, exclude_self=True)
    monkeypatch.setattr(neighbors, "PLAIN_BELOW", 0)
    for left, right in zip(plain, nearest(crowds, crowds, 10, exclude_self=True), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_inverted_file_finds_nearly_all_and_the_same_each_time(monkeypatch, crowds):
    _, exact = nearest(crowds, crowds, 10, exclude_self=True)
    monkeypatch.setattr(neighbors, "PLAIN_BELOW", 0)
    monkeypatch.setattr(neighbors, "EXACT_BELOW", 0)
    distances, rows = nearest(crowds, crowds, 10, exclude_self=True)
    again = nearest(crowds, crowds, 10, exclude_self=True)
    recall = np.mean([len(set(left) & set(right)) for left, right in zip(exact, rows, strict=True)]) / 10
    assert recall > 0.9
    assert (rows != np.arange(4000)[:, None]).all() and (np.diff(distances, axis=1) >= 0).all()
    np.testing.assert_array_equal(rows, again[1])


@pytest.mark.parametrize(("n", "expected"), [(0, 0), (1, 0), (2, 1)])
def test_few_points_have_few_neighbours(n, expected):
    distances, rows = nearest(np.zeros((n, 3)), np.zeros((n, 3)), 4, exclude_self=True)
    assert distances.shape == rows.shape == (n, max(expected, 0))


def test_the_distance_to_the_nearest_leaves_copies_out():
    line = np.arange(50.0)[:, None]
    assert nearest_distance(np.vstack([line, line, line]), np.random.default_rng(0)) == 1.0
    assert nearest_distance(line**2, np.random.default_rng(0), share=0.0, above=2.0) == 3.0
    assert nearest_distance(np.zeros((5, 2)), np.random.default_rng(0)) == 0.0
