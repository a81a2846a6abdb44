"""Label pruning, label intersection and image pruning within components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilth.cleanse import components as of
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.finding import Finding
from tilth.sample import TRAIN
from tilth.signal import Signals


@dataclass(frozen=True)
class LabelCountsRatio:
    """Take a label off the samples of a component where too few of them carry it.

    The label counts ratio is the share of the component's samples that carry the label. Labels are taken off, never
    put on. A sample that would be left without any goes, which is all that this does where there is one label each.
    """

    source = "Lan 2023, Cleaning with components, strategy 2: label pruning"
    cost = "O(findings)"

    least_share: float = 0.5
    """Share (0..1) of a component's samples under which a label is taken off. With .5 two samples that contradict each
    other stay: nobody knows who is right."""

    smallest: int = 2
    """Fewest samples of a component that is judged."""

    singletons: of.Singletons = "keep"
    """Whether samples that are near no other are kept or dropped."""

    splits: tuple[str, ...] = (TRAIN,)
    """Where labels are taken off; those of other splits are counted."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Relabel and Drop, at most one per sample; no class of a split is emptied."""
        del signals
        name = "cleanse.label_counts_ratio"
        of.check(name, smallest=self.smallest, singletons=self.singletons, share=self.least_share)
        edits: list[Edit] = []
        for one in of.found(data, findings, smallest=self.smallest):
            rare = frozenset(label for label in one.counts if one.share(label) < self.least_share)
            for sample in one.members:
                own = rare & (of.classes(sample.label) or frozenset())
                why = f"under {self.least_share:.0%} of its component carry it: {of.counted(data, one, own)}"
                if edit := of.without(data, one, sample, own, why):
                    edits.append(edit)
        return of.settled(data, edits, findings, singletons=self.singletons, splits=self.splits, step=name)


@dataclass(frozen=True)
class LabelIntersection:
    """Keep only those labels of a sample that all samples of its component carry; one that is left without any goes.

    The surest rule and the dearest: one sample that lacks a label takes it from all the others. Where there is one
    label each, a component that contradicts itself goes as a whole.
    """

    source = "Lan 2023, Cleaning with components, strategy 3: label intersection"
    cost = "O(findings)"

    smallest: int = 2
    """Fewest samples of a component that is judged."""

    singletons: of.Singletons = "keep"
    """Whether samples that are near no other are kept or dropped."""

    splits: tuple[str, ...] = (TRAIN,)
    """Where labels are taken off; those of other splits are counted."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Relabel and Drop, at most one per sample; no class of a split is emptied."""
        del signals
        name = "cleanse.label_intersection"
        of.check(name, smallest=self.smallest, singletons=self.singletons)
        edits: list[Edit] = []
        for one in of.found(data, findings, smallest=self.smallest):
            partial = frozenset(label for label, count in one.counts.items() if count < len(one.members))
            for sample in one.members:
                own = partial & (of.classes(sample.label) or frozenset())
                why = f"not all of its component carry it: {of.counted(data, one, own)}"
                if edit := of.without(data, one, sample, own, why):
                    edits.append(edit)
        return of.settled(data, edits, findings, singletons=self.singletons, splits=self.splits, step=name)


@dataclass(frozen=True)
class RareLabels:
    """Drop a sample that carries a label which is rare in its component; the others stay as they are.

    The paper's image pruning. A sample that lacks a label which the others carry is not met: only what is there is
    counted.
    """

    source = "Lan 2023, Cleaning with components, strategy 4: image pruning"
    cost = "O(findings)"

    least_share: float = 0.5
    """Share (0..1) of a component's samples under which a label is rare."""

    smallest: int = 2
    """Fewest samples of a component that is judged."""

    singletons: of.Singletons = "keep"
    """Whether samples that are near no other are kept or dropped."""

    splits: tuple[str, ...] = (TRAIN,)
    """Where samples are dropped; those of other splits are counted."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drops; no class of a split is emptied."""
        del signals
        name = "cleanse.rare_labels"
        of.check(name, smallest=self.smallest, singletons=self.singletons, share=self.least_share)
        edits: list[Edit] = []
        for one in of.found(data, findings, smallest=self.smallest):
            for sample in one.members:
                own = of.classes(sample.label) or frozenset()
                rare = {label for label in own if one.share(label) < self.least_share}
                if rare:
                    why = f"it carries a label that is rare in its component: {of.counted(data, one, rare)}"
                    told = of.evidence(data, one, rare=sorted(data.schema.classes[label] for label in rare))
                    edits.append(Drop(sample.id, why, told))
        return of.settled(data, edits, findings, singletons=self.singletons, splits=self.splits, step=name)
