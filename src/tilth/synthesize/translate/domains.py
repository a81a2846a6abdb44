"""Domains: between which pictures a translator goes, asked for in a few words.

`split:label_book`, `class:lynx`, `ground<.5` (a column of the signal attributes), or several of them joined by `&`. Where no
split is named, train is meant.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset, target_split
from tilth.errors import SettingError, StepError, did_you_mean
from tilth.numerics import attributes
from tilth.sample import TRAIN
from tilth.signal import Array, Signals
from tilth.steps import Run

_NAME = "synthesize.translation"
_LEAST = 8  # pictures of a domain: below, a critic knows each of them by heart within a few steps
_CUT = re.compile(r"(?P<column>[a-z_]+)\s*(?P<sign><=|>=|<|>)\s*(?P<value>[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)")
_SIGNS: Mapping[str, Callable[[Array, float], Array]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FORMS = "write split:NAME, class:NAME or COLUMN<VALUE (of the attributes), joined by &"


@dataclass(frozen=True)
class Asked:
    """What a domain is asked for by.

    splits, classes  names; none: train, and every class
    cuts             (column, sign, value)
    """

    words: str
    splits: tuple[str, ...]
    classes: tuple[str, ...]
    cuts: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Pair:
    """Two domains without a sample in common: raw samples of weight.

    turned  the class that what is made belongs to; None: that of its parent
    """

    origin: Dataset
    target: Dataset
    turned: int | None
    said: tuple[str, str]


def asked(words: str) -> Asked:
    """The words of a setting, understood. SettingError where they are none."""
    splits, classes, cuts = [], [], []
    for term in (part.strip() for part in words.split("&")):
        kind, colon, name = term.partition(":")
        if colon and kind in ("split", "class") and name:
            (splits if kind == "split" else classes).append(name)
        elif found := _CUT.fullmatch(term):
            column = found["column"]
            if column not in attributes.NAMES:
                hint = did_you_mean(column, attributes.NAMES)
                raise SettingError(f"{_NAME}: no attribute {column!r} (in {words!r}){hint}")
            cuts.append((column, found["sign"], float(found["value"])))
        else:
            raise SettingError(f"{_NAME}: {term!r} (in {words!r}) names no domain; {_FORMS}")
    return Asked(words, tuple(splits), tuple(classes), tuple(cuts))


def pair_of(data: Dataset, signals: Signals, run: Run, origin: str, target: str) -> Pair:
    """The two domains of the data. Without a target it is the split that stands for what the model will meet.

    What lies in both belongs to the target. StepError, saying what was asked and found, where a domain has fewer than 8
    pictures, or where there is no target.
    """
    words = target or _usual(data)
    there = _chosen(data, asked(words), signals, run, words)
    here = _chosen(data, asked(origin), signals, run, origin) & ~there
    pair = Pair(data.where(here), data.where(there), _turned(data, asked(words)), (origin, words))
    for name, said, found in (("origin", origin, pair.origin), ("target", words, pair.target)):
        if len(found) < _LEAST:
            raise StepError(
                f"{_NAME} needs {_LEAST} pictures of its {name}, {said!r}, and found {len(found)} that are not made by a "
                f"step{' and do not belong to the target' if name == 'origin' else ''}.\n  There are {_held(data)}."
            )
    if outside := sorted(set(pair.origin.splits.tolist()) - {TRAIN}):
        raise StepError(
            f"{_NAME} makes train pictures of train pictures; the origin {origin!r} has some of {', '.join(outside)}.\n"
            "  What is made of a picture stays in its split: take split:train as the origin."
        )
    return pair


def _usual(data: Dataset) -> str:
    split = target_split(data)
    if split is None:
        raise StepError(
            f"{_NAME} has no target: none was named, and these data have no split that stands for one.\n"
            f"  There are {_held(data)}. Name one: target = 'split:NAME', 'class:NAME' or 'ground<.5'."
        )
    return f"split:{split}"


def _chosen(data: Dataset, one: Asked, signals: Signals, run: Run, words: str) -> Array:
    """(n,) bool"""
    for split in one.splits:
        if split not in data.splits:
            known = sorted(set(data.splits.tolist()))
            raise StepError(
                f"{_NAME}: no split {split!r} ({words!r}){did_you_mean(split, known)}.\n  There are {_held(data)}."
            )
    for name in one.classes:
        if name not in data.schema.classes:
            hint = did_you_mean(name, data.schema.classes)
            raise StepError(
                f"{_NAME}: no class {name!r} ({words!r}){hint}.\n  There are {_listed(data.schema.classes)}."
            )
    labels = [data.schema.classes.index(name) for name in one.classes]
    weights = data.table.column("weight").to_numpy()
    found = ~data.made & (weights > 0) & np.isin(data.splits, one.splits or (TRAIN,))
    if labels:
        found &= np.isin(data.labels, labels)
    if one.cuts and found.any():
        rows = _attributes(data.where(found), signals, run)
        found[found] = np.logical_and.reduce(
            [_SIGNS[sign](rows[:, attributes.NAMES.index(column)], value) for column, sign, value in one.cuts]
        )
    return found


def _attributes(data: Dataset, signals: Signals, run: Run) -> Array:
    """(n, 23); NaN, which no cut takes, where a picture has no such attribute."""
    held: Any = signals["attributes"].rows(data.ids) if "attributes" in signals else None
    return attributes.known(held if held is not None else run.describe("embed.attributes", data))


def _turned(data: Dataset, target: Asked) -> int | None:
    return data.schema.classes.index(target.classes[0]) if len(target.classes) == 1 else None


def _held(data: Dataset) -> str:
    """`train (120), valid (20), label_book (52)`"""
    names, counts = np.unique(data.splits, return_counts=True)
    return ", ".join(f"{name} ({count})" for name, count in zip(names.tolist(), counts.tolist(), strict=True)) or "none"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
