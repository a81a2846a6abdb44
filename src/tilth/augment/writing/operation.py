"""What a text operation is: a phrase, a share of its words and a generator in; another phrase out, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tilth.augment.synonyms.lexicon import Synonyms
from tilth.augment.writing.phrase import Phrase

FULL = 0.5
"""Share of the words that an operation touches at a strength of 1; 0.2 is the tenth of Wei and Zou 2019."""


@dataclass(frozen=True)
class Stock:
    """What operations draw on.

    synonyms  words that may stand for others
    words     of the texts at hand, as often as they come there; none of them carries a label
    mask      what stands for a masked word
    """

    synonyms: Synonyms | None = None
    words: Sequence[str] = ()
    mask: str = "[MASK]"


Writing: TypeAlias = Callable[[Phrase, float, np.random.Generator, Stock], "Phrase | None"]
"""(phrase, share of the words to touch, generator, stock) -> the phrase changed; None where nothing may be done to it."""


@dataclass(frozen=True)
class TextOperation:
    """One operation of the catalogue.

    apply   what it does
    said    what it did, in words, as in "a copy with words given by synonyms"
    family  where it belongs: wording, order, noise, letters or marks
    full    what a strength of 1 means
    """

    name: str
    family: Literal["wording", "order", "noise", "letters", "marks"]
    apply: Writing
    said: str
    full: str = "half of the words"


def many(share: float, words: int) -> int:
    """How many of so many words this share of them is: one at least."""
    return max(1, round(share * words))


def drawn(places: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    """`count` of these places, or all, each once."""
    if count == 1 and places:
        return [places[int(rng.integers(len(places)))]]
    return [places[at] for at in rng.permutation(len(places))[:count].tolist()]


def free_places(phrase: Phrase) -> list[int]:
    """The places of the words that may be touched."""
    return [at for at, free in enumerate(phrase.free) if free]
