"""How a valuator comes by a training that can be gone through again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.steps import Run, Trace, Traceable


def traced(
    step: str,
    learner: str,
    settings: Mapping[str, Any],
    data: Dataset,
    run: Run,
    *,
    seed: int,
    record: bool = False,
) -> Trace:
    """A training of this learner on the train samples; the valid samples pick the epoch, where the learner does.

    step    who asks, for the words of an error
    record  whether to keep what the network said of each sample when it met it

    Raises StepError where the learner's training cannot be gone through again.
    """
    name = learner if learner.startswith("learn.") else f"learn.{learner}"
    made = run.step(name, settings)
    if not isinstance(made, Traceable):
        raise StepError(
            f"{step} goes through a training again, and that of {name} cannot be.\n"
            '  Take a network: learner = "convnet", "cut-resnet50", "resnet34", or "module" for one of your own.\n'
            "  For texts and other learners: value.knn_shapley, value.data_oob and value.shapley work on any embedding."
        )
    valid = data.valid
    return made.trace(data.train, valid if len(valid) else None, run, seed=seed, record=record)
