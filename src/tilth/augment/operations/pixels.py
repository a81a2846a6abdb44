"""Operations on fine detail and parts of uint8 pictures: flips, noise, blur, sharpen, pixelate, pixel shuffle, erase.

Each takes (pictures (b, h, w, c), magnitudes (b,), ground (b, c), dice) and gives back new pictures, as `swift` says.
"""

from __future__ import annotations

import numpy as np
import torch

from tilth.augment.operation import Dice
from tilth.augment.operations import cover, grain
from tilth.augment.operations.smooth import bells, smoothed
from tilth.signal import Array

_CACHED = 1 << 16  # values worked on at once


def hflip(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return torch.from_numpy(pictures).flip(2).numpy()


def vflip(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return np.ascontiguousarray(pictures[:, ::-1])


def noise(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    out = np.empty(pictures.shape, dtype=np.uint8)
    scales = (255 * grain.NOISE * magnitudes).astype(np.float32)
    for row, rng in enumerate(dice):
        drawn = grain.drawn(pictures.shape[1:], rng)
        drawn *= scales[row]
        drawn += pictures[row]
        drawn += np.float32(0.5)
        np.clip(drawn, 0, 255, out=drawn)
        out[row] = drawn
    return out


def blur(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    weights = bells(grain.blur_px(pictures.shape[1:3]) * magnitudes)
    return smoothed(pictures, weights, weights)


def sharpen(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    weights = bells(np.full(len(pictures), grain.fine_px(pictures.shape[1:3])))
    smooth = smoothed(pictures, weights, weights)
    out = np.empty(pictures.shape, dtype=np.uint8)
    for row, share in enumerate(np.round(64 * grain.SHARPEN * magnitudes).astype(np.int16)):
        # In 1/64: 255 times 2 stays within 16 bits.
        away = np.subtract(pictures[row], smooth[row], dtype=np.int16)
        away *= share
        away += np.int16(32)
        away >>= 6
        away += pictures[row]
        out[row] = np.clip(away, 0, 255, out=away)
    return out


def pixel_shuffle(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    rows = zip(pictures, magnitudes.tolist(), dice, strict=True)
    return np.stack([grain.shuffled(shown, magnitude, rng) for shown, magnitude, rng in rows])


# -- pixelate ------------------------------------------------------------------------------------------------------


def pixelate(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    out = np.empty(pictures.shape, dtype=np.uint8)
    alike: dict[tuple[int, int], list[int]] = {}
    for row, magnitude in enumerate(magnitudes.tolist()):
        alike.setdefault(grain.coarse(pictures.shape[1:3], magnitude), []).append(row)
    for grid, rows in alike.items():
        size = max(1, 4 * _CACHED // pictures[0].size)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            out[part] = _pixelated(pictures[part], grid)
    return out


def _pixelated(pictures: Array, grid: tuple[int, int]) -> Array:
    count, height, width, channels = pictures.shape
    rows, columns = grid
    tall = _sums(pictures.reshape(count, height, width * channels), rows)
    sums = _sums(tall.reshape(count * rows, width, channels), columns)
    sums *= np.float32(rows * columns / (height * width))
    sums += np.float32(0.5)
    small = sums.astype(np.uint8).reshape(count, rows, columns, channels)
    return _spread(small, columns, width, 2).take(_nearest(rows, height), axis=1)


def _spread(small: Array, cells: int, pixels: int, axis: int) -> Array:
    return small.take(_nearest(cells, pixels), axis=axis)


def _nearest(cells: int, pixels: int) -> Array:
    """(pixels,) the cell that each pixel's middle lies in."""
    return (2 * np.arange(pixels) + 1) * cells // (2 * pixels)


def _sums(values: Array, cells: int) -> Array:
    """(b, n, m) -> (b, cells, m) float32, the sums over equal cells; what a rim cuts counts by its share."""
    pixels = values.shape[1]
    edges = np.arange(cells + 1) * pixels
    first, cut = edges // cells, ((edges % cells) / cells).astype(np.float32)
    whole = np.add.reduceat(values, first[:-1], axis=1, dtype=np.uint32 if values.dtype == np.uint8 else np.float32)
    out = whole.astype(np.float32)
    if cut.any():
        share = values[:, first[:-1]] * cut[:-1, None]
        out -= share
        out[:, :-1] += share[:, 1:]
    return out


# -- erase ---------------------------------------------------------------------------------------------------------


def erase(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    """A patch of ground somewhere; a pixel at its rim is covered by as much as it is covered."""
    height, width = pictures.shape[1:3]
    out = pictures.copy()
    for shown, magnitude, filled, rng in zip(out, magnitudes.tolist(), ground, dice, strict=True):
        share = cover.ERASE * magnitude
        left, top = ((1 - share) * rng.random(2, dtype=np.float32)).tolist()
        _rims(shown, top * height, (top + share) * height, left * width, (left + share) * width, filled)
    return out


def _rims(shown: Array, top: float, bottom: float, left: float, right: float, ground: Array) -> None:
    """Cover this part, in place."""
    height, width = shown.shape[:2]
    bottom, right = min(bottom, height), min(right, width)
    first, last, near, far = int(top), int(np.ceil(bottom)), int(left), int(np.ceil(right))
    down, across = _covered(top, bottom, first, last), _covered(left, right, near, far)
    rim = {first, last - 1}
    edges = [(row, slice(near, far), down[row - first] * across) for row in rim]
    edges += [(slice(first + 1, last - 1), column, down[1:-1] * across[column - near]) for column in {near, far - 1}]
    blended = [(rows, columns, _mixed(shown[rows, columns], ground, share)) for rows, columns, share in edges]
    shown[first + 1 : last - 1, near + 1 : far - 1] = ground
    for rows, columns, values in blended:
        shown[rows, columns] = values


def _mixed(values: Array, ground: Array, share: Array) -> Array:
    return values + share[:, None] * (ground - values.astype(np.float32)) + np.float32(0.5)


def _covered(start: float, end: float, first: int, last: int) -> Array:
    """How much of each pixel from `first` to `last` lies between start and end."""
    pixels = np.arange(first, last, dtype=np.float32)
    return np.minimum(np.float32(end), pixels + 1) - np.maximum(np.float32(start), pixels)
