"""Mend by the neighbours: relabel where all agree, drop what lies among others or far from all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tilth.cleanse.floors import classes_of, within_caps, within_floors
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit, Relabel
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import TRAIN, Label, Sample
from tilth.signal import Signals

RULES = ("unanimous", "elsewhere", "far")


@dataclass(frozen=True)
class MendByNeighbors:
    """Relabel where all neighbours agree on another label; drop what lies in other classes' clusters or far from all.

    Reads findings of the kind `neighbors`. Where a learner's out-of-sample probabilities are at hand, its best class must be
    the neighbours' for a relabel, and must not be the given one for a drop: two witnesses. What augmentation made from a
    sample goes its way.
    """

    version = 2
    source = "Lee et al. 2021, Augment and Valuate, section 3.3"
    cost = "O(findings)"

    rules: tuple[str, ...] = ("unanimous", "elsewhere")
    """Which rules are acted on. `far` is left for a person by default: a rare way of writing is far from all, too."""

    agree: bool = True
    """Whether the learner must agree, where there is one."""

    most_share: float = 0.25
    """Most of a class (0..1) that may change at once."""

    least: int = 1
    """Fewest samples that a class keeps."""

    splits: tuple[str, ...] = (TRAIN,)
    """Where samples are changed."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """At most one edit per sample. Raises SettingError for a rule that is none."""
        if unknown := [rule for rule in self.rules if rule not in RULES]:
            raise SettingError(f"cleanse.neighbors: rules are {', '.join(RULES)}; found {unknown[0]!r}")
        named = [one for one in findings if one.kind == "neighbors" and one.ids[0] in data]
        latest = {one.ids[0]: one for one in named if one.evidence["rule"] in self.rules}
        rows = data.only(latest).split(*self.splits)
        best = _best(rows, signals) if self.agree else {}
        surest = sorted(rows, key=lambda one: (-latest[one.id].severity, one.id))
        found = (_edit(sample, latest[sample.id], data, best.get(sample.id)) for sample in surest)
        most = np.floor(data.split(*self.splits).targets.sum(axis=0) * self.most_share)
        edits = within_caps(data, (edit for edit in found if edit is not None), most=most)
        return within_floors(data, [*edits, *_followers(data, edits)], least=self.least)


def _best(rows: Dataset, signals: Signals) -> dict[str, int]:
    """Sample -> the class that the learner finds likeliest; empty where no learner was asked, or for sets of labels."""
    if (
        "probabilities" not in signals
        or rows.schema.task == "multi-label"
        or not signals["probabilities"].covers(rows.ids)
    ):
        return {}
    likeliest = signals["probabilities"].rows(rows.ids).argmax(axis=1)
    return dict(zip(rows.ids.tolist(), likeliest.tolist(), strict=True))


def _edit(sample: Sample, finding: Finding, data: Dataset, best: int | None) -> Edit | None:
    evidence = finding.evidence
    if classes_of(sample.label) != evidence["given"]:  # changed since it was judged
        return None
    if evidence["rule"] == "unanimous":
        new = evidence["suggested"]
        if best is not None and new != [best]:
            return None
        label: Label = frozenset(new) if data.schema.task == "multi-label" else new[0] if new else None
        if label is None or label == frozenset():
            return None
        return Relabel(sample.id, sample.label, label, finding.why, evidence)
    if best is not None and evidence["rule"] == "elsewhere" and [best] == evidence["given"]:
        return None
    return Drop(sample.id, finding.why, evidence)


def _followers(data: Dataset, edits: Sequence[Edit]) -> Iterator[Edit]:
    """What becomes of samples that were made from an edited one: the same, for they have its looks; a mixture goes, for
    its label speaks of what is no longer said of one of its parents."""
    by_id = {edit.id: edit for edit in edits}
    if not by_id or not data.made.any():
        return
    for sample in data.where(data.made):
        edit = next((by_id[parent] for parent in sample.parents if parent in by_id), None)
        if edit is None:
            continue
        because = f"it was made from {edit.id}: {edit.because}"
        if isinstance(edit, Drop) or len(sample.parents) > 1:
            yield Drop(sample.id, because, edit.evidence)
        elif isinstance(edit, Relabel) and sample.label == edit.old:
            yield replace(edit, id=sample.id, because=because)
