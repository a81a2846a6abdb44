"""Coverage: some of every degree of difficulty, but for the hardest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError, StepError
from tilth.numerics.strata import stratified
from tilth.select.choice import Choice, choice, per_class, reads
from tilth.signal import Array, Signals


@dataclass(frozen=True)
class Coverage:
    """Leave the hardest out, cut the rest into strata of equal width by difficulty, and choose as many from each.

    Within each class. Where nine tenths must go, hardest first does far worse than random; this does better.
    """

    score: str = "probabilities"  # signal of difficulty: 1 - probability of the label; or any with one value a sample
    discard: float = (
        0.1  # share of a class, its hardest, left out: mostly wrong labels. The paper's at 50 to 80 % pruning
    )
    strata: int = 50  # parts of the range of the score; the paper's
    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("probabilities",)
    source = "Zheng et al. 2023, arXiv:2210.15809"
    cost = "O(n log n)"

    def __post_init__(self) -> None:
        reads(self, self.score)
        if not 0 <= self.discard < 1 or self.strata < 1:
            raise SettingError(
                "select.coverage: discard is a share within 0 and 1, strata at least 1; found "
                f"{self.discard} and {self.strata}"
            )

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep."""
        made = choice(data, signals, budget, budgets=self.budgets, raw=self.raw)
        hard = self._hardness(made, signals)

        def pick(rows: Array, fixed: Array, count: int) -> Array:
            free = np.flatnonzero(~fixed)
            out = round(self.discard * len(free))
            return free[stratified(hard[rows[free]], count, rng, strata=self.strata, discard=out)]

        return made.kept(per_class(made, pick))

    def _hardness(self, made: Choice, signals: Signals) -> Array:
        """(n,) higher = harder."""
        signal = signals[self.score]
        values = np.asarray(signal.rows(made.train.ids), np.float64)
        if self.score == "probabilities":
            targets = made.train.targets
            return 1 - (values * targets).sum(axis=1) / np.maximum(targets.sum(axis=1), 1e-12)
        if values.ndim != 1:
            raise StepError(
                f"select.coverage needs one value a sample, and {self.score!r} has {values.shape[1]}.\n"
                '  Take score = "probabilities", or a valuator with one column.'
            )
        return -values if signal.better == "higher" else values
