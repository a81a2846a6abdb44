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
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.descriptor import luma, sized
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
    looks = np.empty((len(pictures), _LOOK_PX, _LOOK_PX), np.uint8)
    for row, picture in enumerate(pictures):
        lean = _lean(picture)
        grey = luma(lean)
        looks[row] = sized(grey, _LOOK_PX, _LOOK_PX)
        rows[row, :2] = _words(str(lean.shape).encode() + np.ascontiguousarray(lean).tobytes())
        rows[row, 3] = _facts(lean, looks[row])
    rows[:, 2] = phash(looks)
    tones = looks.reshape(-1, 16, 2, 16, 2).mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)
    rows[:, 4:] = tones.reshape(len(pictures), 256).view(np.uint64)
    return rows


def tones(rows: Array) -> Array:
    """(n, 256) float32 tones on the grid, less their mean and of length 1: equal for a picture and a brighter copy."""
    grid = np.ascontiguousarray(rows[:, 4:]).view(np.uint8).astype(np.float32)
    grid -= grid.mean(axis=1, keepdims=True)
    return grid / np.maximum(np.linalg.norm(grid, axis=1, keepdims=True), 1e-6)


def colours(rows: Array) -> Array:
    """(n, 3) uint8 mean red, green and blue."""
    return np.ascontiguousarray(rows[:, 3]).view(np.uint8).reshape(-1, 8)[:, 1:4]


def flat(rows: Array) -> Array:
    """(n,) bool, pictures of one colour: they have no hash and no tones worth the name."""
    return np.ascontiguousarray(rows[:, 3]).view(np.uint8).reshape(-1, 8)[:, 0] < _FLAT_BELOW


def pixels(rows: Array) -> Array:
    """(n,) int64 number of pixels of each picture (sides above 65,535 px count as that)."""
    sides = np.ascontiguousarray(rows[:, 3]).view(np.uint16).reshape(-1, 4)[:, 2:].astype(np.int64)
    return sides[:, 0] * sides[:, 1]


def _lean(picture: Picture) -> Picture:
    if picture.shape[2] == 3 and (picture[..., 0] == picture[..., 1]).all() and (picture[..., 1] == picture[..., 2]).all():
        return picture[:, :, :1]
    return picture


def _facts(picture: Picture, look: Picture) -> np.uint64:
    means = picture.reshape(-1, picture.shape[2]).mean(axis=0, dtype=np.float32)
    contrast = min(255, int(look.std()))
    sides = [min(side, 65535) for side in picture.shape[:2]]
    record = np.zeros(8, np.uint8)
    record[0], record[1:4] = contrast, np.round(means)
    record[4:] = np.array(sides, np.uint16).view(np.uint8)
    return record.view(np.uint64)[0]


# -- texts ----------------------------------------------------------------------------------------------------


def of_texts(texts: Sequence[str]) -> Array:
    """(b, 36) uint64 from b texts."""
    rows = np.zeros((len(texts), WORDS), np.uint64)
    for row, text in enumerate(texts):
        rows[row, :2] = _words(" ".join(unicodedata.normalize("NFC", text).split()).encode("utf-8", "surrogatepass"))
        words = words_of(text)
        if words:
            rows[row, 2] = _words(" ".join(words).encode("utf-8", "surrogatepass"))[0] | 1
            rows[row, 3] = len(words)
            rows[row, 4:] = _minhashes(shingles(words)).view(np.uint64)
    return rows


def words_of(text: str) -> list[str]:
    """The words of a text: without case, punctuation, compatibility forms and spaces."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def shingles(words: Sequence[str]) -> frozenset[str]:
    """The words and the pairs of words next to each other."""
    return frozenset(words) | {f"{left} {right}" for left, right in zip(words, words[1:], strict=False)}


def minhashes(rows: Array) -> Array:
    """(n, 64) uint32; the share that two rows have in common estimates the Jaccard index, to +- .05 at .8."""
    return np.ascontiguousarray(rows[:, 4:]).view(np.uint32)


def _minhashes(parts: frozenset[str]) -> Array:
    factors, shifts = _turns()
    codes = np.array([zlib.crc32(part.encode("utf-8", "surrogatepass")) % _PRIME for part in parts], np.uint64)
    return ((codes[:, None] * factors + shifts) % _PRIME).min(axis=0).astype(np.uint32)


@cache
def _turns() -> tuple[Array, Array]:
    rng = np.random.default_rng(20_100_604)  # part of the format: another number makes other fingerprints
    return rng.integers(1, _PRIME, HASHES, dtype=np.uint64), rng.integers(0, _PRIME, HASHES, dtype=np.uint64)


def _words(content: bytes) -> Array:
    return np.frombuffer(hashlib.blake2b(content, digest_size=16).digest(), dtype=">u8").astype(np.uint64)
