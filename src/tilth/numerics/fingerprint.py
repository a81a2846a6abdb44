"""Fingerprints: 36 words of 64 bits by which copies and near copies of a picture or a text are known.

word   picture                                     text
0, 1   digest of the decoded pixels                digest of the text, spaces folded
2      perceptual hash                             digest of its words alone, 0 where it has none
3      height, width, red, green, blue, contrast   number of its words
4..35  tones on a 16 x 16 grid, a byte each        64 min-hashes of its words and pairs of words, 32 bits each
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.descriptor import sized
from tilth.numerics.hashing import phash
from tilth.numerics.picture import Picture

Array = npt.NDArray[Any]

WORDS = 36
HASHES = 64
_LOOK_PX = 32
_FLAT_BELOW = 2  # grey levels of contrast: what JPEG leaves of a picture of one colour
_PRIME = (1 << 31) - 1  # a product of two numbers below it fits into 64 bits

# Runs of letters and digits; in scripts without spaces each character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


# -- pictures -------------------------------------------------------------------------------------------------


def of_pictures(pictures: Sequence[Picture]) -> Array:
    """(b, 36) uint64 from b pictures (uint8 h x w x c). One whose three channels are equal counts as grey."""
    rows = np.zeros((len(pictures), WORDS), np.uint64)
    if not len(pictures):
        return rows
    looks = np.empty((len(pictures), _LOOK_PX, _LOOK_PX, 3), np.uint8)
    for row, picture in enumerate(pictures):
        lean = _lean(picture)
        looks[row] = sized(lean, _LOOK_PX, _LOOK_PX)
        rows[row, :2] = _words(str(lean.shape).encode(), np.ascontiguousarray(lean))
    grey = looks.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    rows[:, 2] = phash(grey)
    rows[:, 3] = _facts(looks, grey, [picture.shape[:2] for picture in pictures])
    grid = grey.reshape(-1, 16, 2, 16, 2).sum(axis=4).sum(axis=2) / 4
    rows[:, 4:] = np.round(grid).astype(np.uint8).reshape(len(pictures), 256).view(np.uint64)
    return rows


def tones(rows: Array) -> Array:
    """(n, 256) float32 tones on the grid, less their mean and of length 1: equal for a picture and a brighter copy."""
    grid = np.ascontiguousarray(rows[:, 4:]).view(np.uint8).astype(np.float32)
    grid -= grid.mean(axis=1, keepdims=True)
    grid /= np.maximum(np.linalg.norm(grid, axis=1, keepdims=True), 1e-6)
    return grid


def colours(rows: Array) -> Array:
    """(n, 3) uint8 mean red, green and blue."""
    return np.ascontiguousarray(rows[:, 3]).view(np.uint8).reshape(-1, 8)[:, 1:4]


def flat(rows: Array) -> Array:
    """(n,) bool, pictures of one colour: they have no hash and no tones worth the name."""
    return np.ascontiguousarray(rows[:, 3]).view(np.uint8).reshape(-1, 8)[:, 0] < _FLAT_BELOW


def pixels(rows: Array) -> Array:
    """(n,) int64 number of pixels of each picture (sides above 65,535 px count as that)."""
    return sides(rows).prod(axis=1)


def sides(rows: Array) -> Array:
    """(n, 2) int64 height and width in px, 65,535 at most."""
    return np.ascontiguousarray(rows[:, 3]).view(np.uint16).reshape(-1, 4)[:, 2:].astype(np.int64)


def _lean(picture: Picture) -> Picture:
    red = picture[:, :, :1]
    # One row tells most colour pictures; the rest is looked at only where that row is grey.
    grey = picture.shape[2] == 3 and bool((picture[:1] == red[:1]).all()) and bool((picture == red).all())
    return red if grey else picture


def _facts(looks: Array, grey: Array, sides: Sequence[tuple[int, ...]]) -> Array:
    record = np.zeros((len(looks), 8), np.uint8)
    record[:, 0] = grey.reshape(len(grey), -1).std(axis=1)
    record[:, 1:4] = np.round(looks.reshape(len(looks), -1, 3).sum(axis=1, dtype=np.int64) / _LOOK_PX**2)
    record[:, 4:] = np.minimum(np.array(sides), 65535).astype(np.uint16).view(np.uint8)
    return record.view(np.uint64)[:, 0]


# -- texts ----------------------------------------------------------------------------------------------------


def of_texts(texts: Sequence[str]) -> Array:
    """(b, 36) uint64 from b texts."""
    rows = np.zeros((len(texts), WORDS), np.uint64)
    for row, text in enumerate(texts):
        rows[row, :2] = _words(_coded(" ".join(unicodedata.normalize("NFC", text).split())))
        words = words_of(text)
        if words:
            rows[row, 2] = _words(_coded(" ".join(words)))[0] | 1
            rows[row, 3] = len(words)
            rows[row, 4:] = _minhashes(shingles(words)).view(np.uint64)
    return rows


def words_of(text: str) -> list[str]:
    """The words of a text: without case, punctuation, compatibility forms and spaces."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def shingles(words: Sequence[str]) -> frozenset[str]:
    """The words and the pairs of words next to each other."""
    return frozenset(words) | {f"{left} {right}" for left, right in pairwise(words)}


def minhashes(rows: Array) -> Array:
    """(n, 64) uint32; the share that two rows have in common estimates the Jaccard index, to +- .05 at .8."""
    return np.ascontiguousarray(rows[:, 4:]).view(np.uint32)


def _minhashes(parts: frozenset[str]) -> Array:
    factors, shifts = _turns()
    codes = np.array([zlib.crc32(_coded(part)) % _PRIME for part in parts], np.uint64)
    return ((codes[:, None] * factors + shifts) % _PRIME).min(axis=0).astype(np.uint32)


@cache
def _turns() -> tuple[Array, Array]:
    rng = np.random.default_rng(20_100_604)  # part of the format: another number makes other fingerprints
    return rng.integers(1, _PRIME, HASHES, dtype=np.uint64), rng.integers(0, _PRIME, HASHES, dtype=np.uint64)


def _coded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a lone surrogate, which a broken reader lets through, is kept


def _words(*contents: Any) -> Array:
    sink = hashlib.blake2b(digest_size=16)
    for content in contents:
        sink.update(content)
    return np.frombuffer(sink.digest(), dtype=">u8").astype(np.uint64)
