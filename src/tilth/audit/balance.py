"""Balance: how evenly the classes are filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.sample import TRAIN
from tilth.signal import Array, Signals
from tilth.steps import Run


@dataclass(frozen=True)
class Balance:
    """Count the classes of the train split and say which are short, empty, or hold one sample."""

    below: float = 0.5  # smallest class over largest: above it no weighting or augmenting is called for

    version = 1
    source = "effective number of classes: Hill 1973, exponential of the Shannon entropy"
    cost = "O(n)"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One `imbalance` finding about the whole set (no ids), or none where the classes are even. Its severity is the
        share of classes that are lost by unevenness, 1 where a class is empty."""
        del signals, run
        if not data.schema.classes:
            return []
        counts = data.counts(TRAIN)
        tally = np.array(list(counts.values()))
        ratio = float(tally.min() / max(tally.max(), 1))
        if ratio >= self.below and tally.min() > 1:
            return []
        effective = effective_classes(tally)
        severity = 1.0 if tally.min() == 0 else min(1.0, 1.0 - effective / len(tally))
        evidence = _evidence(data, counts, ratio, effective)
        return [Finding("imbalance", (), round(severity, 4), _why(counts, effective), evidence)]


def effective_classes(tally: Array) -> float:
    """How many equally filled classes would have the same entropy: k where all are even, 1 where one holds all."""
    total = tally.sum()
    if not total:
        return 0.0
    shares = tally[tally > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _why(counts: dict[str, int], effective: float) -> str:
    rarest, most = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    text = f"{rarest} has {counts[rarest]} train samples and {most} {counts[most]}"
    text += f": {effective:.1f} effective classes of {len(counts)}"
    empty = [name for name, count in counts.items() if count == 0]
    single = [name for name, count in counts.items() if count == 1]
    if empty:
        text += f"; no sample of {', '.join(empty)}"
    if single:
        text += f"; only one of {', '.join(single)}"
    return text + "."


def _evidence(data: Dataset, counts: dict[str, int], ratio: float, effective: float) -> dict[str, Any]:
    splits = sorted({str(split) for split in data.splits} | {TRAIN})
    return {
        "counts": {split: data.counts(split) for split in splits},
        "rarest": min(counts, key=lambda name: counts[name]),
        "most_frequent": max(counts, key=lambda name: counts[name]),
        "ratio": round(ratio, 6),
        "effective_classes": round(effective, 4),
        "entropy": round(float(np.log(effective)) if effective > 0 else 0.0, 6),  # nats
        "empty": [name for name, count in counts.items() if count == 0],
        "single": [name for name, count in counts.items() if count == 1],
        "unlabelled": int(data.table.column("classes").null_count),
    }
