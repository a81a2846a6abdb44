"""Trial -> Evidence: whether it helped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy.typing as npt

Array = npt.NDArray[Any]
Verdict = Literal["better", "worse", "not shown"]


@dataclass(frozen=True)
class Trial:
    """A fixed model, trained once on one version and asked once about the sealed test split.

    learner        its name and settings, as a plain dict
    version        of the dataset it was trained on
    seal           version of the test split; trials with different seals are not compared
    ids            (m,) ids of the test samples
    targets        (m, k) their labels as one-hot or multi-hot
    probabilities  (m, k) what the model said; None where an external command gave only metrics
    metrics        name -> value
    curves         a dict per epoch: `epoch`, `loss`, `accuracy`, `valid_loss`, `valid_accuracy`
    record         how it was trained: precision, threads, device, versions
    """

    learner: Mapping[str, Any]
    version: str
    seal: str
    seed: int
    ids: Array
    targets: Array
    probabilities: Array | None
    metrics: Mapping[str, float]
    curves: tuple[Mapping[str, float], ...] = ()
    seconds: float = 0.0
    record: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric before and after: means over the seeds, and the paired difference with its 95 % interval."""

    metric: str
    before: float
    after: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """What the interval says: `not shown` where it holds zero."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "not shown"

    @property
    def sentence(self) -> str:
        """`accuracy 0.812 -> 0.874: better by 0.062, 95 % interval +0.041 to +0.083`."""
        name = self.metric.replace("_", " ")
        by = (
            f" by {abs(self.difference):.3f}"
            if self.verdict != "not shown"
            else f" (difference {self.difference:+.3f})"
        )
        interval = f"95 % interval {self.low:+.3f} to {self.high:+.3f}"
        return f"{name} {self.before:.3f} -> {self.after:.3f}: {self.verdict}{by}, {interval}"


@dataclass(frozen=True)
class Evidence:
    """Two versions, one fixed model, the same seeds on both sides.

    measures   the headline metric first
    per_class  class -> Measure of its F1
    baseline   headline metric of the untouched data against the same number of samples deleted at random; None where
               nothing was deleted
    unseen     the headline metric on the test samples that lie in neither side's train split; None where that is all of
               them or none, or the trials gave metrics only
    taught     how many test samples lie in the train split of a side too
    verdict    that of the headline metric
    """

    before: str
    after: str
    seal: str
    learner: Mapping[str, Any]
    seeds: tuple[int, ...]
    measures: tuple[Measure, ...]
    per_class: Mapping[str, Measure]
    baseline: Measure | None
    trials: tuple[Trial, ...] = ()
    unseen: Measure | None = None
    taught: int = 0

    @property
    def headline(self) -> Measure:
        return self.measures[0]

    @property
    def verdict(self) -> Verdict:
        return self.headline.verdict
