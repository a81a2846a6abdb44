"""Operations that take a part away: crop, erase."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations import sampling

CROP = 0.3  # share of each side that is cut off
ERASE = 0.4  # share of each side that the patch covers


def _places(dice: Dice, like: Tensor) -> Tensor:
    """(b, 2) shares, across and down."""
    return torch.from_numpy(np.stack([rng.random(2, dtype=np.float32) for rng in dice])).to(like)


def crop(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """A window somewhere in the picture, enlarged to the whole."""
    height, width = pictures.shape[-2:]
    left, top = (CROP * magnitudes[:, None] * _places(dice, pictures)).unbind(dim=1)
    scale = 1 / (1 - CROP * magnitudes)
    nil = torch.zeros_like(scale)
    rows = [scale, nil, -scale * left * width, nil, scale, -scale * top * height]
    return sampling.affine(pictures, torch.stack(rows, dim=1).view(-1, 2, 3), ground)


def erase(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """A patch of ground somewhere; a pixel at its rim is covered by as much as it is covered."""
    height, width = pictures.shape[-2:]
    share = ERASE * magnitudes
    left, top = ((1 - share)[:, None] * _places(dice, pictures)).unbind(dim=1)
    across = _covered(left * width, (left + share) * width, width)
    down = _covered(top * height, (top + share) * height, height)
    covered = (down[:, :, None] * across[:, None, :])[:, None]
    return pictures + covered * (ground[:, :, None, None] - pictures)


def _covered(start: Tensor, end: Tensor, pixels: int) -> Tensor:
    """(b, pixels) how much of each pixel lies between start and end."""
    left = torch.arange(pixels, dtype=start.dtype, device=start.device)
    return (torch.minimum(end[:, None], left + 1) - torch.maximum(start[:, None], left)).clamp(0, 1)


COVER = (
    Operation("crop", "cover", f"a window of {1 - CROP:.0%} of each side, enlarged", crop, gradient="exact"),
    Operation("erase", "cover", f"a patch of {ERASE:.0%} of each side", erase, gradient="exact"),
)
