"""Data Shapley, Beta Shapley and Data Banzhaf of a cheap head: what a sample adds to models of random subsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.numerics.semivalues import EXACT_UP_TO, Budget, Estimate, Utility, exact, permuted, reused, size_weights
from tilth.sample import VALID
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run
from tilth.value.heads import HEADS, Lesson, head, hits, likelihood
from tilth.value.sides import Sides, sides, value_signal
from tilth.value.space import SPACES, places, require_above, require_at_least, require_one_of

WEIGHTS = ("shapley", "beta", "banzhaf")
SCORES = ("hit", "probability")

_NAME = "value.shapley"
_MOST_PAIRS = 100_000_000  # of train sample and judge that the head `neighbors` keeps in order: 400 MB


@dataclass(frozen=True)
class Shapley:
    """What each train sample adds to a head that is trained on random subsets and scored on the judges.

    For games that `value.knn_shapley` has no formula for. Estimates carry standard errors; up to 12 train samples
    every subset is asked and the values are exact.
    """

    gives = ("shapley",)
    needs = ("embedding",)
    source = "Ghorbani and Zou 2019, arXiv:1904.02868; Kwon and Zou 2022, arXiv:2110.14049; Wang and Jia 2023, arXiv:2205.15466"
    cost = "O(calls (n d^2 + m d k)) for the head ridge, d at most 64; a permutation takes n calls"

    weights: str = "shapley"
    """shapley, beta (small subsets count more) or banzhaf (all subsets count alike)."""

    a: float = 16.0
    """Of Beta(a, b): 16 and 1 as in the paper; on digits AUROC of flips is .940, of 4 and 1 .957, of 1 and 1 (shapley) .966."""

    b: float = 1.0
    """Of Beta(a, b)."""

    head: str = "ridge"
    """The model of a subset: ridge (closed form), neighbors (a vote) or logistic (slower)."""

    score: str = "probability"
    """What a judge pays: probability of its label, which has less variance, or hit: 1 where the model names it."""

    neighbors: int = 5
    """How many vote, of the head `neighbors`."""

    against: str = VALID
    """Split whose samples judge. Not `train`: a model is no judge of what it was trained on."""

    signal: str = "embedding"
    """Where samples lie: embedding, or features (of a learner, out of sample)."""

    calls: int = 20_000
    """Models trained at most: half a minute with 1,000 train samples and 300 judges."""

    seconds: float = 0.0
    """Seconds at most; 0: no limit. A limit makes the answer depend on the machine."""

    error: float = 0.1
    """Stops when the mean standard error is this share of the standard deviation of the values."""

    truncation: float = 0.01
    """Share of the whole utility within which a growing subset counts as complete (permutations only); 0: never."""

    def __post_init__(self) -> None:
        for name, known in (("weights", WEIGHTS), ("head", HEADS), ("score", SCORES), ("signal", SPACES)):
            require_one_of(_NAME, name, getattr(self, name), known)
        require_at_least(_NAME, 1, calls=self.calls, neighbors=self.neighbors)
        require_at_least(_NAME, 0, seconds=self.seconds, error=self.error, truncation=self.truncation)
        require_above(_NAME, 0, a=self.a, b=self.b)
        object.__setattr__(self, "needs", (self.signal,))  # of this step as it is set; of the class, the default's

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n,) shares of the score; standard errors are told in `meta`."""
        pair = sides(data, self.against, _NAME)
        self._check(pair)
        n = len(pair.valued)
        utility = self._utility(pair, signals)
        with run.progress(f"models of subsets ({self.weights})", self.calls) as advance:

            def counted(members: Array) -> float:
                advance(1)
                return utility(members)

            found = self._estimate(counted, n, run.rng("shapley", self.weights))
        errors = found.errors[np.isfinite(found.errors)]
        meta: dict[str, Any] = {
            "weights": self.weights,
            "head": self.head,
            "score": self.score,
            "signal": self.signal,
            "rounds": found.rounds,
            "calls": found.calls,
            "converged": found.converged,
            "mean_error": float(errors.mean()) if len(errors) else None,
            "error_over_spread": float(errors.mean() / max(found.values.std(), 1e-300)) if len(errors) else None,
        }
        if self.weights == "beta":
            meta |= {"a": self.a, "b": self.b}
        if not found.converged:
            run.log(
                f"{_NAME} stopped at its budget: {found.calls:,} models, standard errors are "
                f"{meta['error_over_spread'] or np.inf:.2f} of the spread of the values (asked: {self.error:g})"
            )
        return value_signal("shapley", pair, found.values, unit="share", meta=meta)

    def _estimate(self, utility: Utility, n: int, rng: np.random.Generator) -> Estimate:
        weights = size_weights(n, self.weights, a=self.a, b=self.b)
        if n <= EXACT_UP_TO:
            return Estimate(exact(utility, weights), np.zeros(n), 0, 2**n, True)
        budget = Budget(error=self.error, calls=self.calls, seconds=self.seconds)
        if self.weights == "banzhaf":
            return reused(utility, n, rng, budget)
        return permuted(utility, weights, rng, budget, truncation=self.truncation)

    def _utility(self, pair: Sides, signals: Signals) -> Utility:
        points = places(pair.valued, signals, self.signal, _NAME)
        queries = places(pair.judges, signals, self.signal, _NAME)
        multi, truths = pair.valued.schema.task == "multi-label", pair.judges.targets
        ask = head(self.head, Lesson(points, pair.valued.targets, queries, multi), neighbors=self.neighbors)
        judge = hits if self.score == "hit" else likelihood
        return lambda members: float(judge(ask(members.astype(np.int64)), truths, multi=multi).mean())

    def _check(self, pair: Sides) -> None:
        n, m = len(pair.valued), len(pair.judges)
        if pair.itself:
            raise StepError(
                f"{_NAME} was asked to let train samples judge models that were trained on them.\n"
                '  Name a clean split, or take value.data_oob or value.knn_shapley with against = "train".'
            )
        if self.weights != "banzhaf" and n > EXACT_UP_TO and 2 * n > self.calls:
            raise StepError(
                f"{_NAME}: {self.calls:,} calls are less than two permutations of {n:,} train samples.\n"
                f'  Allow more (calls = {20 * n}), take weights = "banzhaf", or value.knn_shapley, which is exact.'
            )
        if self.head == "neighbors" and n * m > _MOST_PAIRS:
            raise StepError(
                f"{_NAME}: the head neighbors would keep {n:,} x {m:,} neighbours in order.\n"
                '  Take head = "ridge", or value.knn_shapley, which is exact.'
            )
