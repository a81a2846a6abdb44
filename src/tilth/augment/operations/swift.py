"""The same operations on uint8 pictures of one size, as a batch: whole numbers where they do, floats to move the sheet.

Many times as fast as by way of floats, and without a gradient. A test holds both to agree, and another that a picture
comes out the same to the last bit whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from tilth.augment.operation import Dice
from tilth.augment.operations import levels, moving, pixels
from tilth.augment.operations.bend import BEND
from tilth.augment.operations.stroke import STROKE
from tilth.signal import Array

Swift: TypeAlias = Callable[[Array, Array, Array, Dice], Array]
"""(pictures (b, h, w, c) uint8, magnitudes (b,) other than 0, ground (b, c) uint8, dice) -> new pictures"""

TONE: Mapping[str, Swift] = {
    "invert": levels.invert,
    "brightness": levels.brightness,
    "contrast": levels.contrast,
    "saturation": levels.saturation,
    "posterize": levels.posterize,
    "solarize": levels.solarize,
    "equalize": levels.equalize,
    "autocontrast": levels.autocontrast,
}

PLAIN: Mapping[str, Swift] = {
    **TONE,
    "hflip": pixels.hflip,
    "vflip": pixels.vflip,
    "noise": pixels.noise,
    "blur": pixels.blur,
    "sharpen": pixels.sharpen,
    "pixelate": pixels.pixelate,
    "pixel_shuffle": pixels.pixel_shuffle,
}
"""Those that do not ask what the ground is."""

SWIFT: Mapping[str, Swift] = {
    **PLAIN,
    "erase": pixels.erase,
    "crop": moving.crop,
    **{operation.name: moving.by_floats(operation) for operation in (*BEND, *STROKE)},
}
"""All that do not move the sheet by a matrix, and the flips."""
