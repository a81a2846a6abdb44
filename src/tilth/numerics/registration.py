"""Registration: which window of one picture shows another, and how alike the two are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_PART_ENTRIES = 400_000  # pixels worked on at once: what fits into the cache is twice as quick
_FARTHEST_STEP = 0.06  # of the frame, in one iteration: a linear model knows nothing farther away
_DAMPING = 1e-3  # of the diagonal: on a straight edge one direction is free, and must not run away


def registered(wholes: Array, parts: Array, windows: Array, *, steps: int) -> Array:
    """The window of each whole that looks most like the part, by Gauss-Newton from a start nearby.

    wholes   (p, s, s) float grey
    parts    (p, s, s) float grey, another gain and offset of grey may lie on them
    windows  (p, 4) float, the start: left, width, top, height as shares of the whole's frame
    returns  (p, 4) float64

    Source   Lucas and Kanade 1981; Baker and Matthews 2004, section 3 (forwards additive), with gain and offset
    Cost     O(p s^2 steps); about 1 ms for a pair of 64 px and 6 steps
    """
    found = np.array(windows, np.float64)
    step = max(1, _PART_ENTRIES // max(1, 7 * parts.shape[1] ** 2))
    for start in range(0, len(found), step):
        rows = slice(start, start + step)
        for _ in range(steps):
            found[rows] += _moves(wholes[rows], parts[rows], found[rows])
    return found


def seen_through(wholes: Array, windows: Array) -> tuple[Array, Array]:
    """What lies in the windows, (p, s, s) float32, linear between pixels, and where that is inside the frame, bool."""
    side = wholes.shape[1]
    across, inside_across = _reads(windows[:, 0], windows[:, 1], side)
    down, inside_down = _reads(windows[:, 2], windows[:, 3], side)
    seen = np.matmul(np.matmul(down, wholes), across.transpose(0, 2, 1))
    return seen, inside_down[:, :, None] & inside_across[:, None, :]


def correlation(a: Array, b: Array, where: Array) -> Array:
    """(p,) float, Pearson's of two stacks (p, s, s) over the pixels that count; 0 where one of them is flat."""
    weight = where.astype(np.float32)
    total = np.maximum(weight.sum(axis=(1, 2), keepdims=True), 1)
    left = (a - (a * weight).sum(axis=(1, 2), keepdims=True) / total) * weight
    right = (b - (b * weight).sum(axis=(1, 2), keepdims=True) / total) * weight
    both = np.einsum("pyx,pyx->p", left, right)
    sizes = np.sqrt(np.einsum("pyx,pyx->p", left, left) * np.einsum("pyx,pyx->p", right, right))
    return np.where(sizes > 1e-6, both / np.maximum(sizes, 1e-6), 0.0)


def _moves(wholes: Array, parts: Array, windows: Array) -> Array:
    """(p, 4) the change of each window that a linear model of the picture asks for."""
    pairs, side = len(parts), parts.shape[1]
    seen, inside = seen_through(wholes, windows)
    at = ((np.arange(side) + 0.5) / side).astype(np.float32)
    # A pixel of the part is width (height) pixels of the whole; left and width are in frames of `side` pixels.
    rate = (side / np.maximum(windows, 0.1)).astype(np.float32)
    columns = np.empty((pairs, 7, side, side), np.float32)
    columns[:, 0], columns[:, 2] = _slope(seen, 2) * rate[:, 1, None, None], _slope(seen, 1) * rate[:, 3, None, None]
    columns[:, 1], columns[:, 3] = columns[:, 0] * at, columns[:, 2] * at[:, None]
    columns[:, 4], columns[:, 5], columns[:, 6] = seen, 1.0, parts
    columns *= inside[:, None]
    flat = columns.reshape(pairs, 7, -1)
    products = np.matmul(flat, flat.transpose(0, 2, 1)).astype(np.float64)
    scale = np.sqrt(np.maximum(np.einsum("pkk->pk", products), 1e-9))
    normal = products / (scale[:, :, None] * scale[:, None, :])
    solved = np.linalg.solve(
        normal[:, :6, :6] + _DAMPING * np.diag([1, 1, 1, 1, 0, 0]) + 1e-7 * np.eye(6), normal[:, :6, 6:]
    )
    solution = solved[:, :, 0] * scale[:, 6:] / scale[:, :6]
    gain = np.maximum(solution[:, 4:5], 0.2)
    return np.clip(solution[:, :4] / gain, -_FARTHEST_STEP, _FARTHEST_STEP)


def _reads(first: Array, length: Array, side: int) -> tuple[Array, Array]:
    """(p, s, s) float32 how much of each pixel of the whole each pixel of the window reads, along one side, and whether
    that lies inside the frame, (p, s)."""
    places = side * (first[:, None] + length[:, None] * (np.arange(side) + 0.5) / side) - 0.5
    within = np.clip(places, 0, side - 1).astype(np.float32)
    reads = np.maximum(0, 1 - np.abs(within[:, :, None] - np.arange(side, dtype=np.float32)))
    return reads, (places >= -0.5) & (places <= side - 0.5)


def _slope(pictures: Array, axis: int) -> Array:
    return np.gradient(pictures, axis=axis)
