"""Label map: what an operation makes of each class, judged by a model that never saw the sample.

Of the samples of a class that the model gets right untouched, so many are moved to another class by the operation. A
model is wrong about some samples anyway: what is moved must exceed that error, or nothing is shown. A sample that is got
wrong untouched (a wrong label, say) says nothing and is left out.

A model names the nearest class even of what belongs to none: a mirrored "viii" is no numeral, and nearer to "viii" than to
any other. So what turns the sheet over is safe only where the result also lies among the real samples of the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

UNSURE, SAFE, FORBIDDEN, BECOMES = 0, 1, 2, 3
WORDS = ("unsure", "safe", "forbidden", "becomes")

_PRIOR = 2.0  # samples that the error over all classes weighs: that of a class of three is not its own alone
_DOUBT, _HARMLESS = 3.0, 0.1  # samples, and their share of hits: one of one that is moved shows nothing, two of two do
_ODDS = 0.05  # beyond either end of an interval: 90 % lie within
_LEAST, _MOST = (
    0.08,
    0.25,
)  # what an error may excuse: a perfect model still flickers, a poor one excuses not everything
_FAR = 0.9  # of the real samples lie nearer to their nearest than what counts as strange
_STRANGE = (
    1 / 3
)  # share of strange results above which nobody wrote so; 0.1 by nature, up to .33 where a flip is harmless
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
    strange    (k, m) share of those asked that look like hardly a real sample of the class that is answered
    excused    (k,) share that the model's own error excuses
    """

    verdict: Array
    target: Array
    asked: Array
    moved: Array
    to_target: Array
    low: Array
    high: Array
    strange: Array
    excused: Array


def label_map(
    labels: Array, untouched: Array, answers: Array, ranks: Array, *, classes: int, own_inverse: Array
) -> LabelMap:
    """The verdicts.

    labels       (n,) int, -1 where there is none
    untouched    (n,) int, class that a model which never saw the sample answers, -1 where it was not asked
    answers      (n, m) int, the same after each operation
    ranks        (n, m) share of the real samples of the answered class that lie nearer to their nearest; -1: not known
    own_inverse  (m,) bool, whether an operation undoes itself: only such a one may turn a class into another

    A class is forbidden where the interval of the moved share lies above what is excused; safe where it lies below that
    and some room; else nothing is known, as for a flip that makes what nobody wrote. It becomes class j where nearly all
    go to j, and nearly all of j come back: what is then poured into j from a third class does not come back, and is
    forbidden there.
    """
    went = _went(labels, untouched, _telling(labels, answers, ranks, own_inverse), classes)
    asked = went.sum(axis=2)
    stayed = went[np.arange(classes), :, np.arange(classes)]
    moved = asked - stayed
    excused = excuse(labels, untouched, classes)
    low, high = interval(moved, asked)
    verdict = np.full(moved.shape, UNSURE)
    verdict[(high <= excused[:, None] + _ROOM) & (asked > 0)] = SAFE
    strange, sure = _strange(labels, untouched, answers, ranks, classes)
    verdict[(verdict == SAFE) & own_inverse & (sure > _STRANGE)] = UNSURE
    verdict[low > excused[:, None]] = FORBIDDEN
    others = went.copy()
    others[np.arange(classes), :, np.arange(classes)] = 0
    target = np.where(moved > 0, others.argmax(axis=2), -1) if classes else np.zeros(moved.shape, np.int64)
    to_target = others.max(axis=2, initial=0)
    verdict[_exchanged(went, excused, own_inverse) & (verdict == FORBIDDEN)] = BECOMES
    return LabelMap(verdict, target, asked, moved, to_target, low, high, strange, excused)


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
    """Ends of the 90 % interval of the share of hits. Both ends need evidence: for the lower one three samples of which
    hardly any is a hit are thought beside those there are, for the upper one two of which one is.

    Source   beta-binomial posterior under a cautious prior for either question (Gelman et al. 2013, section 2.4)
    """
    from scipy.stats import beta

    low = beta.ppf(_ODDS, hits + _DOUBT * _HARMLESS, total - hits + _DOUBT * (1 - _HARMLESS))
    return np.asarray(low), np.asarray(beta.ppf(1 - _ODDS, hits + 1, total - hits + 1))


def _went(labels: Array, untouched: Array, answers: Array, classes: int) -> Array:
    """(k, m, k) int, how many of each class the operation sends to each class, of those that were right untouched."""
    went = np.zeros((classes, answers.shape[1], classes), np.int64)
    row, operation = np.nonzero((answers >= 0) & ((labels >= 0) & (labels == untouched))[:, None])
    np.add.at(went, (labels[row], operation, answers[row, operation]), 1)
    return went


def _telling(labels: Array, answers: Array, ranks: Array, own_inverse: Array) -> Array:
    """(n, m) the answers that say something; -1 elsewhere.

    What a shift of tone or grain moves to where no real sample lies is odd: the model guesses. Only what comes to lie among
    the real samples of another class means something else. Of a flip the guess counts: nothing spoke for it before.
    """
    odd = (answers != labels[:, None]) & (ranks > _FAR) & ~own_inverse[None]
    return np.where(odd, -1, answers)


def _strange(labels: Array, untouched: Array, answers: Array, ranks: Array, classes: int) -> tuple[Array, Array]:
    """(k, m) share of the strange ones, and the lower end of its interval, of those of which it is known."""
    total, far = np.zeros((2, classes, answers.shape[1]), np.int64)
    row, operation = np.nonzero((answers >= 0) & (ranks >= 0) & ((labels >= 0) & (labels == untouched))[:, None])
    np.add.at(total, (labels[row], operation), 1)
    np.add.at(far, (labels[row], operation), (ranks[row, operation] > _FAR).astype(np.int64))
    return far / np.maximum(total, 1), interval(far, total)[0]


def _exchanged(went: Array, excused: Array, own_inverse: Array) -> Array:
    """(k, m) bool, whether a class and another one change places, for certain, and nothing else comes of either."""
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
            found[one, operation] = sure
    return found
