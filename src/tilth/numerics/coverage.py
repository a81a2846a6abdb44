"""Coverage: a few points that stand for many. Greedy k-centre and greedy facility location.

    k_center            no point is far from a chosen one: keeps the corners, outliers first
    facility_location   points are near to a chosen one on the whole: keeps what is typical of each region

Both give their choice in order, and the first so many of a longer choice are the shorter one.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import nearest

Array = npt.NDArray[Any]

_BLOCK_ENTRIES = 16_000_000  # distances made at once: 64 MB of float32


def k_center(points: Array, count: int, *, chosen: Sequence[int] | Array = ()) -> tuple[Array, Array]:
    """The farthest point again and again: the largest distance to a chosen point is at most twice the least possible.

    points   (n, d) float, compared by Euclidean distance
    count    how many to choose; fewer where all points lie on chosen ones already
    chosen   rows that are chosen before and not given again; without any, the point nearest to the mean comes first
    returns  (m,) int64 rows in order, and (m,) float32 the largest distance left after each

    Source   Gonzalez 1985, Clustering to minimize the maximum intercluster distance, theorem 2.2
    Cost     O(n d m) time, O(n) memory; ties go to the smaller row
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    if not len(points) or count < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    left = np.full(len(points), np.inf, np.float32)
    for row in chosen:
        left = np.minimum(left, _from(points, points[row]))
    rows, radii = [], []
    while len(rows) < count and left.max() > 0:
        first = not rows and not len(chosen)
        row = int(_from(points, points.mean(axis=0)).argmin()) if first else int(left.argmax())
        left = np.minimum(left, _from(points, points[row]))
        left[row] = 0  # also where the distance to itself were not exactly 0
        rows.append(row)
        radii.append(left.max())
    return np.array(rows, np.int64), np.array(radii, np.float32)


def facility_location(closeness: Any, count: int, *, chosen: Sequence[int] | Array = ()) -> tuple[Array, Array]:
    """The candidates that are together closest to all points: each point counts by its closest chosen one.

    closeness  (n, m) float, 0 or more, of each point to each candidate: an array, or a sparse matrix of scipy whose
               absent entries are 0. See `closeness_of` and `closeness_to_nearest`
    count      how many of the m to choose; fewer where no other adds anything
    chosen     candidates that are chosen before and not given again
    returns    (c,) int64 candidates in order, and (c,) float64 what each adds to the sum. The sum is at least 1 - 1/e
               (63 %) of the largest possible

    Source   Nemhauser, Wolsey, Fisher 1978 (the bound); Minoux 1978 (lazy: a gain never grows, so only the candidate
             that seems best is looked at again)
    Cost     O(n m) for the first look, then O(n) for each of a few looks a choice; of a sparse matrix its entries. Ties
             go to the smaller candidate
    """
    columns = _Columns(closeness)
    have = np.zeros(columns.n, np.float32)
    for candidate in chosen:
        columns.raise_to(have, candidate)
    spent = set(map(int, chosen))
    heap = [(-gain, j) for j, gain in enumerate(columns.gains(have).tolist()) if j not in spent and gain > 0]
    heapq.heapify(heap)
    rows, gains = [], []
    while heap and len(rows) < count:
        _, j = heapq.heappop(heap)
        gain = columns.gain(have, j)
        if gain > 0 and heap and (-gain, j) > heap[0]:  # another may be better now: this one waits with its new gain
            heapq.heappush(heap, (-gain, j))
        elif gain > 0:
            columns.raise_to(have, j)
            rows.append(j)
            gains.append(gain)
    return np.array(rows, np.int64), np.array(gains, np.float64)


class _Columns:
    """The closeness of all points to one candidate at a time, dense or sparse alike."""

    def __init__(self, closeness: Any) -> None:
        self.sparse = closeness.tocsc().astype(np.float32) if hasattr(closeness, "tocsc") else None
        # Fortran order: a candidate's column lies in one piece.
        self.dense = None if self.sparse is not None else np.asfortranarray(closeness, dtype=np.float32)
        self.n, self.m = closeness.shape

    def column(self, j: int) -> tuple[Any, Array]:
        if self.sparse is None:
            assert self.dense is not None
            return slice(None), self.dense[:, j]
        part = slice(self.sparse.indptr[j], self.sparse.indptr[j + 1])
        return self.sparse.indices[part], self.sparse.data[part]

    def gain(self, have: Array, j: int) -> float:
        rows, values = self.column(j)
        return float(np.maximum(values - have[rows], 0).sum(dtype=np.float64))

    def gains(self, have: Array) -> Array:
        return np.array([self.gain(have, j) for j in range(self.m)])

    def raise_to(self, have: Array, j: int) -> None:
        rows, values = self.column(j)
        have[rows] = np.maximum(have[rows], values)


def closeness_of(points: Array, candidates: Array) -> Array:
    """(n, m) float32, the largest distance there is less the distance of each point to each candidate.

    With it `facility_location` looks for medoids: the sum of distances to the nearest chosen one is to be small.

    Cost     O(n m d) time, 4 n m bytes
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    candidates = np.ascontiguousarray(candidates, dtype=np.float32)
    apart = np.empty((len(points), len(candidates)), np.float32)
    step = max(1, _BLOCK_ENTRIES // max(len(candidates), 1))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        squares = (block**2).sum(1)[:, None] + (candidates**2).sum(1) - 2 * (block @ candidates.T)
        apart[start : start + step] = np.sqrt(np.maximum(squares, 0))
    return apart.max(initial=0) - apart


def closeness_to_nearest(points: Array, *, neighbors: int) -> Any:
    """The same of points among themselves, (n, n) sparse: only the nearest ones of each point have an entry.

    neighbors  entries a row, the point itself among them; what lies beyond the farthest of them all counts 0

    Cost     a neighbour search, then O(n k): what 100,000 points need, whose dense matrix would take 40 GB
    """
    from scipy.sparse import csr_array

    distances, rows = nearest(points, points, neighbors)
    values = distances.max(initial=0) * np.float32(1.001) - distances  # the farthest entry still counts a little
    starts = np.arange(len(rows) + 1) * (rows.shape[1] if len(rows) else 0)
    return csr_array((values.ravel(), rows.ravel(), starts), shape=(len(rows), len(rows)))


def _from(points: Array, one: Array) -> Array:
    """(n,) distances to one point, by subtraction: equal points are 0 apart."""
    apart = points - one
    return np.sqrt(np.einsum("nd,nd->n", apart, apart))
