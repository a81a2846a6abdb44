"""The check of translated pictures: a network that knows the target's style must take each for its class.

An unpaired translator has no reason of its own to keep what a picture means: it may draw an I where a II stood, and be taken
for real. So nothing it draws comes in unasked. Three networks are taught, each on all but one part of the labelled pictures;
what a real picture of the target gets from the one that never saw it is what a drawn one must get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import StepError
from tilth.numerics import copies, picture
from tilth.numerics.folds import fold_of, linked
from tilth.numerics.made_check import faintest, farthest, nearest_other
from tilth.shown import Shown, rows_of
from tilth.signal import Array
from tilth.steps import Model, Run

_PLENTY = 12  # labelled pictures of a class in the target: enough to teach a judge on them alone
_SIDE_PX = 96  # longer side of what is judged
_BITS = 6  # of 64 in the hash, as in audit.duplicates: near copies stay in one fold


@dataclass(frozen=True)
class Bench:
    """Whom a judge is made of.

    taught   labelled pictures that the networks are taught
    ground   what they are: `target`, `both` or `origin`
    mark     key of all that decides what they say
    """

    taught: Dataset
    target: Dataset
    ground: str
    learner: str
    settings: Mapping[str, Any]
    folds: int
    mark: str


@dataclass(frozen=True)
class Judge:
    """Networks, and what the real pictures of the target measure up to.

    models  one for each fold, which did not see it
    parts   id -> the fold of a taught sample
    real    for each fold (n, d) what its network sees of the target's pictures that it did not see; None without features
    far     (folds,) the largest distance of one of them to its nearest
    faint   probability of the label that all but 1 % of the rightly answered real pictures reach
    share   of the labelled real pictures that are rightly answered
    """

    models: tuple[Model, ...]
    parts: Mapping[str, int]
    real: tuple[Array, ...] | None
    far: Array
    faint: float
    share: float
    bench: Bench

    def of(self, pictures: Sequence[Array], parents: Sequence[str], run: Run, mark: str) -> tuple[Array, Array]:
        """Of drawn pictures (each h, w, c uint8) made of these samples: (b, k) probabilities, the mean of the networks that
        did not see the parent; and (b,) the distance to the nearest real picture of the target as a share of the farthest
        that a real one has, 0 where the learner has no features."""
        mine = np.array([self.parts.get(id, -1) for id in parents])
        seen = [_judged(one) for one in pictures]
        chances = np.zeros((len(self.models), len(seen), len(self.bench.taught.schema.classes)))
        shares = np.zeros((len(self.models), len(seen)))
        for number, model in enumerate(self.models):
            chances[number], features = _asked(model, seen, self.bench.taught, run, f"{mark} {number}")
            if features is not None and self.real is not None:
                away = nearest_other(features, self.real[number], np.full(len(seen), -1))
                shares[number] = away / max(float(self.far[number]), 1e-9)
        # A network that was taught the parent knows what shall come out: only the one that was not is asked.
        counts = (mine < 0) | (mine == np.arange(len(self.models))[:, None])
        return _mean(chances, counts[:, :, None]), _mean(shares, counts)


@dataclass(frozen=True)
class Verdict:
    """What is said of one drawn picture.

    passed       whether it may come in
    answer       the class it is taken for
    lost         whether it is taken for another class, or for its own more faintly than real pictures are
    probability  of its label
    distance     to the nearest real picture of the target, as a share of the farthest that a real one has
    """

    passed: bool
    answer: int
    lost: bool
    probability: float
    distance: float


class Court:
    """Asks a judge, who is called only for pictures that were not judged before."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench, self.run = bench, run
        self._facts: Array | None = None
        self._judge: Judge | None = None

    def of(self, pictures: Sequence[Array], labels: Sequence[int], parents: Sequence[str]) -> list[Verdict]:
        """Of drawn pictures (each h, w, c uint8) that shall be of these classes, made of these samples."""
        mark = digest(self.bench.mark, list(pictures), list(parents))
        kept = self.run.keep(("judged", mark), lambda: self._asked(pictures, parents, mark))
        self._facts = kept["facts"]
        faint, own = float(self._facts[0]), kept["chances"][np.arange(len(labels)), labels]
        answers = kept["chances"].argmax(axis=1)
        lost = (answers != np.asarray(labels)) | (own < faint)
        return [
            Verdict(bool(not out and share <= 1), int(answer), bool(out), float(chance), float(share))
            for answer, out, chance, share in zip(answers, lost, own, kept["shares"], strict=True)
        ]

    def _asked(self, pictures: Sequence[Array], parents: Sequence[str], mark: str) -> Mapping[str, Array]:
        self._judge = self._judge or judge(self.bench, self.run)
        chances, shares = self._judge.of(pictures, parents, self.run, mark)
        return {"chances": chances, "shares": shares, "facts": np.array([self._judge.faint, self._judge.share])}

    def told(self) -> str:
        """How far the judge can be trusted."""
        if self._facts is None:
            return "no judge was asked"
        grounds = {
            "target": "the target",
            "both": "both domains",
            "origin": "the origin alone, as the target has no labels",
        }
        whose = "the origin's" if self.bench.ground == "origin" else "the target's"
        return (
            f"the judge was taught on {grounds[self.bench.ground]} and knows {self._facts[1]:.0%} of {whose} real pictures that "
            "it did not see"
        )


def beyond_chance(labels: Array, answers: Array) -> float:
    """How far answers (n,) agree with labels (n,) beyond what luck would give with as many of each: 1 wholly, 0 not at all.
    The share of right ones where there is one label alone, of which luck says nothing.

    Source  Cohen 1960, A coefficient of agreement for nominal scales
    """
    right = float((labels == answers).mean()) if len(labels) else 0.0
    kinds = np.unique(labels)
    if len(kinds) < 2:
        return right
    luck = sum(float((labels == kind).mean() * (answers == kind).mean()) for kind in kinds)
    return (right - luck) / max(1 - luck, 1e-9)


def ground_of(origin: Dataset, target: Dataset, turned: int | None, asked: str) -> str:
    """On what a judge is taught: the target's labelled pictures where each class that is made has enough of them, both
    domains where it has few, the origin alone where it has none."""
    if asked != "auto":
        return asked
    made = np.unique(origin.labels[origin.labels >= 0]) if turned is None else np.array([turned])
    least = min((int((target.labels == label).sum()) for label in made), default=0)
    rivals = len(np.unique(target.labels[target.labels >= 0])) > 1
    if not (target.labels >= 0).any():
        return "origin"
    return "target" if least >= _PLENTY and rivals else "both"


def bench_of(data: Dataset, origin: Dataset, target: Dataset, *, ground: str, **others: Any) -> Bench:
    """Who is taught. A judge of one class would say yes to all: where the domains hold no rival, all of train is taught too.
    StepError where even that has one class."""
    chosen = {"target": target.ids, "origin": origin.ids}.get(ground, np.concatenate([origin.ids, target.ids]))
    taught = data.only(chosen)
    taught = taught.where(taught.labels >= 0)
    if len(np.unique(taught.labels)) < 2:
        train = data.train
        more = train.where(~train.made & (train.labels >= 0)).ids
        taught = data.only(np.union1d(taught.ids, more))
    if len(np.unique(taught.labels)) < 2:
        raise StepError(
            "synthesize.translation checks what it draws by a network that tells classes apart, and found labelled pictures "
            f"of {len(np.unique(taught.labels))} class(es).\n  It cannot be used on these data."
        )
    return Bench(taught, target, ground, **others)


def judge(bench: Bench, run: Run) -> Judge:
    """Teach the networks, and see what they say of real pictures that they never saw."""
    taught, target = bench.taught, bench.target
    pictures = [_judged(one) for one in run.images(taught)]
    parts = fold_of(_groups(taught, run), taught.targets, folds=bench.folds, seed=run.seed)
    numbers = range(int(parts.max()) + 1)
    models = tuple(_fitted(bench, pictures, parts, run, number) for number in numbers)
    known = dict(zip(taught.ids.tolist(), parts.tolist(), strict=True))
    looks = [_judged(one) for one in run.images(target)]
    of_target = np.array([known.get(id, -1) for id in target.ids.tolist()])
    real: list[Array] = []
    for number, model in enumerate(models):
        held = [look for look, part in zip(looks, of_target, strict=True) if part in (-1, number)]
        features = _asked(model, held, taught, run, f"{bench.mark} real {number}")[1]
        real += [features] if features is not None else []
    chances = np.zeros((len(taught), len(taught.schema.classes)))
    for number, model in enumerate(models):
        rows = np.flatnonzero(parts == number)
        chances[rows] = _asked(model, [pictures[int(row)] for row in rows], taught, run, f"{bench.mark} own {number}")[
            0
        ]
    measure = np.isin(taught.ids, target.ids)
    measure = measure if measure.any() else np.ones(len(taught), bool)
    own, right = chances[np.arange(len(taught)), taught.labels], chances.argmax(1) == taught.labels
    return Judge(
        models,
        known,
        tuple(real) if len(real) == len(models) else None,
        np.array([farthest(one) for one in real]) if real else np.ones(len(models)),
        faintest(own[right & measure]),
        float(right[measure].mean()),
        bench,
    )


def _fitted(bench: Bench, pictures: Sequence[Array], parts: Array, run: Run, number: int) -> Model:
    rows = np.flatnonzero(parts != number)
    lesson = rows_of(bench.taught.labels[rows].tolist(), bench.taught.schema)
    shown = Shown(run, [pictures[int(row)] for row in rows], f"{bench.mark} {number}")
    return run.step(bench.learner, bench.settings).fit(lesson, None, shown, seed=run.seed * 1000 + number)


def _asked(model: Model, pictures: Sequence[Array], taught: Dataset, run: Run, mark: str) -> tuple[Array, Array | None]:
    if not pictures:
        return np.zeros((0, len(taught.schema.classes))), None
    rows, shown = rows_of([None] * len(pictures), taught.schema), Shown(run, pictures, mark)
    asking: Any = model
    if hasattr(asking, "ask"):  # ours look once for both
        return asking.ask(rows, shown)
    return model.predict(rows, shown), model.features(rows, shown)


def _groups(data: Dataset, run: Run) -> Array:
    """(n,) int: near copies of each other have one number."""
    prints = run.describe("embed.fingerprint", data)
    looks = np.asarray(run.describe("embed.pixels", data), np.float32)
    near = copies.near_pictures(prints, looks, bits=_BITS, rng=np.random.default_rng([run.seed, 13]))
    return linked(len(data), near.a, near.b)


def _judged(shown: Array) -> Array:
    return picture.shrink(shown, _SIDE_PX)


def _mean(values: Array, counts: Array) -> Array:
    """The mean over the first axis of what counts."""
    return (values * counts).sum(0) / np.maximum(counts.sum(0), 1)
