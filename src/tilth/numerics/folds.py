"""Folds: parts of a dataset, whole groups of what belongs together, and about as much of each class in every part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def linked(n: int, a: Array, b: Array) -> Array:
    """(n,) int from 0: rows that are joined by pairs (a, b), or by chains of pairs, have one number."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = coo_matrix((np.ones(len(a), bool), (a, b)), shape=(n, n))
    return connected_components(pairs, directed=False)[1].astype(np.int64)


def families(ids: Sequence[str], contents: Sequence[str], parents: Sequence[Sequence[str]]) -> Array:
    """(n,) int: rows of one number are copies of each other, or made from each other or from the same parents.

    contents  (n,) digest of each, the same for copies
    parents   (n,) ids that each was made from, whether they are rows or not
    """
    root = roots(ids, contents, parents)
    _, groups = np.unique([root(id) for id in ids], return_inverse=True)
    return groups.reshape(-1).astype(np.int64)


def roots(ids: Sequence[str], contents: Sequence[str], parents: Sequence[Sequence[str]]) -> Callable[[str], str]:
    """From a row, or a parent that is none, to the one that stands for its family."""
    links: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := links.get(name, name)) != name:
            links[name] = links.get(above, above)
            name = above
        return name

    for id, content, above in zip(ids, contents, parents, strict=True):
        for other in (f"content {content}", *above):
            links[root(other)] = root(id)
    return root


def fold_of(groups: Array, targets: Array, *, folds: int, seed: int) -> Array:
    """(n,) int: the fold of each row; whole groups, and about as much of each class in every fold.

    Large groups go first, then in random order; each to the fold that has least of its classes, then fewest samples.
    A class of fewer groups than folds is in as many folds as it has groups.

    groups   (n,) int from 0
    targets  (n, k + 1), the last column ones
    """
    if not len(groups):
        return np.zeros(0, np.int64)
    content = np.zeros((int(groups.max()) + 1, targets.shape[1]))
    np.add.at(content, groups, targets)
    folds = min(folds, len(content))
    dice = np.random.default_rng([seed, 5])
    order = np.lexsort((dice.random(len(content)), -content[:, -1]))
    filled, chosen = np.zeros((folds, targets.shape[1])), np.zeros(len(content), np.int64)
    # Not every class begins with fold 0, or that would be full of the first samples of rare classes.
    ties = dice.permuted(np.tile(np.arange(folds), (targets.shape[1], 1)), axis=1)
    for group in order:
        classes = content[group, :-1]
        tie = ties[int(classes.argmax())]
        chosen[group] = np.lexsort((tie, filled[:, -1], filled[:, :-1] @ classes))[0]
        filled[chosen[group]] += content[group]
    return chosen[groups]
