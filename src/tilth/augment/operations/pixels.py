"""Operations on fine detail and parts of uint8 pictures: flips, noise, blur, sharpen, pixelate, pixel shuffle, erase.

Each takes (pictures (b, h, w, c), magnitudes (b,), ground (b, c), dice) and gives back new pictures, as `swift` says.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tilth.augment.operation import Dice
from tilth.augment.operations import cover, grain
from tilth.augment.operations.smooth import bells, parts, smoothed
from tilth.signal import Array

_CACHED = 1 << 16  # values worked on at once


def hflip(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return torch.from_numpy(pictures).flip(2).numpy()


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
    weights = bells(np.full(len(pictures), grain.fine_px(pictures.shape[1:3])))
    smooth = smoothed(pictures, weights, weights)
    shares = np.round(64 * grain.SHARPEN * magnitudes).astype(np.int16)[:, None]
    flat, out = pictures.reshape(len(pictures), -1), smooth.reshape(len(pictures), -1)
    for part in parts(pictures, _CACHED):
        # In 1/64: 255 times 2 stays within 16 bits.
        away = np.subtract(flat[part], out[part], dtype=np.int16)
        away *= shares[part]
        away += np.int16(32)
        away >>= 6
        away += flat[part]
        out[part] = np.clip(away, 0, 255, out=away)
    return smooth


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
        for part in parts(pictures[rows], 2 * _CACHED):
            out[rows[part]] = _pixelated(pictures[rows[part]], *grid)
    return out


def _pixelated(pictures: Array, rows: int, columns: int) -> Array:
    count, height, width, channels = pictures.shape
    # Sums of whole numbers that a float holds exactly, so it does not matter in which order they are added up.
    kind = torch.float32 if 255 * height * width < 1 << 24 else torch.float64
    tall = _shares(height, rows) @ torch.from_numpy(pictures.reshape(count, height, width * channels)).float()
    lines = tall.view(count, rows, width, channels).transpose(2, 3).reshape(-1, width).to(kind)
    means = (lines @ _shares(width, columns).to(kind).T).numpy()
    means *= 1 / (height * width)
    means += 0.5
    whole = means.astype(np.uint8).reshape(count, rows, channels, columns)
    small = np.ascontiguousarray(whole.transpose(0, 1, 3, 2))
    return small.take(_nearest(columns, width), axis=2).take(_nearest(rows, height), axis=1)


def _nearest(cells: int, pixels: int) -> Array:
    """(pixels,) the cell that each pixel's middle lies in."""
    return (2 * np.arange(pixels) + 1) * cells // (2 * pixels)


def _shares(pixels: int, cells: int) -> Tensor:
    """(cells, pixels) how many `cells`ths of each pixel lie in each of equal cells."""
    at = np.arange(pixels) * cells
    edges = np.arange(cells)[:, None] * pixels
    inside = np.minimum(edges + pixels, at + cells) - np.maximum(edges, at)
    return torch.from_numpy(inside.clip(0, None).astype(np.float32))


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
