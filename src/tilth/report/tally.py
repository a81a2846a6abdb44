"""Counts for the headline, the kinds of findings and the balance of classes. Aggregates only: any number of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Drop, Move, Relabel, Weigh
from tilth.finding import Finding
from tilth.report.story import Change, Story
from tilth.report.words import KINDS
from tilth.sample import TEST, TRAIN, VALID, Label

MOST_BARS = 40  # classes in one chart: more do not fit a screen; the ends are shown and the middle is folded


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the samples. `before` - dropped + added = `after`; kept are those that no edit touched."""

    before: int
    after: int
    kept: int
    relabelled: int
    dropped: int
    added: int
    moved: int
    weighted: int


def tally(story: Story) -> Tally:
    """Net counts: a sample that was relabelled twice counts once, one that was added and dropped again not at all."""
    both = np.isin(story.before.ids, story.after.ids)
    stays = set(story.before.ids[both].tolist())
    fates = fates_of(story.changes)
    touched = Counter(fate for id, fate in fates.items() if id in stays)
    return Tally(
        before=len(story.before),
        after=len(story.after),
        kept=int(both.sum()) - sum(touched.values()),
        relabelled=touched["relabelled"],
        dropped=int((~both).sum()),
        added=len(story.after) - int(both.sum()),
        moved=touched["moved"],
        weighted=touched["weighted"],
    )


def fates_of(changes: Iterable[Change]) -> dict[str, str]:
    """id -> dropped, added, relabelled, moved or weighted: the net outcome, the weightiest where several hold."""
    fates: dict[str, str] = {}
    labels: dict[str, Label] = {}
    for change in changes:
        edit = change.edit
        if isinstance(edit, Drop):
            fates[edit.id] = "dropped"
        elif isinstance(edit, Relabel):
            first = labels.setdefault(edit.id, edit.old)
            if fates.get(edit.id) != "added":
                fates[edit.id] = "relabelled"
            if first == edit.new and fates[edit.id] == "relabelled":
                del fates[edit.id]  # there and back again
        elif isinstance(edit, Move):
            fates.setdefault(edit.id, "moved")
        elif isinstance(edit, Weigh):
            fates.setdefault(edit.id, "weighted")
        else:
            fates[edit.id] = "added"
    return fates


@dataclass(frozen=True, slots=True)
class KindCount:
    """One kind of finding: how many, of how many samples, and how many of the findings led to a change."""

    kind: str
    findings: int
    samples: int
    acted: int


def kinds_of(findings: Sequence[tuple[str, Finding]], fates: dict[str, str]) -> list[KindCount]:
    """The kinds that were found, in the order of the page."""
    by_kind: dict[str, list[Finding]] = {}
    for _, finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    order = [kind for kind in KINDS if kind in by_kind] + sorted(set(by_kind) - set(KINDS))
    return [
        KindCount(
            kind=kind,
            findings=len(by_kind[kind]),
            samples=len({id for finding in by_kind[kind] for id in finding.ids}),
            acted=sum(any(id in fates for id in finding.ids) for finding in by_kind[kind]),
        )
        for kind in order
    ]


# -- balance --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class in one split; `name` None stands for the classes that are folded, `before` of them."""

    name: str | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class SplitBalance:
    """One split: its classes, its size and how uneven it is (largest class over smallest; 0 where one is empty)."""

    split: str
    rows: tuple[ClassRow, ...]
    most: int
    before: int
    after: int
    uneven_before: float
    uneven_after: float


def balance(before: Dataset, after: Dataset) -> list[SplitBalance]:
    """Per split, samples by class before and after."""
    present = set(np.unique(before.splits).tolist()) | set(np.unique(after.splits).tolist())
    known = [split for split in (TRAIN, VALID, TEST) if split in present]
    return [_split_balance(before, after, split) for split in known + sorted(present - set(known))]


def _split_balance(before: Dataset, after: Dataset, split: str) -> SplitBalance:
    old, new = before.counts(split), after.counts(split)
    names = list(dict.fromkeys([*old, *new]))
    rows = [ClassRow(name, old.get(name, 0), new.get(name, 0)) for name in names]
    most = max([max(row.before, row.after) for row in rows], default=0)
    return SplitBalance(
        split=split,
        rows=tuple(folded(rows)),
        most=most,
        before=int((before.splits == split).sum()),
        after=int((after.splits == split).sum()),
        uneven_before=_uneven([row.before for row in rows]),
        uneven_after=_uneven([row.after for row in rows]),
    )


def folded(rows: Sequence[ClassRow]) -> list[ClassRow]:
    """The rows in their order, or the largest and the smallest with the number of those between."""
    if len(rows) <= MOST_BARS:
        return list(rows)
    ranked = sorted(rows, key=lambda row: (-row.after, -row.before, row.name or ""))
    half = MOST_BARS // 2
    hidden = ranked[half:-half]
    return [*ranked[:half], ClassRow(None, len(hidden), len(hidden)), *ranked[-half:]]


def _uneven(counts: Sequence[int]) -> float:
    return max(counts) / min(counts) if counts and min(counts) else 0.0
