"""How noisy the labels of each class are, told from how often neighbours agree: no learner and no threshold.

If a sample and its two nearest neighbours are of one true class, and labels go wrong independently, then the counts of
single labels, pairs and triples are moments of the transition matrix T and the class shares p:

    c1 = T' p,   c2 = sum_y p_y T_y T_y',   c3 = sum_y p_y T_y x T_y x T_y

T and p are those whose moments lie nearest to what is counted. Copies must be left out: they agree for another reason.

Source  Zhu, Song, Liu 2021, Clusterability as an alternative to anchor points (HOC), arXiv:2102.05291
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST_CLASSES = 60
"""Above, the table of triples (k^3) is nearly empty and slow to fit."""

_PER_CELL = 0.5  # samples for each cell of the table of triples, below which it is left out of the fit
_TINY = 1e-12


def transition(triples: Array, classes: int) -> tuple[Array, Array]:
    """The transition matrix and the shares of the true classes.

    triples    (n, 3) int, labels of each sample and of its two nearest neighbours; -1 where there is none, such rows do
               not count
    returns    (k, k) share of the samples of true class y that are labelled j, rows add up to 1; and (k,) shares

    Raises ValueError for more than `MOST_CLASSES` classes.
    """
    if classes > MOST_CLASSES:
        raise ValueError(f"{classes} classes are too many to count triples: at most {MOST_CLASSES}")
    triples = triples[(triples >= 0).all(axis=1)]
    if classes < 2 or not len(triples):
        return np.eye(classes), np.full(classes, 1 / max(classes, 1))
    counted = [_counted(triples[:, : order + 1], classes) for order in range(3)]
    orders = 3 if len(triples) >= _PER_CELL * classes**3 else 2
    return _fitted(counted[:orders], classes)


def noisy_shares(matrix: Array, shares: Array) -> Array:
    """(k,) share 0..1 of the samples labelled j whose true class is another: 1 - T_jj p_j / (T' p)_j."""
    given = matrix.T @ shares
    return np.clip(1 - matrix.diagonal() * shares / np.maximum(given, _TINY), 0, 1)


def _counted(tuples: Array, classes: int) -> Array:
    """Shares of the tuples of labels (n, order), as an array of `order` axes."""
    flat = np.ravel_multi_index(tuple(tuples.T), (classes,) * tuples.shape[1])
    return np.bincount(flat, minlength=classes ** tuples.shape[1]).reshape((classes,) * tuples.shape[1]) / len(tuples)


def _fitted(counted: list[Array], k: int) -> tuple[Array, Array]:
    from scipy.optimize import minimize

    def loss(flat: Array) -> tuple[float, Array]:
        matrix, shares = _softmax(flat[: k * k].reshape(k, k)), _softmax(flat[k * k :])
        apart, by_matrix, by_shares = _apart(counted, matrix, shares)
        slope = np.concatenate([_through(matrix, by_matrix).ravel(), _through(shares, by_shares)])
        return apart, slope

    start = np.concatenate([(5 * np.eye(k) - 1).ravel(), np.log(np.maximum(counted[0], 1e-3))])
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return _softmax(found.x[: k * k].reshape(k, k)), _softmax(found.x[k * k :])


def _apart(counted: list[Array], matrix: Array, shares: Array) -> tuple[float, Array, Array]:
    """Sum of the distances between moments and counts, and its slopes by matrix (k, k) and shares (k,)."""
    total, by_matrix, by_shares = 0.0, np.zeros_like(matrix), np.zeros_like(shares)
    weighed = shares[:, None] * matrix
    for order, counts in enumerate(counted, 1):
        moment = _moment(weighed, matrix, order)
        gap = moment - counts
        length = float(np.sqrt((gap * gap).sum() + _TINY))
        # The moment is symmetric and so, but for chance, are the counts: every axis has the same slope.
        gap = _symmetric(gap / length, order)
        each = _through_labels(gap, matrix)
        total += length
        by_matrix += order * (shares * each).T
        by_shares += (matrix.T * each).sum(0)
    return total, by_matrix, by_shares


def _moment(weighed: Array, matrix: Array, order: int) -> Array:
    if order == 1:
        return weighed.sum(0)
    if order == 2:
        return weighed.T @ matrix
    return np.einsum("yi,yj,yl->ijl", weighed, matrix, matrix, optimize=True)


def _through_labels(gap: Array, matrix: Array) -> Array:
    """(label, true class): the gap, summed over all axes but the first with the labels of each true class."""
    if gap.ndim == 1:
        return np.repeat(gap[:, None], len(matrix), 1)
    if gap.ndim == 2:
        return gap @ matrix.T
    return np.einsum("ijl,yj,yl->iy", gap, matrix, matrix, optimize=True)


def _symmetric(values: Array, order: int) -> Array:
    from itertools import permutations

    turned = [values.transpose(axes) for axes in permutations(range(order))]
    return sum(turned[1:], turned[0]) / len(turned)


def _softmax(logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _through(shares: Array, slope: Array) -> Array:
    """The slope by the logits, from that by the shares of a softmax."""
    return shares * (slope - (slope * shares).sum(axis=-1, keepdims=True))
