"""EffectiveNumber: small classes weigh more, by how much a further sample of a class still brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset, label_text
from tilth.edit import Edit, Weigh
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.numerics.class_budgets import effective_weights
from tilth.signal import Signals

_SAME = 1e-6  # a weight that moves by less is left alone


@dataclass(frozen=True)
class EffectiveNumber:
    """Weigh train samples by the inverse of their class's effective number, (1 - beta^n) / (1 - beta).

    Only a learner that reads weights is moved by it; a fixed model whose training is a program of its own is not. For that one
    take class budgets, or `augment.oversample`. What weight a sample had is replaced, but for 0, which stays.
    """

    beta: float = 0.999  # of the paper's .9, .99, .999, .9999 the one for classes of some hundreds; 0: all alike

    version = 1
    source = "Cui et al. 2019, arXiv:1901.05555"
    cost = "O(n)"

    def __post_init__(self) -> None:
        if not 0 <= self.beta < 1:
            raise SettingError(f"cleanse.effective_number: beta lies within 0 and 1, found {self.beta}")

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Weigh, with a mean of 1. With several labels, or a soft one, a sample has the mean weight of its classes."""
        del findings, signals
        train = data.train
        targets = train.targets.astype(np.float64)
        now = train.table.column("weight").to_numpy()
        counted = (targets.sum(axis=1) > 0) & (now > 0)
        counts = targets[counted].sum(axis=0)
        weights = effective_weights(counts, beta=self.beta)
        own = targets @ weights / np.maximum(targets.sum(axis=1), 1e-12)
        own[counted] /= own[counted].mean() if counted.any() else 1.0
        rows = np.flatnonzero(counted & (np.abs(own - now) > _SAME))
        edits: list[Edit] = []
        for row, sample in zip(rows.tolist(), train.only(train.ids[rows]), strict=True):
            told = label_text(data.schema, sample.label)
            sizes = [int(counts[index]) for index in np.flatnonzero(targets[row])]
            because = f"{told}: {' + '.join(f'{size:,}' for size in sizes)} train samples, effective number at beta {self.beta:g}"
            edits.append(Weigh(sample.id, float(own[row]), because, {"beta": self.beta, "counts": sizes}))
        return edits
