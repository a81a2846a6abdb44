"""Numerals as people write them: variants of i v x l c d m, small and capital, of some digits, and bars.

Each variant is a shape that one finds on paper: an i with a dot, a ring or a dash over it or with none, a v that is
round below or begins with a hook, capitals with serif bars of their own, or one bar over and one under the whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilth.synthesize.hand.glyphs import HANDS, Glyph, glyph

_X = -0.62  # the height of a small letter

_TALL = Glyph.of([(0, -1), (0, 0)])
_STEM = Glyph.of([(0, _X), (0, 0)])

SMALL: Mapping[str, tuple[Glyph, ...]] = {
    "v": (
        Glyph.of([(0, _X), (0.22, 0), (0.46, _X)]),
        Glyph.of([(0, _X), (0.1, -0.12, -0.3), (0.24, 0, -1.0), (0.4, -0.14, -0.9), (0.44, _X, -0.2)]),
        Glyph.of([(0, -0.48), (0.08, _X, 0.9), (0.14, -0.5, 0.9), (0.28, 0, -0.2), (0.5, _X, -0.2)]),
        Glyph.of([(0, _X), (0.2, 0, 0.15), (0.5, _X - 0.12, -0.3)]),
        Glyph.of([(0, _X), (0.2, 0), (0.4, _X, -0.2), (0.5, _X + 0.04, 0.8)]),
    ),
    "x": (
        Glyph.of([(0, _X), (0.46, 0)], [(0.44, _X), (0, 0)]),
        Glyph.of([(0, _X + 0.04), (0.1, _X, 0.8), (0.4, 0, -0.1), (0.52, -0.04, -0.9)], [(0.48, _X), (0, 0.02, 0.15)]),
        Glyph.of([(0, _X), (0.02, 0, 2.2)], [(0.42, _X), (0.44, 0, -2.2)]),
        Glyph.of([(0.48, _X), (0, 0, -0.3)], [(0, _X), (0.46, 0.02, 0.2)]),
    ),
    "l": (
        _TALL,
        Glyph.of([(0, -1), (0.02, -0.1), (0.16, -0.02, -1.2)]),
        Glyph.of([(0, -0.3), (0.16, -1, -0.8), (0.06, -0.9, -2.4), (0.08, -0.1, -0.2), (0.2, 0, -1.2)]),
    ),
    "c": (Glyph.of([(0.4, -0.5), (0.2, _X, -1.2), (0, -0.3, -1.4), (0.2, 0, -1.4), (0.42, -0.1, -0.9)]),),
    "d": (
        Glyph.of(
            [(0.36, -0.5), (0.18, _X, -0.9), (0, -0.3, -1.5), (0.18, 0, -1.5), (0.38, -0.2, -0.8)],
            [(0.4, -1), (0.4, -0.06), (0.48, 0, -0.8)],
        ),
    ),
    "m": (
        Glyph.of(
            [(0, _X), (0, 0), (0.02, -0.4), (0.16, _X, 1.2), (0.28, -0.4, 1.2), (0.28, 0), (0.3, -0.4)],
            [(0.3, -0.4), (0.42, _X, 1.2), (0.56, -0.4, 1.2), (0.57, 0)],
        ),
    ),
}  # fmt: skip

# How small i is written is a habit of its own: the rest of the word goes with any of them.
_LETTERS_I: Mapping[str, tuple[Glyph, ...]] = {
    "bare": (
        _STEM,
        Glyph.of([(0, _X), (0.0, -0.1), (0.12, -0.02, -1.1)]),
        Glyph.of([(0, _X), (0.05, 0, 0.35)]),
        Glyph.of([(0, -0.5), (0.06, _X, 0.8), (0.08, -0.08, 0.3), (0.2, -0.04, -1.2)]),
    ),
    "dotted": (
        Glyph.of([(0, _X), (0, 0)], [(0, -0.88)]),
        Glyph.of([(0, _X), (0, -0.1), (0.12, -0.02, -1.1)], [(0.02, -0.9)]),
        Glyph.of([(0, _X), (0, 0)], [(-0.02, -0.94), (0.06, -0.84)]),
        Glyph.of([(-0.06, -0.5), (0.02, _X, 0.8), (0.02, -0.08), (0.14, -0.03, -1.2)], [(0.04, -0.9)]),
    ),
    "ringed": (
        Glyph.of([(0, _X), (0, -0.08), (0.1, -0.02, -1.0)], [(0, -1.04), (-0.02, -0.8, -3.0), (0.02, -1.04, -3.0)]),
        Glyph.of([(0, _X), (0, 0)], [(0, -1), (0.0, -0.8, 3.0), (0.0, -1, 3.0)]),
    ),
}  # fmt: skip

CAPITALS: Mapping[str, tuple[Glyph, ...]] = {
    "I": (_TALL, _TALL, Glyph.of([(0, -1), (0.05, 0, 0.3)]), Glyph.of([(0.03, -1), (0, 0, -0.25)])),
    "V": (
        Glyph.of([(0, -1), (0.3, 0), (0.6, -1)]),
        Glyph.of([(0, -1), (0.3, 0)], [(0.62, -1), (0.29, 0.02)]),
        Glyph.of([(0, -1), (0.14, -0.16, -0.2), (0.3, 0, -1.1), (0.44, -0.16, -1.0), (0.54, -1, -0.2)]),
        Glyph.of([(0, -0.84), (0.1, -0.98, 1.0), (0.16, -0.86, 0.8), (0.34, 0, -0.1), (0.62, -1, -0.2)]),
        Glyph.of([(0, -1), (0.3, 0, 0.12), (0.66, -1.04, -0.25)]),
    ),
    "X": (
        Glyph.of([(0, -1), (0.6, 0)], [(0.58, -1), (0, 0)]),
        Glyph.of([(0.58, -1), (0, 0)], [(0, -1), (0.6, 0.02, 0.12)]),
        Glyph.of([(0, -0.94), (0.1, -1, 0.8), (0.52, 0, -0.1), (0.64, -0.06, -0.9)], [(0.62, -1), (0, 0.02, 0.15)]),
    ),
    "L": (Glyph.of([(0, -1), (0, 0), (0.5, 0)]), Glyph.of([(0, -1), (0.02, -0.02), (0.5, -0.02, 0.1)])),
    "C": (Glyph.of([(0.58, -0.8), (0.3, -1, -1.2), (0, -0.5, -1.5), (0.3, 0, -1.5), (0.6, -0.18, -1.0)]),),
    "D": (Glyph.of([(0, -1), (0, 0)], [(0, -1), (0.3, -0.96, 0.3), (0.58, -0.5, 1.4), (0.3, -0.03, 1.4), (0, 0, 0.3)]),),
    "M": (Glyph.of([(0, 0), (0.06, -1), (0.36, -0.2), (0.68, -1), (0.74, 0)]),),
}  # fmt: skip

DIGITS: Mapping[str, tuple[Glyph, ...]] = {
    "1": (
        _TALL,
        Glyph.of([(0, -0.78), (0.2, -1), (0.2, 0)]),
        Glyph.of([(0, -0.8), (0.22, -1), (0.22, 0)], [(0, 0), (0.44, 0)]),
    ),
    "4": (
        Glyph.of([(0.3, -1), (0, -0.36), (0.56, -0.36)], [(0.44, -0.66), (0.42, 0)]),
        Glyph.of([(0.02, -1), (0, -0.46), (0.5, -0.46)], [(0.44, -1), (0.42, 0)]),
        Glyph.of([(0.42, 0), (0.42, -1), (0, -0.32), (0.6, -0.32)]),
    ),
    "7": (
        Glyph.of([(0, -1), (0.54, -1), (0.2, 0)]),
        Glyph.of([(0, -0.98), (0.56, -1), (0.2, 0, -0.3)], [(0.12, -0.5), (0.52, -0.52)]),
    ),
    "9": (Glyph.of([(0.46, -0.86), (0.22, -1, -1.2), (0, -0.72, -1.5), (0.22, -0.5, -1.5), (0.46, -0.8, -1.2), (0.44, 0)]),),
    "0": (Glyph.of([(0.26, -1), (0, -0.5, -1.6), (0.28, 0, -1.6), (0.54, -0.5, -1.6), (0.3, -1, -1.6)]),),
}  # fmt: skip


BARS: Mapping[str, tuple[int, ...]] = {"none": (), "own": (-1, 0), "both": (-1, 0), "over": (-1,), "under": (0,)}
"""Where each kind of bars lies: over (-1) or under (0) the letters, or a whole word of them."""

_GAP, _REACH, _PEN = 0.3, 0.16, 0.08  # between letters, of bars beyond the word, and of a stroke: as most people write


@dataclass(frozen=True)
class Form:
    """One way of writing a text.

    letters  for each letter its variants; which of them is a habit of the writer
    bars     "none", "own" (each letter has serifs), or bars over the whole word: "both", "over", "under"
    usual    how often people write so, beside the other forms of the same class
    aspect   log2 of its width over its height, as printed
    length   log2 of the length of its lines over the longer of both
    """

    name: str
    text: str
    letters: tuple[tuple[Glyph, ...], ...]
    bars: str = "none"
    usual: float = 1.0
    aspect: float = 0.0
    length: float = 0.0


def forms(text: str, *, numeral: bool = True) -> tuple[Form, ...]:
    """The ways of writing a text; none where a letter has no glyph.

    numeral  whether what may be a Roman numeral is one: "D" among numerals, not among the letters of the alphabet
    """
    numeral = numeral and is_numeral(text)
    found = [*(_of_numeral(text) if numeral else ()), *_of_fonts(text, numeral=numeral)]
    return tuple(_measured(form) for form in found if form.letters and all(form.letters))


def are_numerals(texts: Sequence[str]) -> bool:
    """Whether these classes are Roman numerals, and not letters some of which could be."""
    return all(is_numeral(text) for text in texts) and any(len(text) > 1 for text in texts)


def is_numeral(text: str) -> bool:
    """Whether it is a Roman numeral, in small letters or in capitals alone."""
    roman = re.compile(r"m{0,4}(cm|cd|d?c{0,4})(xc|xl|l?x{0,4})(ix|iv|v?i{0,4})")
    return bool(text) and text in (text.lower(), text.upper()) and roman.fullmatch(text.lower()) is not None


def _of_numeral(text: str) -> list[Form]:
    if is_numeral(text) and text == text.upper():
        letters = tuple(CAPITALS[letter] for letter in text)
        ways = (("none", 1.0), ("both", 1.0), ("own", 0.4), ("under", 0.25), ("over", 0.15))
        return [Form(f"capitals, bars: {bars}", text, letters, bars, usual) for bars, usual in ways]
    if is_numeral(text):
        ways = (("bare", 0.4), ("dotted", 0.5), ("ringed", 0.1)) if "i" in text else (("bare", 1.0),)
        return [
            Form(f"small, i {dots}", text, tuple((_LETTERS_I[dots] if one == "i" else SMALL[one]) for one in text), "none", usual)
            for dots, usual in ways
        ]  # fmt: skip
    return []


def _of_fonts(text: str, *, numeral: bool) -> list[Form]:
    found: list[Form] = []
    for hand in HANDS:
        if numeral and hand != "print":
            continue  # nobody writes VIII with flourishes
        glyphs = [glyph(letter, hand) for letter in text]
        own = [DIGITS.get(letter, ()) if hand == "print" else () for letter in text]
        letters = tuple((*mine, *((one,) if one is not None else ())) for mine, one in zip(own, glyphs, strict=True))
        found.append(Form(hand, text, letters, usual=0.1 if numeral else 1.0 if hand == "print" else 0.3))
    return found


def _measured(form: Form) -> Form:
    """The form with its proportions: they tell forms apart in pictures."""
    x, lines, spans = 0.0, [], []
    for variants in form.letters:
        lines += [via.points + np.array([x, 0]) for via in variants[0].strokes]
        spans.append((x, x + variants[0].width))
        x += variants[0].width + _GAP
    spans = spans if form.bars == "own" else [(spans[0][0], spans[-1][1])]
    for left, right in spans:
        lines += [np.array([(left - _REACH, y), (right + _REACH, y)]) for y in BARS[form.bars]]
    if not lines:
        return form
    points = np.concatenate(lines)
    wide, high = np.ptp(points[:, 0]) + _PEN, np.ptp(points[:, 1]) + _PEN
    length = sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines)
    return replace(form, aspect=float(np.log2(wide / high)), length=float(np.log2(max(length, _PEN) / max(wide, high))))
