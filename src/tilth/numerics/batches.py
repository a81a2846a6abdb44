"""Pictures of many sizes -> one array that a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture, resize, to_channels

Array = npt.NDArray[Any]


def stacked(pictures: Sequence[Picture], side_px: int, channels: int) -> Array:
    """(b, c, side, side) float32 within 0..1; the ratio is not kept."""
    squares = [to_channels(resize(picture, side_px, side_px), channels) for picture in pictures]
    return np.ascontiguousarray(np.stack(squares).transpose(0, 3, 1, 2), dtype=np.float32) / 255


def normalised(pixels: Array, mean: Sequence[float], std: Sequence[float]) -> Array:
    """(b, c, h, w) float32 less the mean, over the deviation, channel by channel; one channel takes their first."""
    c = pixels.shape[1]
    shape = (1, c, 1, 1)
    centre, scale = (np.array(part[:c], np.float32).reshape(shape) for part in (mean, std))
    return (pixels - centre) / scale
