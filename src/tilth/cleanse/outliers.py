"""DropOutliers: what several witnesses find like no class at all leaves the train split; the rest waits for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.cleanse.floors import within_floors
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import TRAIN
from tilth.signal import Signals

_SEES = {"neighbors": "embedding", "classes": "embedding", "features": "model", "model": "model"}
"""Witness -> whose eyes it has. A sample goes only where two pairs of eyes agree."""


@dataclass(frozen=True)
class DropOutliers:
    """Drop the outliers that the embedding and the model both find strange, each by itself; leave the others for review.

    Reads findings of the kind `outlier`. A rare but right sample is strange too, so the defaults are strict, and a recipe
    names this step only where somebody has looked. `out_of_class` findings are left to the labels' cleanser.
    """

    strict: float = 0.02  # p-value (0..1) at and under which each of the two must find it strange by itself
    severity: float = 0.5  # least severity of a finding: 0.5 is one spread of the middle half above the usual
    most_share: float = 0.05  # most of a class (0..1) that may go: where more is strange, the class itself is mixed
    least: int = 1  # fewest samples that a class keeps
    splits: tuple[str, ...] = (TRAIN,)  # where samples are dropped

    source = "Tilth"
    cost = "O(findings)"

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drops, the strangest first where a cap cuts."""
        del signals
        if not (0 <= self.strict <= 1 and 0 <= self.severity <= 1 and 0 <= self.most_share <= 1):
            raise SettingError(
                "cleanse.outliers: strict, severity and most_share lie in 0..1; found "
                f"{self.strict}, {self.severity}, {self.most_share}"
            )
        latest = {one.ids[0]: one for one in findings if one.kind == "outlier" and len(one.ids) == 1}
        rows = data.only(latest).split(*self.splits)
        chosen = [latest[str(id)] for id in rows.ids if self._sure(latest[str(id)])]
        chosen.sort(key=lambda one: (-one.severity, one.ids[0]))
        drops = self._within_share([_drop(one) for one in chosen], data)
        return within_floors(data, drops, least=self.least)

    def _sure(self, finding: Finding) -> bool:
        return finding.severity >= self.severity and len(_eyes(finding.evidence, self.strict)) > 1

    def _within_share(self, drops: Sequence[Edit], data: Dataset) -> list[Edit]:
        rows = data.split(*self.splits)
        left = np.floor((rows.targets > 0).sum(axis=0) * self.most_share).astype(int)
        kept = []
        for edit in drops:
            classes = np.flatnonzero(rows.targets[np.searchsorted(rows.ids, edit.id)] > 0)
            if (left[classes] > 0).all():
                left[classes] -= 1
                kept.append(edit)
        return kept


def _eyes(evidence: Mapping[str, Any], strict: float) -> set[str]:
    alone: Mapping[str, float] = evidence.get("alone", {})
    return {_SEES.get(name, name) for name, p in alone.items() if p <= strict}


def _drop(finding: Finding) -> Drop:
    alone = finding.evidence["alone"]
    told = ", ".join(f"{name} {p:.3g}" for name, p in sorted(alone.items(), key=lambda item: item[1]))
    because = f"like no class in the embedding and to the model alike (share of trusted samples as strange: {told})"
    return Drop(finding.ids[0], because, dict(finding.evidence))
