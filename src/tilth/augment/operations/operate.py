"""Moves on pictures: several in a row, a sequence of its own for each picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from tilth.augment.operation import Dice, Move, Operation
from tilth.augment.operations import sampling

Placed: TypeAlias = "Callable[[Tensor, Tensor, bool], Tensor]"
"""(picture (c, h, w), matrix (2, 3), whether nothing was done to the picture yet) -> matrix: what may still be changed
about where a picture is moved."""


def grounds(pictures: Tensor) -> Tensor:
    """(b, c) the value of each picture's ground: the median of its one-pixel border."""
    rim = [pictures[:, :, 0], pictures[:, :, -1], pictures[:, :, :, 0], pictures[:, :, :, -1]]
    return torch.cat(rim, dim=2).quantile(0.5, dim=2)


def operated(
    catalogue: Mapping[str, Operation],
    pictures: Tensor,
    moves: Sequence[Sequence[Move]],
    ground: Tensor,
    dice: Dice,
    *,
    placed: Placed | None = None,
) -> Tensor:
    """The pictures after their moves. Affine moves in a row are one resampling, and what changes values changes the
    ground for the moves after it."""
    waiting = [list(row) for row in moves]
    out, ground = pictures.clone(), ground.clone()
    while any(waiting):
        turn: dict[str, list[int]] = {}
        for row, left in enumerate(waiting):
            if left:
                affine = catalogue[left[0].operation].matrix is not None
                turn.setdefault("" if affine else left[0].operation, []).append(row)
        for name, rows in turn.items():
            at = torch.tensor(rows, device=out.device)
            if name:
                shares = out.new_tensor([waiting[row].pop(0).magnitude for row in rows])
                changed = catalogue[name].apply(
                    out[at], shares, ground[at], [dice[row] for row in rows] if dice else ()
                )
                if catalogue[name].family == "tone":
                    ground[at] = grounds(changed)
            else:
                fresh = [len(waiting[row]) == len(moves[row]) for row in rows]
                where = [_merged(catalogue, waiting[row], out[row]) for row in rows]
                if placed is not None:
                    where = [placed(out[row], at, new) for row, at, new in zip(rows, where, fresh, strict=True)]
                changed = sampling.affine(out[at], torch.stack(where), ground[at])
            out[at] = changed
    return out


def _merged(catalogue: Mapping[str, Operation], left: list[Move], picture: Tensor) -> Tensor:
    """(2, 3) of all affine moves at the head of the list, which are taken off it."""
    size = (picture.shape[-2], picture.shape[-1])
    whole = torch.eye(3, dtype=picture.dtype, device=picture.device)
    while left:
        matrix = catalogue[left[0].operation].matrix
        if matrix is None:
            break
        move = left.pop(0)
        if move.magnitude:
            step = matrix(picture.new_tensor([move.magnitude]), size)[0]
            whole = torch.cat([step, whole[2:]]) @ whole
    return whole[:2]
