"""Teaching: the part of a dataset that a learner can learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import LearnerError
from tilth.signal import Array


@dataclass(frozen=True)
class Teaching:
    """Labelled samples of positive weight, with what is to be learned.

    targets  (n, k) float32; rows add up to 1 where single-label, lie in 0..1 where multi-label
    weights  (n,) float32 with mean 1, so that weighing changes what counts and not the rate of learning
    """

    data: Dataset
    targets: Array
    weights: Array

    @property
    def multi(self) -> bool:
        return self.data.schema.task == "multi-label"


def teaching(data: Dataset) -> Teaching:
    """What can be learned from these data; it may be empty."""
    weights = data.table.column("weight").to_numpy(zero_copy_only=False).astype(np.float32)
    labelled = ~np.asarray(data.table.column("classes").is_null(), dtype=bool)
    single = data.schema.task == "single-label"
    # A set of no classes says "none of them"; an empty label of one class says nothing.
    usable = labelled & (weights > 0)
    if single:
        usable &= data.targets.sum(1) > 0
    targets = data.targets[usable]
    targets = targets / targets.sum(1, keepdims=True) if single else np.clip(targets, 0, 1)
    kept = weights[usable]
    return Teaching(data.where(usable), targets.astype(np.float32), kept / kept.mean() if len(kept) else kept)


def judging(valid: Dataset | None) -> Teaching | None:
    """What can be learned from the valid samples, or None where there are none with a label."""
    found = teaching(valid) if valid is not None else None
    return found if found is not None and len(found.data) else None


def required(data: Dataset, learner: str, modality: tuple[str, ...]) -> Teaching:
    """What can be learned. Raises LearnerError where it is nothing, or of a modality the learner cannot take."""
    if data.schema.modality not in modality:
        raise LearnerError(
            f"{learner} learns from {' and '.join(modality)}; these data are {data.schema.modality}.\n"
            f'  Choose another learner, say "{"text-linear" if data.schema.modality == "text" else "convnet"}".'
        )
    if not data.schema.classes:
        raise LearnerError(f"{learner} was asked to learn from data without classes")
    found = teaching(data)
    if not len(found.data):
        raise LearnerError(
            f"{learner} was given {len(data)} train samples, and none has a label and a weight above 0.\n"
            "  Label some, or name the split they lie in `train`."
        )
    return found
