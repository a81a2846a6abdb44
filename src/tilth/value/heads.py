"""Cheap models on an embedding, for games that train hundreds of them.

A head is asked with weights (n,) of the train samples (0: left out; 2: twice in a bag) and answers with scores (q, k) of
the queries. What can be done before the weights are known is done once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tilth.numerics.neighbors import nearest
from tilth.signal import Array

HEADS = ("ridge", "neighbors", "logistic")

Head: TypeAlias = Callable[[Array], Array]
"""weights (n,) -> (q, k) scores 0..1; without any weight 1/k each, or 1/2 where several labels may hold."""

DIMS = 64
"""Directions of greatest spread that linear heads see: 200 fits cost seconds, whatever the embedding's width."""

RIDGE = 0.01
"""Weight of the ridge, in units of (weight of all samples) x (mean squared length of a sample)."""

_STRENGTH = 1.0  # scikit-learn's C, on values of unit variance over all
_STEPS = 100  # of lbfgs


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a head learns from and is asked about.

    points   (n, d) train samples
    targets  (n, k) one-hot, multi-hot or shares
    queries  (q, d)
    multi    whether several labels may hold at once
    """

    points: Array
    targets: Array
    queries: Array
    multi: bool

    @property
    def blank(self) -> float:
        """The score of each class without any knowledge."""
        return 0.5 if self.multi else 1 / self.targets.shape[1]


def head(name: str, lesson: Lesson, *, neighbors: int = 5, looked_up: int | None = None) -> Head:
    """The head of this name.

    neighbors  how many vote, of the head `neighbors`
    looked_up  how many of the nearest train samples are kept per query; None: all, for bags that may be small
    """
    if name == "neighbors":
        return _neighbors(lesson, neighbors, looked_up)
    return _ridge(lesson) if name == "ridge" else _logistic(lesson)


def hits(scores: Array, targets: Array, *, multi: bool) -> Array:
    """(q,) 0..1, how right the best class is, or the share of classes on the right side of 1/2; ties are shared out.

    scores, targets  (q, k)
    """
    if multi:
        said = np.where(np.isclose(scores, 0.5), 0.5, scores > 0.5)
        return (said * targets + (1 - said) * (1 - targets)).mean(1)
    best = np.isclose(scores, scores.max(1, keepdims=True), atol=1e-9)
    return (best * targets).sum(1) / best.sum(1)


def likelihood(scores: Array, targets: Array, *, multi: bool) -> Array:
    """(q,) 0..1, the score of the label; of several labels the mean over classes.

    scores, targets  (q, k)
    """
    if multi:
        return (scores * targets + (1 - scores) * (1 - targets)).mean(1)
    return (scores * targets).sum(1)


def _neighbors(lesson: Lesson, k: int, looked_up: int | None) -> Head:
    """A vote of the k nearest samples of the bag, by direction; one that is twice in the bag has two votes."""
    order = _nearest(lesson, looked_up)
    every = np.arange(len(order))

    def ask(weights: Array) -> Array:
        inside = (weights > 0)[order]
        tally, total = np.zeros((len(order), lesson.targets.shape[1])), np.zeros(len(order))
        for _ in range(min(k, inside.shape[1])):
            at = inside.argmax(1)
            rows = order[every, at]
            voice = weights[rows] * inside[every, at]
            tally += voice[:, None] * lesson.targets[rows]
            total += voice
            inside[every, at] = False
        return np.where(total[:, None] > 0, tally / np.maximum(total, 1e-300)[:, None], lesson.blank)

    return ask


def _nearest(lesson: Lesson, looked_up: int | None) -> Array:
    """(q, l) int32 rows of the train samples, near to far; of equally far ones the smaller row first."""
    points, queries = _units(lesson.points), _units(lesson.queries)
    if looked_up is not None and looked_up < len(points):
        return nearest(queries, points, looked_up)[1].astype(np.int32)
    found = np.empty((len(queries), len(points)), np.int32)
    step = max(1, 4_000_000 // len(points))
    for start in range(0, len(queries), step):
        near = np.round(-(queries[start : start + step] @ points.T), 12)  # copies are as far to the last digit
        found[start : start + step] = np.argsort(near, axis=1, kind="stable")
    return found


def _units(values: Array) -> Array:
    """(n, d) float64 of length 1."""
    values = values.astype(np.float64)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def _spread(lesson: Lesson) -> tuple[Array, Array]:
    """Points and queries (n, e), (q, e) along the directions in which the points differ most, mean squared length 1."""
    points, queries = lesson.points.astype(np.float64), lesson.queries.astype(np.float64)
    centre = points.mean(0)
    points, queries = points - centre, queries - centre
    _, turn = np.linalg.eigh(points.T @ points)
    turn = turn[:, ::-1][:, :DIMS]
    points, queries = points @ turn, queries @ turn
    scale = np.sqrt(max(float((points**2).sum(1).mean()), 1e-12))
    return points / scale, queries / scale


def _ridge(lesson: Lesson) -> Head:
    """Least squares on the labels with a ridge, in closed form; scores are cut to 0..1 and made to add up to 1."""
    points, queries = _spread(lesson)
    targets = lesson.targets.astype(np.float64)
    dims = np.arange(points.shape[1])

    def ask(weights: Array) -> Array:
        rows = np.flatnonzero(weights)
        if not len(rows):
            return np.full((len(queries), targets.shape[1]), lesson.blank)
        w, x, y = weights[rows].astype(np.float64), points[rows], targets[rows]
        share = w / w.sum()
        centre, mean = share @ x, share @ y
        x = x - centre
        gram = (x * share[:, None]).T @ x
        gram[dims, dims] += RIDGE
        scores = (queries - centre) @ np.linalg.solve(gram, (x * share[:, None]).T @ y) + mean
        scores = np.clip(scores, 0, 1)
        if lesson.multi:
            return scores
        return scores / np.maximum(scores.sum(1, keepdims=True), 1e-12)

    return ask


def _logistic(lesson: Lesson) -> Head:
    """Logistic regression, one for all classes or one a class where several may hold; a soft label counts as its
    largest class."""
    points, queries = _spread(lesson)
    points, queries = (values * np.sqrt(points.shape[1]) for values in (points, queries))
    targets = lesson.targets

    def ask(weights: Array) -> Array:
        rows = np.flatnonzero(weights)
        if not len(rows):
            return np.full((len(queries), targets.shape[1]), lesson.blank)
        if not lesson.multi:
            return _fit(points[rows], targets[rows].argmax(1), weights[rows], queries, targets.shape[1])
        columns = [_fit(points[rows], (t[rows] > 0.5).astype(int), weights[rows], queries, 2) for t in targets.T]
        return np.stack([column[:, 1] for column in columns], axis=1)

    return ask


def _fit(points: Array, labels: Array, weights: Array, queries: Array, k: int) -> Array:
    """(q, k) probabilities; a class that nobody has gets 0."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    scores = np.zeros((len(queries), k))
    if (labels == labels[0]).all():
        scores[:, labels[0]] = 1
        return scores
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one of hundreds of models need not be at its optimum
        model = LogisticRegression(C=_STRENGTH, max_iter=_STEPS).fit(points, labels, sample_weight=weights)
    scores[:, model.classes_] = model.predict_proba(queries)
    return scores
