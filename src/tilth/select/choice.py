"""What a selector may choose from, how many of each class, and what comes of its choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError, StepError
from tilth.numerics.class_budgets import by_difficulty, rarest, shrunk_f1, within
from tilth.numerics.metrics import any_of, one_of
from tilth.signal import Array, Signal, Signals

BUDGETS = ("equal", "difficulty", "as_is")


@dataclass(frozen=True)
class Choice:
    """The train samples as a selector sees them.

    group   (n,) int, the class for which each one counts: its own, or of several its rarest; -1 without a label
    free    (n,) bool, may be left out; the others stay whatever is chosen
    quotas  (k,) int, how many of the free ones of each class are to be chosen
    """

    train: Dataset
    group: Array
    free: Array
    quotas: Array = field(repr=False)

    def kept(self, rows: Array) -> list[str]:
        """Ids of these rows and of all that is not free, sorted. No class of the train samples is emptied: with several
        labels a sample, one of each class that was missed comes in, in place of one that no class needs."""
        chosen = ~self.free
        chosen[rows] = True
        if self.train.schema.task == "multi-label":
            chosen = _no_class_emptied(self.train.targets > 0, chosen, np.asarray(rows, np.int64), self.free)
        return self.train.ids[chosen].tolist()


def choice(data: Dataset, signals: Signals, budget: int, *, budgets: str, raw: bool) -> Choice:
    """What may be chosen so that the open part of the data holds at most `budget` samples.

    budgets  `equal`: classes as even as the samples allow; `as_is`: as they stand to each other; `difficulty`: more of those
             with a low cross-validated F1 (reads the signal `probabilities`)
    raw      whether samples that came with the source may be left out too

    A sample without a label always stays, and each class keeps one, whatever the budget.
    """
    if budgets not in BUDGETS:
        raise SettingError(f"budgets is one of {', '.join(BUDGETS)}, found {budgets!r}")
    train, k = data.train, len(data.schema.classes)
    group = rarest(train.targets)
    free = (train.made | raw) & (group >= 0)
    sizes, fixed = (np.bincount(group[mask], minlength=k) for mask in (group >= 0, (group >= 0) & ~free))
    room = budget - (len(data.open) - len(train)) - int((group < 0).sum())
    low = np.maximum(fixed, np.minimum(sizes, 1))
    if budgets == "difficulty":
        totals = by_difficulty(sizes, class_f1_of(train, signals), room, low=low)
    else:
        totals = within(sizes if budgets == "as_is" else (sizes > 0).astype(float), room, low, sizes)
    return Choice(train, group, free, totals - fixed)


def per_class(made: Choice, pick: Callable[[Array, Array, int], Array]) -> Array:
    """Rows class by class: `pick(rows, fixed, count)` says which of the `rows` of a class, some of which are `fixed`, it
    chooses, as places in `rows`; what it leaves open is filled with the first free ones.

    rows, fixed  (n,) int rows of the class, (n,) bool
    """
    found = []
    for index, count in enumerate(made.quotas.tolist()):
        rows = np.flatnonzero(made.group == index)
        free = made.free[rows]
        if count >= free.sum():
            found.append(rows[free])
        elif count:
            places = np.asarray(pick(rows, ~free, count), np.int64)[:count]
            others = np.setdiff1d(np.flatnonzero(free), places)[: count - len(places)]
            found.append(rows[np.concatenate([places, others])])
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def in_space(
    step: Any, data: Dataset, signals: Signals, budget: int, pick: Callable[[Array, Array, int], Array]
) -> list[str]:
    """Ids that a selector keeps which looks at nothing but places: `pick(points, fixed, count)` says which of the (n, d)
    `points` of a class it chooses, as `per_class` does.

    step  has `space`, `budgets` and `raw`
    """
    made = choice(data, signals, budget, budgets=step.budgets, raw=step.raw)
    points = points_of(made, signals, step.space)
    return made.kept(per_class(made, lambda rows, fixed, count: pick(points[rows], fixed, count)))


def at_random(made: Choice, rng: np.random.Generator) -> Array:
    """Rows class by class, drawn evenly."""

    def pick(rows: Array, fixed: Array, count: int) -> Array:
        return rng.choice(np.flatnonzero(~fixed), count, replace=False)

    return per_class(made, pick)


def points_of(made: Choice, signals: Signals, space: str, *, unit: bool = False) -> Array:
    """(n, d) float32 where the train samples lie in this signal; of length 1 where `unit` asks for it."""
    values = np.asarray(signals[space].rows(made.train.ids), np.float32)
    if values.ndim != 2:
        raise StepError(f"the signal {space!r} has one value a sample; distances need several. Name another: space")
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12) if unit else values


def class_f1_of(train: Dataset, signals: Signals) -> Array:
    """(k,) cross-validated F1 of each class by the samples that have `probabilities`: those that came with the source,
    where there are some, for copies repeat what is right or wrong about their parents."""
    rows, said = foretold(train, signals)
    multi = train.schema.task == "multi-label"
    truths, guesses = (any_of(side) if multi else one_of(side) for side in (train.targets[rows], said))
    return shrunk_f1(truths, guesses)


def foretold(train: Dataset, signals: Signals) -> tuple[Array, Array]:
    """Rows of the labelled train samples that the cross-fitted model was asked about, (m,), and what it said, (m, k)."""
    signal: Signal = signals["probabilities"]
    asked = np.isin(train.ids, signal.ids) & (train.targets.sum(axis=1) > 0)
    if (asked & ~train.made).any():
        asked &= ~train.made
    if not asked.any():
        raise StepError(
            "the signal 'probabilities' has no row for any labelled train sample of this version.\n"
            '  They came after it was measured: add a learner in a step before, say use = "learn.linear".'
        )
    rows = np.flatnonzero(asked)
    return rows, signal.rows(train.ids[rows])


def reads(step: Any, *kinds: str, foretelling: bool = False) -> None:
    """Declare which signals a step of these settings needs: a plan without them is refused before the work.

    kinds        of every train sample
    foretelling  whether it asks what was `foretold`, which is known of raw samples
    """
    foretold = ("probabilities",) if foretelling or step.budgets == "difficulty" else ()
    object.__setattr__(step, "needs", tuple(dict.fromkeys((*kinds, *foretold))))
    object.__setattr__(step, "of_raw", tuple(kind for kind in foretold if kind not in kinds))
    if step.budgets not in BUDGETS:
        raise SettingError(f"budgets is one of {', '.join(BUDGETS)}, found {step.budgets!r}")


def _no_class_emptied(carried: Array, chosen: Array, rows: Array, free: Array) -> Array:
    """One of each class that none of the chosen carries, for one that can be spared where there is one.

    rows  (m,) the free ones that were chosen; the last ones can be spared first
    """
    chosen = chosen.copy()
    missing = carried.any(axis=0) & ~carried[chosen].any(axis=0)
    spare = [row for row in rows[::-1].tolist() if free[row]]
    while missing.any():
        row = int((carried & missing).sum(axis=1).argmax())
        chosen[row] = True
        missing &= ~carried[row]
        counts = carried[chosen].sum(axis=0)
        gone = next((one for one in spare if chosen[one] and (counts[carried[one]] > 1).all()), None)
        if gone is not None and gone != row:
            chosen[gone] = False
            spare.remove(gone)
    return chosen
