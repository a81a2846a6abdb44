"""Edge cases are told with their neighbours, are no faults, and keep the contract."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.audit.edge_cases import EdgeCases
from tilth.errors import SettingError, StepError
from tilth.signal import Signal, Signals
from tilth.testing.contract import check_step
from tilth.testing.worlds import photos


def rimmed(kind="features", n=160, edges=6, seed=0):
    """A world, its signal, and the ids of train samples that lie aside within their own class."""
    world = photos(n, seed=seed)
    data = world.data.open
    rng = np.random.default_rng(seed)
    k = len(data.schema.classes)
    values = np.eye(16)[data.labels] * 5 + rng.normal(size=(len(data), 16)) * 0.4
    moved = data.train.ids[:edges]
    values[np.isin(data.ids, moved), k:] += rng.normal(size=(edges, 16 - k)) * 1.5
    return world, Signals({kind: Signal(kind, data.ids, values.astype(np.float32))}), set(moved.tolist())


def test_planted_edge_cases_come_first():
    world, signals, moved = rimmed()
    found = EdgeCases().detect(world.data.open, signals, world.run())
    assert {one.ids[0] for one in found[: len(moved)]} == moved
    assert all(one.severity <= 0.1 and one.kind == "edge_case" and len(one.ids) == 4 for one in found)
    ratios = [one.evidence["ratio"] for one in found]
    assert ratios == sorted(ratios, reverse=True) and min(ratios) > 1


def test_the_signal_may_be_an_embedding():
    world, signals, moved = rimmed("embedding")
    step = EdgeCases(signal="embedding")
    assert step.needs == ("embedding",)
    assert moved <= {one.ids[0] for one in step.detect(world.data.open, signals, world.run())}
    with pytest.raises(StepError, match="features"):
        EdgeCases().detect(world.data.open, signals, world.run())


@pytest.mark.parametrize("wrong", [{"signal": "looks"}, {"neighbors": 0}, {"far": 1.0}, {"agree": 2.0}])
def test_wrong_settings_are_told(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        EdgeCases(**wrong)


def test_keeps_the_contract():
    world, signals, _ = rimmed()
    check_step(EdgeCases(), world=world, signals=signals)


def test_an_empty_dataset_has_none():
    world, signals, _ = rimmed()
    assert EdgeCases().detect(world.data.split("none"), signals, world.run()) == []
