"""A map keeps neighbours together and is the same twice."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.projection import components, place_on, project, sample_for_map


def clouds(n: int, d: int = 16, k: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % k
    return rng.normal(size=(k, d))[labels] * 8 + rng.normal(size=(n, d)), labels


def test_neighbours_on_the_map_are_of_one_cloud() -> None:
    values, labels = clouds(160)
    xy = project(values, seed=0)
    far = ((xy[:, None] - xy[None]) ** 2).sum(axis=2) + np.eye(160) * 1e12
    assert xy.shape == (160, 2) and (labels[far.argmin(axis=1)] == labels).mean() > 0.98


def test_the_same_seed_gives_the_same_map() -> None:
    values, _ = clouds(90)
    assert np.array_equal(project(values, seed=3), project(values, seed=3))


def test_few_rows_are_laid_out_by_their_principal_components() -> None:
    values, _ = clouds(30)
    centred = values - values.mean(axis=0)
    _, sizes, _ = np.linalg.svd(centred)
    xy = project(values, seed=0)
    assert np.allclose((xy**2).sum(axis=0), sizes[:2] ** 2)


def test_both_ways_to_the_components_agree() -> None:
    tall, _ = clouds(60, d=12)
    wide = np.pad(tall, ((0, 0), (0, 100)))  # the same rows with empty columns: fewer rows than columns
    assert np.allclose(components(tall, 3), components(wide, 3))


def test_newcomers_go_among_their_own_and_the_old_map_stays() -> None:
    values, labels = clouds(200)
    old, new = values[:160], values[160:]
    xy = project(old, seed=0)
    placed = place_on(old, xy, new, seed=0)
    nearest = ((placed[:, None] - xy[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (labels[:160][nearest] == labels[160:]).mean() > 0.95
    assert np.array_equal(xy, project(old, seed=0))


def test_the_place_of_a_newcomer_does_not_depend_on_the_others() -> None:
    values, _ = clouds(130)
    xy = project(values[:120], seed=0)
    together = place_on(values[:120], xy, values[120:], seed=0)
    alone = np.concatenate([place_on(values[:120], xy, values[[row]], seed=0) for row in range(120, 130)])
    assert np.allclose(together, alone, atol=1e-6)


def test_on_a_small_map_a_row_that_is_there_falls_on_its_own_place() -> None:
    values, _ = clouds(30)
    assert np.allclose(place_on(values, project(values, seed=0), values[:4], seed=0), project(values, seed=0)[:4])
    assert place_on(values, project(values, seed=0), values[:0], seed=0).shape == (0, 2)
    assert place_on(np.zeros((0, 3)), np.zeros((0, 2)), np.ones((2, 3)), seed=0).shape == (2, 2)


def test_odd_input_has_a_map() -> None:
    assert project(np.zeros((0, 5)), seed=0).shape == (0, 2)
    assert np.array_equal(project(np.ones((1, 5)), seed=0), [[0.0, 0.0]])
    assert np.array_equal(project(np.ones((80, 5)), seed=0), np.zeros((80, 2)))
    assert np.isfinite(project(np.full((60, 3), np.nan), seed=0)).all()
    assert project(np.arange(4.0).reshape(4, 1), seed=0).shape == (4, 2)


@given(n=st.integers(0, 400), share=st.floats(0, 1), most=st.integers(1, 100), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_sample_for_the_map_is_a_set_of_rows_and_keeps_what_fits(n: int, share: float, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    keep = np.flatnonzero(rng.random(n) < share)
    rows = sample_for_map(n, keep, np.random.default_rng(seed), most=most)
    assert len(rows) == len(np.unique(rows)) <= min(n, most)
    assert (np.diff(rows) > 0).all() and (rows < n).all()
    if n <= most:
        assert len(rows) == n
    elif len(keep) <= most - most // 4:
        assert np.isin(keep, rows).all() and len(rows) == most
