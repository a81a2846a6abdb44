"""Operations on fine detail: noise, blur, sharpen, pixelate, pixel shuffle.

Lengths are shares of the shorter side, so that a magnitude means the same at 32 and at 300 pixels.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as nn

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations.sampling import bell, clamped, separable
from tilth.signal import Array

NOISE = 0.2  # deviation, as a share of the range: Faster AutoAugment on small glyphs
BLUR = 0.02  # deviation: 6 px at 300; at least 1 px, or a small picture would not change
SHARPEN = 2.0  # times the fine detail, on top of what is there
FINE = 0.007  # deviation of what counts as fine detail: 2 px at 300
PIXELS = 16  # pixels along the shorter side that are left by pixelate at full strength
BLOCK = 0.025  # side of the blocks that pixels are shuffled in, rounded up to a power of two: 8 px at 300


def _reach(sigma: float) -> int:
    """Pixels to either side; beyond, Gaussian weights are left out."""
    return max(1, math.ceil(3.5 * sigma))


def blurred(pictures: Tensor, sigmas: Tensor, reach: int) -> Tensor:
    weights = bell(sigmas, reach)
    return separable(pictures, weights, weights, edge="replicate")


def noise(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    shape = (*pictures.shape[2:], pictures.shape[1])
    grain = torch.from_numpy(np.stack([drawn(shape, rng) for rng in dice])).to(pictures).permute(0, 3, 1, 2)
    return clamped(pictures + NOISE * magnitudes[:, None, None, None] * grain)


def drawn(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Gaussian noise of deviation 1, one of 65,536 values evenly likely: a table is faster than a drawing of each."""
    size = math.prod(shape)
    return _quantiles()[np.frombuffer(rng.bytes(2 * size), dtype="<u2")].reshape(shape)


@cache
def _quantiles() -> Array:
    from scipy.special import ndtri

    return ndtri((np.arange(65_536) + 0.5) / 65_536).astype(np.float32)


def blur(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    size = (pictures.shape[-2], pictures.shape[-1])
    sigmas = blur_px(size) * magnitudes
    return blurred(pictures, sigmas, _reach(float(sigmas.detach().max())))


def sharpen(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    size = (pictures.shape[-2], pictures.shape[-1])
    smooth = blurred(pictures, torch.full_like(magnitudes, fine_px(size)), _reach(fine_px(size)))
    return clamped(pictures + SHARPEN * magnitudes[:, None, None, None] * (pictures - smooth))


def blur_px(size: tuple[int, ...]) -> float:
    """Deviation at full strength."""
    return max(1.0, BLUR * min(size))


def fine_px(size: tuple[int, ...]) -> float:
    """Pixels; at least half of one, or on a small picture nothing would count as detail."""
    return max(0.5, FINE * min(size))


def coarse(size: tuple[int, int], magnitude: float) -> tuple[int, int]:
    """(height, width) of the grid that pixelate leaves."""
    pixel = 1 + magnitude * max(0.0, min(size) / PIXELS - 1)
    return max(1, round(size[0] / pixel)), max(1, round(size[1] / pixel))


def pixelate(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    size = (pictures.shape[-2], pictures.shape[-1])
    out: list[Tensor] = []
    for shown, magnitude in zip(pictures, magnitudes.detach(), strict=True):
        rows, columns = coarse(size, float(magnitude))
        small = _means(size[0], rows, shown) @ shown @ _means(size[1], columns, shown).T
        out.append(nn.interpolate(small[None], size, mode="nearest-exact"))
    return torch.cat(out)


def _means(pixels: int, cells: int, like: Tensor) -> Tensor:
    """(cells, pixels) weights that take the mean over each cell, a pixel on its rim by how much of it lies inside."""
    edges = torch.arange(cells + 1, dtype=like.dtype, device=like.device) * (pixels / cells)
    at = torch.arange(pixels, dtype=like.dtype, device=like.device)
    inside = torch.minimum(edges[1:, None], at + 1) - torch.maximum(edges[:-1, None], at)
    return inside.clamp(0, 1) * (cells / pixels)


def pixel_shuffle(pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    height, width = pictures.shape[-2:]
    still = np.arange(height * width).reshape(height, width, 1)
    orders = [shuffled(still, float(magnitude), rng) for magnitude, rng in zip(magnitudes.detach(), dice, strict=True)]
    order = torch.from_numpy(np.stack(orders)).to(pictures.device).view(len(orders), 1, -1)
    flat = pictures.flatten(2)
    return flat.gather(2, order.expand(-1, flat.shape[1], -1)).view(pictures.shape)


def shuffled(values: Array, magnitude: float, rng: np.random.Generator) -> Array:
    """(h, w, c) the same pixels, moved about within small blocks; none is lost.

    Bit by bit of its row and column within the block, a pixel changes places with the one that differs in this bit, or
    not: at full strength evenly often, so that it may come to lie anywhere in the block. The grid of the blocks starts
    at a place drawn at random; what is left at the rim stays.
    """
    height, width = values.shape[:2]
    bits = max(1, math.ceil(math.log2(max(2.0, BLOCK * min(height, width)))))
    side = 1 << bits
    top, left = (int(rng.integers(length % side + 1)) for length in (height, width))
    out = values.copy()
    rows, columns = height // side * side, width // side * side
    inner = out[top : top + rows, left : left + columns]
    for step in range(bits) if inner.size else ():
        length = 1 << step
        blocks = inner.reshape(rows // (2 * length), 2, length, columns, -1)
        _exchange(blocks[:, 0], blocks[:, 1], magnitude, rng)
        inner = blocks.reshape(rows, columns, -1)
        blocks = inner.reshape(rows, columns // (2 * length), 2, length, -1)
        _exchange(blocks[:, :, 0], blocks[:, :, 1], magnitude, rng)
        inner = blocks.reshape(rows, columns, -1)
    if inner.size:
        out[top : top + rows, left : left + columns] = inner
    return out


def _exchange(first: Array, second: Array, magnitude: float, rng: np.random.Generator) -> None:
    """Let places change, in place, between two views: half of them at full magnitude."""
    drawn = rng.integers(256, size=first.shape[:-1], dtype=np.uint8)
    swap = (drawn < round(128 * magnitude))[..., None]
    kept = np.where(swap, second, first)
    second[...] = np.where(swap, first, second)
    first[...] = kept


GRAIN = (
    Operation("noise", "grain", f"Gaussian, deviation {NOISE:.0%} of the range", noise, gradient="exact"),
    Operation("blur", "grain", f"Gaussian, deviation {BLUR:.0%} of the shorter side", blur, gradient="exact"),
    Operation("sharpen", "grain", f"fine detail {1 + SHARPEN:.0f} times as strong", sharpen, gradient="exact"),
    Operation("pixelate", "grain", f"{PIXELS} pixels along the shorter side", pixelate),
    Operation(
        "pixel_shuffle", "grain", f"pixels in any order within blocks of {BLOCK:.1%} of the shorter side", pixel_shuffle
    ),
)
