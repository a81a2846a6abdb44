"""Quality: what is measured on a picture by itself: tones, edges, grain, ground, size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilth.numerics import quality
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class Quality:
    """Measure each picture: size, tones, sharpness of edges, grain, contrast that is left at a quarter of the size,
    ground. What is unusual is told by audit.quality.

    The columns are said in `tilth.numerics.quality.MEASURES`.
    """

    version = 1
    gives = ("quality",)
    grain = "sample"
    modality = ("image",)
    source = "Donoho and Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage (noise from the finest detail)"
    cost = "O(pixels); about 0.25 ms a picture of 64 px, 2 ms of 224"

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, 18) float32 from b pictures (uint8 h x w x c)."""
        del run
        return quality.of_pictures(batch)
