"""Test samples that a model was taught: a copy of each lies in train, and what the model says of them is flattered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.sample import TEST
from tilth.trial import Trial


def taught(sides: Sequence[Dataset], findings: Iterable[Finding] = ()) -> frozenset[str]:
    """Ids of the sealed test samples of which the train split of any of these versions holds a copy.

    findings  those of kind `leak` name near copies; the same content is seen without them
    """
    found: set[str] = set()
    named = [one.evidence.get("splits", {}) for one in findings if one.kind == "leak"]
    for data in sides:
        test, train = data.split(TEST), data.train
        content = test.table.column("content").to_numpy(zero_copy_only=False)
        same = np.isin(content.astype(str), train.table.column("content").to_numpy(zero_copy_only=False).astype(str))
        found |= set(test.ids[same].tolist())
        learned, sealed = set(train.ids.tolist()), set(test.ids.tolist())
        for splits in named:
            if not learned.isdisjoint(splits):
                found |= sealed & set(splits)
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
