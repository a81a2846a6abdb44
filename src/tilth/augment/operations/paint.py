"""Children of pictures: uint8 in, uint8 out, at their own size, all of one size in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tilth.augment.operation import Dice, Move
from tilth.augment.operations import affine
from tilth.augment.operations.moving import moved
from tilth.augment.operations.swift import PLAIN, SWIFT, TONE
from tilth.numerics import picture, warp
from tilth.signal import Array


def painted(original: Array, moves: Sequence[Sequence[Move]], dice: Dice, *, keep_ink: bool = True) -> list[Array]:
    """A child (h, w, c) uint8 of this picture for each sequence of moves, as `painted_batch` makes it."""
    return list(painted_batch(original[None], moves, dice, of=[0] * len(moves), keep_ink=keep_ink))


def painted_batch(
    originals: Array,
    moves: Sequence[Sequence[Move]],
    dice: Dice,
    *,
    of: Sequence[int] | None = None,
    keep_ink: bool = True,
) -> Array:
    """(b, h, w, c) uint8, a child for each sequence of moves: the same to the last bit whatever else is in the batch.

    originals  (n, h, w, c) uint8
    dice       a generator for each child
    of         (b,) which original each is a child of; without it, each of its own
    keep_ink   what ink lies free of the border stays in frame: an affine move that would cut it goes less far
    """
    batch = _Batch(originals, list(range(len(moves))) if of is None else list(of), moves)
    while any(batch.waiting):
        turn: dict[str, list[int]] = {}
        for row, left in enumerate(batch.waiting):
            if left:
                turn.setdefault(_kind(left[0]), []).append(row)
        for kind, rows in turn.items():
            if kind:
                batch.change(kind, rows, [dice[row] for row in rows])
            else:
                batch.move(rows, keep_ink)
    return batch.shown


def _kind(move: Move) -> str:
    """The operation's name; nothing for one that only has a matrix."""
    return move.operation if move.operation in SWIFT else ""


class _Batch:
    """Pictures between their moves: what they show, what their ground is, what is still to be done to them."""

    def __init__(self, originals: Array, of: list[int], moves: Sequence[Sequence[Move]]) -> None:
        self.waiting = [[move for move in row if move.magnitude] for row in moves]
        self.shown = originals if of == list(range(len(originals))) else originals[of]
        self._originals, self._of = originals, np.array(of, dtype=np.intp)
        self._own = self.shown is not originals
        self._fresh = [True] * len(of)
        self._points: dict[int, Array] = {}
        self._ground = np.zeros((len(of), originals.shape[3]), dtype=np.uint8)
        asking = [row for row, left in enumerate(self.waiting) if any(move.operation not in PLAIN for move in left)]
        if asking:
            those, places = np.unique(self._of[asking], return_inverse=True)
            # Those of all are sought without a copy of all.
            some = originals if len(those) == len(originals) else originals[those]
            self._ground[asking] = picture.backgrounds(some)[places]

    def change(self, name: str, rows: list[int], dice: Dice) -> None:
        """One operation on these pictures."""
        magnitudes = np.array([self.waiting[row].pop(0).magnitude for row in rows])
        changed = SWIFT[name](self._part(rows), magnitudes, self._ground[rows], dice)
        self._put(rows, changed)
        asking = [at for at, row in enumerate(rows) if self.waiting[row]] if name in TONE else []
        if asking:
            self._ground[[rows[at] for at in asking]] = picture.backgrounds(changed[asking])

    def move(self, rows: list[int], keep_ink: bool) -> None:
        """All affine moves at the head of the lists of these pictures, in one resampling."""
        size = (self.shown.shape[1], self.shown.shape[2])
        matrices = np.array([_merged(self.waiting[row], size) for row in rows], dtype=np.float64).reshape(-1, 2, 3)
        if keep_ink:
            points = self._ink(rows)
            rooms = zip(matrices, points, strict=True)
            matrices = np.stack([warp.keep_inside(matrix, held, size) for matrix, held in rooms])
        self._put(rows, moved(self._part(rows), matrices, self._ground[rows]))

    def _ink(self, rows: list[int]) -> list[Array]:
        """Where ink lies; that of an original is sought once for all of its children."""
        changed = [row for row in rows if not self._fresh[row]]
        found = dict(zip(changed, _points(self.shown[changed]), strict=True))
        originals = sorted({int(self._of[row]) for row in rows if self._fresh[row]} - self._points.keys())
        self._points |= zip(originals, _points(self._originals[originals]), strict=True)
        return [self._points[int(self._of[row])] if self._fresh[row] else found[row] for row in rows]

    def _part(self, rows: list[int]) -> Array:
        return self.shown if len(rows) == len(self.shown) else self.shown[rows]

    def _put(self, rows: list[int], changed: Array) -> None:
        for row in rows:
            self._fresh[row] = False
        if len(rows) == len(self.shown):
            self.shown = changed
        else:
            self.shown = self.shown if self._own else self.shown.copy()
            self.shown[rows] = changed
        self._own = True


def _points(pictures: Array) -> list[Array]:
    return warp.ink_of_each(pictures, picture.backgrounds(pictures)) if len(pictures) else []


def _merged(left: list[Move], size: tuple[int, int]) -> affine.Parts:
    """All affine moves at the head of the list, which are taken off it."""
    whole = affine.STILL
    while left and left[0].operation in affine.NAMES:
        move = left.pop(0)
        whole = affine.after(whole, affine.place(move.operation, move.magnitude, size))
    return whole


def as_floats(pictures: Array) -> Tensor:
    """(b, h, w, c) uint8 -> (b, c, h, w) from 0 to 1."""
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy()).float().div_(255)


def as_pixels(pictures: Tensor) -> Array:
    """(b, c, h, w) from 0 to 1 -> (b, h, w, c) uint8, to the nearest level."""
    levels = pictures.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())
