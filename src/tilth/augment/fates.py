"""What becomes of a class under moves: asked by whatever makes pictures, answered by rules and by the label guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.augment.guard import mirrors
from tilth.augment.operation import Move, Operation
from tilth.dataset import Dataset
from tilth.numerics import label_fates, label_rules
from tilth.numerics.label_fates import Fate
from tilth.signal import Signals


@dataclass(frozen=True)
class Fates:
    """(operation, class) -> its fate, and the flips, which are forbidden where nothing is known of them."""

    fates: Mapping[tuple[str, int], Fate]
    mirrors: frozenset[str]

    def of(self, label: int, moves: Sequence[Move]) -> int | None:
        """The class of a sample of class `label` after these moves; None where they are forbidden."""
        done = [(move.operation, move.magnitude) for move in moves if move.magnitude]
        return label_fates.allowed(self.fates, label, done, mirrors=self.mirrors)


def fates(data: Dataset, signals: Signals, catalogue: Mapping[str, Operation]) -> Fates:
    """What the signal `guard` says of these data, with its rules above it. Without the signal all operations are allowed
    but the flips."""
    flips = frozenset(name for name, operation in catalogue.items() if mirrors(operation))
    if "guard" not in signals:
        return Fates({}, flips)
    signal = signals["guard"]
    here = np.isin(signal.ids, data.ids)
    labels = data.labels[np.searchsorted(data.ids, signal.ids[here])]
    own_inverse = np.array(signal.meta["own_inverse"], bool)
    classes = data.schema.classes
    found = label_fates.judged(signal.values[here], labels, classes=len(classes), own_inverse=own_inverse)
    rules = label_rules.parsed(signal.meta["rules"], operations=tuple(catalogue), classes=classes)
    return Fates(label_fates.fates_of(found, signal.meta["changes"], rules), flips)
