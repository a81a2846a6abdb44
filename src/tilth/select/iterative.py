"""Iterative: what is too alike is replaced from the pool, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.numerics.diversity import iterative, spread_out
from tilth.select.choice import Choice, at_random, choice, points_of, reads
from tilth.signal import Array, Signals

FORMS = ("paper", "pairs")


@dataclass(frozen=True)
class Iterative:
    """Fill the class budgets at random, then replace the most similar samples by draws from the rest of the pool, until
    that brings them no farther apart.

    In the form `paper` the N that lie nearest to any other go at once, and as many of their classes are drawn evenly. In the
    form `pairs` each class is its own: one of each close pair goes, draws lean to what lies far from all that is in, and one
    that lies nearer than what went is refused.
    """

    form: Literal["paper", "pairs"] = "paper"
    similar: int = 10  # samples replaced at a time in the form paper; the paper's N
    patience: int = 10  # rounds without gain in a row after which the form paper ends; the paper does not tell its stop
    share: float = 0.05  # of a class, replaced in a round of the form pairs
    least_gain: float = 0.01  # rise of the mean distance, a share, under which a round of the form pairs is the last
    worth: str = ""  # signal of a valuator for the form pairs: the worse of a pair goes, the better is drawn
    gamma: float = 0.0  # weight of worth beside the distance when drawing, both in standard deviations
    space: str = (
        "embedding"  # signal in which distances are taken; the paper: the fixed model's 256 values (embed.learner)
    )
    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("embedding",)
    source = "Cavusoglu et al. 2021, arXiv:2111.03743, section 3.4"
    cost = "O(n d) for each sample that is replaced"

    def __post_init__(self) -> None:
        reads(self, self.space, *([self.worth] if self.worth else []))
        if self.form not in FORMS:
            raise SettingError(f"select.iterative: form is one of {', '.join(FORMS)}, found {self.form!r}")
        if self.similar < 1 or self.patience < 1 or not 0 < self.share <= 1 or self.least_gain <= 0:
            raise SettingError(
                "select.iterative: similar and patience are at least 1, share lies within 0 and 1, least_gain is above 0; "
                f"found {self.similar}, {self.patience}, {self.share}, {self.least_gain}"
            )

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep. Among those that stay in any case nothing is replaced; they count as neighbours."""
        made = choice(data, signals, budget, budgets=self.budgets, raw=self.raw)
        inside = ~made.free
        inside[at_random(made, rng)] = True
        points = points_of(made, signals, self.space, unit=self.form == "pairs")
        if self.form == "paper":
            inside = iterative(
                points, made.group, inside, made.free, rng, similar=self.similar, patience=self.patience
            ).inside
        else:
            inside = self._by_pairs(made, points, inside, signals, rng)
        return made.kept(np.flatnonzero(inside & made.free))

    def _by_pairs(
        self, made: Choice, points: Array, inside: Array, signals: Signals, rng: np.random.Generator
    ) -> Array:
        worth = signals[self.worth].rows(made.train.ids) if self.worth else None
        if worth is not None and signals[self.worth].better == "lower":
            worth = -worth
        inside = inside.copy()
        for index in np.flatnonzero(made.quotas):
            rows = np.flatnonzero(made.group == index)
            inside[rows] = spread_out(
                points[rows],
                inside[rows],
                made.free[rows],
                rng,
                share=self.share,
                least_gain=self.least_gain,
                values=None if worth is None else worth[rows],
                gamma=self.gamma,
            ).inside
        return inside
