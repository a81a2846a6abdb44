"""Operations that move the sheet, on uint8 pictures: all affine moves in a row in one resampling, and the bends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

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
    lengths = np.sqrt((matrices[:, :, :2] ** 2).sum(axis=1))  # how long a step of one old pixel becomes, along x and y
    widths = 1 / np.minimum(lengths, 1)
    shrunk = np.flatnonzero((widths > 1 + 1e-3).any(axis=1))
    if len(shrunk):
        # A new pixel covers several old ones: first the mean over so many, so that thin strokes do not break.
        pictures = pictures.copy()
        part = widths[shrunk]
        pictures[shrunk] = smoothed(pictures[shrunk], boxes(part[:, 1]), boxes(part[:, 0]))
    return _read(pictures, ground, back=_inverse(matrices))


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
    sides = np.array([width, height])[:, None, None]
    knots = bend.ELASTIC * magnitudes[:, None, None, None] * sides * knots
    # One after another and not as a product of matrices: that adds up in another order on another machine.
    down = sum(_between(height)[:, knot, None] * knots[:, :, knot, None, :] for knot in range(bend.KNOTS))
    return _read(pictures, ground, bends=np.ascontiguousarray(down), between=_between(width).T)


def barrel(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return _read(pictures, ground, bulges=bend.BARREL * magnitudes)


def inverse_barrel(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return _read(pictures, ground, bulges=-bend.BARREL / (1 + bend.BARREL) * magnitudes)


@cache
def _between(pixels: int) -> Array:
    """(pixels, knots) how much of each knot of the elastic bend there is at each pixel."""
    knots = torch.eye(bend.KNOTS).view(1, bend.KNOTS, bend.KNOTS, 1)
    return nn.interpolate(knots, (pixels, 1), mode="bicubic", align_corners=True)[0, :, :, 0].T.double().numpy()


def _read(
    pictures: Array,
    ground: Array,
    *,
    back: Array | None = None,
    bulges: Array | None = None,
    bends: Array | None = None,
    between: Array | None = None,
) -> Array:
    """The pictures read at other places, as `kernels.reading.read` says; what is left out moves nothing."""
    from tilth.augment.operations.kernels import reading

    count, height, width, channels = pictures.shape
    still = np.tile(np.eye(2, 3), (count, 1, 1)) if back is None else back
    even = np.zeros(count) if bulges is None else bulges.astype(np.float64)
    bends = np.zeros((count, 2, height, 0)) if bends is None else bends
    between = np.zeros((0, width)) if between is None else np.ascontiguousarray(between)
    rows, level, times = np.ascontiguousarray(pictures), np.ascontiguousarray(ground), 1
    if channels not in (1, 3):  # the kernel knows grey and RGB: of any other number, each channel is a grey picture
        rows, level, times = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)), level.reshape(-1, 1), channels
        still, even, bends = (np.repeat(one, channels, axis=0) for one in (still, even, bends))
    flat = rows.reshape(count * times, height, -1)
    out = np.empty(flat.shape, dtype=np.uint8)
    tables = reading.TABLES[level.shape[1]]
    reading.read(flat, still, even, bends, between, level, *tables, reading.counting(height, width), out)
    if times > 1:
        return np.ascontiguousarray(out.reshape(count, channels, height, width).transpose(0, 2, 3, 1))
    return out.reshape(pictures.shape)


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
