"""Whose turn it is: which train samples a step makes new ones from, and under which names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TypeAlias

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.quota import even_turns, multi_label_turns, water_fill
from tilth.sample import TRAIN, Sample, made_id
from tilth.signal import Array, Signal, Signals

_LevelOf: TypeAlias = Callable[[Array], float]
"""Sizes of the classes -> the size that they are brought up to."""


@dataclass(frozen=True)
class Turns:
    """Rows of `data.train` that may be used, and how often each is.

    parents  ids, sorted, each once
    times    (p,) int, how many new samples each of them gives
    """

    parents: tuple[str, ...]
    times: Array


def plan(
    data: Dataset,
    room: int,
    rng: np.random.Generator,
    *,
    balance: bool,
    most: int,
    level: bool = False,
    up_to: int = 0,
    barred: Collection[str] = (),
    demand: Signal | None = None,
) -> Turns:
    """Which parents to use how often, so that at most `room` samples come in.

    balance  fill the smallest classes first; else every parent is used alike
    most     new samples per parent at most
    level    stop where every class has reached the size of the largest
    up_to    with `level`, stop where it has reached so many; 0: that of the largest
    barred   ids that are no parents
    demand   how many samples each parent should give beside others of its class; all alike where there is none. One that
             was not measured counts as 1

    Raw samples are preferred: a made one is used only in a class that has no raw one. Samples without a label or
    of weight 0 are never parents.
    """
    train = data.train
    usable = fit_parents(train) & ~np.isin(train.ids, list(barred))
    rank = rng.permutation(len(train))
    weights = None if demand is None else _demanded(train, demand)
    level_of = partial(_level, level=level, up_to=up_to)
    if room <= 0 or not usable.any():
        return Turns((), np.zeros(0, dtype=np.int64))
    if not balance:
        quota = np.array([min(room, int(usable.sum()) * most)])
        rows = even_turns(rank, quota, [np.flatnonzero(usable)], weights=weights, most=most)
    elif data.schema.task == "multi-label":
        rows = _multi_label(train, usable, rank, room, most=most, level_of=level_of, weights=weights)
    else:
        rows = _single_label(train, usable, rank, room, most=most, level_of=level_of, weights=weights)
    used, times = np.unique(rows, return_counts=True)
    return Turns(tuple(train.ids[used].tolist()), times)


def demand_of(signals: Signals) -> Signal | None:
    """The demand that a step before told, if any did."""
    return signals["demand"] if "demand" in signals else None


def _demanded(train: Dataset, demand: Signal) -> Array:
    weights = np.ones(len(train))
    known = np.isin(train.ids, demand.ids)
    weights[known] = demand.rows(train.ids[known])
    return weights


def _single_label(
    train: Dataset, usable: Array, rank: Array, room: int, *, most: int, level_of: _LevelOf, weights: Array | None
) -> Array:
    sizes = np.bincount(train.labels[train.labels >= 0], minlength=len(train.schema.classes))
    members = [np.flatnonzero(usable & (train.labels == index)) for index in range(len(sizes))]
    caps = np.array([len(rows) * most for rows in members])
    caps = np.minimum(caps, np.maximum(level_of(sizes) - sizes, 0)).astype(np.int64)
    return even_turns(rank, water_fill(sizes, room, caps=caps), members, weights=weights, most=most)


def _multi_label(
    train: Dataset, usable: Array, rank: Array, room: int, *, most: int, level_of: _LevelOf, weights: Array | None
) -> Array:
    holds = train.targets > 0
    sizes = holds.sum(axis=0)
    return multi_label_turns(
        rank,
        holds & usable[:, None],
        sizes,
        room,
        most=np.full(len(train), most),
        level=level_of(sizes),
        weights=weights,
    )


def _level(sizes: Array, *, level: bool, up_to: int) -> float:
    """The size that classes of these sizes are brought up to."""
    return float(min(sizes.max(initial=0), up_to or np.inf)) if level else np.inf


def fit_parents(train: Dataset) -> Array:
    """(n,) bool: labelled and weighted, and raw unless no class-mate is."""
    weights = train.table.column("weight").to_numpy()
    fit = (train.targets.sum(axis=1) > 0) & (weights > 0)
    raw = fit & ~train.made
    has_raw = train.targets[raw].sum(axis=0) > 0
    orphaned = ((train.targets > 0) & ~has_raw).any(axis=1)
    return raw | (fit & orphaned)


class Names:
    """Ids and paths for made samples that no other sample has; the same for the same data."""

    def __init__(self, data: Dataset) -> None:
        self._ids = set(data.ids.tolist())
        self._paths = set(data.table.column("path").to_pylist())

    def ordinals(self, parent: str, step_key: str, times: int) -> Iterator[int]:
        """The first `times` ordinals whose ids are free: a step may be run again on its own result."""
        ordinal = 0
        while times:
            if made_id((parent,), step_key, ordinal) not in self._ids:
                yield ordinal
                times -= 1
            ordinal += 1

    def path(self, parent: Sample, technique: str, suffix: str) -> str:
        """`stem_technique.suffix` beside the parent, with `-2`, `-3` from the second on."""
        place = PurePosixPath(parent.path)
        stem = place.name.removesuffix(place.suffix)
        number = 1
        while True:
            counter = "" if number == 1 else f"-{number}"
            path = str(place.with_name(f"{stem}_{technique}{counter}{suffix}"))
            if path not in self._paths:
                self._paths.add(path)
                return path
            number += 1


def made_sample(
    parent: Sample, *, id: str, content: str, path: str, maker: str, home: str, text: str | None = None
) -> Sample:
    """A sample made from one parent: in train, with the parent's label and weight."""
    return Sample(
        id=id,
        content=content,
        path=path,
        label=parent.label,
        split=TRAIN,
        weight=parent.weight,
        parents=(parent.id,),
        maker=maker,
        home=home,
        text=text,
    )
