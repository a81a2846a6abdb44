"""All the ways to fill a template in: how many there are, and each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tilth.synthesize.grammar.agreement import agreeing, named
from tilth.synthesize.grammar.book import Book, Template
from tilth.synthesize.grammar.fillers import Range
from tilth.synthesize.grammar.notation import Agreeing, Choice, Node, Pattern, Slot, Words

Bound: TypeAlias = Mapping[tuple[str, str], str]
"""(slot, key) -> the filler that the text has for it."""


def ways(book: Book, template: Template) -> int:
    """How many ways there are to fill a template in: an upper bound of the texts it gives."""
    seen: dict[tuple[str, str], int] = {}

    def of(pattern: Pattern) -> int:
        total = 1
        for node in pattern:
            if isinstance(node, Choice):
                total *= sum(of(option) for option in node.options)
            elif isinstance(node, Slot) and (node.name, node.key) not in seen:
                seen[node.name, node.key] = 1
                total *= fillers_of(node.name)
        return total

    def fillers_of(name: str) -> int:
        fillers = book.slots[name]
        return fillers.count if isinstance(fillers, Range) else sum(of(option) for option in fillers.options)

    return of(template.pattern)


def all_ways(book: Book, template: Template) -> Iterator[str]:
    """The text of each way, one after the other; different ways may say the same."""
    for text, _ in _sequences(book, template.pattern, {}):
        yield text


def _sequences(book: Book, pattern: Pattern, bound: Bound) -> Iterator[tuple[str, Bound]]:
    if not pattern:
        yield "", bound
        return
    for said, then in _nodes(book, pattern[0], bound):
        for rest, last in _sequences(book, pattern[1:], then):
            yield said + rest, last


def _nodes(book: Book, node: Node, bound: Bound) -> Iterator[tuple[str, Bound]]:
    if isinstance(node, Words):
        yield node.text, bound
    elif isinstance(node, Choice):
        for option in node.options:
            yield from _sequences(book, option, bound)
    elif isinstance(node, Agreeing):
        for said, then in _filled(book, node.slot, bound):
            yield agreeing(node, said), then
    else:
        for said, then in _filled(book, node, bound):
            yield named(node, said), then


def _filled(book: Book, slot: Slot, bound: Bound) -> Iterator[tuple[str, Bound]]:
    key = (slot.name, slot.key)
    if key in bound:
        yield bound[key], bound
        return
    taken = {said for (name, _), said in bound.items() if name == slot.name}
    fillers = book.slots[slot.name]
    if isinstance(fillers, Range):
        for at in range(fillers.count):
            if (said := fillers.said(at)) not in taken:
                yield said, {**bound, key: said}
        return
    for option in fillers.options:
        for said, then in _sequences(book, option, bound):
            if said not in taken:
                yield said, {**then, key: said}
