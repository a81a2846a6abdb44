"""What becomes of a class under an operation: it stays, it becomes another, or the operation is forbidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from tilth.augment.operation import Move
from tilth.dataset import Dataset
from tilth.numerics import label_fates, label_rules
from tilth.numerics.label_fates import Fate
from tilth.sample import Label
from tilth.signal import Signals

Fates: TypeAlias = Callable[[Label, Sequence[Move]], Label]
"""(label of the parent, moves) -> label of the child; None where the moves are forbidden for this label."""


def fates(data: Dataset, signals: Signals) -> Fates:
    """What is known of the classes of these data: the verdicts of the label guard with a person's rules above them.

    Without a signal of the label guard every label stays, whatever is done.
    """
    if "guard" not in signals:
        return lambda label, moves: label
    table = learned(data, signals)
    flips = frozenset(signals["guard"].meta["mirrors"])

    def of(label: Label, moves: Sequence[Move]) -> Label:
        done = [(move.operation, move.magnitude) for move in moves if move.magnitude]
        return _mapped(label, lambda one: label_fates.allowed(table, one, done, mirrors=flips))

    return of


def learned(data: Dataset, signals: Signals) -> Mapping[tuple[str, int], Fate]:
    """(operation, class) -> its fate, by the signal `guard` and the labels that these data have now."""
    signal, classes = signals["guard"], data.schema.classes
    here = np.isin(signal.ids, data.ids)
    labels = data.labels[np.searchsorted(data.ids, signal.ids[here])]
    own_inverse = np.array(signal.meta["own_inverse"], bool)
    found = label_fates.judged(signal.values[here], labels, classes=len(classes), own_inverse=own_inverse)
    rules = label_rules.parsed(signal.meta["rules"], operations=signal.meta["catalogue"], classes=classes)
    return label_fates.fates_of(found, signal.meta["changes"], rules)


def _mapped(label: Label, of: Callable[[int], int | None]) -> Label:
    """A label of one class, of several or of shares, class by class; None where one of them is forbidden."""
    if label is None:
        return None
    if isinstance(label, int):
        return of(label)
    if isinstance(label, frozenset):
        several = [of(one) for one in sorted(label)]
        return None if None in several else frozenset(one for one in several if one is not None)
    shares: dict[int, float] = {}
    for one, share in label:
        new = of(one)
        if new is None:
            return None
        shares[new] = shares.get(new, 0.0) + share
    return tuple(sorted(shares.items()))
