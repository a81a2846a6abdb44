"""Filling the budget: whose turn it is, what the label guard lets through, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tilth.augment.fates import fates
from tilth.augment.operation import Move
from tilth.augment.turns import demand_of, plan
from tilth.dataset import Dataset
from tilth.edit import Add
from tilth.errors import StepError
from tilth.sample import Sample
from tilth.signal import Signals
from tilth.steps import Run

if TYPE_CHECKING:
    from tilth.augment.making import Draw

Moves: TypeAlias = Callable[[np.random.Generator], tuple[Move, ...]]
"""What to do to a picture this time; nothing: draw again."""


def filled(
    name: str,
    step: Any,
    key: str,
    moves: Moves,
    data: Dataset,
    signals: Signals,
    run: Run,
    budget: int,
    *,
    balance: bool,
    most: int,
    barred: Collection[str] = (),
) -> Iterator[Add]:
    """New train pictures, so that the open part of the data holds at most `budget` samples.

    step    has `side_px` and `keep_ink`
    key     its identity: part of the ids and of the randomness
    others  as `turns.plan`
    """
    require_images(name, data)
    from tilth.augment.made_check import check
    from tilth.augment.making import Making

    room = budget - len(data.open)
    turns = plan(
        data, room, run.rng(key, "turns"), balance=balance, most=most, barred=barred, demand=demand_of(signals)
    )
    if not turns.parents:
        return  # networks would be trained for nothing
    drawing = _drawing(moves, data, signals)
    making = Making(name, key, drawing, step.side_px, step.keep_ink, check(data, signals, run))
    made = 0
    for add in making.made(data, turns, run):
        made += 1
        yield add
    if made < int(turns.times.sum()):
        run.log(f"{name} made {made:,} of {int(turns.times.sum()):,} pictures: the rest was turned away each time")
    elif made < room:
        run.log(f"{name} made {made:,} of {room:,} pictures that the budget has room for")


def drawn_move(name: str, magnitude: float, rng: np.random.Generator) -> Move:
    """The operation of this name at this magnitude, to either side where it has two; one without a strength is done whole."""
    from tilth.augment.operations import OPERATIONS

    operation = OPERATIONS[name]
    if not operation.graded:
        return Move(name, 1.0)
    return Move(name, magnitude * (float(rng.choice((-1, 1))) if operation.signed else 1.0))


def require_images(name: str, data: Dataset) -> None:
    """Raises StepError where the dataset is made of texts."""
    if data.schema.modality != "image":
        raise StepError(f"{name} works on images; this dataset holds texts. Use augment.text.")


def _drawing(
    moves: Moves, data: Dataset, signals: Signals
) -> Callable[[Sample, int, np.random.Generator], Draw | None]:
    from tilth.augment.making import Draw

    known = fates(data, signals)

    def drawing(parent: Sample, ordinal: int, rng: np.random.Generator) -> Draw | None:
        drawn = moves(rng)
        label = known(parent.label, drawn) if drawn else None
        return None if label is None else Draw(parent, ordinal, drawn, label)

    return drawing
