"""Means over neighbours of uint8 pictures, in whole numbers: so a picture's result is the same in any company.

Weights are 256ths and their products stay within 16 bits.
"""

from __future__ import annotations

import numpy as np

from tilth.signal import Array


def smoothed(pictures: Array, down: Array, across: Array) -> Array:
    """Each picture (b, h, w, c) uint8 under its own weights, from the centre outwards: (b, r + 1) uint16, see `halves`.

    Beyond the edge lie the outermost pixels, repeated.
    """
    from tilth.augment.operations.kernels import means

    out = np.empty(pictures.shape, dtype=np.uint8)
    weights = np.ascontiguousarray(down), np.ascontiguousarray(across)
    means.smoothed(rows_of(pictures), pictures.shape[3], *weights, rows_of(out))
    return out


def rows_of(pictures: Array) -> Array:
    """(b, h, w c) as the kernels take pictures (b, h, w, c)."""
    return np.ascontiguousarray(pictures).reshape(*pictures.shape[:2], -1)


def parts(pictures: Array, values: int) -> list[slice]:
    """A few pictures at a time, so that they stay near the processor: so many values, and one picture at least."""
    size = max(1, values * len(pictures) // max(1, pictures.size))
    return [slice(start, start + size) for start in range(0, len(pictures), size)]


def halves(weights: Array) -> Array:
    """(b, r + 1) float, the centre and one side of a symmetric kernel -> uint16, the whole kernel adding up to 256.

    Rounded from the outside inwards as sums, so that a step comes out within a level of what it should be.
    """
    outside = np.round(256 * weights[:, ::-1].cumsum(axis=1)[:, ::-1]).astype(np.int64)
    whole = np.pad(outside, ((0, 0), (0, 1)))
    whole[:, 0] = 256 - whole[:, 1]
    return (whole[:, :-1] - whole[:, 1:]).astype(np.uint16)


def bells(sigmas: Array) -> Array:
    """(b, r + 1) halves of Gaussian kernels, cut off at 3.5 sigma; a sigma of 0 px gives the picture back."""
    reach = np.maximum(1, np.ceil(3.5 * sigmas))[:, None]
    taps = np.arange(int(reach.max(initial=1)) + 1)
    weights = np.exp(-(taps**2) / (2 * sigmas[:, None] ** 2 + 1e-6)) * (taps <= reach)
    return halves(weights / (2 * weights.sum(axis=1, keepdims=True) - weights[:, :1]))


def boxes(widths: Array) -> Array:
    """(b, r + 1) halves of means over `widths` pixels, the outermost counted by what is covered of them."""
    taps = np.arange(int((widths.max(initial=1.0) + 1) / 2) + 1)
    weights = ((widths[:, None] + 1) / 2 - taps).clip(0, 1)
    return halves(weights / (2 * weights.sum(axis=1, keepdims=True) - weights[:, :1]))
