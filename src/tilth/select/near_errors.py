"""NearErrors: more of what the model gets wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.numerics.diversity import in_turns
from tilth.numerics.metrics import any_of, one_of
from tilth.numerics.neighbors import nearest
from tilth.select.choice import choice, foretold, per_class, points_of, reads
from tilth.signal import Array, Signals


@dataclass(frozen=True)
class NearErrors:
    """Choose from the pool the nearest neighbours of what the model got wrong in cross-validation, of the same class; the
    rest at random.

    The errors of a class take turns, each choosing its nearest sample that is still there. Run it after cleansing: a wrong
    label is an error too, and would draw its like.
    """

    share: float = 0.5  # of what is chosen, near errors; the rest keeps the class as a whole in sight
    space: str = "embedding"  # signal in which distances are taken; "features" where a learner is a step before
    budgets: str = "difficulty"  # more of the classes with a low F1 (reads `probabilities`); or "equal", or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("embedding", "probabilities")
    source = "Cavusoglu et al. 2021, arXiv:2111.03743, section 3.5, by rule in place of by eye"
    cost = "O(errors x pool x d)"

    def __post_init__(self) -> None:
        reads(self, self.space, foretelling=True)
        if not 0 <= self.share <= 1:
            raise SettingError(f"select.near_errors: share lies within 0 and 1, found {self.share}")

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep."""
        made = choice(data, signals, budget, budgets=self.budgets, raw=self.raw)
        points = points_of(made, signals, self.space)
        wrong = errors(made.train, signals)

        def pick(rows: Array, fixed: Array, count: int) -> Array:
            free = np.flatnonzero(~fixed)
            asking = np.flatnonzero(wrong[rows, made.group[rows]])
            wanted = round(self.share * count)
            _, found = nearest(points[rows[asking]], points[rows[free]], wanted)
            near = free[in_turns(list(found), wanted)]
            rest = np.setdiff1d(free, near)
            return np.concatenate([near, rng.choice(rest, count - len(near), replace=False)])

        return made.kept(per_class(made, pick))


def errors(train: Dataset, signals: Signals) -> Array:
    """(n, k) bool, which classes of each sample the cross-fitted model, which had not seen it, did not find."""
    rows, said = foretold(train, signals)
    multi = train.schema.task == "multi-label"
    wrong = np.zeros(train.targets.shape, bool)
    truths, guesses = (any_of(side) if multi else one_of(side) for side in (train.targets[rows], said))
    wrong[rows] = truths & ~guesses
    return wrong
