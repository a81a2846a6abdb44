"""Ink: how much of each pixel lies under the pen, for the lines of many pictures at once.

A line becomes few straight pieces; each is measured in the squares of 8 x 8 pixels that it may touch, and all of these are one
array. So the cost goes with the ink, not with the paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.ink.looks import Look

Array = npt.NDArray[Any]

TILE = 8
"""Pixels to a side of a square that is measured: smaller ones hold less blank paper, larger ones are fewer."""

_OFF, _OFF_PEN = (
    0.15,
    0.012,
)  # px, and pens, that a line may lie off its pieces or be thinner or thicker: nobody sees it
_AT_ONCE = 512  # squares that are measured together: they stay in the processor's cache
_CORNER = (TILE - 1) / 2**0.5  # px from the middle of a square to the middle of its last pixel


@dataclass(frozen=True)
class Ink:
    """The part of a picture that has ink.

    left, top  px, multiples of `TILE`
    dark       (h, w) float32, 0 to 1; it may reach beyond the picture by less than a square
    """

    left: int
    top: int
    dark: Array


def inked(words: Sequence[Strokes], looks: Sequence[Look]) -> list[Ink]:
    """The ink of each word, in px of its picture; within a stroke the pen leaves its ink once, where strokes cross there is
    more."""
    blank = Ink(0, 0, np.zeros((0, 0), np.float32))
    lines, of = [line for word in words for line in word], [at for at, word in enumerate(words) for _ in word]
    if not lines:
        return [blank] * len(words)
    pieces, line_of = _pieces(lines, [looks[at] for at in of])
    frames = np.array([(-(-look.height_px // TILE), -(-look.width_px // TILE)) for look in looks])
    grid = int(frames.prod(axis=1).max())
    piece, square = _touched(pieces, frames[np.array(of)[line_of]])
    measured, stroke = _strokes(pieces, piece, square, line_of, frames[:, 1][of], grid)
    owner = np.array(of)[stroke // grid]
    flows = np.array([look.flow for look in looks], np.float32)
    dark, place = _laid(measured, stroke, owner * grid + stroke % grid, flows[owner])
    ends = np.searchsorted(place, np.arange(len(words) + 1) * grid)
    return [
        _box(dark[begin:end], place[begin:end] % grid, int(frames[at, 1])) if end > begin else blank
        for at, (begin, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))
    ]


def _box(dark: Array, square: Array, across: int) -> Ink:
    """The squares (n, 8, 8) of one picture in their places, of which there are so many across."""
    y, x = np.divmod(square, across)
    top, left = int(y[0]), int(x.min())  # squares come from above to below
    box = np.zeros((int(y[-1]) - top + 1, TILE, int(x.max()) - left + 1, TILE), np.float32)
    box[y - top, :, x - left] = dark
    return Ink(left * TILE, top * TILE, box.reshape(box.shape[0] * TILE, -1))


# -- pieces ---------------------------------------------------------------------------------------------------


def _pieces(lines: Sequence[Array], looks: Sequence[Look]) -> tuple[Array, Array]:
    """(7, s) float32: x, y and half the width at both ends of each piece, and the width of its edge, all in px; and the line
    (s,) that it is of, in rising order."""
    alike: dict[int, list[int]] = {}
    for at, line in enumerate(lines):
        alike.setdefault(len(line), []).append(at)
    found: list[Array] = []
    numbers: list[Array] = []
    for rows in alike.values():  # the motor model's lines have one length: they are one array
        points = np.stack([lines[at] for at in rows]).astype(np.float32)
        pens = np.array([(looks[at].pen_px, looks[at].swell, looks[at].taper) for at in rows], np.float32)
        edges = np.array([max(looks[at].soft_px, 0.5) for at in rows], np.float32)
        drawn = np.stack([points[:, :, 0], points[:, :, 1], _halves(points, pens)])
        line, first, last = _straightened(drawn, _OFF + _OFF_PEN * pens[:, 0])
        found.append(np.concatenate([drawn[:, line, first], drawn[:, line, last], edges[None, line]]))
        numbers.append(np.array(rows)[line])
    together = np.concatenate(numbers)
    order = np.argsort(together, kind="stable")
    return np.concatenate(found, axis=1)[:, order], together[order]


def _halves(points: Array, pens: Array) -> Array:
    """(l, p) half the width of lines at their points: thin where the pen is fast, thinner or thicker at the ends.

    pens  (l, 3) of each line `pen_px`, `swell` and `taper`
    """
    many = points.shape[1]
    half, swell, taper = (pens[:, column : column + 1] for column in range(3))
    if many < 4:
        return np.repeat(half / 2 * np.float32(1.1 if many == 1 else 1), many, axis=1)
    steps = np.hypot(*np.moveaxis(np.diff(points, axis=1), 2, 0))
    speed = (steps[:, :-1] + steps[:, 1:]) / 2
    speed = np.concatenate([steps[:, :1], speed, steps[:, -1:]], axis=1)
    pace = np.minimum(np.maximum(speed / np.maximum(speed.mean(1, keepdims=True), 1e-6), 0.25), 2)
    along = np.linspace(0, 1, many, dtype=np.float32)
    ends = np.exp(-along * 8) + np.exp(-(1 - along) * 8)
    return np.maximum(half / 2 * (1 - swell * (pace - 1) - taper * ends), 0.4)


def _straightened(drawn: Array, most: Array) -> tuple[Array, Array, Array]:
    """Lines (3, l, p) of x, y and half width as few straight pieces: (line, first point, last point) of each.

    A line that is nowhere more than `most` (l,) px off the straight way is one piece; any other is halved, and so is each half.
    """
    last = drawn.shape[2] - 1
    size = 1 << max(last - 1, 0).bit_length()
    line, first = np.arange(drawn.shape[1]), np.zeros(drawn.shape[1], np.int64)
    found: list[Array] = []
    while len(line):
        ends = np.minimum(first + size, last)
        done = _off(drawn, line, first, ends, size) <= most[line] if size > 1 else np.ones(len(line), bool)
        found.append(np.stack([line, first, ends])[:, done])
        size //= 2
        line, first = np.repeat(line[~done], 2), np.repeat(first[~done], 2)
        first[1::2] += size
        there = first < last
        line, first = line[there], first[there]
    line, first, ends = np.concatenate(found, axis=1)
    return line, first, ends


def _off(drawn: Array, line: Array, first: Array, ends: Array, size: int) -> Array:
    """(c,) px by which the line's points between two of its own, at most so many further on, lie off the straight way, or
    are thinner or thicker than they would be on it."""
    between = np.minimum(first[:, None] + np.arange(1, size), ends[:, None])
    begin = drawn[:, line, first][:, :, None]
    off, way = drawn[:, line[:, None], between] - begin, drawn[:, line, ends][:, :, None] - begin
    along = off[0] * way[0] + off[1] * way[1]
    along /= np.maximum(way[0] * way[0] + way[1] * way[1], 1e-6)
    np.clip(along, 0, 1, out=along)
    off -= way * along
    return np.abs(off).max(axis=(0, 2))


# -- squares --------------------------------------------------------------------------------------------------


def _touched(pieces: Array, frames: Array) -> tuple[Array, Array]:
    """Which pieces (7, s) may touch which squares of their pictures: (piece, square), rows of squares from above to below.

    frames  (s, 2) how many squares the picture of a piece has down and across
    """
    x0, y0, half0, x1, y1, half1, edge = pieces
    reach = np.maximum(half0, half1) + edge / 2
    low = np.stack([np.minimum(y0, y1), np.minimum(x0, x1)]) - reach
    high = np.stack([np.maximum(y0, y1), np.maximum(x0, x1)]) + reach
    begin = np.maximum(np.floor(low / TILE).astype(np.int64), 0)
    sides = np.maximum(np.minimum(np.floor(high / TILE).astype(np.int64) + 1, frames.T) - begin, 0)
    counts = sides[0] * sides[1]
    piece = np.repeat(np.arange(len(x0)), counts)
    place = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
    down, right = np.divmod(place, sides[1][piece])
    down += begin[0][piece]
    right += begin[1][piece]
    # Of the squares around a slanted piece most lie off it.
    x, y = ((side * np.float32(TILE) + np.float32(TILE / 2)) for side in (right, down))
    wide, high_ = x1 - x0, y1 - y0
    square = np.maximum(wide * wide + high_ * high_, 1e-6)
    x -= x0[piece]
    y -= y0[piece]
    along = np.clip(x * (wide / square)[piece] + y * (high_ / square)[piece], 0, 1)
    x -= along * wide[piece]
    y -= along * high_[piece]
    near = x * x + y * y <= ((reach + _CORNER) ** 2)[piece]
    piece = piece[near]
    return piece, down[near] * frames[piece, 1] + right[near]


def _strokes(
    pieces: Array, piece: Array, square: Array, line_of: Array, across: Array, grid: int
) -> tuple[Array, Array]:
    """The ink (8, 8, n) of whole strokes in the squares that they touch, and (n,) `stroke * grid + square` of each: in a square
    that several pieces of a stroke touch, the one that covers most counts.

    across  (l,) squares across the picture of each line
    """
    key = line_of[piece] * grid + square
    order = np.argsort(key, kind="stable")
    key = key[order]
    begins = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])[: len(key)])
    counts = np.diff(np.append(begins, len(key)))
    # Those that many touch come first: then those with a second, a third piece are always the first so many.
    columns = np.argsort(-counts, kind="stable")
    begins, counts, key = begins[columns], counts[columns], key[begins[columns]]
    top, left = (TILE * side for side in np.divmod(key % grid, across[key // grid]))
    ink = np.empty((TILE, TILE, len(key)), np.float32)
    for part in _blocks(len(key)):
        most = ink[:, :, part]
        for rank in range(int(counts[part.start]) if len(counts) else 0):
            many = int(np.searchsorted(-counts[part], -rank))  # that have more pieces than this
            some = slice(part.start, part.start + many)
            own = _covered(pieces[:, piece[order[begins[some] + rank]]], left[some], top[some])
            if rank:
                np.maximum(most[:, :, :many], own, out=most[:, :, :many])
            else:
                most[...] = own
    return ink, key


def _blocks(many: int) -> Iterator[slice]:
    for start in range(0, many, _AT_ONCE):
        yield slice(start, min(start + _AT_ONCE, many))


def _covered(pieces: Array, left: Array, top: Array) -> Array:
    """(8, 8, n) float32: how much of each pixel of a square lies under a piece (7, n); 1 less than half a width off it."""
    x0, y0, half, x1, y1, half1, edge = pieces
    pixel = np.arange(TILE, dtype=np.float32)[:, None] + np.float32(0.5)
    # In widths of the edge: then what lies under the pen is a difference.
    x = (pixel + (left - x0)).astype(np.float32) / edge
    y = ((pixel + (top - y0)).astype(np.float32) / edge)[:, None]
    dx, dy = (x1 - x0) / edge, (y1 - y0) / edge
    square = np.maximum(dx * dx + dy * dy, np.float32(1e-6))
    along = x * (dx / square) + y * (dy / square)
    np.clip(along, 0, 1, out=along)
    off = along * dx
    np.subtract(x, off, out=off)
    off *= off
    down = along * dy
    np.subtract(y, down, out=down)
    down *= down
    off += down
    np.sqrt(off, out=off)
    along *= (half1 - half) / edge
    along += half / edge + np.float32(0.5)
    along -= off
    return np.clip(along, 0, 1, out=along)


def _laid(ink: Array, stroke: Array, place: Array, flow: Array) -> tuple[Array, Array]:
    """Strokes laid over each other in the order of writing: (m, 8, 8) how dark, and the place (m,) of each square, rising.

    ink     (8, 8, n) of one stroke in one square
    stroke  (n,) rising as they were written
    place   (n,) of the square, among all squares of all pictures
    flow    (n,) ink that the pen leaves
    """
    order = np.lexsort((stroke, place))
    place = place[order]
    begins = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]])[: len(place)])
    counts = np.diff(np.append(begins, len(place)))
    rows = np.ascontiguousarray(ink.reshape(TILE * TILE, -1).T)
    dark = rows[order[begins]]
    dark *= flow[order[begins]][:, None]
    for rank in range(1, int(counts.max(initial=0))):
        some = np.flatnonzero(counts > rank)
        own = order[begins[some] + rank]
        under, over = dark[some], rows[own] * flow[own][:, None]
        dark[some] = under + over * (1 - under)
    return dark.reshape(-1, TILE, TILE), place[begins]
