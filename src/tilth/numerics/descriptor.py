"""What a picture looks like, without training: its content cut out, its edges by direction, its rough tones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.picture import Picture, background

Array = npt.NDArray[Any]
Box = tuple[int, int, int, int]

_TONE_APART = 40  # grey levels from the ground that count as content: above the noise of scans and JPEG
_CLEAR_SHARE = 0.9  # of the border that must look like the ground, for there to be a ground at all
_RULED_SHARE = 0.6  # the same where ruled lines may cross the border
_CUT_INK = 0.35  # of all ink: more, and what touches the border may be the content
_SPECK = 0.03  # of the ink of the largest part: dust, and less than the dot of an i
_LOOK_PX = 96  # longer side of the copy in which the content is sought: single specks vanish in it
_CHUNK = 32  # pictures at once: what fits into the cache is twice as quick
_MARGIN = 0.04  # of the box's longer side, left around the content


def luma(picture: Picture) -> Picture:
    """(h, w) uint8 grey, by ITU-R 601."""
    if picture.shape[2] == 1:
        return picture[:, :, 0]
    from PIL import Image

    return np.asarray(Image.fromarray(picture).convert("L"))


def content_box(grey: Picture) -> Box | None:
    """Where the content lies on a clear ground: (left, top, right, bottom) px; None where the ground is not clear or
    there is nothing on it.

    grey  (h, w) uint8
    """
    ground, clear = ground_of(grey)
    if clear < _CLEAR_SHARE:
        return None
    scale = max(1.0, max(grey.shape) / _LOOK_PX)
    small = sized(grey, max(1, round(grey.shape[0] / scale)), max(1, round(grey.shape[1] / scale)))
    content = np.abs(small.astype(np.int16) - ground) > _TONE_APART
    rows, columns = np.flatnonzero(content.any(1)), np.flatnonzero(content.any(0))
    if not len(rows):
        return None
    return _margined(rows, columns, scale, grey.shape)


def tidied(picture: Picture) -> tuple[Picture, Box | None]:
    """The picture without what does not belong to its content, and where the content lies; as it is, and None, where
    the ground is not clear.

    On scanned sheets, ruled lines and pieces of the neighbours' writing reach in from the border, and dust lies about:
    these parts are painted with the ground. What touches the border stays where it holds a third of the ink or more: it
    may be the content itself, cut off.
    """
    grey = luma(picture)
    ground, clear = ground_of(grey)
    found = parts_of(grey, ground) if clear >= _RULED_SHARE else None
    if found is None:
        return picture, None
    gone = (found.cut | found.dust)[found.labels]
    tidy = picture.copy()
    tidy[np.kron(gone, np.ones((found.cell, found.cell), bool))[: grey.shape[0], : grey.shape[1]]] = background(picture)
    rows, columns = np.nonzero((found.labels > 0) & ~gone)
    return tidy, _margined(rows, columns, float(found.cell), grey.shape)


@dataclass(frozen=True)
class Parts:
    """What lies apart from each other on the ground, told on cells of `cell` px.

    labels  (rows, columns) int, the part of each cell; 0 is ground
    ink     (p,) cells of ink in each part
    cut     (p,) bool, reaches in from the border and is not the content itself
    dust    (p,) bool, next to nothing beside the largest part that stays
    """

    labels: Array
    ink: Array
    cut: Array
    dust: Array
    cell: int


def parts_of(grey: Picture, ground: float) -> Parts | None:
    """The parts of a grey picture (h, w) on its ground; None where nothing lies on it."""
    from scipy import ndimage

    share, cell = _ink_by_cell(grey, ground)
    labels: Array = np.zeros(share.shape, dtype=np.int32)
    ndimage.label(share > 0, structure=np.ones((3, 3)), output=labels)
    if not (count := int(labels.max())):
        return None
    ink = np.bincount(labels.ravel(), weights=share.ravel(), minlength=count + 1)
    ink[0] = 0
    cut = np.zeros(count + 1, bool)
    cut[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    cut[0] = False
    if ink[cut].sum() > _CUT_INK * ink.sum():
        cut[:] = False
    dust = ~cut & (ink < _SPECK * ink[~cut].max(initial=0.0))
    dust[0] = False
    return Parts(labels, ink, cut, dust, cell)


def ground_of(grey: Picture) -> tuple[float, float]:
    """The median of the border, and the share 0..1 of the border that looks like it."""
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]).astype(np.int16)
    ground = float(np.median(edge))
    return ground, float((np.abs(edge - ground) <= _TONE_APART).mean())


def _ink_by_cell(grey: Picture, ground: float) -> tuple[Array, int]:
    """(rows, columns) share of each cell that is ink, and its side in px: `_LOOK_PX` cells along the longer side, or as
    many as pixels."""
    cell = -(-max(grey.shape) // _LOOK_PX)
    whole = np.pad(grey, ((0, -grey.shape[0] % cell), (0, -grey.shape[1] % cell)), mode="edge").astype(np.int16)
    ink = np.abs(whole - ground) > _TONE_APART
    return ink.reshape(ink.shape[0] // cell, cell, ink.shape[1] // cell, cell).mean((1, 3)), cell


def _margined(rows: Array, columns: Array, scale: float, size: tuple[int, ...]) -> Box:
    """The box around cells with a margin, in pixels."""
    margin = _MARGIN * max(np.ptp(rows), np.ptp(columns)) + 1
    high, wide = size
    return (
        max(0, int((columns.min() - margin) * scale)),
        max(0, int((rows.min() - margin) * scale)),
        min(wide, int((columns.max() + 1 + margin) * scale + 1)),
        min(high, int((rows.max() + 1 + margin) * scale + 1)),
    )


def squared(picture: Picture, box: Box | None, side_px: int, *, keep_ratio: float) -> Picture:
    """The box (or the whole) of a picture as a square: (side, side, c) uint8.

    keep_ratio  0 stretches the box to the square, 1 keeps its ratio and fills up with the ground, between: between
    """
    left, top, right, bottom = box or (0, 0, picture.shape[1], picture.shape[0])
    ratio = ((bottom - top) / (right - left)) ** keep_ratio
    height = max(1, round(side_px * min(1.0, ratio)))
    width = max(1, round(side_px * min(1.0, 1 / ratio)))
    inner = sized(picture[top:bottom, left:right], height, width)
    if (height, width) == (side_px, side_px):
        return inner
    square = np.empty((side_px, side_px, picture.shape[2]), np.uint8)
    square[:] = background(picture)
    y, x = (side_px - height) // 2, (side_px - width) // 2
    square[y : y + height, x : x + width] = inner
    return square


def hog(grey: Array, *, cell_px: int, bins: int = 9) -> Array:
    """Edges by direction in square cells, each normalised by the energy around it.

    grey     (b, s, s) float, s a multiple of the cell
    cell_px  side of a cell
    bins     directions within 180 degrees; both polarities of an edge count as one
    returns  (b, cells * bins) float32

    Source   Dalal and Triggs 2005; one value a cell and direction instead of four, the mean over the four blocks'
             normalisations, as Felzenszwalb et al. 2010, section 6.1
    """
    parts = [_tally(grey[at : at + _CHUNK].astype(np.float32), cell_px, bins) for at in range(0, len(grey), _CHUNK)]
    return _normalised(np.concatenate(parts)).reshape(len(grey), -1)


def _tally(grey: Array, cell_px: int, bins: int) -> Array:
    """(b, cells, cells, bins) how much edge there is; each pixel's is shared by the two directions next to it."""
    b, side = len(grey), grey.shape[1]
    cells = side // cell_px
    down, across = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    strength = np.sqrt(down * down + across * across)
    turn = np.arctan2(down, across) * np.float32(bins / np.pi) + np.float32(bins)
    lower = turn.astype(np.int64)
    upper_share = strength * (turn - lower)
    at = np.arange(side) // cell_px
    # Each cell has 2 bins + 2 places: turns run from 0 to 2 bins, and both halves of the circle are added up below.
    places = 2 * bins + 2
    cell = ((np.arange(b)[:, None, None] * cells + at[:, None]) * cells + at) * places
    cell = (cell + lower).ravel()
    size = b * cells * cells * places
    tally = np.bincount(cell, (strength - upper_share).ravel(), minlength=size)
    tally[1:] += np.bincount(cell, upper_share.ravel(), minlength=size)[:-1]
    found = tally.reshape(b, cells, cells, places)
    both = found[..., :bins] + found[..., bins : 2 * bins]
    both[..., :2] += found[..., 2 * bins :]
    return both.astype(np.float32)


def _normalised(tally: Array) -> Array:
    energy = np.pad((tally**2).sum(-1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    blocks = energy[:, :-1, :-1] + energy[:, 1:, :-1] + energy[:, :-1, 1:] + energy[:, 1:, 1:]
    norms = np.sqrt(blocks) + 4.0 * 255 * 0.02  # a faint block stays faint: noise on a plain ground is no edge
    around = (norms[:, :-1, :-1], norms[:, 1:, :-1], norms[:, :-1, 1:], norms[:, 1:, 1:])
    return sum(np.minimum(tally / norm[..., None], 0.2) for norm in around) / 0.8  # type: ignore[return-value]


def coarse(pictures: Array, *, cells: int) -> Array:
    """Mean tones on a grid: (b, s, s, c) uint8 -> (b, cells * cells * c) float32 within 0..1; s a multiple of cells."""
    b, side, _, channels = pictures.shape
    means = np.repeat(np.eye(cells, dtype=np.float32), side // cells, axis=1) * np.float32(cells / side / 255)
    bands = (means @ pictures.reshape(b, side, -1).astype(np.float32)).reshape(b, cells, side, channels)
    return (means @ bands).reshape(b, -1) * np.float32(255)


def principal(values: Array, fit: Array, *, dims: int) -> Array:
    """The values along their main directions, each row of length 1.

    values   (n, d) float
    fit      (n,) bool, rows that the mean and the directions are taken from
    dims     most directions
    returns  (n, min(dims, d, rows of fit - 1)) float32; signs are fixed, so the same rows give the same numbers

    The spread along each direction is left as it is: to make all alike (whitening) cost 0.5 to 1 % of right votes.
    """
    base = values[fit] if fit.any() else values
    mean = base.mean(axis=0, dtype=np.float64)
    centred = (values - mean).astype(np.float32)
    directions = _directions(centred[fit] if fit.any() else centred, dims)
    peak = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return unit(centred @ (directions * np.where(peak < 0, -1, 1)).astype(np.float32))


def _directions(centred: Array, dims: int) -> Array:
    """(d, count) float64, the main directions first; from the smaller of the two products."""
    n, d = centred.shape
    count = max(1, min(dims, d, n - 1))
    if n >= d:
        _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        return directions[:, ::-1][:, :count]
    spread, turns = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    spread, turns = spread[::-1][:count], turns[:, ::-1][:, :count]
    return centred.T.astype(np.float64) @ (turns / np.sqrt(np.maximum(spread, 1e-9 * max(float(spread[0]), 1e-9))))


def unit(values: Array) -> Array:
    """Rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, lengths, out=np.zeros_like(values, dtype=np.float32), where=lengths > 1e-12)


def sized(picture: Picture, height: int, width: int) -> Picture:
    """(h, w) or (h, w, c) uint8, bilinear with antialiasing; the ratio is not kept."""
    from PIL import Image

    if picture.shape[:2] == (height, width):
        return picture
    flat = picture if picture.ndim == 2 or picture.shape[2] != 1 else picture[:, :, 0]
    out = np.asarray(Image.fromarray(flat).resize((width, height), Image.Resampling.BILINEAR))
    return out.reshape(height, width, *picture.shape[2:])
