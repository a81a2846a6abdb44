"""Semivalues: what a player adds to a coalition, averaged over coalitions. Shapley, Beta Shapley and Banzhaf.

All three are sum over k of p_k x the mean of U(S + i) - U(S) over coalitions S of k others, and differ in the weights
p_k of sizes k = 0..n-1, which add up to 1:

    shapley   1/n each
    beta      beta-binomial: Beta(a, b) with a > b looks at small coalitions, (1, 1) is shapley
    banzhaf   binomial of n-1 halves: all coalitions count alike

A utility is any function of the members (n,) bool that gives a number.

Source   Ghorbani and Zou 2019, arXiv:1904.02868; Kwon and Zou 2022, arXiv:2110.14049; Wang and Jia 2023, arXiv:2205.15466
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Utility: TypeAlias = Callable[[Array], float]

EXACT_UP_TO = 12
"""Players up to which all coalitions are asked: 4,096 calls."""

_UNSEEN = 1e-6  # sizes at either end that hold less than this share of all weight are not visited
_IN_A_ROW = 5  # utilities near the last one before a permutation is cut: one alone may be there by chance
_ROUNDS = 10  # permutations before errors are trusted to stop
_EQUAL_ROUNDS = 1.5  # of equal weight, below which a player has no error yet
_COALITIONS = 100  # the same for coalitions


@dataclass(frozen=True)
class Budget:
    """When an estimate is good enough, or has cost enough.

    error    mean standard error over the standard deviation of the values, at which it stops
    calls    of the utility, at most; the permutation at hand is finished
    seconds  at most; 0: no limit. With a limit the same seed may give another answer on another machine
    """

    error: float = 0.1
    calls: int = 20_000
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Estimate:
    """Values and how sure they are.

    values     (n,) in units of the utility
    errors     (n,) their standard errors; 0 where all coalitions were asked
    rounds     permutations or coalitions drawn
    calls      of the utility
    converged  whether it stopped for its errors, not for its budget
    """

    values: Array
    errors: Array
    rounds: int
    calls: int
    converged: bool


def size_weights(n: int, weights: str, *, a: float = 16.0, b: float = 1.0) -> Array:
    """(n,) the weight p_k of coalitions of k = 0..n-1 others; they add up to 1.

    weights  shapley, beta or banzhaf
    a, b     of beta: Beta(a, b) of the paper, whose larger a weighs small coalitions more
    """
    from scipy import stats

    sizes = np.arange(n)
    if weights == "shapley":
        return np.full(n, 1 / n)
    if weights == "beta":
        return np.asarray(stats.betabinom.pmf(sizes, n - 1, b, a))
    if weights == "banzhaf":
        return np.asarray(stats.binom.pmf(sizes, n - 1, 0.5))
    raise ValueError(f"weights is shapley, beta or banzhaf, found {weights!r}")


def exact(utility: Utility, weights: Array) -> Array:
    """(n,) values by asking every coalition.

    weights  (n,) of `size_weights`
    Cost     2^n calls of the utility
    """
    n = len(weights)
    codes = np.arange(2**n)
    members = (codes[:, None] >> np.arange(n)) & 1 > 0
    worth = np.array([utility(row) for row in members], dtype=np.float64)
    sizes = members.sum(1)
    each = weights / _binomials(n - 1)  # of one coalition of k others
    values = np.empty(n)
    for player in range(n):
        without = codes[~members[:, player]]
        values[player] = (each[sizes[without]] * (worth[without | 1 << player] - worth[without])).sum()
    return values


def permuted(
    utility: Utility, weights: Array, rng: np.random.Generator, budget: Budget, *, truncation: float = 0.0
) -> Estimate:
    """Values by random permutations: players join one after the other, and each is paid what it adds.

    weights     (n,) of `size_weights`; what a player adds as the k-th counts with n p_k, over the sum of what counted
    truncation  share of U(all) - U(none) within which U counts as that of all: five in a row, and the rest of the
                permutation gets 0. Quicker, and biased towards 0; 0 asks to the end

    Cost        at most n calls a permutation
    """
    n = len(weights)
    bill = _Bill(utility, budget)
    lowest, highest = _visited(weights)
    empty, full = bill.ask(np.zeros(n, bool)), bill.ask(np.ones(n, bool))
    near = truncation * abs(full - empty)
    tally, rounds, done = _Tally(n), 0, False
    while not done and (rounds < 2 or bill.open()):
        order = rng.permutation(n)
        gains, members = np.zeros(n), np.zeros(n, bool)
        members[order[:lowest]] = True
        before, close = (bill.ask(members) if lowest else empty), 0
        for k in range(lowest, highest):
            members[order[k]] = True
            after = full if k == n - 1 else bill.ask(members)
            gains[order[k]] = after - before
            before = after
            close = close + 1 if abs(full - after) <= near else 0
            if truncation > 0 and close == _IN_A_ROW:
                break
        counted = np.empty(n)
        counted[order] = n * weights
        tally.add(gains, counted)
        rounds += 1
        if rounds >= _ROUNDS:
            done = _sure(*tally.means(), budget)
    return Estimate(*tally.means(), rounds, bill.calls, done)


def reused(utility: Utility, n: int, rng: np.random.Generator, budget: Budget) -> Estimate:
    """Banzhaf values by maximum sample reuse: the mean utility of coalitions with a player less that of those without.

    Every coalition tells of every player. Value 0, error infinite where a player was always in or always out.
    """
    bill = _Bill(utility, budget)
    counts, sums, squares = np.zeros((2, n)), np.zeros((2, n)), np.zeros((2, n))
    shift, rounds, done = 0.0, 0, False
    values, errors = np.zeros(n), np.full(n, np.inf)
    while not done and (rounds < 2 or bill.open()):
        members = rng.random(n) < 0.5
        worth = bill.ask(members)
        shift = shift if rounds else worth  # sums of squares of what is far from 0 would lose digits
        for side, rows in enumerate((~members, members)):
            counts[side] += rows
            sums[side] += rows * (worth - shift)
            squares[side] += rows * (worth - shift) ** 2
        rounds += 1
        if rounds % _COALITIONS == 0:
            values, errors = _contrast(counts, sums, squares)
            done = _sure(values, errors, budget)
    values, errors = _contrast(counts, sums, squares)
    return Estimate(values, errors, rounds, bill.calls, done)


def _contrast(counts: Array, sums: Array, squares: Array) -> tuple[Array, Array]:
    """Mean in less mean out, and its standard error, from (2, n) tallies of out and in."""
    known = (counts > 1).all(0)
    some = np.maximum(counts, 2)
    means = sums / some
    spread = np.maximum(squares / some - means**2, 0) * some / (some - 1)
    errors = np.sqrt((spread / some).sum(0))
    return np.where(known, means[1] - means[0], 0.0), np.where(known, errors, np.inf)


class _Tally:
    """Weighted means of gains over rounds.

    Divided by the weights that a player happened to get, not by the rounds: Beta(16, 1) counts an early place 16 times
    and a late one never, and the luck of places would else outweigh the gains (standard errors of the mean player in a
    game of 8: .11 without, .03 with).
    """

    def __init__(self, n: int) -> None:
        self.weights, self.sums = np.zeros(n), np.zeros(n)
        self.moments = np.zeros((3, n))  # of w^2, w^2 x gain, w^2 x gain^2

    def add(self, gains: Array, weights: Array) -> None:
        self.weights += weights
        self.sums += weights * gains
        self.moments += weights**2 * np.stack([np.ones_like(gains), gains, gains**2])

    def means(self) -> tuple[Array, Array]:
        """(n,) means and (n,) standard errors of a ratio of means; infinite where less than two rounds' worth counted.

        Rounds of unequal weight tell as much as (sum w)^2 / sum w^2 equal ones, and that many are taken for the freedom
        that the mean takes away.
        """
        total = np.where(self.weights > 0, self.weights, 1.0)
        means = self.sums / total
        spread = np.maximum(self.moments[2] - 2 * means * self.moments[1] + means**2 * self.moments[0], 0)
        equal = total**2 / np.where(self.moments[0] > 0, self.moments[0], np.inf)
        known = equal > _EQUAL_ROUNDS
        errors = np.sqrt(spread * equal / np.where(known, equal - 1, 1.0)) / total
        return means, np.where(known, errors, np.inf)


def _sure(values: Array, errors: Array, budget: Budget) -> bool:
    return bool(errors.mean() <= budget.error * values.std())


def _visited(weights: Array) -> tuple[int, int]:
    """Sizes from the first to before the second hold all but a millionth of the weight at either end."""
    below, above = np.cumsum(weights), np.cumsum(weights[::-1])
    return int((below < _UNSEEN).sum()), len(weights) - int((above < _UNSEEN).sum())


def _binomials(n: int) -> Array:
    from scipy.special import comb

    return np.asarray(comb(n, np.arange(n + 1)))


@dataclass
class _Bill:
    """A utility that counts its calls."""

    utility: Utility
    budget: Budget
    calls: int = 0
    begun: float = field(default_factory=time.monotonic)

    def ask(self, members: Array) -> float:
        self.calls += 1
        return float(self.utility(members))

    def open(self) -> bool:
        late = self.budget.seconds > 0 and time.monotonic() - self.begun >= self.budget.seconds
        return self.calls < self.budget.calls and not late
