"""Means over neighbours of uint8 pictures, in whole numbers: so a picture's result is the same in any company.

Weights are 256ths and their products stay within 16 bits. All rows of a picture are worked on as one, over a rim that
repeats the outermost pixels.
"""

from __future__ import annotations

import numpy as np

from tilth.signal import Array

_CACHED = 1 << 16  # values worked on at once: three times 128 KB


def smoothed(pictures: Array, down: Array, across: Array) -> Array:
    """Each picture (b, h, w, c) uint8 under its own weights, from the centre outwards: (b, r + 1) uint16, see `halves`."""
    out = np.empty(pictures.shape, dtype=np.uint8)
    size = max(1, _CACHED // max(1, pictures[0].size)) if len(pictures) else 1
    for start in range(0, len(pictures), size):
        part = slice(start, start + size)
        out[part] = _across(_down(pictures[part], _worn(down[part])), _worn(across[part]))
    return out


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


def _worn(weights: Array) -> Array:
    """Without the taps that are 0 for all."""
    used = np.flatnonzero(weights.any(axis=0))
    return weights[:, : used[-1] + 1]


def _down(pictures: Array, weights: Array) -> Array:
    """(b, h, w, c) uint16."""
    count, height, width, channels = pictures.shape
    reach = weights.shape[1] - 1
    padded = np.empty((count, height + 2 * reach, width, channels), dtype=np.uint16)
    padded[:, reach : reach + height] = pictures
    padded[:, :reach] = pictures[:, :1]
    padded[:, reach + height :] = pictures[:, -1:]
    return _passed(padded.reshape(count, -1), weights, width * channels).reshape(pictures.shape)


def _across(pictures: Array, weights: Array) -> Array:
    count, height, width, channels = pictures.shape
    reach = weights.shape[1] - 1
    # One row of the rim more at the end: what is read beyond the last row is thrown away with the rims.
    padded = np.empty((count, height, width + 2 * reach, channels), dtype=np.uint16)
    padded[:, :, reach : reach + width] = pictures
    padded[:, :, :reach] = pictures[:, :, :1]
    padded[:, :, reach + width :] = pictures[:, :, -1:]
    done = np.empty(padded.shape, dtype=np.uint16)
    flat = done.reshape(count, -1)
    flat[:, : flat.shape[1] - 2 * reach * channels] = _passed(padded.reshape(count, -1), weights, channels)
    return done[:, :, :width]


def _passed(flat: Array, weights: Array, step: int) -> Array:
    """(b, n - 2 r step): each place with r places to either side, `step` values apart."""
    reach = weights.shape[1] - 1
    size = flat.shape[1] - 2 * reach * step
    out = flat[:, reach * step : reach * step + size] * weights[:, :1]
    both = np.empty_like(out)
    for tap in range(1, reach + 1):
        before, after = (reach - tap) * step, (reach + tap) * step
        np.add(flat[:, before : before + size], flat[:, after : after + size], out=both)
        both *= weights[:, tap : tap + 1]
        out += both
    out += 128
    out >>= 8
    return out
