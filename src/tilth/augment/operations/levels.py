"""Operations on the values of uint8 pictures, in whole numbers: by what numpy has for bytes, or by compiled loops.

Each takes (pictures (b, h, w, c), magnitudes (b,), ground (b, c), dice) and gives back new pictures, as `swift` says.
"""

from __future__ import annotations

import numpy as np

from tilth.augment.operation import Dice
from tilth.augment.operations import tone
from tilth.augment.operations.smooth import rows_of
from tilth.signal import Array


def _flat(pictures: Array) -> Array:
    """(b, h w c)"""
    return np.ascontiguousarray(pictures).reshape(len(pictures), -1)


# -- the same for all channels -------------------------------------------------------------------------------------


def invert(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    return ~pictures


def brightness(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import levels

    by = np.floor(255 * tone.BRIGHTNESS * magnitudes.astype(np.float64) + 0.5).clip(-255, 255).astype(np.int16)
    out = np.empty(pictures.shape, dtype=np.uint8)
    levels.brightened(_flat(pictures), by, _flat(out))
    return out


def contrast(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import levels

    parts = np.array(tone.LUMA if pictures.shape[3] == 3 else [1.0])
    out = np.empty(pictures.shape, dtype=np.uint8)
    shares = (tone.CONTRAST * magnitudes.astype(np.float64)).clip(-1, 0.999)
    levels.contrasted(rows_of(pictures), parts, shares, rows_of(out))
    return out


def posterize(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import levels

    kept = np.array([2.0 ** (8 - tone.BITS * magnitude) for magnitude in magnitudes.tolist()], dtype=np.float32)
    out = np.empty(pictures.shape, dtype=np.uint8)
    levels.posterized(_flat(pictures), (np.round(kept).astype(np.int64) - 1).clip(1, 255), _flat(out))
    return out


def solarize(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import levels

    ramp = np.arange(256, dtype=np.float32) / 255
    kept = (1 - magnitudes.astype(np.float32)[:, None] >= ramp).sum(axis=1)  # values that stay, from 0
    out = np.empty(pictures.shape, dtype=np.uint8)
    levels.solarized(_flat(pictures), kept, _flat(out))
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


# -- for each channel, from its values -----------------------------------------------------------------------------


def equalize(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import levels

    out = np.empty(pictures.shape, dtype=np.uint8)
    levels.equalized(_flat(pictures), pictures.shape[3], magnitudes.astype(np.float64), _flat(out))
    return out


def autocontrast(pictures: Array, magnitudes: Array, ground: Array, dice: Dice) -> Array:
    from tilth.augment.operations.kernels import levels

    low, high = (one.astype(np.float64) for one in levels.extremes(rows_of(pictures), pictures.shape[3]))
    shares = np.where(high > low, magnitudes[:, None], 0.0)  # one colour has nothing to stretch
    times = 255 / np.maximum(high - low, 1)
    return _scaled(pictures, 1 + shares * (times - 1), -shares * times * low)


def _scaled(pictures: Array, gains: Array, shifts: Array) -> Array:
    """Each value times its channel's gain (b, c) and more by its shift (b, c), in levels."""
    from tilth.augment.operations.kernels import levels

    out = np.empty(pictures.shape, dtype=np.uint8)
    gain, shift = (np.round(one * (1 << levels.GAIN)).astype(np.int32) for one in (gains, shifts))
    levels.scaled(rows_of(pictures), gain, shift, rows_of(out))
    return out
