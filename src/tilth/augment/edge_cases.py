"""Edge cases: more pictures of the kind that train has few of, from the samples at the rim of their cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tilth.augment.filling import drawn_move, filled, require_images
from tilth.augment.operation import Move
from tilth.augment.operations.sets import named, spelled
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError
from tilth.numerics.edge_cases import edge_cases
from tilth.signal import Signals
from tilth.steps import Run


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

    version = 3
    needs = ("features",)
    of_raw = ("features",)
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
        object.__setattr__(self, "of_raw", (self.signal,))

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures of edge cases, at most `per_sample` of each, and at most `budget` open samples in all."""
        require_images("augment.edge_cases", data)
        pool = named("augment.edge_cases", spelled(self.operations, data, run), self.forbid)

        def moves(rng: np.random.Generator) -> tuple[Move, ...]:
            name = str(rng.choice(pool))
            magnitude = float(rng.uniform(self.least, 1)) * self.strength
            return (drawn_move(name, magnitude, rng),)

        rim = self._edge_cases(data, signals, run)
        barred, most = set(data.train.ids.tolist()) - rim, self.per_sample
        yield from filled(
            *("augment.edge_cases", self, digest(self), moves, data, signals, run, budget),
            balance=False,
            most=most,
            barred=barred,
        )

    def _edge_cases(self, data: Dataset, signals: Signals, run: Run) -> set[str]:
        judged = data.train.raw.labelled
        if not len(judged):
            run.log("augment.edge_cases makes nothing: no labelled train sample came with the source")
            return set()
        points = signals[self.signal].rows(judged.ids)
        found = edge_cases(points, judged.targets > 0, neighbors=self.neighbors, agree=self.agree, far=self.far)
        run.log(f"augment.edge_cases, in the {self.signal}: {found.told}")
        if not found.found.any():
            run.log(
                f"augment.edge_cases makes nothing; a lower far (now {self.far:g}) or agree ({self.agree:g}) finds more"
            )
        return set(judged.ids[found.found].tolist())
