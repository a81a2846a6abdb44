"""Attributes: what can be said of a picture in plain words: how thick its strokes are, how large and where its drawing.

They are told to compare sets of pictures, not to judge one: lengths are shares of the side, so that a picture that was
saved at twice the size has the same ones. Columns of a drawing are 0 where `drawn` is 0: a photograph has no strokes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics import quality
from tilth.numerics.descriptor import Parts, ground_of, luma, parts_of
from tilth.numerics.picture import Picture

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute and its words.

    what     what a picture has, with {} for its value: `a stroke width of {} of the side`
    low      what a set has plenty of where the values are small, high where they are large
    least    a difference below this is not seen, in the unit of the column
    drawing  whether only a picture with a drawing has it
    powers   whether the column holds powers of 2 of what is said
    """

    what: str
    low: str
    high: str
    least: float
    drawing: bool = False
    powers: bool = False

    def said(self, low: float, high: float) -> str:
        """`a stroke width of up to 0.027 of the side`, for values above `low` up to `high`; an end may be infinite."""
        ends = [f"{2**one if self.powers else one:.3g}" for one in (low, high)]
        if np.isinf(low):
            return self.what.format(f"up to {ends[1]}")
        return self.what.format(f"more than {ends[0]}" if np.isinf(high) else f"{ends[0]} to {ends[1]}")


COLUMNS: Mapping[str, Column] = {
    "side_px": Column("a longer side of {} px", "small files", "large files", 4.0),
    "shape": Column("a picture {} times as wide as high", "tall pictures", "wide pictures", 0.1, powers=True),
    "brightness": Column("a mean tone of {} (0 black, 1 white)", "dark pictures", "bright pictures", 0.02),
    "contrast": Column("tones that deviate by {} of black to white", "flat tones", "strong contrasts", 0.02),
    "ground": Column("a ground of tone {} (0 black, 1 white)", "dark grounds", "light grounds", 0.04),
    "clear": Column("plain ground on {} of the border", "crossed borders", "clear borders", 0.02),
    "colour": Column("a colourfulness of {} of the full one", "grey pictures", "colourful pictures", 0.02),
    "edge": Column("edges that are {} of the side long", "sharp edges", "soft edges", 0.0005),
    "grain": Column("grain of {} of black to white", "clean grounds", "grainy grounds", 0.004),
    "drawn": Column("a drawing on plain ground: {} (0 no, 1 yes)", "pictures without a ground", "drawings", 0.1),
    "stroke": Column("a stroke width of {} of the side", "thin strokes", "thick strokes", 0.001, True),
    "weight": Column("a stroke width of {} of the drawing", "light letters", "heavy letters", 0.002, True),
    "scale": Column("a drawing that takes {} of the side", "small drawings", "large drawings", 0.03, True),
    "aspect": Column("a drawing {} times as wide as high", "tall drawings", "wide drawings", 0.1, True, True),
    "across": Column("a drawing {} of the width from the left", "drawings at the left", "drawings at the right", 0.02, True),
    "down": Column("a drawing {} of the height from the top", "drawings at the top", "drawings at the bottom", 0.02, True),
    "slant": Column("edges that go {} px right for each px up", "a lean to the left", "a lean to the right", 0.03, True),
    "ink": Column("ink on {} of the picture", "little ink", "much ink", 0.005, True),
    "fill": Column("ink on {} of the drawing's box", "open drawings", "dense drawings", 0.02, True),
    "depth": Column("ink that is {} of black to white from its ground", "faint ink", "strong ink", 0.04, True),
    "parts": Column("a drawing in {} parts", "joined drawings", "broken drawings", 0.3, True, True),
    "ruling": Column("{} of the ink reaching in from the border", "clean sheets", "ruled lines", 0.01, True),
    "specks": Column("{} of the ink in specks", "drawings without specks", "specks", 0.005, True),
}  # fmt: skip
"""Name -> its words, in the order of the columns of `of_pictures`.

A drawing is what stands out by 40 grey levels from a ground that most of the border shows, less what reaches in from the
border and specks; its box is that of cells of 1/96 of the side. Slant is that of the edges that are nearer to upright.
"""

NAMES = tuple(COLUMNS)
_DRAWN = NAMES.index("drawn")
_OF_DRAWING = np.array([one.drawing for one in COLUMNS.values()])

_CLEAR = 0.6  # of the border: with ruled lines across, as in `descriptor.tidied`
_APART = 40  # grey levels from the ground that count as ink, at least


def of_pictures(pictures: Sequence[Picture]) -> Array:
    """(b, 23) float32: `COLUMNS` of b pictures (uint8 h x w x c).

    Cost  about 2 ms a picture of 300 x 300
    """
    rows = np.zeros((len(pictures), len(NAMES)), np.float32)
    for row, one in zip(rows, pictures, strict=True):
        said = measured(one)
        row[:] = [said.get(name, 0.0) for name in NAMES]
    return rows


def known(rows: Array) -> Array:
    """(n, 23) float64 with NaN in the columns of a drawing where there is none."""
    values = np.asarray(rows, np.float64).copy()
    values[np.ix_(values[:, _DRAWN] < 0.5, _OF_DRAWING)] = np.nan
    return values


def measured(one: Picture) -> dict[str, float]:
    """The attributes of one picture by name; those of a drawing only where there is one."""
    look = quality.looked_at(one)
    grey = luma(look)
    side = max(grey.shape)
    ground, clear = ground_of(grey)
    fine = grey[None].astype(np.float32)
    said = {
        "side_px": float(max(one.shape[:2])),
        "shape": float(np.log2(one.shape[1] / one.shape[0])),
        "brightness": float(fine.mean()) / 255,
        "contrast": float(fine.std()) / 255,
        "ground": ground / 255,
        "clear": clear,
        "colour": _colour(look),
        "edge": float(quality.edge_px(fine, quality.halved(fine))[0]) / side,
        "grain": float(quality.detail(fine, 16)[0][0]) / 255,
    }
    parts = parts_of(grey, ground) if clear >= _CLEAR else None
    return said if parts is None else said | {"drawn": 1.0} | drawing(grey, ground, parts)


def _colour(look: Picture) -> float:
    """Mean distance of the strongest channel from the weakest, 0..1; 0 for grey."""
    if look.shape[2] == 1:
        return 0.0
    return float((look.max(axis=2).astype(np.int16) - look.min(axis=2)).mean()) / 255


# -- drawings -------------------------------------------------------------------------------------------------


def drawing(grey: Picture, ground: float, parts: Parts) -> dict[str, float]:
    """The attributes of what is drawn on a ground.

    grey   (h, w) uint8
    parts  of it, as `descriptor.parts_of` gives them
    """
    stays = ~(parts.cut | parts.dust)
    stays[0] = False
    cells = stays[parts.labels]
    box = _box(cells, parts.cell, grey.shape)
    top, bottom, left, right = box
    inside = np.repeat(np.repeat(cells, parts.cell, 0), parts.cell, 1)[top:bottom, left:right]
    apart = np.abs(grey[top:bottom, left:right].astype(np.float32) - ground) * inside
    depth = float(np.median(apart[apart > _APART])) if (apart > _APART).any() else 0.0
    ink = apart > max(_APART, depth / 2)  # half-way up the edge, whatever the contrast
    top, bottom, left, right = _tight(ink, box)
    high, wide = bottom - top, right - left
    width = stroke_px(ink)
    amount = float(ink.sum())
    total = float(parts.ink.sum())
    return {
        "stroke": width / max(grey.shape),
        "weight": width / max(high, wide),
        "scale": max(high / grey.shape[0], wide / grey.shape[1]),
        "aspect": float(np.log2(wide / high)),
        "across": (left + right) / 2 / grey.shape[1],
        "down": (top + bottom) / 2 / grey.shape[0],
        "slant": slant(apart),
        "ink": amount / grey.size,
        "fill": amount / (high * wide),
        "depth": depth / 255,
        "parts": float(np.log2(max(int(stays.sum()), 1))),
        "ruling": float(parts.ink[parts.cut].sum()) / total,
        "specks": float(parts.ink[parts.dust].sum()) / total,
    }


def _box(cells: Array, cell: int, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) px around the cells that are set."""
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    top, left = int(rows[0]) * cell, int(columns[0]) * cell
    return top, min(size[0], (int(rows[-1]) + 1) * cell), left, min(size[1], (int(columns[-1]) + 1) * cell)


def _tight(ink: Array, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The box of the ink within a box; the box itself where there is none."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return box
    top, left = box[0], box[2]
    return top + int(rows[0]), top + int(rows[-1]) + 1, left + int(columns[0]), left + int(columns[-1]) + 1


def stroke_px(ink: Array) -> float:
    """How wide strokes are in the mean, px: twice the area over the length of the outline; 0 where there is no ink.

    ink     (h, w) bool
    Source  the outline by the formula of Cauchy and Crofton: crossings along rows, columns and both diagonals
    """
    mask = np.pad(ink, 1)
    area = int(ink.sum())
    straight = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
    diagonal = (mask[1:, 1:] != mask[:-1, :-1]).sum() + (mask[1:, :-1] != mask[:-1, 1:]).sum()
    outline = np.pi / 8 * (float(straight) + float(diagonal) / np.sqrt(2))
    return 2 * area / outline if area else 0.0


def slant(apart: Array) -> float:
    """Pixels to the right per pixel up of the edges that are nearer to upright than to level, -1..1; 0 where none is.

    apart  (h, w) float, how far each pixel is from the ground
    """
    # At half the size and smoothed: the steps of a binary outline are level or upright, whatever its direction.
    soft = _smoothed(_smoothed(quality.halved(apart[None])[0]))
    if min(soft.shape) < 3:
        return 0.0
    down = soft[2:, 1:-1] - soft[:-2, 1:-1]
    across = soft[1:-1, 2:] - soft[1:-1, :-2]
    across = np.where(np.abs(across) > np.abs(down), across, 0.0)
    energy = float(np.vdot(across, across))
    return float(np.vdot(across, down)) / energy if energy else 0.0


def _smoothed(x: Array) -> Array:
    """(h, w) -> the mean under weights 1 2 1 along both sides; what lies outside is ground, 0."""
    x = np.pad(x, 1)
    x = x[:-2] + 2 * x[1:-1] + x[2:]
    return (x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]) / 16
