"""Embedders that follow one another decode each picture once, and find again what they said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics import picture
from tilth.run import describing
from tilth.run.local import LocalRun
from tilth.run.plugins import step_key
from tilth.sample import Sample, raw_id
from tilth.signal import Array


@dataclass(frozen=True)
class Mean:
    """The mean of each picture times a factor; notes how many it was shown."""

    factor: float = 1.0
    shown: list[int] = field(default_factory=list, compare=False)

    gives = ("embedding",)

    def describe(self, batch: Any, run: Any) -> Array:
        self.shown.append(len(batch))
        return np.array([[one.mean() * self.factor] for one in batch], np.float32)


@dataclass(frozen=True)
class Counting(LocalRun):
    """Notes how many pictures are decoded."""

    decoded: list[int] = field(default_factory=list)

    def images(self, data: Dataset) -> Iterator[Array]:
        self.decoded.append(len(data))
        return super().images(data)


def pictures(folder: Path, count: int, copies: int = 0) -> tuple[Counting, Dataset]:
    """So many grey pictures of one tone each, some of them there twice."""
    samples = []
    for number in range(count + copies):
        image = np.full((16, 16, 1), number % count % 256, np.uint8)
        image[-1, -1] += number % count // 256
        content = picture.encode(image)
        (folder / f"{number}.png").write_bytes(content)
        key = digest_bytes(content)
        samples.append(Sample(raw_id(key, f"{number}.png"), key, f"{number}.png", 0))
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a",)))
    return Counting(folder / "work", {"source": folder}), data


def test_each_picture_is_decoded_once_for_all(tmp_path: Path) -> None:
    run, data = pictures(tmp_path, 300)
    one, two = Mean(), Mean(2.0)
    seconds = run.describe_all({"one": one, "two": two}, data)
    assert sum(run.decoded) == 300
    assert sum(one.shown) == sum(two.shown) == 300
    assert set(seconds) == {"one", "two"} and min(seconds.values()) > 0
    np.testing.assert_array_equal(describing.rows_of(run, "two", data), 2 * describing.rows_of(run, "one", data))


def test_one_that_knows_a_picture_is_not_asked_again(tmp_path: Path) -> None:
    run, data = pictures(tmp_path, 20, copies=5)
    some = data.where(np.arange(len(data)) < 8)
    one, two = Mean(), Mean(2.0)
    run.describe_all({"one": one}, some)
    known = sum(one.shown)
    run.describe_all({"one": one, "two": two}, data)
    assert sum(one.shown) == sum(two.shown) == 20  # copies are described once
    assert sum(run.decoded) == known + 20
    assert run.describe_all({"one": one, "two": two}, data) == {"one": 0.0, "two": 0.0}
    assert sum(run.decoded) == known + 20
    tone = np.array([next(run.images(data.only([id])))[0, 0, 0] for id in data.ids])
    np.testing.assert_array_equal(describing.rows_of(run, "one", data)[:, 0], tone)


def test_together_they_say_what_they_say_alone(tmp_path: Path) -> None:
    run, data = pictures(tmp_path, 30)
    alone = {use: run.describe(use, data) for use in ("embed.fingerprint", "embed.pixels", "embed.quality")}
    other = LocalRun(tmp_path / "other", {"source": tmp_path})
    steps = {use: other.step(use) for use in alone}
    other.describe_all({step_key(use, step): step for use, step in steps.items()}, data)
    for use, rows in alone.items():
        np.testing.assert_array_equal(describing.rows_of(other, step_key(use, steps[use]), data), rows)


def test_one_that_must_see_the_whole_dataset_is_left_out(tmp_path: Path) -> None:
    run, data = pictures(tmp_path, 3)
    assert run.describe_all({"whole": object()}, data) == {}
    assert run.decoded == []
