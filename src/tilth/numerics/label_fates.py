"""Fates: what is done about each operation and class, from verdicts at several strengths and a person's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.numerics.label_map import BECOMES, FORBIDDEN, SAFE, UNSURE, WORDS, LabelMap, label_map
from tilth.numerics.label_rules import FORBID, Rules, joined

Array = npt.NDArray[Any]
Change: TypeAlias = Sequence[tuple[str, float]]
"""(operation, strength) of all that is done at once."""

PER_ANSWER = 3
"""Columns of a guard's signal for each question to a sample: the class that is answered (-1: not asked), the share that
it gets, and the share of the real samples of that class that lie nearer to their nearest (-1: not known)."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What an operation makes of a class.

    word            safe, unsure, forbidden or becomes
    target          the class that it becomes, or that most of what was moved went to; -1 for none
    reach           strength up to which it is not forbidden; 0 where it is at the least that was tried
    by              `rule` or `learned`
    asked, moved    samples, at the strength that decided
    low, high       the share that is moved lies between these (90 %)
    strange         share that looks like hardly a real sample
    """

    word: str
    target: int
    reach: float
    by: str
    asked: int = 0
    moved: int = 0
    low: float = 0.0
    high: float = 1.0
    strange: float = 0.0


def judged(values: Array, labels: Array, *, classes: int, own_inverse: Array) -> LabelMap:
    """Verdicts from the rows of a guard's signal.

    values       (n, 3 (m + 1)), as `PER_ANSWER` says, untouched first
    labels       (n,) int, as they are now: a label that was mended counts as mended
    own_inverse  (m,) bool
    """
    asked = values.reshape(len(values), -1, PER_ANSWER)
    answers = asked[:, :, 0].astype(np.int64)
    return label_map(labels, answers[:, 0], answers[:, 1:], asked[:, 1:, 2], classes=classes, own_inverse=own_inverse)


def fates_of(found: LabelMap, changes: Sequence[Change], rules: Rules) -> dict[tuple[str, int], Fate]:
    """(operation, class) -> its fate; operations that are done at once are joined by `+`. Rules stand above the rest."""
    columns: dict[str, list[int]] = {}
    for at, change in enumerate(changes):
        columns.setdefault(joined(name for name, _ in change), []).append(at)
    fates = {
        (name, label): _learned(found, label, [(at, max(share for _, share in changes[at])) for at in own])
        for name, own in columns.items()
        for label in range(len(found.verdict))
    }
    return fates | {key: _ruled(key[1], new, fates.get(key)) for key, new in rules.items()}


def _learned(found: LabelMap, label: int, tried: Sequence[tuple[int, float]]) -> Fate:
    tried = sorted(tried, key=lambda one: one[1])
    reach = 0.0
    for at, share in tried:
        verdict = int(found.verdict[label, at])
        if verdict == FORBIDDEN:
            # Of an operation that is forbidden at full strength alone the weaker half may still be used.
            return _fate(found, label, at, WORDS[FORBIDDEN], reach)
        reach = share
    verdicts = [int(found.verdict[label, at]) for at, _ in tried]
    worst = BECOMES if BECOMES in verdicts else SAFE if all(one == SAFE for one in verdicts) else UNSURE
    return _fate(found, label, tried[-1][0], WORDS[worst], 1.0)


def _fate(found: LabelMap, label: int, at: int, word: str, reach: float) -> Fate:
    return Fate(
        word,
        int(found.target[label, at]),
        reach,
        "learned",
        int(found.asked[label, at]),
        int(found.moved[label, at]),
        round(float(found.low[label, at]), 4),
        round(float(found.high[label, at]), 4),
        round(float(found.strange[label, at]), 4),
    )


def _ruled(old: int, new: int, learned: Fate | None) -> Fate:
    word = WORDS[FORBIDDEN] if new == FORBID else WORDS[SAFE] if new == old else WORDS[BECOMES]
    target, reach = (-1 if new in (FORBID, old) else new), (0.0 if new == FORBID else 1.0)
    if learned is None:
        return Fate(word, target, reach, "rule")
    return Fate(word, target, reach, "rule", learned.asked, learned.moved, learned.low, learned.high, learned.strange)


def allowed(fates: Mapping[tuple[str, int], Fate], label: int, moves: Change, *, mirrors: frozenset[str]) -> int | None:
    """The class of a sample of class `label` after these moves, or None where they are forbidden.

    mirrors  operations that are forbidden where nothing is known of them

    Flips are asked about as one change where all of them at once were tried, else one after the other, each about the
    class that the one before it made.
    """
    flips = [name for name, _ in moves if name in mirrors]
    at_once = joined(flips)
    if len(flips) > 1 and (at_once, label) in fates:
        moves = [(at_once, 1.0), *((name, share) for name, share in moves if name not in mirrors)]
    for name, share in moves:
        fate = fates.get((name, label))
        wary = name in mirrors or "+" in name
        if fate is None or fate.word == "unsure":
            if wary:
                return None
        elif fate.word == "becomes":
            label = fate.target
        elif fate.word == "forbidden" and (wary or abs(share) > fate.reach):
            return None
    return label
