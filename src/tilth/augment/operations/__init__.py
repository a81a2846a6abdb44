"""The catalogue of image operations, a file for each family: batched, on torch, at the size the pictures have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from tilth.augment.operation import Dice, Move, Operation
from tilth.augment.operations.affine import AFFINE
from tilth.augment.operations.bend import BEND
from tilth.augment.operations.cover import COVER
from tilth.augment.operations.grain import GRAIN
from tilth.augment.operations.operate import Placed, grounds, operated
from tilth.augment.operations.stroke import STROKE
from tilth.augment.operations.tone import TONE

__all__ = ["OPERATIONS", "grounds", "operate"]

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation for operation in (*AFFINE, *BEND, *TONE, *GRAIN, *STROKE, *COVER)
}


def operate(
    pictures: Tensor,
    moves: Sequence[Sequence[Move]] | Move,
    ground: Tensor | None = None,
    dice: Dice = (),
    *,
    placed: Placed | None = None,
) -> Tensor:
    """The pictures (b, c, h, w) after their moves: a sequence for each, or one move for all.

    ground  (b, c); without it, the median of each picture's border
    dice    a generator for each picture; may be left out where no operation draws
    placed  may still change where a picture is moved: (picture, matrix, whether it is untouched) -> matrix
    """
    rows = [[moves]] * len(pictures) if isinstance(moves, Move) else moves
    ground = grounds(pictures) if ground is None else ground
    return operated(OPERATIONS, pictures, rows, ground, dice, placed=placed)
