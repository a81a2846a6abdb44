"""Groups of samples: of equal ones, of near ones without chains, of a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def equal_rows(values: Array) -> list[Array]:
    """The rows that are equal, as groups of two or more, each ascending; groups in the order of their first rows.

    values  (n, d) of any plain type
    """
    if not len(values):
        return []
    _, inverse = np.unique(values, axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    cuts = np.flatnonzero(np.diff(inverse.ravel()[order])) + 1
    return sorted((part for part in np.split(order, cuts) if len(part) > 1), key=lambda part: int(part[0]))


def complete_linkage(
    a: Array, b: Array, distances: Array, *, together: Callable[[Array, Array], Array]
) -> list[list[int]]:
    """Groups in which every member is near every other one.

    Pairs are taken from near to far; two groups are joined only if all pairs across them are near. A slow change
    through many frames gives several short groups, where connected components would give one chain.

    a, b       (p,) int, rows of the near pairs
    distances  (p,) float, what they are sorted by; ties by row
    together   (rows, rows) -> bool, whether these pairs are near: asked for pairs that are not among the given ones
    returns    groups of two or more rows, each ascending, in the order of their first rows
    """
    member: dict[int, list[int]] = {}
    for at in np.lexsort((b, a, distances)):
        left = member.setdefault(int(a[at]), [int(a[at])])
        right = member.setdefault(int(b[at]), [int(b[at])])
        if left is right:
            continue
        if len(left) * len(right) > 1 and not together(np.repeat(left, len(right)), np.tile(right, len(left))).all():
            continue
        left.extend(right)
        for row in right:
            member[row] = left
    groups = {id(group): sorted(group) for group in member.values() if len(group) > 1}
    return sorted(groups.values(), key=lambda group: group[0])


def by_class(targets: Array, *, several: bool) -> Array:
    """(n,) int, within which labelled samples are compared: their class; one group for all where they have several.

    targets  (n, k)
    several  whether a sample may have several classes
    """
    return np.zeros(len(targets), np.int64) if several else targets.argmax(axis=1)
