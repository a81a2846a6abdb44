"""The check of mixtures: is it known for its class, to who saw neither of the two, and does it lie where real pictures lie?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tilth.augment.mixture import Mixture
from tilth.dataset import Dataset
from tilth.sample import Label
from tilth.signal import Signals
from tilth.steps import Run

PairCheck: TypeAlias = Callable[[Sequence[Mixture]], Sequence[Mapping[str, Any] | None]]
"""Mixtures -> the evidence of each that is kept, None for each that is not."""


def checked(data: Dataset, signals: Signals, run: Run) -> PairCheck:
    """The check of made pictures, for pairs; it lets all through where the label guard did not run.

    Two witnesses are asked, one that did not see the parent and one that did not see the partner, and the harder one counts.
    A mixture within a class must be known for that class and lie where real pictures lie. Of one across classes no class can
    be asked for: it must lie where real pictures lie.
    """
    if "guard" not in signals:
        return lambda mixtures: [{} for _ in mixtures]
    from tilth.augment.made_check import made_check

    judge = made_check(data, signals, run)

    def of(mixtures: Sequence[Mixture]) -> list[Mapping[str, Any] | None]:
        shown, classes = [one.shown for one in mixtures], [_main(one.label) for one in mixtures]
        sides = [judge.of(shown, classes, [one.parents[side] for one in mixtures], run) for side in (0, 1)]
        verdicts: list[Mapping[str, Any] | None] = []
        for one, first, second in zip(mixtures, *sides, strict=True):
            distance = {"distance": max(first.distance, second.distance)}
            if isinstance(one.label, tuple):
                verdicts.append(distance if distance["distance"] <= 1 else None)
            else:
                probability = {"probability": min(first.probability, second.probability)}
                verdicts.append({**probability, **distance} if first.passed and second.passed else None)
        return verdicts

    return of


def _main(label: Label) -> int:
    """The class of the largest share."""
    if isinstance(label, tuple):
        return max(label, key=lambda pair: pair[1])[0]
    return label if isinstance(label, int) else 0
