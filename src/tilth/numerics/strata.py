"""Choosing by a score: from every stratum of it, or from its middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def stratified(scores: Array, count: int, rng: np.random.Generator, *, strata: int = 50, discard: int = 0) -> Array:
    """Equally many from each stratum of equal width, at random within it; what a small stratum cannot give passes on to
    the larger ones.

    scores   (n,) float, higher = harder
    count    how many to choose
    strata   how many parts of equal width the range of the scores is cut into
    discard  how many of the hardest are left out first; fewer where `count` would not be met
    returns  (m,) int64 rows, ascending

    Source   Zheng et al. 2023, arXiv:2210.15809, algorithm 1
    Cost     O(n log n)
    """
    scores = np.asarray(scores, np.float64)
    n = len(scores)
    if count >= n:
        return np.arange(n)
    order = np.argsort(-scores, kind="stable")
    left = np.sort(order[min(discard, n - count) :])
    low, high = scores[left].min(initial=np.inf), scores[left].max(initial=-np.inf)
    width = (high - low) / strata
    part = np.minimum(((scores[left] - low) / width).astype(np.int64), strata - 1) if width > 0 else np.zeros(len(left))
    members = [left[part == index] for index in range(strata)]
    chosen: list[Array] = []
    filled = sorted((rows for rows in members if len(rows)), key=len)
    for at, rows in enumerate(
        filled
    ):  # the smallest first: the surplus of the budget is known when the large ones come
        share = (count - sum(map(len, chosen))) // (len(filled) - at)
        chosen.append(rng.choice(rows, min(share, len(rows)), replace=False))
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def middle(values: Array, count: int) -> Array:
    """(m,) int64 rows nearest to the median, the smaller row of equals first.

    Source  Xia et al. 2023, Moderate coreset, equation 3
    """
    values = np.asarray(values, np.float64)
    apart = np.abs(values - np.median(values)) if len(values) else values
    return np.argsort(apart, kind="stable")[: max(count, 0)].astype(np.int64)
