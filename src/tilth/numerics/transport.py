"""Optimal transport between two clouds of points: entropic, in the log domain, a block of rows at a time.

min over plans P with margins a and b of <P, C> + e KL(P | a x b). Its dual potentials f and g are the derivatives of the
cost by a and b: where f is large, mass is dear to carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_BLOCK_ENTRIES = 4_000_000  # of the cost worked on at once: 16 MB of float32, a few times

_STARVED = 1e-30  # share of its mass below which a column is summed anew: float32 ends at 1e-38


@dataclass(frozen=True, eq=False)
class Carried:
    """A solved transport.

    f, g       (n,), (m,) float64 dual potentials, in units of the cost; f + const, g - const are as good
    cost       <P, C>, what the plan costs
    dual       value of the regularised problem
    gap        how far what the columns carry is from b: sum of absolute differences, 0..2; rows are met
    rounds     of Sinkhorn
    converged  whether the gap came below the tolerance
    """

    f: Array
    g: Array
    cost: float
    dual: float
    gap: float
    rounds: int
    converged: bool


def sinkhorn(
    cost: Array,
    a: Array | None = None,
    b: Array | None = None,
    *,
    blur: float,
    rounds: int = 1000,
    tolerance: float = 1e-3,
) -> Carried:
    """The entropic transport of a (n,) to b (m,); default: all points weigh alike.

    cost       (n, m) float, of any sign; float32 is worked on as such, float64 too
    a, b       weights above 0 that add up to 1
    blur       e, in units of the cost: smaller is truer and takes more rounds
    tolerance  of the margins (0..2)

    Source     Cuturi 2013, arXiv:1306.0895, in the log domain as in Peyre and Cuturi 2019, arXiv:1803.00567, section 4.4
    Cost       O(n m) a round, one exponential each; one block of rows beside the cost
    """
    n, m = cost.shape
    a = np.full(n, 1 / n) if a is None else np.asarray(a, np.float64)
    b = np.full(m, 1 / m) if b is None else np.asarray(b, np.float64)
    f, g, shares, gap, done = np.zeros(n), np.zeros(m), np.ones(m), np.inf, 0
    while done < rounds and gap > tolerance:
        if done:
            g = _lifted(cost, a, f, g, shares, blur)
        f, shares = _half(cost, a, b, g, blur)
        gap = float(np.abs(b * shares - b).sum())  # rows are met by this f, columns carry b x shares
        done += 1
    paid = _paid(cost, a, b, f, g, blur)
    return Carried(f, g, paid, float(a @ f + b @ g), gap, done, gap <= tolerance)


def _half(cost: Array, a: Array, b: Array, g: Array, blur: float) -> tuple[Array, Array]:
    """f (n,) that meets the rows for this g, and what columns then carry over what they should, (m,)."""
    n, m = cost.shape
    f, shares = np.empty(n), np.zeros(m)
    tilt = (g / blur + np.log(b)).astype(cost.dtype)
    for rows in _blocks(n, m):
        log = tilt - cost[rows] / cost.dtype.type(blur)
        top = log.max(axis=1, keepdims=True)
        part = np.exp(log - top)
        sums = part.sum(axis=1, dtype=np.float64)
        f[rows] = -blur * (np.log(sums) + top[:, 0])
        shares += (a[rows] / sums) @ part
    return f, shares / b


def _lifted(cost: Array, a: Array, f: Array, g: Array, shares: Array, blur: float) -> Array:
    """g (m,) that meets the columns for this f. A column that nothing reached within the digits is summed anew, in the
    log domain: from its share of 0 no one knows how far it is."""
    starved = np.flatnonzero(shares < _STARVED)
    lifted = g - blur * np.log(np.maximum(shares, _STARVED))
    for column in starved.tolist():
        log = np.log(a) + (f - cost[:, column]) / blur
        lifted[column] = -blur * (np.log(np.exp(log - log.max()).sum()) + log.max())
    return lifted


def _paid(cost: Array, a: Array, b: Array, f: Array, g: Array, blur: float) -> float:
    """<P, C> of the plan that these potentials stand for."""
    paid = 0.0
    for rows in _blocks(*cost.shape):
        plan = np.exp((f[rows, None] + g - cost[rows]) / blur) * a[rows, None] * b
        paid += float((plan * cost[rows]).sum())
    return paid


def calibrated(potential: Array) -> Array:
    """(n,) how the cost grows as a point gains mass that all others lose alike: f_i - mean of the other f.

    Source   Just et al. 2023, arXiv:2305.00054, equation 2
    """
    n = len(potential)
    if n < 2:
        return np.zeros(n)
    return (potential - potential.mean()) * (n / (n - 1))


def squared_distances(points: Array, queries: Array) -> Array:
    """(n, m) float32, |x - y|^2 of points (n, d) and queries (m, d); none below 0."""
    n, m = len(points), len(queries)
    found = np.empty((n, m), np.float32)
    lengths = np.einsum("md,md->m", queries, queries)
    for rows in _blocks(n, m):
        part = points[rows]
        squares = np.einsum("nd,nd->n", part, part)[:, None] + lengths - 2 * (part @ queries.T)
        found[rows] = np.maximum(squares, 0)
    return found


def _blocks(n: int, m: int) -> list[slice]:
    step = max(1, _BLOCK_ENTRIES // max(m, 1))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
