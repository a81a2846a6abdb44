"""How the same words are written: contracted or in full, in small letters or large, with or without marks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tilth.augment.words import lower
from tilth.augment.writing.operation import Stock, TextOperation, drawn, many
from tilth.augment.writing.phrase import Phrase

_FULL: Mapping[str, str] = {
    "can't": "cannot", "won't": "will not", "don't": "do not", "doesn't": "does not", "didn't": "did not", "isn't": "is not",
    "aren't": "are not", "wasn't": "was not", "weren't": "were not", "haven't": "have not", "hasn't": "has not",
    "hadn't": "had not", "couldn't": "could not", "wouldn't": "would not", "shouldn't": "should not", "mustn't": "must not",
    "needn't": "need not", "i'm": "i am", "you're": "you are", "we're": "we are", "they're": "they are", "i've": "i have",
    "you've": "you have", "we've": "we have", "they've": "they have", "i'll": "i will", "you'll": "you will", "he'll": "he will",
    "she'll": "she will", "it'll": "it will", "we'll": "we will", "they'll": "they will", "that'll": "that will",
    "gonna": "going to", "wanna": "want to", "gotta": "got to", "let's": "let us",
}  # fmt: skip
# Not 's and 'd: "what's" is what is and what has, "I'd" is I would and I had.
_SHORT = {full: short for short, full in _FULL.items() if short not in ("gonna", "wanna", "gotta")}


def contraction(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """`don't` in full, `do not` in short. The meaning stays, so this alone may be done to negations."""
    del stock
    words = phrase.words
    spans: list[tuple[int, int, str]] = []
    for at, word in enumerate(words):
        if lower(word) in _FULL:
            spans.append((at, 1, _FULL[lower(word)]))
        elif at + 1 < len(words) and phrase.spaced(at) and (pair := f"{lower(word)} {lower(words[at + 1])}") in _SHORT:
            spans.append((at, 2, _SHORT[pair]))
        elif lower(word) == "cannot":
            spans.append((at, 1, "can't"))
    if not spans:
        return None
    chosen = drawn(range(len(spans)), many(share, len(words)), rng)
    for number in sorted(chosen, reverse=True):
        at, size, new = spans[number]
        phrase = _respelled(phrase, at, size, new)
    return phrase


def case(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """The first letter turned, or all in small letters, or all in capitals; names with them."""
    del stock, share
    words = phrase.words
    if not words:
        return None
    first = words[0][0]
    turned = (first.lower() if first.isupper() else first.upper()) + words[0][1:]
    ways = ((turned, *words[1:]), tuple(word.lower() for word in words), tuple(word.upper() for word in words))
    new = [way for way in ways if way != words]
    return replace(phrase, words=new[int(rng.integers(len(new)))]) if new else None


def punctuation(phrase: Phrase, share: float, rng: np.random.Generator, stock: Stock) -> Phrase | None:
    """The last mark gone, written twice, or put where there was none; or a comma gone."""
    del stock, share
    if not phrase.words:
        return None
    gaps = phrase.gaps
    commas = [at for at, gap in enumerate(gaps[1:-1], start=1) if re.fullmatch(r"\s*,\s+", gap)]
    ends = _other_ends(gaps[-1])
    if not commas and not ends:
        return None
    pick = int(rng.integers(len(commas) + len(ends)))
    if pick < len(commas):
        at = commas[pick]
        return replace(phrase, gaps=(*gaps[:at], " ", *gaps[at + 1 :]))
    return replace(phrase, gaps=(*gaps[:-1], ends[pick - len(commas)]))


OPERATIONS = (
    TextOperation("contraction", "marks", contraction, "contracted or written in full"),
    TextOperation("case", "marks", case, "in other capitals", "the same at any strength"),
    TextOperation("punctuation", "marks", punctuation, "with other marks", "the same at any strength"),
)


def _other_ends(end: str) -> list[str]:
    """What may stand behind the last word in place of this; which of . and ? it is stays."""
    mark = end.strip()
    if mark in (".", "?", "!"):
        return ["", end.rstrip() + mark]
    return [] if mark else ["."]


def _respelled(phrase: Phrase, at: int, size: int, new: str) -> Phrase:
    words, gaps, free = phrase.words, phrase.gaps, phrase.free
    spelled = _like(words[at], new).split(" ")
    inner = (" ",) * (len(spelled) - 1)
    return Phrase(
        (*words[:at], *spelled, *words[at + size :]),
        (*gaps[: at + 1], *inner, *gaps[at + size :]),
        (*free[:at], *(False,) * len(spelled), *free[at + size :]),
    )


def _like(old: str, new: str) -> str:
    """The new word in the capitals of the old, with its kind of apostrophe; `I` is always large."""
    if re.match(r"i\b", new):
        new = "I" + new[1:] if old[0].isupper() else new
    elif old.isupper() and len(old) > 1:
        new = new.upper()
    elif old[0].isupper():
        new = new[0].upper() + new[1:]
    return new.replace("'", "’") if "’" in old else new
