"""Words out of single letters: those of one writer, side by side, each a little off the base line as hands are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.digest import digest
from tilth.errors import SourceError
from tilth.synthesize.hand.strokes import Strokes, box
from tilth.synthesize.pens.standing import standing
from tilth.synthesize.pens.written import Written

_LEAST = 0.04  # of the height of a capital between two letters: closer, v and i read as one sign
_SPACE = 0.55  # width of a space
_WIDEST = 2.5  # of the height of a capital: a letter that is wider was not written as one, or fell over


@dataclass(frozen=True)
class Hand:
    """What writers wrote, standing on the base line.

    letters  writer -> letter -> its samples
    words    (text, strokes, writer) of more than one letter
    """

    letters: Mapping[str, Mapping[str, Sequence[Strokes]]]
    words: Sequence[tuple[str, Strokes, str]]

    @classmethod
    def of(cls, written: Sequence[Written], *, deslant: bool = False, longest: int = 75) -> Hand:
        """Texts longer than `longest` characters and such without a height are left out.

        Raises SourceError where nothing is left.
        """
        letters: dict[str, dict[str, list[Strokes]]] = {}
        words: list[tuple[str, Strokes, str]] = []
        for one in written:
            text = " ".join(one.text.split())
            strokes = standing(one, deslant=deslant) if 0 < len(text) <= longest else ()
            if not strokes:
                continue
            if len(text) > 1:
                words.append((text, strokes, one.writer))
            elif box(strokes)[2] <= _WIDEST:
                letters.setdefault(one.writer, {}).setdefault(text, []).append(strokes)
        if not letters and not words:
            raise SourceError(f"none of {len(written)} written texts has a height and at most {longest} characters")
        return cls(letters, words)

    @property
    def alphabet(self) -> str:
        """All characters, sorted."""
        of_words = {letter for text, _, _ in self.words for letter in text}
        return "".join(sorted(of_words | {letter for own in self.letters.values() for letter in own}))

    @property
    def writers(self) -> tuple[str, ...]:
        return tuple(sorted({*self.letters, *(writer for _, _, writer in self.words)}))

    @property
    def key(self) -> str:
        """A digest of all that was written."""
        words = [(text, writer, [line.tolist() for line in strokes]) for text, strokes, writer in self.words]
        letters = [
            (name, letter, [[line.tolist() for line in strokes] for strokes in own[letter]])
            for name, own in sorted(self.letters.items())
            for letter in sorted(own)
        ]
        return digest(words, letters)

    def can_teach(self, text: str) -> bool:
        """Whether a network can learn this text: somebody has all its letters, or its characters stand in words."""
        of_words = {letter for word, _, _ in self.words for letter in word} | {" "}
        return bool(self.able(text)) or set(text) <= of_words

    def able(self, text: str, writer: str = "") -> list[str]:
        """Writers who have each letter of the text, sorted; only this one, where one is named."""
        wanted = set(text) - {" "}
        return [name for name in sorted(self.letters) if wanted <= set(self.letters[name]) and writer in ("", name)]


def composed(text: str, hand: Hand, rng: np.random.Generator, *, writer: str = "") -> tuple[Strokes, str] | None:
    """The text in letters of one writer, and who that is, drawn by how much they wrote; None where nobody has all its
    letters."""
    able = hand.able(text, writer)
    if not able:
        return None
    # By the root: the busiest writer must not be the only hand that is learned.
    weights = np.sqrt([sum(len(own) for own in hand.letters[name].values()) for name in able])
    chosen = able[int(rng.choice(len(able), p=weights / weights.sum()))]
    own = hand.letters[chosen]
    gap, size = max(rng.normal(0.22, 0.07), _LEAST), rng.normal(1.0, 0.04)
    lines: list[np.ndarray] = []
    right, base = 0.0, 0.0
    for letter in text:
        if letter == " ":
            right += _SPACE
            continue
        strokes = own[letter][int(rng.integers(len(own[letter])))]
        scale = size * rng.normal(1.0, 0.04)
        base = 0.7 * base + rng.normal(0.0, 0.02)
        left = box(strokes)[0]
        placed = [(line - (left, 0)) * scale + (right, base) for line in strokes]
        right = max(float(line[:, 0].max()) for line in placed) + max(gap * rng.normal(1.0, 0.2), _LEAST)
        lines += placed
    return tuple(line.astype(np.float32) for line in lines), chosen


def texts_to_learn(
    asked: Sequence[str], alphabet: str, number: int, rng: np.random.Generator, *, longest: int, pairs: float = 0.2
) -> list[str]:
    """So many texts to learn from: half of them those that will be asked for, half drawn from the alphabet, and some two
    in a row with a space, which is what priming asks of a network."""
    letters = [letter for letter in alphabet if letter != " "]
    wanted = [text for text in asked if set(text) <= set(alphabet)]

    def one() -> str:
        if wanted and rng.random() < 0.5:
            return wanted[int(rng.integers(len(wanted)))]
        return "".join(rng.choice(letters, size=int(rng.integers(1, longest + 1))))

    return [f"{one()} {one()}" if rng.random() < pairs else one() for _ in range(number)]
