"""Nouns <-> JSON, for the rows of the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tilth.edit import Add, Drop, Edit, Move, Relabel, Weigh
from tilth.sample import Label, Sample

KINDS: Mapping[str, type] = {"drop": Drop, "relabel": Relabel, "add": Add, "weigh": Weigh, "move": Move}


def kind_of(edit: Edit) -> str:
    """`drop`, `relabel`, `add`, `weigh` or `move`."""
    return type(edit).__name__.lower()


def dump(value: Any) -> str:
    """Plain values and numpy scalars as compact JSON."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not plain")


def label_to_plain(label: Label) -> Any:
    """None, a number, {"classes": [...]} or {"shares": [[class, share], ...]}."""
    if label is None or isinstance(label, int):
        return label
    if isinstance(label, frozenset):
        return {"classes": sorted(label)}
    return {"shares": [list(pair) for pair in label]}


def label_from_plain(value: Any) -> Label:
    """The inverse of `label_to_plain`."""
    if value is None or isinstance(value, int):
        return value
    if "classes" in value:
        return frozenset(value["classes"])
    return tuple((int(index), float(share)) for index, share in value["shares"])


def edit_to_plain(edit: Edit) -> dict[str, Any]:
    """What an edit changes, less its id, reason and evidence, which have columns of their own."""
    if isinstance(edit, Relabel):
        return {"old": label_to_plain(edit.old), "new": label_to_plain(edit.new)}
    if isinstance(edit, Weigh):
        return {"weight": edit.weight}
    if isinstance(edit, Move):
        return {"split": edit.split}
    if isinstance(edit, Add):
        fields = {name: getattr(edit.sample, name) for name in Sample.__dataclass_fields__}
        return {**fields, "label": label_to_plain(edit.sample.label)}
    return {}


def edit_from_plain(kind: str, id: str, payload: dict[str, Any], because: str, evidence: dict[str, Any]) -> Edit:
    """The inverse of `edit_to_plain`."""
    if kind == "drop":
        return Drop(id, because, evidence)
    if kind == "relabel":
        return Relabel(id, label_from_plain(payload["old"]), label_from_plain(payload["new"]), because, evidence)
    if kind == "weigh":
        return Weigh(id, payload["weight"], because, evidence)
    if kind == "move":
        return Move(id, payload["split"], because, evidence)
    fields = {**payload, "label": label_from_plain(payload["label"]), "parents": tuple(payload["parents"])}
    return Add(Sample(**fields), because, evidence)
