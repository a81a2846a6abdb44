"""One split out of two: where train and valid are drawn alike, more to learn from, and a new valid is built with care."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilth.dataset import Dataset
from tilth.edit import Edit, Move
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import TEST, TRAIN, VALID
from tilth.signal import Signals


@dataclass(frozen=True)
class MergeSplits:
    """Move every sample of one split into another: the valid split into train, where both count towards one budget.

    Before `audit.validation_set` and `cleanse.validation_set`, which then choose a small, clean and diverse valid split out of
    all there is. Scores on the valid split of before and of after are not to be compared.
    """

    split: str = VALID  # the one that is emptied
    into: str = TRAIN  # the one that takes it in

    source = "Tilth"
    cost = "O(n)"

    def __post_init__(self) -> None:
        if TEST in (self.split, self.into):
            raise SettingError("cleanse.merge_splits: the test split is sealed; nothing goes into it or out of it")
        if self.split == self.into:
            raise SettingError(f"cleanse.merge_splits: split and into are both {self.split!r}")

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """A Move for each sample of the split."""
        del findings, signals
        because = f"{self.split} and {self.into} count towards one budget: what it was to judge, it may now teach"
        return [Move(str(id), self.into, because) for id in data.split(self.split).ids]
