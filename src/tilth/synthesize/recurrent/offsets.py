"""From lines to steps of the pen and back: what a network that writes reads and says.

A step is (dx, dy, lift): from the point before to this one, in units of the usual step, and 1 where the pen leaves the
paper after this point. The first step starts from where the base line begins, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilth.signal import Array
from tilth.synthesize.hand.strokes import Strokes

SPACING = 0.09  # of the height of a capital between two points: some 12 points to a v, as many to a bar with serifs


def resampled(line: Array, spacing: float = SPACING) -> Array:
    """(m, 2) points about `spacing` apart along the line (n, 2), its ends among them; a dot stays one point."""
    line = np.asarray(line, np.float64)
    lengths = np.hypot(*np.diff(line, axis=0).T) if len(line) > 1 else np.zeros(0)
    if lengths.sum() < spacing / 2:
        return line.mean(axis=0, keepdims=True)
    # Points that coincide would make the way along the line stand still.
    line, lengths = line[np.r_[True, lengths > 0]], lengths[lengths > 0]
    way = np.concatenate([[0.0], np.cumsum(lengths)])
    places = np.linspace(0, way[-1], max(2, round(way[-1] / spacing) + 1))
    return np.stack([np.interp(places, way, line[:, axis]) for axis in (0, 1)], axis=1)


def steps_of(strokes: Strokes, *, spacing: float = SPACING) -> Array:
    """(t, 3) float32 steps of the pen; the writing is moved so that its left edge stands at 0."""
    lines = [resampled(line, spacing) for line in strokes if len(line)]
    if not lines:
        return np.zeros((0, 3), np.float32)
    points = np.concatenate(lines)
    points[:, 0] -= points[:, 0].min()
    lifts = np.zeros(len(points))
    lifts[np.cumsum([len(line) for line in lines]) - 1] = 1
    moves = np.diff(points, axis=0, prepend=np.zeros((1, 2))) / spacing
    return np.concatenate([moves, lifts[:, None]], axis=1).astype(np.float32)


def lines_of(steps: Array, *, spacing: float = SPACING, start: Sequence[float] = (0.0, 0.0)) -> Strokes:
    """The lines that these steps (t, 3) draw; the last one is ended where the steps end."""
    if not len(steps):
        return ()
    points = np.cumsum(np.asarray(steps[:, :2], np.float64) * spacing, axis=0) + np.asarray(start)
    ends = np.flatnonzero(steps[:, 2] > 0.5) + 1
    parts = np.split(points, ends[ends < len(points)])
    return tuple(part.astype(np.float32) for part in parts)


def jittered(steps: Array, share: float, rng: np.random.Generator) -> Array:
    """The steps after each point was moved by noise of this share of a step.

    A line that a program drew is straighter than any hand: without noise a density collapses onto it.
    """
    noise = rng.normal(0.0, share, (len(steps), 2))
    moved = steps.copy()
    moved[:, :2] += np.diff(noise, axis=0, prepend=np.zeros((1, 2)))
    return moved
