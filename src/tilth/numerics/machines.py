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

TOLERANCE = 0.01
"""Of the slope. With LIBLINEAR's own, 0.1, ties fall as the order of the rows has it, for a third fewer passes."""

_LEAST = 1e-9  # a share below it is what rounding left, or nothing
_WIDEST = 1e30  # of `room`: what weighs less is as good as not there; float32 ends a hundred million times further
_MOST = 1_000  # passes over the rows, LIBLINEAR's own; some 10 to 50 are taken with strengths that are usual


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

    values     (n, terms) sparse float32, by rows (CSR)
    targets    (n, k) 0..1; of a single label, a row of zeros is seen by none
    weights    (n,) of the rows; what weighs nothing is not seen
    strengths  scikit-learn's C, above 0
    threads    classes are divided among them; the machines are the same with any number

    A class that no row has is as far as can be from every row, -1, and one that every row has as near, 1. Raises ValueError
    where the shapes do not fit each other or a number is not one.

    Source  Fan et al. 2008, LIBLINEAR (L2-regularised squared hinge); Rifkin and Klautau 2004 (one against the rest)
    """
    _validate(values, targets, weights, strengths)
    sides = _Sides(targets, np.asarray(weights, np.float64), None if multi else targets.sum(axis=1))
    found = [
        (np.zeros((values.shape[1], targets.shape[1]), np.float32), np.full(targets.shape[1], -1.0)) for _ in strengths
    ]
    asked = list[int]()
    for column in range(targets.shape[1]):
        yes, no = (one.any() for one in sides.of([column]))
        if yes and no:
            asked.append(column)
        elif yes:
            for _, shift in found:
                shift[column] = 1
    if not asked:
        return found

    # Here, as it loads numba.
    from tilth.numerics.compiled.rows import LANES

    rows = _Rows.of(values)
    blocks = [np.array(asked[start : start + LANES]) for start in range(0, len(asked), LANES)]

    def fill(block: Array) -> None:
        points = sides.points(block, LANES)
        for (coefficients, shifts), (one, its) in zip(found, _block(rows, points, strengths, tolerance), strict=True):
            coefficients[:, block], shifts[block] = one[:, : len(block)], its[: len(block)]

    with ThreadPoolExecutor(max(1, min(threads, len(blocks)))) as pool:
        list(pool.map(fill, blocks))
    return found


def _validate(values: Any, targets: Array, weights: Array, strengths: Sequence[float]) -> None:
    """A kernel reads beyond its arrays where they do not fit."""
    if values.format != "csr" or not values.shape[0] == len(targets) == len(weights):
        shapes = f"{values.format} {values.shape}, targets {targets.shape}, weights {np.shape(weights)}"
        raise ValueError(f"machines want sparse rows (csr), and as many of them as targets and weights, found {shapes}")
    if not all(np.isfinite(one) and one > 0 for one in strengths):
        raise ValueError(f"strengths must lie above 0, found {list(strengths)}")
    if not (np.isfinite(values.data).all() and np.isfinite(targets).all() and np.isfinite(weights).all()):
        raise ValueError("a value, a target or a weight is not a number, or infinite")


@dataclass(frozen=True)
class _Rows:
    """Sparse rows as a kernel takes them.

    squares  (n,) float32, squared length of each row with a 1 for the shift
    width    terms
    """

    indptr: Array
    columns: Array
    values: Array
    squares: Array
    width: int

    @classmethod
    def of(cls, table: Any) -> _Rows:
        indptr = table.indptr.astype(np.int64, copy=False)
        columns, values = (np.ascontiguousarray(table.indices, np.int32), np.ascontiguousarray(table.data, np.float32))
        squares = np.asarray(table.multiply(table).sum(axis=1), np.float32).ravel() + np.float32(1)
        return cls(indptr, columns, values, squares, table.shape[1])


@dataclass(frozen=True)
class _Points:
    """Rows as LANES machines see them.

    row   (m,) int64, which row each point is
    sign  (m, LANES) float32, 1 or -1
    cost  (m, LANES) float64, what the point weighs; 0: it is not there
    """

    row: Array
    sign: Array
    cost: Array

    def room(self, strength: float) -> Array:
        """(m, LANES) float32, as `descended` takes it."""
        weighed = self.cost * strength
        wide = np.divide(0.5, weighed, out=np.full(weighed.shape, _WIDEST), where=weighed > 0.5 / _WIDEST)
        return np.where(self.cost > 0, wide, -1).astype(np.float32)


@dataclass(frozen=True)
class _Sides:
    """What each row weighs for a class and against it; told for a few classes at a time, as all may fill the memory.

    whole  (n,) what the shares of a row add up to; None: each class is there or not by itself
    """

    targets: Array
    weights: Array
    whole: Array | None

    def of(self, classes: Array | list[int]) -> tuple[Array, Array]:
        """For and against these classes, both (n, classes)."""
        share = np.asarray(self.targets[:, classes], np.float64)
        left = (1.0 if self.whole is None else self.whole[:, None]) - share
        weights = self.weights[:, None]
        return np.where(share < _LEAST, 0, share) * weights, np.where(left < _LEAST, 0, left) * weights

    def points(self, block: Array, lanes: int) -> _Points:
        yes, no = self.of(block)
        seen, parted = np.flatnonzero((yes + no).any(axis=1)), np.flatnonzero(((yes > 0) & (no > 0)).any(axis=1))
        # What has a share in a class is for it the first time, and against it the second.
        sign, cost = np.ones((len(seen) + len(parted), lanes), np.float32), np.zeros((len(seen) + len(parted), lanes))
        sign[: len(seen), : len(block)] = np.where(yes[seen] > 0, 1, -1)
        sign[len(seen) :] = -1
        cost[: len(seen), : len(block)] = np.where(yes[seen] > 0, yes[seen], no[seen])
        cost[len(seen) :, : len(block)] = np.where(yes[parted] > 0, no[parted], 0)
        return _Points(np.concatenate([seen, parted]), sign, cost)


def _block(rows: _Rows, points: _Points, strengths: Sequence[float], tolerance: float) -> Iterator[Machines]:
    from tilth.numerics.compiled.dual_descent import descended

    weights = np.zeros((rows.width, points.sign.shape[1]), np.float32)
    shift, pull = np.zeros(points.sign.shape[1], np.float32), np.zeros_like(points.sign)
    table = (rows.indptr, rows.columns, rows.values, rows.squares)
    for strength in strengths:
        given = (points.row, points.sign, points.room(strength), tolerance, _MOST)
        descended(*table, *given, weights, shift, pull)
        yield weights, shift
