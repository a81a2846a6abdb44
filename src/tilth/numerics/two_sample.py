"""Two samples of one quantity, a large and a small one: whether they differ, and which values the large one lacks.

Both are compared class by class: the train samples are weighted to the mix of classes of the target, and the test changes
places within classes only, so that another mix of classes is no difference of looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_AT_ONCE = 4_000_000  # entries of permutations held at once: 16 MB of float32
_CUTS = 20  # values between which a region may lie, evenly spread over both samples
_BETWEEN = 1.25  # times the evidence that a region with two ends needs: one with a single end is easier to say
_LEAST_SHARE = 1e-9


@dataclass(frozen=True)
class Sides:
    """Which rows are the target's, and how much each counts.

    target  (n,) bool
    group   (n,) int, class of each row; those of classes that one side lacks are left out by `sides_of`
    weights (n,) float, of the rows of a side add up to 1; both sides have the same mix of classes
    """

    target: Array
    group: Array
    weights: Array


def sides_of(target: Array, group: Array) -> tuple[Sides, Array]:
    """The sides, and which of the (n,) rows they hold: classes that one side lacks cannot be compared."""
    both = np.intersect1d(group[target], group[~target])
    kept = np.isin(group, both)
    target, group = target[kept], np.searchsorted(both, group[kept])
    theirs, ours = (np.bincount(group[side], minlength=len(both)) for side in (target, ~target))
    total = max(int(theirs.sum()), 1)
    by_class = theirs / np.maximum(ours, 1) / total
    return Sides(target, group, np.where(target, 1 / total, by_class[group])), kept


def shuffled(sides: Sides, rng: np.random.Generator, times: int) -> Array:
    """(times, n) bool: the target's rows drawn anew within each class."""
    found = np.zeros((times, len(sides.target)), bool)
    for one in np.unique(sides.group):
        rows = np.flatnonzero(sides.group == one)
        count = int(sides.target[rows].sum())
        order = np.argsort(rng.random((times, len(rows)), dtype=np.float32), axis=1)[:, :count]
        np.put_along_axis(found, rows[order], True, axis=1)
    return found


def difference(values: Array, sides: Sides, drawn: Array) -> tuple[float, float]:
    """How far the two distributions lie apart, and how often as far by chance.

    values   (n,) float
    drawn    (p, n) bool, as `shuffled` gives them
    returns  the statistic of Anderson and Darling (0 where both are alike; tails count as much as the middle), and its
             share among the p drawn ones, (1 + as far) / (1 + p)

    Source   Pettitt 1976, A two-sample Anderson-Darling rank statistic; the p-value by permutation within classes
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    ends = np.append(ordered[1:] > ordered[:-1], True)  # of a run of ties only the end counts
    sizes = np.bincount(sides.group)
    theirs = np.bincount(sides.group[sides.target], minlength=len(sizes))
    total = max(int(theirs.sum()), 1)
    pooled = np.cumsum((theirs / sizes / total)[sides.group][order])[ends]
    mass = np.diff(pooled, prepend=0.0)
    spread = pooled * (1 - pooled)
    scale = np.where(spread > _LEAST_SHARE, mass / np.maximum(spread, _LEAST_SHARE), 0.0).astype(np.float32)
    per_target = np.float32(1 / total)
    ours = (theirs / np.maximum(sizes - theirs, 1) / total).astype(np.float32)[sides.group][order]

    def statistic(chosen: Array) -> Array:
        apart = np.cumsum(np.where(chosen[:, order], per_target, -ours), axis=1)[:, ends]
        return (apart * apart) @ scale

    found = float(statistic(sides.target[None])[0])
    step = max(1, _AT_ONCE // max(len(values), 1))
    by_chance = sum(
        int((statistic(drawn[at : at + step]) >= found * (1 - 1e-5)).sum()) for at in range(0, len(drawn), step)
    )
    return found, (1 + by_chance) / (1 + len(drawn))


def distance(values: Array, sides: Sides) -> float:
    """How far the values of one side must be moved, in the mean, to become those of the other (Wasserstein, in their unit)."""
    order = np.argsort(values, kind="stable")
    apart = np.cumsum(np.where(sides.target, sides.weights, -sides.weights)[order])
    return float(np.abs(apart[:-1]) @ np.diff(values[order]))


@dataclass(frozen=True)
class Region:
    """Values above `low` up to `high` (infinite where there is no such end), and the share of each side within them."""

    low: float
    high: float
    train: float
    target: float

    def holds(self, values: Array) -> Array:
        return (values > self.low) & (values <= self.high)


def lacking(values: Array, sides: Sides) -> Region:
    """The values of which the target has more than train: those where the excess is surest."""
    cuts = np.unique(np.quantile(values, np.linspace(0, 1, _CUTS + 1)[1:-1], method="inverted_cdf"))
    edges = np.concatenate([[-np.inf], cuts[cuts < values.max()], [np.inf]])
    place = np.searchsorted(edges, values, side="left") - 1
    upto = [
        np.concatenate([[0.0], np.cumsum(np.bincount(place[side], sides.weights[side], minlength=len(edges) - 1))])
        for side in (~sides.target, sides.target)
    ]
    low, high = np.triu_indices(len(edges), 1)
    train, target = (one[high] - one[low] for one in upto)
    middle = np.clip((train + target) / 2, 1e-3, 1 - 1e-3)
    sure = (target - train) / np.sqrt(middle * (1 - middle))
    sure = np.where((low > 0) & (high < len(edges) - 1), sure / _BETWEEN, sure)
    best = int(np.argmax(sure))
    return Region(float(edges[low[best]]), float(edges[high[best]]), float(train[best]), float(target[best]))


def shares(inside: Array, sides: Sides, *, strength: float) -> Array:
    """(k, 4) by class: the share of train within a region, that of the target, the latter shrunk, and how many targets.

    inside    (n,) bool
    strength  how many target samples the difference over all counts as: with few of a class it says most of what is
              believed of the class
    """
    excess = float(np.vdot(sides.weights, np.where(sides.target, 1.0, -1.0) * inside))
    found = np.zeros((int(sides.group.max(initial=-1)) + 1, 4))
    for one, row in enumerate(found):
        ours, theirs = (inside[(sides.group == one) & side] for side in (~sides.target, sides.target))
        train = float(ours.mean())
        believed = (theirs.sum() + strength * min(max(train + excess, 0.0), 1.0)) / (len(theirs) + strength)
        row[:] = train, theirs.mean(), believed, len(theirs)
    return found
