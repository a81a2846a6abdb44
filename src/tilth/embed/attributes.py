"""Attributes: what can be said of a picture in plain words, to compare one set of pictures with another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilth.numerics import attributes
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class Attributes:
    """Measure each picture: stroke width, size, place and shape of its drawing, slant, ink, ruling, specks, ground,
    contrast, sharpness, grain, colour. What a set lacks of them is told by audit.coverage_gaps.

    The columns are named in `tilth.numerics.attributes.COLUMNS`.
    """

    version = 1
    gives = ("attributes",)
    grain = "sample"
    modality = ("image",)
    source = "Tilth; the stroke width by the formula of Cauchy and Crofton"
    cost = "O(pixels); about 2 ms a picture of 300 x 300"

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, 23) float32 from b pictures (uint8 h x w x c)."""
        del run
        return attributes.of_pictures(batch)
