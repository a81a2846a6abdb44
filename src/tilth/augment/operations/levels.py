"""Operations on the values of uint8 pictures, in whole numbers: sums that saturate, and tables of 256 values.

Each takes (pictures (b, h, w, c), magnitudes (b,), ground (b, c), dice) and gives back new pictures, as `swift` says.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from tilth.augment.operation import Dice
from tilth.augment.operations import tone
from tilth.augment.operations.smooth import parts
from tilth.signal import Array

_RAMP = np.arange(256, dtype=np.float32) / 255
_CACHED = 1 << 16  # values worked on at once
_FEW = 16_384  # values of a plane, below which counting many planes at once is faster than one by one


def looked_up(pictures: Array, tables: Array) -> Array:
    """Each picture (b, ...) through its own table (b, 256)."""
    flat, rows = pictures.reshape(len(pictures), -1), tables.tobytes()
    # The translation that bytes have of themselves is several times as fast as indexing an array.
    done = [
        one.tobytes().translate(rows[at : at + 256]) for at, one in zip(range(0, len(rows), 256), flat, strict=True)
    ]
    return np.frombuffer(bytearray().join(done), dtype=np.uint8).reshape(pictures.shape)


def _levels(values: Array) -> Array:
    return (values.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _single(magnitudes: Array) -> Array:
    return magnitudes.astype(np.float32)[:, None]


# -- one table for a picture ---------------------------------------------------------------------------------------


def invert(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return ~pictures


def brightness(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    out = np.empty(pictures.shape, dtype=np.uint8)
    for row, magnitude in enumerate(magnitudes.tolist()):
        by = int(np.floor(255 * tone.BRIGHTNESS * magnitude + 0.5))
        # The extreme against a whole picture of one value is ten times as fast as against the value.
        limit = np.full(pictures.shape[1:], 255 - by if by >= 0 else -by, dtype=np.uint8)
        (np.minimum if by >= 0 else np.maximum)(pictures[row], limit, out=out[row])
        out[row] += np.uint8(by % 256)  # bytes wrap around: below 0, this takes away
    return out


def contrast(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    count, height, width, channels = pictures.shape
    if channels == 1:
        luma = np.add.reduce(pictures.reshape(count, -1), axis=1, dtype=np.uint64)[:, None] / (255 * height * width)
    else:
        luma = _sums(pictures) @ np.array(tone.LUMA)[:, None] / (255 * height * width)
    away = _RAMP - luma.astype(np.float32)
    return looked_up(pictures, _levels(_RAMP + np.float32(tone.CONTRAST) * _single(magnitudes) * away))


def _sums(pictures: Array) -> Array:
    """(b, c) of the values; the sums of whole numbers are exact, in any order."""
    count, height, width, channels = pictures.shape
    flat = torch.from_numpy(pictures.reshape(count, height, width * channels))
    columns = torch.cat([torch.ones(height) @ flat[part].float() for part in parts(pictures, _CACHED)])
    return columns.double().view(count, width, channels).sum(dim=1).numpy()


def posterize(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    levels = [2.0 ** (8 - tone.BITS * magnitude) for magnitude in magnitudes.tolist()]
    steps = np.round(np.array(levels, dtype=np.float32))[:, None] - 1
    return looked_up(pictures, _levels(np.round(_RAMP * steps) / steps))


def solarize(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    kept = (np.float32(1) - _single(magnitudes) >= _RAMP).sum(axis=1)  # values that stay, from 0
    out = np.empty(pictures.shape, dtype=np.uint8)
    for row, first in enumerate(kept.tolist()):
        turned = np.greater_equal(pictures[row], first).view(np.uint8)
        np.bitwise_xor(pictures[row], np.negative(turned, out=turned), out=out[row])
    return out


def saturation(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    if pictures.shape[3] == 1:
        return pictures.copy()
    red, green, blue = np.round(np.array(tone.LUMA) * 65536).astype(np.int32).tolist()
    out = np.empty(pictures.shape, dtype=np.uint8)
    for row, magnitude in enumerate(magnitudes.tolist()):
        # In 1/64 of a level: 255 * 64 * 1.9 fits into 16 bits.
        wide = pictures[row].astype(np.int32)
        grey = (red * wide[..., 0] + green * wide[..., 1] + blue * wide[..., 2] + 512) >> 10
        wide <<= 6
        away = (wide - grey[..., None]) * round(256 * tone.SATURATION * magnitude)
        out[row] = ((wide + (away >> 8) + 32) >> 6).clip(0, 255)
    return out


# -- a table for each channel, worked out from its values ----------------------------------------------------------


def equalize(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return _by_channel(pictures, magnitudes, _even)


def autocontrast(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return _by_channel(pictures, magnitudes, _stretched)


def _by_channel(pictures: Array, magnitudes: Array, target: Callable[[Array], Array]) -> Array:
    count, height, width, channels = pictures.shape
    planes = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)).reshape(count * channels, height * width)
    shares = _single(magnitudes.repeat(channels))
    done = looked_up(planes, _levels(_RAMP + shares * (target(planes) - _RAMP)))
    return np.ascontiguousarray(done.reshape(count, channels, height, width).transpose(0, 2, 3, 1))


def _even(planes: Array) -> Array:
    """(b, 256) what makes each plane's values spread evenly."""
    below = _counts(planes).cumsum(axis=1)
    lowest = below[np.arange(len(planes)), planes.min(axis=1)][:, None]
    rest = planes.shape[1] - lowest
    even = np.maximum(below - lowest, 0).astype(np.float32) / np.maximum(rest, 1).astype(np.float32)
    return np.where(rest > 0, even, _RAMP)  # one colour has nothing to spread


def _counts(planes: Array) -> Array:
    """(b, 256) how often each value occurs."""
    count, size = planes.shape
    values = torch.from_numpy(planes)
    if size >= _FEW:
        return torch.stack([torch.bincount(one, minlength=256) for one in values]).numpy()
    places = values.int() + torch.arange(0, 256 * count, 256, dtype=torch.int32)[:, None]
    return torch.bincount(places.view(-1), minlength=256 * count).view(count, 256).numpy()


def _stretched(planes: Array) -> Array:
    low, high = _RAMP[planes.min(axis=1)][:, None], _RAMP[planes.max(axis=1)][:, None]
    return np.where(high > low, (_RAMP - low) / np.where(high > low, high - low, 1), _RAMP)
