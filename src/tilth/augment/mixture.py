"""A mixture of two pictures: what a way of mixing is handed and gives back, and what is known of one that was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np

from tilth.sample import Label, Sample
from tilth.signal import Array


class MixingStep(Protocol):
    """The settings that all ways of mixing have."""

    @property
    def within(self) -> str: ...
    @property
    def alpha(self) -> float: ...
    @property
    def least(self) -> float: ...
    @property
    def balance(self) -> bool: ...
    @property
    def most_per_parent(self) -> int: ...


@dataclass(frozen=True)
class Block:
    """Pairs of one size, ready to be mixed.

    firsts   (b, h, w, c) uint8, the parents
    seconds  (b, h, w, c) uint8, their partners, each in a frame of its own ground
    places   (b, 4) int, where a partner lies in its frame: top, left, bottom, right
    shares   (b,) what was drawn for the parents
    dice     one generator for each
    """

    firsts: Array
    seconds: Array
    places: Array
    shares: Array
    dice: Sequence[np.random.Generator]


@dataclass(frozen=True)
class Mixed:
    """What came of a block: pictures (b, h, w, c) uint8, the shares (b,) that the parents have of them, and the boxes
    (b, 4) that the partners fill, where there are some."""

    pictures: Array
    shares: Array
    boxes: Array | None = None


Mix: TypeAlias = Callable[[Block], Mixed]


@dataclass(frozen=True)
class Slot:
    """A mixture that is to be made of this parent; which of them it is."""

    parent: Sample
    ordinal: int


@dataclass(frozen=True)
class Mixture:
    """A mixture as it was made: of whom, with which label, and how it looks."""

    slot: Slot
    partner: Sample
    label: Label
    share: float
    box: tuple[int, ...] | None
    shown: Array
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def parents(self) -> tuple[str, str]:
        return self.slot.parent.id, self.partner.id
