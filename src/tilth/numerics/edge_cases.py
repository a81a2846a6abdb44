"""Edge cases: samples that belong to their cluster and lie at its edge, far from the nearest of their class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import directions, nearest
from tilth.numerics.reach import own_distances, usual_distance

Array = npt.NDArray[Any]

_COPY = 1e-6  # distances up to this are those of copies
_SPARE = 6  # neighbours looked at beyond those that vote: copies do not


@dataclass(frozen=True)
class EdgeCases:
    """What is told of each sample.

    found     (n,) bool, the edge cases
    agreement (n,) share 0..1 of the neighbours that have its class
    distance  (n,) to the nearest other of its class; NaN where there is none
    usual     (n,) distance up to which most of its class lie from each other
    nearest   (n, m) int, rows of the nearest others of any class, -1 where there are fewer
    """

    found: Array
    agreement: Array
    distance: Array
    usual: Array
    nearest: Array

    @property
    def told(self) -> str:
        """In words, how many there are and what it took: where there are none, which of the two conditions nobody meets."""
        far = self.distance > self.usual
        return (
            f"{int(self.found.sum()):,} edge cases among {len(self.found):,} samples: {int(far.sum()):,} lie far from the "
            f"nearest of their class, and {int((far & self.found).sum()):,} of these among neighbours of it"
        )


def edge_cases(points: Array, members: Array, *, neighbors: int, agree: float, far: float) -> EdgeCases:
    """Which samples lie inside their own cluster, and yet far from the nearest of their class.

    points     (n, d), compared by direction
    members    (n, k) bool; of several classes one in common is enough to agree, and the nearest counts
    neighbors  how many vote on whose cluster it is
    agree      least share (0..1) of them that have its class: below, it may be another class's sample
    far        share (0..1) of a class that lies nearer to another of it than an edge case does

    Source     Lee et al. 2021, Augment and Valuate, section 3.4, by rule in place of the eye
    """
    points, members = directions(np.asarray(points, np.float32)), np.asarray(members, bool)
    near = _others(points, neighbors)
    same = (members[near] & members[:, None]).any(axis=2) & (near >= 0)
    agreement = same.sum(axis=1) / np.maximum((near >= 0).sum(axis=1), 1)
    distance, usual = np.full(len(points), np.nan), np.full(len(points), np.nan)
    own = {one: own_distances(points[members[:, one]]) for one in np.flatnonzero(members.any(axis=0)).tolist()}
    whole = np.concatenate([*own.values(), np.zeros(0)])
    whole = whole[np.isfinite(whole)]
    for one, apart in own.items():
        if not len(whole):
            break
        cut = usual_distance(apart[np.isfinite(apart)], whole, far)
        rows = np.flatnonzero(members[:, one])
        better = np.isfinite(apart) & ~(apart / cut >= distance[rows] / usual[rows])
        distance[rows[better]], usual[rows[better]] = apart[better], cut
    found = (distance > usual) & (agreement >= agree)
    return EdgeCases(found, agreement, distance, usual, near)


def _others(points: Array, neighbors: int) -> Array:
    """(n, neighbors) rows of the nearest others that are no copies, -1 where there are fewer."""
    distances, rows = nearest(points, points, neighbors + _SPARE, exclude_self=True)
    found = np.full((len(points), neighbors), -1)
    if not rows.size:
        return found
    order = np.argsort(distances <= _COPY, axis=1, kind="stable")[:, :neighbors]  # copies last, else as they are
    chosen = np.where(np.take_along_axis(distances > _COPY, order, 1), np.take_along_axis(rows, order, 1), -1)
    found[:, : chosen.shape[1]] = chosen
    return found
