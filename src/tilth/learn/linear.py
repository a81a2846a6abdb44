"""Logistic regression on any embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.learn.logistic import Logistic, fitted
from tilth.learn.teaching import required
from tilth.signal import Array
from tilth.steps import Run

_BATCH = 256  # contents an embedder sees at once, as the runner does


@dataclass(frozen=True)
class Linear:
    """Fit a logistic regression to an embedding: seconds for thousands of samples, no network.

    For several labels a sample, one regression a class. The seed changes nothing.
    """

    embedder: str = "embed.pixels"  # any embedder that describes each sample by itself
    embedder_settings: Mapping[str, Any] = field(default_factory=dict[str, Any])  # settings of that embedder
    # scikit-learn's C; less draws the weights to zero. Best of 1e-4 to 0.1 on 2,067 handwritten numerals.
    strength: float = 0.01

    version = 1
    gives = ("probabilities",)
    modality = ("image", "text")
    cost = "O(n d k) for some 50 steps"

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> LinearModel:
        """Fit it. Raises LearnerError for an embedder that must see all samples at once: the test samples would then
        lie elsewhere than the train samples do."""
        del valid, seed
        if self.strength <= 0:
            raise SettingError(f"learn.linear: strength must be more than 0, found {self.strength}")
        lesson = required(train, "learn.linear", ("image", "text"))
        values = described(self.embedder, lesson.data, run, self.embedder_settings)
        # One scale for all: the sizes of the directions to each other say something, and lbfgs needs half the steps.
        shift = values.mean(0)
        scale = np.float32(1 / max(float((values - shift).std()), 1e-6))
        regression = fitted((values - shift) * scale, lesson, strength=self.strength)
        record = {"embedder": self.embedder, "dims": values.shape[1], "strength": self.strength}
        return LinearModel(self.embedder, self.embedder_settings, shift, scale, regression, (), record)


@dataclass(frozen=True)
class LinearModel:
    """A fitted regression on an embedding, centred and scaled."""

    embedder: str
    settings: Mapping[str, Any]
    shift: Array
    scale: np.float32
    regression: Logistic
    curves: tuple[Mapping[str, float], ...]
    record: Mapping[str, Any]

    def predict(self, data: Dataset, run: Run) -> Array:
        """(n, k) float32."""
        if not len(data):
            return np.zeros((0, self.regression.classes), np.float32)
        values = (described(self.embedder, data, run, self.settings) - self.shift) * self.scale
        return self.regression.probabilities(values)

    def features(self, data: Dataset, run: Run) -> None:
        """None: there is no layer between the embedding, which its embedder gives, and the answer."""
        del data, run


def described(embedder: str, data: Dataset, run: Run, settings: Mapping[str, Any]) -> Array:
    """(n, d) what the embedder says of each sample by itself, in the order of the rows.

    Without the embedder's last step over all samples (a projection, say): it would differ between train and test.
    Raises StepError for an embedder that looks at all of them at once, as those for texts do.
    """
    return np.asarray(run.describe(embedder, data, settings), np.float32)
