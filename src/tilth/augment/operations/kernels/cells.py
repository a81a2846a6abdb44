"""Coarse cells, and patches, of pictures (b, h, w c) uint8."""

from __future__ import annotations

import numpy as np

from tilth.numerics.compiled.kernels import kernel, part
from tilth.signal import Array


@part
def _edges(pixels: int, cells: int, channels: int, edges: Array) -> None:
    """(4, cells channels) where the first and the last pixel of each of so many equal cells are, and their weights.

    A pixel weighs as many `cells`ths of it as lie inside. What is between both is the difference of two sums, each up to
    one of them: where they are the same pixel that takes it away once, and the weight gives it back.
    """
    for cell in range(cells):
        start, end = cell * pixels, (cell + 1) * pixels
        first, last = start // cells, (end - 1) // cells
        upper = min((first + 1) * cells, end) - start
        for channel in range(channels):
            at = cell * channels + channel
            edges[0, at], edges[1, at] = first * channels + channel, last * channels + channel
            edges[2, at], edges[3, at] = (upper, end - last * cells) if last > first else (upper + cells, 0)


@part
def _rows_summed(pictures: Array, one: int, cell: int, rows: int, edges: Array, sums: Array) -> None:
    """(w c) over the rows of a cell, each counted by how many `rows`ths of it lie inside."""
    first, last, times = edges[0, cell], edges[1, cell], sums.dtype.type(rows)
    given_back = 0 if last > first else rows
    upper, lower = sums.dtype.type(edges[2, cell] - given_back), sums.dtype.type(edges[3, cell])
    for x in range(len(sums)):
        sums[x] = upper * pictures[one, first, x] + lower * pictures[one, last, x]
    for y in range(first + 1, last):
        for x in range(len(sums)):
            sums[x] += times * pictures[one, y, x]


@kernel
def pixelated(pictures: Array, channels: int, grids: Array, sums: Array, out: Array) -> None:
    """Each picture as so many (b, 2) rows and columns of equal cells, each of the mean of what it covers.

    sums  (w c) of a kind of whole number that holds 255 times the height
    """
    count, height, values = pictures.shape
    width = values // channels
    cells, nearest = np.empty(values, dtype=np.uint8), np.empty(values, dtype=np.int64)
    until = np.zeros(values + channels, dtype=np.int64)
    down, across = np.empty((4, height), dtype=np.int64), np.empty((4, values), dtype=np.int64)
    share = 1 / (np.float64(height) * np.float64(width))
    for one in range(count):
        rows, columns = grids[one, 0], grids[one, 1]
        if one == 0 or columns != grids[one - 1, 1] or rows != grids[one - 1, 0]:
            _edges(height, rows, 1, down)
            _edges(width, columns, channels, across)
            for x in range(values):
                nearest[x] = (2 * (x // channels) + 1) * columns // (2 * width) * channels + x % channels
        y = 0
        for row in range(rows):
            _rows_summed(pictures, one, row, rows, down, sums)
            for x in range(values):
                until[x + channels] = until[x] + np.int64(sums[x])
            for at in range(columns * channels):
                first, last = np.uint64(across[0, at]), np.uint64(across[1, at])
                inside = until[last] - until[first + np.uint64(channels)]
                edged = across[2, at] * np.int64(sums[first]) + across[3, at] * np.int64(sums[last])
                cells[at] = np.uint8(np.float64(edged + columns * inside) * share + 0.5)
            start = y
            while y < height and (2 * y + 1) * rows < 2 * height * (row + 1):
                if y == start:
                    for x in range(values):
                        out[one, y, x] = cells[np.uint64(nearest[x])]
                else:
                    for x in range(values):
                        out[one, y, x] = out[one, start, x]
                y += 1


@kernel
def covered(pictures: Array, channels: int, patches: Array, ground: Array, out: Array) -> None:
    """Each picture under a patch of its ground (b, c) uint8; a pixel at its rim by as much as it is covered.

    patches  (b, 4) float: top, bottom, left, right, in pixels
    """
    count, height, values = pictures.shape
    width = values // channels
    for one in range(count):
        for y in range(height):
            for x in range(values):
                out[one, y, x] = pictures[one, y, x]
        top, bottom, left, right = patches[one, 0], patches[one, 1], patches[one, 2], patches[one, 3]
        for y in range(max(int(top), 0), min(int(np.ceil(bottom)), height)):
            down = min(bottom, y + 1.0) - max(top, np.float64(y))
            for x in range(max(int(left), 0), min(int(np.ceil(right)), width)):
                share = down * (min(right, x + 1.0) - max(left, np.float64(x)))
                for channel in range(channels):
                    value = np.float64(pictures[one, y, x * channels + channel])
                    level = value + share * (ground[one, channel] - value) + 0.5
                    out[one, y, x * channels + channel] = np.uint8(level)
