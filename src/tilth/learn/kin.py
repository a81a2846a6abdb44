"""Kin: which samples are copies of each other or made from each other, and whom a network must not have seen.

Kin go into one fold together. A mixture has two parents, and to put all that it ties together into one fold would soon be
to put everything there: it goes with its first parent, and trains no network that judges another one of its parents.
"""

from __future__ import annotations

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.folds import families, roots
from tilth.signal import Array


def groups_of(data: Dataset) -> Array:
    """(n,) int: rows of one number are copies of each other, or made from each other or from the same first parent."""
    return families(*_ties(data))


def taught_of(data: Dataset, parts: Array) -> Array:
    """(n, folds) bool, of which folds a sample tells something: its own, and those of all that it was made from.

    parts  (n,) int, the fold of each row, whole groups together
    """
    taught = np.zeros((len(data), int(parts.max(initial=0)) + 1), bool)
    taught[np.arange(len(data)), parts] = True
    parents = data.table.column("parents").to_pylist()
    if all(len(of) < 2 for of in parents):  # whole groups are in one fold
        return taught
    root, row = roots(*_ties(data)), {id: at for at, id in enumerate(data.ids.tolist())}
    # A parent that was dropped stands where what else was made from it stands.
    fold = {root(id): int(part) for id, part in zip(row, parts, strict=True)}
    for at, of in enumerate(parents):
        taught[at, [fold[root(name)] for name in of if root(name) in fold]] = True
    ties = np.array([(row[name], at) for at, of in enumerate(parents) for name in of if name in row], np.int64)
    told = -1
    while len(ties) and told != (told := int(taught.sum())):  # down the generations
        np.logical_or.at(taught, ties[:, 1], taught[ties[:, 0]])
    return taught


def _ties(data: Dataset) -> tuple[list[str], list[str], list[list[str]]]:
    """Ids, contents, and of the parents the first: what makes samples one group."""
    ids, contents, parents = (data.table.column(name).to_pylist() for name in ("id", "content", "parents"))
    return ids, contents, [of[:1] for of in parents]
