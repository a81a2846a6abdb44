"""The check of made pictures: is it still known for what it shall be, and does it lie where real pictures lie?

Asked is the witness that saw neither the parent nor a near copy of it. The measure is the real pictures themselves, as
the same witness answers to those that it never saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.augment.guard import taught
from tilth.augment.making import Check, Draw, Verdict
from tilth.augment.real import Real
from tilth.augment.witnesses import Teaching, square, witnesses
from tilth.dataset import Dataset
from tilth.numerics.made_check import faintest, farthest, nearest_other
from tilth.sample import Label
from tilth.signal import Array, Signals
from tilth.steps import Run


@dataclass(frozen=True)
class Checked:
    """What the check says of one made picture.

    passed       whether it may come in
    probability  of its label, by the witness that did not see its parent
    distance     to the nearest real picture but its parent, as a share of the farthest that a real one has; 0 where the
                 learner has no features
    why          one sentence where it did not pass, else empty
    """

    passed: bool
    probability: float
    distance: float
    why: str


@dataclass(frozen=True)
class MadeCheck:
    """What real pictures measure up to.

    real      the real pictures
    faint     probability of the label below which a picture whose parent is answered right has left its class
    faintest  the same for any picture
    far       (folds,) the largest distance of a real picture to its nearest
    """

    real: Real
    faint: float
    faintest: float
    far: Array

    def of(self, pictures: Sequence[Array], labels: Sequence[int], parents: Sequence[str], run: Run) -> list[Checked]:
        """What it says of made pictures (each h, w, c uint8), of these classes, made from these samples."""
        if not len(pictures):
            return []
        side, channels = self.real.jury.pictures.shape[1], self.real.jury.pictures.shape[3]
        seen = np.stack([square(one, side, channels) for one in pictures])
        parts = self.real.jury.part_of(list(parents))
        chances, features = self.real.jury.ask(seen, parts, run)
        answers, own = chances.argmax(axis=1), chances[np.arange(len(seen)), np.asarray(labels)]
        rows = self._rows(parents)
        sound = np.where(rows >= 0, self.real.right[np.maximum(rows, 0)], False)
        lost = (answers != np.asarray(labels)) & (own < np.where(sound, self.faint, self.faintest))
        shares = self._shares(features, parts, rows)
        classes = self.real.jury.schema.classes
        return [
            Checked(
                not lost[at] and shares[at] <= 1,
                round(float(own[at]), 4),
                round(float(shares[at]), 4),
                _why(classes[int(labels[at])], classes[int(answers[at])], float(own[at]), bool(lost[at]), shares[at]),
            )
            for at in range(len(seen))
        ]

    def _rows(self, parents: Sequence[str]) -> Array:
        """(b,) int, which real picture each was made from; -1 for one that is none of them."""
        at = np.minimum(np.searchsorted(self.real.jury.ids, list(parents)), len(self.real.jury.ids) - 1)
        return np.where(self.real.jury.ids[at] == np.asarray(parents, dtype=self.real.jury.ids.dtype), at, -1)

    def _shares(self, features: Array | None, parts: Array, rows: Array) -> Array:
        if features is None or self.real.features is None:
            return np.zeros(len(parts))
        shares = np.zeros(len(parts))
        for part in np.unique(parts):
            mine, real = np.flatnonzero(parts == part), np.flatnonzero(self.real.jury.parts == part)
            own = np.where(np.isin(rows[mine], real), np.searchsorted(real, rows[mine]), -1)
            shares[mine] = nearest_other(features[mine], self.real.features[real], own) / max(self.far[part], 1e-9)
        return shares


def check(data: Dataset, signals: Signals, run: Run) -> Check | None:
    """The check of what is made of these data, for `Making`; None where the label guard did not run.

    A child that passes carries what the check said of it.
    """
    if "guard" not in signals:
        return None
    judge = made_check(data, signals, run)

    def of(draws: Sequence[Draw], children: Sequence[Array]) -> list[Verdict]:
        labels = [draw.label if isinstance(draw.label, int) else _main(draw.label) for draw in draws]
        found = judge.of(children, labels, [draw.parent.id for draw in draws], run)
        return [Verdict(one.passed, {"probability": one.probability, "distance": one.distance}) for one in found]

    return of


def made_check(data: Dataset, signals: Signals, run: Run) -> MadeCheck:
    """The check by the witnesses of the signal `guard`.

    The witnesses are those of the guard where it ran in this process on the same samples; else they are taught anew, which
    gives the same ones.
    """
    from tilth.augment.operations import OPERATIONS

    meta = signals["guard"].meta
    jury = witnesses(data, run, Teaching(**meta["teaching"]), taught(OPERATIONS, meta["operations"]))
    real = Real.of(jury, run)
    own, seen = real.chances[np.arange(len(jury.ids)), jury.labels], real.features
    parts = range(len(jury.models))
    far = np.array([farthest(seen[jury.parts == part]) if seen is not None else 0.0 for part in parts])
    return MadeCheck(real, faintest(own[real.right]), faintest(own), far)


def _main(label: Label) -> int:
    """The class of the largest share; a made sample has one."""
    pairs = sorted(label, key=lambda pair: -pair[1]) if isinstance(label, tuple) else []
    return pairs[0][0] if pairs else 0


def _why(label: str, answer: str, probability: float, lost: bool, share: float) -> str:
    if lost:
        return f"it is taken for {answer}, and for {label} with a probability of {probability:.2%} alone"
    if share > 1:
        return f"it lies {share:.2f} times as far from every real picture as any of those from its nearest"
    return ""
