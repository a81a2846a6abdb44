"""Mixing: two pictures laid over each other, or a box of one put into the other, and the share that each has of the result.

Source  Zhang et al. 2018, arXiv:1710.09412 (mixup); Yun et al. 2019, arXiv:1905.04899 (CutMix)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics import picture
from tilth.numerics.picture import Picture

Array = npt.NDArray[Any]

_DIGITS = 6  # of a share: what a manifest says is what was done
_DRAWS = 64  # of which the first fitting one is taken; a Beta that is kind to near copies has few that fit


def drawn_share(rng: np.random.Generator, *, alpha: float, least: float) -> float:
    """The share 0.5..1 of the one that has more, from Beta(alpha, alpha); the other one has at least `least`.

    Of a pair without an order it does not matter which is called first, so the larger share is always that of the first.
    """
    drawn = rng.beta(alpha, alpha, size=_DRAWS)
    larger = np.maximum(drawn, 1 - drawn)
    fit = larger[larger <= 1 - least]
    return round(float(fit[0]) if len(fit) else 1 - least, _DIGITS)


def fitted(shown: Picture, height_px: int, width_px: int, channels: int) -> tuple[Picture, tuple[int, int, int, int]]:
    """A picture as large as another: scaled to fit in, its ratio kept, in the middle of its own ground.

    returns  (height, width, channels) uint8, and where the picture lies in it: top, left, bottom, right
    """
    shown = picture.to_channels(shown, channels)
    scale = min(height_px / shown.shape[0], width_px / shown.shape[1])
    height = min(height_px, max(1, round(shown.shape[0] * scale)))
    width = min(width_px, max(1, round(shown.shape[1] * scale)))
    if (height, width) != shown.shape[:2]:
        shown = picture.resize(shown, height, width)
    out = np.empty((height_px, width_px, channels), np.uint8)
    out[:] = picture.background(shown)
    top, left = (height_px - height) // 2, (width_px - width) // 2
    out[top : top + height, left : left + width] = shown
    return out, (top, left, top + height, left + width)


def blended(firsts: Picture, seconds: Picture, shares: Array) -> Picture:
    """(b, h, w, c) uint8: each value the mean of two pictures (b, h, w, c), the first one weighing its share (b,)."""
    weights = shares.astype(np.float32)[:, None, None, None]
    return (firsts * weights + seconds * (1 - weights) + np.float32(0.5)).astype(np.uint8)


def boxes(shares: Array, centres: Array, height_px: int, width_px: int) -> Array:
    """(b, 4) int top, left, bottom, right of boxes that leave the rest of a picture its share (b,), clipped to it.

    centres  (b, 2) int row and column

    A box has the ratio of the picture and, before it is clipped, an area of 1 - share. It may be empty in a tiny picture.
    """
    sides = np.sqrt(1 - shares)
    # Whole pixels, rounded down: what is left never falls below the share that was asked for.
    heights, widths = (height_px * sides).astype(np.int64), (width_px * sides).astype(np.int64)
    top, left = centres[:, 0] - heights // 2, centres[:, 1] - widths // 2
    rows = np.clip(np.stack([top, top + heights], axis=1), 0, height_px)
    columns = np.clip(np.stack([left, left + widths], axis=1), 0, width_px)
    return np.stack([rows[:, 0], columns[:, 0], rows[:, 1], columns[:, 1]], axis=1)


def left_share(box: Array, height_px: int, width_px: int) -> Array:
    """(b,) what boxes (b, 4) leave of a picture: 1 - their area as a share."""
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    return np.round(1 - area / (height_px * width_px), _DIGITS)


def pasted(firsts: Picture, seconds: Picture, box: Array) -> Picture:
    """(b, h, w, c) uint8: pictures (b, h, w, c) with what other pictures show within a box (b, 4)."""
    out = firsts.copy()
    for at, (top, left, bottom, right) in enumerate(box.tolist()):
        out[at, top:bottom, left:right] = seconds[at, top:bottom, left:right]
    return out
