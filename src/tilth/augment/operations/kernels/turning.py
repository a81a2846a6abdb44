"""Pictures turned over."""

from __future__ import annotations

import numpy as np

from tilth.augment.operations.kernels.bands import turn_five
from tilth.numerics.compiled.kernels import kernel
from tilth.signal import Array


@kernel
def turned(pictures: Array, out: Array) -> None:
    """Left becomes right in pictures (b, h, w 3) uint8: three channels are no size that numpy or torch turn quickly."""
    count, height, values = pictures.shape
    done = out.reshape(out.size)
    line = np.empty(values, dtype=np.uint8)
    for one in range(count):
        for y in range(height):
            start = (one * height + y) * values
            # Read forwards first: what reads memory ahead of the processor loses its way on rows that run backwards.
            for x in range(values):
                line[x] = pictures[one, y, x]
            to = 0
            while to + 16 <= values:
                turn_five(line, values - to, done, start + to)
                to += 15
            while to < values:
                for channel in range(3):
                    done[start + to + channel] = line[values - 3 - to + channel]
                to += 3
