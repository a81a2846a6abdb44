"""The embedded sample: scikit-learn's real handwritten digits, with planted faults."""

from __future__ import annotations

from typing import Any

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.sample import TEST, TRAIN, Sample, raw_id
from tilth.signal import Array
from tilth.testing.worlds import World

_SIDE_PX = 32  # 8x8 originals enlarged four times, so that shear and rotation have pixels to work with


def digits(
    *,
    wrong: int = 240,
    junk: int = 30,
    copies: int = 30,
    near: int = 20,
    leaks: int = 20,
    scarce: int = 3,
    seed: int = 0,
) -> World:
    """1,797 digits written by 43 people (Alpaydin and Kaynak 1998, as scikit-learn ships them), a third sealed as test.

    wrong, junk, copies, near, leaks  how many of each fault are planted in train; a quarter of the labels are wrong, as
                                      bad as crowd labels get
    scarce  how many classes lose two thirds of their train samples
    """
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    loaded: Any = load_digits()
    images, labels = loaded.data, loaded.target
    order = rng.permutation(len(labels))
    test, train = order[: len(order) // 3], order[len(order) // 3 :]
    for label in rng.choice(10, scarce, replace=False):
        of_class = train[labels[train] == label]
        train = train[~np.isin(train, of_class[len(of_class) // 3 :])]
    plan = _Plan(images, labels, rng)
    for row in test:
        plan.plain(int(row), TEST)
    free = [int(row) for row in rng.permutation(train)]
    for row in free[wrong:]:
        plan.plain(row, TRAIN)
    for row in free[:wrong]:
        other = int((labels[row] + rng.integers(1, 10)) % 10)
        plan.wrong.add(plan.add(picture.encode(_enlarged(images[row])), other, int(labels[row]), TRAIN))
    sources = iter(free[wrong:])
    for _ in range(copies):
        plan.copy(next(sources), plan.copies)
    for _ in range(near):
        plan.copy(next(sources), plan.near, change=True)
    for row in test[:leaks]:
        plan.copy(int(row), plan.leaks)
    for _ in range(junk):
        plan.junk.add(plan.add(picture.encode(_scribble(rng)), int(rng.integers(10)), None, TRAIN))
    return plan.world()


class _Plan:
    """Samples as they are planted; a copy is found by the row of its original."""

    def __init__(self, images: Array, labels: Array, rng: np.random.Generator) -> None:
        self.images, self.labels, self.rng = images, labels, rng
        self.samples: list[Sample] = []
        self.contents: dict[str, bytes] = {}
        self.truth: dict[str, int] = {}
        self.of_row: dict[int, str] = {}
        self.wrong: set[str] = set()
        self.junk: set[str] = set()
        self.copies: set[tuple[str, str]] = set()
        self.near: set[tuple[str, str]] = set()
        self.leaks: set[tuple[str, str]] = set()

    def add(self, content: bytes, label: int, shown: int | None, split: str) -> str:
        # Names are drawn, not counted: nothing in a name may tell which samples were planted.
        name = f"{split}/{label}/{self.rng.integers(16**8):08x}.png"
        key = digest_bytes(content)
        sample = Sample(raw_id(key, name), key, name, label, split)
        self.samples.append(sample)
        self.contents[sample.id] = content
        if shown is not None:
            self.truth[sample.id] = shown
        return sample.id

    def plain(self, row: int, split: str) -> None:
        label = int(self.labels[row])
        self.of_row[row] = self.add(picture.encode(_enlarged(self.images[row])), label, label, split)

    def copy(self, row: int, pairs: set[tuple[str, str]], *, change: bool = False) -> None:
        shown = int(self.labels[row])
        plain = _enlarged(self.images[row])
        original = self.of_row[row]
        copied = np.clip(plain.astype(float) * 0.94 + 4, 0, 255).astype(np.uint8) if change else plain
        copy = self.add(picture.encode(copied), shown, shown, TRAIN)
        pairs.add((copy, original) if pairs is self.leaks else (original, copy))

    def world(self) -> World:
        data = Dataset.from_samples(self.samples, Schema("image", "single-label", tuple("0123456789")))
        return World(
            data,
            self.contents,
            self.truth,
            frozenset(self.wrong),
            frozenset(self.junk),
            frozenset(self.copies),
            frozenset(self.near),
            frozenset(self.leaks),
        )


def _enlarged(flat: Array) -> Array:
    """Dark ink on white paper, 32 x 32, from 64 values of 0..16."""
    small = (255 - flat.reshape(8, 8) / 16 * 235).astype(np.uint8)[:, :, None]
    return picture.resize(small, _SIDE_PX, _SIDE_PX)


def _scribble(rng: np.random.Generator) -> Array:
    """Blots that are no digit, in the same ink on the same paper."""
    y, x = np.mgrid[:_SIDE_PX, :_SIDE_PX]
    ink = np.zeros((_SIDE_PX, _SIDE_PX))
    for _ in range(rng.integers(2, 9)):
        cy, cx, size = *rng.uniform(2, _SIDE_PX - 2, 2), rng.uniform(1.5, 5)
        ink = np.maximum(ink, np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * size**2)))
    return (255 - ink * 235).astype(np.uint8)[:, :, None]
