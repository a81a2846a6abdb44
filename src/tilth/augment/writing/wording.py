"""Other words for the same: synonyms put in a word's place or beside it, and a degree before an adjective.

Source   Wei and Zou 2019, arXiv:1901.11196 (EDA), for replacement and insertion
"""

from __future__ import annotations

import numpy as np

from tilth.augment.synonyms.lexicon import Synonyms
from tilth.augment.writing.operation import Stock, TextOperation, drawn, free_places, many
from tilth.augment.writing.phrase import Phrase, agreed, binds

_DEGREES = ("very", "really", "quite", "so")
_GRADED = frozenset(
    "angry awful bad beautiful big bright busy careful cheap clean clear clever cold confused convenient cool dangerous dark "
    "deep difficult dirty disappointed early easy excited expensive familiar famous fast fine frequent friendly frustrated full "
    "funny glad good great happy hard healthy heavy helpful high hot hungry important interested interesting kind large late "
    "lazy light long loud lovely lucky mad near nervous nice noisy odd old poor popular powerful pretty proud quick quiet rare "
    "rich sad safe satisfied scared serious short sick simple slow small smart soft sorry steep strange strong sure surprised "
    "sweet tall tasty thick thin tired tough unhappy unusual upset urgent useful warm weak weird welcome wide worried young".split()
)


def synonym(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """Words in whose places stand synonyms, in their form."""
    choices = _choices(phrase, stock.synonyms)
    if not choices:
        return None
    places = drawn(list(choices), many(share, len(phrase.words)), rng)
    new = {at: choices[at][int(rng.integers(len(choices[at])))] for at in places}
    return agreed(phrase.with_words(new), phrase)


def insert(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """A synonym of a word, put in beside one that may be touched: not into names and quotations, nor behind a negation, a
    number or an article."""
    choices = _choices(phrase, stock.synonyms)
    doors = [
        at
        for at in range(len(phrase.words) - 1)
        if (phrase.free[at] or phrase.free[at + 1]) and phrase.spaced(at) and not binds(phrase.words[at])
    ]
    if not choices or not doors:
        return None
    for place in sorted(drawn(doors, many(share, len(phrase.words)), rng), reverse=True):
        sources = list(choices)
        others = choices[sources[int(rng.integers(len(sources)))]]
        phrase = _put_behind(phrase, place, others[int(rng.integers(len(others)))])
    return phrase


def intensify(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """A degree before an adjective that has degrees: `happy` becomes `very happy`."""
    del stock
    words = phrase.words
    doors = [
        at
        for at in range(len(words) - 1)
        if phrase.free[at + 1] and words[at + 1] in _GRADED and phrase.spaced(at) and words[at].lower() not in _HOLDS
    ]
    if not doors:
        return None
    made = phrase
    for place in sorted(drawn(doors, many(share, len(words)), rng), reverse=True):
        made = _put_behind(made, place, _DEGREES[int(rng.integers(len(_DEGREES) - (words[place] in ("a", "an"))))])
    return agreed(made, phrase)


# Behind these a word already has its degree, or takes none.
_HOLDS = frozenset(
    "very really quite so too as how more most less least much far pretty well extremely not this that the".split()
)

_CHOSEN = "words exchanged for others of the same meaning"
OPERATIONS = (
    TextOperation("synonym", "wording", synonym, _CHOSEN),
    TextOperation("insert", "wording", insert, "a word of like meaning put in"),
    TextOperation("intensify", "wording", intensify, "a degree put before an adjective"),
)


def _choices(phrase: Phrase, synonyms: Synonyms | None) -> dict[int, tuple[str, ...]]:
    """The free places that have synonyms, with them."""
    if synonyms is None:
        return {}
    words = phrase.words
    found = {at: synonyms.of(words[at], words[at - 1]) for at in free_places(phrase)}
    return {at: others for at, others in found.items() if others}


def _put_behind(phrase: Phrase, at: int, word: str) -> Phrase:
    words, gaps, free = phrase.words, phrase.gaps, phrase.free
    cut = at + 1
    return Phrase(
        (*words[:cut], word, *words[cut:]), (*gaps[: cut + 1], " ", *gaps[cut + 1 :]), (*free[:cut], False, *free[cut:])
    )
