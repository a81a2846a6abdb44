"""Pixels: what a picture looks like, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics import descriptor
from tilth.numerics.picture import Picture
from tilth.sample import TEST
from tilth.signal import Array
from tilth.steps import Run

_SIDE_PX, _CELL_PX = 64, 8  # with 32 / 4, 48 / 6 and 48 / 8 tried: the best on photographs, level on handwriting
_KEEP_RATIO = 0.5  # half stretched: 85.1 % of 7-NN votes right on handwriting, against 82.9 (0) and 83.0 % (1)
_TONES, _COLOURS = 0.5, 2.0  # weights beside the edges' 1; edges alone lose 0.3 points on photographs
_TONE_CELLS, _COLOUR_CELLS = 8, 4


@dataclass(frozen=True)
class Pixels:
    """Describe pictures by the edges, tones and colours of their content; nothing is trained or downloaded.

    The content is cut out where it lies on a clear ground, brought to a square, and described by a histogram of edge
    directions (HOG) with coarse tones and colours; the main directions over all samples make it short.
    """

    dims: int = 64  # main directions kept; 96 to 256 gave no better votes and no better linear model

    version = 1
    gives = ("embedding",)
    grain = "sample"
    modality = ("image",)
    source = "Dalal and Triggs 2005, Histograms of oriented gradients for human detection"
    cost = "O(n); about 0.5 ms a picture of 64 px, 1 ms of 224"

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, 688) float32 from b pictures (uint8 h x w x c): 576 edges, 64 tones, 48 colours."""
        del run
        if not len(batch):
            return np.empty((0, 688), np.float32)
        squares = [_square(picture) for picture in batch]
        grey = np.stack([descriptor.luma(square) for square in squares])
        edges = descriptor.hog(grey, cell_px=_CELL_PX)
        tones = descriptor.coarse(grey[..., None], cells=_TONE_CELLS)
        return np.concatenate([edges, tones * _TONES, _colours(squares) * _COLOURS], axis=1).astype(np.float32)

    def finish(self, values: Array, data: Dataset, run: Run) -> Array:
        """(n, dims) float32 of length 1, along the main directions of the open samples."""
        del run
        return descriptor.principal(values, data.splits != TEST, dims=self.dims)


def _square(picture: Picture) -> Picture:
    box = descriptor.content_box(descriptor.luma(picture))
    return descriptor.squared(picture, box, _SIDE_PX, keep_ratio=_KEEP_RATIO)


def _colours(squares: Sequence[Picture]) -> Array:
    """(b, 48) how far red, green and blue lie from their mean on a 4 x 4 grid; zeros for grey pictures."""
    found = np.zeros((len(squares), _COLOUR_CELLS**2, 3), np.float32)
    tinted = [row for row, square in enumerate(squares) if square.shape[2] == 3]
    if tinted:
        grid = descriptor.coarse(np.stack([squares[row] for row in tinted]), cells=_COLOUR_CELLS)
        grid = grid.reshape(len(tinted), -1, 3)
        found[tinted] = grid - grid.mean(axis=2, keepdims=True)
    return found.reshape(len(squares), -1)
