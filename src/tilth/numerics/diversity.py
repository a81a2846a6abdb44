"""Diversity: replace what is too alike by draws from a pool, and how far apart a choice lies beside a random one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import nearest

Array = npt.NDArray[Any]

_ROUNDING = 1e-5  # of float32 squares: a hundred times its precision


@dataclass(frozen=True)
class Replaced:
    """What replacing came to.

    inside  (n,) bool, which points are in at the end
    means   mean distance of a point that is in to the nearest other one, at the start and after each round that gained
    """

    inside: Array
    means: tuple[float, ...]


def iterative(
    points: Array,
    classes: Array,
    inside: Array,
    free: Array,
    rng: np.random.Generator,
    *,
    similar: int = 10,
    patience: int = 10,
) -> Replaced:
    """The N points that lie nearest to another one go, as many of their classes are drawn from the pool, until that gains
    nothing: then the round is taken back.

    points    (n, d) float, compared by Euclidean distance, whatever their class
    classes   (n,) int; the draw for a point that goes is of its class, so classes keep their sizes
    inside    (n,) bool, which points are in at the start; the others are the pool
    free      (n,) bool, which may go; one that went does not come back
    similar   N
    patience  rounds in a row without gain after which it ends: one unlucky draw says little
    returns   `Replaced`; its means rise from round to round

    Source    Cavusoglu et al. 2021, arXiv:2111.03743, section 3.4 and algorithm 1, whose stop is not told
    Cost      O(n d) for each point that goes or comes
    """
    crowd, spent, idle = _Crowd(points, inside), np.zeros(len(points), bool), 0
    means = [crowd.mean]
    while idle < patience:
        going = crowd.closest(crowd.inside & np.asarray(free, bool))[:similar]
        pairs = _drawn(going, classes, ~crowd.inside & ~spent, rng)
        if not pairs:
            break
        for out, new in pairs:
            crowd.take(out)
            crowd.bring(new)
        if crowd.mean > means[-1]:
            means.append(crowd.mean)
            spent[[out for out, _ in pairs]] = True
            idle = 0
            continue
        for out, new in pairs:
            crowd.take(new)
            crowd.bring(out)
        idle += 1
    return Replaced(crowd.inside, tuple(means))


def _drawn(going: Array, classes: Array, pool: Array, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of one that goes and one of its class that comes; none for a class whose pool is empty."""
    pool, pairs = pool.copy(), []
    for out in going.tolist():
        rows = np.flatnonzero(pool & (classes == classes[out]))
        if len(rows):
            new = int(rng.choice(rows))
            pool[new] = False
            pairs.append((out, new))
    return pairs


def spread_out(
    points: Array,
    inside: Array,
    free: Array,
    rng: np.random.Generator,
    *,
    share: float = 0.05,
    least_gain: float = 0.01,
    values: Array | None = None,
    gamma: float = 0.0,
) -> Replaced:
    """The same within one class, one by one: of each close pair one goes, the draw leans to what lies far from all that
    is in, and a draw that lies nearer than what went, or that lowers the mean distance, is refused.

    points      (n, d) float of one class
    inside      (n,) bool, which are in at the start; the others are the pool
    free        (n,) bool, which may go
    share       of the points that are in (0..1), replaced in a round at most
    least_gain  rise of the mean distance (a share) under which a round is the last
    values      (n,) float, higher = better: the worse of a pair goes, and by `gamma` the better is drawn
    gamma       weight of a value, in its standard deviations, beside the distance, in its own
    returns     `Replaced`; its means never fall

    Asking only for a draw that lies no nearer than what went does not keep the mean distance from falling: the new point
    may come close to one that stood alone. So the mean is asked too.
    Cost        O(n d) for each point that goes or comes
    """
    crowd, spent = _Crowd(points, inside), np.zeros(len(points), bool)
    worth = np.zeros(len(points)) if values is None else np.asarray(values, np.float64)
    means = [crowd.mean]
    while True:
        for out in _one_of_each_pair(crowd, np.asarray(free, bool), worth, share):
            before, apart = crowd.mean, float(crowd.near[out])
            pool = np.flatnonzero(~crowd.inside & ~spent)
            if not len(pool):
                break
            crowd.take(out)
            odds = _scaled(crowd.near[pool]) + gamma * _scaled(worth[pool])
            odds = np.exp(odds - odds.max())
            new = int(rng.choice(pool, p=odds / odds.sum()))
            far = bool(crowd.near[new] >= apart)
            crowd.bring(new)
            if far and crowd.mean >= before:
                spent[out] = True
            else:
                crowd.take(new)
                crowd.bring(out)
        means.append(crowd.mean)
        if not means[-1] > means[-2] * (1 + least_gain):
            return Replaced(crowd.inside, tuple(means))


def _one_of_each_pair(crowd: _Crowd, free: Array, worth: Array, share: float) -> list[int]:
    """Of the closest pairs the worse one that may go, no point in two pairs."""
    most = max(1, round(share * int(crowd.inside.sum())))
    going, seen = [], set[int]()
    for row in crowd.closest(crowd.inside).tolist():
        other = int(crowd.who[row])
        if len(going) == most:
            break
        if other < 0 or row in seen or other in seen:
            continue
        able = [one for one in (row, other) if free[one]]
        if able:
            going.append(min(able, key=lambda one: (worth[one], one)))
            seen |= {row, other}
    return going


def _scaled(values: Array) -> Array:
    """In standard deviations: a softmax of raw distances would be flat in one space and greedy in another."""
    spread = float(values.std())
    return (values - values.mean()) / spread if np.isfinite(spread) and spread > 0 else np.zeros(len(values))


class _Crowd:
    """Which points are in, and for every point how far off the nearest other one that is in lies. Mutable, for one call."""

    def __init__(self, points: Array, inside: Array) -> None:
        self.points = np.ascontiguousarray(points, np.float32)
        self.lengths = np.einsum("nd,nd->n", self.points, self.points)
        self.inside = np.array(inside, bool)
        self.near = np.full(len(self.points), np.inf, np.float32)
        self.who = np.full(len(self.points), -1, np.int64)
        self._look(np.arange(len(self.points)))

    @property
    def mean(self) -> float:
        """Mean over the points that are in; 0 where one stands alone or none is."""
        return float(self.near[self.inside].mean(dtype=np.float64)) if self.inside.sum() > 1 else 0.0

    def closest(self, among: Array) -> Array:
        """Rows of this mask that have a neighbour, the nearest to it first."""
        rows = np.flatnonzero(among & (self.who >= 0))
        return rows[np.argsort(self.near[rows], kind="stable")]

    def bring(self, row: int) -> None:
        # One product finds who may come closer, give or take its rounding; only for these is the distance taken exactly.
        sizes = self.lengths + self.lengths[row]
        maybe = np.flatnonzero(sizes - 2 * (self.points @ self.points[row]) < self.near**2 + _ROUNDING * sizes)
        maybe = maybe[maybe != row]
        apart = self.points[maybe] - self.points[row]
        distances = np.sqrt(np.einsum("nd,nd->n", apart, apart))
        closer = distances < self.near[maybe]
        self.near[maybe[closer]], self.who[maybe[closer]] = distances[closer], row
        self.inside[row] = True

    def take(self, row: int) -> None:
        self.inside[row] = False
        self._look(np.flatnonzero(self.who == row))

    def _look(self, rows: Array) -> None:
        """Find the nearest anew for these rows."""
        members = np.flatnonzero(self.inside)
        self.near[rows], self.who[rows] = np.inf, -1
        distances, found = nearest(self.points[rows], self.points[members], 2)
        if not found.shape[1]:
            return
        others = members[found]
        own = others == rows[:, None]
        # The first of the two that is not the row itself.
        at = own[:, 0].astype(np.int64)
        known = at < found.shape[1]
        pick = np.minimum(at, found.shape[1] - 1)
        line = np.arange(len(rows))
        self.near[rows] = np.where(known, distances[line, pick], np.inf)
        self.who[rows] = np.where(known, others[line, pick], -1)


@dataclass(frozen=True)
class Spread:
    """How a choice lies in its pool.

    apart  mean distance of a chosen point to the nearest other chosen one of its class: more is more diverse
    cover  mean distance of a point of the pool to the nearest chosen one of its class: less stands for the pool better
    """

    apart: float
    cover: float


def spread_of(points: Array, classes: Array, chosen: Array) -> tuple[Spread, Array]:
    """How a choice lies, and (n,) float32 how far each point is from the nearest other chosen one of its class (inf where
    there is none).

    points   (n, d) float
    classes  (n,) int
    chosen   (n,) bool
    """
    near = np.full(len(points), np.inf, np.float32)
    for index in np.unique(classes):
        rows = np.flatnonzero(classes == index)
        near[rows] = _Crowd(points[rows], chosen[rows]).near
    return Spread(_mean(near[chosen]), _mean(np.where(chosen, 0, near))), near


def random_spread(
    points: Array, classes: Array, chosen: Array, free: Array, rng: np.random.Generator, *, draws: int = 3
) -> Spread:
    """The mean of random choices beside it: as many of each class, and the same points where nothing was free to choose."""
    found = []
    for _ in range(draws):
        drawn = chosen & ~free
        for index in np.unique(classes):
            rows = np.flatnonzero((classes == index) & free)
            drawn[rng.choice(rows, int(chosen[rows].sum()), replace=False)] = True
        found.append(spread_of(points, classes, drawn)[0])
    return Spread(float(np.mean([one.apart for one in found])), float(np.mean([one.cover for one in found])))


def _mean(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean(dtype=np.float64)) if len(finite) else 0.0


def in_turns(orders: Sequence[Array], count: int) -> Array:
    """(m,) int64 from several lists in turns, each giving the next of its own that is not taken yet.

    orders  for each asker, rows from the one it wants most; count: how many at most
    """
    taken: dict[int, None] = {}
    queues = [iter(order.tolist()) for order in orders]
    while queues and len(taken) < count:
        left = []
        for queue in queues:
            row = next((one for one in queue if one not in taken), None)
            if row is not None and len(taken) < count:
                taken[row] = None
                left.append(queue)
        queues = left
    return np.array(list(taken), np.int64)
