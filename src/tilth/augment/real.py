"""What real pictures measure up to: what the witnesses say of those that they never saw, and how far apart these lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.augment.witnesses import Witnesses
from tilth.numerics.made_check import nearest_other
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class Real:
    """The real pictures of a jury, each as the witness that did not see it looks at it.

    chances   (n, k)
    features  (n, d); None where the learner has none
    right     (n,) bool, whether it is answered by its label
    apart     (n,) distance to the nearest other one of its part and class that is answered right; infinity for none
    """

    jury: Witnesses
    chances: Array
    features: Array | None
    right: Array
    apart: Array

    @classmethod
    def of(cls, jury: Witnesses, run: Run) -> Real:
        chances, features = jury.ask(jury.pictures, jury.parts, run)
        right = chances.argmax(axis=1) == jury.labels
        found = cls(jury, chances, features, right, np.full(len(right), np.inf))
        if features is None:
            return found
        rows = np.arange(len(right))
        return cls(jury, chances, features, right, found.distances(features, jury.labels, jury.parts, rows))

    def distances(self, features: Array, classes: Array, parts: Array, rows: Array) -> Array:
        """(b,) from what is seen of each (b, d) to the nearest real picture of this class and part but its own `row`
        (-1: it has none); infinity where there is none."""
        found = np.full(len(features), np.inf)
        for part, label in {(int(p), int(c)) for p, c in zip(parts, classes, strict=True)}:
            mine = np.flatnonzero((parts == part) & (classes == label))
            real = self._standing(part, label)
            if self.features is None or len(real) < 2:
                continue
            own = np.where(np.isin(rows[mine], real), np.searchsorted(real, rows[mine]), -1)
            found[mine] = nearest_other(features[mine], self.features[real], own)
        return found

    def ranks(self, features: Array | None, classes: Array, parts: Array, rows: Array) -> Array:
        """(b,) share of the real pictures of this class and part that lie nearer to their nearest: about 0.5 for one that
        is like them, 1 for what is farther off than any; -1 where it cannot be told."""
        ranks = np.full(len(classes), -1.0)
        if features is None or self.features is None:
            return ranks
        far = self.distances(features, classes, parts, rows)
        for part, label in {(int(p), int(c)) for p, c in zip(parts, classes, strict=True)}:
            mine = np.flatnonzero((parts == part) & (classes == label) & np.isfinite(far))
            usual = np.sort(self.apart[self._standing(part, label)])
            if len(usual):
                ranks[mine] = np.searchsorted(usual, far[mine]) / len(usual)
        return ranks

    def _standing(self, part: int, label: int) -> Array:
        return np.flatnonzero((self.jury.parts == part) & (self.jury.labels == label) & self.right)
