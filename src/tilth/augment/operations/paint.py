"""Children of one picture: uint8 in, uint8 out, at its own size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from tilth.augment.operation import Dice, Move
from tilth.augment.operations import OPERATIONS, operate
from tilth.augment.operations.grain import shuffled
from tilth.numerics import picture, warp
from tilth.signal import Array

Picture: TypeAlias = "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]"

_MOST_FLOATS = 8_000_000  # in one batch: 32 MB, and a few times that while it is worked on


def painted(original: Array, moves: Sequence[Sequence[Move]], dice: Dice, *, keep_ink: bool = True) -> list[Array]:
    """A child (h, w, c) uint8 for each sequence of moves.

    keep_ink  what ink lies free of the border stays in frame: an affine move that would cut it goes less far
    """
    out: list[Array | None] = [_swift(original, row, rng) for row, rng in zip(moves, dice, strict=True)]
    left = [at for at, child in enumerate(out) if child is None]
    size = max(1, _MOST_FLOATS // original.size)
    for start in range(0, len(left), size):
        rows = left[start : start + size]
        children = _floating(original, [moves[at] for at in rows], [dice[at] for at in rows], keep_ink)
        for at, child in zip(rows, children, strict=True):
            out[at] = child
    return [child for child in out if child is not None]


def _floating(original: Array, moves: Sequence[Sequence[Move]], dice: Dice, keep_ink: bool) -> Array:
    ground = picture.background(original)
    batch = as_floats(original[None]).expand(len(moves), -1, -1, -1)
    shared = torch.from_numpy(ground).float()[None].expand(len(moves), -1) / 255
    placed = _Placing(original, ground) if keep_ink else None
    with torch.no_grad():
        return as_pixels(operate(batch, moves, shared, dice, placed=placed))


def as_floats(pictures: Array) -> Tensor:
    """(b, h, w, c) uint8 -> (b, c, h, w) from 0 to 1."""
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).float().div_(255)


def as_pixels(pictures: Tensor) -> Array:
    """(b, c, h, w) from 0 to 1 -> (b, h, w, c) uint8, to the nearest level."""
    levels = pictures.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


class _Placing:
    """Matrices that keep free ink in frame. The ink of the original is sought once for all children."""

    def __init__(self, original: Array, ground: Array) -> None:
        self._first, self._ground = original, ground
        self._ink: Array | None = None

    def __call__(self, shown: Tensor, matrix: Tensor, first: bool) -> Tensor:
        size = (shown.shape[-2], shown.shape[-1])
        if first:
            if self._ink is None:
                self._ink = warp.ink_points(self._first, self._ground)
            ink = self._ink
        else:
            now = as_pixels(shown[None])[0]
            ink = warp.ink_points(now, picture.background(now))
        kept = warp.keep_inside(matrix.double().numpy(), ink, size)
        return torch.from_numpy(kept).to(matrix)


# -- what needs no floats ------------------------------------------------------------------------------------------

_TABLES = ("invert", "brightness", "posterize", "solarize")
"""A new value follows from the old one alone: 256 values are worked out, and looked up for each pixel."""

_PLAIN: Mapping[str, Callable[[Array, float, np.random.Generator], Array]] = {
    "hflip": lambda shown, magnitude, rng: shown[:, ::-1],
    "vflip": lambda shown, magnitude, rng: shown[::-1],
    "pixel_shuffle": shuffled,
}


def _swift(original: Array, moves: Sequence[Move], rng: np.random.Generator) -> Array | None:
    """The same child as by way of floats, to within one level a move; None where a move needs floats."""
    if not all(move.operation in _PLAIN or move.operation in _TABLES for move in moves):
        return None
    out = original
    for move in moves:
        if not move.magnitude:
            continue
        if move.operation in _PLAIN:
            out = _PLAIN[move.operation](out, move.magnitude, rng)
        else:
            out = looked_up(out, _table(move, rng))
    return np.ascontiguousarray(out)


def _table(move: Move, rng: np.random.Generator) -> bytes:
    """What becomes of each of the 256 values: the operation itself on a ramp."""
    ramp = torch.arange(256, dtype=torch.float32).view(1, 1, 1, 256) / 255
    ground = torch.zeros(1, 1)
    with torch.no_grad():
        out = OPERATIONS[move.operation].apply(ramp, torch.tensor([move.magnitude]), ground, [rng])
    return as_pixels(out).tobytes()


def looked_up(shown: Array, table: bytes) -> Array:
    """Bytes' own translation: four times as fast as indexing an array."""
    return np.frombuffer(shown.tobytes().translate(table), dtype=np.uint8).reshape(shown.shape)
