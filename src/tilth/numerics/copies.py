"""Near copies among fingerprints: candidates by hash, confirmed by distance; pairs, never chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics import fingerprint
from tilth.numerics.hashing import bits_apart, near_pairs
from tilth.numerics.neighbors import nearest, nearest_distance

Array = npt.NDArray[Any]
Judge = Callable[[Array, Array], Array]

SURE = 0.03
"""Tones this close are of a copy in any data: brightness x 1.08 with a resize round trip to 80 % moves those of plain
drawings of 64 px by .03 at most."""

_FARTHEST = 0.3  # a correlation of .955: above it pictures differ to the eye, however far apart the others are
_RELATIVE = 0.25  # of what is close between strangers; 98 of 100 planted copies lay below .22 of it, in all kinds tried
_CLOSE = 0.1  # what is close between strangers: this quantile of the distances to the nearest other picture
_MAYBE = 0.1  # tones up to here may be those of a copy, and say nothing of strangers
_PAIRS_A_ROW = 50  # candidates per sample at which the hash counts as worthless
_ROWS_A_BAND = 4  # 16 bands of 4 min-hashes: 99.98 % of pairs with a Jaccard index of .8 share one
_SHADES = 2000  # other colours each is compared with: more flat colours than these are noise, not pictures
_COLOURS_APART = 4  # levels per channel between flat pictures that count as equal


@dataclass(frozen=True)
class Near:
    """Pairs of near copies.

    a, b       (p,) int, rows a < b
    distances  (p,) float: of tones for pictures (0..2), 1 - Jaccard index for texts
    together   whether pairs of rows, not only the given ones, are near: what complete linkage asks
    """

    a: Array
    b: Array
    distances: Array
    together: Judge


def near_pictures(rows: Array, embedding: Array, *, bits: int, rng: np.random.Generator) -> Near:
    """Pictures that are near copies.

    Candidates have perceptual hashes within `bits`. They are confirmed where their tones are far nearer to each other
    than is close between strangers in these data; unless that is `SURE`, their embeddings must not be as far apart as
    the median of random pairs, which tells colours and details apart.
    Flat pictures have no hash: they are near where their colours are equal.

    rows       (n, 36) uint64 fingerprints
    embedding  (n, d) float
    """
    tones, colours, flat = fingerprint.tones(rows), fingerprint.colours(rows).astype(np.int16), fingerprint.flat(rows)
    shown = np.flatnonzero(~flat)
    shown_tones = tones[shown] if flat.any() else tones
    limit = _limit(shown_tones, rng)
    strangers = _between_strangers(embedding, rng)

    def apart(a: Array, b: Array) -> Array:
        return np.linalg.norm(tones[a] - tones[b], axis=1)

    def alike(a: Array, b: Array) -> Array:
        distances = apart(a, b)
        known = np.linalg.norm(embedding[a] - embedding[b], axis=1) <= strangers
        return (bits_apart(rows[a, 2], rows[b, 2]) <= bits) & (distances <= limit) & (known | (distances <= SURE))

    def together(a: Array, b: Array) -> Array:
        near = flat[a] & flat[b]
        near[near] = np.abs(colours[a[near]] - colours[b[near]]).max(axis=1) <= _COLOURS_APART
        drawn = ~flat[a] & ~flat[b]
        near[drawn] = alike(a[drawn], b[drawn])
        return near

    a, b = _candidates(rows[shown, 2], shown_tones, bits)
    plain_a, plain_b = _plain_pairs(np.flatnonzero(flat), colours)
    a, b = np.concatenate([shown[a], plain_a]), np.concatenate([shown[b], plain_b])
    kept = _in_parts(together, a, b)
    a, b = a[kept], b[kept]
    return Near(a, b, np.where(flat[a], 0.0, _in_parts(apart, a, b)), together)


def near_texts(rows: Array, texts: list[str] | None, *, jaccard: float) -> Near:
    """Texts whose words and pairs of words overlap by at least this Jaccard index.

    rows   (n, 36) uint64 fingerprints
    texts  n texts, for the exact index; None: it is estimated from the min-hashes
    """
    hashes = fingerprint.minhashes(rows)
    wordy = rows[:, 2] != 0
    parts: dict[int, frozenset[str]] = {}

    def overlap(a: Array, b: Array) -> Array:
        share = np.where(rows[a, 2] == rows[b, 2], 1.0, (hashes[a] == hashes[b]).mean(axis=1))
        if texts is None:
            return share
        for at in np.flatnonzero((share < 1) & (share >= jaccard - 0.25)):  # five standard deviations of the estimate
            left, right = (_parts_of(int(row), texts, parts) for row in (a[at], b[at]))
            share[at] = len(left & right) / len(left | right)
        return share

    def together(a: Array, b: Array) -> Array:
        return wordy[a] & wordy[b] & (overlap(a, b) >= jaccard)

    a, b = _band_pairs(hashes, np.flatnonzero(wordy))
    shares = _in_parts(overlap, a, b)
    kept = shares >= jaccard
    return Near(a[kept], b[kept], 1.0 - shares[kept], together)


# -- pictures -------------------------------------------------------------------------------------------------


def _limit(tones: Array, rng: np.random.Generator) -> float:
    """The farthest that near copies may be apart. Where all that is near may be copies, only what is `SURE` counts."""
    return max(SURE, min(_FARTHEST, _RELATIVE * nearest_distance(tones, rng, share=_CLOSE, above=_MAYBE)))


def _between_strangers(embedding: Array, rng: np.random.Generator) -> float:
    if len(embedding) < 2:
        return 0.0
    a, b = rng.integers(0, len(embedding), (2, 2000))
    a, b = a[a != b], b[a != b]
    return float(np.median(np.linalg.norm(embedding[a] - embedding[b], axis=1)))


def _candidates(hashes: Array, tones: Array, bits: int) -> tuple[Array, Array]:
    found = near_pairs(hashes, bits, most=_PAIRS_A_ROW * max(len(hashes), 10_000))
    if found is not None:
        return found
    # So many alike hashes (pages of text, drawings of one kind) tell nothing: the nearest tones propose instead.
    rough = tones.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4))  # a quarter of the cost; copies are as near in these
    _, rows = nearest(rough.reshape(-1, 64), rough.reshape(-1, 64), 16, exclude_self=True)
    a, b = np.repeat(np.arange(len(rows)), rows.shape[1]), rows.ravel()
    keys = np.unique(np.minimum(a, b) * len(rows) + np.maximum(a, b))
    return keys // len(rows), keys % len(rows)


def _plain_pairs(flat: Array, colours: Array) -> tuple[Array, Array]:
    """Flat pictures of one colour in a row, and the first of each colour with the first of each colour near it: enough
    for complete linkage to try every join, and not all pairs."""
    shades, inverse = np.unique(colours[flat].reshape(-1, 3), axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    same = inverse.ravel()[order][1:] == inverse.ravel()[order][:-1]
    first = flat[order[np.searchsorted(inverse.ravel()[order], np.arange(len(shades)))]]
    a, b = [flat[order[:-1][same]]], [flat[order[1:][same]]]
    for shift in range(1, min(len(shades), _SHADES)):  # sorted by red: what is near is within some places
        near = np.abs(shades[shift:] - shades[:-shift]).max(axis=1) <= _COLOURS_APART
        a.append(first[:-shift][near])
        b.append(first[shift:][near])
    low, high = np.concatenate(a), np.concatenate(b)
    return np.minimum(low, high), np.maximum(low, high)


# -- texts ----------------------------------------------------------------------------------------------------


def _band_pairs(hashes: Array, wordy: Array) -> tuple[Array, Array]:
    """Pairs that share one of the bands. In a crowd (over 50 rows in one band) each meets the next 50 by row."""
    n, keys = len(hashes), [np.empty(0, np.int64)]
    for start in range(0, hashes.shape[1], _ROWS_A_BAND):
        _, group = np.unique(hashes[wordy, start : start + _ROWS_A_BAND], axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        sorted_groups, sorted_rows = group.ravel()[order], wordy[order]
        for step in range(1, 51):
            same = sorted_groups[step:] == sorted_groups[:-step]
            if not same.any():
                break
            keys.append(sorted_rows[:-step][same] * n + sorted_rows[step:][same])
    pairs = np.unique(np.concatenate(keys))
    return pairs // max(n, 1), pairs % max(n, 1)


def _parts_of(row: int, texts: list[str], parts: dict[int, frozenset[str]]) -> frozenset[str]:
    if row not in parts:
        parts[row] = fingerprint.shingles(fingerprint.words_of(texts[row]))
    return parts[row]


def _in_parts(judge: Judge, a: Array, b: Array, *, step: int = 100_000) -> Array:
    """The judge's answers for many pairs, a part at a time: the rows of all pairs at once would fill the memory."""
    answers = [judge(a[start : start + step], b[start : start + step]) for start in range(0, len(a), step)]
    return np.concatenate(answers) if answers else judge(a, b)
