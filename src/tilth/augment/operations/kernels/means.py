"""Means over neighbours: blur, sharpen and coarse cells of pictures (b, h, w c) uint8, in whole numbers."""

from __future__ import annotations

import numpy as np

from tilth.augment.operations.kernels.bands import WIDE, mean
from tilth.numerics.compiled.kernels import kernel, part
from tilth.signal import Array


@part
def _reach(weights: Array, one: int) -> int:
    """How far to either side a weight is not 0."""
    reach = weights.shape[1] - 1
    while reach > 0 and weights[one, reach] == 0:
        reach -= 1
    return reach


@part
def _lay(pictures: Array, one: int, sheet: Array, reach: int) -> None:
    """A picture's rows below one another, the outermost repeated `reach` times."""
    height, values = pictures.shape[1:]
    for y in range(height + 2 * reach):
        shown = min(max(y - reach, 0), height - 1)
        for x in range(values):
            sheet[y, x] = pictures[one, shown, x]


@part
def _smooth_row(
    sheet: Array, y: int, channels: int, down: Array, tall: Array, across: Array, wide: Array, tops: tuple[int, int]
) -> None:
    """One row (w c) of the mean into `wide`, by way of its mean over rows, with a rim, in `tall`; `tops`: their reach."""
    values = sheet.shape[1]
    rim = tops[1] * channels
    for x in range(0, values, WIDE):
        mean(sheet, (y + tops[0]) * values + x, values, down, tops[0], tall, rim + x)
    for x in range(rim - channels, -1, -channels):
        for channel in range(channels):
            tall[x + channel] = tall[x + channels + channel]
    for x in range(rim + values, 2 * rim + values):
        tall[x] = tall[x - channels]
    for x in range(0, values, WIDE):
        mean(tall, rim + x, channels, across, tops[1], wide, x)


@kernel
def smoothed(pictures: Array, channels: int, down: Array, across: Array, out: Array) -> None:
    """Each picture under its own weights in 256ths, from the centre outwards: (b, r + 1) uint16; edges are repeated."""
    count, height, values = pictures.shape
    # One row more: what is worked on at once may reach beyond the last.
    sheet = np.empty((height + 2 * down.shape[1] + WIDE // values + 1, values), dtype=np.uint8)
    tall = np.empty(values + 2 * across.shape[1] * channels + WIDE, dtype=np.uint8)
    wide = np.empty(values + WIDE, dtype=np.uint8)
    for one in range(count):
        tops = _reach(down, one), _reach(across, one)
        _lay(pictures, one, sheet, tops[0])
        upright, sideways = down[one], across[one]
        for y in range(height):
            _smooth_row(sheet, y, channels, upright, tall, sideways, wide, tops)
            for x in range(values):
                out[one, y, x] = wide[x]


@kernel
def sharpened(pictures: Array, channels: int, weights: Array, shares: Array, out: Array) -> None:
    """What is lost by the mean under `weights` (see `smoothed`), along both axes, on top, times (b,) shares in 64ths."""
    count, height, values = pictures.shape
    sheet = np.empty((height + 2 * weights.shape[1] + WIDE // values + 1, values), dtype=np.uint8)
    tall = np.empty(values + 2 * weights.shape[1] * channels + WIDE, dtype=np.uint8)
    wide = np.empty(values + WIDE, dtype=np.uint8)
    for one in range(count):
        reach, bell, share = _reach(weights, one), weights[one], np.int32(shares[one])
        _lay(pictures, one, sheet, reach)
        for y in range(height):
            _smooth_row(sheet, y, channels, bell, tall, bell, wide, (reach, reach))
            for x in range(values):
                value = np.int32(pictures[one, y, x])
                away = np.int32((value - np.int32(wide[x])) * share + np.int32(32)) >> np.int32(6)
                out[one, y, x] = min(max(np.int32(value + away), np.int32(0)), np.int32(255))
