"""Confident learning: from labels and out-of-sample probabilities to how many labels are wrong, and which.

A sample counts as truly `j` where the probability of `j` reaches what the model gives to samples that carry the label
`j` on average. The counts, calibrated to the sizes of the classes, say how many samples labelled `i` are truly `j`; so
many are flagged, those that lean from `i` to `j` the most.

Source  Northcutt, Jiang, Chuang 2021, arXiv:1911.00068. Ties, calibration and rounding are settled as cleanlab 2.9
        settles them (Apache-2.0); the tests hold the two together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TIE = 1e-6
"""Probabilities closer than this are equal: float32 softmax has no more digits."""


def thresholds(labels: Array, probabilities: Array) -> Array:
    """(k,) mean probability of each class among the samples that carry it; above 1 (never reached) for an empty class.

    labels         (n,) int
    probabilities  (n, k), out of sample
    """
    k = probabilities.shape[1]
    sizes = np.bincount(labels, minlength=k)
    sums = np.bincount(labels, weights=_given(labels, probabilities), minlength=k)
    means = np.divide(sums, sizes, out=np.full(k, 2.0), where=sizes > 0)
    return np.maximum(means, 2 * TIE)


def confident_joint(labels: Array, probabilities: Array, *, calibrated: bool = True) -> Array:
    """(k, k) int, how many samples labelled `i` (row) are confidently `j` (column).

    Where several classes reach their threshold the most probable one counts, where none does the sample is left out.
    Calibrated, each row adds up to the size of its class. The diagonal is at least 1 before that.
    """
    k = probabilities.shape[1]
    reached = probabilities >= thresholds(labels, probabilities) - TIE
    many = reached.sum(axis=1)
    truly = np.where(many > 1, probabilities.argmax(axis=1), reached.argmax(axis=1))
    cells = (labels * k + truly)[many > 0]
    joint = np.bincount(cells, minlength=k * k).reshape(k, k)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    return calibrate(joint, np.bincount(labels, minlength=k)) if calibrated else joint


def calibrate(joint: Array, sizes: Array) -> Array:
    """The joint (k, k) with rows scaled to add up to `sizes` (k,), in whole numbers."""
    scaled = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1) * sizes[:, None]
    scaled = scaled / max(scaled.sum(), 1e-100) * sizes.sum()
    return np.stack([_whole(row) for row in scaled])


def _whole(row: Array) -> Array:
    """(k,) float -> int with the same sum: each is rounded, then those that rounding moved the most give way.

    Of cells that were moved equally the later one is the larger (cleanlab's choice there differs by machine).
    """
    whole = np.rint(row)
    missing = round(float(row.sum() - whole.sum()))
    order = np.argsort(row - whole, kind="stable")
    if missing > 0:
        whole[order[::-1][:missing]] += 1
    else:
        whole[order[: abs(missing)]] -= 1
    return whole.astype(np.int64)


def prunable(joint: Array, *, least: int = 1) -> Array:
    """(k, k) int, how many of each cell may be flagged; zeros on the diagonal.

    least  how many samples of each class are believed whatever the joint says: a class that lacks them gives up
           flags in equal parts from its cells
    """
    lacking = np.maximum(least - joint.diagonal(), 0)
    cells = np.maximum(np.count_nonzero(joint, axis=1) - 1, 1)
    counts = np.floor(np.maximum(joint - (lacking / cells)[:, None], 0)).astype(np.int64)
    np.fill_diagonal(counts, 0)
    return counts


def flagged(labels: Array, probabilities: Array, *, joint: Array | None = None, least: int = 1) -> Array:
    """(n,) bool, the samples whose label is believed wrong: pruning by noise rate.

    Of each cell (i, j) of the joint as many samples labelled `i` as it counts, by largest p_j - p_i; then those are
    spared whose most probable class is the given one. Equal margins: the earlier sample.

    joint   calibrated counts; default those of `confident_joint`
    least   see `prunable`; a class of no more than so many samples is not judged

    Cost    O(n k)
    """
    counts = prunable(confident_joint(labels, probabilities) if joint is None else joint, least=least)
    wrong = np.zeros(len(labels), dtype=bool)
    for i in range(len(counts)):
        rows = np.flatnonzero(labels == i)
        if len(rows) <= least:
            continue
        own = probabilities[rows]
        for j in np.flatnonzero(counts[i]):
            wrong[rows[_largest(own[:, j] - own[:, i], int(counts[i, j]))]] = True
    return wrong & (_best_with_given_favoured(labels, probabilities) != labels)


def _largest(values: Array, count: int) -> Array:
    """Indices of the `count` largest. Not argpartition alone: where values are equal its choice differs by machine."""
    if count >= len(values):
        return np.arange(len(values))
    cut = np.partition(values, -count)[-count]
    above = np.flatnonzero(values > cut)
    return np.concatenate([above, np.flatnonzero(values == cut)[: count - len(above)]])


def _best_with_given_favoured(labels: Array, probabilities: Array) -> Array:
    favoured = probabilities.copy()
    favoured[np.arange(len(labels)), labels] += TIE
    return favoured.argmax(axis=1)


def self_confidence(labels: Array, probabilities: Array) -> Array:
    """(n,) 0..1, the probability of the given class: low where the label is doubtful or the sample is of no class."""
    return _given(labels, probabilities)


def normalized_margin(labels: Array, probabilities: Array) -> Array:
    """(n,) 0..1, (p of the given class - p of the best other + 1) / 2: low where another class is sure."""
    own = _given(labels, probabilities)
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    best = others.max(axis=1) if probabilities.shape[1] > 1 else np.zeros(len(labels))
    return (own - best + 1) / 2


def truths(labels: Array, opinions: Array, joint: Array) -> Array:
    """(n, k) how probable each class is the true one, the given label being known too: what is said of the sample, times
    how often a sample truly of that class is given this label. Where hardly any label is wrong, one must be very sure
    before another class is more probable than the given one; an opinion alone does not know that.

    opinions  (n, k), out of sample
    joint     (k, k) counts by given (row) and true class, calibrated

    Source    Bayes' rule with the noise of confident learning; as weights: Liu and Tao 2016, arXiv:1411.7718
    """
    given_so = joint / np.maximum(joint.sum(axis=0), 1)
    both = opinions * given_so[labels]
    total = both.sum(axis=1, keepdims=True)
    return np.where(total > 0, both / np.maximum(total, 1e-300), opinions)


def _given(labels: Array, probabilities: Array) -> Array:
    return probabilities[np.arange(len(labels)), labels]


# -- several labels at once: a yes-or-no problem per class ------------------------------------------------------


def multi_confident_joint(targets: Array, probabilities: Array) -> Array:
    """(k, 2, 2) int, for each class the calibrated joint of `not carried, carried` (rows) and `not so, so` (columns).

    targets        (n, k) multi-hot
    probabilities  (n, k), each class on its own
    """
    return np.stack([confident_joint(*_binary(targets, probabilities, c)) for c in range(targets.shape[1])])


def multi_flagged(targets: Array, probabilities: Array, *, joint: Array | None = None, least: int = 1) -> Array:
    """(n, k) bool, which class of which sample is believed wrongly given or wrongly missing."""
    columns = [
        flagged(*_binary(targets, probabilities, c), joint=None if joint is None else joint[c], least=least)
        for c in range(targets.shape[1])
    ]
    return np.stack(columns, axis=1)


def multi_self_confidence(targets: Array, probabilities: Array, *, memory: float = 0.8) -> Array:
    """(n,) 0..1, one score per sample: a moving average over the classes from sure to doubtful.

    memory  weight of the more doubtful one at each turn; 1 is the plain minimum. 0.8: Thyagarajan et al. 2022,
            arXiv:2211.13895, where one wrong class is found best and many slightly doubtful ones still count
    """
    each = np.sort(np.where(targets > 0, probabilities, 1 - probabilities), axis=1)[:, ::-1]
    score = each[:, 0]
    for column in each.T[1:]:
        score = memory * column + (1 - memory) * score
    return score


def multi_truths(targets: Array, opinions: Array, joint: Array) -> Array:
    """(n, k) how probable it is that each class truly is so, as `truths` says of each class as a yes or no.

    joint  (k, 2, 2) of `multi_confident_joint`
    """
    columns = [truths(*_binary(targets, opinions, c), joint[c])[:, 1] for c in range(targets.shape[1])]
    return np.stack(columns, axis=1)


def _binary(targets: Array, probabilities: Array, c: int) -> tuple[Array, Array]:
    own = probabilities[:, c]
    return (targets[:, c] > 0).astype(np.int64), np.stack([1 - own, own], axis=1)
