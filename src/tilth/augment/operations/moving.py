"""Operations that move the sheet, on uint8 pictures: all affine moves in a row in one resampling, and the bends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nn

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations import bend, cover
from tilth.augment.operations.smooth import boxes, parts, smoothed
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
    back = _inverse(matrices)
    return _read(pictures, lambda part: _grid(back[part], height, width), ground)


def crop(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    """A window somewhere in the picture, enlarged to the whole."""
    height, width = pictures.shape[1:3]
    shares = cover.CROP * magnitudes
    left, top = shares * np.stack([rng.random(2, dtype=np.float32) for rng in dice]).astype(np.float64).T
    scale = 1 / (1 - shares)
    nil = np.zeros_like(scale)
    rows = [scale, nil, -scale * left * width, nil, scale, -scale * top * height]
    return moved(pictures, np.stack(rows, axis=1).reshape(-1, 2, 3), ground)


def elastic(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    height, width = pictures.shape[1:3]
    knots = np.stack([rng.standard_normal((2, bend.KNOTS, bend.KNOTS), dtype=np.float32) for rng in dice])
    knots *= (2 * bend.ELASTIC * magnitudes).astype(np.float32)[:, None, None, None]
    down = np.matmul(_between(height), knots)
    places, _ = _frame(height, width)

    def grid(part: slice) -> Array:
        away = np.matmul(down[part], _between(width).T)
        out = np.empty((len(away), height, width, 2), dtype=np.float32)
        for axis in (0, 1):
            np.add(places[..., axis], away[:, axis], out=out[..., axis])
        return out

    return _read(pictures, grid, ground)


def barrel(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return _radial(pictures, bend.BARREL * magnitudes, ground)


def inverse_barrel(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return _radial(pictures, -bend.BARREL / (1 + bend.BARREL) * magnitudes, ground)


def _radial(pictures: Array, amounts: Array, ground: Array) -> Array:
    places, bulge = _frame(*pictures.shape[1:3])
    shares = amounts.astype(np.float32)[:, None, None, None]
    return _read(pictures, lambda part: places + shares[part] * bulge, ground)


@cache
def _between(pixels: int) -> Array:
    """(pixels, knots) how much of each knot of the elastic bend there is at each pixel."""
    knots = torch.eye(bend.KNOTS).view(1, bend.KNOTS, bend.KNOTS, 1)
    return nn.interpolate(knots, (pixels, 1), mode="bicubic", align_corners=True)[0, :, :, 0].T.contiguous().numpy()


@lru_cache(maxsize=8)
def _frame(height: int, width: int) -> tuple[Array, Array]:
    """(h, w, 2) where each pixel lies, from -1 to 1 over the frame, and that times its square from the middle."""
    places = _grid(np.eye(2, 3)[None], height, width)[0]
    return places, places * ((places**2).sum(axis=2, keepdims=True) / 2)


def _read(pictures: Array, grid: Callable[[slice], Array], ground: Array) -> Array:
    """The pictures read at their grids (b, h, w, 2), which count from -1 to 1; outside lies the ground."""
    out = np.empty(pictures.shape, dtype=np.uint8)
    for part in parts(pictures, _CACHED):
        lifted = torch.from_numpy(np.ascontiguousarray(pictures[part])).permute(0, 3, 1, 2).float()
        level = torch.from_numpy(ground[part]).float()[:, :, None, None]
        places = torch.from_numpy(grid(part))
        read = nn.grid_sample(lifted.sub_(level), places, mode="bicubic", padding_mode="zeros", align_corners=False)
        out[part] = _rounded(read.add_(level + 0.5))
    return out


def _rounded(levels: Tensor) -> Array:
    # Several times as fast in numpy.
    values = levels.numpy()
    return np.clip(values, 0, 255, out=values).astype(np.uint8).transpose(0, 2, 3, 1)


def _inverse(matrices: Array) -> Array:
    """(b, 2, 3) new place to old."""
    a, b, right, c, d, down = matrices.reshape(-1, 6).T
    whole = a * d - b * c
    rows = [d, -b, b * down - d * right, -c, a, c * right - a * down]
    return (np.stack(rows, axis=1) / whole[:, None]).reshape(-1, 2, 3)


def _grid(back: Array, height: int, width: int) -> Array:
    """(b, h, w, 2) where each new pixel's middle was, from -1 to 1 over the sides of the frame."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    half = np.array([[2 / width], [2 / height]])
    across, down, start = (half * back).transpose(2, 0, 1)[..., None]  # (b, 2, 1) each
    sideways, upright = across * x, down * y + (start - 1)
    # The two places of a pixel lie side by side, as a complex number does: one addition for both.
    return (
        np.add(_pairs(sideways)[:, None, :], _pairs(upright)[:, :, None])
        .view(np.float32)
        .reshape(len(back), height, width, 2)
    )


def _pairs(values: Array) -> Array:
    """(b, 2, n) -> (b, n) complex64."""
    return np.ascontiguousarray(values.transpose(0, 2, 1), dtype=np.float32).view(np.complex64)[:, :, 0]


def by_floats(operation: Operation) -> Callable[[Array, Array, Array, Dice], Array]:
    """An operation of the catalogue as one on uint8 pictures, a few at a time."""

    def applied(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
        out = np.empty(pictures.shape, dtype=np.uint8)
        for part in parts(pictures, _CACHED):
            shown = torch.from_numpy(np.ascontiguousarray(pictures[part])).permute(0, 3, 1, 2).float().div_(255)
            shares = torch.from_numpy(magnitudes[part]).float()
            level = torch.from_numpy(ground[part]).float().div_(255)
            with torch.no_grad():
                done = operation.apply(shown.contiguous(), shares, level, dice[part])
            out[part] = _rounded(done.mul(255).add_(0.5))
        return out

    return applied
