"""From a template to texts: as many as are asked for, none twice, every filler used as often as its weight says.

Texts are made a column at a time: a slot of 20 fillers in 1,000 texts is 50 of each, shuffled, and not 1,000 draws.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from tilth.signal import Array
from tilth.synthesize.grammar.agreement import agreeing, named, sentence
from tilth.synthesize.grammar.book import Book, Listed, Template
from tilth.synthesize.grammar.every import all_ways, ways
from tilth.synthesize.grammar.notation import Agreeing, Choice, Pattern, Slot, Words

_PASSES = 12  # draws of what is still lacking; then the template has little more to give
_MOST_OF = 4  # times as many ways as texts that are asked for: below, draws would repeat each other
_LISTED = 200_000  # ways, or fillers, at most that are gone through one by one: some MB

_FINISHES: dict[str, Callable[[str], str]] = {"as written": str, "sentence": sentence, "lower": str.lower}


def texts(
    book: Book, template: Template, count: int, rng: np.random.Generator, *, known: Collection[str] = ()
) -> list[str]:
    """Up to `count` different texts, fewer where the template does not give so many.

    known  texts that are there already and are not made again

    Cost  20 to 100 microseconds a text
    """
    barred = known if isinstance(known, (set, frozenset, dict)) else set(known)
    found: dict[str, None] = {}
    if ways(book, template) <= min(_MOST_OF * count, _LISTED):
        # Draws would repeat each other where most of what there is is asked for.
        every = sorted({finished(book, text) for text in all_ways(book, template)} - {""})
        found = {every[at]: None for at in rng.permutation(len(every)).tolist() if every[at] not in barred}
    else:
        for _ in range(_PASSES):
            for text in _drawn(book, template, count - len(found), rng):
                if text and text not in barred:
                    found.setdefault(text)
            if len(found) == count:
                break
    return list(found)[:count]


def _drawn(book: Book, template: Template, count: int, rng: np.random.Generator) -> list[str]:
    page = _Page(book, count, rng)
    return [finished(book, text) for text in page.pattern(template.pattern, np.arange(count))]


def finished(book: Book, text: str) -> str:
    """The text as it is handed over: one space between words, and the case that the book asks for."""
    return _FINISHES[book.case](" ".join(text.split()))


@dataclass
class _Page:
    """Texts that are being made together. bound: (slot, key) -> the filler of each text, None where it has none yet."""

    book: Book
    count: int
    rng: np.random.Generator
    bound: dict[tuple[str, str], list[str | None]] = field(default_factory=dict)

    def pattern(self, pattern: Pattern, rows: Array) -> list[str]:
        """What a pattern says in these texts, (rows,)."""
        columns = [self._node(node, rows) for node in pattern]
        return ["".join(parts) for parts in zip(*columns, strict=True)] if columns else [""] * len(rows)

    def _node(self, node: Words | Slot | Agreeing | Choice, rows: Array) -> list[str]:
        if isinstance(node, Words):
            return [node.text] * len(rows)
        if isinstance(node, Choice):
            return self._spread(node.options, node.weights, rows)
        if isinstance(node, Agreeing):
            return [agreeing(node, said) for said in self._filled(node.slot, rows)]
        return [named(node, said) for said in self._filled(node, rows)]

    def _spread(self, options: tuple[Pattern, ...], weights: tuple[float, ...], rows: Array) -> list[str]:
        """One of the patterns in each text, all as often as their weights say."""
        picked = even(len(rows), np.asarray(weights), self.rng)
        out = [""] * len(rows)
        for at, option in enumerate(options):
            mine = np.flatnonzero(picked == at)
            for row, said in zip(mine.tolist(), self.pattern(option, rows[mine]), strict=True):
                out[row] = said
        return out

    def _filled(self, slot: Slot, rows: Array) -> list[str]:
        column = self.bound.setdefault((slot.name, slot.key), [None] * self.count)
        empty = rows[[column[row] is None for row in rows.tolist()]]
        if len(empty):
            for row, said in zip(empty.tolist(), self._fillers(slot, empty), strict=True):
                column[row] = said
        return [column[row] or "" for row in rows.tolist()]

    def _fillers(self, slot: Slot, rows: Array) -> list[str]:
        """Fillers for these texts; none that another key of the slot has in the same text, where there is a choice."""
        said = self._any(slot.name, rows)
        others = [column for (name, key), column in self.bound.items() if name == slot.name and key != slot.key]
        for _ in range(_PASSES if others else 0):
            clash = [at for at, row in enumerate(rows.tolist()) if any(column[row] == said[at] for column in others)]
            if not clash:
                break
            for at, again in zip(clash, self._any(slot.name, rows[clash]), strict=True):
                said[at] = again
        return said

    def _any(self, name: str, rows: Array) -> list[str]:
        fillers = self.book.slots[name]
        if isinstance(fillers, Listed):
            return self._spread(fillers.options, fillers.weights, rows)
        places = even_of(len(rows), fillers.count, self.rng).tolist()
        said = {at: fillers.said(at) for at in set(places)}
        return [said[at] for at in places]


def even(count: int, weights: Array, rng: np.random.Generator) -> Array:
    """(count,) int: each of the weighted as often as its weight says, but for one; in random order."""
    # Systematic sampling (Madow 1949): marks at equal distances along the weights, from a random start; the weights are
    # shuffled, so that it is not always the same ones that are left out where there are more weights than marks.
    order = rng.permutation(len(weights))
    edges = np.cumsum(weights[order], dtype=np.float64)
    marks = (np.arange(count) + rng.random()) * (edges[-1] / max(count, 1))
    found = order[np.minimum(np.searchsorted(edges, marks, side="right"), len(weights) - 1)]
    return rng.permutation(found)


def even_of(count: int, kinds: int, rng: np.random.Generator) -> Array:
    """(count,) int below `kinds`, all as often as each other, but for one; in random order and without a list of all."""
    if kinds <= _LISTED:
        return even(count, np.ones(kinds), rng)
    marks = (np.arange(count) + rng.random(count)) * (kinds / max(count, 1))
    return rng.permutation(np.minimum(marks.astype(np.int64), kinds - 1))
