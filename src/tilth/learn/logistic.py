"""Logistic regression with soft labels, weights, several labels a sample and classes that are absent."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.learn.teaching import Teaching
from tilth.signal import Array

_MOST_STEPS = 1000  # of lbfgs; 30 to 200 are usual


@dataclass(frozen=True)
class Logistic:
    """A fitted regression. For each group of classes that exclude each other one estimator of scikit-learn, or a share
    that is the same for every sample where there is nothing to tell apart.

    parts  (columns of the classes, estimator or shares)
    """

    classes: int
    parts: tuple[tuple[Array, Any], ...]

    def probabilities(self, values: Any) -> Array:
        """(n, k) float32 for values (n, d), dense or sparse."""
        found = np.zeros((values.shape[0], self.classes), np.float32)
        for columns, part in self.parts:
            if isinstance(part, np.ndarray):
                found[:, columns] = part
            elif len(columns) == 1:
                found[:, columns] = part.predict_proba(values)[:, 1:]
            else:
                found[:, columns] = part.predict_proba(values)
        return found


def fitted(values: Any, lesson: Teaching, *, strength: float) -> Logistic:
    """A regression of what is taught on values (n, d), dense or sparse; `strength` is scikit-learn's C.

    A class that no sample has gets probability 0; the only class gets 1.
    """
    k = lesson.targets.shape[1]
    if lesson.multi:
        parts = [
            (np.array([column]), _one_or_not(values, lesson.targets[:, column], lesson.weights, strength))
            for column in range(k)
        ]
        return Logistic(k, tuple(parts))
    present = np.flatnonzero(lesson.targets.sum(0) > 0)
    if len(present) == 1:
        return Logistic(k, ((present, np.ones(1, np.float32)),))
    # A soft label is its classes, each with its share of the weight.
    rows, labels = np.nonzero(lesson.targets)
    weights = lesson.targets[rows, labels] * lesson.weights[rows]
    return Logistic(k, ((present, _estimator(values[rows], labels, weights, strength)),))


def _one_or_not(values: Any, shares: Array, weights: Array, strength: float) -> Any:
    if (shares == shares[0]).all() and shares[0] in (0, 1):
        return np.array([shares[0]], np.float32)
    yes, no = np.flatnonzero(shares > 0), np.flatnonzero(shares < 1)
    rows = np.concatenate([no, yes])
    truth = np.repeat([0, 1], [len(no), len(yes)])
    both = np.concatenate([(1 - shares[no]) * weights[no], shares[yes] * weights[yes]])
    return _estimator(values[rows], truth, both, strength)


def _estimator(values: Any, truth: Array, weights: Array, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is not quite at its optimum still tells
        return LogisticRegression(C=strength, max_iter=_MOST_STEPS).fit(values, truth, sample_weight=weights)
