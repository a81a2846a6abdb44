"""Density ratio: how much more often than in train a sample like this one is met in a small target sample.

A logistic regression that tells the two apart gives it (Bickel et al. 2009). With fifty target samples it would believe too
much, so it is heavily regularised, judged on samples that it did not see, and drawn towards 1 as far as they allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import directions, nearest
from tilth.numerics.two_sample import Sides

Array = npt.NDArray[Any]

_STRENGTHS = (0.003, 0.01, 0.03, 0.1)  # of the fit (1 / ridge); the weights of a side add up to its target samples
_SLOPES = np.linspace(0, 1, 21)
_SPREAD = 3.0  # robust deviations beyond which a value counts no more
_NORMAL = 1.349  # middle half of a normal distribution in its deviations


@dataclass(frozen=True)
class Ratio:
    """The ratio at each row, and how far it was believed.

    logs   (n,) its logarithm, of a fit that did not see the row, already drawn in
    slope  0..1, what is left of the fit's own logarithms; 0: the rows could not be told apart, all ratios are 1
    gain   nats a target sample that the ratio saves on rows that the fit did not see
    """

    logs: Array
    slope: float
    gain: float


def described(values: Array, sides: Sides) -> Array:
    """(n, 2 d) what the ratio is fitted on: how far a value is from that of its class in train, and the square of it.

    values  (n, d), NaN where there is none: it says nothing
    """
    columns = []
    for column in np.asarray(values, np.float64).T:
        centred = column.copy()
        for one in np.unique(sides.group):
            rows = sides.group == one
            ours = column[rows & ~sides.target]
            ours = ours[np.isfinite(ours)]
            centred[rows] -= np.median(ours) if len(ours) else np.nan
        told = centred[np.isfinite(centred) & ~sides.target]
        unit = (np.subtract(*np.quantile(told, [0.75, 0.25])) / _NORMAL or told.std()) if len(told) else 0.0
        if unit > 0:
            scaled = np.clip(np.nan_to_num(centred / unit), -_SPREAD, _SPREAD)
            columns += [scaled, (scaled**2 - 1) / 2]
    return np.column_stack(columns) if columns else np.zeros((len(values), 0))


def nearness(points: Array, sides: Sides, rng: np.random.Generator, *, neighbors: int = 3) -> Array:
    """(n,) the logarithm of how much nearer the nearest target samples of its class are than the nearest train samples.

    A target sample is not its own neighbour; so that this tells nothing, each train sample misses one of them too.

    Source  Loftsgaarden and Quesenberry 1965 (density by the distance to the k-th neighbour)
    """
    found = np.full(len(points), np.nan)
    points = directions(np.asarray(points, np.float32))
    for one in np.unique(sides.group):
        rows = np.flatnonzero(sides.group == one)
        theirs, ours = rows[sides.target[rows]], rows[~sides.target[rows]]
        if len(theirs) < 2 or len(ours) < 2:
            continue
        to_target = _mean_distance(points, rows, theirs, neighbors, rng)
        to_train = _mean_distance(points, rows, ours, neighbors, rng)
        found[rows] = np.log(to_train + 1e-3) - np.log(to_target + 1e-3)
    return found


def _mean_distance(points: Array, rows: Array, others: Array, neighbors: int, rng: np.random.Generator) -> Array:
    """(r,) the mean distance of these rows to their nearest among the others, one of which each row does without."""
    distances, near = nearest(points[rows], points[others], neighbors + 1)
    near = others[near]
    itself = near == rows[:, None]
    missed = others[rng.integers(len(others), size=len(rows))]
    barred = np.where(np.isin(rows, others)[:, None], itself, near == missed[:, None])
    barred[~barred.any(axis=1), -1] = True  # what is missed lies beyond those looked at: the farthest is one too many
    return np.where(barred, 0.0, distances).sum(axis=1) / np.maximum((~barred).sum(axis=1), 1)


def density_ratio(described: Array, sides: Sides, rng: np.random.Generator, *, folds: int, repeats: int) -> Ratio:
    """How much more often each row is met in the target, class by class.

    described  (n, d) as `described` gives them
    folds      parts, each judged by a fit of the others; repeats: how often they are drawn anew

    Of several strengths of the fit the one that surely serves unseen rows best is taken, and its logarithms are multiplied
    by the slope that serves them best, times 1 - (error / gain)^2: nothing is left where the gain is within its error.
    Source   Bickel, Brueckner, Scheffer 2009, Discriminative learning under covariate shift; the factor after the
             positive part of James and Stein 1961
    """
    n = len(described)
    total = int(sides.target.sum())
    if not described.shape[1] or total < folds:
        return Ratio(np.zeros(n), 0.0, 0.0)
    weights = sides.weights * total
    logs = np.zeros((len(_STRENGTHS), n))
    for _ in range(repeats):
        part = _parts(sides, folds, rng)
        for number in range(folds):
            held = part == number
            for at, strength in enumerate(_STRENGTHS):
                logs[at, held] += _fitted(described, sides.target, weights, held, strength) / repeats
    believed = [_believed(one, sides.target, weights) for one in logs]
    best = int(np.argmax([gain - error for _, gain, error in believed]))
    slope, gain, error = believed[best]
    left = slope * (1 - (error / gain) ** 2) if gain > error else 0.0
    return Ratio(left * logs[best], left, gain / total if left else 0.0)


def _parts(sides: Sides, folds: int, rng: np.random.Generator) -> Array:
    """(n,) int: each class of each side dealt out evenly."""
    part = np.zeros(len(sides.target), np.int64)
    for side in (sides.target, ~sides.target):
        rows = np.flatnonzero(side)
        rows = rows[np.lexsort((rng.random(len(rows)), sides.group[rows]))]
        part[rows] = np.arange(len(rows)) % folds
    return part


def _fitted(described: Array, target: Array, weights: Array, held: Array, strength: float) -> Array:
    """(held,) log ratios by a fit of the rest."""
    from sklearn.linear_model import LogisticRegression

    model: Any = LogisticRegression(C=strength, max_iter=200)
    rest = ~held
    model.fit(described[rest], target[rest], sample_weight=weights[rest])
    # Without the intercept: both sides weigh alike, and train's own middle is 0.
    return described[held] @ model.coef_[0]


def _believed(logs: Array, target: Array, weights: Array) -> tuple[float, float, float]:
    """The best slope, the nats that it saves in all, and their standard error."""
    losses = np.logaddexp(0, _SLOPES[:, None] * np.where(target, -1.0, 1.0) * logs)
    best = int(np.argmin(losses @ weights))
    saved = losses[0] - losses[best]
    # Train's rows are weighted to as many as the target's: a row of weight w counts as w of a sample.
    return float(_SLOPES[best]), float(saved @ weights), float(np.sqrt(saved**2 @ weights))


def bounded(ratio: Array, group: Array, *, least: float, most: float) -> Array:
    """(n,) the ratios of each class, scaled so that their mean is 1 within the bounds.

    least, most  around 1
    """
    out = np.ones(len(ratio))
    for one in np.unique(group):
        rows = group == one
        low, high = 1e-9, 1e9
        for _ in range(100):  # the mean of what is clipped grows with the scale
            scale = np.sqrt(low * high)
            low, high = (scale, high) if np.clip(scale * ratio[rows], least, most).mean() < 1 else (low, scale)
        out[rows] = np.clip(np.sqrt(low * high) * ratio[rows], least, most)
    return out
