"""A Run in which samples look as they are given here: how a learner is taught and asked about pictures that were drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

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


class Shown:
    """The run it stands before, but for the pictures: those of `rows_of`, in the order of its rows.

    pictures  each (h, w, c) uint8
    mark      what these pictures are: nothing that is kept for others is taken for them
    """

    def __init__(self, run: Run, pictures: Sequence[Array], mark: str) -> None:
        self._run, self._pictures, self._mark = run, pictures, mark

    def as_run(self) -> Run:
        return cast(Run, self)

    def images(self, data: Dataset) -> Iterator[Array]:
        return (self._pictures[int(id, 16)] for id in data.ids.tolist())

    def contents(self, data: Dataset) -> Iterator[bytes]:
        return (picture.encode(one) for one in self.images(data))

    def rng(self, *key: Any) -> Any:
        return self._run.rng(self._mark, *key)

    def keep(self, key: Sequence[Any], make: Callable[[], Mapping[str, Array]]) -> Mapping[str, Array]:
        return self._run.keep((self._mark, *key), make)

    def checkpoints(self, *key: Any) -> Path:
        return self._run.checkpoints(self._mark, *key)

    def embed(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Signal:
        return Signal("embedding", data.ids, self.describe(use, data, settings))

    def describe(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Array:
        # Not through the memo of the run: it goes by content, and these pictures have none.
        return np.asarray(self._run.step(use, settings).describe(list(self.images(data)), self))

    def export(self, data: Dataset, where: Path, *, layout: str | None = None) -> Path:
        self._run.step(layout or "formats.folder").write(data, where, self.contents, {})
        return where

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # while it is unpickled there is no run yet
            raise AttributeError(name)
        return getattr(self._run, name)
