"""Coverage: more new samples from the train samples that look like what the target has and train lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tilth.dataset import Dataset, target_split
from tilth.numerics import density_ratio as ratios
from tilth.numerics.attributes import known
from tilth.numerics.two_sample import Sides as Compared
from tilth.numerics.two_sample import sides_of
from tilth.sample import TRAIN
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run
from tilth.value.demand import demand_signal, groups, require_bounds
from tilth.value.sides import Sides, sides
from tilth.value.space import SPACES, require_at_least


@dataclass(frozen=True)
class Coverage:
    """How many new samples each train sample should give, so that train comes to have what a small clean target has.

    The demand is the density ratio of target to train within the class, in attributes and, where there are any, in features
    or an embedding. It is cross-fitted and drawn towards 1: where the target's samples cannot be told from train's by a
    model that did not see them, all demands are 1. An augmenter gives its parents turns in proportion.
    """

    needs = ("attributes",)
    gives = ("demand",)
    modality = ("image",)
    source = "Bickel, Brueckner, Scheffer 2009, Discriminative learning under covariate shift"
    cost = "folds x repeats x 4 logistic regressions of n rows: 2 s for 2,000"

    against: str = ""
    """Split that is the target, a sample of what the model will meet; none named: the only one under a name of its own
    (a label book), else valid; where there is neither, all demands are 1."""

    least: float = 0.2
    """Demand of a sample at least: what the target happens to lack among fifty is not given up."""

    most: float = 5.0
    """Demand of a sample at most: no single parent fills its class."""

    folds: int = 5
    """Parts of both sides, each judged by a fit of the others."""

    repeats: int = 3
    """How often the parts are drawn anew: with 50 target samples one draw is luck."""

    def __post_init__(self) -> None:
        require_bounds("value.coverage", self.least, self.most)
        require_at_least("value.coverage", 2, folds=self.folds)
        require_at_least("value.coverage", 1, repeats=self.repeats)

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """`demand` (n,): mean 1 in each class. Raises StepError where the target has no labelled sample."""
        if not self.against:
            target = target_split(data)
            if target is None:
                run.log(
                    "value.coverage: there is no split beside train to steer towards; name one:  --valid NAME-OR-PATH"
                )
            return replace(self, against=target or TRAIN).value(data, signals, run)
        pair = sides(data, self.against, "value.coverage")
        pool = pair.valued if pair.itself else pair.valued.merged(pair.judges)
        target = np.zeros(len(pool), bool) if pair.itself else pool.splits == self.against
        compared, kept = sides_of(target, groups(pool))
        rows = np.flatnonzero(kept)
        wanted = np.ones(len(pool))
        meta = {"slope": 0.0, "gain": 0.0}
        if len(rows):
            rng = run.rng("value.coverage")
            told = self._described(pool.where(kept), compared, signals, rng)
            found = ratios.density_ratio(told, compared, rng, folds=self.folds, repeats=self.repeats)
            wanted[rows] = np.exp(found.logs)
            meta = {"slope": round(found.slope, 4), "gain": round(found.gain, 5)}
        if not pair.itself:
            run.log(_said(meta["slope"], self.against))
        return self._signal(pair, pool, wanted, signals, meta)

    def _described(self, pool: Dataset, compared: Compared, signals: Signals, rng: np.random.Generator) -> Array:
        values = known(signals["attributes"].rows(pool.ids))
        space = next((one for one in SPACES[::-1] if one in signals and signals[one].covers(pool.ids)), None)
        if space is not None:
            points = signals[space].rows(pool.ids)
            values = np.column_stack([values, ratios.nearness(points, compared, rng)])
        return ratios.described(values, compared)

    def _signal(self, pair: Sides, pool: Dataset, wanted: Array, signals: Signals, meta: dict[str, float]) -> Signal:
        own = wanted[np.isin(pool.ids, pair.valued.ids)]
        return demand_signal("value.coverage", pair, own, signals, least=self.least, most=self.most, meta=meta)


def _said(slope: float, against: str) -> str:
    if not slope:
        return f"train and {against} cannot be told apart surely: no sample is asked for more than another"
    return f"train and {against} differ; {slope:.0%} of what tells them apart steers who gives new samples"
