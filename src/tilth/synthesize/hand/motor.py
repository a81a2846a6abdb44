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
    """
    return tuple(_moved(via, overlap, movement, points) for via in strokes)


def _moved(via: Via, overlap: float, movement: str, points: int) -> Array:
    if len(via.points) == 1:
        return via.points.astype(np.float32)
    at = via.points.astype(np.float64) @ (1, 1j)
    return path(at[:1], np.diff(at)[None], via.bows[None], np.array([overlap]), movement, points=points)[0]


def path(begins: Array, chords: Array, bows: Array, overlaps: Array, movement: str, *, points: int = POINTS) -> Array:
    """(s, points, 2) float32: the lines of strokes that have equally many pieces.

    begins   (s,) complex, where each begins
    chords   (s, j) complex, from end to end of its pieces; bows (s, j) as in `Via`
    overlaps, movement  as in `moved`; (s,)

    Source  minimum jerk: Flash and Hogan 1985; overlapping lognormal strokes along arcs: O'Reilly and Plamondon 2009,
            doi:10.1016/j.patcog.2008.10.017
    """
    starts, times = _timing(chords, overlaps)
    end = (starts + times).max(axis=1)
    clock = np.linspace(0, 1, points)[None, :, None] * end[:, None, None]
    share = MOVEMENTS[movement]((clock - starts[:, None, :]) / np.maximum(times, 1e-6)[:, None, :])
    drawn = begins[:, None] + (chords[:, None, :] * _along(share, bows[:, None, :])).sum(axis=2)
    return drawn.astype(np.complex64).view(np.float32).reshape(*drawn.shape, 2)


def _timing(chords: Array, overlaps: Array) -> tuple[Array, Array]:
    """When each movement begins and how long it takes, both (s, j)."""
    # Longer ways are made faster: a letter twice as large takes little longer.
    times = np.where(chords != 0, np.maximum(np.abs(chords), 0.02) ** 0.4, 0.0)
    sharp = np.abs(np.angle(chords[:, 1:] * np.conj(chords[:, :-1]))) / np.pi  # 0 straight on, 1 back
    eager = overlaps[:, None] * (1 - 0.75 * sharp)
    gaps = times[:, :-1] * (1 - eager)
    return np.concatenate([np.zeros((len(chords), 1)), np.cumsum(gaps, axis=1)], axis=1), times


def _along(share: Array, bow: Array) -> Array:
    """Complex: where on an arc from 0 to 1 that turns by `bow` one is after this share of its length."""
    bent = np.abs(bow) > 1e-3
    turn = np.where(bent, bow, 1.0)
    return np.where(bent, (np.exp(1j * turn * share) - 1) / (np.exp(1j * turn) - 1), share)
