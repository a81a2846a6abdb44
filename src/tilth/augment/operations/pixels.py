"""Operations on fine detail and parts of uint8 pictures: flips, noise, blur, sharpen, pixelate, pixel shuffle, erase.

Each takes (pictures (b, h, w, c), magnitudes (b,), ground (b, c), dice) and gives back new pictures, as `swift` says.
"""

from __future__ import annotations

import numpy as np
import torch

from tilth.augment.operation import Dice
from tilth.augment.operations import cover, grain
from tilth.augment.operations.smooth import bells, parts, rows_of, smoothed
from tilth.signal import Array

_CACHED = 1 << 16  # values worked on at once


def hflip(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    if pictures.shape[3] != 3:
        return torch.from_numpy(pictures).flip(2).numpy()
    from tilth.augment.operations.kernels import turning

    out = np.empty(pictures.shape, dtype=np.uint8)
    turning.turned(rows_of(pictures), rows_of(out))
    return out


def vflip(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return np.ascontiguousarray(pictures[:, ::-1])


def noise(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    out = np.empty(pictures.shape, dtype=np.uint8)
    scales = (255 * grain.NOISE * magnitudes).astype(np.float32)[:, None, None, None]
    for part in parts(pictures, _CACHED):
        drawn = grain.drawn(pictures.shape[1:], dice[part])
        drawn *= scales[part]
        drawn += pictures[part]
        drawn += np.float32(0.5)
        out[part] = np.clip(drawn, 0, 255, out=drawn)
    return out


def blur(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    weights = bells(grain.blur_px(pictures.shape[1:3]) * magnitudes)
    return smoothed(pictures, weights, weights)


def sharpen(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import means

    weights = bells(np.full(len(pictures), grain.fine_px(pictures.shape[1:3])))
    shares = np.round(64 * grain.SHARPEN * magnitudes).astype(np.int64)
    out = np.empty(pictures.shape, dtype=np.uint8)
    means.sharpened(rows_of(pictures), pictures.shape[3], weights, shares, rows_of(out))
    return out


def pixel_shuffle(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    rows = zip(pictures, magnitudes.tolist(), dice, strict=True)
    return np.stack([grain.shuffled(shown, magnitude, rng) for shown, magnitude, rng in rows])


def pixelate(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import cells

    _, height, width, channels = pictures.shape
    grids = np.array([grain.coarse((height, width), magnitude) for magnitude in magnitudes.tolist()])
    grids = np.minimum(grids, (height, width))
    out = np.empty(pictures.shape, dtype=np.uint8)
    sums = np.empty(width * channels, dtype=np.uint32 if height < 1 << 24 else np.uint64)
    cells.pixelated(rows_of(pictures), channels, grids, sums, rows_of(out))
    return out


def erase(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    """A patch of ground somewhere; a pixel at its rim is covered by as much as it is covered."""
    from tilth.augment.operations.kernels import cells

    _, height, width, channels = pictures.shape
    shares = cover.ERASE * magnitudes.astype(np.float64)
    left, top = ((1 - shares) * np.stack([rng.random(2, dtype=np.float32) for rng in dice]).T).astype(np.float64)
    patches = np.stack([top * height, (top + shares) * height, left * width, (left + shares) * width], axis=1)
    out = np.empty(pictures.shape, dtype=np.uint8)
    cells.covered(rows_of(pictures), channels, patches, np.ascontiguousarray(ground), rows_of(out))
    return out
