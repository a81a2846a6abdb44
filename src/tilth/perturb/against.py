"""Against whom: networks of one kind, each of which never saw one part of the train pictures.

What leads a network astray that learned a picture by heart says something of its memory; what leads one astray that never
saw it says something of the border between classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import StepError
from tilth.numerics.folds import families, fold_of
from tilth.signal import Array
from tilth.steps import Exposed, Run


@dataclass(frozen=True)
class Against:
    """Networks, and who was kept from which.

    models  one for each part
    data    the labelled raw train samples
    parts   (n,) int: which network did not see each
    """

    models: tuple[Any, ...]
    data: Dataset
    parts: Array

    def batches(self, ids: Array, most: int) -> Iterator[tuple[Exposed, Dataset]]:
        """These samples in batches, each with the network that saw none of it."""
        here = np.isin(self.data.ids, ids)
        for number, model in enumerate(self.models):
            mine = self.data.where(here & (self.parts == number))
            for start in range(0, len(mine), most):
                rows = np.arange(len(mine))
                yield model, mine.where((rows >= start) & (rows < start + most))


_HELD: dict[str, Against] = {}  # the last ones of this process: steps in a row need not teach twice


def against(step: str, learner: str, settings: Mapping[str, Any], data: Dataset, run: Run, *, folds: int) -> Against:
    """Train them. The same data, seed and settings give the same networks, whoever asks.

    step   who asks, for the words of an error
    folds  networks, fewer where there are fewer families of copies

    Raises StepError where the data are no pictures of one class each, where there are fewer than two labelled train samples
    or classes, or where the learner's answers cannot be followed back to the pixels.
    """
    require_pictures(step, data)
    known = _labelled(data.train)
    if len(known) < 2 or len(np.unique(known.labels)) < 2:
        raise StepError(
            f"{step} needs labelled train samples of two classes to train a network, and found {len(known)} samples"
        )
    name = learner if "." in learner else f"learn.{learner}"
    key = digest(name, dict(settings), known.version, folds, run.seed, run.device)
    if key not in _HELD:
        columns = [known.table.column(column).to_pylist() for column in ("content", "parents")]
        targets = np.concatenate([known.targets, np.ones((len(known), 1), np.float32)], axis=1)
        parts = fold_of(families(known.ids.tolist(), *columns), targets, folds=folds, seed=run.seed)
        fit = partial(_fitted, step, name, settings, known, parts, run)
        models = run.map(fit, range(int(parts.max()) + 1), what=f"{folds} folds of {name}")
        _HELD.clear()
        _HELD[key] = Against(tuple(models), known, parts)
    return _HELD[key]


def require_pictures(step: str, data: Dataset) -> None:
    """Raises StepError where the data are no pictures of one class each."""
    if data.schema.modality != "image":
        raise StepError(f"{step} changes pixels; this dataset holds texts. Use augment.text.")
    if data.schema.task != "single-label":
        raise StepError(
            f"{step} leads a network from one class to another; here a picture may have several.\n  Use augment.noise."
        )


def require_exposed(step: str, learner: str, model: Any) -> None:
    """Raises StepError where the model's answers cannot be followed back to the pixels."""
    if not isinstance(model, Exposed):
        raise StepError(
            f"{step} follows the answers of a network back to the pixels, and those of {learner} cannot be.\n"
            '  Take a network: learner = "convnet", "cut-resnet50", "resnet34", or "module" for one of your own.\n'
            "  augment.noise needs no model at all."
        )


def _fitted(
    step: str, learner: str, settings: Mapping[str, Any], data: Dataset, parts: Array, run: Run, part: int
) -> Any:
    made = run.step(learner, settings)
    model = made.fit(data.where(parts != part), None, run, seed=run.seed * 1000 + part)
    require_exposed(step, learner, model)
    return model


def _labelled(train: Dataset) -> Dataset:
    """The samples with one label and a weight; raw ones alone, where there are any."""
    usable = (train.labels >= 0) & (train.table.column("weight").to_numpy(zero_copy_only=False) > 0)
    raw = usable & ~train.made
    return train.where(raw if raw.any() else usable)
