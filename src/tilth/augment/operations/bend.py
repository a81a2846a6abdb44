"""Operations that bend the sheet: elastic, barrel, inverse barrel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nn

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations.sampling import read

ELASTIC = 0.03  # deviation of the places, as a share of the side
KNOTS = 6  # along each side, from which the bends between are drawn: strokes bend and do not shake
BARREL = 0.4  # how much farther out than its own place the corner is read


def frame(pictures: Tensor) -> Tensor:
    """(1, h, w, 2) where each pixel lies, from -1 to 1 over the frame."""
    height, width = pictures.shape[-2:]
    still = torch.eye(2, 3, dtype=pictures.dtype, device=pictures.device)[None]
    return nn.affine_grid(still, [1, 1, height, width], align_corners=False)


def elastic(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    knots = np.stack([rng.standard_normal((2, KNOTS, KNOTS), dtype=np.float32) for rng in dice])
    size = (pictures.shape[-2], pictures.shape[-1])
    bends = nn.interpolate(torch.from_numpy(knots).to(pictures), size, mode="bicubic", align_corners=True)
    away = 2 * ELASTIC * magnitudes[:, None, None, None] * bends.permute(0, 2, 3, 1)
    return read(pictures, frame(pictures) + away, ground)


def barrel(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """The middle bulges; what lies at the rim shrinks towards it."""
    return _radial(pictures, BARREL * magnitudes, ground)


def inverse_barrel(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """The middle shrinks, what lies at the rim is drawn outwards."""
    return _radial(pictures, -BARREL / (1 + BARREL) * magnitudes, ground)


def _radial(pictures: Tensor, amounts: Tensor, ground: Tensor) -> Tensor:
    """Source   Brown 1966: places read at 1 + k r^2 times their distance from the middle, r = 1 in the corner."""
    places = frame(pictures)
    square = (places**2).sum(dim=3, keepdim=True) / 2
    return read(pictures, places * (1 + amounts[:, None, None, None] * square), ground)


BEND = (
    Operation("elastic", "bend", f"places off by {ELASTIC:.0%} of the side", elastic, gradient="exact"),
    Operation("barrel", "bend", f"corners from {1 + BARREL:.1f} times as far out", barrel, gradient="exact"),
    Operation(
        "inverse_barrel", "bend", f"corners {1 + BARREL:.1f} times farther out", inverse_barrel, gradient="exact"
    ),
)
