"""What becomes of a class under an operation: it stays, it becomes another, or the operation is forbidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tilth.augment.operation import Move
from tilth.dataset import Dataset
from tilth.sample import Label
from tilth.signal import Signals

Fates: TypeAlias = Callable[[Label, Sequence[Move]], Label]
"""(label of the parent, moves) -> label of the child; None where the moves are forbidden for this label."""


def fates(data: Dataset, signals: Signals) -> Fates:
    """What is known of the classes of these data: without a signal of the label guard, that every label stays."""
    return lambda label, moves: label
