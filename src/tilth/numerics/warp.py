"""Affine warps of pictures in one resampling, filled with the ground's own value.

A warp is a matrix (2, 3) that takes points (x, y) of the old picture, in pixels, to places in the new one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

_GRID = 64  # cells along the longer side on which ink is sought: 1.6 % of the side is fine enough to keep it in frame
_GAP = 0.02  # share of the shorter side
_CONTRAST = 40  # grey levels between ground and ink: above the noise and shadows of scans, below faint pencil


def affine(
    size: tuple[int, int],
    *,
    rotate_deg: float = 0.0,
    shear: float = 0.0,
    zoom: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Array:
    """The matrix (2, 3) that shears, turns and zooms about the centre and then shifts.

    size        (height, width) in pixels
    rotate_deg  clockwise as seen, for y points down
    shear       pixels to the right per pixel upwards
    zoom        1 keeps the size, below shrinks
    shift       (right, down) as shares of width and height
    """
    height, width = size
    turn = np.deg2rad(rotate_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = zoom * rotation @ np.array([[1.0, -shear], [0.0, 1.0]])
    return _about_centre(linear, size, np.array([shift[0] * width, shift[1] * height]))


def ink_points(picture: Picture, ground: Array) -> Array:
    """(p, 2) corners (x, y), in pixels, of the cells that hold ink and are not joined to the border.

    What touches the border (ruled lines, the edge of a sheet, the whole of a photo) is cut already and cannot be kept
    in frame, so it is left out; where nothing else is there, p is 0.
    """
    return ink_of_each(picture[None], np.asarray(ground)[None])[0]


def ink_of_each(pictures: Picture, ground: Array) -> list[Array]:
    """The same for each of the pictures (b, h, w, c), whose grounds are (b, c)."""
    from scipy import ndimage

    count, height, width = pictures.shape[:3]
    cell = max(1, -(-max(height, width) // _GRID))
    # The farthest value in a cell, not the mean: a stroke of one pixel must count.
    bright = _by_cell(np.maximum, pictures, cell).astype(np.int16)
    dark = _by_cell(np.minimum, pictures, cell).astype(np.int16)
    level = ground[:, None, None, :].astype(np.int16)
    cells = np.maximum(bright - level, level - dark).max(axis=3) > _CONTRAST
    parts: Array = np.zeros(cells.shape, dtype=np.int32)
    flat = np.zeros((3, 3, 3), dtype=bool)  # parts of one picture are not joined to those of the next
    flat[1] = True
    ndimage.label(cells, structure=flat, output=parts)
    at_border = np.zeros(parts.max(initial=0) + 1, dtype=bool)
    for rim in (parts[:, 0], parts[:, -1], parts[:, :, 0], parts[:, :, -1]):
        at_border[rim] = True
    at_border[0] = True  # no ink
    which, rows, columns = np.nonzero(~at_border[parts])
    left, top = columns * cell, rows * cell
    right, bottom = np.minimum(left + cell, width), np.minimum(top + cell, height)
    starts = np.searchsorted(which, np.arange(1, count))
    corners = [np.stack(pair, axis=1) for pair in ((left, top), (right, top), (left, bottom), (right, bottom))]
    return [np.concatenate(four) for four in zip(*(np.split(corner, starts) for corner in corners), strict=True)]


def _by_cell(farthest: np.ufunc, pictures: Picture, cell: int) -> Array:
    if cell == 1:
        return pictures
    _, height, width, channels = pictures.shape
    whole = np.pad(pictures, ((0, 0), (0, -height % cell), (0, -width % cell), (0, 0)), mode="edge")
    rows = farthest.reduce(whole.reshape(len(whole), -(-height // cell), cell, whole.shape[2], channels), axis=2)
    return farthest.reduce(rows.reshape(*rows.shape[:2], -(-width // cell), cell, channels), axis=3)


def keep_inside(matrix: Array, points: Array, size: tuple[int, int]) -> Array:
    """The matrix, shrunk and shifted no more than it takes to keep these points in the frame.

    points  (p, 2) as (x, y); none: the matrix as it is

    They stay off the edge by 2 % of the side, or by what they had where that was less: a stroke flush with the edge
    looks cut.
    """
    if not len(points):
        return matrix
    frame = np.array([size[1], size[0]], dtype=float)
    gap = max(0.0, min(_GAP * frame.min(), points.min(), (frame - points).min()))
    placed = points @ matrix[:, :2].T
    span = placed.max(axis=0) - placed.min(axis=0)
    fit = min(1.0, float(((frame - 2 * gap) / np.maximum(span, 1e-9)).min()))
    if fit < 1:
        middle = frame / 2
        matrix = _about_centre(matrix[:, :2] * fit, size, matrix @ np.append(middle, 1) - middle)
    placed = points @ matrix[:, :2].T + matrix[:, 2]
    over = np.maximum(placed.max(axis=0) - (frame - gap), 0)
    under = np.maximum(gap - placed.min(axis=0), 0)
    return np.column_stack([matrix[:, :2], matrix[:, 2] - over + under])


def warp(picture: Picture, matrix: Array, ground: Array) -> Picture:
    """The picture under this matrix: same size and channels, bicubic, antialiased where it shrinks.

    ground  (c,) uint8, what comes in from outside the frame
    """
    from PIL import Image, ImageFilter

    grey = picture.shape[2] == 1
    image = Image.fromarray(picture[:, :, 0] if grey else picture)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale < 1:
        # A new pixel covers 1 / scale old ones: first the mean over that much, so that thin strokes do not break.
        image = image.filter(ImageFilter.BoxBlur((1 / scale - 1) / 2))
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2].ravel().tolist()
    fill = int(ground[0]) if grey else tuple(int(value) for value in ground)
    moved = image.transform(image.size, Image.Transform.AFFINE, back, Image.Resampling.BICUBIC, fillcolor=fill)
    out = np.asarray(moved)
    return out[:, :, None] if grey else out


def noisy(picture: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    """The picture with Gaussian noise; sigma as a share of the range from black to white."""
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(picture + noise * np.float32(sigma * 255) + np.float32(0.5), 0, 255).astype(np.uint8)


def _about_centre(linear: Array, size: tuple[int, int], shift: Array) -> Array:
    centre = np.array([size[1], size[0]]) / 2
    return np.column_stack([linear, centre - linear @ centre + shift])
