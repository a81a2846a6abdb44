"""From strokes to pictures: ink on paper, scanned. Many words at once, each at the size of its own picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture
from tilth.synthesize.looks import Look
from tilth.synthesize.paper import ruled, scanned, uneven
from tilth.synthesize.strokes import Strokes, box

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
    leaning = tuple(np.stack([line[:, 0] - look.slant * line[:, 1], line[:, 1]], axis=1) for line in word)
    left, top, right, bottom = box(leaning)
    wide, high = right - left, bottom - top
    stretch = _stretch(wide, high, look.aspect)
    room_y, room_x = (max(look.scale * side - look.pen_px, 1.0) for side in (look.height_px, look.width_px))
    size = min(room_y / max(high, 1e-3), room_x / max(wide * stretch, 1e-3), look.height_px)
    half_x, half_y = (size * wide * stretch + look.pen_px) / 2, (size * high + look.pen_px) / 2
    x = _within(look.across * look.width_px, half_x, look.width_px)
    y = _within(look.down * look.height_px, half_y, look.height_px)
    middle = np.array([(left + right) / 2, (top + bottom) / 2], np.float32)
    scale = np.array([size * stretch, size], np.float32)
    return tuple(((line - middle) * scale + np.array([x, y])).astype(np.float32) for line in leaning)


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
    lines = [
        (at, _segments(line, canvas.look))
        for at, (word, canvas) in enumerate(zip(words, canvases, strict=True))
        for line in word
    ]
    if not lines:
        return
    segments = np.concatenate([line for _, line in lines])
    patches, corners = _patches(segments)
    at = 0
    for number, line in lines:
        _inked(canvases[number], patches[at : at + len(line)], corners[at : at + len(line)])
        at += len(line)


def _segments(line: Array, look: Look) -> Array:
    """(s, 7) float32: x, y and half width at both ends of the pieces of a line, and the width of its edge; all in px."""
    points, halves = _resampled(line, _halves(line, look), max(4.0, 0.6 * look.pen_px + 2))
    if len(points) == 1:
        points, halves = np.repeat(points, 2, axis=0), np.repeat(halves, 2)
    edge = np.full(len(points) - 1, max(look.soft_px, 0.5), np.float32)
    return np.column_stack([points[:-1], halves[:-1], points[1:], halves[1:], edge]).astype(np.float32)


def _halves(line: Array, look: Look) -> Array:
    """(points,) half the width of a stroke at its points: thin where the pen is fast, thinner or thicker at the ends."""
    half = look.pen_px / 2
    if len(line) < 4:
        return np.full(len(line), half * (1.1 if len(line) == 1 else 1), np.float32)
    steps = np.hypot(*np.diff(line, axis=0).T)
    speed = np.convolve(np.concatenate([steps[:1], steps, steps[-1:]]), [0.5, 0.5], "valid")
    pace = np.clip(speed / max(float(speed.mean()), 1e-6), 0.25, 2.0)
    along = np.linspace(0, 1, len(line))
    ends = np.exp(-along * 8) + np.exp(-(1 - along) * 8)
    return np.maximum(half * (1 - look.swell * (pace - 1) - look.taper * ends), 0.4).astype(np.float32)


def _resampled(line: Array, halves: Array, step: float) -> tuple[Array, Array]:
    """The line and its widths at points that lie about `step` px apart."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(lengths)])
    if way[-1] < 0.5:
        return line[:1], halves[:1]
    at = np.linspace(0, way[-1], max(2, round(way[-1] / step) + 1))
    return np.stack([np.interp(at, way, line[:, 0]), np.interp(at, way, line[:, 1])], 1), np.interp(at, way, halves)


def _patches(segments: Array) -> tuple[list[Array], Array]:
    """The ink of each segment (s, 7): a square patch (p, p) float32 of 0..1, and where its upper left corner lies."""
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
    return patches, corners


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


def _inked(canvas: _Canvas, patches: Sequence[Array], corners: Array) -> None:
    """Lay one stroke over what is there: within a stroke the pen leaves its ink once."""
    high, wide = canvas.dark.shape
    size = np.array([len(patch) for patch in patches])
    left, top = (max(0, int(low)) for low in corners.min(0))
    right, bottom = int((corners[:, 0] + size).max()), int((corners[:, 1] + size).max())
    if left >= min(right, wide) or top >= min(bottom, high):
        return
    # With a margin all patches fit, and none needs to be cut; what lies outside the frame is left off at the end.
    own = np.zeros((bottom - int(corners[:, 1].min()), right - int(corners[:, 0].min())), np.float32)
    begin = corners - corners.min(0)
    for patch, (x, y) in zip(patches, begin.tolist(), strict=True):
        there = own[y : y + len(patch), x : x + len(patch)]
        np.maximum(there, patch, out=there)
    seen = own[top - int(corners[:, 1].min()) :, left - int(corners[:, 0].min()) :][: high - top, : wide - left]
    under = canvas.dark[top : top + seen.shape[0], left : left + seen.shape[1]]
    # 1 - (1 - under)(1 - flow seen)
    seen *= canvas.look.flow
    under += seen - under * seen
