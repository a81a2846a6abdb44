"""Reach: which samples of a target lie farther from train than train's own samples lie from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import directions, nearest

Array = npt.NDArray[Any]

_COPY = 1e-6  # distances up to this are those of copies
_COPIES = 6  # copies of itself that a sample may have before it counts as near to another
_PRIOR = 30  # samples of all classes that stand beside those of a class when its usual distance is told


@dataclass(frozen=True)
class Reach:
    """How far target samples are from the nearest train samples of their class.

    distance  (m,) to the nearest one; NaN where train has none of the class
    usual     (m,) up to which the distances of train's own samples to each other go, but for some
    nearest   (m, k') int, rows of the nearest train samples of the class, -1 where there are fewer
    """

    distance: Array
    usual: Array
    nearest: Array

    @property
    def ratio(self) -> Array:
        """(m,) above 1 is farther than usual; infinite where train has none of the class."""
        return np.where(np.isfinite(self.distance), self.distance / np.maximum(self.usual, _COPY), np.inf)


def reach(target: Array, theirs: Array, train: Array, ours: Array, *, share: float, neighbors: int = 3) -> Reach:
    """How far the target lies from train, class by class; of several classes the one that is nearest for its own counts.

    target, train   (m, d) and (n, d), compared by direction
    theirs, ours    (m, k) and (n, k) bool, the classes of each
    share           (0..1) of train's own samples that are nearer to another of their class than the usual distance
    neighbors       how many of the nearest are named
    """
    target, train = directions(np.asarray(target, np.float32)), directions(np.asarray(train, np.float32))
    held = np.flatnonzero(ours.any(axis=0)).tolist()
    own = {one: _told(own_distances(train[ours[:, one]])) for one in held}
    whole = np.concatenate([*own.values(), np.zeros(0)])
    found = Reach(np.full(len(target), np.nan), np.full(len(target), np.nan), np.full((len(target), neighbors), -1))
    for one, apart in own.items():
        rows, members = np.flatnonzero(theirs[:, one]), np.flatnonzero(ours[:, one])
        if not len(rows) or not len(whole):
            continue
        distances, near = nearest(target[rows], train[members], neighbors)
        usual = usual_distance(apart, whole, share)
        better = ~(distances[:, 0] / max(usual, _COPY) >= found.ratio[rows])
        at = rows[better]
        found.distance[at], found.usual[at] = distances[better, 0], usual
        found.nearest[at] = -1
        found.nearest[at[:, None], np.arange(near.shape[1])] = members[near[better]]
    return found


def own_distances(points: Array) -> Array:
    """(n,) from each point to the nearest other one that is no copy; NaN where there is none."""
    distances, _ = nearest(points, points, _COPIES, exclude_self=True)
    if not distances.size:
        return np.full(len(points), np.nan)
    apart = np.where(distances > _COPY, distances, np.inf).min(axis=1).astype(np.float64)
    return np.where(np.isfinite(apart), apart, np.nan)


def _told(distances: Array) -> Array:
    return distances[np.isfinite(distances)]


def usual_distance(own: Array, whole: Array, share: float) -> float:
    """The quantile of a class's own distances, drawn to that of all classes where the class is small."""
    everywhere = float(np.quantile(whole, share))
    if not len(own):
        return everywhere
    return (len(own) * float(np.quantile(own, share)) + _PRIOR * everywhere) / (len(own) + _PRIOR)
