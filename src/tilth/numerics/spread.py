"""Spread: how far a value lies from what is usual in its dataset, told by the median, whatever a few of them do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute deviation


def usual(values: Array) -> tuple[float, float]:
    """The median of (n,) values and their robust standard deviation; less than half of them, however wrong, can move
    neither at will. (0, 0) where there is none."""
    if not len(values):
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, NORMAL * float(np.median(np.abs(values - middle)))


def above(values: Array, *, far: float, floor: float, least: float = 0.0) -> float:
    """The cut over which a value is unusually high: `far` robust deviations over the median, `least` over it where all
    are alike, and never under `floor`, so that a set without faults has none."""
    middle, spread = usual(values)
    return max(floor, middle + max(far * spread, least))


def below(values: Array, *, far: float, ceiling: float, least: float = 0.0) -> float:
    """The cut under which a value is unusually low; never over `ceiling`."""
    middle, spread = usual(values)
    return min(ceiling, middle - max(far * spread, least))
