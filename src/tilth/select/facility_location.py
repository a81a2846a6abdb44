"""FacilityLocation: samples of the pool are near to a chosen one of their class on the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.coverage import closeness_of, closeness_to_nearest, facility_location
from tilth.select.choice import in_space, reads
from tilth.signal import Array, Signals

_DENSE = 5_000  # samples of a class up to which all distances are held: 100 MB of float32
_NEIGHBORS = 64  # above, entries of each sample: beyond so many it is another one that stands for it


@dataclass(frozen=True)
class FacilityLocation:
    """Choose, class by class, those to which all of the class are nearest together: medoids, greedily.

    It keeps what is typical of each region, dense ones first; the sum is at least 63 % of the best possible.
    """

    space: str = "embedding"  # signal in which distances are taken; "features" where a learner is a step before
    budgets: str = "equal"  # or "difficulty" (reads `probabilities`), or "as_is"
    raw: bool = False  # whether samples that came with the source may go too

    version = 1
    needs = ("embedding",)
    source = "Nemhauser, Wolsey, Fisher 1978; Minoux 1978"
    cost = "O(n^2 d) for a class of up to 5,000; above, its nearest neighbours"

    def __post_init__(self) -> None:
        reads(self, self.space)

    def select(self, data: Dataset, signals: Signals, budget: int, rng: np.random.Generator) -> list[str]:
        """Ids of the train samples to keep. Samples that stay in any case stand for others from the start."""
        del rng

        def pick(points: Array, fixed: Array, count: int) -> Array:
            few = len(points) <= _DENSE
            closeness = closeness_of(points, points) if few else closeness_to_nearest(points, neighbors=_NEIGHBORS)
            return facility_location(closeness, count, chosen=np.flatnonzero(fixed))[0]

        return in_space(self, data, signals, budget, pick)
