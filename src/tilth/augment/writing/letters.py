"""Slips of the hand and of the eye inside words: neighbouring keys, letters changed, missed or doubled, and letters that
look alike to a reader of scanned pages.

The first letter stays, and so do words of three letters: a slip there is read as another word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tilth.augment.writing.operation import Stock, TextOperation, drawn, free_places, many
from tilth.augment.writing.phrase import Phrase

_LEAST = 4  # letters of a word that may get a slip
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _keys() -> dict[str, str]:
    """Each letter with those beside it, above it and below it on a QWERTY keyboard, whose rows are shifted by half a key."""
    place = {letter: (row, column + 0.5 * row) for row, keys in enumerate(_ROWS) for column, letter in enumerate(keys)}
    return {
        letter: "".join(
            other for other, (y, x) in place.items() if other != letter and abs(y - row) <= 1 and abs(x - column) <= 1
        )
        for letter, (row, column) in place.items()
    }


KEYS = _keys()

LOOKS: Mapping[str, tuple[str, ...]] = {
    "a": ("o",),
    "b": ("h", "6"),
    "c": ("e",),
    "d": ("cl",),
    "e": ("c",),
    "g": ("q", "9"),
    "h": ("b",),
    "i": ("l", "1"),
    "l": ("1", "i"),
    "m": ("rn",),
    "n": ("ri",),
    "o": ("0", "a"),
    "q": ("g",),
    "rn": ("m",),
    "cl": ("d",),
    "ri": ("n",),
    "s": ("5",),
    "t": ("f",),
    "u": ("v",),
    "v": ("u",),
    "vv": ("w",),
    "w": ("vv",),
    "z": ("2",),
}
"""What a scanned letter, or two, is taken for."""

Slip = Callable[[str, np.random.Generator], str]


def key_beside(word: str, rng: np.random.Generator) -> str:
    """One letter typed by the key beside it."""
    at = int(rng.integers(1, len(word)))
    near = KEYS.get(word[at], "")
    return word[:at] + near[int(rng.integers(len(near)))] + word[at + 1 :] if near else word


def exchanged(word: str, rng: np.random.Generator) -> str:
    """Two neighbouring letters in the wrong order."""
    places = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    if not places:
        return word
    at = places[int(rng.integers(len(places)))]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def dropped(word: str, rng: np.random.Generator) -> str:
    """One letter missed."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + word[at + 1 :]


def doubled(word: str, rng: np.random.Generator) -> str:
    """One letter typed twice."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + word[at] + word[at:]


def misread(word: str, rng: np.random.Generator) -> str:
    """One letter, or two, taken for what looks like it."""
    places = [(at, size) for at in range(1, len(word)) for size in (1, 2) if word[at : at + size] in LOOKS]
    if not places:
        return word
    at, size = places[int(rng.integers(len(places)))]
    looks = LOOKS[word[at : at + size]]
    return word[:at] + looks[int(rng.integers(len(looks)))] + word[at + size :]


def _slipping(slip: Slip) -> Callable[[Phrase, float, np.random.Generator, Stock], Phrase | None]:
    def apply(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
        del stock
        places = [at for at in free_places(phrase) if len(phrase.words[at]) >= _LEAST]
        if not places:
            return None
        new = {at: slip(phrase.words[at], rng) for at in drawn(places, many(share, len(phrase.words)), rng)}
        changed = {at: word for at, word in new.items() if word != phrase.words[at]}
        return phrase.with_words(changed) if changed else None

    return apply


OPERATIONS = tuple(
    TextOperation(name, "letters", _slipping(slip), said, "a slip in half of the words")
    for name, slip, said in (
        ("keyboard", key_beside, "letters typed by the key beside"),
        ("letter_swap", exchanged, "letters in the wrong order"),
        ("letter_drop", dropped, "letters missed"),
        ("letter_double", doubled, "letters typed twice"),
        ("ocr", misread, "letters misread as by a scanner"),
    )
)
