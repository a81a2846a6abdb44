"""Writers: habits that all words of one hand share, and what differs from word to word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.synthesize.hand.glyphs import Via
from tilth.synthesize.hand.motor import path
from tilth.synthesize.hand.numerals import BARS, Form
from tilth.synthesize.hand.strokes import Strokes

Array = npt.NDArray[Any]

_TASTES = 16  # habits of choosing, shared by letters
_WAVES = np.array([1.5, 2.7, 4.3])  # of a tremor, in a stroke
_LEVEL = np.array([(0, 0), (1, 0)], np.float32)  # a bar, before it is put in its place


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
    return all_written([form], [hand], [rng], [movement])[0]


def all_written(
    forms: Sequence[Form], hands: Sequence[Writer], rngs: Sequence[np.random.Generator], movements: Sequence[str]
) -> list[Strokes]:
    """Texts as their writers write them this time, each from its own generator alone: a text is the same whatever is written
    beside it. Many at once take a quarter of the time."""
    words = [_dealt(form, hand, rng) for form, hand, rng in zip(forms, hands, rngs, strict=True)]
    strokes = [stroke for word in words for stroke in word.strokes]
    if not strokes:
        return [()] * len(forms)
    aims, sways = (np.concatenate([getattr(word, name) for word in words]) for name in ("aims", "sways"))
    of = np.repeat(np.arange(len(words)), [len(word.strokes) for word in words])
    habits = np.array([(one.jitter, one.bow, one.reach, one.overlap, one.tremor) for one in hands])[of]
    lines = _lines(strokes, habits, aims, sways, [movements[at] for at in of.tolist()])
    ends = np.cumsum([0, *(len(word.strokes) for word in words)]).tolist()
    return [tuple(lines[begin:end]) for begin, end in pairwise(ends)]


@dataclass(frozen=True)
class _Placed:
    """A stroke of a glyph, and where it goes: x' = a x + b y + e, y' = c x + d y + f."""

    via: Via
    a: float
    b: float
    c: float
    d: float
    e: float
    f: float


@dataclass(frozen=True)
class _Word:
    """The strokes of a word in their places, and the dice thrown for them.

    aims   normal, for each stroke of j + 1 points 2 for each point and 3 for each piece
    sways  (strokes, 7) even
    """

    strokes: Sequence[_Placed]
    aims: Array
    sways: Array


def _dealt(form: Form, hand: Writer, rng: np.random.Generator) -> _Word:
    strokes = _laid_out(form, hand, rng)
    aims = rng.standard_normal(sum(5 * len(one.via.points) - 3 for one in strokes))
    return _Word(strokes, aims, rng.random((len(strokes), 7)))


# -- where letters stand --------------------------------------------------------------------------------------


def _laid_out(form: Form, hand: Writer, rng: np.random.Generator) -> list[_Placed]:
    """The letters side by side, each a little off its place and size, and the bars."""
    strokes: list[_Placed] = []
    places: list[tuple[float, float]] = []  # left and right of each letter
    x, base = 0.0, 0.0
    noise = rng.standard_normal((len(form.letters), 5)).tolist()
    for letter, variants, (size, wide, off, lean, space) in zip(form.text, form.letters, noise, strict=True):
        one = variants[_choice(hand, letter, len(variants), rng)]
        base = 0.7 * base + hand.drift * off
        high = 1 + hand.sizes * size
        wider = hand.widths * high * (1 + 0.06 * wide)
        leaning = 0.6 * hand.sizes * lean * high
        strokes += [_Placed(via, wider, -leaning, 0.0, high, x, base) for via in one.strokes]
        places.append((x, x + one.width * wider))
        x += one.width * wider + max(0.08, hand.spacing * (1 + 0.2 * space))
    return strokes + _bars(form, places, hand, rng)


def _choice(hand: Writer, letter: str, many: int, rng: np.random.Generator) -> int:
    """The variant this writer uses of a letter, but for one time in eight."""
    taste = hand.tastes[ord(letter) % _TASTES] if rng.random() > 0.125 else rng.random()
    return min(int(taste * many), many - 1)


def _bars(form: Form, places: Sequence[tuple[float, float]], hand: Writer, rng: np.random.Generator) -> list[_Placed]:
    if form.bars == "none" or not places:
        return []
    own = form.bars == "own"
    spans = places if own else [(places[0][0], places[-1][1])]
    return [_bar(left, right, y, hand, rng, own=own) for left, right in spans for y in BARS[form.bars]]


def _bar(left: float, right: float, y: float, hand: Writer, rng: np.random.Generator, *, own: bool) -> _Placed:
    reach = (0.1 + 0.4 * hand.overhang if own else hand.overhang) + (0.08 if right - left < 0.1 else 0.0)
    before, after, tilt, off, bow = rng.standard_normal(5).tolist()
    left, right = left - reach * (1 + 0.4 * before), right + reach * (1 + 0.4 * after)
    y = (y - hand.gap if y < 0 else y + hand.gap) + 0.02 * off
    rise = (hand.tilt + 0.03 * tilt) * (right - left)
    bent = Via(_LEVEL, np.array([hand.bow * bow], np.float32))
    return _Placed(bent, right - left, 0.0, -rise, 1.0, left, y + rise / 2)


# -- how they are drawn ---------------------------------------------------------------------------------------


def _lines(
    strokes: Sequence[_Placed], habits: Array, aims: Array, sways: Array, movements: Sequence[str]
) -> list[Array]:
    """The line (p, 2) of each stroke.

    habits  (s, 5) of its writer: jitter, bow, reach, overlap and tremor
    aims, sways  as in `_Word`, of all strokes
    """
    alike: dict[tuple[int, str], list[int]] = {}  # strokes of equally many pieces are one array
    for at, (stroke, movement) in enumerate(zip(strokes, movements, strict=True)):
        alike.setdefault((len(stroke.via.points), movement), []).append(at)
    counts = np.array([5 * len(stroke.via.points) - 3 for stroke in strokes])
    begins = np.cumsum(counts) - counts
    lines: list[Array] = [np.empty(0)] * len(strokes)
    for (_, movement), rows in alike.items():
        dice = aims[begins[rows][:, None] + np.arange(counts[rows[0]])]
        drawn = _aimed([strokes[at] for at in rows], habits[rows], dice, movement)
        if drawn.shape[1] > 1:
            drawn += _tremor(drawn.shape[1], habits[rows, 4], sways[rows])
        for at, line in zip(rows, drawn, strict=True):
            lines[at] = line
    return lines


def _aimed(strokes: Sequence[_Placed], habits: Array, dice: Array, movement: str) -> Array:
    """(s, p, 2) float32: what comes of aiming at the points a little off, by pieces bent, longer or shorter.

    habits, dice  (s, 5) and (s, 5 j + 2) of strokes of j pieces
    """
    jitter, bow, reach, overlap = (habits[:, column : column + 1] for column in range(4))
    points = np.stack([one.via.points for one in strokes]).astype(np.float64)
    a, b, c, d, e, f = np.array([(one.a, one.b, one.c, one.d, one.e, one.f) for one in strokes]).T[:, :, None]
    many = points.shape[1]
    x, y = points[:, :, 0], points[:, :, 1]
    x, y = a * x + b * y + e + jitter * dice[:, :many], c * x + d * y + f + jitter * dice[:, many : 2 * many]
    if many == 1:
        return np.stack([x, y], axis=2).astype(np.float32)
    bent, bows, long = np.split(dice[:, 2 * many :], 3, axis=1)
    at = x + 1j * y
    bows = np.stack([one.via.bows for one in strokes]) * (1 + 0.15 * bent) + bow * bows
    bows = np.minimum(np.maximum(bows, -3.1), 3.1)
    return path(at[:, 0], np.diff(at, axis=1) * (1 + reach * long), bows, overlap[:, 0], movement)


def _tremor(points: int, tremor: Array, sways: Array) -> Array:
    """(s, points, 2) float32, how far lines are off because no hand is quite steady."""
    along = np.linspace(0, 2 * np.pi, points)[:, None] * _WAVES  # (points, 3)
    beat, phase = 0.8 + 0.4 * sways[:, :1, None], 2 * np.pi * sways[:, 1:].reshape(-1, 2, 3)
    found = np.zeros((len(sways), points, 2))
    for wave, high in enumerate((1 / np.sqrt(_WAVES)).tolist()):
        found += high * np.sin((along[:, wave] * beat[:, 0])[:, :, None] + phase[:, None, :, wave])
    return (found * tremor[:, None, None]).astype(np.float32)
