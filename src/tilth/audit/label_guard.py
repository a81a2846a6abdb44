"""LabelGuard: which operations change what a picture means, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.numerics import label_fates, label_rules
from tilth.numerics.label_fates import Fate
from tilth.signal import Signals
from tilth.steps import Run

_NAMED = 4  # classes that are named of one operation; the table has all


@dataclass(frozen=True)
class LabelGuard:
    """Say what each operation makes of each class: safe, forbidden, or turned into another class for certain."""

    version = 1
    needs = ("guard",)
    of_raw = ("guard",)
    modality = ("image",)
    cost = "O(n operations)"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One `label_guard` finding about the whole set (no ids). Its evidence is the table of operations and classes;
        its severity the share of them that is forbidden or turns into another class."""
        del run
        signal = signals["guard"]
        classes = data.schema.classes
        here = np.isin(signal.ids, data.ids)
        labels = data.labels[np.searchsorted(data.ids, signal.ids[here])]
        own_inverse = np.array(signal.meta["own_inverse"], bool)
        found = label_fates.judged(signal.values[here], labels, classes=len(classes), own_inverse=own_inverse)
        names = tuple(dict.fromkeys(name for change in signal.meta["changes"] for name, _ in change))
        known = tuple(dict.fromkeys([*names, *signal.meta["catalogue"]]))
        rules = label_rules.parsed(signal.meta["rules"], operations=known, classes=classes)
        fates = label_fates.fates_of(found, signal.meta["changes"], rules)
        if not fates:
            return []
        table = _table(fates, classes)
        told = [fate for fate in fates.values() if fate.word in ("forbidden", "becomes")]
        evidence = {
            "classes": list(classes),
            "operations": table,
            "excused": [round(float(x), 4) for x in found.excused],
        }
        return [Finding("label_guard", (), round(len(told) / len(fates), 4), _why(table, classes), evidence)]


def _table(fates: Mapping[tuple[str, int], Fate], classes: tuple[str, ...]) -> dict[str, list[dict[str, Any] | None]]:
    """Operation -> what it makes of each class, in their order; None where nothing is known and nothing was tried."""
    table: dict[str, list[dict[str, Any] | None]] = {}
    for (name, label), fate in fates.items():
        row = table.setdefault(name, [None] * len(classes))
        row[label] = {**asdict(fate), "target": classes[fate.target] if fate.target >= 0 else None}
    return table


def _why(table: Mapping[str, list[dict[str, Any] | None]], classes: tuple[str, ...]) -> str:
    told = [_told(name, row, classes) for name, row in table.items()]
    said = "; ".join(part for part in told if part)
    return f"{said}." if said else f"None of {len(table)} operations is known to change what a picture means."


def _told(name: str, row: list[dict[str, Any] | None], classes: tuple[str, ...]) -> str:
    turned = [
        f"{own} into {one['target']}"
        for own, one in zip(classes, row, strict=True)
        if one is not None and one["word"] == "becomes"
    ]
    spoilt = [
        (own, one) for own, one in zip(classes, row, strict=True) if one is not None and one["word"] == "forbidden"
    ]
    parts = [f"turns {', '.join(turned)}"] if turned else []
    if spoilt:
        shown = ", ".join(_case(own, one) for own, one in spoilt[:_NAMED])
        more = f" and {len(spoilt) - _NAMED} more" if len(spoilt) > _NAMED else ""
        parts.append(f"is forbidden for {shown}{more}")
    return f"{name} {' and '.join(parts)}" if parts else ""


def _case(own: str, one: Mapping[str, Any]) -> str:
    if one["by"] == "rule":
        return f"{own} (by a rule)"
    beyond = f" beyond {one['reach']:g} of its strength" if one["reach"] else ""
    return f"{own}{beyond} ({one['moved']} of {one['asked']} move, mostly to {one['target']})"
