"""What a selector leaves out, as edits, with a random choice beside it: how alike the chosen are, and how well they stand
for the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.numerics.class_budgets import rarest
from tilth.numerics.diversity import Spread, random_spread, spread_of
from tilth.signal import Array, Signals
from tilth.steps import Run


@dataclass(frozen=True)
class _Beside:
    """A choice and random ones of the same size and class counts, in one space.

    own   whether the selector itself looks there
    near  (n,) distance of each train sample to the nearest other chosen one of its class
    """

    space: str
    own: bool
    chosen: Spread
    random: Spread
    near: Array


def left_out(use: str, step: Any, data: Dataset, signals: Signals, budget: int, run: Run) -> list[Edit]:
    """A Drop for each train sample that the selector does not choose, and a line of how the choice compares with chance.

    data    the open part
    budget  most samples that it may hold
    """
    wanted = set(step.select(data, signals, budget, run.rng("select")))
    train = data.train
    chosen = np.array([id in wanted for id in train.ids.tolist()], bool)
    over = len(data) - len(train) + int(chosen.sum()) - budget
    if over > 0:
        run.log(
            f"         {use}: {over:,} samples over the budget of {budget:,}: what came with the source stays (raw = true "
            "lets it go), and each class keeps one"
        )
    beside = _beside(step, train, signals, chosen, run)
    if beside and not chosen.all():
        run.log("         " + _told(use, beside))
    return [_drop(use, budget, str(train.ids[row]), beside, row) for row in np.flatnonzero(~chosen).tolist()]


def _beside(step: Any, train: Dataset, signals: Signals, chosen: Array, run: Run) -> _Beside | None:
    """None where nothing was measured in which distances could be taken."""
    asked = getattr(step, "space", "")
    for space in (asked, "embedding", "features"):
        if space in signals and signals[space].values.ndim == 2 and signals[space].covers(train.ids):
            break
    else:
        return None
    points, group = np.asarray(signals[space].rows(train.ids), np.float32), rarest(train.targets)
    free = (train.made | bool(getattr(step, "raw", True))) & (group >= 0)
    own, near = spread_of(points, group, chosen)
    return _Beside(space, space == asked, own, random_spread(points, group, chosen, free, run.rng("beside")), near)


def _told(use: str, one: _Beside) -> str:
    return (
        f"{use}, in {one.space}{'' if one.own else ', where it did not look itself'}: a chosen sample lies {one.chosen.apart:.3g} from the nearest chosen one of its class "
        f"(random: {one.random.apart:.3g}), one of the pool {one.chosen.cover:.3g} (random: {one.random.cover:.3g})"
    )


def _drop(use: str, budget: int, id: str, beside: _Beside | None, row: int) -> Edit:
    because, evidence = f"not chosen by {use} for a budget of {budget:,}", dict[str, Any](budget=budget)
    if beside:
        evidence |= {
            "space": beside.space,
            "apart": round(beside.chosen.apart, 4),
            "apart_random": round(beside.random.apart, 4),
            "cover": round(beside.chosen.cover, 4),
            "cover_random": round(beside.random.cover, 4),
        }
        if np.isfinite(near := float(beside.near[row])):
            evidence["nearest_chosen"] = round(near, 4)
            because += f"; a chosen sample of its class lies {near:.3g} away in {beside.space}"
    return Drop(id, because, evidence)
