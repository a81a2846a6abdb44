"""Who is valued, and by whom: the two sides of every valuation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.sample import TRAIN
from tilth.signal import Array, Signal


@dataclass(frozen=True)
class Sides:
    """Labelled train samples of positive weight, and the labelled samples that they help or harm.

    valued   n rows
    judges   m rows of the split `against`; `valued` itself where that is train
    """

    valued: Dataset
    judges: Dataset
    against: str

    @property
    def itself(self) -> bool:
        """Whether the train samples judge each other: then none may judge itself."""
        return self.against == TRAIN


def sides(data: Dataset, against: str, step: str, *, judged: bool = True) -> Sides:
    """The sides of a valuation.

    against  split whose samples judge; clean ones, or the values repeat its faults
    judged   whether the step needs judges at all

    Raises StepError, saying what there is, where one side is empty.
    """
    labelled = labelled_rows(data)
    splits = data.splits
    valued = data.where(labelled & (splits == TRAIN))
    if not len(valued):
        raise StepError(f"{step} was asked for the worth of train samples, and none has a label and a weight above 0")
    judges = data.where(labelled & (splits == against))
    if judged and not len(judges):
        there = ", ".join(f"{name} ({int((splits == name).sum()):,})" for name in np.unique(splits).tolist())
        raise StepError(
            f"{step} was asked to value against the split {against!r}, and it has no labelled samples (there is: {there}).\n"
            "  Name a small clean split when the source is opened:  --valid NAME-OR-PATH\n"
            '  Or let the train samples judge each other, faults and all:  against = "train"'
        )
    return Sides(valued, judges, against)


def labelled_rows(data: Dataset) -> Array:
    """(n,) bool: samples with a label that says something, and a weight above 0."""
    weights = data.table.column("weight").to_numpy(zero_copy_only=False)
    labelled = ~np.asarray(data.table.column("classes").is_null(), dtype=bool) & (weights > 0)
    return labelled & (data.targets.sum(1) > 0) if data.schema.task == "single-label" else labelled


def value_signal(kind: str, pair: Sides, values: Array, *, unit: str, meta: Mapping[str, Any] | None = None) -> Signal:
    """The signal of a valuator: a row per valued sample, higher = more helpful.

    kind    name of the step without `value.`
    values  (n,), or (n, m) with a column per judge, whose ids `meta["judges"]` holds
    unit    what a value of 1 means: `nats`, `share`, ...
    """
    facts = {"valuator": f"value.{kind}", "against": pair.against, **(meta or {})}
    if values.ndim == 2:
        facts["judges"] = pair.judges.ids.tolist()
    return Signal(kind, pair.valued.ids, values.astype(np.float32), unit, "higher", facts)


def mean_value(signal: Signal) -> Array:
    """(n,) the value of each sample: the mean over judges where there is a column per judge."""
    return signal.values if signal.values.ndim == 1 else signal.values.mean(1)
