"""Entropic transport against a linear programme, its duals against differences, blocks against the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from tilth.numerics.transport import calibrated, sinkhorn, squared_distances
from tilth.signal import Array


def clouds(n: int, m: int, seed: int) -> Array:
    """(n, m) squared distances between points of the plane."""
    rng = np.random.default_rng(seed)
    return squared_distances(rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 0.5).astype(np.float64)


def weights(n: int, seed: int) -> Array:
    drawn = np.random.default_rng(seed).uniform(0.2, 1, n)
    return drawn / drawn.sum()


def cheapest(cost: Array, a: Array, b: Array) -> float:
    """The unregularised transport as a linear programme: margins are n + m equations on n m amounts."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    return float(linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b])).fun)


def test_a_case_that_is_done_by_hand() -> None:
    cost = np.array([[0.0, 10.0], [10.0, 0.0], [3.0, 10.0]])
    found = sinkhorn(cost, np.array([0.3, 0.5, 0.2]), np.array([0.5, 0.5]), blur=0.05)
    assert found.converged and found.cost == pytest.approx(0.6, abs=1e-3)
    assert found.f[2] - found.f[0] == pytest.approx(3, abs=0.05)  # both carried to the first: dearer by 3


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 500))
def test_a_small_blur_costs_what_the_linear_programme_says(n: int, m: int, seed: int) -> None:
    cost, a, b = clouds(n, m, seed), weights(n, seed), weights(m, seed + 1)
    blur = 0.01 * cost.mean()
    found = sinkhorn(cost, a, b, blur=blur, rounds=20_000, tolerance=1e-6)
    best = cheapest(cost, a, b)
    # An entropic plan is dearer than the best one by at most blur x entropy, log(n m) at most.
    assert best - 1e-3 * cost.max() <= found.cost <= best + blur * np.log(n * m) + 1e-3 * cost.max()


@given(st.integers(0, 500))
def test_margins_are_met_and_the_dual_meets_the_primal(seed: int) -> None:
    cost, a, b = clouds(7, 5, seed), weights(7, seed), weights(5, seed + 1)
    blur = 0.1 * cost.mean()
    found = sinkhorn(cost, a, b, blur=blur, rounds=20_000, tolerance=1e-10)
    plan = np.exp((found.f[:, None] + found.g - cost) / blur) * a[:, None] * b
    assert plan.sum(1) == pytest.approx(a) and plan.sum(0) == pytest.approx(b)
    entropy = blur * (plan * np.log(plan / (a[:, None] * b))).sum()
    assert found.cost == pytest.approx((plan * cost).sum())
    assert found.dual == pytest.approx(found.cost + entropy)


@given(st.integers(0, 500), st.integers(2, 8))
def test_the_gradient_is_that_of_the_cost_by_finite_differences(seed: int, n: int) -> None:
    """Mass onto one point, off all others alike: what the calibrated gradient says of it."""
    cost, a, b = clouds(n, 4, seed), weights(n, seed), weights(4, seed + 1)
    blur = 0.2 * cost.mean()

    def worth(masses: Array) -> float:
        return sinkhorn(cost, masses, b, blur=blur, rounds=50_000, tolerance=1e-12).dual

    gradient = calibrated(sinkhorn(cost, a, b, blur=blur, rounds=50_000, tolerance=1e-12).f)
    for point in range(n):
        step = np.full(n, -1e-4 / (n - 1))
        step[point] = 1e-4
        assert gradient[point] == pytest.approx((worth(a + step) - worth(a - step)) / 2e-4, rel=1e-3, abs=1e-3)


def test_calibrated_is_a_potential_less_the_mean_of_the_others() -> None:
    potential = np.array([3.0, -1.0, 4.0, 1.5])
    expected = [potential[i] - np.delete(potential, i).mean() for i in range(4)]
    assert calibrated(potential) == pytest.approx(expected)
    assert calibrated(potential + 7) == pytest.approx(expected)  # potentials are known up to a constant
    assert calibrated(np.array([2.0])).tolist() == [0.0]


def test_a_tiny_blur_neither_overflows_nor_starves_a_column() -> None:
    cost = np.array([[0.0, 900.0], [1.0, 1000.0]], np.float32)
    found = sinkhorn(cost, blur=1.0, rounds=5000, tolerance=1e-3)
    assert np.isfinite(found.f).all() and np.isfinite(found.g).all() and found.converged
    assert found.cost == pytest.approx(cheapest(cost.astype(float), np.full(2, 0.5), np.full(2, 0.5)), rel=0.01)


def test_a_column_that_nothing_reaches_is_met_in_two_rounds() -> None:
    """So far that its share is 0 in any digits: it is summed in the log domain, not crept up on."""
    cost = np.array([[0.0, 1e3], [0.0, 1e3]], np.float32)
    found = sinkhorn(cost, blur=1.0, rounds=3, tolerance=1e-3)
    assert found.converged and found.cost == pytest.approx(500, abs=0.1)


def test_blocks_and_precision_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = clouds(50, 9, 0)
    whole = sinkhorn(cost, blur=0.2)
    monkeypatch.setattr("tilth.numerics.transport._BLOCK_ENTRIES", 20)
    parts = sinkhorn(cost, blur=0.2)
    assert parts.f == pytest.approx(whole.f, abs=1e-9) and parts.rounds == whole.rounds
    small = sinkhorn(cost.astype(np.float32), blur=0.2)
    assert small.f == pytest.approx(whole.f, abs=1e-3)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 4)), rng.normal(size=(7, 4))
    assert squared_distances(a, b) == pytest.approx(((a[:, None] - b) ** 2).sum(2), abs=1e-5)


def test_says_when_it_did_not_get_there() -> None:
    found = sinkhorn(clouds(20, 20, 0), blur=0.001, rounds=3)
    assert found.rounds == 3 and not found.converged and found.gap > 1e-3
