"""Writers: habits that all words of one hand share, and what differs from word to word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.synthesize.glyphs import Glyph, Via
from tilth.synthesize.motor import moved
from tilth.synthesize.numerals import Form
from tilth.synthesize.strokes import Strokes

Array = npt.NDArray[Any]

_TASTES = 16  # habits of choosing, shared by letters


@dataclass(frozen=True)
class Writer:
    """Habits of one hand. Lengths in heights of a capital.

    tastes    which variant of a letter is chosen, numbers in 0..1
    slant     px to the right per px up, beside what the target has
    pen       times as wide a pen as the target's
    spacing   between letters
    widths    times as wide letters as those of the glyphs
    jitter    deviation of the points the hand aims at
    drift     deviation of the base line from letter to letter; it goes on from where it was
    sizes     deviation of the sizes of letters, a share
    bow       deviation of the bend of straight pieces, rad
    reach     deviation of how far a movement goes, a share: beyond its end or short of it
    overlap   of movements, as in `motor.moved`
    tremor    how far the hand trembles
    overhang  how far bars reach beyond the word
    gap       how far bars lie off the letters, below 0: across them
    tilt      rad by which bars rise
    swell     as in `Look`
    taper     as in `Look`
    rough     as in `Look`
    flow      as in `Look`
    """

    tastes: tuple[float, ...]
    slant: float
    pen: float
    spacing: float
    widths: float
    jitter: float
    drift: float
    sizes: float
    bow: float
    reach: float
    overlap: float
    tremor: float
    overhang: float
    gap: float
    tilt: float
    swell: float
    taper: float
    rough: float
    flow: float


def writer(rng: np.random.Generator, *, sloppy: float = 1.0) -> Writer:
    """A writer drawn at random.

    sloppy  times as far from the glyphs as people are: 0 writes as printed
    """
    return Writer(
        tastes=tuple(rng.uniform(0, 1, _TASTES).tolist()),
        slant=sloppy * rng.normal(0, 0.05),
        pen=float(np.exp(rng.normal(0, 0.06))),
        spacing=rng.uniform(0.18, 0.55),
        widths=float(np.exp(rng.normal(0, 0.14))),
        jitter=sloppy * rng.uniform(0.008, 0.03),
        drift=sloppy * rng.uniform(0.005, 0.035),
        sizes=sloppy * rng.uniform(0.015, 0.08),
        bow=sloppy * rng.uniform(0.04, 0.26),
        reach=sloppy * rng.uniform(0.01, 0.04),
        overlap=rng.uniform(0.3, 0.6),
        tremor=sloppy * rng.uniform(0.001, 0.009),
        overhang=rng.uniform(0.02, 0.4),
        gap=sloppy * rng.normal(0.045, 0.06),
        tilt=sloppy * rng.normal(0.03, 0.05),
        swell=rng.uniform(0.0, 0.25),
        taper=rng.uniform(-0.1, 0.3),
        rough=rng.uniform(0.06, 0.22),
        flow=rng.uniform(0.7, 1.0),
    )


def written(form: Form, hand: Writer, rng: np.random.Generator, *, movement: str) -> Strokes:
    """A text as this writer writes it this time."""
    strokes = laid_out(form, hand, rng)
    lines = moved([_aimed(via, hand, rng) for via in strokes], overlap=hand.overlap, movement=movement)
    return tuple(_trembling(line, hand, rng) for line in lines)


def laid_out(form: Form, hand: Writer, rng: np.random.Generator) -> list[Via]:
    """The letters side by side, each a little off its place and size, and the bars."""
    strokes: list[Via] = []
    places: list[tuple[float, float, float]] = []  # left, right and base line of each letter
    x, base = 0.0, 0.0
    noise = rng.standard_normal((len(form.letters), 5)).tolist()
    for letter, variants, (size, wide, off, lean, space) in zip(form.text, form.letters, noise, strict=True):
        one = variants[_choice(hand, letter, len(variants), rng)]
        base = 0.7 * base + hand.drift * off
        high = 1 + hand.sizes * size
        wider = hand.widths * high * (1 + 0.06 * wide)
        strokes += [_put(via, x, base, wider, high, 0.6 * hand.sizes * lean) for via in one.strokes]
        places.append((x, x + one.width * wider, base))
        x += one.width * wider + max(0.08, hand.spacing * (1 + 0.2 * space))
    return strokes + _bars(form, places, hand, rng)


def _choice(hand: Writer, letter: str, many: int, rng: np.random.Generator) -> int:
    """The variant this writer uses of a letter, but for one time in eight."""
    taste = hand.tastes[ord(letter) % _TASTES] if rng.random() > 0.125 else rng.random()
    return min(int(taste * many), many - 1)


def _put(via: Via, x: float, base: float, wide: float, high: float, lean: float) -> Via:
    points = via.points * np.array([wide, high], np.float32)
    points[:, 0] += x - lean * points[:, 1]
    points[:, 1] += base
    return Via(points, via.bows)


def _bars(form: Form, places: Sequence[tuple[float, float, float]], hand: Writer, rng: np.random.Generator) -> list[Via]:
    if form.bars == "none" or not places:
        return []
    if form.bars == "own":
        spans = [(left, right) for left, right, _ in places]
        sides = ("over", "under")
    else:
        spans = [(places[0][0], places[-1][1])]
        sides = ("over", "under") if form.bars == "both" else (form.bars,)
    return [_bar(left, right, side, hand, rng, own=form.bars == "own") for left, right in spans for side in sides]


def _bar(left: float, right: float, side: str, hand: Writer, rng: np.random.Generator, *, own: bool) -> Via:
    reach = (0.1 + 0.4 * hand.overhang if own else hand.overhang) + (0.08 if right - left < 0.1 else 0.0)
    begin, end = (reach * float(size) for size in 1 + 0.4 * rng.standard_normal(2))
    y = -1 - hand.gap if side == "over" else hand.gap
    rise = (hand.tilt + 0.03 * rng.standard_normal()) * (right - left) / 2
    off = 0.02 * rng.standard_normal()
    return Via.of((left - begin, y + off + rise), (right + end, y + off - rise, hand.bow * rng.standard_normal()))


def _aimed(via: Via, hand: Writer, rng: np.random.Generator) -> Via:
    """What the hand aims at: the points a little off, the pieces bent, longer or shorter."""
    points = via.points + hand.jitter * rng.standard_normal(via.points.shape)
    if not len(via.bows):
        return Via(points.astype(np.float32), via.bows)
    steps = np.diff(points, axis=0) * (1 + hand.reach * rng.standard_normal((len(via.bows), 1)))
    bows = via.bows * (1 + 0.15 * rng.standard_normal(len(via.bows))) + hand.bow * rng.standard_normal(len(via.bows))
    reached = points[0] + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    return Via(reached.astype(np.float32), np.clip(bows, -3.1, 3.1).astype(np.float32))


def _trembling(line: Array, hand: Writer, rng: np.random.Generator) -> Array:
    if len(line) < 2 or hand.tremor <= 0:
        return line
    at = np.linspace(0, 2 * np.pi, len(line))[:, None]
    waves = np.array([1.5, 2.7, 4.3])[None, :]
    sway = np.sin(at * waves * rng.uniform(0.8, 1.2) + rng.uniform(0, 2 * np.pi, (2, 1, 3))) @ (1 / np.sqrt(waves[0]))
    return (line + hand.tremor * sway.T).astype(np.float32)


def proportions(form: Form) -> tuple[float, float]:
    """log2 of a form's width over its height, and log2 of the length of its lines over the longer of both: what tells
    forms apart in pictures, before they are drawn."""
    strokes = [via for via in _plain(form)]
    points = np.concatenate([via.points for via in strokes])
    wide, high = np.ptp(points[:, 0]) + 0.08, np.ptp(points[:, 1]) + 0.08
    length = sum(float(np.hypot(*np.diff(via.points, axis=0).T).sum()) for via in strokes if len(via.points) > 1)
    return float(np.log2(wide / high)), float(np.log2(max(length, 0.05) / max(wide, high)))


def _plain(form: Form) -> list[Via]:
    """The form as it is written without any habit."""
    x, strokes, places = 0.0, [], []
    for variants in form.letters:
        one: Glyph = variants[0]
        strokes += [_put(via, x, 0.0, 1.0, 1.0, 0.0) for via in one.strokes]
        places.append((x, x + one.width))
        x += one.width + 0.28
    spans = places if form.bars == "own" else [(places[0][0], places[-1][1])]
    sides = {"none": (), "own": (-1, 0), "both": (-1, 0), "over": (-1,), "under": (0,)}[form.bars]
    bars = [Via.of((left - 0.14, y), (right + 0.14, y)) for left, right in spans for y in sides]
    return [*strokes, *bars]
