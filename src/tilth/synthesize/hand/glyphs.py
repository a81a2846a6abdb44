"""Glyphs: letters as the points a pen goes through, from Dr. Hershey's single-stroke fonts.

Latin letters, digits and signs come in a print and in a script; Greek and Russian letters in a print. A letter with an
accent is written as the letter and the accent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.synthesize.hand.hershey import BASE, CAPITAL, Polylines, faces

Array = npt.NDArray[Any]

_CORNER = np.deg2rad(50)  # a line that turns by more at one point has a corner there
_PIECE = np.deg2rad(80)  # a curve is cut into arcs that turn by less: one movement of the hand each
_STRAIGHT = 0.15  # of a capital's height: an edge that is longer, and twice as long as others, is no part of a curve
_SPACE = 0.6  # of a capital's height: a blank


@dataclass(frozen=True)
class Via:
    """Points that a stroke goes through.

    points  (j + 1, 2) float32, as in `Strokes`; one point alone is a dot
    bows    (j,) float32, rad that each piece turns by on its way, clockwise above 0; 0 is straight
    """

    points: Array
    bows: Array

    @classmethod
    def of(cls, *points: Sequence[float]) -> Via:
        """From (x, y) or (x, y, bow of the piece that ends there)."""
        return cls(
            np.array([point[:2] for point in points], np.float32),
            np.array([point[2] if len(point) > 2 else 0.0 for point in points[1:]], np.float32),
        )


@dataclass(frozen=True)
class Glyph:
    """A letter: its strokes in the order of writing, from x = 0 to its width."""

    strokes: tuple[Via, ...]
    width: float

    @classmethod
    def of(cls, *strokes: Sequence[Sequence[float]]) -> Glyph:
        vias = tuple(Via.of(*stroke) for stroke in strokes)
        points = np.concatenate([via.points for via in vias])
        left = float(points[:, 0].min())
        moved = tuple(Via(via.points - np.array([left, 0], np.float32), via.bows) for via in vias)
        return cls(moved, float(points[:, 0].max()) - left)


HANDS: Mapping[str, tuple[str, ...]] = {
    "print": ("futural", "greeks", "cyrilc_1"),
    "script": ("scripts",),
}
"""Name -> fonts, of which the first that has a letter gives it."""

_ACCENTS: Mapping[str, tuple[Via, ...]] = {
    "\u0301": (Via.of((0.1, -0.28), (-0.06, -0.1)),),  # acute
    "\u0300": (Via.of((-0.1, -0.28), (0.06, -0.1)),),  # grave
    "\u0302": (Via.of((-0.14, -0.1), (0, -0.26), (0.14, -0.1)),),  # circumflex
    "\u030c": (Via.of((-0.14, -0.26), (0, -0.1), (0.14, -0.26)),),  # caron
    "\u0308": (Via.of((-0.12, -0.18)), Via.of((0.12, -0.18))),  # two dots
    "\u0307": (Via.of((0, -0.18)),),  # dot
    "\u0303": (Via.of((-0.18, -0.12), (0, -0.18, 1.2), (0.18, -0.2, -1.2)),),  # tilde
    "\u0304": (Via.of((-0.16, -0.16), (0.16, -0.16)),),  # bar
    "\u030a": (Via.of((0, -0.08), (0, -0.28, 3.1), (0, -0.08, 3.1)),),  # ring
    "\u0327": (Via.of((0.02, 0.02), (0.05, 0.14, 1.5), (-0.08, 0.2, 1.0)),),  # cedilla, from the base line
}


def glyph(letter: str, hand: str) -> Glyph | None:
    """A letter in a hand of `HANDS`; None where no font of the hand has it."""
    if letter.isspace():
        return Glyph((), _SPACE)
    for font in HANDS[hand]:
        found = _font(font).get(letter)
        if found is not None:
            return found
    plain, *marks = unicodedata.normalize("NFD", letter)
    if not marks or any(mark not in _ACCENTS for mark in marks):
        return None
    below = glyph(plain, hand)
    return None if below is None else _accented(below, marks)


def missing(text: str) -> str:
    """The letters of a text that no hand has."""
    return "".join(dict.fromkeys(letter for letter in text if all(glyph(letter, hand) is None for hand in HANDS)))


def _accented(below: Glyph, marks: Sequence[str]) -> Glyph:
    top = min(float(via.points[:, 1].min()) for via in below.strokes)
    strokes = list(below.strokes)
    for mark in marks:
        place = np.array([below.width / 2, 0.0 if mark == "\u0327" else top], np.float32)
        strokes += [Via(via.points + place, via.bows) for via in _ACCENTS[mark]]
    return Glyph(tuple(strokes), below.width)


@lru_cache(maxsize=8)
def _font(name: str) -> Mapping[str, Glyph]:
    """Letter -> glyph of one font."""
    return {letter: _glyph(lines) for letter, lines in faces()[name].items()}


def _glyph(lines: Polylines) -> Glyph:
    vias = [arcs(((line - np.array([0, BASE])) / CAPITAL).astype(np.float32)) for line in lines]
    points = np.concatenate([via.points for via in vias])
    left = float(points[:, 0].min())
    moved = tuple(Via(via.points - np.array([left, 0], np.float32), via.bows) for via in vias)
    return Glyph(moved, float(points[:, 0].max()) - left)


def arcs(line: Array) -> Via:
    """A polyline (p, 2) as few arcs: cut at its corners, where it begins to turn the other way, where an arc has turned by 80
    degrees, and at both ends of an edge that is much longer than its neighbours: that one is straight."""
    if len(line) > 1:
        line = line[np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 1e-6])]
    if len(line) < 3:
        return Via(line, np.zeros(len(line) - 1, np.float32))
    steps = np.diff(line, axis=0)
    lengths = np.hypot(*steps.T)
    straight = lengths > max(_STRAIGHT, 2 * float(np.median(lengths)))
    headings = np.arctan2(steps[:, 1], steps[:, 0])
    turns = (np.diff(headings) + np.pi) % (2 * np.pi) - np.pi
    cuts, bows, turned, edges = [0], [], 0.0, 1
    for at, turn in enumerate(turns.tolist(), 1):
        ends = straight[at] or straight[at - 1]
        if ends or abs(turn) > _CORNER or abs(turned + turn) > _PIECE or turned * turn < 0:
            cuts.append(at)
            bows.append(_bow(turned, edges))
            turned, edges = 0.0, 0
        else:
            turned += turn
        edges += 1
    cuts.append(len(line) - 1)
    bows.append(_bow(turned, edges))
    return Via(line[cuts].astype(np.float32), np.array(bows, np.float32))


def _bow(turned: float, edges: int) -> float:
    """What a curve turns by that was drawn as this many straight edges: the first and last half edge turn too."""
    return turned * edges / (edges - 1) if edges > 1 else 0.0
