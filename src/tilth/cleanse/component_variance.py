"""Component pruning: a component whose labels are spread too far goes as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tilth.cleanse import components as of
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.numerics.label_counts import STATISTICS, spread
from tilth.sample import TRAIN
from tilth.signal import Signals


@dataclass(frozen=True)
class ComponentVariance:
    """Drop all samples of a component whose label counts are spread further than a threshold.

    Reads the findings of `audit.components`. The statistic is counted again from the labels as they are now.
    """

    source = "Lan 2023, Cleaning with components, strategy 1: component pruning"
    cost = "O(findings)"

    statistic: Literal["disagreement", "variance", "geometric_variance", "cubic_variance", "std"] = "disagreement"
    """What the spread is measured by. The paper's three compare the counts of labels with each other, and see nothing
    where two samples have one label each and not the same; disagreement does."""

    threshold: float | None = None
    """Above which a component goes, in the unit of the statistic. None: the 80th percentile among the components of
    two or more, as it was when they were found."""

    smallest: int = 2
    """Fewest samples of a component that is judged."""

    singletons: of.Singletons = "keep"
    """Whether samples that are near no other are kept or dropped."""

    splits: tuple[str, ...] = (TRAIN,)
    """Where samples are dropped; those of other splits are counted."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """Drops; no class of a split is emptied."""
        del signals
        name = "cleanse.component_variance"
        of.check(name, smallest=self.smallest, singletons=self.singletons)
        if self.statistic not in STATISTICS:
            raise SettingError(f"{name}: statistic is one of {', '.join(STATISTICS)}; found {self.statistic!r}")
        if self.threshold is not None and not (isinstance(self.threshold, (int, float)) and self.threshold >= 0):
            raise SettingError(f"{name}: threshold is a number from 0 up, found {self.threshold!r}")
        edits = self._drops(data, findings)
        return of.settled(data, edits, findings, singletons=self.singletons, splits=self.splits, step=name)

    def _drops(self, data: Dataset, findings: Sequence[Finding]) -> Iterator[Edit]:
        for component in of.found(data, findings, smallest=self.smallest):
            value = float(spread(*of.counts_of(component))[self.statistic][0])
            limit = component.evidence["limits"][self.statistic] if self.threshold is None else self.threshold
            if value <= limit:
                continue
            odd = [label for label, count in component.counts.items() if count < len(component.members)]
            because = (
                f"its component of {len(component.members)} is at odds, {self.statistic.replace('_', ' ')} {value:.3g} "
                f"above {limit:.3g}: {of.counted(data, component, odd)}"
            )
            told = of.evidence(data, component, statistic=self.statistic, value=round(value, 6), threshold=limit)
            yield from (Drop(sample.id, because, told) for sample in component.members)
