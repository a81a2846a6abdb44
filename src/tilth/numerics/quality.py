"""Quality: what can be measured on a picture by itself, in one pass, whatever its size.

Nothing here says what is bad: a threshold belongs to a dataset (`tilth.numerics.spread`). The edges' length does not hang
on contrast, and the grain is read where a picture is quiet, so neither asks for a sharp or noisy twin to compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.descriptor import luma
from tilth.numerics.picture import Picture

Array = npt.NDArray[Any]

MEASURES = (
    "height", "width", "shade_low", "shade_middle", "shade_high", "contrast", "entropy", "range",
    "edge_px", "grain", "evenness", "whiteness", "colour", "colour_grain", "structure", "ground", "clear",
    "polarity",
)  # fmt: skip
"""Columns of `of_pictures`:

height, width  px of the picture as it is; all else is measured on the copy that is looked at (longer side below 512 px)
shade_low      grey level (0..255) under which 1 in 1,000 pixels lies
shade_middle   the median grey level
shade_high     grey level over which 1 in 1,000 pixels lies
contrast       standard deviation, grey levels
entropy        of the grey levels, bits (0..8)
range          brightest less darkest 2 x 2 block, grey levels: under 10 nothing is to be seen
edge_px        how long edges are: 0.6 where they are sharp, 1.4 times the radius of a Gaussian blur
grain          standard deviation of the finest diagonal detail in the quiet quarter of the picture, grey levels
evenness       grain over that of the quarter that is least quiet: near 1 for noise, which is everywhere alike
whiteness      grain over that of the picture at half its size: 2 for white noise, under 1 for most textures
colour         mean difference of red and green, grey levels
colour_grain   grain of red less green; 0 for grey: textures are the same in both, the noise of a sensor is not
structure      1 where nothing is left but white noise, 4 where all is smooth: contrast that survives shrinking to 1/4
ground         median grey level of the border of one pixel
clear          share (0..1) of the border within 40 grey levels of the ground
polarity       ground less the mean of what differs from it, grey levels; 0 where nothing does
"""

_MOST_PX = 512  # above it a picture is shrunk: what a model of 224 px sees of 4,000 is not the single pixel
_BLOCK_PX = 16  # side of the blocks that are compared for quiet ones
_QUIET = 0.25
_APART = 40  # grey levels from the ground that count as content, as in `descriptor`
_AT_ONCE = 1 << 17  # pixels measured side by side: what fits into the cache


def of_pictures(pictures: Sequence[Picture]) -> Array:
    """(b, 18) float32: `MEASURES` of b pictures (uint8 h x w x c)."""
    rows = np.zeros((len(pictures), len(MEASURES)), np.float32)
    looks = [looked_at(picture) for picture in pictures]
    rows[:, :2] = [picture.shape[:2] for picture in pictures] if len(pictures) else 0
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for row, look in enumerate(looks):
        by_shape.setdefault(look.shape, []).append(row)
    for shape, members in by_shape.items():
        step = max(1, _AT_ONCE // (shape[0] * shape[1]))
        for start in range(0, len(members), step):
            part = members[start : start + step]
            rows[part, 2:] = measured([looks[row] for row in part])
    return rows


def looked_at(picture: Picture) -> Picture:
    """The picture, or its mean over squares of pixels where a side is longer than 512 px."""
    factor = max(picture.shape[:2]) // (_MOST_PX // 2)
    if max(picture.shape[:2]) <= _MOST_PX:
        return picture
    from PIL import Image

    flat = picture if picture.shape[2] != 1 else picture[:, :, 0]
    small = np.asarray(Image.fromarray(flat).reduce(factor))
    return small.reshape(*small.shape[:2], picture.shape[2])


def measured(looks: Sequence[Picture]) -> Array:
    """(b, 16) the measures but for the size, of pictures of one shape."""
    grey = np.stack([luma(look) for look in looks])
    fine = grey.astype(np.float32)
    half = halved(fine)
    grain, busy = detail(fine, _BLOCK_PX)
    coarse, _ = detail(half, _BLOCK_PX // 2)
    coloured = looks[0].shape[2] == 3
    return np.column_stack(
        [
            *tones(grey),
            extent(half),
            edge_px(fine, half),
            grain,
            grain / (busy + 0.5),  # half a grey level: where both are next to nothing, so is the ratio
            grain / (coarse + 0.5),
            *(colours(np.stack(looks)) if coloured else np.zeros((2, len(looks)))),
            structure(fine, half),
            *grounds(grey),
        ]
    )


# -- tones ----------------------------------------------------------------------------------------------------


def tones(grey: Array) -> tuple[Array, ...]:
    """shade_low, shade_middle, shade_high, contrast and entropy of (b, h, w) uint8."""
    b, size = len(grey), grey[0].size
    flat = grey.reshape(b, -1).astype(np.intp) + 256 * np.arange(b)[:, None]
    shares = np.bincount(flat.ravel(), minlength=256 * b).reshape(b, 256) / size
    upto = shares.cumsum(axis=1)
    levels = np.arange(256)
    mean = shares @ levels
    contrast = np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0))
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return *((upto < q - 1e-9).sum(axis=1) for q in (0.001, 0.5, 0.999)), contrast, -(shares * logs).sum(axis=1)


def extent(half: Array) -> Array:
    """(b,) brightest less darkest pixel of the picture at half its size."""
    flat = half.reshape(len(half), -1)
    return flat.max(axis=1) - flat.min(axis=1)


# -- sharpness and noise --------------------------------------------------------------------------------------


def halved(fine: Array) -> Array:
    """(b, h, w) -> (b, h // 2, w // 2), the mean of each 2 x 2; a side of one pixel stays."""
    _, h, w = fine.shape
    if h > 1:
        fine = (fine[:, 0 : h // 2 * 2 : 2] + fine[:, 1 : h // 2 * 2 : 2]) / 2
    if w > 1:
        fine = (fine[:, :, 0 : w // 2 * 2 : 2] + fine[:, :, 1 : w // 2 * 2 : 2]) / 2
    return fine


def edge_px(fine: Array, half: Array) -> Array:
    """(b,) how long edges are, in pixels of `fine`: the root of the energy of first over that of second differences.

    A step that was blurred by a Gaussian of radius r has the length sqrt(2) r, whatever its height. What is blurred much
    has second differences below those of rounding, and looks sharper than it is; there the picture of half or a quarter
    of the size tells, less what its wider pixels add at most.
    """
    quarter = halved(half)
    lengths = [_edge_length(fine), 2 * _edge_length(half) - 2 / 3, 4 * _edge_length(quarter) - 8 / 3]
    return np.maximum.reduce(lengths)


def _edge_length(x: Array) -> Array:
    """(b,) 0 where there is no pixel with four neighbours, or no edge."""
    if min(x.shape[1:]) < 3:
        return np.zeros(len(x))
    middle = x[:, 1:-1, 1:-1]
    up, left = middle - x[:, :-2, 1:-1], middle - x[:, 1:-1, :-2]
    second = up + left
    second += middle
    second += middle
    second -= x[:, 2:, 1:-1]
    second -= x[:, 1:-1, 2:]
    return np.sqrt((_energy(up) + _energy(left)) / np.maximum(_energy(second), 1e-6))


def _energy(x: Array) -> Array:
    flat = x.reshape(len(x), -1)
    return np.einsum("bi,bi->b", flat, flat)


def detail(x: Array, block_px: int) -> tuple[Array, Array]:
    """(b,) and (b,): standard deviation of the diagonal Haar coefficients in the quietest quarter of the blocks, and in
    the least quiet one. Noise is everywhere, also where the picture is quiet; edges and textures are not.

    Source   after Donoho and Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage (noise from the finest
             diagonal detail); blocks instead of the median, so that sparse noise (salt and pepper) counts
    """
    b, h, w = len(x), x.shape[1] // 2, x.shape[2] // 2
    if not h or not w:
        return np.zeros(b), np.zeros(b)
    rows = x[:, 0 : 2 * h : 2, : 2 * w] - x[:, 1 : 2 * h : 2, : 2 * w]
    finest = (rows[:, :, ::2] - rows[:, :, 1::2]) / 2
    finest *= finest
    side = min(block_px // 2, h, w)
    down, across = h // side, w // side
    # Summed along rows first, which lie side by side in memory.
    strips = finest[:, : down * side, : across * side].reshape(b, down * side, across, side).sum(axis=3)
    blocks = strips.reshape(b, down, side, across).sum(axis=2).reshape(b, -1) / side**2
    last = blocks.shape[1] - 1
    at = [int(_QUIET * last), int((1 - _QUIET) * last)]
    parts = np.sqrt(np.partition(blocks, at, axis=1)[:, at])
    return parts[:, 0], parts[:, 1]


def colours(looks: Array) -> tuple[Array, Array]:
    """colour and colour_grain of (b, h, w, 3) uint8."""
    apart = looks[..., 0].astype(np.float32) - looks[..., 1]
    return np.abs(apart).mean(axis=(1, 2)), detail(apart, _BLOCK_PX)[0]


def structure(fine: Array, half: Array) -> Array:
    """(b,) four times the contrast at a quarter of the size over that at full size: 1 for white noise, whose mean over
    16 pixels has a quarter of its deviation, up to 4 for what is smooth; 4 where there is no contrast."""
    b = len(fine)
    whole, quarter = fine.reshape(b, -1).std(axis=1), halved(half).reshape(b, -1).std(axis=1)
    return np.divide(4 * quarter, whole, out=np.full(b, 4.0, np.float32), where=whole > 0.5)


# -- ground ---------------------------------------------------------------------------------------------------


def grounds(grey: Array) -> tuple[Array, Array, Array]:
    """ground, clear and polarity of (b, h, w) uint8."""
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1).astype(np.int16)
    ground = np.median(border, axis=1)
    clear = (np.abs(border - ground[:, None]) <= _APART).mean(axis=1)
    away = grey.reshape(len(grey), -1).astype(np.float32) - ground[:, None].astype(np.float32)
    content = np.abs(away) > _APART
    count = content.sum(axis=1)
    polarity = -np.divide((away * content).sum(axis=1), count, out=np.zeros(len(grey)), where=count > 0)
    return ground, clear, polarity
