"""New pictures by operations drawn at random, with no search: TrivialAugment, RandAugment, and a named list.

A learned policy must beat them on the same operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.augment.filling import Moves, drawn_move, filled
from tilth.augment.operation import Move
from tilth.augment.operations.sets import named, spelled
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError
from tilth.signal import Signals
from tilth.steps import Run


@dataclass(frozen=True)
class Trivial:
    """Makes each new train picture by one operation at one strength, both drawn evenly."""

    operations: tuple[str, ...] = ("trivial",)  # names of operations and of sets of them; auto: drawing or photo
    forbid: tuple[str, ...] = ()  # never drawn
    strength: float = 1.0  # the largest share of an operation's full strength
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 50  # copies of one picture: a class of one must not fill the set with itself
    side_px: int | None = None  # longer side of the new pictures; None: as large as their parents
    keep_ink: bool = True  # ink that lies free of the border is not moved out of the frame

    version = 3
    modality = ("image",)
    source = "Müller and Hutter 2021, arXiv:2103.10158 (TrivialAugment)"
    cost = "6 ms for a grey picture of 300 x 300, 4 of them for writing it"

    def __post_init__(self) -> None:
        _validate("augment.trivial", self)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        pool = named("augment.trivial", spelled(self.operations, data, run), self.forbid)

        def moves(rng: np.random.Generator) -> tuple[Move, ...]:
            return (drawn_move(str(rng.choice(pool)), float(rng.uniform(0, self.strength)), rng),)

        yield from _filled("augment.trivial", self, moves, data, signals, run, budget)


@dataclass(frozen=True)
class Rand:
    """Makes each new train picture by several operations, all at the same strength."""

    operations: tuple[str, ...] = ("trivial",)  # names of operations and of sets of them; auto: drawing or photo
    forbid: tuple[str, ...] = ()  # never drawn
    count: int = 2  # operations in a row; the paper's choice for CIFAR's larger networks
    strength: float = 0.3  # share of full strength: 9 of 30, the paper's choice for ImageNet
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 50  # copies of one picture
    side_px: int | None = None  # longer side of the new pictures; None: as large as their parents
    keep_ink: bool = True  # ink that lies free of the border is not moved out of the frame

    version = 3
    modality = ("image",)
    source = "Cubuk et al. 2020, arXiv:1909.13719 (RandAugment)"
    cost = "8 ms for a grey picture of 300 x 300, half of it for writing it"

    def __post_init__(self) -> None:
        _validate("augment.rand", self)
        if isinstance(self.count, bool) or not isinstance(self.count, int) or not 1 <= self.count <= 16:
            raise SettingError(f"augment.rand: count must lie within 1 and 16, found {self.count!r}")

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        pool = named("augment.rand", spelled(self.operations, data, run), self.forbid)

        def moves(rng: np.random.Generator) -> tuple[Move, ...]:
            return tuple(drawn_move(str(name), self.strength, rng) for name in rng.choice(pool, size=self.count))

        yield from _filled("augment.rand", self, moves, data, signals, run, budget)


@dataclass(frozen=True)
class Named:
    """Makes new train pictures by a list of operations, one at a time or several at once."""

    operations: tuple[str, ...] = ("sampling",)  # names of operations and of sets of them; auto: drawing or photo
    forbid: tuple[str, ...] = ("hflip", "vflip")  # a mirrored numeral is another one; with the label guard: none
    strength: float = 0.5  # share of full strength at most: 15 degrees of turning
    least: float = 0.3  # share of `strength` at least: below, a new picture is a near copy and teaches nothing
    composed: float = 0.0  # share of new pictures that get several operations
    most_at_once: int = 3  # operations of such a picture; with more, few glyphs can still be read
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 50  # copies of one picture
    side_px: int | None = None  # longer side of the new pictures; None: as large as their parents
    keep_ink: bool = True  # ink that lies free of the border is not moved out of the frame

    version = 3
    modality = ("image",)
    source = (
        "Papakipos and Bitton 2022, arXiv:2201.06494 (AugLy), for pixelate and pixel shuffle; the others are common"
    )
    cost = "6 ms for a grey picture of 300 x 300, 4 of them for writing it"

    def __post_init__(self) -> None:
        _validate("augment.operations", self)
        for name in ("least", "composed"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingError(
                    f"augment.operations: {name} is a share within 0 and 1, found {getattr(self, name)!r}"
                )
        if self.most_at_once < 2:
            raise SettingError(f"augment.operations: most_at_once must be at least 2, found {self.most_at_once!r}")

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        pool = named("augment.operations", spelled(self.operations, data, run), self.forbid)

        def moves(rng: np.random.Generator) -> tuple[Move, ...]:
            most = min(self.most_at_once, len(pool))
            several = most > 1 and rng.random() < self.composed
            chosen = rng.choice(pool, size=int(rng.integers(2, most + 1)) if several else 1, replace=False)
            low, high = self.least * self.strength, self.strength
            return tuple(drawn_move(str(name), float(rng.uniform(low, high)), rng) for name in chosen)

        yield from _filled("augment.operations", self, moves, data, signals, run, budget)


def _filled(
    name: str, step: Any, moves: Moves, data: Dataset, signals: Signals, run: Run, budget: int
) -> Iterator[Add]:
    most = step.most_per_parent
    return filled(name, step, digest(step), moves, data, signals, run, budget, balance=step.balance, most=most)


def _validate(name: str, step: Any) -> None:
    for setting in ("operations", "forbid"):
        value = getattr(step, setting)
        object.__setattr__(step, setting, (value,) if isinstance(value, str) else tuple(value))
    named(name, step.operations, step.forbid)
    if isinstance(step.strength, bool) or not isinstance(step.strength, (int, float)) or not 0 < step.strength <= 1:
        raise SettingError(f"{name}: strength must lie above 0 and up to 1, found {step.strength!r}")
    if isinstance(step.most_per_parent, bool) or step.most_per_parent < 1:
        raise SettingError(f"{name}: most_per_parent must be at least 1, found {step.most_per_parent!r}")
    if step.side_px is not None and step.side_px < 8:
        raise SettingError(f"{name}: side_px must be at least 8 or left out, found {step.side_px!r}")
