"""Edge cases: more new samples from those at the rim of their cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.edge_cases import edge_cases
from tilth.sample import TRAIN
from tilth.signal import Signal, Signals
from tilth.steps import Run
from tilth.value.demand import demand_signal, require_bounds
from tilth.value.sides import sides
from tilth.value.space import places, require_at_least, require_one_of, require_shares


@dataclass(frozen=True)
class EdgeCases:
    """Ask edge cases for more new samples than the others of their class; which they are, audit.edge_cases says too.

    The demand is 1 for the others and `lift` for them, scaled to a mean of 1; it is multiplied with a demand that a step
    before told. With `lift = 1` nothing changes.
    """

    needs = ("features",)
    of_raw = ("features",)
    gives = ("demand",)
    source = "Lee et al. 2021, Augment and Valuate, section 3.4"
    cost = "a neighbour search"

    lift: float = 3.0
    """How many samples an edge case should give where another gives one: a tenth of a class then gives a quarter."""

    signal: str = "features"
    """Where distances are told: features (of a cross-fitted learner) or embedding (embed.learner: of a trained one)."""

    neighbors: int = 10
    """As in audit.edge_cases."""

    agree: float = 0.6
    """As in audit.edge_cases: least share (0..1) of the neighbours that have its class."""

    far: float = 0.9
    """As in audit.edge_cases: share (0..1) of a class that lies nearer to another of it."""

    least: float = 0.2
    """Demand of a sample at least, whatever was multiplied."""

    most: float = 5.0
    """Demand of a sample at most."""

    def __post_init__(self) -> None:
        require_bounds("value.edge_cases", self.least, self.most)
        require_at_least("value.edge_cases", 1, neighbors=self.neighbors, lift=self.lift)
        require_shares("value.edge_cases", agree=self.agree, far=self.far)
        require_one_of("value.edge_cases", "signal", self.signal, ("features", "embedding"))
        object.__setattr__(self, "needs", (self.signal,))
        object.__setattr__(self, "of_raw", (self.signal,))

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """`demand` (n,): mean 1 in each class."""
        pair = sides(data, TRAIN, "value.edge_cases", judged=False)
        raw = pair.valued.raw
        points = places(raw, signals, self.signal, "value.edge_cases")
        found = edge_cases(points, raw.targets > 0, neighbors=self.neighbors, agree=self.agree, far=self.far)
        wanted = np.where(np.isin(pair.valued.ids, raw.ids[found.found]), self.lift, 1.0)
        count = int(found.found.sum())
        run.log(
            f"{count} edge cases among {len(raw)} train samples are asked for {self.lift:g} times as many as others"
        )
        meta = {"edge_cases": count}
        return demand_signal("value.edge_cases", pair, wanted, signals, least=self.least, most=self.most, meta=meta)
