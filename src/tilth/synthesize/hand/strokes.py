"""Strokes: what a pen drew, before it is a picture."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Strokes: TypeAlias = tuple[np.ndarray, ...]
"""Lines drawn with the pen down, in the order of writing, each (points, 2) float32: x to the right, y down, the base line
at y = 0 and the height of a capital 1, so that what stands on the line has y from -1 to 0. A dot is a line of one point."""


def box(strokes: Strokes) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of all lines; zeros where there is none."""
    if not strokes:
        return 0.0, 0.0, 0.0, 0.0
    points = np.concatenate(strokes)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return float(left), float(top), float(right), float(bottom)
