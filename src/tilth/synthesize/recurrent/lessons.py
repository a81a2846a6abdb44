"""What a writing network learns from: strokes of the motor model, or those of a user's own pens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.errors import StepError
from tilth.signal import Array
from tilth.synthesize.hand.numerals import Form, forms
from tilth.synthesize.hand.strokes import Strokes, box
from tilth.synthesize.hand.writers import Writer, writer, written
from tilth.synthesize.pens.compose import Hand, composed, texts_to_learn
from tilth.synthesize.recurrent.offsets import steps_of

_BLANK = 0.55  # of the height of a capital, between two words
_PAIRS = 0.2  # of the lessons are two words, which is what priming asks of a network
_LONGEST = 240  # steps of a lesson, or six times the usual; the loop is as long as the longest of a batch


@dataclass(frozen=True)
class Writing:
    """A text, how it was written, and by whom."""

    text: str
    strokes: Strokes
    writer: str = ""


def of_motor_model(
    texts: Sequence[str], number: int, rng: np.random.Generator, *, writers: int = 200, movement: str = "lognormal"
) -> list[Writing]:
    """So many writings of these texts by the motor model, some of two words by one hand.

    Raises StepError for a text that it has no glyphs for.
    """
    ways = {text: forms(text) for text in dict.fromkeys(texts)}
    lacking = [text for text, own in ways.items() if not own]
    if lacking:
        raise StepError(f"the motor model has no glyphs for {lacking[0]!r}; name a file of pen strokes to learn from")
    hands = [writer(rng) for _ in range(writers)]
    found: list[Writing] = []
    for _ in range(number):
        at = int(rng.integers(writers))
        first = str(rng.choice(list(ways)))
        form, strokes = _by_motor(ways[first], hands[at], rng, movement)
        if rng.random() < _PAIRS:
            second = str(rng.choice(list(ways)))
            # The second word in the first one's way, where there is one: dots and bars are habits.
            alike = [one for one in ways[second] if one.name == form.name] or ways[second]
            strokes = side_by_side(strokes, _by_motor(alike, hands[at], rng, movement)[1])
            first = f"{first} {second}"
        found.append(Writing(first, strokes, f"hand {at}"))
    return found


def _by_motor(ways: Sequence[Form], hand: Writer, rng: np.random.Generator, movement: str) -> tuple[Form, Strokes]:
    usual = np.array([form.usual for form in ways])
    form = ways[int(rng.choice(len(ways), p=usual / usual.sum()))]
    return form, written(form, hand, rng, movement=movement)


def of_pens(
    hand: Hand, texts: Sequence[str], number: int, rng: np.random.Generator, *, longest: int = 4
) -> list[Writing]:
    """So many writings in a user's strokes: their words as they are, and words composed of their single letters.

    texts    that will be asked for: half of what is composed says one of them
    longest  characters of other words that are composed

    Raises StepError where a text has a character that nobody wrote, or nobody wrote all of.
    """
    alphabet = hand.alphabet
    for text in texts:
        lacking = [letter for letter in text if letter not in alphabet and letter != " "]
        if lacking:
            raise StepError(f"nobody wrote {lacking[0]!r}, which {text!r} needs; the strokes have {alphabet!r}")
    composes = max(number - len(hand.words), number // 2 if hand.letters else 0) if hand.letters else 0
    found = [Writing(text, strokes, name) for text, strokes, name in _some(hand.words, number - composes, rng)]
    letters = "".join(sorted({letter for own in hand.letters.values() for letter in own}))
    words = texts_to_learn(texts, letters, composes, rng, longest=longest, pairs=_PAIRS) if composes else []
    for text in words:
        done = composed(text, hand, rng)
        if done is not None:
            found.append(Writing(text, *done))
    if not found:
        raise StepError("no writer of the strokes has all letters of any of the texts: name strokes with more letters")
    return found


def _some(
    words: Sequence[tuple[str, Strokes, str]], number: int, rng: np.random.Generator
) -> list[tuple[str, Strokes, str]]:
    if len(words) <= number:
        return list(words)
    return [words[at] for at in np.sort(rng.permutation(len(words))[:number]).tolist()]


def side_by_side(first: Strokes, second: Strokes) -> Strokes:
    """Two words on one line, a blank between them."""
    off = np.array([box(first)[2] + _BLANK - box(second)[0], 0.0], np.float32)
    return (*first, *(line + off for line in second))


def prepared(writings: Sequence[Writing]) -> list[tuple[Writing, Array]]:
    """Each with its steps of the pen; without those that take so many that all others would wait for them."""
    pairs = [(one, steps_of(one.strokes)) for one in writings]
    usual = float(np.median([len(steps) for _, steps in pairs])) if pairs else 0.0
    return [(one, steps) for one, steps in pairs if 0 < len(steps) <= max(_LONGEST, 6 * usual)]
