"""The check of made pictures where no label guard ran: what do the real pictures say among which one comes to lie?

It looks at edges, tones and colours from a step back, and is no network: what leads a network astray does not lead it
astray with it, and grain does not show. Gaussian noise of .1 on 32 px digits left 80 % of them with neighbours of their own
class at full size, and 93 %, as many as without noise, at half of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.augment.made_check import check as guarded
from tilth.augment.making import Check, Draw, Verdict
from tilth.dataset import Dataset
from tilth.numerics import picture
from tilth.numerics.made_check import agreeing, farthest, nearest_other
from tilth.signal import Array, Signals
from tilth.steps import Run

NEIGHBORS = 10  # that are asked, as in audit.edge_cases
_HALF = 0.5  # of them say enough, whatever they say of the parent
_STEP_BACK, _MOST_PX, _LEAST_PX = 2, 48, 8  # pictures are shrunk to a half, and to so many pixels at most


@dataclass(frozen=True)
class NearCheck:
    """What made pictures are measured by.

    data    the labelled raw train samples of one class each
    places  (n, d) of them
    far     the largest distance of one of them to its nearest: what the told distance is a share of
    """

    data: Dataset
    places: Array
    far: float
    run: Run

    def __call__(self, draws: Sequence[Draw], children: Sequence[Array]) -> list[Verdict]:
        """Kept is what half of its neighbours have the label of, or as many as of its parent's. The parent and its copies have
        no say. How far it lies from real pictures is told and decides nothing: what is moved within a distance of its
        parent is no junk, and on clean drawings all grain lies farther off than they do from each other."""
        places = _described(children, self.run)
        wanted = np.array([draw.label if isinstance(draw.label, int) else -1 for draw in draws])
        own = self._rows([draw.parent.id for draw in draws])
        shares = self._shares(places, wanted, own)
        before = self._shares(self.places[np.maximum(own, 0)], wanted, own)
        apart = nearest_other(places, self.places, np.full(len(places), -1)) / max(self.far, 1e-9)
        return [
            Verdict(
                bool(share >= min(_HALF, old)),
                {"agreeing": round(float(share), 3), "distance": round(float(far), 4)},
            )
            for share, old, far in zip(shares, np.where(own >= 0, before, 1.0), apart, strict=True)
        ]

    def _shares(self, places: Array, wanted: Array, own: Array) -> Array:
        return agreeing(places, self.places, self.data.labels, wanted, own, neighbors=NEIGHBORS)

    def _rows(self, ids: Sequence[str]) -> Array:
        at = np.minimum(np.searchsorted(self.data.ids, list(ids)), len(self.data) - 1)
        return np.where(self.data.ids[at] == np.asarray(ids, dtype=self.data.ids.dtype), at, -1)


def check_of(data: Dataset, signals: Signals, run: Run) -> Check:
    """The witnesses of the label guard where it ran, and else the neighbours."""
    found = guarded(data, signals, run)
    if found is not None:
        return found
    train = data.train
    known = train.where((train.labels >= 0) & ~train.made)
    known = known if len(known) else train
    kept = run.keep(("near check", known.version), lambda: {"places": _described(run.images(known), run)})
    places = np.asarray(kept["places"])
    return NearCheck(known, places, farthest(places), run)


def _described(pictures: Iterable[Array], run: Run) -> Array:
    back = [_stepped_back(one) for one in pictures]
    return np.asarray(run.step("embed.pixels").describe(back, run), np.float32)


def _stepped_back(shown: Array) -> Array:
    side = max(shown.shape[:2]) // _STEP_BACK
    return picture.shrink(shown, max(_LEAST_PX, min(side, _MOST_PX)))
