"""Worlds for valuators: an embedding that knows the truth, train labels that do not, and clean judges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.sample import TRAIN, VALID, Label, Sample, raw_id
from tilth.signal import Array, Signal, Signals
from tilth.testing.memory import MemoryRun

RUN = MemoryRun()


def sample(number: int, label: Label, *, split: str = TRAIN, content: int | None = None) -> Sample:
    digest, path = f"{number if content is None else content:032x}", f"{split}-{number}"
    return Sample(raw_id(digest, path), digest, path, label, split, home="text", text=path)


def world(
    samples: Sequence[Sample], points: Array, *, classes: int = 3, multi: bool = False
) -> tuple[Dataset, Signals]:
    """A dataset of these samples and its embedding; points (n, d) in the order of the samples."""
    names = tuple("abcdefgh"[:classes])
    data = Dataset.from_samples(samples, Schema("text", "multi-label" if multi else "single-label", names))
    ids = np.array([one.id for one in samples])
    return data, Signals({"embedding": Signal("embedding", ids, np.asarray(points, np.float32))})


def clouds(
    n: int = 150, m: int = 45, *, wrong: int = 15, classes: int = 3, dims: int = 6, seed: int = 0, apart: float = 1.5
) -> tuple[Dataset, Signals, set[str]]:
    """Classes as clouds; `wrong` of n train labels are, and m valid labels are right. Third: ids of the wrong ones."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n + m) % classes
    points = rng.normal(size=(classes, dims))[truth] * apart * 2 + rng.normal(size=(n + m, dims))
    bad = set(rng.choice(n, wrong, replace=False).tolist())
    labels = [int((truth[row] + (row in bad)) % classes) for row in range(n + m)]
    samples = [sample(row, labels[row], split=TRAIN if row < n else VALID) for row in range(n + m)]
    data, signals = world(samples, points, classes=classes)
    return data, signals, {samples[row].id for row in bad}


def several(n: int = 60, m: int = 20, *, seed: int = 0) -> tuple[Dataset, Signals]:
    """Samples of several labels at once: three classes, each a direction of its own."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (n + m, 3))
    points = truth * 3 + rng.normal(size=(n + m, 3)) * 0.5
    samples = [
        sample(row, frozenset(np.flatnonzero(truth[row]).tolist()), split=TRAIN if row < n else VALID)
        for row in range(n + m)
    ]
    return world(samples, points, multi=True)


def separation(values: Array, ids: Array, bad: set[str]) -> float:
    """AUROC of "low value = wrong": 1 where every wrong sample lies below every right one."""
    wrong = np.isin(ids, list(bad))
    low, high = values[wrong][:, None], values[~wrong][None, :]
    return float(((low < high) + (low == high) / 2).mean())
