"""A Run in which samples look as they are given here: how a learner is taught and asked about pictures that were made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.numerics import picture
from tilth.sample import Label, Sample
from tilth.signal import Array, Signal
from tilth.steps import Run


def rows_of(labels: Sequence[Label], schema: Schema) -> Dataset:
    """A dataset of train samples that hold nothing but their place, for `Shown`: row i is picture i."""
    return Dataset.from_samples(
        (Sample(f"{row:016x}", f"{row:032x}", f"{row:08x}.png", label) for row, label in enumerate(labels)), schema
    )


@dataclass(frozen=True)
class Shown:
    """The run it stands before, but for the pictures: those of `rows_of`, in the order of its rows.

    pictures  each (h, w, c) uint8
    mark      what these pictures are: nothing that is kept for others is taken for them
    """

    run: Run
    pictures: Array | Sequence[Array]
    mark: str

    @property
    def seed(self) -> int:
        return self.run.seed

    @property
    def device(self) -> str:
        return self.run.device

    @property
    def threads(self) -> int:
        return self.run.threads

    def rng(self, *key: Any) -> np.random.Generator:
        return self.run.rng(self.mark, *key)

    def images(self, data: Dataset) -> Iterator[Array]:
        return (self.pictures[int(id, 16)] for id in data.ids.tolist())

    def texts(self, data: Dataset) -> list[str]:
        return self.run.texts(data)

    def contents(self, data: Dataset) -> Iterator[bytes]:
        return (picture.encode(one) for one in self.images(data))

    def map(
        self, fn: Callable[[Any], Any], items: Iterable[Any], *, cpus: int = 1, gpus: int = 0, what: str = ""
    ) -> list[Any]:
        return self.run.map(fn, items, cpus=cpus, gpus=gpus, what=what)

    def progress(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return self.run.progress(what, total)

    def log(self, message: str) -> None:
        self.run.log(message)

    def step(self, use: str, settings: Mapping[str, Any] | None = None) -> Any:
        return self.run.step(use, settings)

    def embed(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Signal:
        return Signal("embedding", data.ids, self.describe(use, data, settings))

    def describe(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Array:
        # Not through the memo of the run: it goes by content, and these pictures have none.
        return np.asarray(self.run.step(use, settings).describe(list(self.images(data)), self))

    def keep(self, key: Sequence[Any], make: Callable[[], Mapping[str, Array]]) -> Mapping[str, Array]:
        return self.run.keep((self.mark, *key), make)

    def checkpoints(self, *key: Any) -> Path:
        return self.run.checkpoints(self.mark, *key)

    def export(self, data: Dataset, where: Path, *, layout: str | None = None) -> Path:
        writer = self.run.step(layout or "formats.folder")
        writer.write(data, where, self.contents, {})
        return where
