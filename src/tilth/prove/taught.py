"""Test samples that a model was taught: a copy of each lies in train, and what the model says of them is flattered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from tilth.dataset import Dataset
from tilth.sample import TEST
from tilth.trial import Trial


def taught(sides: Sequence[Dataset]) -> frozenset[str]:
    """Ids of the sealed test samples whose very content the train split of any of these versions holds too.

    The same content and no more: what a near copy is depends on the settings of an audit, and a proof must not move when
    somebody audits anew.
    """
    found: set[str] = set()
    for data in sides:
        test = data.split(TEST)
        learned = frozenset(data.train.table.column("content").to_pylist())
        sealed = test.table.column("content").to_pylist()
        found |= {id for id, content in zip(test.ids.tolist(), sealed, strict=True) if content in learned}
    return frozenset(found)


def without(trials: Iterable[Trial], ids: Iterable[str]) -> list[Trial]:
    """The trials, asked about all other test samples; nothing where none is left, or a trial gave metrics only."""
    out = np.array(sorted(ids), dtype="U16")
    rest: list[Trial] = []
    for trial in trials:
        kept = ~np.isin(trial.ids, out)
        if trial.probabilities is None or not kept.any():
            return []
        rest.append(
            replace(
                trial, ids=trial.ids[kept], targets=trial.targets[kept], probabilities=trial.probabilities[kept],
            )
        )  # fmt: skip
    return rest
