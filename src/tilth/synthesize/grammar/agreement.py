"""Words that agree with a filler: `a` or `an`, one or several, and capitals at the start of sentences. English."""

from __future__ import annotations

import re

from tilth.synthesize.grammar.notation import Agreeing, Slot

# A vowel is said at the start of these; of `u` where it is not said as in `use`; never in `eu`, `one` and `once`.
_VOWEL = re.compile(
    r"(?:hour|honest|hono|heir(?!arch)|8|11\b|18(?:\b|th)|[aio]|e(?!u)|u(?!ni(?!n|m|d)|nan|bi|[cfhkprst][aeiou]))",
    re.IGNORECASE,
)
_CONSONANT = re.compile(r"(?:one|once)(?![a-z])|ewe", re.IGNORECASE)
_SPELT = re.compile(r"[A-Z]{2,}\b|[A-Z]\b")  # FBI is read letter by letter
_LETTERS = frozenset("AEFHILMNORSX")  # whose names begin with a vowel
_ONE = frozenset(("1", "one", "1.0", "a", "an"))


def with_article(word: str, article: str = "a") -> str:
    """`a` or `an` before a word, as it sounds in English; a capital where the article has one."""
    an = word[:1] in _LETTERS if _SPELT.match(word) else bool(_VOWEL.match(word)) and not _CONSONANT.match(word)
    return f"{article}{'n' if an else ''} {word}"


def named(slot: Slot, said: str) -> str:
    """A filler with the article that the template asks for."""
    return with_article(said, slot.article) if slot.article else said


def agreeing(node: Agreeing, said: str) -> str:
    """The form of a word that goes with the number `said`."""
    return node.one if said.lower() in _ONE else node.many


def sentence(text: str) -> str:
    """With a capital at the start, and after a full stop, a question or an exclamation mark."""
    return re.sub(r"(^\W*|[.!?]\s+)(\w)", lambda found: found.group(1) + found.group(2).upper(), text)
