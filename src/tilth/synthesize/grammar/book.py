"""A book of templates: what is read from a TOML or JSON file, checked as a whole before the first text is made.

case = "sentence"                    # capitals at the start of sentences; or "lower", "as written"

[slots]
cuisine = ["Thai", "Ethiopian", { text = "Italian", weight = 3 }]
place   = ["my home", "the {landmark}"]          # fillers may have slots of their own
landmark = ["station", "town hall"]
n       = { kind = "number", from = 1, to = 30 }

[[template]]
name  = "near"
text  = "find me {a cuisine} place within {n} {n|mile} of {place}"
label = "restaurant"                 # of several labels: labels = ["restaurant", "search"]
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tilth.errors import SourceError, did_you_mean
from tilth.synthesize.grammar.fillers import Range, checked_weights, ranged
from tilth.synthesize.grammar.notation import Pattern, parse, slots_of

CASES = ("as written", "sentence", "lower")


@dataclass(frozen=True)
class Listed:
    """Fillers by weight, each a pattern of its own."""

    options: tuple[Pattern, ...]
    weights: tuple[float, ...]


Fillers: TypeAlias = Listed | Range


@dataclass(frozen=True)
class Template:
    """One template.

    labels   names of its classes
    weight   how often it is used beside the other templates of its class
    parents  ids of samples it was found in; none where a person wrote it
    stood    texts it was found in, all of them; 0 where a person wrote it
    """

    name: str
    text: str
    pattern: Pattern
    labels: tuple[str, ...]
    weight: float = 1.0
    parents: tuple[str, ...] = ()
    stood: int = 0


@dataclass(frozen=True)
class Book:
    """Templates and the slots that they share."""

    templates: tuple[Template, ...]
    slots: Mapping[str, Fillers]
    case: str = "as written"


def read_book(path: Path) -> Book:
    """A book from a TOML or JSON file. Raises SourceError, naming file, template and slot, for what cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise SourceError(f"the templates {path} cannot be read: {fault}") from fault
    try:
        raw = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as fault:
        raise SourceError(
            f"the templates {path} are not {'JSON' if path.suffix == '.json' else 'TOML'}: {fault}"
        ) from fault
    return book_of(raw, where=path.name)


def book_of(raw: Any, *, where: str) -> Book:
    """A book from plain values of the shape of a file. Raises SourceError as `read_book` does."""
    if not isinstance(raw, Mapping):
        raise SourceError(f"{where}: a table with `template` and `slots` is needed, found {type(raw).__name__}")
    _known(raw, ("template", "slots", "case", "format"), where)
    if raw.get("format", 1) != 1:
        raise SourceError(f"{where} has format {raw['format']}; this program reads 1. Update tilth.")
    if (case := raw.get("case", CASES[0])) not in CASES:
        raise SourceError(f"{where}: case is one of {', '.join(CASES)}, found {case!r}")
    slots = {name: _fillers(value, f"{where}, slot {name!r}") for name, value in dict(raw.get("slots", {})).items()}
    tables = raw.get("template", [])
    if not isinstance(tables, Sequence) or isinstance(tables, str) or not tables:
        raise SourceError(f'{where} has no template. Add one:\n  [[template]]\n  text = "..."\n  label = "..."')
    templates = tuple(_template(table, number, where) for number, table in enumerate(tables, 1))
    book = Book(templates, slots, case)
    _check_slots(book, where)
    return book


def _template(table: Any, number: int, where: str) -> Template:
    name = str(table.get("name", number)) if isinstance(table, Mapping) else str(number)
    place = f"{where}, template {name!r}"
    if not isinstance(table, Mapping) or not isinstance(table.get("text"), str):
        raise SourceError(f'{place}: a template has a text:  text = "find me {{a cuisine}} place"')
    _known(table, ("name", "text", "label", "labels", "weight", "parents"), place)
    labels = table["labels"] if "labels" in table else [table["label"]] if "label" in table else []
    if isinstance(labels, str) or not labels or not all(isinstance(one, str) for one in labels):
        raise SourceError(f'{place}: name its class, label = "..."; or several, labels = ["...", "..."]')
    weight = table.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight >= 0:
        raise SourceError(f"{place}: weight is a number from 0 up, found {weight!r}")
    parents = tuple(str(id) for id in table.get("parents", ()))
    return Template(name, table["text"], parse(table["text"], where=place), tuple(labels), float(weight), parents)


def _fillers(value: Any, where: str) -> Fillers:
    if isinstance(value, Mapping) and "kind" in value:
        return ranged(value, where=where)
    rows = [value] if isinstance(value, (str, Mapping)) else list(value) if isinstance(value, Sequence) else None
    if not rows:
        raise SourceError(f"{where}: a list of fillers or a table with `kind` is needed, found {value!r}")
    options, weights = [], []
    for row in rows:
        text, weight = (row.get("text"), row.get("weight", 1.0)) if isinstance(row, Mapping) else (row, 1.0)
        if isinstance(text, bool) or not isinstance(text, (str, int, float)):
            raise SourceError(
                f"{where}: a filler is a text, a number, or {{ text = ..., weight = ... }}; found {row!r}"
            )
        if isinstance(weight, bool) or not isinstance(weight, (int, float)):
            raise SourceError(f"{where}: weight is a number, found {weight!r}")
        options.append(parse(str(text), where=where))
        weights.append(float(weight))
    return Listed(tuple(options), checked_weights(weights, where=where))


def _known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise SourceError(f"{where}: unknown key {key!r}{did_you_mean(key, keys)}; there is {', '.join(keys)}")


def _check_slots(book: Book, where: str) -> None:
    """Every slot that is named is there, and none is made of itself."""
    for one in book.templates:
        for slot in slots_of(one.pattern):
            if slot.name not in book.slots:
                hint = did_you_mean(slot.name, book.slots)
                raise SourceError(f"{where}, template {one.name!r}: there is no slot {slot.name!r}{hint}\n  {one.text}")
    for name in book.slots:
        _check_circle(book, (name,), where)


def _check_circle(book: Book, path: tuple[str, ...], where: str) -> None:
    fillers = book.slots[path[-1]]
    if not isinstance(fillers, Listed):
        return
    for option in fillers.options:
        for slot in slots_of(option):
            if slot.name not in book.slots:
                hint = did_you_mean(slot.name, book.slots)
                raise SourceError(f"{where}, slot {path[-1]!r}: there is no slot {slot.name!r}{hint}")
            if slot.name in path:
                raise SourceError(f"{where}, slot {path[0]!r} is made of itself: {' -> '.join((*path, slot.name))}")
            _check_circle(book, (*path, slot.name), where)
