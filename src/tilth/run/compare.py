"""Two versions side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset, label_text
from tilth.sample import Sample


@dataclass(frozen=True)
class Difference:
    """One sample that two versions do not have alike. kind: `dropped`, `added`, `relabelled`, `moved` or `weighed`."""

    id: str
    kind: str
    path: str
    old: str
    new: str
    because: str = ""


def differences(old: Dataset, new: Dataset) -> Iterator[Difference]:
    """What changed from one version to the other: the dropped, the added, then the changed."""
    for sample in old.where(~np.isin(old.ids, new.ids)):
        yield Difference(sample.id, "dropped", sample.path, label_text(old.schema, sample.label), "")
    for sample in new.where(~np.isin(new.ids, old.ids)):
        yield Difference(sample.id, "added", sample.path, "", label_text(new.schema, sample.label))
    shared_old, shared_new = old.where(np.isin(old.ids, new.ids)), new.where(np.isin(new.ids, old.ids))
    for name in ("classes", "shares", "split", "weight"):
        if not shared_old.table.column(name).equals(shared_new.table.column(name)):
            break
    else:
        return
    for before, after in zip(shared_old, shared_new, strict=True):
        yield from _changed(before, after, old, new)


def _changed(before: Sample, after: Sample, old: Dataset, new: Dataset) -> Iterator[Difference]:
    if before.label != after.label:
        was, now = label_text(old.schema, before.label), label_text(new.schema, after.label)
        yield Difference(before.id, "relabelled", before.path, was, now)
    if before.split != after.split:
        yield Difference(before.id, "moved", before.path, before.split, after.split)
    if before.weight != after.weight:
        yield Difference(before.id, "weighed", before.path, f"{before.weight:g}", f"{after.weight:g}")
