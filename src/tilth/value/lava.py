"""LAVA: how much dearer a train sample makes it to carry the train split over to the judges. No model is trained.

The cost of carrying a sample to a judge is the squared distance of their embeddings plus the distance of their labels,
which is the transport between the clouds of the two classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.numerics.transport import calibrated, sinkhorn, squared_distances
from tilth.sample import VALID
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run
from tilth.value.sides import Sides, sides, value_signal
from tilth.value.space import SPACES, places, require_above, require_at_least, require_one_of

_NAME = "value.lava"
_MOST_PAIRS = 50_000_000  # of train sample and judge: 200 MB of cost
_CLASS_POINTS = 200  # of a class that stand for it in label distances: the mean cost moves by some 1 % with more
_CLASS_ROUNDS = 200  # of Sinkhorn for a label distance, which needs no potentials


@dataclass(frozen=True)
class Lava:
    """How far each train sample lies from the judges, in looks and label, by optimal transport.

    Strong where pictures or texts are broken or of another kind; at wrong labels weaker than neighbours.
    """

    gives = ("lava",)
    needs = ("embedding",)
    source = "Just et al. 2023, arXiv:2305.00054"
    cost = "O(n m) per round, some hundred rounds"

    against: str = VALID
    """Split whose samples judge. Not `train`: from a split to itself nothing needs carrying."""

    signal: str = "embedding"
    """Where samples lie: embedding, or features (of a learner, out of sample)."""

    blur: float = 0.1
    """Entropic regularisation, as a share of the mean cost. Smaller is truer, slower, and on digits worse at both faults: at
    .02 AUROC of wrong labels falls from .91 to .81, of noisy pictures from .92 to .81."""

    label_weight: float = 1.0
    """Weight of the distance of labels beside that of looks; 0: labels do not count."""

    rounds: int = 1000
    """Rounds of Sinkhorn at most."""

    tolerance: float = 0.01
    """Share of all mass (0..2) that may still lie wrong when the rounds stop."""

    def __post_init__(self) -> None:
        require_one_of(_NAME, "signal", self.signal, SPACES)
        require_above(_NAME, 0, blur=self.blur, tolerance=self.tolerance)
        require_at_least(_NAME, 0, label_weight=self.label_weight)
        require_at_least(_NAME, 1, rounds=self.rounds)
        object.__setattr__(self, "needs", (self.signal,))  # of this step as it is set; of the class, the default's

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n,) minus the calibrated gradient, in units of the mean squared length of a centred train sample."""
        pair = _thinned(sides(data, self.against, _NAME), run)
        points = places(pair.valued, signals, self.signal, _NAME)
        queries = places(pair.judges, signals, self.signal, _NAME)
        points, queries = _scaled(points, queries)
        cost = squared_distances(points, queries)
        if self.label_weight:
            cost += np.float32(self.label_weight) * label_costs(
                points,
                pair.valued.targets,
                queries,
                pair.judges.targets,
                multi=data.schema.task == "multi-label",
                blur=self.blur,
                rng=run.rng("lava", "classes"),
            )
        blur = self.blur * max(float(cost.mean(dtype=np.float64)), 1e-12)
        found = sinkhorn(cost, blur=blur, rounds=self.rounds, tolerance=self.tolerance)
        if not found.converged:
            run.log(f"{_NAME}: {found.gap:.3f} of the mass lay wrong after {found.rounds} rounds; raise rounds or blur")
        meta = {
            "signal": self.signal,
            "label_weight": self.label_weight,
            "blur": blur,
            "transport_cost": found.cost,
            "rounds": found.rounds,
            "converged": found.converged,
        }
        return value_signal("lava", pair, -calibrated(found.f), unit="squared length", meta=meta)


def label_costs(
    points: Array, targets: Array, queries: Array, truths: Array, *, multi: bool, blur: float, rng: np.random.Generator
) -> Array:
    """(n, m) float32, how far the labels of train samples are from those of judges.

    One label: the transport between the train samples of the one class and the judges of the other; for shares the mean
    over both. Several labels: for each class that one has and the other lacks, the transport between the train
    samples that have it and the judges that lack it.

    points, targets  (n, d), (n, k) of the train samples
    queries, truths  (m, d), (m, k) of the judges
    """
    clouds = [_some(points, column > 0, rng) for column in targets.T]
    goals = [_some(queries, column > 0, rng) for column in truths.T]
    k = targets.shape[1]
    if multi:
        lacks = [_some(queries, column <= 0, rng) for column in truths.T]
        between = np.array([_apart(*both, blur=blur) for both in zip(clouds, lacks, strict=True)], np.float32)
        return (targets * between) @ (1 - truths).T + ((1 - targets) * between) @ truths.T
    between = np.array([[_apart(clouds[i], goals[j], blur=blur) for j in range(k)] for i in range(k)], np.float32)
    return targets @ between @ truths.T


def _apart(points: Array, goals: Array, *, blur: float) -> float:
    """The cost of carrying one cloud to another; 0 where one is empty, for then no pair asks."""
    if not len(points) or not len(goals):
        return 0.0
    cost = squared_distances(points, goals)
    scale = blur * max(float(cost.mean()), 1e-12)
    return sinkhorn(cost, blur=scale, rounds=_CLASS_ROUNDS, tolerance=0.05).cost


def _some(values: Array, rows: Array, rng: np.random.Generator) -> Array:
    """The values of these rows, or of as many as stand for a class."""
    at = np.flatnonzero(rows)
    if len(at) > _CLASS_POINTS:
        at = np.sort(rng.choice(at, _CLASS_POINTS, replace=False))
    return values[at]


def _scaled(points: Array, queries: Array) -> tuple[Array, Array]:
    """Both less the mean of the train samples, over the root of their mean squared length."""
    centre = points.mean(0)
    points, queries = points - centre, queries - centre
    scale = np.sqrt(max(float((points.astype(np.float64) ** 2).sum(1).mean()), 1e-12))
    return (points / np.float32(scale)).astype(np.float32), (queries / np.float32(scale)).astype(np.float32)


def _thinned(pair: Sides, run: Run) -> Sides:
    """The sides with as many judges as memory allows. Raises StepError where the train samples judge themselves."""
    if pair.itself:
        raise StepError(
            f"{_NAME} was asked to carry the train split to itself, which costs nothing and tells nothing.\n"
            '  Name a clean split, or take value.data_oob or value.knn_shapley with against = "train".'
        )
    n, m = len(pair.valued), len(pair.judges)
    most = max(1, _MOST_PAIRS // n)
    if m <= most:
        return pair
    run.log(f"{_NAME}: {most:,} of {m:,} judges are drawn by chance, for {n:,} train samples; all would not fit")
    # In the order of their classes, so that each keeps its share: another share of a class would be carried elsewhere.
    order = np.lexsort((run.rng("lava", "judges").random(m), pair.judges.labels))
    chosen = np.zeros(m, bool)
    chosen[order[np.arange(most) * m // most]] = True
    return Sides(pair.valued, pair.judges.where(chosen), pair.against)
