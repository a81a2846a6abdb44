"""Folds that are even by class and keep groups together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def stratified_group_folds(labels: Array, groups: Array, folds: int, rng: np.random.Generator) -> Array:
    """Which fold each sample is held out in.

    labels   (n,) int, -1 for none
    groups   (n,) int; samples of one group share a fold
    returns  (n,) int, 0 to folds - 1; classes are spread as evenly as the groups allow

    Groups go, class by class and in a drawn order, to the fold that has the fewest of that class so far.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    order = rng.permutation(len(first))
    order = order[np.argsort(labels[first][order], kind="stable")]
    filled = np.zeros((folds, int(labels.max(initial=0)) + 2), dtype=np.int64)
    total = np.zeros(folds, dtype=np.int64)
    place = np.zeros(len(first), dtype=np.int64)
    for one in order:
        label = labels[first[one]]
        best = int(np.lexsort((total, filled[:, label]))[0])
        place[one] = best
        filled[best, label] += sizes[one]
        total[best] += sizes[one]
    return place[group]
