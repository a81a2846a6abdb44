"""Class budgets: how much of a budget each class gets, and what a class weighs where the budget cannot be moved.

Source  Cavusoglu et al. 2021, arXiv:2111.03743, section 3.5 (more of the classes with a low F1); Cui et al. 2019,
        arXiv:1901.05555 (effective number)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FLOOR = 20  # samples: with fewer, F1 is a matter of chance and a class must not pay for it
_EASIEST = 0.02  # least 1 - F1 that counts: a perfect class still gets its share of what the difficult ones compete for


def rarest(targets: Array) -> Array:
    """(n,) int, the class for which each sample counts: its rarest one, the smaller index of equals; -1 without any.

    With one label each that is the label, with shares the largest. With several labels each sample has one place all the
    same, and the scarce classes are the ones that are counted.

    targets  (n, k) shares or multi-hot
    """
    targets = np.asarray(targets)
    if not targets.size:
        return np.full(len(targets), -1, np.int64)
    single = (targets > 0).sum(axis=1) <= 1
    several = (targets == 1).sum(axis=1) > 1
    sizes = (targets > 0).sum(axis=0)
    by_size = np.where(targets > 0, sizes, np.iinfo(np.int64).max).argmin(axis=1)
    # A soft label counts for its largest share: it is one class in doubt, not several at once.
    group = np.where(single | ~several, targets.argmax(axis=1), by_size)
    return np.where(targets.max(axis=1) > 0, group, -1)


def difficulty(f1: Array, *, rho: float = 0.5, gamma: float = 1.0) -> Array:
    """(k,) shares that add up to 1: `1 - rho` spread evenly, `rho` by q_c = max(1 - F1_c, .02) ^ gamma."""
    q = np.maximum(1 - np.asarray(f1, np.float64), _EASIEST) ** gamma
    return (1 - rho) / len(q) + rho * q / q.sum()


def shrunk_f1(truths: Array, guesses: Array) -> Array:
    """(k,) F1 of each class with one more hit, one more miss and one more false alarm than were seen (Laplace): a class
    of three that were all found is not taken for solved, nor one of which nothing was seen for hopeless.

    truths, guesses  (n, k) bool
    """
    hits = (truths & guesses).sum(axis=0) + 1.0
    return 2 * hits / (truths.sum(axis=0) + guesses.sum(axis=0) + 4.0)


def within(wanted: Array, total: int, low: Array, high: Array) -> Array:
    """Whole numbers in proportion to what is wanted, between bounds, that add up to `total`.

    wanted     (k,) float, 0 or more
    low, high  (k,) int bounds; where their sums leave no room for `total`, the nearest bound is the answer
    returns    (k,) int; what remains after rounding down goes to the largest remainders, the first of equals
    """
    low = np.asarray(low, np.int64)
    high = np.maximum(np.asarray(high, np.int64), low)
    if total <= low.sum():
        return low
    if total >= high.sum():
        return high
    wanted = np.maximum(np.asarray(wanted, np.float64), 1e-9)
    small, large = 0.0, float((high / wanted).max())
    for _ in range(200):  # bisection: the sum grows with the scale, and stops moving long before
        middle = (small + large) / 2
        small, large = (middle, large) if np.clip(middle * wanted, low, high).sum() <= total else (small, middle)
    exact = np.clip(small * wanted, low, high)
    whole = np.floor(exact + 1e-9).astype(np.int64)
    rest = np.where(whole < high, exact - whole, -1.0)
    order = np.lexsort((np.arange(len(rest)), -np.round(rest, 9)))
    for index in np.resize(order, 2 * len(order) + total - int(whole.sum())):
        if whole.sum() == total:
            break
        whole[index] += whole[index] < high[index]
    return whole


def by_difficulty(sizes: Array, f1: Array, total: int, *, low: Array, floor: int = FLOOR, most: float = 0.25) -> Array:
    """Budgets in favour of difficult classes, none of which grows or shrinks by more than a quarter at once.

    sizes    (k,) int, samples that there are of each class; scaled to `total` they are what a class has now
    f1       (k,) float, cross-validated
    low      (k,) int, what each class keeps in any case
    floor    fewest samples of a class, or all it has
    most     largest change of a class, as a share
    returns  (k,) int
    """
    sizes, low = np.asarray(sizes, np.int64), np.asarray(low, np.int64)
    there = sizes > 0
    budgets = np.zeros(len(sizes), np.int64)
    if not there.any():
        return budgets
    now = total * sizes / sizes.sum()
    wanted = total * difficulty(np.asarray(f1)[there])
    least = np.maximum(low, np.minimum(np.maximum(np.ceil((1 - most) * now), floor), sizes)).astype(np.int64)
    largest = np.minimum(np.maximum(np.floor((1 + most) * now), least), sizes).astype(np.int64)
    if least.sum() > total:  # the floors alone are more than the budget: only what is kept in any case binds
        least = low
    if largest.sum() < total:
        largest = sizes
    budgets[there] = within(wanted, total, least[there], largest[there])
    return budgets


def effective_weights(counts: Array, *, beta: float) -> Array:
    """(k,) weight of each class by the inverse of its effective number (1 - beta^n) / (1 - beta); 0 for an empty one.

    The mean over all samples is 1. beta 0: all alike; beta towards 1: the inverse of the count.

    Source  Cui et al. 2019, arXiv:1901.05555, equation 2
    """
    counts = np.asarray(counts, np.float64)
    there = counts > 0
    weights = np.zeros(len(counts))
    if not there.any():
        return weights
    # expm1 and log1p: at beta = 1 - 1e-9 the plain formula divides rounding errors
    weights[there] = (1 - beta) / -np.expm1(counts[there] * np.log(beta)) if beta > 0 else 1.0
    return weights * counts.sum() / (weights * counts).sum()
