"""Words that change places, and words that go.

Source   Wei and Zou 2019, arXiv:1901.11196 (EDA); there any two words change places, here neighbours do
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tilth.augment.words import FILLERS
from tilth.augment.writing.operation import Stock, TextOperation, drawn, free_places, many
from tilth.augment.writing.phrase import Phrase, agreed

_LEFT = 3  # words that a text keeps: below, nothing says what it was about


def swap(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """Neighbours that changed places, where both may be touched and differ."""
    del stock
    words = phrase.words
    pairs = [
        at
        for at in range(len(words) - 1)
        if phrase.free[at] and phrase.free[at + 1] and phrase.spaced(at) and words[at] != words[at + 1]
    ]
    if not pairs:
        return None
    new: dict[int, str] = {}
    for at in drawn(pairs, many(share, len(words)), rng):
        if at not in new and at + 1 not in new:
            new[at], new[at + 1] = words[at + 1], words[at]
    return agreed(phrase.with_words(new), phrase)


def delete(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """The phrase without some words, whatever they are."""
    del stock
    return _without(phrase, free_places(phrase), share, rng)


def thin(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """The phrase without some of its fillers: articles, auxiliaries, pronouns."""
    del stock
    return _without(phrase, [at for at in free_places(phrase) if phrase.words[at] in FILLERS], share, rng)


def _without(phrase: Phrase, places: list[int], share: float, rng: np.random.Generator) -> Phrase | None:
    most = min(many(share, len(phrase.words)), len(phrase.words) - _LEFT)
    if not places or most < 1:
        return None
    return agreed(left(phrase, set(drawn(places, most, rng))), phrase)


def left(phrase: Phrase, gone: Collection[int]) -> Phrase:
    """The phrase without the words at these places, each with the space before it."""
    words: list[str] = []
    gaps, free = [phrase.gaps[0]], list[bool]()
    for at, word in enumerate(phrase.words):
        behind = phrase.gaps[at + 1]
        if at in gone:
            gaps[-1] = gaps[-1].rstrip(" ") + behind
            continue
        words.append(word)
        free.append(phrase.free[at])
        gaps.append(behind)
    return Phrase(tuple(words), tuple(gaps), tuple(free))


OPERATIONS = (
    TextOperation("swap", "order", swap, "neighbouring words changed places"),
    TextOperation("delete", "order", delete, "words taken out"),
    TextOperation("thin", "order", thin, "filler words taken out"),
)
