"""What a valuation is worth: wrong labels found, retrains foreseen, accuracy after removal.

Values: higher = more helpful. Wrong labels are looked for from the lowest up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import worlds

SHARES = (0.05, 0.1, 0.2, 0.4)
OTHER_SEEDS = (1001, 1002)  # added to a world's seed: the retrains never repeat the valued run


# -- wrong labels -----------------------------------------------------------------------------------------------


def detection(values: np.ndarray, wrong: np.ndarray) -> dict[str, float]:
    """AUROC, average precision, F1 at the true rate (precision among as many lowest as are wrong), F1 of 2-means."""
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    doubt = -values
    lowest = np.zeros(len(wrong), bool)
    lowest[np.argsort(values, kind="stable")[: int(wrong.sum())]] = True
    found = {
        "auroc": roc_auc_score(wrong, doubt),
        "ap": average_precision_score(wrong, doubt),
        "f1_at_rate": f1_score(wrong, lowest),
        "f1_2means": f1_score(wrong, low_cluster(values)),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def low_cluster(values: np.ndarray) -> np.ndarray:
    """(n,) bool: the lower side of the exact split of the values in two with the least squared error."""
    order = np.argsort(values, kind="stable")
    v = values[order].astype(np.float64)
    n = len(v)
    left = np.cumsum(v)[:-1]
    sizes = np.arange(1, n)
    # the error within two groups falls as this rises; exact in one dimension, where k-means depends on its start
    gain = left**2 / sizes + (v.sum() - left) ** 2 / (n - sizes)
    low = np.zeros(n, bool)
    low[order[: int(gain.argmax()) + 1]] = True
    return low


# -- retrains on half-subsets -----------------------------------------------------------------------------------


def groundtruth(file: Path, world: worlds.World, seed: int, data: Path) -> dict[str, np.ndarray]:
    """Losses of the valid samples after training on random halves; read from the file where it is there.

    returns  masks (s, n) bool, losses (s, r, m) float for each of the other seeds
    """
    made = json.dumps([world.__dict__, seed, OTHER_SEEDS])
    if file.exists() and str((found := np.load(file))["made"]) == made:
        return dict(found)
    a = worlds.arrays(world, seed, data)
    make = worlds.factory(world.model, a["X"], int(a["y_valid"].max()) + 1)
    rng = np.random.default_rng([seed, 3])
    n = len(a["y"])
    masks = np.zeros((world.subsets, n), bool)
    losses = np.zeros((world.subsets, len(OTHER_SEEDS), len(a["y_valid"])))
    settings = {name: getattr(world, name) for name in ("epochs", "batch", "lr", "weight_decay")}
    began = time.perf_counter()
    for row, mask in enumerate(masks):
        mask[rng.permutation(n)[: n // 2]] = True
        for column, other in enumerate(OTHER_SEEDS):
            net, _, _ = worlds.train(make, a["X"][mask], a["y"][mask], **settings, seed=seed + other)
            losses[row, column] = worlds.losses(net, a["X_valid"], a["y_valid"])
    found = {"masks": masks, "losses": losses, "seconds": np.array(time.perf_counter() - began), "made": np.array(made)}
    np.savez(file, **found)
    return found


def datamodeling(
    values: np.ndarray, matrix: np.ndarray | None, masks: np.ndarray, losses: np.ndarray
) -> dict[str, float]:
    """Linear datamodeling score: do summed values foresee how the losses fall? 1 is perfect, 0 is chance.

    lds       mean over valid samples of Spearman's correlation over subsets; only with a matrix
    lds_mean  the same for the mean loss over the valid samples
    """
    fall = -losses.mean(1)
    found = {"lds_mean": spearman(masks @ values, fall.mean(1))}
    if matrix is not None:
        told = masks @ matrix.astype(np.float64)
        found["lds"] = float(np.mean([spearman(told[:, j], fall[:, j]) for j in range(fall.shape[1])]))
    return {name: round(value, 4) for name, value in found.items()}


def ceiling(losses: np.ndarray) -> dict[str, float]:
    """What one retrain on the same halves, from another seed, foresees of the other: no score need be higher."""
    one, other = losses[:, 0], losses[:, 1]
    each = np.mean([spearman(one[:, j], other[:, j]) for j in range(one.shape[1])])
    return {"lds": round(float(each), 4), "lds_mean": round(spearman(one.mean(1), other.mean(1)), 4)}


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Zero where one side is constant: it foresees nothing."""
    from scipy.stats import rankdata

    ra, rb = rankdata(a), rankdata(b)
    if ra.std() == 0 or rb.std() == 0:
        return 0.0
    return float(np.corrcoef(ra, rb)[0, 1])


# -- removal ----------------------------------------------------------------------------------------------------


def removal(
    values: np.ndarray, a: worlds.Arrays, world: worlds.World, seeds: tuple[int, ...]
) -> dict[str, dict[str, float]]:
    """Accuracy on test after dropping the lowest or highest share of the values and training anew; mean over seeds."""
    n = len(values)
    order = np.argsort(values, kind="stable")
    found: dict[str, dict[str, float]] = {"lowest": {}, "highest": {}}
    for share in SHARES:
        drop = round(share * n)
        found["lowest"][f"{share:.0%}"] = _retrained(a, world, order[drop:], seeds)
        found["highest"][f"{share:.0%}"] = _retrained(a, world, order[: n - drop], seeds)
    return found


def removal_reference(a: worlds.Arrays, world: worlds.World, seeds: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """The same for random samples, for none, and for exactly the wrong ones."""
    n = len(a["y"])
    kept = {f"{s:.0%}": np.sort(np.random.default_rng([seeds[0], 4]).permutation(n)[round(s * n) :]) for s in SHARES}
    return {
        "random": {name: _retrained(a, world, rows, seeds) for name, rows in kept.items()},
        "none": {"0%": _retrained(a, world, np.arange(n), seeds)},
        "the wrong": {f"{a['wrong'].mean():.0%}": _retrained(a, world, np.flatnonzero(~a["wrong"]), seeds)},
    }


def _retrained(a: worlds.Arrays, world: worlds.World, rows: np.ndarray, seeds: tuple[int, ...]) -> float:
    return round(float(np.mean(list(_accuracies(a, world, np.sort(rows), seeds)))), 4)


def _accuracies(a: worlds.Arrays, world: worlds.World, rows: np.ndarray, seeds: tuple[int, ...]) -> Iterator[float]:
    make = worlds.factory(world.model, a["X"], int(a["y_valid"].max()) + 1)
    settings = {name: getattr(world, name) for name in ("epochs", "batch", "lr", "weight_decay")}
    for seed in seeds:
        net, _, _ = worlds.train(make, a["X"][rows], a["y"][rows], **settings, seed=seed)
        yield worlds.accuracy(net, a["X_test"], a["y_test"])
