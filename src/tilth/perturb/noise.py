"""Noise: changes that follow no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tilth.signal import Array

SPECKS = 0.5
"""Share of the pixels that salt and pepper falls on, per unit of strength: at .1 one pixel in twenty."""


def gaussian(picture: Array, rng: np.random.Generator, strength: float) -> Array:
    """Each value moved by a normal draw.

    picture   (h, w, c) uint8
    strength  the deviation, in units of the range
    """
    return _file(picture / 255 + strength * rng.standard_normal(picture.shape))


def uniform(picture: Array, rng: np.random.Generator, strength: float) -> Array:
    """Each value moved evenly to either side; as strong as `gaussian`, none is moved by more than sqrt(3) deviations."""
    return _file(picture / 255 + strength * np.sqrt(3) * rng.uniform(-1, 1, picture.shape))


def salt_pepper(picture: Array, rng: np.random.Generator, strength: float) -> Array:
    """Some pixels become white or black, `SPECKS * strength` of them."""
    hit = rng.random(picture.shape[:2]) < SPECKS * strength
    white = rng.random(picture.shape[:2]) < 0.5
    return np.where(hit[:, :, None], np.where(white, 255, 0)[:, :, None], picture).astype(np.uint8)


NOISES: Mapping[str, Callable[[Array, np.random.Generator, float], Array]] = {
    "gaussian": gaussian,
    "uniform": uniform,
    "salt_pepper": salt_pepper,
}


def _file(values: Array) -> Array:
    return np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
