"""How a hand moves from point to point: each piece of a stroke is one movement with a bell-shaped speed, and the next
begins before it ends, which rounds the corners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.synthesize.hand.glyphs import Via
from tilth.synthesize.hand.strokes import Strokes

Array = npt.NDArray[Any]

POINTS = 33
"""Points of a stroke, at equal times: a stroke takes about a third of a second, a pad reports a hundred points a second."""

_SPREAD = 0.3  # sigma of the lognormal: its bell is about as skewed as that of fast strokes
_TAIL = 2.4  # deviations of it that count as the movement


def minimum_jerk(tau: Array) -> Array:
    """Share of the way at a share of the time: the smoothest movement from rest to rest.

    Source  Flash and Hogan 1985, doi:10.1523/JNEUROSCI.05-07-01688.1985
    """
    tau = np.clip(tau, 0, 1)
    return tau**3 * (10 - 15 * tau + 6 * tau**2)


def lognormal(tau: Array) -> Array:
    """Share of the way at a share of the time, where speed rises faster than it falls.

    Source  Plamondon 1995, doi:10.1007/BF00202785; O'Reilly and Plamondon 2009, doi:10.1016/j.patcog.2008.10.017
    """
    from scipy.special import ndtr

    first, last = np.exp(-_TAIL * _SPREAD), np.exp(_TAIL * _SPREAD)
    at = first + np.clip(tau, 0, 1) * (last - first)
    low, high = ndtr(-_TAIL), ndtr(_TAIL)
    return (ndtr(np.log(at) / _SPREAD) - low) / (high - low)


MOVEMENTS: Mapping[str, Callable[[Array], Array]] = {"minimum-jerk": minimum_jerk, "lognormal": lognormal}


def moved(strokes: Sequence[Via], *, overlap: float, movement: str, points: int = POINTS) -> Strokes:
    """The lines a hand draws that aims at the points of these strokes.

    overlap   share of a movement's time at which the next one has begun, 0..0.7; the sharper the corner, the less
    movement  of `MOVEMENTS`
    points    of each line, at equal times

    Source  minimum jerk: Flash and Hogan 1985; overlapping lognormal strokes along arcs: O'Reilly and Plamondon 2009,
            doi:10.1016/j.patcog.2008.10.017
    """
    long = [at for at, via in enumerate(strokes) if len(via.points) > 1]
    lines: list[Array] = [via.points.astype(np.float32) for via in strokes]
    if not long:
        return tuple(lines)
    chords, bows = _pieces([strokes[at] for at in long])
    starts, times = _timing(chords, overlap)
    end = (starts + times).max(axis=1)
    clock = np.linspace(0, 1, points)[None, :, None] * end[:, None, None]
    share = MOVEMENTS[movement]((clock - starts[:, None, :]) / np.maximum(times, 1e-6)[:, None, :])
    begin = np.array([complex(*strokes[at].points[0]) for at in long])
    path = begin[:, None] + (chords[:, None, :] * _along(share, bows[:, None, :])).sum(axis=2)
    drawn = np.stack([path.real, path.imag], axis=2).astype(np.float32)
    for at, line in zip(long, drawn, strict=True):
        lines[at] = line
    return tuple(lines)


def _pieces(strokes: Sequence[Via]) -> tuple[Array, Array]:
    """Chords (s, j) complex and bows (s, j); 0 behind the last piece of a stroke."""
    most = max(len(via.bows) for via in strokes)
    chords, bows = np.zeros((len(strokes), most), np.complex128), np.zeros((len(strokes), most))
    for row, via in enumerate(strokes):
        steps = np.diff(via.points, axis=0)
        chords[row, : len(steps)] = steps[:, 0] + 1j * steps[:, 1]
        bows[row, : len(steps)] = via.bows
    return chords, bows


def _timing(chords: Array, overlap: float) -> tuple[Array, Array]:
    """When each movement begins and how long it takes, both (s, j)."""
    # Longer ways are made faster: a letter twice as large takes little longer.
    times = np.where(chords != 0, np.maximum(np.abs(chords), 0.02) ** 0.4, 0.0)
    sharp = np.abs(np.angle(chords[:, 1:] * np.conj(chords[:, :-1]))) / np.pi  # 0 straight on, 1 back
    eager = overlap * (1 - 0.75 * sharp)
    gaps = times[:, :-1] * (1 - eager)
    return np.concatenate([np.zeros((len(chords), 1)), np.cumsum(gaps, axis=1)], axis=1), times


def _along(share: Array, bow: Array) -> Array:
    """Complex: where on an arc from 0 to 1 that turns by `bow` one is after this share of its length."""
    bent = np.abs(bow) > 1e-3
    turn = np.where(bent, bow, 1.0)
    return np.where(bent, (np.exp(1j * turn * share) - 1) / (np.exp(1j * turn) - 1), share)
