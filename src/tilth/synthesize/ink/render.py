"""From strokes to pictures: ink on paper, scanned. Many words at once, each at the size of its own picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.paper import scanned
from tilth.synthesize.ink.tiles import inked

Array = npt.NDArray[Any]

_STRETCH = 1.6  # times wider or narrower at most: a "v" may be narrow, an "x" as wide as a table is none
_THIN = 0.25  # a word narrower than this share of its height keeps its ratio: one upright has no width to stretch
_AT_ONCE = 64  # pictures whose ink is measured together


def rendered(words: Sequence[Strokes], looks: Sequence[Look], rngs: Sequence[np.random.Generator]) -> list[Picture]:
    """Pictures (h, w, c) uint8 of words, each by its own look and from its own generator alone: a picture is the same
    whatever is rendered beside it.

    words  strokes whose points follow each other at equal times: where they lie far apart, the pen was fast
    looks  one for each word: c is the number of tones of its ground

    Cost  about 0.5 ms for a word of 5 strokes on 300 x 300 px
    """
    pictures: list[Picture] = []
    for start in range(0, len(words), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        inks = inked(all_placed(words[part], looks[part]), looks[part])
        pictures += [scanned(ink, look, rng) for ink, look, rng in zip(inks, looks[part], rngs[part], strict=True)]
    return pictures


# -- placing --------------------------------------------------------------------------------------------------


def placed(word: Strokes, look: Look) -> Strokes:
    """The word in px of its picture, sheared, stretched and moved as the look says, within the frame."""
    return all_placed([word], [look])[0]


def all_placed(words: Sequence[Strokes], looks: Sequence[Look]) -> list[Strokes]:
    """The same for words each in a picture of its own."""
    there = [at for at, word in enumerate(words) if word]
    if not there:
        return [()] * len(words)
    lines = [line for at in there for line in words[at]]
    counts = np.array([sum(len(line) for line in words[at]) for at in there])
    points = np.concatenate(lines).astype(np.float32)
    points[:, 0] -= np.repeat(np.array([looks[at].slant for at in there], np.float32), counts) * points[:, 1]
    sizes, offs = _ways(points.T, np.cumsum(counts) - counts, [looks[at] for at in there])
    points *= np.repeat(sizes.T, counts, axis=0)
    points += np.repeat(offs.T, counts, axis=0)
    ends = np.cumsum([0, *(len(line) for line in lines)]).tolist()
    cut = iter([points[begin:end] for begin, end in pairwise(ends)])
    return [tuple(islice(cut, len(word))) for word in words]


def _ways(points: Array, begins: Array, looks: Sequence[Look]) -> tuple[Array, Array]:
    """(2, words) float32 twice: by how much points (2, p) are to be multiplied, and what is then to be added."""
    low, high = np.minimum.reduceat(points, begins, axis=1), np.maximum.reduceat(points, begins, axis=1)
    spans = (high - low).astype(np.float64)
    sides = np.array([(look.width_px, look.height_px) for look in looks], np.float64).T
    aim = np.array([(look.across, look.down) for look in looks]).T * sides
    aspect = np.array([np.nan if look.aspect is None else look.aspect for look in looks])
    scale, pen = np.array([(look.scale, look.pen_px) for look in looks]).T
    wide, tall = spans
    free = np.isnan(aspect) | (wide < _THIN * tall) | (tall < _THIN * wide)
    with np.errstate(divide="ignore", over="ignore"):
        stretch = np.where(free, 1.0, np.clip(2**aspect * tall / np.maximum(wide, 1e-9), 1 / _STRETCH, _STRETCH))
    room = np.maximum(scale * sides - pen, 1.0) / np.maximum(spans * [stretch, np.ones_like(stretch)], 1e-3)
    size = np.minimum(room.min(axis=0), sides[1])
    sizes = size * np.stack([stretch, np.ones_like(stretch)])
    # Moved so that what reaches half to either side stays in the frame.
    edge = np.minimum((sizes * spans + pen) / 2 + 1, sides / 2)
    middle = np.minimum(np.maximum(aim, edge), sides - edge)
    return sizes.astype(np.float32), (middle - sizes * (low + high) / 2).astype(np.float32)
