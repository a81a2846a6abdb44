"""What real samples measure up to, and how far a made one lies from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_SHARE = 0.01  # of the real samples lie below what is too faint: a bound that one odd sample does not move
_ROWS = 512  # whose distances are held at once


def faintest(own: Array) -> float:
    """The probability of its own label that all but 1 % of the samples (n,) reach; 0 where there is none."""
    return float(np.quantile(own, _SHARE)) if len(own) else 0.0


def farthest(values: Array) -> float:
    """The largest distance of a sample (n, d) to the nearest other one; infinity for fewer than two."""
    if len(values) < 2:
        return float("inf")
    return float(nearest_other(values, values, np.arange(len(values))).max())


def nearest_other(values: Array, real: Array, own: Array) -> Array:
    """(b,) distance of each value (b, d) to the nearest real one (n, d), its own left out.

    own  (b,) int, the row of the real one that does not count; -1 for none
    """
    found = np.zeros(len(values))
    for start in range(0, len(values), _ROWS):
        part = np.asarray(values[start : start + _ROWS], np.float64)
        square = (part**2).sum(1)[:, None] + (real.astype(np.float64) ** 2).sum(1)[None] - 2 * part @ real.T
        skipped = own[start : start + _ROWS]
        at = np.flatnonzero(skipped >= 0)
        square[at, skipped[at]] = np.inf
        found[start : start + _ROWS] = np.sqrt(np.maximum(square.min(axis=1), 0))
    return found


def agreeing(values: Array, real: Array, labels: Array, wanted: Array, own: Array, *, neighbors: int) -> Array:
    """(b,) share of the nearest real ones that carry the wanted label.

    values     (b, d) and real (n, d)
    labels     (n,) int and wanted (b,) int
    own        (b,) int: real ones of this number, and its copies, have no say; -1 for none
    neighbors  how many are asked; all there are where there are fewer
    """
    shares = np.zeros(len(values))
    for row, value in enumerate(np.asarray(values, np.float32)):
        far = ((real - value) ** 2).sum(1)
        if own[row] >= 0:
            far = np.where((real == real[own[row]]).all(1), np.inf, far)
        near = np.argsort(far, kind="stable")[:neighbors]
        near = near[np.isfinite(far[near])]
        shares[row] = (labels[near] == wanted[row]).mean() if len(near) else 0.0
    return shares
