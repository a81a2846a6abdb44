"""The values of pictures: counted, and changed by arithmetic that vectors of bytes know, in whole numbers.

All take pictures (b, h, w c) uint8 whose channels lie side by side in a row, and fill `out`, of the same shape.
"""

from __future__ import annotations

import numpy as np

from tilth.augment.operations.kernels.bands import eight
from tilth.augment.operations.kernels.narrow import leveled, plus, shifted, times
from tilth.numerics.compiled.kernels import kernel, part
from tilth.signal import Array

GAIN = 14  # bits behind the point; 255 times a gain of 255 still fits into 32 bits
_LANES = 12  # values taken at once: a whole number of pixels of one to four channels
_ROWS = 257  # whose sum of bytes fits into 16 bits


@kernel
def extremes(pictures: Array, channels: int) -> tuple[Array, Array]:
    """(b, c) uint8 twice: the least and the greatest value of each channel."""
    count, height, values = pictures.shape
    low, high = np.empty((count, channels), dtype=np.uint8), np.empty((count, channels), dtype=np.uint8)
    least, most = np.empty(values, dtype=np.uint8), np.empty(values, dtype=np.uint8)
    for one in range(count):
        least[:] = 255
        most[:] = 0
        for y in range(height):
            for x in range(values):
                value = pictures[one, y, x]
                least[x] = min(least[x], value)
                most[x] = max(most[x], value)
        low[one], high[one] = 255, 0
        for x in range(0, values, channels):
            for channel in range(channels):
                low[one, channel] = min(low[one, channel], least[x + channel])
                high[one, channel] = max(high[one, channel], most[x + channel])
    return low, high


@kernel
def scaled(pictures: Array, gains: Array, shifts: Array, out: Array) -> None:
    """Each value times its channel's gain and more by its shift, both (b, c) int32 in 2 ** -GAIN, to the nearest level."""
    count, height, values = pictures.shape
    channels = gains.shape[1]
    gain, shift = np.empty(values, dtype=np.int32), np.empty(values, dtype=np.int32)
    half = np.int32(1 << (GAIN - 1))
    for one in range(count):
        for x in range(0, values, channels):
            for channel in range(channels):
                gain[x + channel] = gains[one, channel]
                shift[x + channel] = shifts[one, channel] + half
        for y in range(height):
            for x in range(values):
                level = np.int32(np.int32(pictures[one, y, x]) * gain[x] + shift[x]) >> np.int32(GAIN)
                out[one, y, x] = min(max(level, np.int32(0)), np.int32(255))


@part
def _mean(pictures: Array, one: int, parts: Array, columns: Array) -> float:
    """The mean of a picture's channels, each counted by its part (c,) float; sums of whole numbers, so in any order."""
    height, values = pictures.shape[1:]
    totals = np.zeros(len(parts), dtype=np.int64)
    for first in range(0, height, _ROWS):
        columns[:] = 0
        last = min(first + _ROWS, height)
        four = first + (last - first) // 4 * 4
        for y in range(first, four, 4):
            for x in range(values):
                upper = plus(pictures[one, y, x], pictures[one, y + 1, x])
                lower = plus(pictures[one, y + 2, x], pictures[one, y + 3, x])
                columns[x] = plus(columns[x], plus(upper, lower))
        for y in range(four, last):
            for x in range(values):
                columns[x] = plus(columns[x], pictures[one, y, x])
        for x in range(0, values, len(parts)):
            for channel in range(len(parts)):
                totals[channel] += columns[x + channel]
    mean = 0.0
    for channel in range(len(parts)):
        mean += parts[channel] * totals[channel]
    return mean / (np.float64(height) * (values // len(parts)))


@kernel
def contrasted(pictures: Array, parts: Array, shares: Array, out: Array) -> None:
    """Each value farther from the picture's mean (see `_mean`) by its (b,) share of the distance, from -1 to below 1."""
    count, height, values = pictures.shape
    columns = np.empty(values, dtype=np.uint16)
    flat, done = pictures.reshape(count, height * values), out.reshape(count, height * values)
    for one in range(count):
        mean = _mean(pictures, one, parts, columns)
        gain = np.int16(np.floor((1 + shares[one]) * 16384 + 0.5))
        shift = np.int16(np.floor(16.5 - 32 * shares[one] * mean))  # in 32nds, half a level with it
        for x in range(height * values):
            done[one, x] = leveled(times(flat[one, x], 128), gain, shift, 5)


@kernel
def brightened(pictures: Array, levels: Array, out: Array) -> None:
    """Each value of a picture so many (b,) int16 levels brighter, from -255 to 255; pictures are one row here, (b, h w c)."""
    count, values = pictures.shape
    for one in range(count):
        shift = np.int16(32 * levels[one])
        for x in range(values):
            out[one, x] = leveled(times(pictures[one, x], 128), np.int16(16384), shift, 5)


@kernel
def solarized(pictures: Array, firsts: Array, out: Array) -> None:
    """Each value of a picture inverted from its first (b,) on, 0 to 256; pictures are one row here, (b, h w c)."""
    count, values = pictures.shape
    for one in range(count):
        if firsts[one] > 255:
            for x in range(values):
                out[one, x] = pictures[one, x]
            continue
        first = np.uint8(firsts[one])
        for x in range(values):
            value = pictures[one, x]
            out[one, x] = value ^ (np.uint8(255) if value >= first else np.uint8(0))


@kernel
def posterized(pictures: Array, steps: Array, out: Array) -> None:
    """Each value to the nearest of evenly spaced ones, black and white among them: (b,) steps between them, 1 to 255.

    Pictures are one row here, (b, h w c).
    """
    count, values = pictures.shape
    for one in range(count):
        many = np.uint16(steps[one])
        width = np.uint16((255 * 256 + steps[one] // 2) // steps[one])
        for x in range(values):
            # The product over 255 to the nearest whole number, by sums that stay within 16 bits.
            product = plus(times(pictures[one, x], many), 128)
            step = shifted(plus(product, shifted(product, 8)), 8)
            out[one, x] = shifted(plus(times(step, width), 128), 8)


@part
def _tabled(counts: Array, share: float, table: Array) -> None:
    """The table (256,) that spreads values which occur so often, mixed in by a share."""
    lowest = 0
    while lowest < 255 and counts[lowest] == 0:
        lowest += 1
    rest = np.int64(0)
    for value in range(lowest + 1, 256):
        rest += counts[value]
    below = np.int64(0)
    for value in range(256):
        even = np.float64(value)
        if rest > 0:  # one value has nothing to spread
            below += counts[value] if value > lowest else np.uint32(0)
            even = 255 * (np.float64(below) / np.float64(rest))
        level = value + share * (even - value)
        table[value] = np.uint8(min(max(level + 0.5, 0.0), 255.0))


@kernel
def equalized(pictures: Array, channels: int, shares: Array, out: Array) -> None:
    """Each channel's values spread evenly over the range, mixed in by (b,) shares; pictures are one row here, (b, h w c)."""
    count, values = pictures.shape
    # Neighbours are counted apart: to count one value after itself, the processor would wait for the sum before.
    counts = np.empty((_LANES, 256), dtype=np.uint32)
    tables = np.empty((channels, 256), dtype=np.uint8)
    each = 8 if channels == 1 else _LANES if _LANES % channels == 0 else values + 1
    even = values // each * each
    for one in range(count):
        counts[:] = 0
        if channels == 1:
            row = pictures[one]
            for x in range(0, even, 8):
                word = eight(row, x)
                for lane in range(8):
                    counts[lane, (word >> np.uint64(8 * lane)) & np.uint64(255)] += np.uint32(1)
        else:
            for x in range(0, even, _LANES):
                for lane in range(_LANES):
                    counts[lane, pictures[one, x + lane]] += np.uint32(1)
        for x in range(even, values):
            counts[x % channels, pictures[one, x]] += np.uint32(1)
        for lane in range(channels, _LANES):
            for value in range(256):
                counts[lane % channels, value] += counts[lane, value]
        for channel in range(channels):
            _tabled(counts[channel], shares[one], tables[channel])
        if channels == 1:  # a loop of known length within the loop, or none, is faster
            for x in range(values):
                out[one, x] = tables[0, pictures[one, x]]
        elif channels == 3:
            for x in range(0, values, 3):
                for channel in range(3):
                    out[one, x + channel] = tables[channel, pictures[one, x + channel]]
        else:
            for x in range(0, values, channels):
                for channel in range(channels):
                    out[one, x + channel] = tables[channel, pictures[one, x + channel]]
