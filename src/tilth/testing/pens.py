"""The embedded digits by two pens: plain dark strokes on white, and blue outlines that lean, filled with wash, on ruled paper.

Two styles of the same classes, and never the same digit in both: what a translator without pairs is tried on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.sample import TRAIN, VALID, Sample, raw_id
from tilth.signal import Array
from tilth.testing.worlds import World

PENS = ("plain", "outlined")


def pens(origin: str, target: str, *, n: int = 600, m: int = 600, side_px: int = 32, seed: int = 0) -> World:
    """Digits of scikit-learn: `n` by the pen `origin` in train, `m` others by the pen `target` in valid."""
    data, labels = _loaded()
    order = np.random.default_rng(seed).permutation(len(labels))
    rows = {TRAIN: (origin, order[:n]), VALID: (target, order[n : n + m])}
    samples, contents = [], {}
    for split, (pen, chosen) in rows.items():
        for row, shown in zip(chosen.tolist(), written(pen, data[chosen], side_px=side_px, seed=seed), strict=True):
            content = picture.encode(shown)
            key, path = digest_bytes(content), f"{split}/{labels[row]}/{row:04d}.png"
            sample = Sample(raw_id(key, path), key, path, int(labels[row]), split)
            samples.append(sample)
            contents[sample.id] = content
    schema = Schema("image", "single-label", tuple("0123456789"))
    truth = {sample.id: sample.label for sample in samples}
    none: frozenset[str] = frozenset()
    return World(
        Dataset.from_samples(samples, schema), contents, truth, none, none, frozenset(), frozenset(), frozenset()
    )


def spare(*, n: int = 600, m: int = 600, seed: int = 0) -> tuple[Array, Array]:
    """Flat digits (k, 64) of 0..16 that `pens` with these numbers uses in neither domain, and their labels (k,)."""
    data, labels = _loaded()
    left = np.random.default_rng(seed).permutation(len(labels))[n + m :]
    return data[left], labels[left]


def written(pen: str, flat: Array, *, side_px: int = 32, seed: int = 0) -> list[Array]:
    """Pictures (side, side, 3) uint8 of flat digits (k, 64) by this pen."""
    rng = np.random.default_rng([seed, PENS.index(pen)])
    return [(_plain if pen == "plain" else _outlined)(_ink(one, side_px), rng) for one in flat]


def _loaded() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    return loaded.data, loaded.target


def _ink(flat: Array, side_px: int) -> Array:
    """(side, side) 0..1, how much ink lies where."""
    small = (flat.reshape(8, 8) / 16 * 255).astype(np.uint8)[:, :, None]
    return picture.resize(small, side_px, side_px)[:, :, 0] / 255


def _plain(ink: Array, rng: np.random.Generator) -> Array:
    ground, dark = rng.uniform(240, 255), rng.uniform(10, 40)
    return _pixels(np.repeat((ground + (dark - ground) * ink)[:, :, None], 3, axis=2) / 255)


def _outlined(ink: Array, rng: np.random.Generator) -> Array:
    side = len(ink)
    middle, lean = (side - 1) / 2, rng.uniform(0.1, 0.25)
    leaning = ndimage.affine_transform(ink, [[1, 0], [lean, 1]], offset=[0, -lean * middle], order=1)  # pyright: ignore[reportArgumentType]
    line = np.clip(1 - abs(ndimage.gaussian_filter(leaning, side / 54) - 0.45) / 0.28, 0, 1)[:, :, None]
    y, x = np.mgrid[:side, :side] * (32 / side)
    ruled = 0.05 * np.sin((x + y) * 2 * np.pi / rng.uniform(5, 7) + rng.uniform(0, 2 * np.pi))
    grain = 0.08 * ndimage.gaussian_filter(rng.normal(0, 1, ink.shape), 1)
    paper = np.array([0.93, 0.86, 0.66]) * rng.uniform(0.92, 1.05) * (1 + ruled + grain)[:, :, None]
    washed = paper * (1 - 0.25 * leaning[:, :, None] * np.array([0.2, 0.8, 1.0]))
    return _pixels(washed * (1 - line) + np.array([0.13, 0.2, 0.62]) * rng.uniform(0.8, 1.2) * line)


def _pixels(shares: Array) -> Array:
    return (np.clip(shares, 0, 1) * 255 + 0.5).astype(np.uint8)
