"""Crops: pictures that show a window of another one, told by registration; drawings that are only alike are refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.descriptor import luma, sized
from tilth.numerics.picture import Picture
from tilth.numerics.registration import correlation, registered, seen_through

Array = npt.NDArray[Any]

LOOK_PX = 64
LEAST_PX = 48
"""Of the shorter side. In pictures of 32 px a crop cannot be told from another drawing of the same circle: with the
edges so near everywhere, the grain of the ground does not show."""

_BAND_PX = (1.0, 2.0)  # widths of the two blurs whose difference is compared: edges and grain, neither tones nor pixels
_AROUND_PX, _FAINT = 3.0, 1.0
"""The difference is divided by its strength around (a blur of this width) and a grey level (in a larger picture so much
less as reducing it to 64 px takes grain away): the grain of the ground counts as much as the edges, unless it is fainter.
Two drawings of one shape have the same edges and another grain: they are .17 apart, where edges alone say .01; crops are
within .03 in photographs and .01 in handwriting, 99 of 100."""
_MIDDLE_APART = 0.5  # of the same at 32 px, above which no finer look is taken
_FARTHEST = 0.03
_RELATIVE = 0.25  # of what is close between strangers, as for near copies
_CLOSE = 0.1  # what is close between strangers: this quantile of their distances, each picture's nearest
_MAYBE = 0.05  # up to here it may be a crop, and says nothing of strangers
_ALIKE = 0.15  # pairs between the farthest and this are strangers who are merely alike
_THINNING = 1.5  # their number falls towards 0 as d^1.5: so it does for single strokes, which differ in three ways
_MISTAKEN = 0.1  # share of strangers among crops, by that law, above which a limit is too far
_STRONG, _LEAST_BUSY = 0.3, 0.25
"""Where less of the picture than this has details as strong as that, nothing is said: two single strokes of a pen can be
the same but for place and size (.16 to .22 busy; photographs are over .7, handwritten numerals .2 to .6)."""
_LENGTHS = (0.77, 1.05)  # of a window's side
_OUTSIDE = 0.1  # how far it may reach out of the frame: the picture was moved
_LAID_OUT = 250_000  # pixels of wholes compared at once
_MOVED = 0.01  # a window nearer to the frame than this is no crop: near copies are told by their tones


@dataclass(frozen=True)
class Crops:
    """Pairs of a whole and the part that shows a window of it.

    wholes, parts  (p,) int rows
    windows        (p, 4) float: left, width, top, height as shares of the whole's frame
    distances      (p,) float: 1 - correlation, of tones for candidates, of details for what is confirmed
    """

    wholes: Array
    parts: Array
    windows: Array
    distances: Array

    def __len__(self) -> int:
        return len(self.wholes)

    def only(self, kept: Array) -> Crops:
        """The pairs at these places, or where the mask is true."""
        return Crops(self.wholes[kept], self.parts[kept], self.windows[kept], self.distances[kept])

    def shares(self) -> Array:
        """(p,) how much of the whole each part shows, 0..1."""
        return _within(self.windows[:, 0], self.windows[:, 1]) * _within(self.windows[:, 2], self.windows[:, 3])


def looks(pictures: Iterable[Picture]) -> Array:
    """(m, 64, 64) float32 grey of m pictures."""
    found = [sized(luma(picture), LOOK_PX, LOOK_PX).astype(np.float32) for picture in pictures]
    return np.stack(found) if found else np.empty((0, LOOK_PX, LOOK_PX), np.float32)


def confirmed(maybe: Crops, seen: Array, sides_px: Array, *, n: int) -> Crops:
    """The candidates that are crops: registered once more, their details agree far better than those of strangers do
    that were searched and registered in the same way.

    maybe    candidates, whose rows point into `seen`
    seen     (m, 64, 64) float32, `looks` of the pictures
    sides_px (m,) int, their shorter sides
    n        pictures that were searched: one without a candidate is far from all
    returns  pairs with the whole first, each once
    """
    half = seen.reshape(len(seen), LOOK_PX // 2, 2, LOOK_PX // 2, 2).mean(axis=(2, 4))
    faint = _FAINT * LOOK_PX / np.maximum(sides_px, LOOK_PX)
    found = _registered_again(maybe, half, faint, steps=3)
    found = _registered_again(found.only(found.distances <= _MIDDLE_APART), seen, faint, steps=3)
    found = _whole_first(found)
    found = _each_once(found.only(is_crop(found.windows)))
    found = found.only(found.distances <= _limit(found, n))
    return found.only(
        np.minimum(*(_busy(seen[rows], faint[rows]) for rows in (found.wholes, found.parts))) >= _LEAST_BUSY
    )


# -- how it is done -------------------------------------------------------------------------------------------


def _registered_again(pairs: Crops, seen: Array, faint: Array, *, steps: int) -> Crops:
    """The pairs with finer windows and 1 - correlation of details; a few are laid out at
    a time, since of 100,000 pairs all pictures together would be gigabytes."""
    windows, distances = np.array(pairs.windows, np.float64), np.empty(len(pairs))
    step = max(1, _LAID_OUT // max(1, seen.shape[1] ** 2))
    for start in range(0, len(pairs), step):
        rows = slice(start, start + step)
        wholes, parts = seen[pairs.wholes[rows]], seen[pairs.parts[rows]]
        windows[rows] = registered(wholes, parts, windows[rows], steps=steps)
        fainter = np.maximum(faint[pairs.wholes[rows]], faint[pairs.parts[rows]])
        distances[rows] = _apart(wholes, parts, windows[rows], fainter)
    return Crops(pairs.wholes, pairs.parts, windows, distances)


def _apart(wholes: Array, parts: Array, windows: Array, faint: Array) -> Array:
    """(p,) 1 - correlation of details."""
    through, inside = seen_through(wholes, windows)
    return 1.0 - correlation(_details(through, faint), _details(parts, faint), inside)


def _details(pictures: Array, faint: Array) -> Array:
    narrow, wide = (_blurred(pictures, width) for width in _BAND_PX)
    band = narrow - wide
    return band / np.sqrt(_blurred(band**2, _AROUND_PX) + faint[:, None, None].astype(np.float32) ** 2)


def _busy(pictures: Array, faint: Array) -> Array:
    """(p,) share of cells of 4 x 4 px in which anything is to be seen."""
    strong = np.abs(_details(pictures, faint)) > _STRONG
    cells = LOOK_PX // 4
    return strong.reshape(-1, cells, 4, cells, 4).any(axis=(2, 4)).mean(axis=(1, 2))


def _blurred(pictures: Array, width_px: float) -> Array:
    """By products, not by scipy: to load its filters takes as long as to look at 500 pairs."""
    reads = _gaussian(pictures.shape[1], width_px)
    return np.matmul(np.matmul(reads, pictures), reads.T)


@cache
def _gaussian(side: int, width_px: float) -> Array:
    apart = np.subtract.outer(np.arange(side), np.arange(side)) / width_px
    reads = np.exp(-(apart**2) / 2)
    return (reads / reads.sum(axis=1, keepdims=True)).astype(np.float32)


def _limit(found: Crops, n: int) -> float:
    """The farthest that a crop may be apart: a share of what is close between strangers; and so near that few of those
    below are strangers who are merely alike: their number thins out towards 0 from that of the pairs just beyond."""
    nearest_one = np.ones(max(n, 1))
    strange = found.distances > _MAYBE
    for rows in (found.wholes, found.parts):
        np.minimum.at(nearest_one, rows[strange], found.distances[strange])
    most = min(_FARTHEST, _RELATIVE * float(np.quantile(nearest_one, _CLOSE)))
    distances = np.sort(found.distances)
    beyond = ((distances > _FARTHEST) & (distances <= _ALIKE)).sum()
    limits = distances[distances <= most]
    clear = limits[beyond * (limits / _ALIKE) ** _THINNING <= _MISTAKEN * np.arange(1, len(limits) + 1)]
    return float(clear[-1]) if len(clear) else -1.0


def _whole_first(found: Crops) -> Crops:
    """The pairs turned so that the part shows less of the whole than the other way round."""
    of_whole, lengths = found.shares(), found.windows[:, [1, 3]]
    turned = of_whole > of_whole / np.maximum(lengths.prod(axis=1), 1e-6)
    windows = found.windows.copy()
    other = windows[turned]
    windows[turned] = np.stack(
        [-other[:, 0] / other[:, 1], 1 / other[:, 1], -other[:, 2] / other[:, 3], 1 / other[:, 3]], axis=1
    )
    return Crops(
        np.where(turned, found.parts, found.wholes),
        np.where(turned, found.wholes, found.parts),
        windows,
        found.distances,
    )


def is_crop(windows: Array) -> Array:
    """(p,) bool, windows that keep most of each side, reach out little and are not the whole frame."""
    edges = np.stack(
        [windows[:, 0], windows[:, 2], windows[:, 0] + windows[:, 1] - 1, windows[:, 2] + windows[:, 3] - 1], axis=1
    )
    inward = edges * np.array([1, 1, -1, -1])
    return lengths_within(windows) & (inward.min(axis=1) >= -_OUTSIDE) & (np.abs(edges).max(axis=1) > _MOVED)


def lengths_within(windows: Array, slack: float = 0.0) -> Array:
    """(p,) bool, windows whose sides are as long as those of crops, give or take the slack."""
    lengths = windows[:, [1, 3]]
    fits = (lengths >= _LENGTHS[0] - slack) & (lengths <= _LENGTHS[1] + slack)
    return fits[:, 0] & fits[:, 1]


def _within(first: Array, length: Array) -> Array:
    return np.clip(np.minimum(first + length, 1) - np.maximum(first, 0), 0, 1)


def _each_once(found: Crops) -> Crops:
    order = np.lexsort((found.distances, found.parts, found.wholes))
    pairs = np.stack([np.minimum(found.wholes, found.parts), np.maximum(found.wholes, found.parts)], axis=1)[order]
    return found.only(order[np.sort(np.unique(pairs, axis=0, return_index=True)[1])])
