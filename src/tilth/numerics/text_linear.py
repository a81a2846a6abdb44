"""A linear classifier of texts: weighed words, pairs of words and pieces of words; support vectors; probabilities.

One machine a class, each against the rest: as right as a softmax over all classes. Its distances are turned into
probabilities by one temperature (of several labels: one slope and shift for all classes), taken where they foretell labels
best that the machine did not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.machines import trained
from tilth.numerics.pieces import PieceCounter

Array = npt.NDArray[Any]

STRENGTHS = (0.1, 0.3, 1.0)
"""Scikit-learn's C, of which the one is taken that foretells labels best: 0.1 where a fifth of the labels of TREC are wrong (2
points of a hundred more than 0.3), 1 where all are right (benchmarks/text)."""

_MANY = 1_000  # texts from which on a word or piece that comes once is left out: half of them do, and they join nothing
_FOLDS = 3  # parts, each foretold by the others, from which strength and temperature are taken
_PLENTY = 3_000  # texts from which on one part is enough: a thousand to foretell
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
    threads: int = 1,
) -> TextClassifier:
    """A classifier of these texts.

    targets   (n, k) 0..1: rows of a single label add up to 1; a shared label counts as each of its classes, with its share
    weights   (n,) of the texts; default 1
    groups    (n,) int, texts of one number are copies or of one parent: the temperature is not taken from the one after
              the other was learned
    strength  scikit-learn's C; None: cross-validated among `STRENGTHS`
    balanced  every class counts alike, however few texts it has
    pairs     words in a row at most that count as one; letters: the shortest and longest pieces
    threads   that it may use; the classifier is the same with any number
    """
    rows_weight = np.ones(len(texts)) if weights is None else np.asarray(weights, np.float64)
    if balanced:
        rows_weight = rows_weight * _even(targets, multi=multi)
    counters, values = learned_counters(texts, most=most_terms, pairs=pairs, letters=letters)
    open_ = targets.sum(axis=0) > 0
    tried = STRENGTHS if strength is None else (strength,)
    best, slope, rise = _calibrated(values, targets, rows_weight, groups, tried, multi=multi, threads=threads)
    ((coefficients, shift),) = trained(values, targets, rows_weight, (best,), multi=multi, threads=threads)
    return TextClassifier(counters, coefficients, shift, slope, rise, open_, multi, best)


# -- counting -------------------------------------------------------------------------------------------------


def learned_counters(
    texts: Sequence[str], *, most: int, pairs: int, letters: tuple[int, int]
) -> tuple[tuple[Any, ...], Any]:
    """Counters that know the words and pieces of these texts, without those that found nothing; and what `counted` gives."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 2 if len(texts) >= _MANY else 1
    common: dict[str, Any] = {"sublinear_tf": True, "max_features": most, "dtype": np.float32, "min_df": least}
    # Single letters count as words: "I" and Chinese characters say something.
    words = TfidfVectorizer(ngram_range=(1, pairs), token_pattern=r"(?u)\b\w+\b", **common)
    counters, tables = list[Any](), list[Any]()
    with suppress(ValueError):  # scikit-learn's word, and ours, for texts in which nothing is to be counted
        tables.append(words.fit_transform(texts))
        counters.append(words)
    with suppress(ValueError):
        pieces, table = PieceCounter.learned(texts, letters, least=least, most=most)
        tables.append(table)
        counters.append(pieces)
    return tuple(counters), _beside(tables, len(texts))


def counted(counters: tuple[Any, ...], texts: Sequence[str]) -> Any:
    """(n, terms) sparse float32; one column of nothing where no counter found anything."""
    return _beside([counter.transform(texts) for counter in counters], len(texts))


def _beside(tables: Sequence[Any], count: int) -> Any:
    from scipy.sparse import csr_matrix, hstack

    return hstack(tables, format="csr") if tables else csr_matrix((count, 1), dtype=np.float32)


def _even(targets: Array, *, multi: bool) -> Array:
    """(n,) weights under which every class counts alike; of several labels a text has the mean of its classes'."""
    sizes = targets.sum(axis=0)
    each = np.where(sizes > 0, targets.sum() / np.maximum(sizes, 1e-9) / max(int((sizes > 0).sum()), 1), 0.0)
    total = np.maximum(targets.sum(axis=1), 1e-9)
    shares = targets @ each / total
    return np.where(targets.sum(axis=1) > 0, shares, 1.0) if multi else shares


# -- probabilities --------------------------------------------------------------------------------------------


def _calibrated(
    values: Any,
    targets: Array,
    weights: Array,
    groups: Array | None,
    strengths: tuple[float, ...],
    *,
    multi: bool,
    threads: int,
) -> tuple[float, float, float]:
    """The strength, and slope and rise with which its distances foretell labels best that were not learned."""
    from tilth.numerics.folds import fold_of

    own = np.arange(len(targets)) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    if own.max(initial=0) + 1 < _FEWEST or (targets.sum(axis=0) > 0).sum() < 1 + (not multi):
        return strengths[-1], _USUAL, 0.0
    parts = fold_of(own, np.column_stack([targets, np.ones(len(targets))]), folds=_FOLDS, seed=0)
    foretell = _slope_and_rise if multi else _temperature
    asked = range(1 if len(targets) >= _PLENTY else _FOLDS)
    told = np.flatnonzero(np.isin(parts, list(asked)))
    distances: Array = np.zeros((len(strengths), len(told), targets.shape[1]))
    for part in asked:
        held = parts == part
        each = trained(values, targets, weights * ~held, strengths, multi=multi, threads=threads)
        for row, (coefficients, shift) in enumerate(each):
            distances[row, held[told]] = values[held] @ coefficients + shift
    tried: list[tuple[float, float, float, float]] = []
    for strength, one in zip(strengths, distances, strict=True):
        loss, slope, rise = foretell(one, targets[told], weights[told])
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
