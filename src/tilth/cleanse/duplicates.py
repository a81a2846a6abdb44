"""SettleDuplicates: of samples that come more than once, which one stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tilth.cleanse.floors import within_floors
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit, Relabel
from tilth.finding import Finding
from tilth.sample import TRAIN, VALID, Label, Sample
from tilth.signal import Array, Signals

Classes = tuple[int, ...] | None
Pair = tuple[str, str]


@dataclass(frozen=True)
class SettleDuplicates:
    """Keep one of each group of identical samples, and settle those whose labels contradict.

    The label is that of the strict majority among three or more; else the one that out-of-sample probabilities prefer
    by a margin; else nobody knows, and all of them go. A label in a split with a name of its own (`label_book`) was
    given by hand and is believed. Of those with that label the one outside train stays, so that nothing leaks, then a
    picture before its crops, then the first by path. Near copies stay: they are other pictures of one thing, and in
    handwriting that is what the data are made of; only those that contradict the settled label go.
    """

    contradictions: Literal["settle", "drop", "leave"] = "settle"  # of identical samples with different labels
    near: Literal["keep", "drop"] = "keep"  # near copies that agree: a model gains a little from each
    margin: float = 0.2  # by which the probability of one label must lead: with less it is a draw

    version = 2
    needs = ()
    source = "Tilth"
    cost = "O(findings)"

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drop and Relabel, at most one per sample; no class of a split is emptied."""
        edits: dict[str, Edit] = {}
        for group in _groups(data, findings, exact=True):
            edits |= {edit.id: edit for edit in self._identical(data, group, signals)}
        crops = {(id, crop["of"]) for one in findings for id, crop in one.evidence.get("crop", {}).items()}
        for group in _groups(data, findings, exact=False):
            left = [sample for sample in group if not isinstance(edits.get(sample.id), Drop)]
            if len(left) > 1:
                new = {edit.id: edit for edit in self._near(data, left, signals, crops)}
                edits |= {id: edit for id, edit in new.items() if id not in edits}
        return within_floors(data, edits.values())

    def _identical(self, data: Dataset, group: list[Sample], signals: Signals) -> Iterable[Edit]:
        labels = {hard(sample.label) for sample in group} - {None}
        if len(labels) <= 1:
            keep = best(group, next(iter(labels), None))
            return _drops(group, keep, f"identical to {keep.path}, which stays")
        if self.contradictions == "leave":
            return ()
        settled, reason = (None, "") if self.contradictions == "drop" else self._settled(data, group, signals)
        if settled is None:
            why = "identical samples with different labels, and nothing tells which is right"
            return [Drop(sample.id, why, _shown(group)) for sample in group if _is_plain(sample)]
        keep = best(group, settled)
        drops = _drops(group, keep, f"identical to {keep.path}, which stays: {reason}")
        if hard(keep.label) == settled:
            return drops
        new = frozenset(settled) if data.schema.task == "multi-label" else settled[0]
        return [*drops, Relabel(keep.id, keep.label, new, f"identical samples disagree: {reason}", _shown(group))]

    def _near(self, data: Dataset, group: list[Sample], signals: Signals, crops: Collection[Pair]) -> Iterable[Edit]:
        labels = {hard(sample.label) for sample in group} - {None}
        if len(labels) <= 1:
            if self.near == "keep":
                return ()
            keep = best(group, next(iter(labels), None), crops=crops)
            return _drops(group, keep, f"a near copy of {keep.path}, which stays")
        if self.contradictions == "leave":
            return ()
        settled, reason = self._settled(data, group, signals)
        if settled is None:  # near is not identical: both labels may be right, so a person has to look
            return ()
        against = [sample for sample in group if hard(sample.label) not in (settled, None) and _is_plain(sample)]
        return [Drop(sample.id, f"a near copy has another label: {reason}", _shown(group)) for sample in against]

    def _settled(self, data: Dataset, group: list[Sample], signals: Signals) -> tuple[Classes, str]:
        """The label that holds for the group, and why; None where nobody knows."""
        by_hand = {hard(sample.label) for sample in group if not _is_plain(sample)} - {None}
        if len(by_hand) == 1:
            return by_hand.pop(), "that label was given by hand"
        votes = [label for sample in group if (label := hard(sample.label)) is not None]
        multi = data.schema.task == "multi-label"
        if len(votes) >= 3 and (found := by_majority(votes, multi=multi)) is not None:
            return found, "the label of the majority"
        said = _said(group, signals)
        found = None if said is None else by_probability(votes, said, margin=self.margin, multi=multi)
        return found, "the label that the out-of-sample probabilities prefer"


# -- who is right ---------------------------------------------------------------------------------------------


def hard(label: Label) -> Classes:
    """The classes of a label; of a soft one the largest share; None where there is none."""
    if label is None:
        return None
    if isinstance(label, frozenset):
        return tuple(sorted(label))
    if isinstance(label, tuple):
        return (max(label, key=lambda part: part[1])[0],)
    return (int(label),)


def by_majority(votes: Sequence[tuple[int, ...]], *, multi: bool) -> Classes:
    """What more than half of the votes say: the label, or for multi-label, class by class; None where it is a draw."""
    if not multi:
        label, count = Counter(votes).most_common(1)[0]
        return label if 2 * count > len(votes) else None
    counts = Counter(index for vote in votes for index in vote)
    if any(2 * count == len(votes) for count in counts.values()):
        return None
    return tuple(sorted(index for index, count in counts.items() if 2 * count > len(votes)))


def by_probability(votes: Sequence[tuple[int, ...]], said: Array, *, margin: float, multi: bool) -> Classes:
    """The voted label that the probabilities (k,) prefer over all classes, by this margin over the other voted ones.
    For multi-label each disputed class must lie that far from one half, on either side, half the margin each."""
    if not multi:
        first = int(said.argmax())
        others = [float(said[vote[0]]) for vote in votes if vote != (first,)]
        return (first,) if (first,) in votes and said[first] - max(others) >= margin else None
    agreed = set.intersection(*map(set, votes))
    disputed = set.union(*map(set, votes)) - agreed
    if any(abs(float(said[index]) - 0.5) < margin / 2 for index in disputed):
        return None
    return tuple(sorted(agreed | {index for index in disputed if said[index] > 0.5}))


def best(group: Sequence[Sample], label: Classes, *, crops: Collection[Pair] = ()) -> Sample:
    """The sample that stays: the right label first, then not train (a copy in train leaks), a split named by hand
    before valid, an original before a made one, a whole before its crops, then the first by path.

    crops  pairs (id of a crop, id of what it is a crop of)
    """
    place = {TRAIN: 2, VALID: 1}
    return min(
        group,
        key=lambda sample: (
            hard(sample.label) != label,
            place.get(sample.split, 0),
            bool(sample.parents),
            any((sample.id, other.id) in crops for other in group),
            sample.path,
            sample.id,
        ),
    )


def _said(group: Sequence[Sample], signals: Signals) -> Array | None:
    """(k,) mean out-of-sample probabilities. The mean, because each was said by a model that may have been trained on
    the others with their labels: what they taught cancels only if all are heard."""
    ids = np.array([sample.id for sample in group])
    # `in` asks a Mapping for the item, and Signals answers what is absent with an error.
    if "probabilities" not in tuple(signals) or not signals["probabilities"].covers(ids):
        return None
    return signals["probabilities"].rows(ids).mean(axis=0)


# -- groups and edits -----------------------------------------------------------------------------------------


def _groups(data: Dataset, findings: Sequence[Finding], *, exact: bool) -> list[list[Sample]]:
    """Groups of samples that are still there, each once, in the order of their ids. Labels are those of today."""
    own = "exact_duplicate" if exact else "near_duplicate"
    wanted = {
        finding.ids
        for finding in findings
        if finding.kind == own or (finding.kind == "contradiction" and finding.evidence.get("exact", True) is exact)
    }
    groups = ([data[id] for id in ids if id in data] for ids in sorted(wanted))
    return [group for group in groups if len(group) > 1]


def _is_plain(sample: Sample) -> bool:
    return sample.split in (TRAIN, VALID)


def _drops(group: Sequence[Sample], keep: Sample, why: str) -> list[Edit]:
    shown = {"keep": keep.id, **_shown(group)}
    return [Drop(sample.id, why, shown) for sample in group if sample is not keep and _is_plain(sample)]


def _shown(group: Sequence[Sample]) -> dict[str, dict[str, list[int]]]:
    return {"labels": {sample.id: list(hard(sample.label) or ()) for sample in group}}
