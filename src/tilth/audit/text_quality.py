"""TextQuality: texts that are empty, damaged, of another script, unusually short or long, or mostly boilerplate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.numerics import spread, writing
from tilth.numerics.fingerprint import shingles, words_of
from tilth.signal import Signals
from tilth.steps import Run

_ONE_SCRIPT = 0.9  # share of all letters that one script must have, for another to be a stranger
_SHARED = 0.002  # of 15,100 crowd-written requests 2.5 % were mostly passages that 5 others had too
_NEAR = 0.8  # Jaccard index from which audit.duplicates calls texts near copies: those are not told twice


@dataclass(frozen=True)
class TextQuality:
    """Find texts whose writing is unusual for their dataset: empty, damaged in its encoding, in another script, far
    shorter or longer than the rest, mostly a passage that many share, or the same as another but for accents and joins.
    """

    far: float = 4.0  # robust standard deviations of the logarithm of the number of words
    times: float = 4.0  # shorter or longer than the median, at least
    foreign: float = 0.5  # share of the letters in another script
    passage: int = 8  # words in a row that make a shared passage; questions share five ("what is the name of")
    shared: int = 5  # different texts that must share it, and at least 2 in 1,000: people do say one thing alike
    covered: float = 0.6  # share of a text's words that lie in shared passages

    version = 1
    modality = ("text",)
    source = "Tilth"
    cost = "O(words)"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One finding per text and kind (`empty_text`, `mojibake`, `wrong_script`, `short_text`, `long_text`,
        `boilerplate`), one per group (`same_text`). Evidence `worthless` is true where nothing is written."""
        del signals
        shown = data.raw
        if not len(shown):
            return []
        texts = run.texts(shown)
        words = [words_of(text) for text in texts]
        ids = [str(id) for id in shown.ids]
        return [
            *_empty(ids, texts),
            *_damaged(ids, texts),
            *self._foreign(ids, texts),
            *self._lengths(ids, words),
            *self._boilerplate(ids, words),
            *_same(ids, texts, words),
        ]

    def _foreign(self, ids: Sequence[str], texts: Sequence[str]) -> Iterator[Finding]:
        found = [writing.scripts(text) for text in texts]
        total = sum(found, Counter[str]())
        if not total:
            return
        usual, count = max(total.items(), key=lambda item: (item[1], item[0]))
        if count < _ONE_SCRIPT * sum(total.values()):
            return
        for id, letters in zip(ids, found, strict=True):
            other = sum(letters.values()) - letters[usual]
            share = other / max(sum(letters.values()), 1)
            if share > self.foreign:
                name = max((item for item in letters.items() if item[0] != usual), key=lambda item: item[1])[0]
                why = (
                    f"{share:.0%} of its letters are {name.title()}; {count / sum(total.values()):.0%} of the letters "
                    f"of these data are {usual.title()}."
                )
                evidence = {"script": name.lower(), "usual": usual.lower(), "share": round(share, 3)}
                yield Finding("wrong_script", (id,), 0.6, why, evidence)

    def _lengths(self, ids: Sequence[str], words: Sequence[Sequence[str]]) -> Iterator[Finding]:
        counts = np.array([len(text) for text in words])
        written = counts > 0
        if not written.any():
            return
        logs = np.log(np.maximum(counts, 1))
        middle, deviation = spread.usual(logs[written])
        cut = max(self.far * deviation, float(np.log(self.times)))
        usual = float(np.median(counts[written]))
        for row in np.flatnonzero(written & (np.abs(logs - middle) > cut)).tolist():
            kind, word = ("long_text", "long") if logs[row] > middle else ("short_text", "short")
            grade = 0.2 + 0.3 * min(1.0, float(abs(logs[row] - middle) / cut - 1))
            what = "1 word" if counts[row] == 1 else f"{counts[row]:,} words"
            why = f"It is {word}: {what}; half of the texts have fewer than {usual:,.0f}."
            yield Finding(kind, (ids[row],), round(grade, 4), why, {"words": int(counts[row]), "median": usual})

    def _boilerplate(self, ids: Sequence[str], words: Sequence[Sequence[str]]) -> Iterator[Finding]:
        least = max(self.shared, round(_SHARED * len(words)))
        shares, passages = writing.shells(words, length=self.passage, least=least)
        stand = Counter(passage for passage, share in zip(passages, shares, strict=True) if share >= self.covered)
        for id, share, passage in zip(ids, shares, passages, strict=True):
            if share >= self.covered:
                why = f"{share:.0%} of its words are passages that {least} or more texts share: “{passage} …”."
                evidence = {"share": round(share, 3), "passage": passage, "texts": stand[passage]}
                yield Finding("boilerplate", (id,), 0.3, why, evidence)


def _empty(ids: Sequence[str], texts: Sequence[str]) -> Iterator[Finding]:
    for id, text in zip(ids, texts, strict=True):
        if writing.is_blank(text):
            yield Finding("empty_text", (id,), 1.0, "Nothing is written in it.", {"worthless": True})
        elif not writing.has_letters(text):
            why = f"There is no letter and no digit in it, only {text.strip()[:20]!r}."
            yield Finding("empty_text", (id,), 0.4, why, {"worthless": False})


def _damaged(ids: Sequence[str], texts: Sequence[str]) -> Iterator[Finding]:
    for id, text in zip(ids, texts, strict=True):
        if part := writing.damage(text):
            why = f"Its letters were read in a wrong encoding, or lost on the way: {part!r}."
            yield Finding("mojibake", (id,), 0.5, why, {"part": part})


def _same(ids: Sequence[str], texts: Sequence[str], words: Sequence[Sequence[str]]) -> Iterator[Finding]:
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        if key := writing.plain_key(text):
            groups[key].append(row)
    for group in groups.values():
        first = group[0]
        apart = [row for row in group[1:] if not _near_copies(words[first], words[row])]
        if apart:
            members = tuple(sorted(ids[row] for row in (first, *apart)))
            why = f"{len(members)} texts are the same but for accents, spaces and signs."
            yield Finding("same_text", members, 0.2, why, {"text": texts[first][:80]})


def _near_copies(left: Sequence[str], right: Sequence[str]) -> bool:
    a, b = shingles(left), shingles(right)
    return len(a & b) >= _NEAR * len(a | b)
