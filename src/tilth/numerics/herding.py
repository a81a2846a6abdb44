"""Herding: a few points whose mean is the mean of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def herding(points: Array, count: int, *, chosen: Sequence[int] | Array = ()) -> Array:
    """Again and again the point that brings the mean of the chosen nearest to the mean of all.

    points   (n, d) float, compared by Euclidean distance
    count    how many to choose
    chosen   rows that are chosen before and not given again: they count in the mean
    returns  (m,) int64 rows in order; the first so many of a longer choice are the shorter one

    Source   Welling 2009, doi:10.1145/1553374.1553517, without replacement and for points of any length as in Rebuffi et
             al. 2017, arXiv:1611.07725, algorithm 4
    Cost     O(n d m); ties go to the smaller row
    """
    points = np.asarray(points, np.float64)
    taken = np.zeros(len(points), bool)
    taken[np.asarray(chosen, np.int64)] = True
    before = len(chosen)
    if not len(points):
        return np.zeros(0, np.int64)
    points = points - points.mean(axis=0)  # the mean of all is then 0
    lengths = np.einsum("nd,nd->n", points, points)
    total = points[taken].sum(axis=0)
    rows: list[int] = []
    for _ in range(min(count, int((~taken).sum()))):
        # |total + x|^2 over (m + 1)^2, of which |total|^2 and m are the same for all
        away = np.where(taken, np.inf, lengths + 2 * (points @ total))
        row = int(away.argmin())
        taken[row] = True
        total = total + points[row]
        rows.append(row)
    assert taken.sum() == before + len(rows)
    return np.array(rows, np.int64)
