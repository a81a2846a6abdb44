"""Train a fixed model once on one version and ask it once about the sealed test split.

The only place of the program that opens the seal.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import LearnerError, StepError
from tilth.numerics.metrics import MULTI_LABEL, SINGLE_LABEL, Metric, score
from tilth.sample import TEST
from tilth.signal import Array
from tilth.steps import Run
from tilth.trial import Trial


def hold(learner: str, settings: Mapping[str, Any], data: Dataset, seed: int, run: Run) -> Trial:
    """One training and one examination.

    learner  name of a registered learner, say `learn.convnet`
    data     with its sealed test split; test samples without a label are left out of the examination

    A model that has `metrics` and nothing to predict with (an external command) gives these, and no probabilities.
    Raises StepError where there is nothing to train on or to ask, LearnerError where the answer is none.
    """
    test = examined(data)
    if not len(data.train):
        raise StepError(f"version {data.version} has no train sample: there is nothing to train {learner} on")
    began = time.perf_counter()
    model = run.step(learner, settings).fit(data.train, data.valid if len(data.valid) else None, run, seed=seed)
    probabilities = model.predict(test, run) if hasattr(model, "predict") else None
    if probabilities is not None:
        probabilities = _sound(np.asarray(probabilities, dtype=np.float32), test, learner)
    return Trial(
        learner={"use": learner, "settings": dict(settings)},
        version=data.version,
        seal=data.seal,
        seed=seed,
        ids=test.ids,
        targets=test.targets,
        probabilities=probabilities,
        metrics=_metrics(model, test, probabilities, learner),
        curves=tuple(model.curves),
        seconds=time.perf_counter() - began,
        record=dict(model.record),
    )


def examined(data: Dataset) -> Dataset:
    """The labelled part of the sealed test split. Raises StepError where there is none."""
    test = data.split(TEST)
    test = test.where(~np.asarray(test.table.column("classes").is_null(), dtype=bool))
    if not len(test):
        raise StepError(
            "there is no labelled test split, so nothing can be proved.\n"
            "  Name one in the source before opening it: a folder `test` beside `train`, or rows whose split is `test`."
        )
    return test


def metrics_of(task: str) -> Mapping[str, Metric]:
    """The metrics of a task, the usual headline first."""
    return MULTI_LABEL if task == "multi-label" else SINGLE_LABEL


def _sound(probabilities: Array, test: Dataset, learner: str) -> Array:
    wanted = (len(test), len(test.schema.classes))
    if probabilities.shape != wanted:
        raise LearnerError(
            f"{learner} answered with {probabilities.shape} numbers; {wanted} (samples, classes) were asked"
        )
    if not np.isfinite(probabilities).all():
        raise LearnerError(f"{learner} answered with numbers that are not finite: the training went astray")
    return probabilities


def _metrics(model: Any, test: Dataset, probabilities: Array | None, learner: str) -> dict[str, float]:
    if probabilities is not None:
        known = metrics_of(test.schema.task)
        return {name: score(metric, test.targets, probabilities) for name, metric in known.items()}
    metrics = getattr(model, "metrics", None)
    if not metrics:
        raise LearnerError(f"{learner} gave neither predictions nor metrics for the test split")
    return {str(name): float(value) for name, value in metrics.items()}


# -- plain -----------------------------------------------------------------------------------------------------


def to_plain(trial: Trial) -> dict[str, Any]:
    """The trial as JSON can hold it; arrays as base64 of little-endian float32."""
    return {
        "learner": dict(trial.learner),
        "version": trial.version,
        "seal": trial.seal,
        "seed": trial.seed,
        "ids": trial.ids.tolist(),
        "targets": _packed(trial.targets),
        "probabilities": None if trial.probabilities is None else _packed(trial.probabilities),
        "metrics": dict(trial.metrics),
        "curves": [dict(epoch) for epoch in trial.curves],
        "seconds": trial.seconds,
        "record": dict(trial.record),
    }


def from_plain(plain: Mapping[str, Any]) -> Trial:
    """The inverse of `to_plain`."""
    probabilities = plain["probabilities"]
    return Trial(
        learner=plain["learner"],
        version=plain["version"],
        seal=plain["seal"],
        seed=plain["seed"],
        ids=np.array(plain["ids"], dtype="U16"),
        targets=_unpacked(plain["targets"]),
        probabilities=None if probabilities is None else _unpacked(probabilities),
        metrics=plain["metrics"],
        curves=tuple(plain["curves"]),
        seconds=plain["seconds"],
        record=plain["record"],
    )


def _packed(values: Array) -> dict[str, Any]:
    content = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return {"shape": list(values.shape), "float32": base64.b64encode(content).decode()}


def _unpacked(plain: Mapping[str, Any]) -> Array:
    return np.frombuffer(base64.b64decode(plain["float32"]), dtype="<f4").reshape(plain["shape"])
