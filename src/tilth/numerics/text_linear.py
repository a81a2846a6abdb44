"""A linear classifier of texts: weighed words, pairs of words and pieces of words; support vectors; probabilities.

One machine a class, each against the rest: of 150 classes some fifty times as fast as a softmax over all of them, and as
right. Its distances are turned into probabilities by one temperature (of several labels: one slope and shift for all classes),
taken where they foretell labels best that the machine did not see.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

STRENGTHS = (0.1, 0.3, 1.0)
"""Scikit-learn's C, of which the one is taken that foretells labels best: 0.1 where a fifth of the labels of TREC are wrong (2
points of a hundred more than 0.3), 1 where all are right (benchmarks/text)."""

_MANY = 1_000  # texts from which on a word or piece that comes once is left out: half of them do, and they join nothing
_FOLDS = 3  # parts, each foretold by the others, from which strength and temperature are taken
_PLENTY = 3_000  # texts from which on one part is enough: a thousand to foretell
_TOLERANCE = 0.1  # LIBLINEAR's own; scikit-learn's 1e-4 takes three times as long and is no better
_USUAL = 4.0  # temperature where there is too little to take it from; 3 to 6 are usual
_FEWEST = 30  # texts from which it is taken


@dataclass(frozen=True)
class TextClassifier:
    """A trained classifier.

    counters  of words and of pieces, as they were learned
    weights   (terms, k) float32
    shift     (k,)
    slope     by which distances are multiplied; `rise` is added of several labels
    open_     (k,) bool, classes that any text had; the others get probability 0
    """

    counters: tuple[Any, ...]
    weights: Array
    shift: Array
    slope: float
    rise: float
    open_: Array
    multi: bool
    strength: float

    @property
    def terms(self) -> int:
        return len(self.weights)

    def probabilities(self, texts: Sequence[str]) -> Array:
        """(n, k) float32; rows add up to 1 where a text has one class."""
        if not len(texts):
            return np.zeros((0, len(self.shift)), np.float32)
        distances = counted(self.counters, texts) @ self.weights + self.shift
        return _chances(distances, self.slope, self.rise, self.open_, multi=self.multi).astype(np.float32)


def fitted_texts(
    texts: Sequence[str],
    targets: Array,
    *,
    multi: bool,
    weights: Array | None = None,
    groups: Array | None = None,
    strength: float | None = None,
    most_terms: int = 200_000,
    balanced: bool = False,
    pairs: int = 2,
    letters: tuple[int, int] = (2, 5),
) -> TextClassifier:
    """A classifier of these texts.

    targets   (n, k) 0..1: rows of a single label add up to 1; a shared label counts as each of its classes, with its share
    weights   (n,) of the texts; default 1
    groups    (n,) int, texts of one number are copies or of one parent: the temperature is not taken from the one after
              the other was learned
    strength  scikit-learn's C; None: cross-validated among `STRENGTHS`
    balanced  every class counts alike, however few texts it has
    pairs     words in a row at most that count as one; letters: the shortest and longest pieces
    """
    rows_weight = np.ones(len(texts)) if weights is None else np.asarray(weights, np.float64)
    if balanced:
        rows_weight = rows_weight * _even(targets, multi=multi)
    counters = learned_counters(texts, most=most_terms, pairs=pairs, letters=letters)
    values = counted(counters, texts)
    open_ = targets.sum(axis=0) > 0
    tried = STRENGTHS if strength is None else (strength,)
    best, slope, rise = _calibrated(values, targets, rows_weight, groups, tried, multi=multi)
    coefficients, shift = machines(values, targets, rows_weight, best, multi=multi)
    return TextClassifier(counters, coefficients, shift, slope, rise, open_, multi, best)


# -- counting -------------------------------------------------------------------------------------------------


def learned_counters(texts: Sequence[str], *, most: int, pairs: int, letters: tuple[int, int]) -> tuple[Any, ...]:
    """Counters that know the words and pieces of these texts; those that found nothing are left out."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 2 if len(texts) >= _MANY else 1
    common: dict[str, Any] = {"sublinear_tf": True, "max_features": most, "dtype": np.float32, "min_df": least}
    # Single letters count as words: "I" and Chinese characters say something.
    words = TfidfVectorizer(ngram_range=(1, pairs), token_pattern=r"(?u)\b\w+\b", **common)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=letters, **common)
    return tuple(counter for counter in (words, pieces) if _learned(counter, texts))


def _learned(counter: Any, texts: Sequence[str]) -> bool:
    try:
        counter.fit(texts)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return False
    return True


def counted(counters: tuple[Any, ...], texts: Sequence[str]) -> Any:
    """(n, terms) sparse float32; one column of nothing where no counter found anything."""
    from scipy.sparse import csr_matrix, hstack

    if not counters:
        return csr_matrix((len(texts), 1), dtype=np.float32)
    return hstack([counter.transform(texts) for counter in counters], format="csr")


# -- the machines ---------------------------------------------------------------------------------------------


def machines(values: Any, targets: Array, weights: Array, strength: float, *, multi: bool) -> tuple[Array, Array]:
    """(terms, k) and (k,): for each class its distance from all others.

    Source  Fan et al. 2008, LIBLINEAR (L2-regularised squared hinge); Rifkin and Klautau 2004 (one against the rest)
    """
    k = targets.shape[1]
    coefficients, shift = np.zeros((values.shape[1], k), np.float32), np.full(k, -1.0)
    if multi:
        for c in range(k):
            coefficients[:, c], shift[c] = _against_rest(values, targets[:, c], weights, strength)
        return coefficients, shift
    rows, labels = np.nonzero(targets * weights[:, None])  # the machine does not see what weighs nothing
    present = np.unique(labels)
    if len(present) < 2:
        shift[present] = 1.0
        return coefficients, shift
    machine = _machine(values[rows], labels, targets[rows, labels] * weights[rows], strength)
    if len(present) == 2:  # one machine tells both
        coefficients[:, present] = np.outer(machine.coef_[0], (-1, 1))
        shift[present] = machine.intercept_[0] * np.array((-1, 1))
    else:
        coefficients[:, present], shift[present] = machine.coef_.T, machine.intercept_
    return coefficients, shift


def _against_rest(values: Any, shares: Array, weights: Array, strength: float) -> tuple[Array, float]:
    """(terms,) and a shift, for one class of several that a text may have."""
    yes, no = np.flatnonzero(shares * weights > 0), np.flatnonzero((1 - shares) * weights > 0)
    if not len(yes) or not len(no):
        return np.zeros(values.shape[1], np.float32), 1.0 if len(yes) else -1.0
    rows, truth = np.concatenate([no, yes]), np.repeat([0, 1], [len(no), len(yes)])
    both = np.concatenate([(1 - shares[no]) * weights[no], shares[yes] * weights[yes]])
    machine = _machine(values[rows], truth, both, strength)
    return machine.coef_[0], float(machine.intercept_[0])


def _machine(values: Any, truth: Array, weights: Array, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is not quite at its optimum still tells
        return LinearSVC(C=strength, tol=_TOLERANCE, random_state=0).fit(values, truth, sample_weight=weights)


def _even(targets: Array, *, multi: bool) -> Array:
    """(n,) weights under which every class counts alike; of several labels a text has the mean of its classes'."""
    sizes = targets.sum(axis=0)
    each = np.where(sizes > 0, targets.sum() / np.maximum(sizes, 1e-9) / max(int((sizes > 0).sum()), 1), 0.0)
    total = np.maximum(targets.sum(axis=1), 1e-9)
    shares = targets @ each / total
    return np.where(targets.sum(axis=1) > 0, shares, 1.0) if multi else shares


# -- probabilities --------------------------------------------------------------------------------------------


def _calibrated(
    values: Any, targets: Array, weights: Array, groups: Array | None, strengths: tuple[float, ...], *, multi: bool
) -> tuple[float, float, float]:
    """The strength, and slope and rise with which its distances foretell labels best that were not learned."""
    from tilth.numerics.folds import fold_of

    own = np.arange(len(targets)) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    if own.max(initial=0) + 1 < _FEWEST or (targets.sum(axis=0) > 0).sum() < 1 + (not multi):
        return strengths[-1], _USUAL, 0.0
    parts = fold_of(own, np.column_stack([targets, np.ones(len(targets))]), folds=_FOLDS, seed=0)
    foretell = _slope_and_rise if multi else _temperature
    asked = range(1 if len(targets) >= _PLENTY else _FOLDS)
    told = np.isin(parts, list(asked))
    tried: list[tuple[float, float, float, float]] = []
    for strength in strengths:
        distances = np.zeros(targets.shape)
        for part in asked:
            held = parts == part
            coefficients, shift = machines(values[~held], targets[~held], weights[~held], strength, multi=multi)
            distances[held] = values[held] @ coefficients + shift
        loss, slope, rise = foretell(distances[told], targets[told], weights[told])
        tried.append((loss, strength, slope, rise))
    return min(tried)[1:]


def _temperature(distances: Array, targets: Array, weights: Array) -> tuple[float, float, float]:
    """The least loss, the slope of the softmax that has it, and no rise.

    Source  Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599
    """
    from scipy.optimize import minimize_scalar

    open_ = targets.sum(axis=0) > 0

    def loss(log_slope: float) -> float:
        chances = _chances(distances, float(np.exp(log_slope)), 0.0, open_, multi=False)
        return float(-(weights[:, None] * targets * np.log(np.maximum(chances, 1e-12))).sum())

    found: Any = minimize_scalar(loss, bounds=(np.log(0.3), np.log(60.0)), method="bounded", options={"xatol": 0.02})
    return float(found.fun), float(np.exp(found.x)), 0.0


def _slope_and_rise(distances: Array, targets: Array, weights: Array) -> tuple[float, float, float]:
    """The least loss, and the slope and rise that have it: one sigmoid for all classes, for one of few texts cannot tell
    its own.

    Source  Platt 1999, Probabilistic outputs for support vector machines
    """
    from scipy.optimize import minimize

    z, t = distances.ravel(), targets.ravel()
    w = np.repeat(weights, targets.shape[1])

    def loss(at: Array) -> tuple[float, Array]:
        logit = at[0] * z + at[1]
        p = 1 / (1 + np.exp(-np.clip(logit, -50, 50)))
        value = (w * (np.logaddexp(0, logit) - t * logit)).sum() / w.sum()
        error = w * (p - t) / w.sum()
        return float(value), np.array([(error * z).sum(), error.sum()])

    found: Any = minimize(loss, np.array([_USUAL, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.3, 60.0), (-20, 20)])
    return float(found.fun), float(found.x[0]), float(found.x[1])


def _chances(distances: Array, slope: float, rise: float, open_: Array, *, multi: bool) -> Array:
    """(n, k) float64."""
    logit = np.asarray(distances, np.float64) * slope + rise
    if multi:
        return np.where(open_, 1 / (1 + np.exp(-np.clip(logit, -50, 50))), 0.0)
    logit = np.where(open_, logit, -np.inf)
    if not open_.any():
        return np.full(logit.shape, 1 / max(logit.shape[1], 1))
    shares = np.exp(logit - logit.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
