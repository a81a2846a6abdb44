"""How far a sample lies from everything else, by several witnesses; and which are too far, at a given rate of mistakes.

No sample is its own neighbour, nor are its exact copies; and no sample is judged by a class mean that it helped to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import directions, nearest
from tilth.numerics.votes import neighbor_votes

Array = npt.NDArray[Any]

_PARTS = 5  # groups that are judged by means and spreads of the other groups
_LEAST = 1e-9
_ENTRIES = 4_000_000  # differences held at once: 16 MB of float32


def mean_distance(features: Array, rows: Array) -> Array:
    """How far these others are, in the mean.

    features   (n, d), compared by direction
    rows       (n, m) int, rows of the others, -1 where there are fewer: `votes.neighbor_votes` gives them, copies left out
    returns    (n,) float 0..2, NaN where a sample has no direction or no other

    Source     Angiulli and Pizzuti 2002, Fast outlier detection in high dimensional spaces
    """
    units = directions(features)
    found = np.full(len(units), np.nan)
    step = max(1, _ENTRIES // max(rows.shape[1] * units.shape[1], 1))
    for start in range(0, len(units), step):
        part, own = rows[start : start + step], units[start : start + step]
        apart = np.linalg.norm(own[:, None] - units[part], axis=2)
        seen = (part >= 0) & np.any(own, axis=1, keepdims=True)
        counts = seen.sum(axis=1)
        total = np.where(seen, apart, 0.0).sum(axis=1)
        found[start : start + step] = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
    return found


def own_distance(features: Array, members: Array, *, neighbors: int, contents: Array | None = None) -> Array:
    """How far the nearest others of a sample's own class are, in the mean; of several classes the nearest counts.

    members  (n, k) bool
    returns  (n,) float 0..2, NaN where a class has nobody else
    """
    found = np.full(len(features), np.nan)
    for one in range(members.shape[1]):
        rows = np.flatnonzero(members[:, one])
        if len(rows) > 1:
            within = None if contents is None else contents[rows]
            votes = neighbor_votes(features[rows], np.zeros((len(rows), 1)), neighbors=neighbors, contents=within)
            found[rows] = np.fmin(found[rows], mean_distance(features[rows], votes.neighbors))
    return found


def class_distance(features: Array, members: Array, groups: Array) -> Array:
    """How many spreads a sample lies from the nearest class mean: the root of the Mahalanobis distance under a spread that
    all classes share, shrunk. Means and spread are those of the other groups of samples.

    members  (n, k) bool
    groups   (n,) int, whole groups are judged together (copies of one content)
    returns  (n,) float

    Source   Lee et al. 2018, arXiv:1807.03888, section 2.1; shrunk after Ledoit and Wolf 2004; cross-fitted
    """
    units = directions(features).astype(np.float64)
    part = np.unique(groups, return_inverse=True)[1].ravel() % _PARTS
    found = np.full(len(units), np.nan)
    for number in range(_PARTS):
        judged, others = part == number, part != number
        if judged.any() and members[others].any():
            found[judged] = _distance_to_means(units[judged], units[others], members[others])
    return found


def _distance_to_means(judged: Array, others: Array, members: Array) -> Array:
    from sklearn.covariance import ledoit_wolf

    counts = members.sum(axis=0)
    present = counts > 0
    means = (members.T.astype(np.float64) @ others)[present] / counts[present, None]
    row, column = np.nonzero(members[:, present])
    if len(row) < 2:
        return np.full(len(judged), np.nan)
    left = others[row] - means[column]
    spread, _ = ledoit_wolf(left, assume_centered=True)
    spread = spread + np.eye(len(spread)) * max(float(np.trace(spread)) / len(spread), _LEAST) * 1e-6
    root = np.linalg.cholesky(np.linalg.inv(spread))
    distances, _ = nearest((judged @ root).astype(np.float32), (means @ root).astype(np.float32), 1)
    return distances[:, 0].astype(np.float64)


def uncertainty(probabilities: Array, *, multi: bool) -> Array:
    """(n,) how little a model commits itself: the entropy in nats; of several labels 1 - the largest probability, since
    all of them may be unlikely."""
    if multi:
        return 1.0 - probabilities.max(axis=1)
    p = np.clip(probabilities, 1e-12, 1)
    return -(p * np.log(p)).sum(axis=1)


# -- one scale, one score --------------------------------------------------------------------------------------


def standard(values: Array) -> Array:
    """Values less their median, in units of their middle half: one scale for all witnesses, whatever their unit.

    A quarter of the samples may be outliers without moving it. Half of the upper tail (from the median to nine tenths) is
    the least unit: a very sure model has a middle half of next to nothing. NaN becomes 0: nothing is known.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(len(values))
    low, middle, high, tail = np.quantile(known, [0.25, 0.5, 0.75, 0.9])
    unit = max(high - low, 0.5 * (tail - middle))
    if unit <= _LEAST * max(1.0, abs(middle)):
        return np.zeros(len(values))
    return np.where(np.isfinite(values), (values - middle) / unit, 0.0)


def farthest(witnesses: Sequence[Array]) -> Array:
    """(n,) what the most alarmed witness says, each (n,) on the scale of `standard`.

    The largest, not the sum: junk among handwriting is seen by the distance alone, a text of no class by the model alone
    (benchmarks/outliers); a witness that sees nothing must not outvote the one that does.
    """
    return np.max(np.stack(witnesses), axis=0)


# -- a calibrated cut ------------------------------------------------------------------------------------------


def conformal(scores: Array, trusted: Array) -> Array:
    """Share of the trusted samples that score as high: a p-value of being one of them, never 0.

    scores   (n,), larger is stranger
    trusted  (n,) bool
    returns  (n,) in (0, 1]; of a trusted sample itself too, which counts among them

    Source   Bates et al. 2023, Testing for outliers with conformal p-values, arXiv:2104.08279
    """
    ranked = np.sort(scores[trusted])
    above = len(ranked) - np.searchsorted(ranked, scores, side="left")
    return np.minimum((1 + above) / (1 + len(ranked)), 1.0)


def discovered(p: Array, *, false_discovery: float) -> Array:
    """(n,) bool, which are outliers so that at most this share of them is mistaken, in the mean.

    Source  Benjamini and Hochberg 1995, Controlling the false discovery rate
    """
    if not len(p):
        return np.zeros(0, bool)
    ranked = np.sort(p)
    passing = np.flatnonzero(ranked <= false_discovery * np.arange(1, len(p) + 1) / len(p))
    return p <= ranked[passing[-1]] if len(passing) else np.zeros(len(p), bool)
