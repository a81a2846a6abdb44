"""Moderate: neither the typical nor the odd, but what lies between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.strata import middle
from tilth.select.choice import in_space, reads
from tilth.signal import Array, Signals


@dataclass(frozen=True)
class Moderate:
    """Choose, class by class, those whose distance to the centre of the class is nearest to the median distance.

    Far ones may carry wrong labels, near ones repeat each other. The centre is the median of each feature.
    """

    space: str = "embedding"  # signal in which distances are taken; "features" where a learner is a step before
    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("embedding",)
    source = "Xia et al. 2023, Moderate coreset (ICLR)"
    cost = "O(n d)"

    def __post_init__(self) -> None:
        reads(self, self.space)

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep."""
        del rng

        def pick(points: Array, fixed: Array, count: int) -> Array:
            free = np.flatnonzero(~fixed)
            away = np.linalg.norm(points - np.median(points, axis=0), axis=1)
            return free[middle(away[free], count)]

        return in_space(self, data, signals, budget, pick)
