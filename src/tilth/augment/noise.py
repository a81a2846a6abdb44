"""Noise: copies of train pictures with grain of three kinds. No model is asked, so it works for any learner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from tilth.augment.astray import added, require_share
from tilth.augment.filling import require_images
from tilth.augment.making import Draw
from tilth.augment.near_check import check_of
from tilth.augment.operation import Move
from tilth.augment.turns import Names, demand_of, plan
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError, did_you_mean
from tilth.perturb.noise import NOISES
from tilth.sample import Sample
from tilth.signal import Array, Signals
from tilth.steps import Run

_BATCH = 64  # children that are checked together
_WORDS = {"gaussian": "Gaussian noise", "uniform": "uniform noise", "salt_pepper": "salt and pepper"}


@dataclass(frozen=True)
class Noise:
    """Makes copies with noise, of a kind and a strength drawn for each: Gaussian, uniform, or salt and pepper."""

    kinds: tuple[str, ...] = ("gaussian", "uniform", "salt_pepper")  # that are drawn from
    least: float = 0.02  # deviation of the values, of black to white: below, a copy teaches nothing
    most: float = 0.1  # at .1 salt and pepper falls on one pixel in twenty
    share: float = 0.15  # of train at most that one run of the step makes
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 3  # copies of one picture

    version = 1
    modality = ("image",)
    source = "Bishop 1995, Training with noise is equivalent to Tikhonov regularization"
    cost = "6 ms for a grey picture of 300 x 300, half of it for writing it"

    def __post_init__(self) -> None:
        kinds = (self.kinds,) if isinstance(self.kinds, str) else tuple(self.kinds)
        object.__setattr__(self, "kinds", kinds)
        for kind in kinds:
            if kind not in NOISES:
                raise SettingError(
                    f"augment.noise has no kind {kind!r}{did_you_mean(kind, NOISES)} (there is {', '.join(NOISES)})"
                )
        if not kinds or not 0 < self.least <= self.most <= 1:
            raise SettingError(
                "augment.noise: name a kind, and set 0 < least <= most <= 1; found "
                f"{list(kinds)!r}, {self.least!r}, {self.most!r}"
            )
        if isinstance(self.most_per_parent, bool) or self.most_per_parent < 1:
            raise SettingError(f"augment.noise: most_per_parent must be at least 1, found {self.most_per_parent!r}")
        require_share("augment.noise", self.share, most=0.5)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, at most `share` of train and at most `budget` open samples in all."""
        require_images("augment.noise", data)
        key, train = digest(self), data.train
        room = min(budget - len(data.open), int(self.share * len(train) / (1 - self.share)))
        turns = plan(
            data,
            room,
            run.rng(key, "turns"),
            balance=self.balance,
            most=self.most_per_parent,
            demand=demand_of(signals),
        )
        if not turns.parents:
            return
        names, check = Names(data), check_of(data, signals, run)
        children = self._children(data, turns.parents, turns.times, names, key, run)
        while batch := list(islice(children, _BATCH)):
            draws = [Draw(parent, ordinal, (move,), parent.label) for parent, ordinal, move, _ in batch]
            verdicts = check(draws, [shown for *_, shown in batch])
            for (parent, ordinal, move, shown), verdict in zip(batch, verdicts, strict=True):
                if verdict.kept:
                    how = {"name": "augment.noise", "key": key, "ordinal": ordinal, "technique": move.operation}
                    what = f"with {_WORDS[move.operation]} of {move.magnitude:.1%}"
                    facts = {"technique": move.operation, "strength": round(move.magnitude, 4), **verdict.evidence}
                    yield added(parent, shown, **how, what=what, evidence=facts, names=names)

    def _children(
        self, data: Dataset, parents: tuple[str, ...], times: Array, names: Names, key: str, run: Run
    ) -> Iterator[tuple[Sample, int, Move, Array]]:
        chosen = data.only(parents)
        for parent, original, count in zip(chosen, run.images(chosen), times.tolist(), strict=True):
            for ordinal in names.ordinals(parent.id, key, count):
                rng = run.rng(key, parent.id, ordinal, "dice")
                kind, strength = str(rng.choice(self.kinds)), float(rng.uniform(self.least, self.most))
                shown = NOISES[kind](original, rng, strength)
                if not np.array_equal(shown, original):
                    yield parent, ordinal, Move(kind, strength), shown
