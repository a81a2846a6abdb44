"""Which pictures may be crops of which, told from the 16 x 16 tones of fingerprints: nothing is decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.crops import Crops, lengths_within
from tilth.numerics.neighbors import nearest
from tilth.numerics.registration import correlation, registered, seen_through

Array = npt.NDArray[Any]

_CELLS = 16
_ORDERS = 5  # frequencies 0..4 along each side, together 1..5: a window off by .05 moves these little
_AXIS = ((0.015, 0.97), (0.0, 0.9), (0.1, 0.9), (0.09, 0.82))
"""Start and length of the windows tried along each side: with all 16 pairs every crop that keeps .8 to .99 of each side
was among the two nearest in 5,000 photographs; with 49 windows it was no better."""
_FARTHEST_LOOK = 0.5  # between frequencies (0..2): 98 of 100 crops are within .49 of one of the windows
_NEIGHBOURS = 2  # wholes tried for each part
_ROUGH_STEPS = (3, 4)
_ROUGH_APART = (0.35, 0.25, 0.15, 0.1)
"""1 - correlation of tones after 3 steps, and after 7: that of crops is under .1 for 97 of 100 and under .15 for 99. Of the
last three the widest counts that leaves no more than `_FEW`, or the narrowest."""
_FEW = (1 / 6, 400)  # candidates: this share of the pictures, and so many more
_EXACT_TO = 3000  # pictures of which all pairs are compared, half a second; less than it takes to load faiss
_PROBED = 6  # lists looked into above that; of 8,000 photographs no near pair was missed with 8
_SLACK = 0.07  # of a window's sides while they are known to a few hundredths


def candidates(tones: Array) -> Crops:
    """Pairs in which one may be a crop of the other.

    The lowest frequencies of every picture are searched among those of 16 windows of every other one; for the two
    nearest the window is then fitted to the tones.

    tones  (n, 256) float32 of fingerprints
    Cost   O(n^2) to 3,000 pictures, an inverted file above; about 5 s for 30,000
    """
    tiles = tones.reshape(-1, _CELLS, _CELLS)
    wholes, parts, windows = _alike(tiles)
    distances = np.empty(0)
    for steps, apart in zip(_ROUGH_STEPS, _ROUGH_APART, strict=False):
        windows = registered(tiles[wholes], tiles[parts], windows, steps=steps)
        through, inside = seen_through(tiles[wholes], windows)
        distances = 1.0 - correlation(through, tiles[parts], inside)
        kept = (distances <= apart) & lengths_within(windows, _SLACK)
        wholes, parts, windows, distances = wholes[kept], parts[kept], windows[kept], distances[kept]
    few = _FEW[0] * len(tones) + _FEW[1]
    apart = next((one for one in _ROUGH_APART[1:-1] if (distances <= one).sum() <= few), _ROUGH_APART[-1])
    return Crops(wholes, parts, windows, distances).only(distances <= apart)


def _alike(tiles: Array) -> tuple[Array, Array, Array]:
    """The two nearest wholes of each part that are near enough, and the window through which they are."""
    places = [(across, down) for down in _AXIS for across in _AXIS]
    parts_of = _frequencies(tiles, (0.0, 1.0), (0.0, 1.0))
    looks = np.stack([_frequencies(tiles, across, down) for across, down in places])
    wholes, parts = (_all_pairs if len(tiles) <= _EXACT_TO else _some_pairs)(looks, parts_of)
    cosines = np.stack([np.einsum("pd,pd->p", look[wholes], parts_of[parts]) for look in looks], axis=1)
    best = cosines.max(axis=1, initial=-1.0)
    order = np.lexsort((wholes, -best, parts))
    order = order[best[order] >= 1 - _FARTHEST_LOOK**2 / 2]
    order = order[np.arange(len(order)) - np.searchsorted(parts[order], parts[order]) < _NEIGHBOURS]
    frames = np.array([(*across, *down) for across, down in places])
    return wholes[order], parts[order], frames[cosines[order].argmax(axis=1)]


def _all_pairs(looks: Array, parts_of: Array) -> tuple[Array, Array]:
    """The nearest wholes of each part: of all."""
    n = len(parts_of)
    parts = np.repeat(np.arange(n)[:, None], min(_NEIGHBOURS, max(n - 1, 0)), axis=1)
    wholes = np.empty_like(parts)
    for start in range(0, n, 256):
        some = parts_of[start : start + 256]
        best = some @ looks[0].T
        for look in looks[1:]:
            np.maximum(best, some @ look.T, out=best)
        rows = np.arange(len(some))
        best[rows, start + rows] = -2.0  # itself
        for rank in range(wholes.shape[1]):
            found = best.argmax(axis=1)
            wholes[start : start + len(some), rank] = found
            best[rows, found] = -2.0
    return wholes.ravel(), parts.ravel()


def _some_pairs(looks: Array, parts_of: Array) -> tuple[Array, Array]:
    """The nearest parts of each window, by an inverted file."""
    n, k = len(parts_of), _NEIGHBOURS + 1  # one may be the picture itself
    distances, rows = nearest(looks.reshape(-1, looks.shape[2]), parts_of, k, exact_below=0, probed=_PROBED)
    wholes = np.repeat(np.tile(np.arange(n), len(looks)), rows.shape[1])
    kept = (wholes != rows.ravel()) & (distances.ravel() <= _FARTHEST_LOOK)
    keys = np.unique(wholes[kept] * n + rows.ravel()[kept])
    return keys // n, keys % n


def _frequencies(tiles: Array, across: tuple[float, float], down: tuple[float, float]) -> Array:
    """(n, 18) float32 of length 1: the lowest frequencies of what lies in a window; brightness and contrast are gone."""
    found = np.einsum("uy,nyx,vx->nuv", _waves(down), tiles, _waves(across), optimize=True)
    order = np.add.outer(np.arange(_ORDERS), np.arange(_ORDERS))
    strength = np.sqrt(np.hypot(*np.mgrid[:_ORDERS, :_ORDERS]))  # what is finer is fainter in photographs
    chosen = (found * strength)[:, (order > 0) & (order <= _ORDERS)]
    return (chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _waves(window: tuple[float, float], *, points: int = 256) -> Array:
    """(5, 16) what each tone adds to the cosines of a window along one side."""
    at = (np.arange(points) + 0.5) / points
    place = np.clip((window[0] + window[1] * at) * _CELLS - 0.5, 0, _CELLS - 1)
    reads = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(_CELLS)))
    return np.cos(np.pi * np.outer(np.arange(_ORDERS), at)) @ reads / points
