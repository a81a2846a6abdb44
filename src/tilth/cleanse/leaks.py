"""DropLeaks: of copies on both sides of a split, the one in train goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilth.cleanse.floors import within_floors
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.finding import Finding
from tilth.sample import TRAIN
from tilth.signal import Signals


@dataclass(frozen=True)
class DropLeaks:
    """Drop the train samples that have a copy in valid, in a split named by hand, or in the sealed test.

    What is measured on stays as it is: a leak between valid and test is reported by the audit and left to a person.
    """

    near: bool = True  # near copies too: a model that has seen one knows the other

    version = 1
    source = "Tilth"
    cost = "O(findings)"

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drop, at most one per sample; no class of train is emptied."""
        del signals
        edits: dict[str, Edit] = {}
        for finding in findings:
            if finding.kind != "leak" or not (finding.evidence.get("exact", True) or self.near):
                continue
            for edit in _drops(data, finding):
                edits.setdefault(edit.id, edit)
        return within_floors(data, edits.values())


def _drops(data: Dataset, finding: Finding) -> list[Drop]:
    splits = finding.evidence["splits"]
    other_side = {id: split for id, split in splits.items() if split != TRAIN}
    present = [id for id in finding.ids if id in data and data[id].split == TRAIN]
    if not other_side:
        return []
    how = "identical to" if finding.evidence.get("exact", True) else "a near copy of"
    where = " and ".join(sorted(set(other_side.values())))
    why = f"{how} a sample in {where}: to train on it would flatter what is measured there"
    return [Drop(id, why, {"splits": dict(splits), "keep": sorted(other_side)}) for id in present]
