"""Linear support vector machines on sparse rows, one for each class against the rest, trained together.

A row may belong to a class in part: then it stands on both sides, with its share on each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Machines = tuple[Array, Array]
"""(terms, k) and (k,): for each class its weights and its shift."""

TOLERANCE = (
    0.01  # of the slope; LIBLINEAR's own is 0.1: a third fewer passes, and ties fall as the order of the rows has it
)
_MOST = 1_000  # passes over the rows: LIBLINEAR's own; some 5 to 20 are taken


def trained(
    values: Any,
    targets: Array,
    weights: Array,
    strengths: Sequence[float],
    *,
    multi: bool,
    threads: int = 1,
    tolerance: float = TOLERANCE,
) -> list[Machines]:
    """The machines of each strength in turn, each begun where the one before ended: ascending ones take the fewest passes.

    values     (n, terms) sparse float32
    targets    (n, k) 0..1; of a single label, a row of zeros is seen by none
    weights    (n,) of the rows; what weighs nothing is not seen
    strengths  scikit-learn's C
    threads    classes are divided among them; the machines are the same with any number

    A class that no row has is as far as can be from every row, -1, and one that every row has as near, 1.

    Source  Fan et al. 2008, LIBLINEAR (L2-regularised squared hinge); Rifkin and Klautau 2004 (one against the rest)
    """
    sides = _Sides.of(targets, np.asarray(weights, np.float64), multi=multi)
    every, some = sides.yes.any(axis=0), sides.no.any(axis=0)
    shift = np.where(every & ~some, 1.0, -1.0)
    found = [(np.zeros((values.shape[1], targets.shape[1]), np.float32), shift.copy()) for _ in strengths]
    asked = np.flatnonzero(every & some)
    if not len(asked):
        return found

    # Here, as it loads numba.
    from tilth.numerics.compiled.rows import LANES

    rows = _Rows.of(values)
    blocks = [asked[start : start + LANES] for start in range(0, len(asked), LANES)]

    def fill(block: Array) -> None:
        points = sides.points(block, LANES)
        for (coefficients, shifts), (one, its) in zip(found, _block(rows, points, strengths, tolerance), strict=True):
            coefficients[:, block], shifts[block] = one[:, : len(block)], its[: len(block)]

    with ThreadPoolExecutor(max(1, min(threads, len(blocks)))) as pool:
        list(pool.map(fill, blocks))
    return found


@dataclass(frozen=True)
class _Rows:
    """Sparse rows as a kernel takes them, and the squared length of each with its shift."""

    indptr: Array
    columns: Array
    values: Array
    size: Array
    width: int

    @classmethod
    def of(cls, table: Any) -> _Rows:
        indptr = table.indptr.astype(np.int64, copy=False)
        columns, values = (np.ascontiguousarray(table.indices, np.int32), np.ascontiguousarray(table.data, np.float32))
        size = np.asarray(table.multiply(table).sum(axis=1), np.float32).ravel() + np.float32(1)
        return cls(indptr, columns, values, size, table.shape[1])


@dataclass(frozen=True)
class _Points:
    """Rows as LANES machines see them: `own` (m,), `sign` and `room` (m, LANES)."""

    own: Array
    sign: Array
    room: Array


@dataclass(frozen=True)
class _Sides:
    """What each row weighs for each class and against it, both (n, k)."""

    yes: Array
    no: Array

    @classmethod
    def of(cls, targets: Array, weights: Array, *, multi: bool) -> _Sides:
        whole = np.ones(len(targets)) if multi else targets.sum(axis=1)
        left = whole[:, None] - targets
        left[left < 1e-9] = 0  # what is left by rounding of a label that is whole
        return cls(targets * weights[:, None], left * weights[:, None])

    def points(self, block: Array, lanes: int) -> _Points:
        yes, no = self.yes[:, block], self.no[:, block]
        seen, parted = np.flatnonzero((yes + no).any(axis=1)), np.flatnonzero(((yes > 0) & (no > 0)).any(axis=1))
        own = np.concatenate([seen, parted])
        # What has a share in a class is for it the first time, and against it the second.
        pro = np.concatenate([yes[seen] > 0, np.zeros((len(parted), len(block)), bool)])
        cost = np.concatenate([np.where(yes[seen] > 0, yes[seen], no[seen]), np.where(yes[parted] > 0, no[parted], 0)])
        sign, room = np.ones((2, len(own), lanes), np.float32)
        sign[:, : len(block)] = np.where(pro, 1, -1)
        room[:] = -1  # not there
        room[:, : len(block)][cost > 0] = 0.5 / cost[cost > 0]
        return _Points(own, sign, room)


def _block(rows: _Rows, points: _Points, strengths: Sequence[float], tolerance: float) -> Iterator[Machines]:
    from tilth.numerics.compiled.dual_descent import descended

    weights = np.zeros((rows.width, points.sign.shape[1]), np.float32)
    shift, pull = np.zeros(points.sign.shape[1], np.float32), np.zeros_like(points.sign)
    table = (rows.indptr, rows.columns, rows.values, rows.size)
    for strength in strengths:
        given = (points.own, points.sign, points.room, 1 / strength, tolerance, _MOST)
        descended(*table, *given, weights, shift, pull)
        yield weights, shift
