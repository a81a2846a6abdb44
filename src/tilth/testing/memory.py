"""MemoryRun: the Run of the tests. Contents in a dict, everything in this process, nothing on disk but a scratch folder."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import StepError
from tilth.numerics import picture
from tilth.signal import Array, Signal
from tilth.steps import ROLES, declared


class MemoryRun:
    """A Run over contents that are held in memory: `MemoryRun({id: bytes})`."""

    def __init__(self, contents: Mapping[str, bytes] | None = None, *, seed: int = 0, device: str = "cpu") -> None:
        self.seed, self.device, self.threads = seed, device, 2
        self._contents = dict(contents or {})
        self._kept: dict[str, Mapping[str, Array]] = {}
        self._scratch = Path(tempfile.mkdtemp(prefix="tilth-"))
        weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self.lines: list[str] = []

    def rng(self, *key: Any) -> np.random.Generator:
        return np.random.default_rng(int(digest(self.seed, key), 16))

    def contents(self, data: Dataset) -> Iterator[bytes]:
        for sample in data:
            yield sample.text.encode() if sample.text is not None else self._contents[sample.id]

    def images(self, data: Dataset) -> Iterator[Array]:
        return (picture.decode(content) for content in self.contents(data))

    def texts(self, data: Dataset) -> list[str]:
        return data.table.column("text").to_pylist()

    def map(
        self, fn: Callable[[Any], Any], items: Iterable[Any], *, cpus: int = 1, gpus: int = 0, what: str = ""
    ) -> list[Any]:
        return [fn(item) for item in items]

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda done: None

    def log(self, message: str) -> None:
        self.lines.append(message)

    def step(self, use: str, settings: Mapping[str, Any] | None = None) -> Any:
        known = _steps()
        name = next((name for name in (use, f"learn.{use}", f"embed.{use}", f"formats.{use}") if name in known), None)
        if name is None:
            raise StepError(f"no step {use!r}; there is {', '.join(sorted(known))}")
        return known[name].load()(**(settings or {}))

    def embed(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Signal:
        step = self.step(use, settings)
        if hasattr(step, "measure"):
            return step.measure(data, self)
        batch = self.texts(data) if data.schema.modality == "text" else list(self.images(data))
        values = np.asarray(step.describe(batch, self))
        if hasattr(step, "finish"):
            values = step.finish(values, data, self)
        return Signal((*declared(step, "gives"), "embedding")[0], data.ids, values)

    def describe(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Array:
        batch = self.texts(data) if data.schema.modality == "text" else list(self.images(data))
        step = self.step(use, settings)
        if not hasattr(step, "describe"):
            raise StepError(f"{use} looks at the whole dataset at once; take the learner text-linear for texts")
        return np.asarray(step.describe(batch, self))

    def keep(self, key: Sequence[Any], make: Callable[[], Mapping[str, Array]]) -> Mapping[str, Array]:
        short = digest(list(key))
        if short not in self._kept:
            self._kept[short] = make()
        return self._kept[short]

    def checkpoints(self, *key: Any) -> Path:
        folder = self._scratch / digest(list(key))
        folder.mkdir(exist_ok=True)
        return folder

    def export(self, data: Dataset, where: Path, *, layout: str | None = None) -> Path:
        writer = self.step("formats." + (layout or ("folder" if data.schema.modality == "image" else "table")))
        writer.write(data, where, self.contents, {})
        return where


@cache
def _steps() -> dict[str, Any]:
    return {point.name: point for role in ROLES for point in entry_points(group=f"tilth.{role}")}
