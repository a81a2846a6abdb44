"""A tiny fixed model for the tests, and a run that hands it out by name."""

from dataclasses import dataclass

import numpy as np
import pytest

from tilth.numerics import picture
from tilth.testing.memory import MemoryRun


def described(data, run):
    """(n, d) pictures at 8 x 8, or counts of hashed words."""
    if data.schema.modality == "image":
        rows = [picture.resize(picture.to_channels(one, 1), 8, 8).ravel() / 255 for one in run.images(data)]
        return np.array(rows).reshape(len(data), 64)
    rows = np.zeros((len(data), 128))
    for row, text in zip(rows, run.texts(data), strict=True):
        for word in text.lower().split():
            row[sum(map(ord, word)) % 128] += 1
    return rows


@dataclass(frozen=True)
class RidgeModel:
    """Least squares on the description, squashed to probabilities."""

    weights: np.ndarray
    curves: tuple
    record: dict

    def predict(self, data, run):
        x = np.c_[described(data, run), np.ones(len(data))]
        scores = 4 * (x @ self.weights)
        if data.schema.task == "multi-label":
            return (1 / (1 + np.exp(-(scores - 2)))).astype(np.float32)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)

    def features(self, data, run):
        return None


@dataclass(frozen=True)
class Ridge:
    """A learner: ridge regression on a bootstrap of the train samples, so that seeds differ."""

    penalty: float = 1.0

    def fit(self, train, valid, run, *, seed):
        rng = np.random.default_rng(seed)
        pick = rng.integers(len(train), size=len(train))
        x = np.c_[described(train, run), np.ones(len(train))][pick]
        gram = x.T @ x + self.penalty * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, x.T @ train.targets[pick])
        loss = float(((x @ weights - train.targets[pick]) ** 2).mean())
        curves = ({"epoch": 1.0, "loss": loss, "valid": float(valid is not None)},)
        return RidgeModel(weights, curves, {"device": "cpu"})


@dataclass(frozen=True)
class MetricsOnly:
    """What an external command leaves: numbers, and nothing to ask."""

    metrics: dict
    curves: tuple = ()
    record: dict | None = None


@dataclass(frozen=True)
class Command:
    """A learner that only reports: better with more train samples, and a little by luck."""

    def fit(self, train, valid, run, *, seed):
        luck = np.random.default_rng(seed).normal(0, 0.002)
        return MetricsOnly({"accuracy": 0.5 + len(train) / 1000 + luck, "f2": 0.1}, record={})


@dataclass(frozen=True)
class Broken:
    """A learner whose model answers wrongly."""

    how: str = "nan"

    def fit(self, train, valid, run, *, seed):
        model = Ridge().fit(train, valid, run, seed=seed)
        answer = np.full((3, 2), 0.5) if self.how == "shape" else np.nan

        @dataclass(frozen=True)
        class Model:
            curves: tuple = ()
            record: dict | None = None

            def predict(self, data, run):
                return model.predict(data, run) * answer if np.isscalar(answer) else answer

        return Model(record={})


KNOWN = {"learn.ridge": Ridge, "learn.command": Command, "learn.broken": Broken}


class LearningRun(MemoryRun):
    """A MemoryRun that knows the learners of this file."""

    def step(self, use, settings=None):
        return KNOWN[use](**(settings or {})) if use in KNOWN else super().step(use, settings)


@pytest.fixture
def run_of():
    """world -> run that holds its contents and knows the test learners."""
    return lambda world, seed=0: LearningRun(world.contents, seed=seed)
