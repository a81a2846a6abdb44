"""Pooling: several opinions about the class of each sample become one, each by how well it foretells labels.

The pool is log-linear: q(c) is proportional to the product of p_s(c) ** w_s over the opinions s. The weights are those
under which the given labels are most likely, none below 0: a weak opinion fades, an overconfident one is softened, and
no truth about which labels are wrong is asked for.

Source  Genest & Zidek 1986, Combining probability distributions, section 3 (the logarithmic opinion pool)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FLOOR = 1e-4
"""Least probability an opinion can give: one sure voice must not overrule all others."""


def pooled(opinions: Sequence[Array], labels: Array) -> tuple[Array, Array]:
    """One opinion from several about single labels.

    opinions  each (n, k), rows add up to 1 or to 0 (no opinion), out of sample
    labels    (n,) int, the given ones
    returns   (n, k) probabilities and (s,) weights
    """
    logs = [np.log(np.maximum(opinion, FLOOR)) for opinion in opinions]
    rows = np.arange(len(labels))

    def slope(weights: Array) -> tuple[float, Array]:
        q = _softmax(sum(w * log for w, log in zip(weights, logs, strict=True)))
        loss = -np.log(np.maximum(q[rows, labels], 1e-300)).mean()
        return float(loss), np.array([((q * log).sum(axis=1) - log[rows, labels]).mean() for log in logs])

    weights = _fitted(slope, len(logs))
    return _softmax(sum(w * log for w, log in zip(weights, logs, strict=True))), weights


def multi_pooled(opinions: Sequence[Array], targets: Array) -> tuple[Array, Array]:
    """One opinion from several about sets of labels: each class is a yes or no of its own, the weights are common.

    opinions  each (n, k) in 0..1, out of sample
    targets   (n, k) multi-hot, the given labels
    returns   (n, k) probabilities and (s,) weights
    """
    odds = [_log_odds(opinion) for opinion in opinions]
    carried = targets > 0

    def slope(weights: Array) -> tuple[float, Array]:
        z = sum(w * odd for w, odd in zip(weights, odds, strict=True))
        loss = np.logaddexp(0, np.where(carried, -z, z)).mean()
        return float(loss), np.array([((_sigmoid(z) - carried) * odd).mean() for odd in odds])

    weights = _fitted(slope, len(odds))
    return _sigmoid(sum(w * odd for w, odd in zip(weights, odds, strict=True))), weights


def _fitted(slope: Callable[[Array], tuple[float, Array]], count: int) -> Array:
    from scipy.optimize import minimize

    # At most 5: labels that an opinion foretells without fault would sharpen it for ever.
    start, bounds = np.ones(count), [(0.0, 5.0)] * count
    weights = minimize(slope, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 50}).x
    # Opinions that foretell nothing leave nothing to weigh: then all count alike.
    return weights if weights.sum() > 0 else start


def _softmax(z: Any) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _sigmoid(z: Any) -> Array:
    return 1 / (1 + np.exp(-np.clip(z, -500, 500)))


def _log_odds(p: Array) -> Array:
    p = np.clip(p, FLOOR, 1 - FLOOR)
    return np.log(p) - np.log1p(-p)
