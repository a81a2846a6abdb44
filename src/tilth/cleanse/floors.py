"""Floors and caps: no cleansing empties a class, nor changes more of it than it may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Drop, Edit, Relabel
from tilth.sample import Label
from tilth.signal import Array


def within_floors(data: Dataset, edits: Iterable[Edit], *, least: int = 1) -> list[Edit]:
    """These edits in order, without those that would leave a class of a split with fewer than `least` samples.

    A class that has fewer to begin with loses none.
    """
    left = {split: data.counts(str(split)) for split in set(map(str, data.splits))}
    names, kept = data.schema.classes, list[Edit]()
    for edit in edits:
        if not isinstance(edit, (Drop, Relabel)):
            kept.append(edit)
            continue
        sample = data[edit.id]
        change = Counter({index: -1 for index in classes_of(sample.label)})
        if isinstance(edit, Relabel):
            change.update(classes_of(edit.new))
        counts = left[sample.split]
        if any(moved < 0 and counts[names[index]] + moved < least for index, moved in change.items()):
            continue
        for index, moved in change.items():
            counts[names[index]] += moved
        kept.append(edit)
    return kept


def within_caps(data: Dataset, edits: Iterable[Edit], *, most: Array) -> list[Edit]:
    """These edits in order, without those that would take more samples from a class than may be taken from it.

    most  (k,) of each class; one that a relabel leaves on its sample loses nothing
    """
    left, kept = np.array(most, np.float64), list[Edit]()
    for edit in edits:
        stays = classes_of(edit.new) if isinstance(edit, Relabel) else []
        leaves = [index for index in classes_of(data[edit.id].label) if index not in stays]
        if (left[leaves] >= 1).all():
            left[leaves] -= 1
            kept.append(edit)
    return kept


def classes_of(label: Label) -> list[int]:
    """The classes that a label names, ascending; of a soft one those with a share."""
    if label is None:
        return []
    if isinstance(label, frozenset):
        return sorted(label)
    if isinstance(label, tuple):
        return [index for index, _ in label]
    return [int(label)]
