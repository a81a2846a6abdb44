"""Between a translator's small square and a picture's own size: down, and back without blurring what was sharp.

A picture that is larger than the square is not drawn anew at its own size, for which nothing was learned. Where the translator
changes tones (ground, ink, light, colour), what it did to the small picture is told place by place as a line, drawn =
slope * original + shift, and the line is done to the original: its edges stay sharp. Where it changes shapes (a thicker
stroke, a turned hook) no line tells it; what is left over is enlarged as it is, and is as soft as the square is small.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tilth.numerics import picture
from tilth.signal import Array

_AROUND = 5  # pixels of the square on whose sides a line is fitted: a stroke and its ground on either side
_FLAT = 6.0**2  # variance, in grey levels, below which a window says nothing of a slope: the noise of paper


def small(original: Array, side_px: int, channels: int) -> Array:
    """(channels, side, side) uint8 of a picture (h, w, c); its ratio is not kept, and is restored on the way back."""
    square = picture.resize(picture.to_channels(original, channels), side_px, side_px)
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def carried(original: Array, drawn: Array, *, guided: bool) -> Array:
    """(h, w, c) uint8: what was drawn (c, s, s) float of 0..255 of the small original, at the original's size (h, w).

    guided  by the original, as above; else enlarged as it is. A picture that is not larger than the square is always
            brought to its size as it is

    Source  He and Sun 2015, Fast Guided Filter, arXiv:1505.00996
    """
    height, width = original.shape[:2]
    side = drawn.shape[1]
    if not guided or max(height, width) <= side:
        return _pixels(np.stack([resized(one, height, width) for one in drawn], axis=2))
    before = small(original, side, len(drawn)).astype(np.float32)
    own = picture.to_channels(original, len(drawn)).astype(np.float32)
    parts = [_guided(own[:, :, at], before[at], drawn[at]) for at in range(len(drawn))]
    return _pixels(np.stack(parts, axis=2))


def _guided(own: Array, before: Array, after: Array) -> Array:
    slope, shift = lines(before, after)
    left = after - (slope * before + shift)
    size = own.shape
    return resized(slope, *size) * own + resized(shift, *size) + resized(left, *size)


def lines(before: Array, after: Array) -> tuple[Array, Array]:
    """(s, s) slopes and shifts of the line that tells `after` of `before` around each pixel."""
    mean = lambda values: ndimage.uniform_filter(values, _AROUND, mode="nearest")  # noqa: E731
    x, y = before.astype(np.float64), after.astype(np.float64)
    around, around_after = mean(x), mean(y)
    slope = (mean(x * y) - around * around_after) / (mean(x * x) - around**2 + _FLAT)
    return mean(slope), mean(around_after - slope * around)


def resized(values: Array, height_px: int, width_px: int) -> Array:
    """(h, w) float32 of (s, s): bicubic, antialiased where it shrinks."""
    from PIL import Image

    image = Image.fromarray(np.asarray(values, np.float32))
    return np.asarray(image.resize((width_px, height_px), Image.Resampling.BICUBIC))


def _pixels(values: Array) -> Array:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
