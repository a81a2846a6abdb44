"""Operations that move the sheet, on uint8 pictures: all affine moves in a row in one resampling, and the bends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nn

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations import cover
from tilth.augment.operations.smooth import boxes, smoothed
from tilth.signal import Array

_CACHED = 1 << 17  # values worked on at once


def moved(pictures: Array, matrices: Array, ground: Array) -> Array:
    """The pictures under these matrices, bicubic, antialiased where one shrinks; outside lies the ground.

    pictures  (b, h, w, c) uint8
    matrices  (b, 2, 3) in pixels, old place (x, y) to new
    ground    (b, c) uint8
    """
    height, width = pictures.shape[1:3]
    lengths = np.sqrt((matrices[:, :, :2] ** 2).sum(axis=1))  # how long a step of one old pixel becomes, along x and y
    widths = 1 / np.minimum(lengths, 1)
    shrunk = np.flatnonzero((widths > 1 + 1e-3).any(axis=1))
    if len(shrunk):
        # A new pixel covers several old ones: first the mean over so many, so that thin strokes do not break.
        pictures = pictures.copy()
        part = widths[shrunk]
        pictures[shrunk] = smoothed(pictures[shrunk], boxes(part[:, 1]), boxes(part[:, 0]))
    out = np.empty(pictures.shape, dtype=np.uint8)
    back = _inverse(matrices)
    for part in _parts(pictures):
        lifted = torch.from_numpy(pictures[part]).permute(0, 3, 1, 2).float()
        level = torch.from_numpy(ground[part]).float()[:, :, None, None]
        lifted -= level
        grid = torch.from_numpy(_grid(back[part], height, width))
        read = nn.grid_sample(lifted, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
        out[part] = _rounded(read.add_(level + 0.5))
    return out


def crop(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    """A window somewhere in the picture, enlarged to the whole."""
    height, width = pictures.shape[1:3]
    shares = cover.CROP * magnitudes
    left, top = shares * np.stack([rng.random(2, dtype=np.float32) for rng in dice]).astype(np.float64).T
    scale = 1 / (1 - shares)
    nil = np.zeros_like(scale)
    rows = [scale, nil, -scale * left * width, nil, scale, -scale * top * height]
    return moved(pictures, np.stack(rows, axis=1).reshape(-1, 2, 3), ground)


def _rounded(levels: Tensor) -> Array:
    return levels.clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def _parts(pictures: Array) -> list[slice]:
    size = max(1, _CACHED // max(1, pictures[0].size)) if len(pictures) else 1
    return [slice(start, start + size) for start in range(0, len(pictures), size)]


def _inverse(matrices: Array) -> Array:
    """(b, 2, 3) new place to old."""
    a, b, right, c, d, down = matrices.reshape(-1, 6).T
    whole = a * d - b * c
    rows = [d, -b, b * down - d * right, -c, a, c * right - a * down]
    return (np.stack(rows, axis=1) / whole[:, None]).reshape(-1, 2, 3)


def _grid(back: Array, height: int, width: int) -> Array:
    """(b, h, w, 2) where each new pixel's middle was, from -1 to 1 over the sides of the frame."""
    out = np.empty((len(back), height, width, 2), dtype=np.float32)
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    for axis, side in ((0, width), (1, height)):
        across, down, start = (2 / side * back[:, axis]).T[:, :, None]
        sideways, upright = (across * x).astype(np.float32), (down * y + start - 1).astype(np.float32)
        np.add(sideways[:, None, :], upright[:, :, None], out=out[..., axis])
    return out


def by_floats(operation: Operation) -> Callable[[Array, Array, Array, Dice], Array]:
    """An operation of the catalogue as one on uint8 pictures, a few at a time."""

    def applied(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
        out = np.empty(pictures.shape, dtype=np.uint8)
        for part in _parts(pictures):
            shown = torch.from_numpy(np.ascontiguousarray(pictures[part])).permute(0, 3, 1, 2).float().div_(255)
            shares = torch.from_numpy(magnitudes[part]).float()
            level = torch.from_numpy(ground[part]).float().div_(255)
            with torch.no_grad():
                done = operation.apply(shown.contiguous(), shares, level, dice[part])
            out[part] = _rounded(done.mul(255).add_(0.5))
        return out

    return applied
