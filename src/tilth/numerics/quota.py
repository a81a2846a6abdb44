"""Quotas: how many samples each class gets, so that classes even out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def water_fill(sizes: Array, room: int, *, caps: Array | None = None) -> Array:
    """How many to add to each class, the smallest first, as water fills a vessel with an uneven floor.

    The smallest class ends as large as `room` and `caps` allow; once all are level, the rest is spread evenly. One more
    of `room` never takes from a class.

    sizes    (k,) int, samples in each class
    room     samples to add in total; less where the caps leave no place
    caps     (k,) int, most to add to each class; None: no limit
    returns  (k,) int
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    limits = np.full(len(sizes), max(room, 0), dtype=np.int64) if caps is None else np.asarray(caps, dtype=np.int64)
    if room <= 0 or not limits.sum():
        return np.zeros(len(sizes), dtype=np.int64)

    def added(level: int) -> Array:
        return np.clip(level - sizes, 0, limits)

    low, high = int(sizes.min()), int((sizes + limits).max())  # added(low) is nothing, added(high) is all the caps
    if added(high).sum() <= room:
        return added(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if added(middle).sum() <= room else (low, middle)
    quotas = added(low)
    # The last, partial layer of water: one each, in order of the classes.
    open_classes = np.flatnonzero(added(low + 1) > quotas)
    quotas[open_classes[: room - int(quotas.sum())]] += 1
    return quotas


def even_turns(
    rank: Array, quotas: Array, members: list[Array], *, weights: Array | None = None, most: int = 1
) -> Array:
    """Which members to use, so that each class meets its quota and within a class all are used equally.

    rank     (n,) a number for each sample: those with a lower one come first (a seeded permutation)
    quotas   (k,) int
    members  for each class the rows of its members
    weights  (n,) from 0 up: within a class turns go in proportion to them, each member at most `most` times
    returns  (sum of quotas of classes that have members,) int rows, class by class, in turns
    """
    if weights is not None:
        given = [
            np.repeat(rows, proportional(weights[rows], quota, rank=rank[rows], most=most))
            for rows, quota in zip(members, quotas.tolist(), strict=True)
        ]
        return np.concatenate(given) if given else np.zeros(0, dtype=np.int64)
    turns = [
        np.resize(rows[np.argsort(rank[rows], kind="stable")], quota)
        for rows, quota in zip(members, quotas.tolist(), strict=True)
        if len(rows) and quota
    ]
    return np.concatenate(turns) if turns else np.zeros(0, dtype=np.int64)


def proportional(weights: Array, total: int, *, rank: Array, most: int) -> Array:
    """How many of `total` each gets, as its weight says and at most `most`.

    weights  (n,) from 0 up; with weight 0 one gets none, while the others have room
    rank     (n,) who comes first where one is left over
    returns  (n,) int that add up to total, or to n `most` where that is less

    Source   Webster's rule: each next one goes where (given + 1/2) / weight is least
    """
    total = min(total, len(weights) * most)
    weights = np.maximum(np.asarray(weights, dtype=np.float64), 1e-12)
    if total <= 0:
        return np.zeros(len(weights), dtype=np.int64)

    def given(rate: float) -> Array:
        return np.minimum(np.floor(rate * weights + 0.5), most).astype(np.int64)

    low, high = 0.0, (most + 1) / float(weights.min())
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if given(middle).sum() <= total else (low, middle)
    counts = given(low)
    asking = np.where(counts < most, (counts + 0.5) / weights, np.inf)
    first = np.lexsort((rank, np.round(asking * low if low else asking, 9)))  # equal claims, but for rounding
    counts[first[: total - int(counts.sum())]] += 1
    return counts


def multi_label_turns(
    rank: Array,
    targets: Array,
    sizes: Array,
    room: int,
    *,
    most: Array,
    level: float,
    weights: Array | None = None,
) -> Array:
    """Which samples to use where each one counts in several classes: always one of the smallest class.

    rank     (n,) as in `even_turns`
    targets  (n, k) bool, classes of the samples that may be used
    sizes    (k,) samples in each class at the start
    room     samples to add at most
    most     (n,) int, how often each sample may be used
    level    a class of this size or more asks for nothing (infinity: only the room counts)
    weights  (n,) from 0 up: one of weight 2 is used twice where another is used once
    returns  (at most room,) int rows in the order of use

    Each turn takes, in the smallest class that still has a sample, the one used least; ties go to the one with the
    fewest other classes, for it lifts the large classes least. Cost O(room x members of a class).
    """
    uses = np.zeros(len(targets), dtype=np.int64)
    counts = np.asarray(sizes, dtype=np.float64).copy()
    width = targets.sum(axis=1)
    members = [rows[np.lexsort((rank[rows], width[rows]))] for rows in map(np.flatnonzero, targets.T)]
    shares = np.ones(len(targets)) if weights is None else np.maximum(weights, 1e-12)
    turns: list[int] = []
    while len(turns) < room:
        at = _next_in_smallest(counts, members, uses, most, level, shares)
        if at is None:
            break
        uses[at] += 1
        counts += targets[at]
        turns.append(at)
    return np.array(turns, dtype=np.int64)


def _next_in_smallest(
    counts: Array, members: list[Array], uses: Array, most: Array, level: float, shares: Array
) -> int | None:
    for index in np.argsort(counts, kind="stable").tolist():
        if counts[index] >= level:
            return None
        rows = members[index]
        rows = rows[uses[rows] < most[rows]]
        if len(rows):
            return int(rows[np.argmin((uses[rows] + 0.5) / shares[rows])])
    return None
