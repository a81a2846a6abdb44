"""Consensus: where several opinions and the given label say one thing, and how often they are then all wrong.

No truth is asked for. How often an opinion errs is seen where another one sides with the label against it; whether the
opinions err together cannot be seen, so a purity is an interval between the two cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_BORROWED = 10.0
"""Samples' worth of the rate over all classes that each class starts from: a class of few has no rate of its own."""

_AGREEING = 0.1  # an opinion counts as sure from this quantile of the trusted on: nearly all of them


def says(opinion: Array, *, multi: bool) -> Array:
    """(n, k) bool, the classes that an opinion names: the best one, or those of one half and more; none where it is
    silent (a row of zeros, which is no opinion where one class is to be named)."""
    if multi:
        return opinion >= 0.5
    best = np.zeros(opinion.shape, bool)
    best[np.arange(len(opinion)), opinion.argmax(axis=1)] = True
    return best & (opinion > 0)


def backing(opinion: Array, named: Array) -> Array:
    """(n,) 0..1, what an opinion gives to the least certain of the classes it names and leaves out.

    named  (n, k) bool
    """
    return np.where(named, opinion, 1 - opinion).min(axis=1, initial=1.0)


def unanimous(opinions: Sequence[Array], targets: Array, *, multi: bool) -> Array:
    """(n,) bool, whether each opinion names just the classes that are given.

    opinions  each (n, k), out of sample
    targets   (n, k) one-hot or multi-hot
    """
    given = targets > 0
    return np.all([(says(one, multi=multi) == given).all(axis=1) for one in opinions], axis=0)


def trusted(opinions: Sequence[Array], belief: Array, targets: Array, *, multi: bool, share: float) -> Array:
    """(n,) bool, the samples of which all is agreed, and of these the surest: the best `share` of each class.

    belief  (n,) 0..1, in the given label
    share   0..1 of all samples that carry a class; one of several classes must be among the best of each
    """
    good = unanimous(opinions, targets, multi=multi) & (targets > 0).any(axis=1)
    for carried in (targets > 0).T:
        if carried.any():
            good &= ~carried | (belief >= np.quantile(belief[carried], 1 - share))
    return good


def solo_errors(first: Array, second: Array, targets: Array, good: Array, *, multi: bool) -> tuple[Array, Array]:
    """How often the first opinion, sure as it is of the trusted, is alone: the second sides with the label against it.

    Where the label disagrees and nobody sides with it, the label is wrong, not the opinion: that does not count.

    good     (n,) bool, the trusted
    returns  (k,) how often it was so sure of a class and right by the label or alone, (k,) how often it was alone
    """
    named, other, given = says(first, multi=multi), says(second, multi=multi), targets > 0
    strength = backing(first, named)
    agreed = (named == given).all(axis=1)
    alone = (other == given).all(axis=1) & ~agreed
    asked, wrong = np.zeros(targets.shape[1]), np.zeros(targets.shape[1])
    for c in range(targets.shape[1]):
        like = good & given[:, c]
        if like.any():
            sure = named[:, c] & (strength >= np.quantile(strength[like], _AGREEING))
            asked[c], wrong[c] = (sure & (agreed | alone)).sum(), (sure & alone).sum()
    return asked, wrong


def purity(opinions: Sequence[Array], targets: Array, good: Array, *, multi: bool) -> tuple[Array, Array]:
    """Between which bounds the share of right labels lies, class by class, among trusted samples.

    The lower bound takes mistakes to be shared: the label is wrong together with all opinions as often as the least
    reliable of them was seen to err alone (the upper 95 % end of that rate). The upper bound takes them to be
    independent: the rates of all opinions multiplied, and that of the label, which is wrong where all are against it.

    opinions  two or more, each (n, k), out of sample
    returns   (k,) low and (k,) high, 0..1; 0 and 1 where no sample of the class is trusted
    """
    from scipy.stats import beta

    k = targets.shape[1]
    shared, independent = np.zeros(k), np.full(k, _label_alone(opinions, targets, multi=multi))
    for at, first in enumerate(opinions):
        # Each is judged by that other one which sides with the label against it most often.
        others = [one for place, one in enumerate(opinions) if place != at]
        counts = [solo_errors(first, one, targets, good, multi=multi) for one in others]
        asked, wrong = max(counts, key=lambda pair: pair[1].sum())
        overall = (wrong.sum() + 0.5) / (asked.sum() + 1)
        yes, no = wrong + overall * _BORROWED, asked - wrong + (1 - overall) * _BORROWED
        shared = np.maximum(shared, beta.ppf(0.95, yes, no))
        independent = independent * yes / (yes + no)
    none = ~((targets > 0) & good[:, None]).any(axis=0)
    return np.where(none, 0.0, 1 - shared), np.where(none, 1.0, 1 - independent)


def _label_alone(opinions: Sequence[Array], targets: Array, *, multi: bool) -> float:
    """The share of labels that are not what the opinions say with one voice."""
    named = says(opinions[0], multi=multi)
    one_voice = unanimous(opinions[1:], named, multi=multi)
    differs = (named != (targets > 0)).any(axis=1)
    return float((one_voice & differs).sum() + 0.5) / float(one_voice.sum() + 1)
