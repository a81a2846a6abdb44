"""Writers: habits that all words of one hand share, and what differs from word to word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.synthesize.hand.glyphs import Via
from tilth.synthesize.hand.motor import moved
from tilth.synthesize.hand.numerals import BARS, Form
from tilth.synthesize.hand.strokes import Strokes

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
    return _trembling(moved(_aimed(strokes, hand, rng), overlap=hand.overlap, movement=movement), hand, rng)


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
    # x + wide x' - lean high y', base + high y'
    turn = np.array([[wide, 0], [-lean * high, high]], np.float32)
    return Via(via.points @ turn + np.array([x, base], np.float32), via.bows)


def _bars(
    form: Form, places: Sequence[tuple[float, float, float]], hand: Writer, rng: np.random.Generator
) -> list[Via]:
    if form.bars == "none" or not places:
        return []
    own = form.bars == "own"
    spans = [(left, right) for left, right, _ in places] if own else [(places[0][0], places[-1][1])]
    return [_bar(left, right, y, hand, rng, own=own) for left, right in spans for y in BARS[form.bars]]


def _bar(left: float, right: float, y: float, hand: Writer, rng: np.random.Generator, *, own: bool) -> Via:
    reach = (0.1 + 0.4 * hand.overhang if own else hand.overhang) + (0.08 if right - left < 0.1 else 0.0)
    begin, end = (reach * float(size) for size in 1 + 0.4 * rng.standard_normal(2))
    y = y - hand.gap if y < 0 else y + hand.gap
    rise = (hand.tilt + 0.03 * rng.standard_normal()) * (right - left) / 2
    off = 0.02 * rng.standard_normal()
    return Via.of((left - begin, y + off + rise), (right + end, y + off - rise, hand.bow * rng.standard_normal()))


def _aimed(strokes: Sequence[Via], hand: Writer, rng: np.random.Generator) -> list[Via]:
    """What the hand aims at: the points a little off, the pieces bent, longer or shorter."""
    counts = [len(via.points) for via in strokes]
    points = np.concatenate([via.points for via in strokes])
    points = points + hand.jitter * rng.standard_normal(points.shape)
    bows = np.concatenate([via.bows for via in strokes])
    noise = rng.standard_normal((3, len(bows)))
    bows = bows * (1 + 0.15 * noise[0]) + hand.bow * noise[1]
    bows = np.minimum(np.maximum(bows, -3.1), 3.1)
    reach = 1 + hand.reach * noise[2]
    aimed: list[Via] = []
    at = 0
    for number, count in enumerate(counts):
        own = points[at : at + count]
        part = slice(at - number, at - number + count - 1)
        if count > 1:
            own[1:] = own[0] + np.cumsum((own[1:] - own[:-1]) * reach[part, None], axis=0)
        aimed.append(Via(own, bows[part]))
        at += count
    return aimed


def _trembling(lines: Strokes, hand: Writer, rng: np.random.Generator) -> Strokes:
    """The same lines, not quite steady."""
    long = [line for line in lines if len(line) > 1]
    if not long or hand.tremor <= 0:
        return lines
    waves = np.array([1.5, 2.7, 4.3])
    at = np.linspace(0, 2 * np.pi, len(long[0]))[:, None] * waves
    beat, phase = rng.uniform(0.8, 1.2, (len(long), 1, 1, 1)), rng.uniform(0, 2 * np.pi, (len(long), 2, 1, 3))
    sway = np.sin(at * beat + phase) @ (hand.tremor / np.sqrt(waves))
    swayed = iter((np.stack(long) + np.moveaxis(sway, 1, 2)).astype(np.float32))
    return tuple(next(swayed) if len(line) > 1 else line for line in lines)
