"""The label guard as a table: operations by classes, what each makes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tilth.finding import Finding

MOST_CLASSES = 24  # columns that can still be read; beyond, the classes of which most is told

_SIGNS = {"safe": "·", "unsure": "?", "forbidden": "no"}


@dataclass(frozen=True, slots=True)
class Cell:
    """What an operation makes of a class: a word for the colour, a sign to be read, and the numbers for who points."""

    word: str
    sign: str
    facts: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, a row for each operation; `left_out` classes are not shown."""

    classes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    left_out: int


def table(findings: Sequence[tuple[str, Finding]]) -> Table | None:
    """The table of the last finding of the label guard; None where there is none."""
    found = next((one for _, one in reversed(findings) if one.kind == "label_guard"), None)
    if found is None or not {"classes", "operations"} <= found.evidence.keys():
        return None
    classes, operations = found.evidence["classes"], found.evidence["operations"]
    told = [
        sum(row[at] is not None and row[at]["word"] in ("forbidden", "becomes") for row in operations.values())
        for at in range(len(classes))
    ]
    shown = sorted(sorted(range(len(classes)), key=lambda at: -told[at])[:MOST_CLASSES])
    rows = [(name, tuple(_cell(row[at]) for at in shown)) for name, row in operations.items()]
    rows.sort(key=lambda row: not any(cell.word in ("forbidden", "becomes") for cell in row[1]))
    return Table(tuple(classes[at] for at in shown), tuple(rows), len(classes) - len(shown))


def _cell(fate: Mapping[str, Any] | None) -> Cell:
    if fate is None:
        return Cell("unsure", "?", "not tried")
    word, reach = fate["word"], fate["reach"]
    sign = f"→ {fate['target']}" if word == "becomes" else f"< {reach:g}" if 0 < reach < 1 else _SIGNS[word]
    if fate["by"] == "rule":
        return Cell(word, sign, f"{word}, by a rule")
    facts = f"{word}: {fate['moved']} of {fate['asked']} moved ({fate['low']:.0%} to {fate['high']:.0%})"
    if fate["moved"] and fate["target"]:
        facts += f", mostly to {fate['target']}"
    return Cell(word, sign, f"{facts}; {fate['strange']:.0%} look strange")
