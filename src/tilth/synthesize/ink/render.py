"""From strokes to pictures: ink on paper, scanned. Many words at once, each at the size of its own picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.paper import ruled, scanned, uneven

Array = npt.NDArray[Any]

_STRETCH = 1.6  # times wider or narrower at most: a "v" may be narrow, an "x" as wide as a table is none
_THIN = 0.25  # a word narrower than this share of its height keeps its ratio: one upright has no width to stretch
_AT_ONCE = 64  # pictures whose segments are measured together
_PIXELS = 1 << 16  # distances held at once: they stay in the processor's cache
_STEP = 8  # px; patches come in sizes of this


def rendered(words: Sequence[Strokes], looks: Sequence[Look], rngs: Sequence[np.random.Generator]) -> list[Picture]:
    """Pictures (h, w, c) uint8 of words, each by its own look and from its own generator alone: a picture is the same
    whatever is rendered beside it.

    words  strokes whose points follow each other at equal times: where they lie far apart, the pen was fast
    looks  one for each word: c is the number of tones of its ground

    Cost  about 1 ms for a word of 5 strokes on 300 x 300 px
    """
    pictures: list[Picture] = []
    for start in range(0, len(words), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        inked = [placed(word, look) for word, look in zip(words[part], looks[part], strict=True)]
        canvases = [_Canvas.of(look, rng) for look, rng in zip(looks[part], rngs[part], strict=True)]
        _draw(inked, canvases)
        pictures += [canvas.picture() for canvas in canvases]
    return pictures


@dataclass(frozen=True)
class _Canvas:
    """How dark each pixel is, 0..1, before it is scanned."""

    look: Look
    rng: np.random.Generator
    dark: Array

    @classmethod
    def of(cls, look: Look, rng: np.random.Generator) -> _Canvas:
        return cls(look, rng, np.zeros((look.height_px, look.width_px), np.float32))

    def picture(self) -> Picture:
        uneven(self.dark, self.look, self.rng)
        ruled(self.dark, self.look, self.rng)
        return scanned(self.dark, self.look, self.rng)


# -- placing --------------------------------------------------------------------------------------------------


def placed(word: Strokes, look: Look) -> Strokes:
    """The word in px of its picture, sheared, stretched and moved as the look says, within the frame."""
    if not word:
        return ()
    points = np.concatenate(word).astype(np.float32)
    points[:, 0] -= np.float32(look.slant) * points[:, 1]
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    wide, high = right - left, bottom - top
    stretch = _stretch(wide, high, look.aspect)
    room_y, room_x = (max(look.scale * side - look.pen_px, 1.0) for side in (look.height_px, look.width_px))
    size = min(room_y / max(high, 1e-3), room_x / max(wide * stretch, 1e-3), look.height_px)
    half_x, half_y = (size * wide * stretch + look.pen_px) / 2, (size * high + look.pen_px) / 2
    x = _within(look.across * look.width_px, half_x, look.width_px)
    y = _within(look.down * look.height_px, half_y, look.height_px)
    points -= np.array([(left + right) / 2, (top + bottom) / 2], np.float32)
    points *= np.array([size * stretch, size], np.float32)
    points += np.array([x, y], np.float32)
    return tuple(np.split(points, np.cumsum([len(line) for line in word])[:-1]))


def _stretch(wide: float, high: float, aspect: float | None) -> float:
    if aspect is None or wide < _THIN * high or high < _THIN * wide:
        return 1.0
    return float(np.clip(2**aspect * high / wide, 1 / _STRETCH, _STRETCH))


def _within(middle: float, half: float, side: int) -> float:
    """The middle moved so that what reaches half to either side stays in the frame."""
    edge = min(half + 1, side / 2)
    return float(np.clip(middle, edge, side - edge))


# -- strokes --------------------------------------------------------------------------------------------------


def _draw(words: Sequence[Strokes], canvases: Sequence[_Canvas]) -> None:
    """Ink for each stroke: the pen's width around its line; where strokes cross there is more ink."""
    of = [at for at, word in enumerate(words) for _ in word]
    lines = [line for word in words for line in word]
    if not lines:
        return
    pieces = _segments(lines, [canvases[at].look for at in of])
    patches, corners, sizes = _patches(np.concatenate(pieces))
    at = 0
    for number, piece in zip(of, pieces, strict=True):
        part = slice(at, at + len(piece))
        _inked(canvases[number], patches[part], corners[part], sizes[part])
        at += len(piece)


def _segments(lines: Sequence[Array], looks: Sequence[Look]) -> list[Array]:
    """For each line (s, 7) float32: x, y and half width at both ends of its pieces, and the width of its edge; all in px."""
    alike: dict[int, list[int]] = {}
    for at, line in enumerate(lines):
        alike.setdefault(len(line), []).append(at)
    found: list[Array] = [np.empty(0)] * len(lines)
    for count, rows in alike.items():  # the motor model's lines have one length: they are one array
        points = np.stack([lines[at] for at in rows])
        pens = np.array([(looks[at].pen_px, looks[at].swell, looks[at].taper, looks[at].soft_px) for at in rows])
        joined = np.concatenate([points, _halves(points, pens)[:, :, None]], axis=2)
        way = np.hypot(*np.moveaxis(np.diff(points, axis=1), 2, 0)).sum(1) if count > 1 else np.zeros(len(rows))
        for row, at in enumerate(rows):
            found[at] = _cut(joined[row], float(way[row]), pens[row])
    return found


def _cut(line: Array, way: float, pen: Array) -> Array:
    """(s, 7) of a line's points (p, 3): as few pieces as its length asks for."""
    step = max(4.0, 0.6 * float(pen[0]) + 2)
    wanted = max(1, int(way / step) + 1)
    if len(line) == 1 or way < 0.5:
        kept = line[[0, 0]]
    elif len(line) - 1 <= wanted:
        kept = line
    else:
        kept = line[np.linspace(0, len(line) - 1, wanted + 1).astype(np.int64)]
    edge = np.full((len(kept) - 1, 1), max(float(pen[3]), 0.5))
    return np.concatenate([kept[:-1], kept[1:], edge], axis=1).astype(np.float32)


def _halves(points: Array, pens: Array) -> Array:
    """(l, p) half the width of lines at their points: thin where the pen is fast, thinner or thicker at the ends.

    pens  (l, 4) of each line `pen_px`, `swell`, `taper` and `soft_px`
    """
    many = points.shape[1]
    half, swell, taper = (pens[:, column : column + 1] for column in range(3))
    if many < 4:
        return np.repeat(half / 2 * (1.1 if many == 1 else 1), many, axis=1)
    steps = np.hypot(*np.moveaxis(np.diff(points, axis=1), 2, 0))
    speed = (steps[:, :-1] + steps[:, 1:]) / 2
    speed = np.concatenate([steps[:, :1], speed, steps[:, -1:]], axis=1)
    pace = np.minimum(np.maximum(speed / np.maximum(speed.mean(1, keepdims=True), 1e-6), 0.25), 2)
    along = np.linspace(0, 1, many)
    ends = np.exp(-along * 8) + np.exp(-(1 - along) * 8)
    return np.maximum(half / 2 * (1 - swell * (pace - 1) - taper * ends), 0.4)


def _patches(segments: Array) -> tuple[list[Array], Array, Array]:
    """The ink of each segment (s, 7): a square patch (p, p) float32 of 0..1, where its upper left corner lies, and p."""
    middle = (segments[:, 0:2] + segments[:, 3:5]) / 2
    reach = np.abs(segments[:, 3:5] - segments[:, 0:2]).max(1) / 2
    reach += np.maximum(segments[:, 2], segments[:, 5]) + segments[:, 6] + 1
    sizes = (np.ceil(2 * reach / _STEP) * _STEP).astype(np.int64)
    corners = np.floor(middle - sizes[:, None] / 2).astype(np.int64)
    patches: list[Array] = [np.empty(0)] * len(segments)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        block = max(1, _PIXELS // size**2)
        for start in range(0, len(rows), block):
            some = rows[start : start + block]
            for row, patch in zip(some.tolist(), _covered(segments[some], corners[some], size), strict=True):
                patches[row] = patch
    return patches, corners, sizes


def _covered(segments: Array, corners: Array, size: int) -> Array:
    """(s, size, size) float32: how much of each pixel lies under the pen; 1 less than half a width off the line."""
    grid = np.arange(size, dtype=np.float32) + 0.5
    x = (grid + (corners[:, :1] - segments[:, :1]).astype(np.float32))[:, None, :]
    y = (grid + (corners[:, 1:] - segments[:, 1:2]).astype(np.float32))[:, :, None]
    dx, dy = (segments[:, 3] - segments[:, 0])[:, None, None], (segments[:, 4] - segments[:, 1])[:, None, None]
    square = np.maximum(dx * dx + dy * dy, 1e-6)
    along = x * (dx / square) + y * (dy / square)
    np.clip(along, 0, 1, out=along)
    off = x - along * dx
    off *= off
    down = y - along * dy
    down *= down
    off += down
    np.sqrt(off, out=off)
    edge = segments[:, 6][:, None, None]
    along *= ((segments[:, 5] - segments[:, 2])[:, None, None]) / edge
    along += segments[:, 2][:, None, None] / edge + 0.5
    along -= off / edge
    return np.clip(along, 0, 1, out=along)


def _inked(canvas: _Canvas, patches: Sequence[Array], corners: Array, sizes: Array) -> None:
    """Lay one stroke over what is there: within a stroke the pen leaves its ink once."""
    high, wide = canvas.dark.shape
    first = corners.min(0)
    last = (corners + sizes[:, None]).max(0)
    (left, top), (right, bottom) = np.maximum(first, 0).tolist(), np.minimum(last, (wide, high)).tolist()
    if left >= right or top >= bottom:
        return
    # With a margin all patches fit, and none needs to be cut; what lies outside the frame is left off at the end.
    own = np.zeros((last - first)[::-1].tolist(), np.float32)
    for patch, (x, y) in zip(patches, (corners - first).tolist(), strict=True):
        there = own[y : y + len(patch), x : x + len(patch)]
        np.maximum(there, patch, out=there)
    x, y = first.tolist()
    seen = own[top - y : bottom - y, left - x : right - x]
    under = canvas.dark[top:bottom, left:right]
    # 1 - (1 - under)(1 - flow seen)
    seen *= canvas.look.flow
    under += seen
    seen *= under - seen
    under -= seen
