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
_NEIGHBOURS = 3  # of each window, of whom one may be the picture itself
_ROUGH_STEPS = (3, 4)
_ROUGH_APART = (0.35, 0.25, 0.15, 0.1)
"""1 - correlation of tones after 3 steps, and after 7: that of crops is under .1 for 97 of 100 and under .15 for 99. Of the
last three the widest counts that leaves no more than `_FEW`, or the narrowest."""
_FEW = (1 / 6, 400)  # candidates: this share of the pictures, and so many more
_EXACT_BELOW = 300_000_000  # pairs of windows and pictures: a second on one core
_PROBED = 6  # lists looked into above that; of 8,000 photographs no near pair was missed with 8
_SLACK = 0.07  # of a window's sides while they are known to a few hundredths


def candidates(tones: Array) -> Crops:
    """Pairs in which one may be a crop of the other.

    The lowest frequencies of every picture are searched among those of 16 windows of every other one; for the two
    nearest the window is then fitted to the tones.

    tones  (n, 256) float32 of fingerprints
    Cost   O(n^2) to 10,000 pictures, an inverted file above; about 4 s for 30,000
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
    n = len(tiles)
    whole = _frequencies(tiles, (0.0, 1.0), (0.0, 1.0))
    places = [(across, down) for down in _AXIS for across in _AXIS]
    queries = np.concatenate([_frequencies(tiles, across, down) for across, down in places])
    distances, rows = nearest(queries, whole, _NEIGHBOURS, exact_below=_EXACT_BELOW, probed=_PROBED)
    wholes = np.repeat(np.tile(np.arange(n), len(places)), rows.shape[1])
    window = np.repeat(np.arange(len(places)), n * rows.shape[1])
    parts, distances = rows.ravel(), distances.ravel()
    kept = (wholes != parts) & (distances <= _FARTHEST_LOOK)
    wholes, parts, window, distances = wholes[kept], parts[kept], window[kept], distances[kept]
    order = np.lexsort((window, distances, wholes, parts))
    first = np.unique(parts[order] * n + wholes[order], return_index=True)[1] if n else np.empty(0, np.int64)
    order = order[first]  # each pair by its nearest window
    order = order[np.lexsort((wholes[order], distances[order], parts[order]))]
    starts = np.searchsorted(parts[order], parts[order])
    order = order[np.arange(len(order)) - starts < _NEIGHBOURS - 1]
    frames = np.array([(*across, *down) for across, down in places])
    return wholes[order], parts[order], frames[window[order]]


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
