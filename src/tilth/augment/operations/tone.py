"""Operations on the values alone: invert, brightness, contrast, saturation, posterize, solarize, equalize, autocontrast."""

from __future__ import annotations

import torch
from torch import Tensor

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations.sampling import clamped, through

BRIGHTNESS = 0.4  # of the range from black to white: ink of a pencil still shows on paper
CONTRAST = 0.8  # of the distance to the mean: at -1 a fifth of the contrast is left
SATURATION = 0.9  # of the distance to grey
BITS = 6  # of 8: at full strength four levels are left
_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def luma(pictures: Tensor) -> Tensor:
    """(b, 1, h, w) how bright each pixel looks."""
    if pictures.shape[1] == 1:
        return pictures
    return (pictures * pictures.new_tensor(_LUMA)[None, :, None, None]).sum(dim=1, keepdim=True)


def invert(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    return torch.where(_wide(magnitudes != 0), 1 - pictures, pictures)


def brightness(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    return clamped(pictures + BRIGHTNESS * _wide(magnitudes))


def contrast(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    mean = luma(pictures).mean(dim=(2, 3), keepdim=True)
    return clamped(pictures + CONTRAST * _wide(magnitudes) * (pictures - mean))


def saturation(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """Nothing, on a grey picture."""
    return clamped(pictures + SATURATION * _wide(magnitudes) * (pictures - luma(pictures)))


def posterize(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """Evenly spaced levels with black and white among them, so that white paper stays white."""
    steps = _wide(torch.round(2 ** (8 - BITS * magnitudes.detach())) - 1)
    levels = torch.round(pictures.detach() * steps) / steps
    kept = torch.where(_wide(magnitudes == 0), pictures.detach(), levels)
    return through(kept, pictures + _wide(magnitudes))


def solarize(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    shown = pictures.detach()
    turned = torch.where(shown > 1 - _wide(magnitudes.detach()), 1 - shown, shown)
    return through(turned, pictures + _wide(magnitudes))


def equalize(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """Each channel's values spread evenly over the range, mixed in by the magnitude."""
    even = through(_equalized(pictures.detach()), pictures)
    return pictures + _wide(magnitudes) * (even - pictures)


def _equalized(pictures: Tensor) -> Tensor:
    """(b, c, h, w) the share of pixels below each value, so that the darkest becomes 0 and the brightest 1."""
    count, channels, height, width = pictures.shape
    values = (pictures * 255 + 0.5).clamp(0, 255).long().view(count * channels, -1)
    sizes = torch.zeros(count * channels, 256, dtype=pictures.dtype, device=pictures.device)
    sizes.scatter_add_(1, values, torch.ones_like(values, dtype=pictures.dtype))
    below = sizes.cumsum(dim=1)
    lowest = sizes.gather(1, values.min(dim=1, keepdim=True).values)
    rest = height * width - lowest
    table = ((below - lowest) / rest.clamp(min=1)).clamp(0, 1)
    spread = table.gather(1, values).view(pictures.shape)
    return torch.where((rest == 0).view(count, channels, 1, 1), pictures, spread)  # one colour has nothing to spread


def autocontrast(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """Each channel stretched from black to white, mixed in by the magnitude."""
    shown = pictures.detach()
    low, high = shown.amin(dim=(2, 3), keepdim=True), shown.amax(dim=(2, 3), keepdim=True)
    span = high - low
    stretched = torch.where(span > 1 / 512, (shown - low) / span.clamp(min=1 / 512), shown)
    return pictures + _wide(magnitudes) * (through(stretched, pictures) - pictures)


TONE = (
    Operation("invert", "tone", "black becomes white", invert, graded=False),
    Operation(
        "brightness", "tone", f"{BRIGHTNESS:.0%} of the range brighter", brightness, signed=True, gradient="exact"
    ),
    Operation("contrast", "tone", f"{CONTRAST:.0%} more contrast", contrast, signed=True, gradient="exact"),
    Operation("saturation", "tone", f"{SATURATION:.0%} more colour", saturation, signed=True, gradient="exact"),
    Operation("posterize", "tone", f"{2 ** (8 - BITS)} levels instead of 256", posterize, gradient="through"),
    Operation("solarize", "tone", "all but black inverted; less: only what is brightest", solarize, gradient="through"),
    Operation("equalize", "tone", "values spread evenly", equalize, gradient="exact"),
    Operation("autocontrast", "tone", "stretched from black to white", autocontrast, gradient="exact"),
)
