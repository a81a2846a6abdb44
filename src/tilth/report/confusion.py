"""What the fixed model took for what, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.report.charts import sides
from tilth.signal import Array
from tilth.trial import Evidence

MOST_CLASSES = 20  # rows of a matrix that can still be read; those with the fewest mistakes are gathered


def matrix(targets: Array, probabilities: Array) -> Array:
    """(k, k) int: true class by said class. targets, probabilities (m, k)."""
    k = targets.shape[1]
    flat = targets.argmax(axis=1) * k + probabilities.argmax(axis=1)
    return np.bincount(flat[targets.sum(axis=1) > 0], minlength=k * k).reshape(k, k)


def hits(targets: Array, probabilities: Array) -> Array:
    """(k, 3) int, multi-label: found, missed and falsely named, at a probability of one half."""
    truth, said = targets > 0.5, probabilities >= 0.5
    return np.stack([(truth & said).sum(0), (truth & ~said).sum(0), (~truth & said).sum(0)], axis=1)


def gather(counts: Array, names: Sequence[str], keep: Array) -> tuple[Array, list[str]]:
    """The matrix of the kept classes (indices), the others summed as the last row and column."""
    others = np.setdiff1d(np.arange(len(names)), keep)
    if not len(others):
        return counts, list(names)
    where = np.full(len(names), len(keep))
    where[keep] = np.arange(len(keep))
    small = np.zeros((len(keep) + 1, len(keep) + 1), dtype=counts.dtype)
    np.add.at(small, (where[:, None], where[None, :]), counts)
    return small, [*(names[int(index)] for index in keep), f"{len(others)} others"]


def most_mistaken(counts: Array, most: int = MOST_CLASSES) -> Array:
    """Indices, in order of class, of the classes that take part in the most mistakes."""
    wrong = counts - np.diag(np.diag(counts))
    ranked = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")
    return np.sort(ranked[:most])


@dataclass(frozen=True, slots=True)
class Swap:
    """True class, the class that was said instead, and how often, before and after."""

    truth: str
    said: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """Matrices over the classes of `names` (single-label), summed over seeds, and the largest mistakes."""

    names: list[str]
    before: Array
    after: Array
    swaps: list[Swap]
    gathered: int


@dataclass(frozen=True, slots=True)
class Hits:
    """Per class of a multi-label dataset: found, missed, falsely named, before and after, summed over seeds."""

    names: list[str]
    before: Array
    after: Array


def confusion(evidence: Evidence, names: Sequence[str], *, multi: bool) -> Confusion | Hits | None:
    """None where the model gave no probabilities, or one side has no trial."""
    count = hits if multi else matrix
    sums: dict[str, Array] = {}
    for side, trial in sides(evidence):
        if trial.probabilities is None or trial.targets.shape[1] != len(names):
            return None
        part = count(trial.targets, trial.probabilities)
        sums[side] = sums[side] + part if side in sums else part
    if evidence.before == evidence.after and "before" in sums:
        sums["after"] = sums["before"]  # one version: both sides are the same trials
    if set(sums) != {"before", "after"}:
        return None
    if multi:
        return Hits(list(names), sums["before"], sums["after"])
    keep = most_mistaken(sums["before"] + sums["after"]) if len(names) > MOST_CLASSES else np.arange(len(names))
    before, shown = gather(sums["before"], names, keep)
    after, _ = gather(sums["after"], names, keep)
    return Confusion(shown, before, after, _swaps(sums["before"], sums["after"], names), len(names) - len(keep))


def _swaps(before: Array, after: Array, names: Sequence[str], most: int = 8) -> list[Swap]:
    wrong = before + after
    wrong = wrong - np.diag(np.diag(wrong))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [divmod(int(at), len(names)) for at in order if wrong.flat[at] > 0]
    return [Swap(names[t], names[s], int(before[t, s]), int(after[t, s])) for t, s in places]
