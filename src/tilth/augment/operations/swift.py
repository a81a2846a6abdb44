"""The same operations without tensors, for one uint8 picture: tables of 256 values, and Pillow's filters and resampling.

Several times as fast as by way of floats at the sizes of glyphs, and without a gradient. A test holds both to agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from tilth.augment.operation import Move
from tilth.augment.operations import affine, cover, grain, tone
from tilth.numerics import picture, warp
from tilth.signal import Array

_RAMP = np.arange(256, dtype=np.float32) / 255

Swift: TypeAlias = Callable[[Array, float, Array, np.random.Generator], Array]
"""(picture (h, w, c) uint8, magnitude, ground (c,) uint8, generator) -> picture"""

Ink: TypeAlias = Callable[[Array, Array], Array]
"""(picture, ground) -> (p, 2) points that must stay in frame."""


def painted(
    shown: Array, moves: Sequence[Move], ground: Array, rng: np.random.Generator, ink: Ink | None = None
) -> Array | None:
    """The picture after its moves; None where one of them is only known to tensors."""
    if not all(move.operation in affine.NAMES or move.operation in SWIFT for move in moves):
        return None
    left = [move for move in moves if move.magnitude]
    while left:
        if left[0].operation in affine.NAMES and left[0].operation not in SWIFT:
            shown = _moved(shown, left, ground, ink)
            continue
        move = left.pop(0)
        shown = SWIFT[move.operation](shown, move.magnitude, ground, rng)
        if left and move.operation in _TONE:
            ground = picture.background(shown)
    return np.ascontiguousarray(shown)


def _moved(shown: Array, left: list[Move], ground: Array, ink: Ink | None) -> Array:
    """All affine moves at the head of the list, which are taken off it, in one resampling."""
    size = (shown.shape[0], shown.shape[1])
    whole = np.eye(3)
    while left and left[0].operation in affine.NAMES:
        move = left.pop(0)
        whole = np.vstack([affine.matrix(move.operation, move.magnitude, size), whole[2:]]) @ whole
    matrix = whole[:2] if ink is None else warp.keep_inside(whole[:2], ink(shown, ground), size)
    return warp.warp(shown, matrix, ground)


def _image(shown: Array) -> Image.Image:
    return Image.fromarray(shown[:, :, 0] if shown.shape[2] == 1 else np.ascontiguousarray(shown))


def _array(image: Image.Image) -> Array:
    out = np.asarray(image)
    return out[:, :, None] if out.ndim == 2 else out


# -- values by table -----------------------------------------------------------------------------------------------


def _levels(values: Array) -> bytes:
    return (values.clip(0, 1) * 255 + 0.5).astype(np.uint8).tobytes()


def _looked_up(shown: Array, table: bytes) -> Array:
    # The translation that bytes have of themselves is four times as fast as indexing an array.
    return np.frombuffer(shown.tobytes().translate(table), dtype=np.uint8).reshape(shown.shape)


def _by_table(table: Callable[[float], Array]) -> Swift:
    return lambda shown, magnitude, ground, rng: _looked_up(shown, _levels(table(magnitude)))


def _posterized(magnitude: float) -> Array:
    steps = np.round(np.float32(2 ** (8 - tone.BITS * magnitude))) - 1
    return np.round(_RAMP * steps) / steps


def _contrast(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
    means = shown.reshape(-1, shown.shape[2]).mean(axis=0, dtype=np.float64)
    mean = (means[0] if len(means) == 1 else means @ np.array(tone.LUMA)) / 255
    return _looked_up(shown, _levels(_RAMP + tone.CONTRAST * magnitude * (_RAMP - np.float32(mean))))


def _saturation(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
    if shown.shape[2] == 1:
        return shown
    image = _image(shown)
    return _array(Image.blend(image.convert("L").convert("RGB"), image, 1 + tone.SATURATION * magnitude))


def _by_channel(table: Callable[[Array], Array]) -> Swift:
    """Each channel by a table of its own, worked out from how often each value occurs."""

    def applied(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
        image = _image(shown)
        counts = np.array(image.histogram()).reshape(-1, 256)
        tables = [_levels(_RAMP + magnitude * (table(row) - _RAMP)) for row in counts]
        return _array(image.point(list(b"".join(tables))))

    return applied


def _even(counts: Array) -> Array:
    lowest = counts[np.flatnonzero(counts)[0]]
    rest = counts.sum() - lowest
    return ((counts.cumsum() - lowest) / rest).clip(0, 1) if rest else _RAMP


def _stretched(counts: Array) -> Array:
    there = np.flatnonzero(counts)
    low, high = _RAMP[there[0]], _RAMP[there[-1]]
    return (_RAMP - low) / (high - low) if high > low else _RAMP


_TONE: Mapping[str, Swift] = {
    "invert": lambda shown, magnitude, ground, rng: 255 - shown,
    "brightness": _by_table(lambda magnitude: _RAMP + tone.BRIGHTNESS * magnitude),
    "posterize": _by_table(_posterized),
    "solarize": _by_table(lambda magnitude: np.where(_RAMP > np.float32(1) - np.float32(magnitude), 1 - _RAMP, _RAMP)),
    "contrast": _contrast,
    "saturation": _saturation,
    "equalize": _by_channel(_even),
    "autocontrast": _by_channel(_stretched),
}


# -- the rest ------------------------------------------------------------------------------------------------------


def _noise(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
    return warp.noisy(shown, grain.NOISE * magnitude, rng)


def _blur(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
    sigma = grain.blur_px(shown.shape[:2]) * magnitude
    return _array(_image(shown).filter(ImageFilter.GaussianBlur(sigma)))


def _sharpen(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
    percent = round(100 * grain.SHARPEN * magnitude)
    return _array(_image(shown).filter(ImageFilter.UnsharpMask(grain.fine_px(shown.shape[:2]), percent, 0)))


def _erase(shown: Array, magnitude: float, ground: Array, rng: np.random.Generator) -> Array:
    height, width = shown.shape[:2]
    share = cover.ERASE * magnitude
    left, top = (1 - share) * rng.random(2, dtype=np.float32)
    rows, down = _covered(top * height, (top + share) * height)
    columns, across = _covered(left * width, (left + share) * width)
    out = shown.copy()
    part = out[rows, columns]
    covered = (down[: len(part), None] * across[None, : part.shape[1]])[:, :, None]
    part[...] = part + covered * (ground - part.astype(np.float32)) + 0.5
    return out


def _covered(start: float, end: float) -> tuple[slice, Array]:
    """The pixels between start and end, and how much of each lies between them."""
    pixels = np.arange(int(start), int(np.ceil(end)))
    return slice(int(start), int(np.ceil(end))), np.minimum(end, pixels + 1) - np.maximum(start, pixels)


SWIFT: Mapping[str, Swift] = {
    **_TONE,
    "noise": _noise,
    "blur": _blur,
    "sharpen": _sharpen,
    "pixel_shuffle": lambda shown, magnitude, ground, rng: grain.shuffled(shown, magnitude, rng),
    "erase": _erase,
    "hflip": lambda shown, magnitude, ground, rng: shown[:, ::-1],
    "vflip": lambda shown, magnitude, ground, rng: shown[::-1],
}
