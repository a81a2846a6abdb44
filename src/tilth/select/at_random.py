"""Random: the baseline that every other selector must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.select.choice import at_random, choice, reads
from tilth.signal import Signals


@dataclass(frozen=True)
class Random:
    """Choose at random within class budgets. At a tenth of a pool most clever ways do worse (Zheng et al. 2023)."""

    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    source = "Tilth"
    cost = "O(n)"

    def __post_init__(self) -> None:
        reads(self)

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep."""
        made = choice(data, signals, budget, budgets=self.budgets, raw=self.raw)
        return made.kept(at_random(made, rng))
