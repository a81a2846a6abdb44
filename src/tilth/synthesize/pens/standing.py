"""Putting what a person wrote on a base line: level, at the height of its letters, upright where that is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilth.signal import Array
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.pens.written import Written

X_HEIGHT = 0.62  # of a capital's, as in common hands and type
_BELOW = 0.28  # that a descender reaches below the base line
_LONG = 3.0  # a line this many times as wide as high has a direction of its own


def reach(text: str, lines: int = 2) -> tuple[float, float]:
    """How far a text goes above and below the base line, a capital being 1.

    lines  of the pen: a single i or j drawn in one has no dot
    """
    tops = [_top(letter, dotted=lines > 1 or len(text) > 1) for letter in text if not letter.isspace()]
    return max(tops, default=0.0), _BELOW if any(letter in "gjpqyQ,;" for letter in text) else 0.0


def _top(letter: str, *, dotted: bool) -> float:
    if letter in "ij":
        return 0.95 if dotted else X_HEIGHT
    if letter in "acegmnopqrsuvwxyz":
        return X_HEIGHT
    if letter in ".,_":
        return 0.1
    return 0.5 if letter in "-~=" else 1.0


def standing(written: Written, *, deslant: bool = False) -> Strokes:
    """The lines on a base line at y = 0, a capital being 1 high; empty where it has no height (a dash by itself).

    deslant  whether to shear the writing until its up-strokes stand upright on the average
    """
    lines = [np.asarray(line, np.float64) for line in written.lines if len(line)]
    if not lines or not written.text.strip():
        return ()
    lines = _level(lines)
    if deslant:
        lines = _upright(lines)
    points = np.concatenate(lines)
    (left, top), (_, bottom) = points.min(0), points.max(0)
    above, below = reach(written.text, len(lines))
    if above < X_HEIGHT or bottom - top <= 0:
        return ()
    unit = (bottom - top) / (above + below)
    return tuple(((line - (left, bottom)) / unit + (0.0, below)).astype(np.float32) for line in lines)


def _level(lines: Sequence[Array]) -> list[Array]:
    """A long line of writing, turned until it runs level; what is short has no direction that could be told."""
    points = np.concatenate(lines)
    width, height = np.ptp(points, axis=0)
    if width < _LONG * max(height, 1e-9):
        return list(lines)
    slope = np.polyfit(points[:, 0], points[:, 1], 1)[0]
    turn = np.array([[1.0, -slope], [slope, 1.0]]) / np.hypot(1.0, slope)
    return [line @ turn for line in lines]


def _upright(lines: Sequence[Array]) -> list[Array]:
    """Sheared by the slant of the steep pieces, each as heavy as it is high."""
    pieces = np.concatenate([np.diff(line, axis=0) for line in lines if len(line) > 1] or [np.zeros((0, 2))])
    steep = np.abs(pieces[:, 1]) > np.abs(pieces[:, 0])
    heights = np.abs(pieces[steep, 1])
    if not heights.sum():
        return list(lines)
    slant = float((pieces[steep, 0] * np.sign(pieces[steep, 1])).sum() / heights.sum())
    return [line - np.stack([line[:, 1] * slant, np.zeros(len(line))], 1) for line in lines]
