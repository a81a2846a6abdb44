"""Components: which points belong together, at a threshold, without one chain that swallows all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tilth.numerics.groups import complete_linkage
from tilth.numerics.neighbors import nearest

Array = npt.NDArray[Any]
Linkage = Literal["complete", "mutual"]

_PAIRS = 4096  # judged at once: a join of two large groups mostly fails among the first
_ASKED = 1000  # points whose distances the threshold is taken from
_BEYOND = 32  # the nearest other one of this rank is no near copy any more, where components are smaller than that
SHARE = 0.4
"""Of the usual distance to the 32nd nearest: with .4 pairs of frames with noise, of texts that lack a word in seven and of
pictures made brighter were near, and 1 to 5 in 100 pairs of strangers among plain drawings and pairs of digits; .5 doubled
those."""


@dataclass(frozen=True)
class Components:
    """Which component each of n points is in.

    ids        (n,) int, 0 and up in the order of first rows; a point that is near no other has an id of its own
    sizes      (n,) int, points in the component of each
    threshold  Euclidean distance within which two points counted as near
    """

    ids: Array
    sizes: Array
    threshold: float

    @property
    def alone(self) -> Array:
        """(n,) bool, the singletons."""
        return self.sizes == 1

    @property
    def count(self) -> int:
        """How many components there are, singletons with them."""
        return int(self.ids.max(initial=-1)) + 1


def components(
    points: Array, *, threshold: float | None = None, linkage: Linkage = "complete", neighbors: int = 16
) -> Components:
    """Components of points that are near each other.

    Near means at most `threshold` apart, and among each other's nearest. Equal points count as one while that is
    decided, so that a crowd of copies does not use up the places of neighbours.

    points     (n, d) float; all finite
    threshold  Euclidean distance; None: `usual_threshold`
    linkage    `complete`: every two of a component are within the threshold, a chain is cut into short groups;
               `mutual`: two points are joined where each is among the nearest of the other, and whatever hangs together
               is one component, so the ends of a chain may be far apart
    neighbors  nearest others of each point that are looked at. Up to which size a component is found whole depends on
               it little: larger ones hang together through their nearest

    The rows may come in any order: the same points give the same components.
    Cost       O(n^2 d) up to 100,000 points (`neighbors.nearest`), an eighth above; then the near pairs
    """
    if not len(points):
        return Components(np.empty(0, np.int64), np.empty(0, np.int64), threshold or 0.0)
    unique, member = _distinct(points)
    threshold = usual_threshold(unique) if threshold is None else threshold
    distances, rows = nearest(unique, unique, neighbors, exclude_self=True)
    a, b, apart = _near_pairs(rows, distances, threshold, both=linkage == "mutual")
    if linkage == "mutual":
        group = _connected(a, b, len(unique))
    else:
        group = _completed(a, b, apart, unique, threshold)
    ids = _in_order(group[member])
    return Components(ids, np.bincount(ids)[ids], float(threshold))


def usual_threshold(points: Array, *, share: float = SHARE) -> float:
    """A threshold from the points themselves: this share of how far the 32nd nearest other one typically is.

    Taken from every so many-th point, without a draw. Where most components are larger than 32, it is far too small.

    points  (n, d), none twice
    """
    if len(points) < 2:
        return 0.0
    chosen = np.linspace(0, len(points) - 1, min(_ASKED, len(points))).astype(np.int64)
    distances, _ = nearest(points[chosen], points, _BEYOND + 1)  # each is its own nearest
    return share * float(np.median(distances[:, -1]))


# -- pairs and groups -----------------------------------------------------------------------------------------


def _distinct(points: Array) -> tuple[Array, Array]:
    """The points without repetition, in an order that depends on them alone, and which of them each row is."""
    rows = np.ascontiguousarray(points, dtype=np.float32) + np.float32(0)  # -0.0 becomes 0.0: equal bytes
    if not rows.shape[1]:
        return rows[:1], np.zeros(len(rows), np.int64)
    keys = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, first, member = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first], member.ravel()


def _near_pairs(rows: Array, distances: Array, threshold: float, *, both: bool) -> tuple[Array, Array, Array]:
    """Pairs a < b within the threshold, each once; both: only those where each is among the nearest of the other."""
    near = distances <= threshold
    a, b, apart = np.nonzero(near)[0], rows[near].astype(np.int64), distances[near]
    keys = np.minimum(a, b) * len(rows) + np.maximum(a, b)
    keys, first, times = np.unique(keys, return_index=True, return_counts=True)
    kept = times > 1 if both else np.ones(len(keys), bool)
    return keys[kept] // max(len(rows), 1), keys[kept] % max(len(rows), 1), apart[first[kept]]


def _connected(a: Array, b: Array, n: int) -> Array:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    return connected_components(coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n)), directed=False)[1]


def _completed(a: Array, b: Array, apart: Array, points: Array, threshold: float) -> Array:
    def together(left: Array, right: Array) -> Array:
        near = np.zeros(len(left), bool)
        for start in range(0, len(left), _PAIRS):
            part = slice(start, start + _PAIRS)
            gaps = points[left[part]] - points[right[part]]
            near[part] = np.sqrt(np.einsum("pd,pd->p", gaps, gaps)) <= threshold
            if not near[part].all():
                break  # one far pair decides; the others need not be known
        return near

    group = np.arange(len(points))
    for rows in complete_linkage(a, b, apart, together=together):
        group[rows] = rows[0]
    return group


def _in_order(group: Array) -> Array:
    """The same groups, numbered from 0 in the order of their first rows."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.ravel()]
