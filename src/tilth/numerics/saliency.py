"""Saliency without a network: where a picture holds what the rest of it does not lead one to expect.

Source  Hou and Zhang 2007, Saliency Detection: A Spectral Residual Approach
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics import picture
from tilth.numerics.picture import Picture

Array = npt.NDArray[Any]

_SIDE_PX = 64  # the paper's: at a finer scale the texture stands out, not the thing
_MEAN_PX = 3  # side of the window that the spectrum is smoothed by, the paper's
_BLUR_PX = 2.5  # deviation of the blur over 64 px, of the authors' own code
_RIM_PX = 16  # that are mirrored around the 64; with 32 a picture and its image made one symmetric thing, and its axis stood out
_FLOOR = (
    0.01  # of the mean strength: the zeros in the spectrum of a plain shape on plain ground say nothing of its place
)
_FLAT = 1e-6  # range of a picture (0..1) below which nothing stands out


def spectral_residual(grey: Array) -> Array:
    """(b, h, w) float64 from 0 up: how far each place of pictures (b, h, w), with values of 0..1, stands out."""
    from scipy.ndimage import gaussian_filter, uniform_filter1d

    spectrum = np.fft.fft2(grey)
    strength = np.abs(spectrum)
    size = np.log(strength + _FLOOR * strength.mean(axis=(1, 2), keepdims=True) + 1e-12)
    mean = uniform_filter1d(uniform_filter1d(size, _MEAN_PX, axis=1, mode="wrap"), _MEAN_PX, axis=2, mode="wrap")
    back = np.abs(np.fft.ifft2(np.exp(size - mean + 1j * np.angle(spectrum)))) ** 2
    return gaussian_filter(back, (0, _BLUR_PX, _BLUR_PX), mode="nearest")


def salient(pictures: Sequence[Picture]) -> Array:
    """(b, 2) float32 within 0..1, row and column of the most salient place of each picture (h, w, c); 0.5 where none is."""
    small = np.stack([_small(one) for one in pictures])
    # A spectrum has no borders: mirrored at them, a stroke that the frame cuts off does not stand out as an edge. Of 400
    # digits as high as their frame the peaks of 0 lie there, of all 400 without.
    wide = np.pad(small, ((0, 0), (_RIM_PX,) * 2, (_RIM_PX,) * 2), mode="symmetric")
    found = spectral_residual(wide)[:, _RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX]
    peaks = np.stack(np.unravel_index(found.reshape(len(found), -1).argmax(axis=1), found.shape[1:]), axis=1)
    flat = np.ptp(small, axis=(1, 2)) < _FLAT
    return np.where(flat[:, None], 0.5, (peaks + 0.5) / _SIDE_PX).astype(np.float32)


def _small(shown: Picture) -> Array:
    """(64, 64) float64 within 0..1, grey, the ratio not kept, how far each place is from the ground."""
    grey = picture.resize(picture.to_channels(shown, 1), _SIDE_PX, _SIDE_PX)
    return np.abs(grey[:, :, 0].astype(np.float64) - float(picture.background(grey)[0])) / 255
