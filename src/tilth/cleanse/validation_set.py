"""Put the proposed validation set into the split valid, and leave no copy of it in train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Drop, Edit, Move
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import TRAIN, VALID
from tilth.signal import Signals

_HANDLED = ("exact_duplicate", "near_duplicate", "validation_candidate", "validation_set")
"""Kinds that are no objection: copies leave train together with their candidate."""


@dataclass(frozen=True)
class BuildValidationSet:
    """Move the candidates of `audit.validation_set` to valid, class by class as many as were asked for.

    A candidate of which something else was found gives way to the next reserve. Its copies and near copies leave train
    too, and so does what was made from it: to train on them would flatter what is measured on it.
    """

    source = "Tilth"
    cost = "O(findings)"

    copies: Literal["drop", "move"] = "drop"
    """What becomes of a candidate's copies: dropped, so that each picture is asked once, or moved along with it. What a
    step made is dropped in either case."""

    objection: float = 0.2
    """Severity (0..1) from which another finding speaks against a candidate."""

    least: int = 1
    """Fewest samples that a class keeps in train."""

    split: str = VALID
    """Where the set goes."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Move, and Drop for copies; at most one per sample."""
        del signals
        if self.copies not in ("drop", "move"):
            raise SettingError(f'cleanse.validation_set: copies is "drop" or "move", found {self.copies!r}')
        against = {
            id for one in findings if one.kind not in _HANDLED and one.severity >= self.objection for id in one.ids
        }
        targets = data.targets > 0
        left = data.train.targets.astype(bool).sum(axis=0)
        counts = np.zeros(len(left), dtype=int)
        edits: dict[str, Edit] = {}
        for finding in sorted(_candidates(findings, data), key=lambda one: int(one.evidence["rank"])):
            classes, gone = finding.evidence["classes"], self._gone(finding, data)
            wanted = any(counts[c] < finding.evidence["per_class"] for c in classes)
            leaving = targets[np.searchsorted(data.ids, [edit.id for edit in gone])].sum(axis=0)
            if not wanted or finding.ids[0] in against or any(edit.id in edits for edit in gone):
                continue
            if (left - leaving)[leaving > 0].min(initial=self.least) < self.least:
                continue
            left = left - leaving
            counts[classes] += 1
            edits |= {edit.id: edit for edit in gone}
        return list(edits.values())

    def _gone(self, finding: Finding, data: Dataset) -> list[Edit]:
        """What leaves train for this candidate."""
        id, said = finding.ids[0], finding.evidence
        because = finding.why.rstrip(".")
        kept = {"belief": said["belief"], "probability": said["probability"], "votes": dict(said["votes"])}
        edits: list[Edit] = [Move(id, self.split, f"for validation: {because}", kept)]
        copy = f"a copy of {data[id].path}, which goes to {self.split}: to train on it would flatter what is measured"
        for other in said["copies"]:
            if other in data and data[other].split == TRAIN:
                here = {"copy_of": id}
                edits.append(Drop(other, copy, here) if self.copies == "drop" else Move(other, self.split, copy, here))
        made = f"made from {data[id].path} or from a copy of it, which goes to {self.split}"
        edits += [Drop(other, made, {"copy_of": id}) for other in said["made"] if other in data]
        return edits


def _candidates(findings: Sequence[Finding], data: Dataset) -> Iterator[Finding]:
    """Those that are still in train under the label that they were judged by; the last word on each."""
    latest = {one.ids[0]: one for one in findings if one.kind == "validation_candidate"}
    for id, finding in latest.items():
        if id in data and data[id].split == TRAIN:
            label = data[id].label
            classes = sorted(label) if isinstance(label, frozenset) else [label]
            if classes == list(finding.evidence["classes"]):
                yield finding
