"""Crops among the samples of a dataset: candidates by fingerprint, which alone are decoded, and each with its whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics import crops, fingerprint
from tilth.numerics.crop_candidates import candidates
from tilth.numerics.crops import Crops
from tilth.signal import Array
from tilth.steps import Run

_SAMPLE = 1000
"""Candidates looked at first where there are many more, the nearest by their tones: in a crowd of drawings that are all
alike none can be told, and to decode them all would be in vain. Crops rank first among candidates."""
_AT_RANDOM = 4  # one more for so many of those: in a dark or faint crowd the nearest may be no measure of the others


def crops_of(data: Dataset, rows: Array, groups: Array, run: Run) -> Crops:
    """Which samples show a window of another one; the rows of the answer are those of the data.

    rows    (n, 36) uint64 fingerprints of the data
    groups  (n,) int, near copies that are known already have the same; 0 is none
    """
    sides = fingerprint.sides(rows).min(axis=1)
    shown = np.flatnonzero((sides >= crops.LEAST_PX) & ~fingerprint.flat(rows))
    found = candidates(fingerprint.tones(rows[shown]))
    group = groups[shown]
    found = found.only((group[found.wholes] != group[found.parts]) | (group[found.wholes] == 0))
    confirmed = _confirmer(data, shown, sides, run)
    if len(found) > 2 * _SAMPLE and not len(confirmed(found.only(_looked_at_first(found, run)))):
        run.log(
            f"audit.duplicates: of {len(found)} candidates for crops the nearest {_SAMPLE}, and some at random, were"
            " looked at, and none is a crop; the others are left"
        )
        return found.only(np.zeros(len(found), bool))
    found = confirmed(found)
    return Crops(shown[found.wholes], shown[found.parts], found.windows, found.distances)


def by_whole(found: Crops) -> Iterator[tuple[int, Crops]]:
    """Each whole with its parts. A part of several goes with one that is no part itself, so that one whole stays where
    the others go; of those with the nearest."""
    nested = np.isin(found.wholes, found.parts)
    order = np.lexsort((found.wholes, found.distances, nested, found.parts))
    first = np.unique(found.parts[order], return_index=True)[1]
    taken = found.only(order[first])
    for whole in np.unique(taken.wholes):
        yield int(whole), taken.only(taken.wholes == whole)


def _looked_at_first(found: Crops, run: Run) -> Array:
    """Places of the nearest candidates and of a few others, in order."""
    order = np.argsort(found.distances, kind="stable")
    others = run.rng("audit.duplicates", "crops").choice(order[_SAMPLE:], _SAMPLE // _AT_RANDOM, replace=False)
    return np.sort(np.concatenate([order[:_SAMPLE], others]))


def _confirmer(data: Dataset, shown: Array, sides: Array, run: Run) -> Callable[[Crops], Crops]:
    def confirmed(maybe: Crops) -> Crops:
        if not len(maybe):
            return maybe
        used, at = np.unique(np.concatenate([maybe.wholes, maybe.parts]), return_inverse=True)
        asked = np.zeros(len(data), bool)
        asked[shown[used]] = True
        seen = crops.looks(run.images(data.where(asked)))
        here = Crops(at[: len(maybe)], at[len(maybe) :], maybe.windows, maybe.distances)
        found = crops.confirmed(here, seen, sides[shown[used]], n=len(shown))
        return Crops(used[found.wholes], used[found.parts], found.windows, found.distances)

    return confirmed
