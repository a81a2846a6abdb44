"""Children of one picture: uint8 in, uint8 out, at its own size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tilth.augment.operation import Dice, Move
from tilth.augment.operations import operate, swift
from tilth.numerics import picture, warp
from tilth.signal import Array

_MOST_FLOATS = 8_000_000  # in one batch: 32 MB, and a few times that while it is worked on


def painted(original: Array, moves: Sequence[Sequence[Move]], dice: Dice, *, keep_ink: bool = True) -> list[Array]:
    """A child (h, w, c) uint8 for each sequence of moves: without tensors where all of them can be done so, else with.

    keep_ink  what ink lies free of the border stays in frame: an affine move that would cut it goes less far
    """
    ground = picture.background(original)
    ink = _Ink(original) if keep_ink else None
    out = [swift.painted(original, row, ground, rng, ink) for row, rng in zip(moves, dice, strict=True)]
    left = [at for at, child in enumerate(out) if child is None]
    size = max(1, _MOST_FLOATS // original.size)
    for start in range(0, len(left), size):
        rows = left[start : start + size]
        children = _floating(original, [moves[at] for at in rows], ground, [dice[at] for at in rows], ink)
        for at, child in zip(rows, children, strict=True):
            out[at] = child
    return [child for child in out if child is not None]


def _floating(original: Array, moves: Sequence[Sequence[Move]], ground: Array, dice: Dice, ink: _Ink | None) -> Array:
    batch = as_floats(original[None]).expand(len(moves), -1, -1, -1)
    shared = torch.from_numpy(ground).float()[None].expand(len(moves), -1) / 255

    def placed(shown: Tensor, matrix: Tensor, first: bool) -> Tensor:
        assert ink is not None
        now = original if first else as_pixels(shown[None])[0]
        points = ink(now, ground if first else picture.background(now))
        return torch.from_numpy(warp.keep_inside(matrix.double().numpy(), points, now.shape[:2])).to(matrix)

    with torch.no_grad():
        return as_pixels(operate(batch, moves, shared, dice, placed=None if ink is None else placed))


def as_floats(pictures: Array) -> Tensor:
    """(b, h, w, c) uint8 -> (b, c, h, w) from 0 to 1."""
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).float().div_(255)


def as_pixels(pictures: Tensor) -> Array:
    """(b, c, h, w) from 0 to 1 -> (b, h, w, c) uint8, to the nearest level."""
    levels = pictures.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


class _Ink:
    """Where the ink of a picture lies; that of the original is sought once for all of its children."""

    def __init__(self, original: Array) -> None:
        self._original = original
        self._found: Array | None = None

    def __call__(self, shown: Array, ground: Array) -> Array:
        if shown is not self._original:
            return warp.ink_points(shown, ground)
        if self._found is None:
            self._found = warp.ink_points(shown, ground)
        return self._found
