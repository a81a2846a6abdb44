"""Herding: the chosen of a class have its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.herding import herding
from tilth.select.choice import in_space, reads
from tilth.signal import Array, Signals


@dataclass(frozen=True)
class Herding:
    """Choose, class by class, so that the mean of the chosen is the mean of the class.

    It keeps what is typical: good for very small sets, and blind to the rare way of writing a letter.
    """

    space: str = "embedding"  # signal in which means are taken; "features" where a learner is a step before
    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("embedding",)
    source = "Welling 2009, doi:10.1145/1553374.1553517"
    cost = "O(n d m)"

    def __post_init__(self) -> None:
        reads(self, self.space)

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep. Samples that stay in any case count in the mean."""
        del rng

        def pick(points: Array, fixed: Array, count: int) -> Array:
            return herding(points, count, chosen=np.flatnonzero(fixed))

        return in_space(self, data, signals, budget, pick)
