"""Pooling: several opinions about the class of each sample become one, each by how well it foretells labels.

The pool is linear: q(c) = sum_s w_s p_s(c). The weights are those under which the given labels are most likely: the share
of the labels that each opinion accounts for, found by expectation maximisation. A weak opinion fades, no truth about which
labels are wrong is asked for, and what one opinion finds likely is never ruled out by another.

For the weights, opinions about single labels are first made as sharp as they are right, each by its own temperature: shares
of ten votes are often 1, and would outweigh a better model whose labels were smoothed. What is pooled stays as it was said.
On five crossfits of the reviewed Roman numerals that raised the weight of the model from .2 to .7, and the average precision for bad
samples from .770 to .787, for wrong labels from .757 to .815.

A product of opinions (a logarithmic pool) was tried beside it, with one seed. It ranked wrong labels worse: digits with 10, 20, 40 %
.992, .994, .989 against .992, .996, .993 average precision, TREC .876, .881, .879 against .874, .890, .898, reviewed
Roman numerals .718 against .737: it hardly hears the neighbours, whose shares are often 0.

Source  Stone 1961, The opinion pool; Dempster, Laird, Rubin 1977; temperatures: Guo et al. 2017, arXiv:1706.04599
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_FLOOR = 1e-3  # least likelihood of a label: one that nobody foretells must not decide the weights
_TURNS = 100  # by then the weights stand still to 1e-3
_NONE = 1e-2  # what counts for a share of none: a tenth of one vote of ten
_SHARPEST = 1.5  # temperatures lie within e**-1.5 and e**1.5: twenty times apart
_ASKED = 5_000  # samples that a temperature is found on: its error is far below what it moves the weights by


def pooled(opinions: Sequence[Array], labels: Array) -> tuple[Array, Array]:
    """One opinion from several about single labels.

    opinions  each (n, k), rows add up to 1 or to 0 (no opinion), out of sample
    labels    (n,) int, the given ones
    returns   (n, k) probabilities and (s,) weights that add up to 1
    """
    said = np.stack([np.asarray(opinion, np.float64) for opinion in opinions])
    heard = said.sum(axis=2) > 0
    likelihood = np.zeros(heard.shape)
    for at, there in enumerate(heard):
        likelihood[at, there] = _tempered(said[at, there], labels[there])
    weights = _weights(likelihood, heard)
    total = (weights[:, None] * heard).sum(axis=0)
    q = np.einsum("s,snk->nk", weights, said) / np.maximum(total, 1e-12)[:, None]
    return np.where(total[:, None] > 0, q, 1 / max(said.shape[2], 1)), weights


def multi_pooled(opinions: Sequence[Array], targets: Array) -> tuple[Array, Array]:
    """One opinion from several about sets of labels: each class is a yes or no of its own, the weights are common.

    opinions  each (n, k) in 0..1, out of sample
    targets   (n, k) multi-hot, the given labels
    returns   (n, k) probabilities and (s,) weights that add up to 1
    """
    said = np.stack([np.asarray(opinion, np.float64) for opinion in opinions])
    right = np.where(targets > 0, said, 1 - said).reshape(len(said), -1)
    weights = _weights(right, np.ones_like(right, bool))
    return np.einsum("s,snk->nk", weights, said), weights


def _tempered(opinion: Array, labels: Array) -> Array:
    """(n,) probability of the given labels, once the opinion (n, k) is as sharp as makes them most likely."""
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return np.zeros(0)
    logs = np.log(opinion + _NONE)
    rows = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), _ASKED)).astype(np.int64))

    def loss(log_temperature: float) -> float:
        own = _own(logs[rows] * np.exp(-log_temperature), labels[rows])
        return -float(np.log(np.maximum(own, _FLOOR)).mean())

    found = minimize_scalar(loss, bounds=(-_SHARPEST, _SHARPEST), method="bounded", options={"xatol": 0.01})
    return _own(logs * np.exp(-found.x), labels)  # pyright: ignore[reportAttributeAccessIssue]


def _own(logits: Array, labels: Array) -> Array:
    """(n,) softmax at the labels."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares[np.arange(len(labels)), labels] / shares.sum(axis=1)


def _weights(likelihood: Array, heard: Array) -> Array:
    """(s,) shares of the labels that each opinion accounts for. likelihood, heard: (s, n)."""
    each = np.maximum(likelihood, _FLOOR) * heard
    weights = np.full(len(each), 1 / len(each))
    for _ in range(_TURNS):
        parts = weights[:, None] * each
        total = parts.sum(axis=0)
        if not (total > 0).any():
            break
        weights = (parts[:, total > 0] / total[total > 0]).mean(axis=1)
    return weights
