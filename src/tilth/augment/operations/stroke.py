"""Operations on strokes, whatever is ink and whatever ground: thicken, thin."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as nn

from tilth.augment.operation import Dice, Operation

THICKEN = 0.015  # to either side of a stroke, as a share of the shorter side: 4.5 px at 300
THIN = 0.0075  # half of it: a stroke loses on both of its sides


def thicken(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """Each pixel as far from the ground as the farthest near it."""
    away = pictures - ground[:, :, None, None]

    def further(light: Tensor, dark: Tensor) -> Tensor:
        return torch.where(light > dark, light, -dark)

    return _grown(pictures, away, THICKEN * magnitudes, _most, further, ground, THICKEN)


def thin(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """Each pixel as near to the ground as the nearest near it."""
    away = pictures - ground[:, :, None, None]
    return _grown(pictures, away, THIN * magnitudes, _least, torch.sub, ground, THIN)


def _grown(
    pictures: Tensor,
    away: Tensor,
    shares: Tensor,
    step: Callable[[Tensor, int], Tensor],
    joined: Callable[[Tensor, Tensor], Tensor],
    ground: Tensor,
    full: float,
) -> Tensor:
    """Strokes grown or worn by so many pixels; between whole pixels, a mixture of the two."""
    side = min(pictures.shape[-2:])
    pixels = (shares * side)[:, None, None, None]
    light, dark = away.clamp(min=0), (-away).clamp(min=0)
    last = pictures
    out = pictures
    for number in range(math.ceil(full * side)):
        light, dark = step(light, number), step(dark, number)
        grown = joined(light, dark) + ground[:, :, None, None]
        out = out + (pixels - number).clamp(0, 1) * (grown - last)
        last = grown
    return out


def _most(values: Tensor, number: int) -> Tensor:
    """The largest value next to each pixel: a cross and a square in turn, which together make near a circle."""
    if number % 2:
        return nn.max_pool2d(values, 3, 1, 1)
    return torch.maximum(nn.max_pool2d(values, (1, 3), 1, (0, 1)), nn.max_pool2d(values, (3, 1), 1, (1, 0)))


def _least(values: Tensor, number: int) -> Tensor:
    return -_most(-values, number)


STROKE = (
    Operation("thicken", "stroke", f"{THICKEN:.1%} of the shorter side to either side", thicken, gradient="exact"),
    Operation("thin", "stroke", f"{THIN:.2%} of the shorter side from either side", thin, gradient="exact"),
)
