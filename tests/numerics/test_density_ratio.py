"""The density ratio is 1 where nothing differs, goes the right way where something does, and stays within its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.density_ratio import bounded, density_ratio, described, nearness
from tilth.numerics.two_sample import sides_of


def two_sides(rng, n=300, m=50, k=5):
    group = np.concatenate([rng.integers(0, k, n), np.arange(m) % k])
    return sides_of(np.arange(n + m) >= n, group)[0]


def ratio(values, sides, seed=0):
    rng = np.random.default_rng(seed)
    return density_ratio(described(values, sides), sides, rng, folds=5, repeats=2)


@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_differs_all_are_asked_for_alike(seed):
    rng = np.random.default_rng(seed)
    sides = two_sides(rng)
    values = rng.normal(size=(350, 8)) + sides.group[:, None]
    found = ratio(values, sides)
    assert np.abs(found.logs).max() < 0.35 and found.slope < 0.5


def test_what_the_target_has_more_of_is_asked_for_more():
    rng = np.random.default_rng(0)
    sides = two_sides(rng)
    values = rng.normal(size=(350, 8)) + sides.group[:, None]
    rare = (rng.random(350) < np.where(sides.target, 0.6, 0.1))
    values[rare, 3] -= 4
    found = ratio(values, sides)
    train = ~sides.target
    assert found.slope > 0.5 and found.gain > 0
    assert found.logs[train & rare].mean() > found.logs[train & ~rare].mean() + 1
    assert np.median(found.logs[train & ~rare]) < 0


def test_more_at_both_ends_is_seen_too():
    rng = np.random.default_rng(1)
    sides = two_sides(rng, m=80)
    values = rng.normal(size=(380, 3)) * np.where(sides.target, 2.5, 1.0)[:, None]
    found = ratio(values, sides)
    far = np.abs(values).sum(1) > 3
    assert found.logs[~sides.target & far].mean() > found.logs[~sides.target & ~far].mean()


def test_missing_values_say_nothing():
    rng = np.random.default_rng(2)
    sides = two_sides(rng)
    values = rng.normal(size=(350, 2))
    values[:, 1] = np.nan
    told = described(values, sides)
    assert told.shape == (350, 2) and np.isfinite(told).all()
    assert ratio(np.full((350, 1), np.nan), sides).slope == 0


def test_nearness_tells_nothing_of_which_side_a_sample_is_on():
    gaps = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sides = two_sides(rng)
        points = rng.normal(size=(350, 6)) + np.eye(6)[sides.group] * 3
        told = nearness(points, sides, rng)
        gaps.append(told[sides.target].mean() - told[~sides.target].mean())
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(20)


def test_nearness_grows_towards_the_target():
    rng = np.random.default_rng(0)
    sides = two_sides(rng)
    points = rng.normal(size=(350, 6)) * 0.3 + np.eye(6)[sides.group] * 3
    rare = (rng.random(350) < np.where(sides.target, 0.9, 0.05))
    points[rare, 5] += 3
    told = nearness(points, sides, rng)
    assert told[~sides.target & rare].mean() > told[~sides.target & ~rare].mean() + 0.2


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=30), st.floats(0, 1), st.floats(1, 10))
@settings(deadline=None)
def test_bounds_hold_the_mean_is_one_and_the_order_stays(values, least, most):
    wanted = np.array(values)
    found = bounded(wanted, np.zeros(len(wanted), int), least=least, most=most)
    assert (found >= least - 1e-9).all() and (found <= most + 1e-9).all()
    assert found.mean() == pytest.approx(1, abs=1e-3)
    assert (np.diff(found[np.argsort(wanted, kind="stable")]) >= -1e-9).all()
