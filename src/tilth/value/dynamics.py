"""Dynamics: what the training itself said of each sample as it met it. Costs a training and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run, Trace
from tilth.value.passes import averaged, require_whole
from tilth.value.sides import sides, value_signal
from tilth.value.space import require_one_of

UNITS: Mapping[str, str] = {
    "aum": "logits",
    "el2n": "distance",
    "forgetting": "times",
    "loss": "nats",
    "confidence": "share",
    "variability": "share",
}
"""Score -> what a value of 1 means."""


def scored(visits: Array, score: str, *, early: int) -> Array:
    """(n,) one of the scores, higher = cleaner or easier.

    visits  (epochs, n, 3) loss in nats, margin, distance between probabilities and label; nan where it was not met
    early   epochs that `el2n` looks at

    aum          mean margin of the label's answer over the best other one (Pleiss et al. 2020, arXiv:2001.10528)
    el2n         minus the mean distance in the first epochs (Paul et al. 2021, arXiv:2107.07075)
    forgetting   minus how often it went from right to wrong; one never right counts as forgotten in each epoch
                 (Toneva et al. 2019, arXiv:1812.05159)
    loss         minus the mean loss
    confidence   mean of exp(-loss): the probability of the label, where labels are not smoothed
    variability  minus the deviation of the same over epochs (Swayamdipta et al. 2020, arXiv:2009.10795)
    """
    losses, margins, distances = (visits[:, :, column].astype(np.float64) for column in range(3))
    if score == "aum":
        return np.nanmean(margins, 0)
    if score == "el2n":
        return -np.nanmean(distances[:early], 0)
    if score == "loss":
        return -np.nanmean(losses, 0)
    if score == "confidence":
        return np.nanmean(np.exp(-losses), 0)
    if score == "variability":
        return -np.nanstd(np.exp(-losses), 0)
    return -_forgotten(margins).astype(np.float64)


def _forgotten(margins: Array) -> Array:
    """(n,) how often each went from right to wrong; in an epoch in which it was not met it stays what it was."""
    right = np.zeros(margins.shape[1], dtype=bool)
    ever, count = right.copy(), np.zeros(len(right), dtype=np.int64)
    for epoch in margins:
        now = np.where(np.isnan(epoch), right, epoch > 0)
        count += right & ~now
        right, ever = now, ever | now
    return np.where(ever, count, len(margins))


@dataclass(frozen=True)
class Dynamics:
    """What the training said of each sample as it met it: a wrong label is learned late, unwillingly, or never.

    As good at wrong labels as anything by gradients, and free once there is a training. Says nothing of who is harmed.
    """

    source = "Pleiss et al. 2020, arXiv:2001.10528; and five more, by score"
    cost = "a training"
    modality = ("image",)
    gives = ("dynamics",)

    score: str = "aum"
    """`aum` mean margin; `loss`, `confidence` and `variability` mean loss, mean probability of the label, and how much
    that changes; `el2n` distance to the label in the first epochs; `forgetting` how often it was unlearned."""

    learner: str = "convnet"
    """A network whose training can be gone through again."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the learner, where they differ from its defaults."""

    early_epochs: int = 10
    """Epochs that `el2n` looks at. The paper takes 10 to 20 of 200."""

    seeds: int = 1
    """Trainings that are averaged. The paper of `el2n` takes 10."""

    def __post_init__(self) -> None:
        require_one_of("value.dynamics", "score", self.score, tuple(UNITS))
        require_whole("value.dynamics", 1, early_epochs=self.early_epochs, seeds=self.seeds)

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n,) float32."""
        del signals
        pair = sides(data, "train", "value.dynamics", judged=False)

        def by_one(trace: Trace, number: int) -> Array:
            del number
            if trace.visits is None:
                raise StepError(f"value.dynamics: learn.{self.learner} kept no record of its training")
            return scored(trace.visits, self.score, early=self.early_epochs)

        values = averaged(self, "value.dynamics", data, pair, run, by_one, record=True)
        meta = {"learner": self.learner, "seeds": self.seeds, "score": self.score}
        return value_signal("dynamics", pair, values, unit=UNITS[self.score], meta=meta)
