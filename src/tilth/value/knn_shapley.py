"""The worth of a train sample to a vote of nearest neighbours: Shapley values without sampling.

The game: a set of train samples votes on a judge with its K nearest members, and its utility is the share of K votes
that name the judge's label. For this game alone the Shapley value has a closed form, a recursion from far to near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset
from tilth.sample import VALID
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run
from tilth.value.sides import Sides, sides, value_signal
from tilth.value.space import SPACES, contents_of, places, require_at_least, require_one_of

METRICS = ("cosine", "euclidean")

_BLOCK_ENTRIES = 2_000_000  # pairs worked on at once: about 100 MB over all that is held of a pair


def knn_shapley(matches: Array, players: Array, *, neighbors: int) -> Array:
    """What each player adds to the votes of the nearest neighbours, judge by judge.

    matches   (m, n) float, how well the label of each player fits the judge's, 0..1, **from near to far**
    players   (m,) int, how many of the n play for this judge: the first ones; the rest gets 0
    returns   (m, n) float64, same order, shares of a vote; a row adds up to the utility of all players

    Source    Jia et al. 2019, arXiv:1908.08619, theorem 1; min(K, N) / K in the last term for fewer players than K
    Cost      O(m n); sorting, done by the caller, is dearer
    """
    m, n = matches.shape
    if not n:
        return np.zeros((m, 0))
    place = np.arange(1, n + 1)
    steps = np.zeros((m, n))
    steps[:, :-1] = (matches[:, :-1] - matches[:, 1:]) / np.maximum(neighbors, place[:-1])
    playing = place <= players[:, None]
    steps[:, :-1] *= playing[:, 1:]  # no step down from the last player
    last = np.maximum(players, 1)
    ends = np.take_along_axis(matches, (last - 1)[:, None], 1)[:, 0] * np.minimum(neighbors, last) / (neighbors * last)
    return (np.cumsum(steps[:, ::-1], axis=1)[:, ::-1] + ends[:, None]) * playing


def agreement(judges: Array, targets: Array, *, multi: bool) -> Array:
    """(m, n) 0..1, how well labels agree: the same class, or the share of classes that both have or both lack.

    judges, targets  (m, k) and (n, k) one-hot, multi-hot or shares; of shares it is the chance to agree
    """
    both = judges @ targets.T
    if not multi:
        return both
    k = targets.shape[1]
    return (2 * both + k - judges.sum(1)[:, None] - targets.sum(1)[None, :]) / k


@dataclass(frozen=True)
class KnnShapley:
    """The exact Shapley value of each train sample in the vote of the nearest neighbours on each judge.

    Cheap and without chance: the first valuation to look at. Values of all train samples add up to the share of right
    votes; a sample that drags judges to a wrong label is below 0.
    """

    needs = ("embedding",)
    gives = ("knn_shapley",)
    source = "Jia et al. 2019, arXiv:1908.08619"
    cost = "O(m n (d + log n)) for m judges"

    neighbors: int = 5
    """How many neighbours vote (K). On digits with 10 % flips AUROC is .996 for 1, 5 and 10; many blur small classes."""

    against: str = VALID
    """Split whose samples judge. `train`: train samples judge each other, never themselves nor an exact copy."""

    signal: str = "embedding"
    """Where neighbours are sought: embedding, or features (of a learner, out of sample)."""

    metric: str = "cosine"
    """cosine (lengths do not count: of most networks they tell contrast, not kind) or euclidean."""

    matrix_up_to: int = 50_000_000
    """Pairs of train sample and judge up to which each has a value of its own (200 MB); above, the mean over judges."""

    def __post_init__(self) -> None:
        require_at_least("value.knn_shapley", 1, neighbors=self.neighbors)
        require_at_least("value.knn_shapley", 0, matrix_up_to=self.matrix_up_to)
        require_one_of("value.knn_shapley", "signal", self.signal, SPACES)
        require_one_of("value.knn_shapley", "metric", self.metric, METRICS)
        object.__setattr__(self, "needs", (self.signal,))  # of this step as it is set; of the class, the default's

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n, m) a column per judge, or (n,) the mean over judges where that would be too large."""
        pair = sides(data, self.against, "value.knn_shapley")
        points = places(pair.valued, signals, self.signal, "value.knn_shapley")
        queries = points if pair.itself else places(pair.judges, signals, self.signal, "value.knn_shapley")
        n, m = len(points), len(queries)
        each = n * m <= self.matrix_up_to
        values = np.zeros((n, m), np.float32) if each else np.zeros(n)
        with run.progress("nearest-neighbour Shapley", m) as advance:
            for rows, part in self._parts(pair, points, queries):
                if each:
                    values[:, rows] = part.T
                else:
                    values += part.sum(0) / m
                advance(len(part))
        meta = {"neighbors": self.neighbors, "metric": self.metric, "signal": self.signal}
        return value_signal("knn_shapley", pair, values, unit="share", meta=meta)

    def _parts(self, pair: Sides, points: Array, queries: Array) -> Iterator[tuple[slice, Array]]:
        """(b, n) values for a block of judges at a time, in the order of the train samples."""
        multi = pair.valued.schema.task == "multi-label"
        targets, truths = pair.valued.targets, pair.judges.targets
        contents = contents_of(pair.valued) if pair.itself else None
        apart = _measure(points, self.metric)
        step = max(1, _BLOCK_ENTRIES // len(points))
        for start in range(0, len(queries), step):
            rows = slice(start, start + step)
            distances = apart(queries[rows])
            players = np.full(len(distances), len(points))
            if contents is not None:
                barred = contents[rows, None] == contents[None, :]
                distances[barred] = np.inf  # behind all players
                players = players - barred.sum(1)
            # Samples are in the order of their ids: a stable sort settles what is equally far by id.
            order = np.argsort(distances, axis=1, kind="stable")
            matches = np.take_along_axis(agreement(truths[rows], targets, multi=multi), order, 1).astype(np.float64)
            part = np.empty(order.shape)
            np.put_along_axis(part, order, knn_shapley(matches, players, neighbors=self.neighbors), 1)
            yield rows, part


def _measure(points: Array, metric: str) -> Callable[[Array], Array]:
    """A function of queries (b, d): (b, n) squared distances to the points (n, d), less what is the same in a row.

    Each distinct point is measured once, so that copies are exactly as far and their ids decide: products of matrices
    differ in the last bit from column to column. In float64, where |q|^2 - 2 q.p leaves 8 digits to near points.
    """
    points = _directed(points, metric)
    rows = np.ascontiguousarray(points).view(np.dtype((np.void, points.dtype.itemsize * points.shape[1]))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    distinct = points[first]
    lengths = np.einsum("nd,nd->n", distinct, distinct)

    def apart(queries: Array) -> Array:
        return (lengths - 2 * (_directed(queries, metric) @ distinct.T))[:, inverse.ravel()]

    return apart


def _directed(values: Array, metric: str) -> Array:
    """(n, d) float64; of length 1 where only directions count. What has no direction stays at the origin."""
    values = values.astype(np.float64)
    if metric == "cosine":
        values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return values + 0.0  # -0.0 and 0.0 are one place
