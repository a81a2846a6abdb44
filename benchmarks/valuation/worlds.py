"""Worlds to value: arrays with planted wrong labels, small networks, one deterministic schedule of SGD.

Nothing of tilth and no torchvision is imported: the peers read this file in their own environments.
"""

# ruff: noqa: N803, N806 - X and y as in scikit-learn
from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COARSE = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class World:
    """What is valued: which arrays, which network, how it is trained."""

    name: str
    data: str  # digits or trec
    flips: float  # share of train labels that are wrong
    model: str  # logistic, mlp or cnn
    train: int
    valid: int
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    subsets: int = 0  # > 0: half-subset retrains are made, and the datamodeling score measured


# Rates and epochs at which each network comes close to its best accuracy on the noisy labels.
WORLDS = (
    World("digits-10", "digits", 0.1, "cnn", 1000, 300, 30, 50, 0.1, 5e-4),
    World("digits-20", "digits", 0.2, "cnn", 1000, 300, 30, 50, 0.1, 5e-4),
    World("trec-20", "trec", 0.2, "mlp", 2000, 300, 30, 50, 0.1, 5e-4),
    World("lds-logistic", "digits", 0.1, "logistic", 500, 200, 20, 25, 0.05, 1e-3, subsets=100),
    World("lds-cnn", "digits", 0.1, "cnn", 500, 200, 30, 25, 0.1, 1e-3, subsets=100),
)


# -- data -------------------------------------------------------------------------------------------------------


def digits(flips: float, seed: int, *, train: int = 1000, valid: int = 300) -> Arrays:
    """scikit-learn's 8x8 digits; every label that is not in train is clean."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(labels))
    X = (pixels[order] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    return _parted(X, labels[order].astype(np.int64), train, valid, flips, rng, classes=10)


def trec(flips: float, seed: int, *, train: int = 2000, valid: int = 300, data: Path = DATA) -> Arrays:
    """TREC questions, six coarse classes, as 128 directions of TF-IDF fitted on the train rows."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    texts, labels = _questions(data / "text" / "TREC_train.csv")
    test_texts, test_labels = _questions(data / "text" / "TREC_test.csv")
    rng = np.random.default_rng([seed, 2])
    order = rng.permutation(len(labels))[: train + valid]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    both = make_union(words, letters)
    fitted = both.fit_transform([texts[row] for row in order[:train]])
    svd = TruncatedSVD(128, random_state=seed).fit(fitted)
    rest = both.transform([texts[row] for row in order[train:]] + test_texts)
    X = np.concatenate([svd.transform(fitted), svd.transform(rest)])
    X = (X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    y = np.concatenate([labels[order], test_labels])
    return _parted(X, y, train, valid, flips, rng, classes=6)


def arrays(world: World, seed: int, data: Path = DATA) -> Arrays:
    """X, y, X_valid, y_valid, X_test, y_test, and wrong: (n,) bool, the train labels that were flipped."""
    sizes = {"train": world.train, "valid": world.valid}
    return digits(world.flips, seed, **sizes) if world.data == "digits" else trec(world.flips, seed, **sizes, data=data)


def _questions(file: Path) -> tuple[list[str], np.ndarray]:
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [(row["text"], COARSE.index(row["coarse"])) for row in csv.DictReader(lines)]
    return [text for text, _ in rows], np.array([label for _, label in rows], np.int64)


def _parted(
    X: np.ndarray, y: np.ndarray, train: int, valid: int, flips: float, rng: np.random.Generator, classes: int
) -> Arrays:
    wrong = np.zeros(train, bool)
    wrong[rng.permutation(train)[: round(flips * train)]] = True
    given = y[:train].copy()
    given[wrong] = (given[wrong] + rng.integers(1, classes, int(wrong.sum()))) % classes
    end = train + valid
    return {
        "X": X[:train],
        "y": given,
        "X_valid": X[train:end],
        "y_valid": y[train:end],
        "X_test": X[end:],
        "y_test": y[end:],
        "wrong": wrong,
    }


# -- networks ---------------------------------------------------------------------------------------------------


def logistic(d: int, k: int) -> Any:
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(d, k))


def mlp(d: int, k: int) -> Any:
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(d, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, k))


def cnn(k: int) -> Any:
    """For pictures of 8x8; 9,058 weights for ten classes, and no BatchNorm: it would couple the samples."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(16, 48, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(48 * 4, k),
    )


def factory(model: str, X: np.ndarray, k: int) -> Callable[[], Any]:
    """A maker of fresh networks for samples like these."""
    if model == "cnn":
        return lambda: cnn(k)
    d = int(np.prod(X.shape[1:]))
    return {"logistic": lambda: logistic(d, k), "mlp": lambda: mlp(d, k)}[model]


# -- training ---------------------------------------------------------------------------------------------------


def train(
    make: Callable[[], Any],
    X: np.ndarray,
    y: np.ndarray,
    *,
    epochs: int,
    batch: int,
    lr: float,
    momentum: float = 0.9,
    weight_decay: float,
    seed: int,
    weights: np.ndarray | None = None,
    checkpoints: int = 0,
) -> tuple[Any, list[dict[str, Any]], list[float]]:
    """Plain SGD with a cosine rate; torch.optim.SGD's momentum and weight decay, the last short batch kept.

    weights      (n,) or None, each sample's share of its batch's mean loss
    checkpoints  how many states to keep, evenly spaced; the last is the end
    returns      the network in eval mode, the states, the rate of the step that led to each
    """
    import torch

    torch.manual_seed(seed)
    net = make().train()
    Xt, yt = torch.from_numpy(X), torch.from_numpy(y)
    share = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay)
    per_epoch = math.ceil(len(y) / batch)
    steps = epochs * per_epoch
    keep = {round(steps * (at + 1) / checkpoints) for at in range(checkpoints)}
    states, rates = [], []
    step = 0
    for epoch in range(epochs):
        order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(y)))
        for rows in order.split(batch):
            rate = lr * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.param_groups[0]["lr"] = rate
            losses = torch.nn.functional.cross_entropy(net(Xt[rows]), yt[rows], reduction="none")
            loss = losses.mean() if share is None else (losses * share[rows]).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            if step in keep:
                states.append({name: value.detach().clone() for name, value in net.state_dict().items()})
                rates.append(rate)
    return net.eval(), states, rates


def logits(net: Any, X: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return net(torch.from_numpy(X)).numpy()


def losses(net: Any, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) cross entropy of each sample, float64."""
    z = logits(net, X).astype(np.float64)
    z -= z.max(1, keepdims=True)
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]


def accuracy(net: Any, X: np.ndarray, y: np.ndarray) -> float:
    return float((logits(net, X).argmax(1) == y).mean())
