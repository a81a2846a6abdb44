"""DropWorthless: samples in which nothing is left to learn from go; the rest of bad quality waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.cleanse.floors import within_floors
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.finding import Finding
from tilth.sample import TRAIN
from tilth.signal import Signals


@dataclass(frozen=True)
class DropWorthless:
    """Drop what is worthless whatever its label: pictures in which nothing is to be seen or nothing but noise, texts
    in which nothing is written.

    Reads the findings of audit.quality and audit.text_quality whose evidence says `worthless`. A blurred, dark or cut
    picture may be right, and the model may meet its like: it is left for review, unless its kind is named.
    """

    kinds: tuple[str, ...] = ()  # dropped whole beside the worthless: "blurred", "noisy", "mojibake"...
    most_share: float = 0.25  # of a class: where more is worthless something else is wrong, and a person should look
    splits: tuple[str, ...] = (TRAIN,)  # valid is the yardstick, and stays as it is unless named

    version = 1
    source = "Tilth"
    cost = "O(findings)"

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drop, at most one per sample, the worst first where a cap cuts; no class of a split is emptied."""
        del signals
        wanted = [one for one in findings if one.evidence.get("worthless") is True or one.kind in self.kinds]
        wanted.sort(key=lambda one: (-one.severity, one.ids))
        worst: dict[str, Finding] = {}
        for finding in wanted:
            for id in finding.ids:
                worst.setdefault(id, finding)
        present = set(data.split(*self.splits).only(worst).ids.tolist()) if worst else set()
        drops = [
            Drop(id, f"{one.kind.replace('_', ' ')}: {one.why}", dict(one.evidence))
            for id, one in worst.items()
            if id in present
        ]
        return within_floors(data, self._within_shares(data, drops))

    def _within_shares(self, data: Dataset, drops: Sequence[Drop]) -> list[Drop]:
        rows = data.split(*self.splits)
        left = np.floor(rows.targets.sum(axis=0) * self.most_share)
        kept = []
        for drop in drops:
            own = np.flatnonzero(rows.targets[np.searchsorted(rows.ids, drop.id)])
            if (left[own] >= 1).all():
                left[own] -= 1
                kept.append(drop)
        return kept
