"""The contract catches what it is for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tilth.dataset import Dataset
from tilth.edit import Drop, Edit
from tilth.finding import Finding
from tilth.signal import Signals
from tilth.steps import Run
from tilth.testing.contract import check_step
from tilth.testing.worlds import multi_label, photos, utterances


@dataclass(frozen=True)
class Good:
    """Finds the first sample."""

    version = 1

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        return [Finding("first", (str(data.ids[0]),), 0.5, "it comes first")]


@dataclass(frozen=True)
class Dice(Good):
    """Draws from the global generator."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        return [Finding("any", (random.choice(data.ids.tolist()),), 0.5, str(random.random()))]


@dataclass(frozen=True)
class Stranger(Good):
    """Speaks of a sample that is not there."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        return [Finding("x", ("0" * 16,), 0.5, "why not")]


@dataclass(frozen=True)
class Twice:
    """Edits a sample twice."""

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        return [Drop(str(data.ids[0]), "a"), Drop(str(data.ids[0]), "b")]


@dataclass
class Mutable:
    """Not frozen."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        return []


@dataclass(frozen=True)
class Shouting(Good):
    """Has a declaration as a setting."""

    version: int = 1


@dataclass(frozen=True)
class Nothing:
    """Plays no role."""


def test_a_good_step_passes() -> None:
    check_step(Good())


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Dice(), "same seed"),
        (Stranger(), "not there"),
        (Twice(), "one edit per sample"),
        (Shouting(), "without an annotation"),
        (Mutable(), "frozen=True"),
        (Nothing(), "plays the roles none"),
    ],
)
def test_a_bad_step_is_told_what_is_wrong(step: object, told: str) -> None:
    with pytest.raises(Exception, match=told):
        check_step(step)


def test_worlds_keep_their_word() -> None:
    for make in (photos, utterances):
        world = make(120, wrong=6, junk=5, copies=4, near=3, leaks=2, imbalance=0.5, seed=3)
        assert [len(world.wrong), len(world.junk), len(world.copies), len(world.near), len(world.leaks)] == [
            6,
            5,
            4,
            3,
            2,
        ]
        assert all(world.data[id].label != world.truth[id] for id in world.wrong)
        assert all(world.data[a].content == world.data[b].content for a, b in world.copies | world.leaks)
        assert all(world.data[a].content != world.data[b].content for a, b in world.near)
        assert all(world.data[b].split == "test" for _, b in world.leaks)
        counts = sorted(world.data.counts("train").values())
        assert counts[0] < counts[-1]
        again = make(120, wrong=6, junk=5, copies=4, near=3, leaks=2, imbalance=0.5, seed=3)
        assert again.data.version == world.data.version


def test_a_multi_label_world_contradicts_itself_as_often_as_asked() -> None:
    world = multi_label(80, contradictions=5)
    assert len(world.copies) == 5
    assert all(
        world.data[a].text == world.data[b].text and world.data[a].label != world.data[b].label for a, b in world.copies
    )
