"""Words that must not be touched, and the two moves on the others that leave a sentence with its meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from tilth.signal import Array

WORD = re.compile(r"\w+(?:['’-]\w+)*")

NEGATIONS = frozenset(
    "no not none nobody nothing neither nor never nowhere cannot without hardly scarcely barely except "
    "unless nein nicht kein keine nie ne pas jamais sans non no nunca sin".split()
)
"""Taking one away, or moving it, turns the sentence round. Contractions (`don't`) are known by their ending."""

FILLERS = frozenset(
    "a an the of to in on at for by with from as is are was were be been am do does did has have had will "
    "would can could shall should may might that this these those there it its i you he she we they me my your our "
    "their his her him us them and or so very just please also then".split()
)
"""Words that can be missed: articles, auxiliaries, pronouns. Question words stand apart, for they say what is asked."""


def lower(word: str) -> str:
    """The word as it is compared: lower case, one kind of apostrophe."""
    return word.lower().replace("’", "'")


def negates(word: str) -> bool:
    return _read(word)[1]


@lru_cache(maxsize=100_000)  # words come again and again, and each is asked several times for every text it is in
def _read(word: str) -> tuple[str, bool, bool]:
    """The word as it is compared, whether it negates, and whether it is plain: no name and no number."""
    compared = lower(word)
    plain = word.islower() and not any(letter.isdigit() for letter in word)
    return compared, compared in NEGATIONS or compared.endswith("n't"), plain


@dataclass(frozen=True)
class LabelWords:
    """The words that carry the labels.

    of  for each class its own
    """

    of: tuple[frozenset[str], ...] = ()

    @cached_property
    def every(self) -> frozenset[str]:
        """Those of all classes: none of them is brought into a text."""
        return frozenset().union(*self.of)

    def told(self, target: Array) -> frozenset[str]:
        """Those that carry the label of a text with this row of targets, (k,): they stay as they are. All, where the text
        has no label."""
        own = np.flatnonzero(target > 0).tolist()
        return frozenset().union(*(self.of[one] for one in own)) if own else self.every


def class_words(texts: Sequence[str], targets: Array, *, share: float) -> LabelWords:
    """For each class, of the words of its texts, the `share` with the highest chi squared, if they are more frequent
    there than elsewhere.

    A share of the words of the class, not of all: with 150 intents the hundredth of the vocabulary that is best for
    each of them makes up all of it.

    targets  (n, k) shares of classes, zeros where not labelled

    Source   Yang and Pedersen 1997, section 2.4
    """
    from sklearn.feature_extraction.text import CountVectorizer

    reader = CountVectorizer(analyzer=_words, binary=True)  # pyright: ignore[reportArgumentType]
    if not any(WORD.search(text) for text in texts) or not targets.shape[1]:
        return LabelWords((frozenset(),) * targets.shape[1])
    present = reader.fit_transform(texts)
    names = reader.get_feature_names_out()
    seen, by_chance, rest = _seen(present, targets)
    scores = np.where(seen > by_chance, _apart(seen, by_chance, rest), 0.0)
    found: list[frozenset[str]] = []
    for of_class, there in zip(scores, seen > 0, strict=True):
        best = np.argsort(-of_class, kind="stable")[: int(np.ceil(share * there.sum()))]
        found.append(frozenset(names[best[of_class[best] > 0]].tolist()))
    return LabelWords(tuple(found))


def chi_squared(present: Any, targets: Array) -> Array:
    """(k, v) chi squared of each word with each class against the rest; for a hard label it is sklearn's `chi2`.

    present  (n, v) counts, dense or sparse
    targets  (n, k) 0..1
    """
    return _apart(*_seen(present, targets))


def _seen(present: Any, targets: Array) -> tuple[Array, Array, Array]:
    """(k, v) how often each word comes in each class, how often it would if classes did not matter, and then outside of it."""
    total = np.asarray(present.sum(axis=0), dtype=np.float64).ravel()
    seen = np.asarray((present.T @ targets.astype(np.float64)).T)
    rate = targets.mean(axis=0, dtype=np.float64)[:, None]
    return seen, rate * total, (1 - rate) * total


def _apart(seen: Array, by_chance: Array, rest: Array) -> Array:
    """(k, v) chi squared of what `_seen` tells."""
    off = (seen - by_chance) ** 2
    return np.divide(off, by_chance, out=np.zeros_like(off), where=by_chance > 0) + np.divide(
        off, rest, out=np.zeros_like(off), where=rest > 0
    )


def _words(text: str) -> list[str]:
    return [lower(word) for word in WORD.findall(text)]


def safe(text: str, keep: frozenset[str]) -> tuple[list[re.Match[str]], Array]:
    """The words of a text and which of them may be touched, (w,) bool.

    Not: the first word (a question or a sentence opens with it), negations and the word after one, whatever holds a
    digit or a capital inside the sentence (names), and the words of `keep`.
    """
    found = list(WORD.finditer(text))
    free, stands = list[bool](), True  # the first word stands as it is
    for match in found:
        compared, negation, plain = _read(match.group())
        free.append(plain and not stands and not negation and compared not in keep)
        stands = negation
    return found, np.array(free, dtype=bool)


def swapped(text: str, keep: frozenset[str], rng: np.random.Generator, *, share: float) -> str:
    """The text with a share of its words, at least one, changed for the next; both may be touched and only spaces
    lie between them. Punctuation stays where it is. The text itself where there is no such pair."""
    found, free = safe(text, keep)
    pairs = [
        at
        for at in range(len(found) - 1)
        if free[at] and free[at + 1] and text[found[at].end() : found[at + 1].start()].isspace()
    ]
    if not pairs:
        return text
    words = [match.group() for match in found]
    for at in rng.choice(pairs, size=min(len(pairs), max(1, round(share * len(words)))), replace=False).tolist():
        words[at], words[at + 1] = words[at + 1], words[at]
    return _with_words(text, found, words)


def thinned(text: str, keep: frozenset[str], rng: np.random.Generator, *, share: float) -> str:
    """The text without a share of its fillers, at least one, each with the space before it. The text itself where
    there is no filler that may be touched."""
    found, free = safe(text, keep)
    fillers = [at for at, match in enumerate(found) if free[at] and lower(match.group()) in FILLERS]
    if not fillers:
        return text
    count = min(len(fillers), max(1, int(rng.binomial(len(fillers), share))))
    out = text
    for at in sorted(rng.choice(fillers, size=count, replace=False).tolist(), reverse=True):
        start, end = found[at].span()
        start -= len(out[:start]) - len(out[:start].rstrip(" "))
        out = out[:start] + out[end:]
    return out


def _with_words(text: str, found: list[re.Match[str]], words: list[str]) -> str:
    pieces, last = [], 0
    for match, word in zip(found, words, strict=True):
        pieces += [text[last : match.start()], word]
        last = match.end()
    return "".join(pieces) + text[last:]
