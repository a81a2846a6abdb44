"""KCenter: no sample of the pool lies far from a chosen one of its class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.coverage import k_center
from tilth.select.choice import in_space, reads
from tilth.signal import Array, Signals


@dataclass(frozen=True)
class KCenter:
    """Choose, class by class, again and again the sample farthest from all that are chosen.

    It keeps the corners, and what is odd first of all: run it after cleansing.
    """

    space: str = "embedding"  # signal in which distances are taken; "features" where a learner is a step before
    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("embedding",)
    source = "Sener and Savarese 2018, arXiv:1708.00489; Gonzalez 1985"
    cost = "O(n d m)"

    def __post_init__(self) -> None:
        reads(self, self.space)

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep. Samples that stay in any case are centres from the start."""
        del rng

        def pick(points: Array, fixed: Array, count: int) -> Array:
            return k_center(points, count, chosen=np.flatnonzero(fixed))[0]

        return in_space(self, data, signals, budget, pick)
