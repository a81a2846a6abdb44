"""Penultimate: what a trained learner sees just before it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.sample import TEST
from tilth.signal import Signal
from tilth.steps import Run


@dataclass(frozen=True)
class Penultimate:
    """Describe samples by the last layer but one of a learner, trained on the train samples.

    Labels shape what it sees: a sample with a wrong label may lie with its wrong class. For judging labels take the
    embedding that a learner gives by crossfit (`use = "learn.convnet"`), which never saw the sample.
    """

    learner: str = "convnet"  # any learner with a layer to look at
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the learner, where they differ from its defaults
    made: bool = True  # False: train on raw samples alone, and look at made ones too: a pool costs no training

    version = 2
    gives = ("embedding",)
    grain = "dataset"
    cost = "one training"

    def measure(self, data: Dataset, run: Run) -> Signal:
        """`embedding`: (n, d) float32 for all rows, those of the test split too: their labels are not looked at.

        Raises StepError where the learner has no such layer, LearnerError where it cannot be trained.
        """
        name = self.learner if self.learner.startswith("learn.") else f"learn.{self.learner}"
        valid = data.valid
        lesson = data.train if self.made else data.train.raw
        model = run.step(name, self.settings).fit(lesson, valid if len(valid) else None, run, seed=run.seed)
        values = model.features(data, run)
        if values is None:
            raise StepError(
                f"embed.learner was asked for the layers of {name}, which has none to look at.\n"
                '  Choose a network, say learner = "convnet", or another embedder.'
            )
        meta = {"learner": name, "trained_on": lesson.version, "sealed": int((data.splits == TEST).sum())}
        return Signal("embedding", data.ids, values, meta=meta)
