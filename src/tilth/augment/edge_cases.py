"""Edge cases: more pictures of the kind that train has few of, from the samples at the rim of their cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tilth.augment.fates import fates
from tilth.augment.operation import Move
from tilth.augment.operations.sets import named
from tilth.augment.turns import demand_of, plan
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics.edge_cases import edge_cases
from tilth.sample import Sample
from tilth.signal import Signals
from tilth.steps import Run

if TYPE_CHECKING:
    from tilth.augment.making import Drawing


@dataclass(frozen=True)
class EdgeCases:
    """Makes new train pictures of edge cases alone: samples inside the cluster of their class, far from the nearest of it.

    Which these are, audit.edge_cases says too. Each gives up to `per_sample` new pictures, as far as the budget goes.
    """

    operations: tuple[str, ...] = ("edge",)  # names of operations and of sets of them; the paper's choice
    forbid: tuple[str, ...] = ()  # never drawn
    per_sample: int = 10  # new pictures of each edge case: a tenth of a class doubles it
    strength: float = 0.5  # share of full strength at most: 15 degrees of turning
    least: float = 0.3  # share of `strength` at least: below, a new picture is a near copy and teaches nothing
    signal: str = "features"  # where distances are told: features (of a cross-fitted learner) or embedding
    neighbors: int = 10  # how many vote on whose cluster it is
    agree: float = 0.6  # least share of them that have its class
    far: float = 0.9  # share of a class that lies nearer to another of it
    side_px: int | None = None  # longer side of the new pictures; None: as large as their parents
    keep_ink: bool = True  # ink that lies free of the border is not moved out of the frame

    version = 1
    needs = ("features",)
    modality = ("image",)
    source = "Lee et al. 2021, Augment and Valuate, section 3.4"
    cost = "a neighbour search, and 5 to 15 ms for a picture of 300 x 300"

    def __post_init__(self) -> None:
        for setting in ("operations", "forbid"):
            value = getattr(self, setting)
            object.__setattr__(self, setting, (value,) if isinstance(value, str) else tuple(value))
        named("augment.edge_cases", self.operations, self.forbid)
        if not 0 < self.strength <= 1 or not 0 <= self.least <= 1 or not 0 <= self.agree <= 1 or not 0 < self.far < 1:
            raise SettingError(
                "augment.edge_cases: strength, least, agree and far are shares within 0 and 1, found "
                f"{self.strength!r}, {self.least!r}, {self.agree!r}, {self.far!r}"
            )
        if self.per_sample < 1 or self.neighbors < 1 or (self.side_px is not None and self.side_px < 8):
            raise SettingError(
                "augment.edge_cases: per_sample and neighbors must be at least 1 and side_px at least 8 or left out, found "
                f"{self.per_sample!r}, {self.neighbors!r}, {self.side_px!r}"
            )
        if self.signal not in ("features", "embedding"):
            raise SettingError(f"augment.edge_cases: signal is features or embedding, found {self.signal!r}")
        object.__setattr__(self, "needs", (self.signal,))

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures of edge cases, at most `per_sample` of each, and at most `budget` open samples in all."""
        if data.schema.modality != "image":
            raise StepError("augment.edge_cases works on images; this dataset holds texts. Use augment.text.")
        from tilth.augment.making import Making

        key = digest(self)
        barred = set(data.train.ids.tolist()) - self._edge_cases(data, signals)
        rng, room = run.rng(key, "turns"), budget - len(data.open)
        turns = plan(data, room, rng, balance=False, most=self.per_sample, barred=barred, demand=demand_of(signals))
        making = Making("augment.edge_cases", key, self._drawing(data, signals), self.side_px, self.keep_ink)
        count = 0
        for add in making.made(data, turns, run):
            count += 1
            yield add
        run.log(f"augment.edge_cases made {count} pictures of {len(turns.parents)} edge cases")

    def _edge_cases(self, data: Dataset, signals: Signals) -> set[str]:
        judged = data.train
        judged = judged.where((judged.targets.sum(1) > 0) & ~judged.made)
        if not len(judged):
            return set()
        points = signals[self.signal].rows(judged.ids)
        found = edge_cases(points, judged.targets > 0, neighbors=self.neighbors, agree=self.agree, far=self.far)
        return set(judged.ids[found.found].tolist())

    def _drawing(self, data: Dataset, signals: Signals) -> Drawing:
        from tilth.augment.making import Draw
        from tilth.augment.operations import OPERATIONS

        pool, known = named("augment.edge_cases", self.operations, self.forbid), fates(data, signals)

        def drawing(parent: Sample, ordinal: int, rng: np.random.Generator) -> Draw | None:
            operation = OPERATIONS[str(rng.choice(pool))]
            magnitude = float(rng.uniform(self.least, 1)) * self.strength
            side = float(rng.choice((-1, 1))) if operation.signed else 1.0
            move = Move(operation.name, magnitude * side if operation.graded else 1.0)
            label = known(parent.label, (move,))
            return None if label is None else Draw(parent, ordinal, (move,), label)

        return drawing
