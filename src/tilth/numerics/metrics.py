"""How well predictions meet the labels, on many weightings of the samples at once.

Every metric is a function of (targets, probabilities, weights): targets and probabilities (m, k), weights (r, m) with a
row per resample, and returns (r,). So 2,000 bootstrap resamples cost one product of matrices instead of 2,000 calls.
Classes that a resample neither holds nor predicts have no F1 and do not count in a mean, as in scikit-learn with
`zero_division=nan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Metric: TypeAlias = Callable[[Array, Array, Array], Array]

DECIDED_ABOVE = 0.5
"""A multi-label class is said to be there from this probability on."""


# -- decisions -------------------------------------------------------------------------------------------------


def one_of(values: Array) -> Array:
    """(m, k) bool with one True per row, at the largest value (the first of several); rows of zeros stay empty."""
    chosen = np.zeros(values.shape, dtype=bool)
    if values.size:
        chosen[np.arange(len(values)), values.argmax(axis=1)] = True
    return chosen & (values.max(axis=1, initial=0) > 0)[:, None]


def any_of(values: Array) -> Array:
    """(m, k) bool, which classes are said to be there."""
    return values >= DECIDED_ABOVE


def tallies(truths: Array, guesses: Array, weights: Array) -> tuple[Array, Array, Array]:
    """How often each class was right, there, and said: three arrays (r, k).

    truths, guesses  (m, k) bool
    weights          (r, m)
    """
    from scipy.sparse import csr_array

    def summed(mask: Array) -> Array:
        # Sparse: a row of truth holds one class, or a few, of hundreds.
        return np.asarray((csr_array(mask.T.astype(np.float64)) @ weights.T).T)

    return summed(truths & guesses), summed(truths), summed(guesses)


def unit_weights(m: int) -> Array:
    """(1, m) ones: the sample as it is."""
    return np.ones((1, m))


def score(metric: Metric, targets: Array, probabilities: Array) -> float:
    """One metric on the samples as they are."""
    return float(metric(targets, probabilities, unit_weights(len(targets)))[0])


# -- one class per sample --------------------------------------------------------------------------------------


def accuracy(targets: Array, probabilities: Array, weights: Array) -> Array:
    """Share of samples whose likeliest class is the right one."""
    right = (one_of(targets) & one_of(probabilities)).any(axis=1)
    return _share(weights @ right.astype(np.float64), weights.sum(axis=1))


def balanced_accuracy(targets: Array, probabilities: Array, weights: Array) -> Array:
    """Mean over the classes that occur of the share of their samples that were found."""
    hits, there, _ = tallies(one_of(targets), one_of(probabilities), weights)
    return _mean_defined(_share(hits, there))


def macro_f1(targets: Array, probabilities: Array, weights: Array) -> Array:
    """Mean F1 over the classes."""
    return _mean_defined(class_f1(targets, probabilities, weights))


def class_f1(targets: Array, probabilities: Array, weights: Array) -> Array:
    """(r, k) F1 of each class; nan where it is neither there nor said."""
    return f1_of(*tallies(one_of(targets), one_of(probabilities), weights))


def confusion(targets: Array, probabilities: Array) -> Array:
    """(k, k) int: rows are the true class, columns the predicted one."""
    truths, guesses = one_of(targets), one_of(probabilities)
    return truths.T.astype(np.int64) @ guesses.astype(np.int64)


# -- several classes per sample --------------------------------------------------------------------------------


def subset_accuracy(targets: Array, probabilities: Array, weights: Array) -> Array:
    """Share of samples whose set of classes is right as a whole."""
    right = (any_of(targets) == any_of(probabilities)).all(axis=1)
    return _share(weights @ right.astype(np.float64), weights.sum(axis=1))


def micro_f1(targets: Array, probabilities: Array, weights: Array) -> Array:
    """F1 over all pairs of sample and class; 1 where there is none and none was said."""
    summed = [tally.sum(axis=1) for tally in tallies(any_of(targets), any_of(probabilities), weights)]
    return np.nan_to_num(f1_of(*summed), nan=1.0)


def macro_f1_multi(targets: Array, probabilities: Array, weights: Array) -> Array:
    """Mean F1 over the classes, each decided on its own at .5."""
    return _mean_defined(class_f1_multi(targets, probabilities, weights))


def class_f1_multi(targets: Array, probabilities: Array, weights: Array) -> Array:
    """(r, k) F1 of each class; nan where it is neither there nor said."""
    return f1_of(*tallies(any_of(targets), any_of(probabilities), weights))


def mean_average_precision(targets: Array, probabilities: Array, weights: Array) -> Array:
    """Mean over the classes that occur of the area under precision by recall (step-wise, not interpolated)."""
    truths = any_of(targets)
    tall = np.ascontiguousarray(
        weights.T
    )  # a row per sample: putting those in order moves whole rows, ten times faster
    columns = [_average_precision(truths[:, c], probabilities[:, c], tall) for c in range(truths.shape[1])]
    return _mean_defined(np.stack(columns, axis=1)) if columns else np.zeros(len(weights))


def _average_precision(truth: Array, scores: Array, tall: Array) -> Array:
    """(r,) mean over the true samples of the precision at their score; samples of one score share a threshold.

    truth   (m,) bool
    scores  (m,) higher = more likely
    tall    (m, r) weights
    """
    order = np.argsort(-scores, kind="stable")
    ranked, positives = scores[order], np.flatnonzero(truth[order])
    end = np.searchsorted(-ranked, -ranked[positives], side="right") - 1  # last sample of the same score
    weight = tall[order]
    own = weight[positives]
    seen = np.cumsum(weight, axis=0, out=weight)[end]
    hits = np.cumsum(own, axis=0)[np.searchsorted(positives, end, side="right") - 1]
    precision = np.divide(hits, seen, out=seen, where=seen > 0)
    return _share(np.einsum("pr,pr->r", own, precision), own.sum(axis=0))


# -- per class -------------------------------------------------------------------------------------------------


def f1_of(hits: Array, there: Array, said: Array) -> Array:
    """F1 from tallies; nan where the class is neither there nor said."""
    return _share(2 * hits, there + said)


def precision_recall(hits: Array, there: Array, said: Array) -> tuple[Array, Array]:
    """Precision (nan where never said) and recall (nan where never there) from tallies."""
    return _share(hits, said), _share(hits, there)


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def _mean_defined(values: Array) -> Array:
    # (r, k) -> (r,); nan only where no class is defined, which no resample of a labelled test split brings about.
    defined = ~np.isnan(values)
    return _share(np.where(defined, values, 0).sum(axis=1), defined.sum(axis=1))


SINGLE_LABEL: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}
"""Metrics of single-label tasks; the first is the headline where none is named."""

MULTI_LABEL: Mapping[str, Metric] = {
    "macro_f1": macro_f1_multi,
    "micro_f1": micro_f1,
    "subset_accuracy": subset_accuracy,
    "mean_average_precision": mean_average_precision,
}
"""Metrics of multi-label tasks; the first is the headline where none is named."""
