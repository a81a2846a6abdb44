"""Fitting: the looks of a target's own pictures, drawn as they stand together, so that what goes together stays together.

A picture written with a thick pen is often a small one on blank paper; a grid lies under large thin strokes. So no
distribution is fitted to each quantity: a picture of the target is drawn, and what is made takes on all of its looks, a
little off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics import picture
from tilth.numerics.attributes import NAMES
from tilth.numerics.descriptor import luma
from tilth.numerics.picture import Picture
from tilth.synthesize.hand.numerals import Form
from tilth.synthesize.hand.strokes import Strokes, box
from tilth.synthesize.hand.writers import Writer
from tilth.synthesize.ink.looks import Look, Ruling
from tilth.synthesize.ink.render import all_placed

Array = npt.NDArray[Any]

_APART = 40  # grey levels from the ground that count as ink, as in `attributes`
_FEW = 6  # tones at most of a scan that was made black and white, or nearly
_ENOUGH = 10  # pictures of a class in the target that are drawn from as often as those of all classes together
_FORM_ASPECT, _FORM_LENGTH = 0.5, 0.45  # how far, in powers of 2, pictures of one form lie apart in both proportions
_PALE = 0.1  # of the pictures have strokes that break up
_DIRTY = 0.015  # of the ink in specks: dirt; below, what the pen left beside the word
_FULL = 0.5  # of a drawing's box under ink at most, were no line to cross another
_CROSSING = 1.5  # times as much ink as one sees where lines cross and lie over each other
_RULED = 0.04  # of the ink reaching in from the border: there are lines on the paper; below, a neighbour's ink


@dataclass(frozen=True)
class Seen:
    """What is known of one picture of the target.

    id       of the sample
    label    class index; -1 where it has none
    aspect   log2 of its drawing's width over its height
    length   log2 of the length of its lines over the longer side of the drawing
    others   as in `Look`
    ruling, specks, fill  as in `attributes`; inked as its `ink`
    """

    id: str
    label: int
    height_px: int
    width_px: int
    across: float
    down: float
    scale: float
    aspect: float
    length: float
    slant: float
    pen_px: float
    ground: tuple[int, ...]
    ink: tuple[int, ...]
    levels: tuple[tuple[int, float], ...]
    soft_px: float
    grain: float
    ruling: float
    specks: float
    inked: float
    fill: float
    jpeg: bool


def seen(shown: Picture, row: Array, *, id: str, label: int, jpeg: bool) -> Seen | None:
    """The looks of one picture (h, w, c) and its attributes (23,); None where it has no drawing on plain ground."""
    said: Mapping[str, float] = dict(zip(NAMES, np.asarray(row, np.float64).tolist(), strict=True))
    height, width = shown.shape[:2]
    pen, longer = said["stroke"] * max(height, width), said["scale"] * max(height, width)
    if said["drawn"] < 0.5 or pen <= 0 or longer < 2 or said["weight"] <= 0:
        return None
    # Area over width is the length of the lines; width over weight is the longer side of the drawing.
    length = said["ink"] * height * width / pen / (pen / said["weight"])
    ground, ink, levels = tones_of(shown)
    return Seen(
        id=id,
        label=label,
        height_px=height,
        width_px=width,
        across=said["across"],
        down=said["down"],
        scale=min(said["scale"], 1.0),
        aspect=said["aspect"],
        length=float(np.log2(max(length, 0.05))),
        slant=said["slant"],
        pen_px=pen,
        ground=ground,
        ink=ink,
        levels=levels,
        soft_px=float(np.clip(said["edge"] * max(height, width), 0.6, 6)),
        grain=said["grain"],
        ruling=said["ruling"],
        specks=said["specks"],
        inked=said["ink"],
        fill=said["fill"],
        jpeg=jpeg,
    )


def tones_of(shown: Picture) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, float], ...]]:
    """Ground and ink (each as many tones as the picture has channels), and where there are few tones the ink's levels: each
    with its share of the ink, the one farthest from the ground first."""
    ground = tuple(picture.background(shown).tolist())
    grey = luma(shown)
    apart = np.abs(grey.astype(np.int16) - int(luma(np.array(ground, np.uint8)[None, None])[0, 0]))
    most = int(np.percentile(apart, 99.5)) if apart.any() else 0
    inked = shown[apart > max(_APART, most // 2)]
    ink = (
        tuple(np.median(inked, axis=0).astype(int).tolist())
        if len(inked)
        else tuple(0 if t > 127 else 255 for t in ground)
    )
    counts = np.bincount(grey.ravel(), minlength=256)
    common = np.flatnonzero(counts > 0.0005 * grey.size)
    if len(common) > _FEW or counts[common].sum() < 0.997 * grey.size or shown.shape[2] > 1:
        return ground, ink, ()
    levels = [tone for tone in common.tolist() if abs(tone - ground[0]) > _APART]
    levels.sort(key=lambda tone: -abs(tone - ground[0]))
    total = max(int(counts[levels].sum()), 1)
    return ground, ink, tuple((tone, int(counts[tone]) / total) for tone in levels)


@dataclass(frozen=True)
class Target:
    """The looks to draw from.

    every    all that was seen
    own      by class index those of the class
    thicker  times as wide a pen as the strokes that it is to draw: ink runs, or is lost at the edges
    softer   times as wide edges as those that are to be measured
    """

    every: tuple[Seen, ...]
    own: Mapping[int, tuple[Seen, ...]]
    thicker: float = 1.0
    softer: float = 1.0

    @classmethod
    def of(cls, every: Sequence[Seen]) -> Target:
        labels = {one.label for one in every} - {-1}
        return cls(tuple(every), {label: tuple(one for one in every if one.label == label) for label in labels})

    def like(self, label: int, rng: np.random.Generator) -> Seen:
        """A picture of the target to resemble: one of the class, or any where the class has few."""
        own = self.own.get(label, ())
        from_own = rng.random() < len(own) / (len(own) + _ENOUGH)
        pool = own if from_own else self.every
        return pool[int(rng.integers(len(pool)))]


def form_like(one: Seen, ways: Sequence[Form], rng: np.random.Generator, *, same: bool) -> Form:
    """A way of writing whose proportions are those of what is written in a picture.

    same  whether the picture is of the class that is written; else only what people usually do counts
    """
    chances = np.array([form.usual for form in ways])
    if same and len(ways) > 1:
        told = np.array([(form.aspect, form.length) for form in ways])
        off = (told - (one.aspect, one.length)) / (_FORM_ASPECT, _FORM_LENGTH)
        chances = chances * (np.exp(-0.5 * np.minimum((off**2).sum(1), 40)) + 1e-3)
    return ways[int(rng.choice(len(ways), p=chances / chances.sum()))]


def look_like(
    one: Seen,
    hand: Writer,
    rng: np.random.Generator,
    *,
    same: bool,
    thicker: float = 1.0,
    softer: float = 1.0,
    side_px: int | None = None,
) -> Look:
    """The looks of a picture of the target, a little off, with what is this writer's own.

    thicker, softer  as in `Target`
    same     whether the picture is of the class that is written: its proportions are only then a measure
    side_px  the longer side; None: that of the picture
    """
    size = float(np.exp(rng.normal(0, 0.05)))
    if side_px is not None:
        size = side_px / max(one.height_px, one.width_px)
    height, width = (max(8, round(side * size)) for side in (one.height_px, one.width_px))
    clean = bool(one.levels)
    return Look(
        height_px=height,
        width_px=width,
        across=one.across + rng.normal(0, 0.02),
        down=one.down + rng.normal(0, 0.02),
        scale=float(np.clip(one.scale * np.exp(rng.normal(0, 0.06)), 0.08, 0.99)),
        aspect=one.aspect + rng.normal(0, 0.12) if same else None,
        slant=float(np.clip(one.slant + hand.slant, -0.6, 0.6)),
        pen_px=max(1.0, one.pen_px * size * thicker * hand.pen * float(np.exp(rng.normal(0, 0.05)))),
        ground=one.ground,
        ink=one.ink,
        flow=_flow(hand, rng) if clean else 1.0,
        swell=hand.swell,
        taper=hand.taper,
        soft_px=1.5 if clean else one.soft_px * size * softer,
        rough=hand.rough if clean else 0.5 * hand.rough,  # that of grey scans is in their grain too
        levels=_shifted(one.levels, rng),
        grain=one.grain,
        shade=0.0 if clean else abs(rng.normal(0, 0.03)),
        stains=0 if clean else int(rng.random() < 0.05),
        specks=one.specks * one.inked if one.specks > _DIRTY else 0.0,
        rulings=_rulings(height, width, clean, rng) if one.ruling > _RULED else (),
        jpeg=int(rng.integers(70, 93)) if one.jpeg else 0,
    )


def _flow(hand: Writer, rng: np.random.Generator) -> float:
    """Ink of a scan in black and white: now and then so pale that strokes break up."""
    return float(rng.uniform(0.54, 0.62) if rng.random() < _PALE else hand.flow * rng.uniform(0.85, 1.0))


def _shifted(levels: tuple[tuple[int, float], ...], rng: np.random.Generator) -> tuple[tuple[int, float], ...]:
    """The same tones in other shares of the ink."""
    if len(levels) < 2:
        return levels
    shares = np.array([share for _, share in levels]) * np.exp(rng.normal(0, 0.15, len(levels)))
    return tuple((tone, share) for (tone, _), share in zip(levels, (shares / shares.sum()).tolist(), strict=True))


def _rulings(height: int, width: int, clean: bool, rng: np.random.Generator) -> tuple[Ruling, ...]:
    """Lines or squares of a sheet, as many as one sees of it around a word."""
    every = rng.uniform(0.3, 0.9) * min(height, width)
    wide = max(1.0, rng.uniform(0.004, 0.012) * min(height, width))
    # Near one half a scan in black and white breaks a line up.
    dark = rng.uniform(0.46, 0.62) if clean else rng.uniform(0.1, 0.35)
    way = rng.random()
    both = [(True, width)] if way < 0.4 else [(False, height)] if way < 0.6 else [(True, width), (False, height)]
    return tuple(
        Ruling(upright, float(rng.uniform(0, min(every, side))), every, wide, dark * rng.uniform(0.95, 1.05))
        for upright, side in both
    )


def thinned(word: Strokes, look: Look, *, fill: float = 0.0) -> Look:
    """The look with a pen so thin that the lines of the word do not run into one blot.

    fill  ink in the box of a drawing of the same class: as much may be
    """
    return all_thinned([word], [look], [fill])[0]


def all_thinned(words: Sequence[Strokes], looks: Sequence[Look], fills: Sequence[float]) -> list[Look]:
    """The same for words each in a picture of its own."""
    lines = all_placed(words, looks)
    return [
        _thinned(box(own), length, look, fill)
        for own, length, look, fill in zip(lines, _lengths(lines), looks, fills, strict=True)
    ]


def _lengths(words: Sequence[Strokes]) -> list[float]:
    """How long the lines of each word are together."""
    lines = [line for word in words for line in word]
    if not lines:
        return [0.0] * len(words)
    steps = np.diff(np.concatenate([*lines, lines[-1][-1:]]), axis=0)
    ways = np.hypot(steps[:, 0], steps[:, 1])
    ways[np.cumsum([len(line) for line in lines]) - 1] = 0  # from the end of one line to the begin of the next
    ends = np.cumsum([0, *(sum(len(line) for line in word) for word in words)]).tolist()
    return [float(ways[begin:end].sum()) for begin, end in pairwise(ends)]


def _thinned(frame: tuple[float, float, float, float], length: float, look: Look, fill: float) -> Look:
    left, top, right, bottom = frame
    wide, high = right - left, bottom - top
    area = (max(wide, 0.4 * high) + look.pen_px) * (max(high, 0.4 * wide) + look.pen_px)
    most = max(_FULL, _CROSSING * fill) * area / max(length, 1.0)
    return replace(look, pen_px=max(1.0, most)) if look.pen_px > most else look
