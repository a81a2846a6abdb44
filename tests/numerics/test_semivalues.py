"""Semivalues against their definitions, their axioms, and games whose answer is known."""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics.semivalues import Budget, Utility, exact, permuted, reused, size_weights
from tilth.signal import Array

KINDS = ("shapley", "beta", "banzhaf")


def table(n: int, seed: int) -> Utility:
    """Any game: a number for each coalition, drawn by chance."""
    worth = np.random.default_rng(seed).normal(size=2**n)
    return lambda members: float(worth[int((members * 2 ** np.arange(n)).sum())])


def airport(members: Array) -> float:
    """A runway as long as its longest user needs: costs 1, 2, 3, 4."""
    return float((np.arange(1, 5) * members).max())


def root(members: Array) -> float:
    """Players of different weight that are worth less the more there are."""
    return float(np.sqrt((np.arange(1, len(members) + 1) * members).sum()))


def test_the_airport_game() -> None:
    """Littlechild and Owen 1973: each stretch of runway is paid by those who need it."""
    expected = [1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3 + 1 / 2, 1 / 4 + 1 / 3 + 1 / 2 + 1]
    assert exact(airport, size_weights(4, "shapley")) == pytest.approx(expected)


@given(st.integers(1, 6), st.integers(0, 1000))
def test_shapley_is_the_mean_over_orders_of_joining(n: int, seed: int) -> None:
    game = table(n, seed)
    paid = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        members = np.zeros(n, bool)
        for player in order:
            before = game(members)
            members[player] = True
            paid[player] += game(members) - before
    assert exact(game, size_weights(n, "shapley")) == pytest.approx(paid / len(orders))


@given(st.integers(1, 7), st.integers(0, 1000))
def test_banzhaf_is_the_mean_over_coalitions(n: int, seed: int) -> None:
    game = table(n, seed)
    values = exact(game, size_weights(n, "banzhaf"))
    for player in range(n):
        others = [other for other in range(n) if other != player]
        gains = []
        for size in range(n):
            for chosen in combinations(others, size):
                members = np.isin(np.arange(n), chosen)
                gains.append(game(members | (np.arange(n) == player)) - game(members))
        assert values[player] == pytest.approx(np.mean(gains))


@given(st.integers(1, 40), st.floats(0.5, 20), st.floats(0.5, 20))
def test_beta_weights_are_those_of_the_paper(n: int, a: float, b: float) -> None:
    """Kwon and Zou 2022, equation 5: C(n-1, j-1) B(j + b - 1, n - j + a) / B(a, b), j = size with the player."""
    from scipy.special import beta

    expected = [comb(n - 1, j - 1) * beta(j + b - 1, n - j + a) / beta(a, b) for j in range(1, n + 1)]
    assert size_weights(n, "beta", a=a, b=b) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.integers(1, 60), st.sampled_from(KINDS))
def test_weights_add_up_to_one(n: int, kind: str) -> None:
    weights = size_weights(n, kind)
    assert weights.shape == (n,) and (weights >= 0).all() and weights.sum() == pytest.approx(1)


def test_beta_of_one_and_one_is_shapley_and_a_large_a_looks_at_small_coalitions() -> None:
    assert size_weights(20, "beta", a=1, b=1) == pytest.approx(size_weights(20, "shapley"))
    small = size_weights(20, "beta", a=16, b=1)
    assert (np.diff(small) < 0).all() and small[:4].sum() > 0.8


@given(st.integers(2, 7), st.integers(0, 1000), st.sampled_from(KINDS))
def test_axioms_null_player_symmetry_linearity(n: int, seed: int, kind: str) -> None:
    weights = size_weights(n, kind)
    game = table(n, seed)
    idle = lambda members: game(np.append(False, members[1:]))  # noqa: E731 - player 0 adds nothing
    assert exact(idle, weights)[0] == pytest.approx(0)
    twins = lambda members: game(np.append(np.sort(members[:2]), members[2:]))  # noqa: E731 - players 0 and 1 are one
    assert exact(twins, weights)[0] == pytest.approx(exact(twins, weights)[1])
    other = table(n, seed + 1)
    both = exact(lambda members: game(members) + 2 * other(members), weights)
    assert both == pytest.approx(exact(game, weights) + 2 * exact(other, weights))


@given(st.integers(1, 7), st.integers(0, 1000))
def test_shapley_values_add_up_to_the_whole(n: int, seed: int) -> None:
    game = table(n, seed)
    whole = game(np.ones(n, bool)) - game(np.zeros(n, bool))
    assert exact(game, size_weights(n, "shapley")).sum() == pytest.approx(whole)


def test_permutations_of_shapley_add_up_to_the_whole_each_time() -> None:
    found = permuted(root, size_weights(30, "shapley"), np.random.default_rng(0), Budget(calls=100))
    assert found.values.sum() == pytest.approx(root(np.ones(30)))


@pytest.mark.parametrize("kind", KINDS)
def test_permutations_come_within_their_standard_errors(kind: str) -> None:
    weights = size_weights(8, kind)
    truth = exact(root, weights)
    found = permuted(root, weights, np.random.default_rng(0), Budget(error=0.0, calls=8000))
    off = (found.values - truth) / found.errors
    assert found.rounds > 500 and not found.converged
    assert (np.abs(off) < 4).all() and np.sqrt((off**2).mean()) < 2
    assert found.errors.mean() < 0.05 * truth.std()


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_as_large_as_the_estimates_differ(kind: str) -> None:
    weights = size_weights(12, kind)
    calls = 1200 if kind == "beta" else 240  # beta looks away from most of what it asks
    runs = [permuted(root, weights, np.random.default_rng(seed), Budget(error=0, calls=calls)) for seed in range(150)]
    spread = np.std([one.values for one in runs], axis=0)
    assert np.median([one.errors for one in runs], axis=0) == pytest.approx(spread, rel=0.3)


def test_two_rounds_of_unequal_weight_are_too_few_to_be_sure() -> None:
    found = permuted(root, size_weights(40, "beta"), np.random.default_rng(0), Budget(error=0.5, calls=2))
    assert found.rounds == 2 and np.isinf(found.errors).sum() > 10 and not found.converged


def test_reuse_comes_within_its_standard_errors() -> None:
    truth = exact(root, size_weights(8, "banzhaf"))
    found = reused(lambda members: 1000 + root(members), 8, np.random.default_rng(0), Budget(error=0.0, calls=4000))
    off = (found.values - truth) / found.errors
    assert found.calls == 4000
    assert (np.abs(off) < 4).all() and np.sqrt((off**2).mean()) < 2
    runs = [reused(root, 8, np.random.default_rng(seed), Budget(error=0, calls=200)) for seed in range(100)]
    spread = np.std([one.values for one in runs], axis=0)
    assert np.mean([one.errors for one in runs], axis=0) == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("kind", ["shapley", "banzhaf"])
def test_stops_when_errors_are_small_against_the_spread(kind: str) -> None:
    rng, budget = np.random.default_rng(0), Budget(error=0.2, calls=10**6)
    found = reused(root, 10, rng, budget) if kind == "banzhaf" else permuted(root, size_weights(10, kind), rng, budget)
    assert found.converged and found.calls < 20_000
    assert found.errors.mean() <= 0.2 * found.values.std()


def test_the_budget_of_calls_and_of_seconds_holds() -> None:
    asked = []
    game = lambda members: asked.append(1) or root(members)  # noqa: E731
    found = permuted(game, size_weights(10, "shapley"), np.random.default_rng(0), Budget(error=0, calls=55))
    assert len(asked) == found.calls < 55 + 10
    late = permuted(root, size_weights(10, "shapley"), np.random.default_rng(0), Budget(error=0, seconds=1e-9))
    assert late.rounds == 2


def test_truncation_asks_less_and_stays_near() -> None:
    """A game that a third of the players decide: the rest of a permutation adds nothing."""
    full = lambda members: min(float(members.sum()), 10.0)  # noqa: E731
    weights = size_weights(30, "shapley")
    whole = permuted(full, weights, np.random.default_rng(0), Budget(error=0, calls=3000))
    cut = permuted(full, weights, np.random.default_rng(0), Budget(error=0, calls=3000), truncation=0.01)
    assert cut.calls / cut.rounds < 0.6 * whole.calls / whole.rounds
    assert cut.values.sum() == pytest.approx(10) == pytest.approx(whole.values.sum())


def test_sizes_without_weight_are_not_visited() -> None:
    few = permuted(root, size_weights(200, "beta", a=64, b=1), np.random.default_rng(0), Budget(error=0, calls=2))
    assert few.calls < 2 * 80
    middle = permuted(root, size_weights(200, "banzhaf"), np.random.default_rng(0), Budget(error=0, calls=2))
    assert middle.calls < 2 * 90


@pytest.mark.parametrize("kind", ["shapley", "banzhaf"])
def test_seeds_repeat(kind: str) -> None:
    def asked(seed: int) -> list[float]:
        rng, budget = np.random.default_rng(seed), Budget(calls=300)
        found = (
            reused(root, 9, rng, budget) if kind == "banzhaf" else permuted(root, size_weights(9, kind), rng, budget)
        )
        return found.values.tolist()

    assert asked(1) == asked(1) != asked(2)


def test_an_unknown_weighting_is_refused() -> None:
    with pytest.raises(ValueError, match="found 'owen'"):
        size_weights(3, "owen")
