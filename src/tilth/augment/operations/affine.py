"""Operations that move the whole sheet: flips, shear, shift, rotation, zoom, aspect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations import sampling
from tilth.signal import Array

SHEAR = 0.3  # pixels sideways per pixel: 17 degrees of slant, as in AutoAugment
SHIFT = 0.2  # share of the side; AutoAugment's 0.45 is for objects in the middle of a photo
ROTATE_DEG = 30.0  # as in AutoAugment
ZOOM = 1.4  # scale at 1, and 1 / 1.4 at -1
ASPECT = 1.5  # width over height at 1, and 1 / 1.5 at -1

Parts: TypeAlias = tuple[Any, Any, Any, Any, Any, Any]
"""Six numbers: of a move, its linear map about the centre, row by row, then the shift right and down as shares of the
sides; of a place, the matrix (2, 3) row by row, in pixels."""

# One formula for a tensor of magnitudes and for a plain number: both engines move the sheet to the same place.
_PARTS: Mapping[str, Callable[[Any], Parts]] = {
    "hflip": lambda m: (1 - 2 * _any(m), 0, 0, 1, 0, 0),
    "vflip": lambda m: (1, 0, 0, 1 - 2 * _any(m), 0, 0),
    "shear_x": lambda m: (1, -SHEAR * m, 0, 1, 0, 0),
    "shear_y": lambda m: (1, 0, SHEAR * m, 1, 0, 0),
    "shift_x": lambda m: (1, 0, 0, 1, SHIFT * m, 0),
    "shift_y": lambda m: (1, 0, 0, 1, 0, SHIFT * m),
    "rotate": lambda m: _turn(m * math.radians(ROTATE_DEG)),
    "zoom": lambda m: (ZOOM**m, 0, 0, ZOOM**m, 0, 0),
    "aspect": lambda m: (ASPECT ** (m / 2), 0, 0, ASPECT ** (-m / 2), 0, 0),
}

NAMES = frozenset(_PARTS)
STILL: Parts = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def _any(magnitude: Any) -> Any:
    return (magnitude != 0).to(magnitude.dtype) if isinstance(magnitude, Tensor) else float(magnitude != 0)


def _turn(angle: Any) -> Parts:
    kind: Any = torch if isinstance(angle, Tensor) else math
    return kind.cos(angle), -kind.sin(angle), kind.sin(angle), kind.cos(angle), 0, 0


def matrices(name: str, magnitudes: Tensor, size: tuple[int, int]) -> Tensor:
    """(b, 2, 3) in pixels, old place (x, y) to new, for pictures of `size` (height, width)."""
    a, b, c, d, right, down = (part + 0 * magnitudes for part in _PARTS[name](magnitudes))
    height, width = size
    x, y = width / 2, height / 2
    rows = [a, b, x - a * x - b * y + right * width, c, d, y - c * x - d * y + down * height]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def matrix(name: str, magnitude: float, size: tuple[int, int]) -> Array:
    """(2, 3) the same for one picture, without torch."""
    return np.array(place(name, magnitude, size), dtype=np.float64).reshape(2, 3)


def place(name: str, magnitude: float, size: tuple[int, int]) -> Parts:
    """Its six numbers, row by row: for one picture plain numbers are faster than arrays."""
    a, b, c, d, right, down = _PARTS[name](magnitude)
    height, width = size
    x, y = width / 2, height / 2
    return a, b, x - a * x - b * y + right * width, c, d, y - c * x - d * y + down * height


def after(first: Parts, then: Parts) -> Parts:
    """The place of a place."""
    a, b, x, c, d, y = first
    e, f, u, g, h, v = then
    return e * a + f * c, e * b + f * d, e * x + f * y + u, g * a + h * c, g * b + h * d, g * x + h * y + v


def _apply(name: str, pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    size = (pictures.shape[-2], pictures.shape[-1])
    return sampling.affine(pictures, matrices(name, magnitudes, size), ground)


def _flip(axis: int, pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    return torch.where((magnitudes != 0)[:, None, None, None], pictures.flip(axis), pictures)


def _operation(name: str, full: str) -> Operation:
    kept = partial(_apply, name)
    return Operation(name, "affine", full, kept, partial(matrices, name), signed=True, gradient="exact")


AFFINE = (
    Operation("hflip", "affine", "left becomes right", partial(_flip, -1), partial(matrices, "hflip"), graded=False),
    Operation("vflip", "affine", "top becomes bottom", partial(_flip, -2), partial(matrices, "vflip"), graded=False),
    _operation("shear_x", f"{SHEAR} pixels to the right per pixel upwards"),
    _operation("shear_y", f"{SHEAR} pixels down per pixel to the right"),
    _operation("shift_x", f"{SHIFT:.0%} of the width to the right"),
    _operation("shift_y", f"{SHIFT:.0%} of the height down"),
    _operation("rotate", f"{ROTATE_DEG:.0f} degrees clockwise"),
    _operation("zoom", f"{ZOOM} times as large, at -1 as small"),
    _operation("aspect", f"{ASPECT} times as wide for its height, at -1 as narrow"),
)
