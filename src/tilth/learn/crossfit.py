"""Crossfit: what a learner says of each sample when it was not trained on it.

Every open sample gets an answer from the one network that saw neither it, nor an exact copy of it, nor a sample made
from it or from its (first) parent. All other labelled open samples train that network; there is no valid split in it, so a
learner that keeps the best epoch keeps its last one here (picking an epoch by held-out samples would leak).

Features of different networks lie in different spaces: two trainings name the same directions differently. All networks
therefore also look at one set of anchors, and each is turned (rotation, reflection, shift and one scale, by orthogonal
Procrustes) to agree with the first on them. Turned so, distances within a fold are unchanged up to scale.

Repeated, with folds of its own each time, the probabilities are the mean of what is said each time: who shares a fold with
whom, and how a network began, then say less. Features and folds are those of the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import LearnerError, StepError
from tilth.learn.kin import groups_of, taught_of
from tilth.learn.teaching import teaching
from tilth.numerics.folds import fold_of
from tilth.signal import Array, Signal
from tilth.steps import Learner, Run, declared

_NEXT = 7919  # between the seeds of two repeats: a prime, so that nobody's next seed is this one's second time
_ANCHORS = 1024  # four times the 256 directions of the widest small network: enough to tell a rotation


def crossfit(
    learner: Learner, data: Dataset, run: Run, *, folds: int = 5, seed: int = 0, repeats: int = 1
) -> tuple[Signal, Signal | None, Signal]:
    """Out-of-sample `probabilities` (n, k), `features` (n, d) and `fold` (n,) int of all rows; features None where the
    learner has no layer to look at.

    folds    networks that are trained, each on all but one of so many parts; fewer where there are fewer groups
    repeats  times that this is done, each with parts and seeds of its own; the probabilities are averaged

    Where nothing can be learned (one sample, one group of copies, no labels), all classes are equally probable. A
    finished fold is kept, so a kill costs one fold at most.
    """
    if folds < 2 or repeats < 1:
        raise StepError(f"crossfit needs at least 2 folds and one repeat, found {folds} and {repeats}")
    seeds = [seed + _NEXT * turn for turn in range(repeats)]
    groups, targets = groups_of(data), teaching_targets(data)
    times = [fold_of(groups, targets, folds=folds, seed=own) for own in seeds]
    anchors = _anchors(data, seed)
    name = f"{type(learner).__module__}.{type(learner).__name__}"
    settings = asdict(learner)  # pyright: ignore[reportArgumentType]
    keys = [digest(name, declared(learner, "version"), settings, data.version, folds, own) for own in seeds]
    count = [int(parts.max(initial=0)) + 1 if len(data) else 0 for parts in times]
    # All folds of all times in one row: no worker waits for the last fold of one time.
    each = [(turn, number) for turn in range(repeats) for number in range(count[turn])]
    fold = partial(_fold, learner, data, times, anchors, run, keys, seeds)
    often = f" in {repeats} cross-fits" if repeats > 1 else ""
    said = run.map(fold, each, what=f"{len(each)} folds of {type(learner).__name__}{often}")
    found = said[: count[0]]
    meta = {"learner": type(learner).__name__, "settings": settings, "folds": count[0], "seed": seed}
    meta |= {"repeats": repeats} if repeats > 1 else {}
    k, parts = len(data.schema.classes), times[0]
    told = [
        _joined(
            [one for one, (at, _) in zip(said, each, strict=True) if at == turn], own, "probabilities", len(data), k
        )
        for turn, own in enumerate(times)
    ]
    values = np.asarray(np.stack(told).mean(axis=0)) if repeats > 1 else told[0]
    probabilities = Signal("probabilities", data.ids, values, "share", None, meta)
    fold_signal = Signal("fold", data.ids, parts, meta=meta)
    if not found or any("features" not in one for one in found):
        return probabilities, None, fold_signal
    turned, agreement = _turned(found)
    embedding = _joined(turned, parts, "features", len(data), turned[0]["features"].shape[1])
    features = Signal("features", data.ids, embedding, meta={**meta, "agreement": agreement})
    return probabilities, features, fold_signal


def _fold(
    learner: Learner,
    data: Dataset,
    times: Sequence[Array],
    anchors: Array,
    run: Run,
    keys: Sequence[str],
    seeds: Sequence[int],
    which: tuple[int, int],
) -> dict[str, Array]:
    """What the network that did not see a fold says of it; `probabilities`, and maybe `features`, `anchors`.

    which  which time, and which of its folds
    """
    turn, number = which
    teach = partial(_trained, learner, data, times[turn], anchors, run, seeds[turn], number)
    return dict(run.keep(("fold", keys[turn], number), teach))


def _trained(
    learner: Learner, data: Dataset, parts: Array, anchors: Array, run: Run, seed: int, number: int
) -> dict[str, Array]:
    held, rest = data.where(parts == number), data.where(~taught_of(data, parts)[:, number])
    k = len(data.schema.classes)
    if not len(teaching(rest).data):
        even = 0.5 if data.schema.task == "multi-label" else 1 / max(k, 1)
        return {"probabilities": np.full((len(held), k), even, np.float32)}
    model = learner.fit(rest, None, run, seed=seed * 1000 + number)
    asked = data.where((parts == number) | anchors)
    mine = np.isin(asked.ids, held.ids)
    probabilities, features = _ask(model, asked, run)
    if probabilities is None:
        raise LearnerError(
            f"{type(learner).__name__} gave metrics and no predictions, and crossfit needs predictions for each sample"
        )
    found = {"probabilities": probabilities[mine]}
    if features is not None:
        at_anchor = np.isin(asked.ids, data.ids[anchors])
        found |= {"features": features[mine], "anchors": features[at_anchor]}
    return found


def _ask(model: Any, data: Dataset, run: Run) -> tuple[Array | None, Array | None]:
    if hasattr(model, "ask"):  # ours look at the samples once for both
        return model.ask(data, run)
    return model.predict(data, run), model.features(data, run)


def _joined(found: list[dict[str, Array]], parts: Array, what: str, n: int, width: int) -> Array:
    values = np.zeros((n, width), np.float32)
    for number, one in enumerate(found):
        values[parts == number] = one[what]
    return values


# -- folds ----------------------------------------------------------------------------------------------------


def teaching_targets(data: Dataset) -> Array:
    """(n, k + 1) what a fold should have its share of: the classes of each sample, and the sample."""
    return np.concatenate([data.targets, np.ones((len(data), 1), np.float32)], axis=1)


# -- one space ------------------------------------------------------------------------------------------------


def _anchors(data: Dataset, seed: int) -> Array:
    """(n,) bool: the samples that all networks look at."""
    anchors = np.zeros(len(data), bool)
    dice = np.random.default_rng([seed, 7])
    anchors[dice.permutation(len(data))[:_ANCHORS]] = True
    return anchors


def _turned(found: Iterable[dict[str, Array]]) -> tuple[list[dict[str, Array]], float]:
    """The features of all folds in the space of the first, and the mean share of the anchors' spread on which a
    network agrees with it (1: the same up to a turn)."""
    first, *others = found
    turned, agreed = [first], []
    for one in others:
        values, agreement = turn(one["features"], one["anchors"], first["anchors"])
        turned.append({"features": values})
        agreed.append(agreement)
    return turned, float(np.mean(agreed)) if agreed else 1.0


def turn(values: Array, own: Array, target: Array) -> tuple[Array, float]:
    """Values (m, d) of one space in another, known by anchors (a, d) seen in both; and the share of their spread, 0..1,
    that the turn explains.

    Source  Schoenemann 1966, A generalized solution of the orthogonal Procrustes problem
    """
    own_mean, target_mean = own.mean(0, dtype=np.float64), target.mean(0, dtype=np.float64)
    a, b = own - own_mean, target - target_mean
    left, strengths, right = np.linalg.svd(a.T @ b)
    own_spread, target_spread = float((a**2).sum()), float((b**2).sum())
    if own_spread == 0 or target_spread == 0:
        return values.astype(np.float32), 0.0
    agreement = float(strengths.sum()) ** 2 / (own_spread * target_spread)
    # The scale that fits best would shrink a network that agrees little; equal spread keeps distances comparable.
    scale = np.sqrt(target_spread / own_spread)
    moved = (values - own_mean) @ (left @ right) * scale + target_mean
    return moved.astype(np.float32), agreement
