"""Masking as in BERT: of the words that are chosen, 80 % are masked, 10 % become another word, 10 % stay.

There it is what a network learns to mend. Here it is noise: a model must do without the word.

Source   Devlin et al. 2019, arXiv:1810.04805, section 3.1
"""

from __future__ import annotations

import numpy as np

from tilth.augment.writing.operation import Stock, TextOperation, drawn, free_places, many
from tilth.augment.writing.phrase import Phrase

_MASKED, _OTHER = 0.8, 0.1  # shares of the chosen words


def mask(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """Words masked, exchanged for any word of the texts, or left as they are; one at least is not left."""
    places = free_places(phrase)
    if not places:
        return None
    chosen = drawn(places, many(share, len(phrase.words)), rng)
    new: dict[int, str] = {}
    for at, fate in zip(chosen, rng.random(len(chosen)).tolist(), strict=True):
        if fate < _MASKED:
            new[at] = stock.mask
        elif fate < _MASKED + _OTHER and stock.words:
            new[at] = stock.words[int(rng.integers(len(stock.words)))]
    return phrase.with_words(new or {chosen[0]: stock.mask})


OPERATIONS = (TextOperation("mask", "noise", mask, "words masked"),)
