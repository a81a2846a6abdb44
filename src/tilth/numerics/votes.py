"""What the nearest neighbours of a sample say about its class: soft votes, with copies kept from voting twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.neighbors import nearest

Array = npt.NDArray[Any]

_SAME = 1e-4
"""Unit vectors closer than this are one content: float32 features of two copies differ by about 1e-6."""

_SPARE = 4  # neighbours looked up beyond k, to fill the places of copies that only the distance gives away


@dataclass(frozen=True, eq=False)
class Votes:
    """One ballot per sample.

    shares     (n, k) 0..1: weight of the neighbours that carry each class over the weight of all. Rows add up to 1
               where labels are single; zeros where nobody could vote
    neighbors  (n, m) rows of the neighbours, near to far, -1 where there were fewer
    weights    (n, m) 0..1 of each neighbour's vote: 1 - cosine distance, 0 where there was none
    """

    shares: Array
    neighbors: Array
    weights: Array


def neighbor_votes(
    features: Array, targets: Array, *, neighbors: int, contents: Array | None = None, voters: Array | None = None
) -> Votes:
    """The votes of the nearest neighbours, none of them the sample itself or a copy of it.

    Copies vote as one, with the mean of their labels: a picture that was handed in twenty times has one voice, and
    never a voice about itself.

    features   (n, d), compared by direction
    targets    (n, k) one-hot, multi-hot or shares
    neighbors  how many vote
    contents   (n,) equal for samples of one content; default: all differ. Equal features are copies in any case
    voters     (n,) bool, who may vote; default: all. Features of length 0 have no direction: they neither vote nor
               are voted on

    Source     weights of SimiFeat, Zhu et al. 2022, arXiv:2110.06283: 1 - cosine distance; leave-one-out in place of
               their extrapolated self-vote, no random jitter, so that clean data can give no flag
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    units = (features / np.maximum(lengths, 1e-12)).astype(np.float32)
    may = lengths[:, 0] > 0 if voters is None else voters & (lengths[:, 0] > 0)
    codes = _codes(units, contents)
    heads, ballots = _heads(codes, targets.astype(np.float64), may)
    if not len(heads):
        return Votes(np.zeros(targets.shape), np.full((len(units), neighbors), -1), np.zeros((len(units), neighbors)))
    found, distances = _neighbors(units, codes, heads, neighbors)
    weights = np.clip(1 - distances**2 / 2, 0, 1) * (found >= 0)  # of unit vectors: |a - b|^2 / 2 = 1 - cosine
    weights = weights * (lengths > 0)
    total = weights.sum(axis=1, keepdims=True)
    tally = np.einsum("nm,nmk->nk", weights, ballots[found])
    shares = np.divide(tally, total, out=np.zeros_like(tally), where=total > 0)
    return Votes(shares, np.where(found >= 0, heads[found], -1), weights)


def _codes(units: Array, contents: Array | None) -> Array:
    """(n,) int, one number for all copies of one content: named equal, or of equal features."""
    first = np.arange(len(units))
    if contents is not None:
        _, at, group = np.unique(contents, return_index=True, return_inverse=True)
        first = at[group.ravel()]
    rows = np.ascontiguousarray(units[first]).view(np.dtype((np.void, units.dtype.itemsize * units.shape[1])))
    return np.unique(rows.ravel(), return_inverse=True)[1].ravel()


def _heads(codes: Array, targets: Array, may: Array) -> tuple[Array, Array]:
    """The first voter of each content (h,), and the mean label of its voting copies (h, k)."""
    rows = np.flatnonzero(may)
    _, first, group = np.unique(codes[rows], return_index=True, return_inverse=True)
    sums = np.zeros((len(first), targets.shape[1]))
    np.add.at(sums, group.ravel(), targets[rows])
    counts = np.bincount(group.ravel(), minlength=len(first))
    return rows[first], sums / np.maximum(counts, 1)[:, None]


def _neighbors(units: Array, codes: Array, heads: Array, k: int) -> tuple[Array, Array]:
    """(n, k) places among the heads, -1 where there are fewer, and distances (n, k); copies of oneself left out."""
    distances, found = nearest(units, units[heads], k + 1 + _SPARE)
    barred = (codes[heads][found] == codes[:, None]) | (distances < _SAME)
    order = np.argsort(barred, axis=1, kind="stable")[:, :k]
    found = np.where(np.take_along_axis(barred, order, 1), -1, np.take_along_axis(found, order, 1))
    distances = np.take_along_axis(distances, order, 1)
    lacking = k - found.shape[1]
    if lacking > 0:
        found = np.pad(found, ((0, 0), (0, lacking)), constant_values=-1)
        distances = np.pad(distances, ((0, 0), (0, lacking)))
    return found, distances
