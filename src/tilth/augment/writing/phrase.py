"""A text as words and what stands between them, and which of the words may be touched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tilth.augment.synonyms.inflect import article
from tilth.augment.words import lower, negates, safe

_OPEN, _CLOSE = '"“«`', "\"”»'`"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text in parts.

    words  w of them
    gaps   w + 1: what stands before the first, between two, and behind the last
    free   w of bool: whether an operation may touch the word; one that was touched is not free any more
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    free: tuple[bool, ...]

    @property
    def text(self) -> str:
        pieces = [self.gaps[0]]
        for word, gap in zip(self.words, self.gaps[1:], strict=True):
            pieces += (word, gap)
        return "".join(pieces)

    def spaced(self, at: int) -> bool:
        """Whether only space lies between the word at this place and the next."""
        return at + 1 < len(self.words) and self.gaps[at + 1].isspace()

    def with_words(self, new: dict[int, str]) -> Phrase:
        """Other words at these places."""
        words, free = list(self.words), list(self.free)
        for at, word in new.items():
            words[at], free[at] = word, False
        return Phrase(tuple(words), self.gaps, tuple(free))


def parsed(text: str, keep: Collection[str]) -> Phrase:
    """The text in parts.

    keep  words that carry a label

    Not free are: the first word, which says what is asked or wanted; negations and the word behind one; whatever holds a
    digit; names, that is a capital inside the sentence; what stands in quotation marks; and the words of `keep`.
    """
    found, free = safe(text, keep if isinstance(keep, frozenset) else frozenset(keep))
    words = tuple(match.group() for match in found)
    ends = [0, *(match.end() for match in found)]
    starts = [*(match.start() for match in found), len(text)]
    gaps = tuple(text[end:start] for end, start in zip(ends, starts, strict=True))
    quoted = _quoted(gaps)
    return Phrase(words, gaps, tuple(bool(one) and not held for one, held in zip(free.tolist(), quoted, strict=True)))


def agreed(made: Phrase, before: Phrase) -> Phrase:
    """The phrase with `a` or `an` as the next word wants it; what stood so in the phrase before stays as it was."""
    stood = {pair for pair in zip(before.words, before.words[1:], strict=False)}
    new: dict[int, str] = {}
    for at, word in enumerate(made.words[:-1]):
        if word in ("a", "an", "A", "An") and made.spaced(at) and (word, made.words[at + 1]) not in stood:
            right = article(made.words[at + 1])
            if right != word.lower():
                new[at] = right.capitalize() if word[0] == "A" else right
    return made.with_words(new) if new else made


def binds(word: str) -> bool:
    """Whether nothing may come between this word and the next: a negation, a number."""
    return negates(word) or any(letter.isdigit() for letter in word) or lower(word) in ("a", "an")


def _quoted(gaps: Sequence[str]) -> list[bool]:
    """(w,) whether each word stands within quotation marks; marks that are never closed quote nothing."""
    held, since = [False] * (len(gaps) - 1), -1
    for at, gap in enumerate(gaps):
        for letter in gap:
            if since >= 0 and letter in _CLOSE and (letter != "'" or gaps[since].endswith("`")):
                held[since:at] = [True] * (at - since)
                since = -1
            elif since < 0 and letter in _OPEN:
                since = at
    return held
