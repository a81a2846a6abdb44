"""Hashes of 64 bits: making them from small grey pictures, and finding those that differ in few bits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_BANDS = 4
_BAND_BITS = 16
_PART = 1_000_000  # pairs held at once


def phash(grey: Array) -> Array:
    """The perceptual hash: which of the 8 x 8 lowest frequencies are above their median.

    grey     (b, s, s) float, square pictures; s = 32 by custom
    returns  (b,) uint64

    Source   Zauner 2010, Implementation and benchmarking of perceptual image hash functions, section 3.2.1
    """
    cosines = _cosines(grey.shape[1])
    low = np.einsum("us,bst,vt->buv", cosines, grey.astype(np.float32), cosines, optimize=True).reshape(len(grey), 64)
    # The first is the mean brightness: its sign says nothing, and in the median it would count as an outlier.
    return packed(low > np.median(low[:, 1:], axis=1, keepdims=True))


def packed(bits: Array) -> Array:
    """(b, 64) bool -> (b,) uint64, the first bit highest."""
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def bits_apart(a: Array, b: Array) -> Array:
    """How many bits differ, elementwise: uint64 -> uint8."""
    return popcount(np.asarray(a, np.uint64) ^ np.asarray(b, np.uint64))


def popcount(words: Array) -> Array:
    """How many bits are set, elementwise: uint64 -> uint8."""
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(words)
    parts = np.ascontiguousarray(words).view(np.uint16).reshape(*np.shape(words), 4)  # numpy 1.26
    return _table()[parts].sum(axis=-1, dtype=np.uint8)


def near_pairs(hashes: Array, bits: int, *, most: int) -> tuple[Array, Array] | None:
    """All pairs of hashes that differ in at most `bits` bits, without the n x n matrix.

    hashes   (n,) uint64
    bits     0..15
    most     pairs to return, and to look at 20 times as many; None is returned where there are more: the hashes say
             too little about these data
    returns  (p,) and (p,) int64, rows a < b, sorted

    By the pigeonhole principle two hashes within r bits agree within r // 4 bits on one of four bands of 16 bits.
    Source   Norouzi et al. 2012, Fast search in Hamming space with multi-index hashing, arXiv:1307.2982
    Cost     four sorts and C(16, <= r // 4) look-ups a band; then the pairs that share a band
    """
    if not 0 <= bits < _BAND_BITS:
        raise ValueError(f"bits must be within 0..15, found {bits}")
    values, inverse = np.unique(np.asarray(hashes, np.uint64), return_inverse=True)
    kept: list[tuple[Array, Array]] = []
    looks, room = 20 * most, most
    for band in _bands(values):
        for a, b in _sharing(band, bits // _BANDS):
            close = bits_apart(values[a], values[b]) <= bits
            kept.append((a[close], b[close]))
            looks, room = looks - len(a), room - int(close.sum()) // 4  # a near pair shares two bands or more, mostly
            if looks < 0 or room < 0:
                return None
    unique = _sorted_pairs(kept, len(values))
    return _spread(unique, inverse, len(values), most)


def _bands(values: Array) -> Iterator[Array]:
    """Four columns of 16 bits. Band j takes the bits j, j + 4...: neighbouring frequencies are alike, so blocks of
    neighbouring bits would have fewer distinct values."""
    spread = np.unpackbits(values.astype(">u8").view(np.uint8).reshape(len(values), 8), axis=1)
    for band in range(_BANDS):
        yield np.packbits(spread[:, band::_BANDS], axis=1).view(">u2")[:, 0].astype(np.int64)


def _sharing(band: Array, flips: int) -> Iterator[tuple[Array, Array]]:
    """Pairs a < b whose bands differ in at most `flips` bits, in parts of about a million."""
    order = np.argsort(band, kind="stable")
    starts = np.searchsorted(band[order], np.arange(2**_BAND_BITS + 1))
    for mask in _masks(flips):
        other = band ^ mask
        first, last = starts[other], starts[other + 1]
        ends = np.cumsum(last - first)
        cuts = np.searchsorted(ends, np.arange(_PART, int(ends[-1]) + _PART, _PART)) + 1 if len(ends) else []
        for start, stop in pairwise([0, *np.unique(np.minimum(cuts, len(band)))]):
            counts = (last - first)[start:stop]
            a = np.repeat(np.arange(start, stop), counts)
            within = np.arange(len(a)) - np.repeat(np.cumsum(counts) - counts, counts)
            b = order[within + np.repeat(first[start:stop], counts)]
            yield a[a < b], b[a < b]


@cache
def _masks(flips: int) -> tuple[int, ...]:
    places = range(_BAND_BITS)
    return tuple(sum(1 << bit for bit in chosen) for n in range(flips + 1) for chosen in combinations(places, n))


def _sorted_pairs(parts: list[tuple[Array, Array]], n: int) -> tuple[Array, Array]:
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    keys = np.unique(np.concatenate([a * n + b for a, b in parts]))
    return keys // max(n, 1), keys % max(n, 1)


def _spread(pairs: tuple[Array, Array], inverse: Array, n: int, most: int) -> tuple[Array, Array] | None:
    """From pairs of distinct hashes to pairs of rows: every row of one with every row of the other, and the rows that
    share a hash with each other."""
    order = np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse[order], np.arange(n + 1))
    sizes = np.diff(starts)
    a, b = (np.concatenate([side, np.flatnonzero(sizes > 1)]) for side in pairs)
    counts = sizes[a] * sizes[b]
    if counts.sum() > most:
        return None
    at = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    wide = np.repeat(sizes[b], counts)
    left = order[np.repeat(starts[a], counts) + at // np.maximum(wide, 1)]
    right = order[np.repeat(starts[b], counts) + at % np.maximum(wide, 1)]
    low, high = np.minimum(left, right), np.maximum(left, right)
    rows = len(inverse)
    return _sorted_pairs([(low[low < high], high[low < high])], rows)


@cache
def _cosines(side: int) -> Array:
    """(8, side) the first rows of the orthonormal DCT-II."""
    turn = np.pi * np.outer(np.arange(8), np.arange(side) + 0.5) / side
    scale = np.where(np.arange(8) == 0, np.sqrt(1 / side), np.sqrt(2 / side))
    return (np.cos(turn) * scale[:, None]).astype(np.float32)


@cache
def _table() -> Array:
    return np.array([bin(word).count("1") for word in range(2**16)], dtype=np.uint8)
