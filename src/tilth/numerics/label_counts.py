"""How much the labels of a component differ: counts of labels, and statistics of their spread."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Statistic = Literal["disagreement", "variance", "geometric_variance", "cubic_variance", "std"]

STATISTICS: tuple[Statistic, ...] = ("disagreement", "std", "variance", "geometric_variance", "cubic_variance")


def label_counts(group: Array, targets: Array) -> tuple[Array, Array, Array]:
    """How many samples of each group carry each label, where any does.

    group    (n,) int from 0
    targets  (n, k) bool, whether the sample carries the label
    returns  (r,) groups ascending, (r,) labels, (r,) counts from 1
    """
    rows, labels = np.nonzero(targets)
    k = max(targets.shape[1], 1)
    keys, counts = np.unique(group[rows].astype(np.int64) * k + labels, return_counts=True)
    return keys // k, keys % k, counts


def spread(group: Array, counts: Array, sizes: Array) -> dict[Statistic, Array]:
    """Statistics of the label counts of each group.

    With c_1..c_L the counts of the L labels that any of the m samples of a group carries:

    std                 sqrt(variance)
    variance            mean of (c - mean c)^2
    geometric_variance  exp of the variance of ln c; 1 where all are alike
    cubic_variance      mean of |c - mean c|^3
    disagreement        mean of 4 p (1 - p), p = c / m: 0 where each label is on all samples, 1 where each is on half

    The first four compare labels with each other, and see nothing where all are equally rare: {a: 1, b: 1} of two
    samples that contradict each other counts as even. Disagreement compares each label with the size of the group.

    group, counts  (r,) as `label_counts` returns them
    sizes          (g,) int, samples of each group that have a label, also an empty one
    returns        (g,) float64 by name; of a group without labels 0 (geometric_variance: 1)

    Source         Lan 2023, Cleaning with components: the first four by name, there without formulas
    """
    g = len(sizes)
    labels = np.maximum(np.bincount(group, minlength=g), 1)

    def mean(values: Array) -> Array:
        return np.bincount(group, values, minlength=g) / labels

    counts = counts.astype(np.float64)
    apart = counts - mean(counts)[group]
    logs = np.log(counts)
    share = counts / np.maximum(sizes, 1)[group]
    variance = mean(apart**2)
    return {
        "disagreement": mean(4 * share * (1 - share)),
        "std": np.sqrt(variance),
        "variance": variance,
        "geometric_variance": np.exp(mean((logs - mean(logs)[group]) ** 2)),
        "cubic_variance": mean(np.abs(apart) ** 3),
    }
