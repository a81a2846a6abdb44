"""Linear support vector machines by coordinate descent on their dual, LANES machines in one pass over the rows.

Machines of several classes read the same rows; one pass that serves all of them reads each row once, and each of its entries
serves a whole vector of machines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.compiled.kernels import kernel, part
from tilth.numerics.compiled.rows import gathered, scattered

Array = npt.NDArray[Any]


@kernel
def descended(
    indptr: Array, columns: Array, values: Array, squares: Array,
    rows: Array, sign: Array, room: Array, tolerance: float, most: int,
    weights: Array, shift: Array, pull: Array,
) -> None:  # fmt: skip
    """Brings the machines to within `tolerance` of their optimum, from where they are, in at most so many passes.

    indptr, columns, values  sparse rows: int64, int32, float32
    squares  (n,) float32, squared length of each row, and 1 for the shift
    rows     (m,) int64, the row that each point is
    sign     (m, LANES) float32, 1 or -1: the side of each machine that the point belongs to
    room     (m, LANES) float32, 1 / (2 C times what the point weighs there), finite; below 0 where it is not there
    weights  (d, LANES) float32, shift (LANES,), pull (m, LANES): the machines and their dual variables, changed in place

    The loss is the squared hinge, the penalty half of the squared length, the shift a weight as any other.

    Source  Hsieh et al. 2008, A dual coordinate descent method for large-scale linear SVM: algorithm 3, with shrinking
    """
    count, lanes = sign.shape
    at_most = np.full(lanes, np.float32(np.inf))  # beyond it a point that does not pull is left out
    low, high = np.empty(lanes, np.float32), np.empty(lanes, np.float32)
    far, step = np.empty(lanes, np.float32), np.empty(lanes, np.float32)
    order, live, state = np.arange(count), count, np.uint64(1)
    for _ in range(most):
        state = shuffled(order, live, state)
        low[:], high[:] = np.inf, -np.inf
        at = 0
        while at < live:
            point = order[at]
            row = rows[point]
            start, end = indptr[row], indptr[row + 1]
            far[:] = shift
            gathered(weights, columns, values, start, end, far)
            idle, moved = moves(far, sign[point], room[point], squares[row], at_most, low, high, pull[point], step)
            if moved:
                scattered(weights, columns, values, start, end, step)
                for lane in range(lanes):
                    shift[lane] += step[lane]
            if idle:
                live -= 1
                order[at], order[live] = order[live], order[at]
            else:
                at += 1
        if settled(low, high, tolerance):
            if live == count:
                return
            live = count  # those that were left out may pull by now
            at_most[:] = np.inf
        else:
            for lane in range(lanes):
                at_most[lane] = high[lane] if high[lane] > 0 else np.float32(np.inf)


@part
def moves(
    far: Array, sign: Array, room: Array, square: float,
    at_most: Array, low: Array, high: Array, pull: Array, step: Array,
) -> tuple[bool, bool]:  # fmt: skip
    """The best pull of one point on each machine, all else as it is, and the step that the weights take with it; whether
    the point is left out by all of them, and whether any step is to be taken."""
    none, one = np.float32(0), np.float32(1)
    idle, moved = True, False
    for lane in range(len(far)):
        held, side, soft = pull[lane], sign[lane], room[lane]
        slope = side * far[lane] - one + held * soft
        out = (soft < none) | ((held == none) & (slope > at_most[lane]))
        projected = none if (held == none) & (slope > none) else slope
        new = max(held - slope / (square + soft), none)
        new = held if out else new
        low[lane] = low[lane] if out else min(low[lane], projected)
        high[lane] = high[lane] if out else max(high[lane], projected)
        idle &= out
        moved |= new != held
        step[lane] = (new - held) * side
        pull[lane] = new
    return idle, moved


@part
def settled(low: Array, high: Array, tolerance: float) -> bool:
    for lane in range(len(low)):
        if high[lane] - low[lane] > tolerance:  # minus infinity where every point was left out
            return False
    return True


@part
def shuffled(order: Array, count: int, state: np.uint64) -> np.uint64:
    """Puts the first so many into another order; the state of Knuth's generator (MMIX) behind it."""
    for last in range(count - 1, 0, -1):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        chosen = int((state >> np.uint64(33)) % np.uint64(last + 1))
        order[last], order[chosen] = order[chosen], order[last]
    return state
