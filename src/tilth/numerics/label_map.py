"""Label map: what an operation makes of each class, judged by a model that never saw the sample.

Of the samples of a class that the model gets right untouched, so many are moved to another class by the operation. A
model is wrong about some samples anyway: what is moved must exceed that error, or nothing is shown. A sample that is got
wrong untouched (a wrong label, say) says nothing and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

UNSURE, SAFE, FORBIDDEN, BECOMES = 0, 1, 2, 3
WORDS = ("unsure", "safe", "forbidden", "becomes")

_PRIOR = 2.0  # samples that the mean over all classes weighs: a class of three is not judged by three alone
_ODDS = 0.05  # beyond either end of an interval: 90 % lie within
_LEAST, _MOST = 0.08, 0.25  # what an error may excuse: a perfect model still flickers, a poor one excuses not everything
_ROOM = 0.12  # above what is excused: so wide is the interval of a class of 50 of which all keep


@dataclass(frozen=True)
class LabelMap:
    """A verdict for each class and operation, and what it rests on.

    verdict    (k, m) one of UNSURE, SAFE, FORBIDDEN, BECOMES
    target     (k, m) int, the other class that most went to; -1 where none was moved
    asked      (k, m) int, samples that the model got right untouched and saw after the operation
    moved      (k, m) int, how many of them went to another class
    to_target  (k, m) int, how many of them went to `target`
    low, high  (k, m) the share that is moved lies between these (90 %)
    excused    (k,) share that the model's own error excuses
    """

    verdict: Array
    target: Array
    asked: Array
    moved: Array
    to_target: Array
    low: Array
    high: Array
    excused: Array


def label_map(labels: Array, untouched: Array, answers: Array, *, classes: int, own_inverse: Array) -> LabelMap:
    """The verdicts.

    labels       (n,) int, -1 where there is none
    untouched    (n,) int, class that a model which never saw the sample answers, -1 where it was not asked
    answers      (n, m) int, the same after each operation
    own_inverse  (m,) bool, whether an operation undoes itself: only such a one may turn a class into another

    A class is forbidden where the interval of the moved share lies above what is excused; safe where it lies below that
    and some room; else nothing is known. It becomes class j where nearly all go to j, nearly no other sample (none of j
    either) goes to j, and j goes back to it.
    """
    went = _went(labels, untouched, answers, classes)
    asked = went.sum(axis=2)
    stayed = went[np.arange(classes), :, np.arange(classes)]
    moved = asked - stayed
    excused = excuse(labels, untouched, classes)
    low, high = interval(moved, asked)
    verdict = np.full(moved.shape, UNSURE)
    verdict[(high <= excused[:, None] + _ROOM) & (asked > 0)] = SAFE
    verdict[low > excused[:, None]] = FORBIDDEN
    others = went.copy()
    others[np.arange(classes), :, np.arange(classes)] = 0
    target = np.where(moved > 0, others.argmax(axis=2), -1) if classes else np.zeros(moved.shape, np.int64)
    to_target = others.max(axis=2, initial=0)
    verdict[_exchanged(went, excused, own_inverse) & (verdict == FORBIDDEN)] = BECOMES
    return LabelMap(verdict, target, asked, moved, to_target, low, high, excused)


def excuse(labels: Array, untouched: Array, classes: int) -> Array:
    """(k,) the share of a class that may be moved with nothing shown: the model's error on it, within bounds.

    Wrong labels count as errors too, so the error is no more than an upper bound of how often the model is wrong.
    """
    known = (labels >= 0) & (untouched >= 0)
    total = np.bincount(labels[known], minlength=classes)
    wrong = np.bincount(labels[known & (labels != untouched)], minlength=classes)
    mean = wrong.sum() / max(total.sum(), 1)
    return np.clip((wrong + _PRIOR * mean) / (total + _PRIOR), _LEAST, _MOST)


def interval(hits: Array, total: Array) -> tuple[Array, Array]:
    """(k, m) twice, ends of the 90 % interval of the share of hits; each operation's classes lean to their mean.

    Source   beta-binomial posterior, prior of two samples at the operation's mean share (Gelman et al. 2013, section 2.4)
    """
    from scipy.stats import beta

    mean = (hits.sum(axis=0) + 0.5) / (total.sum(axis=0) + 1)
    a, b = hits + _PRIOR * mean, total - hits + _PRIOR * (1 - mean)
    return np.asarray(beta.ppf(_ODDS, a, b)), np.asarray(beta.ppf(1 - _ODDS, a, b))


def _went(labels: Array, untouched: Array, answers: Array, classes: int) -> Array:
    """(k, m, k) int, how many of each class the operation sends to each class, of those that were right untouched."""
    went = np.zeros((classes, answers.shape[1], classes), np.int64)
    row, operation = np.nonzero((answers >= 0) & ((labels >= 0) & (labels == untouched))[:, None])
    np.add.at(went, (labels[row], operation, answers[row, operation]), 1)
    return went


def _exchanged(went: Array, excused: Array, own_inverse: Array) -> Array:
    """(k, m) bool, whether a class and another one change places, for certain, and no third one comes in."""
    asked = went.sum(axis=2)
    share = went / np.maximum(asked, 1)[:, :, None]
    low, _ = interval(went.max(axis=2, initial=0), asked)
    found = np.zeros(asked.shape, bool)
    for operation in np.flatnonzero(own_inverse):
        for one in range(len(asked)):
            other = int(went[one, operation].argmax())
            if other == one or int(went[other, operation].argmax()) != one:
                continue
            sure = all(
                low[side, operation] > 0.5 and share[side, operation, back] >= 1 - excused[side] - excused[back]
                for side, back in ((one, other), (other, one))
            )
            third = np.ones(len(asked), bool)
            third[[one, other]] = False
            # A class of which a third goes the same way would be poured into this one.
            alone = (share[third, operation][:, [one, other]] <= excused[third, None] + _ROOM).all()
            found[one, operation] = sure and bool(alone)
    return found
