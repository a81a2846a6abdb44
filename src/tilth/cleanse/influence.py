"""The rule of paper 1: what hurts a judge about as much as anything does is proposed for removal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.cleanse.floors import within_floors
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.errors import SettingError, StepError
from tilth.finding import Finding
from tilth.signal import Array, Signal, Signals


@dataclass(frozen=True)
class Influence:
    """Drop what a clean sample, a judge, is hurt by most.

    For each judge the smallest value and the standard deviation over all train samples are taken; a sample whose value
    for it lies under smallest + criterion x deviation is dropped, if it is negative. Needs a matrix of values, a column
    for each judge.
    """

    source = "Lee et al. 2021, Augment & Valuate, section 3.2"
    cost = "O(n m)"

    by: str = "hydra"
    """The signal of a valuator with a column for each judge: `hydra`, `tracin`, `influence`, ..."""

    criterion: float = 1.0
    """Standard deviations above the smallest value. The paper's 1; more drops more and fits the dataset to the few
    judges."""

    judges: int = 1
    """How many judges a sample must hurt so. The paper's 1."""

    most_share: float = 0.05
    """Most of the train samples (0..1) that may be dropped, the most harmful first: a few judges cannot tell more."""

    least: int = 1
    """Fewest samples that a class keeps."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drops, the most harmful first."""
        del findings
        if self.criterion < 0 or not 0 <= self.most_share <= 1 or self.judges < 1:
            raise SettingError(
                "cleanse.influence: criterion is at least 0, most_share in 0..1, judges at least 1; found "
                f"{self.criterion}, {self.most_share}, {self.judges}"
            )
        signal = signals[self.by]
        if signal.values.ndim != 2:
            raise StepError(
                f"cleanse.influence needs a column for each judge, and {self.by!r} has one value a sample.\n"
                '  Value with a matrix, say use = "value.hydra" with mode = "matrix".'
            )
        here = np.isin(signal.ids, data.train.ids)
        hurt = under(signal.values, self.criterion) & here[:, None]
        chosen = np.flatnonzero(hurt.sum(1) >= self.judges)
        harm = signal.values.mean(1)
        # The most judges first, then the worst on average; ids settle ties.
        order = chosen[np.lexsort((signal.ids[chosen], harm[chosen], -hurt[chosen].sum(1)))]
        most = int(self.most_share * int(here.sum()))
        drops = [self._drop(data, signal, hurt, int(row)) for row in order[:most]]
        return within_floors(data, drops, least=self.least)

    def _drop(self, data: Dataset, signal: Signal, hurt: Array, row: int) -> Drop:
        names = [str(one) for one in signal.meta.get("judges", range(signal.values.shape[1]))]
        columns = np.flatnonzero(hurt[row])
        columns = columns[np.argsort(signal.values[row, columns])]
        worst = [(names[column], float(signal.values[row, column])) for column in columns.tolist()]
        told = ", ".join(f"{_told(data, name)} by {-value:.2g}" for name, value in worst[:3])
        more = f" and {len(worst) - 3} more" if len(worst) > 3 else ""
        unit = f" {signal.unit}" if signal.unit else ""
        because = (
            f"it hurts {told}{unit}{more}: for each, among the most harmful of {len(signal):,} samples "
            f"(under the smallest value + {self.criterion:g} standard deviations)"
        )
        evidence = {
            "valuator": self.by,
            "value": round(float(signal.values[row].mean()), 6),
            "judges": [[name, round(value, 6)] for name, value in worst[:10]],
            "hurt": len(worst),
        }
        return Drop(str(signal.ids[row]), because, evidence)


def under(values: Array, criterion: float) -> Array:
    """(n, m) bool: which values lie under the smallest of their column + criterion x its standard deviation, and are
    negative: what helps a judge is not dropped for its sake."""
    threshold = values.min(0) + criterion * values.std(0)
    # The smallest itself always counts, also where the deviation is 0.
    return (values <= np.minimum(threshold, 0)) & (values < 0)


def _told(data: Dataset, name: str) -> str:
    """The path of a judge, or its id where it is not in the data."""
    return data[name].path if name in data else name
