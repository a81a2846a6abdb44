"""Demand goes to what the target has and train lacks, and to edge cases; several reasons become one demand."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.dataset import Dataset
from tilth.embed.attributes import Attributes
from tilth.errors import SettingError, StepError
from tilth.signal import Signal, Signals
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.styles import OTHERS, styled
from tilth.value.coverage import Coverage
from tilth.value.edge_cases import EdgeCases


def measured(data: Dataset, run: MemoryRun, edges: int = 10) -> Signals:
    rows = Attributes().describe(list(run.images(data)), run)
    rng = np.random.default_rng(0)
    places = np.eye(12)[np.maximum(data.labels, 0)] * 5 + rng.normal(size=(len(data), 12)) * 0.4
    places[np.isin(data.ids, data.train.ids[:edges]), 6:] += rng.normal(size=(edges, 6)) * 1.8
    return Signals(
        {
            "attributes": Signal("attributes", data.ids, rows),
            "features": Signal("features", data.ids, places.astype(np.float32)),
        }
    )


def means_of_classes(signal: Signal, data: Dataset) -> np.ndarray:
    labels = data.only(signal.ids).labels
    return np.bincount(labels, signal.values) / np.bincount(labels)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_the_target_has_and_train_lacks_is_asked_for(name):
    one = styled(name, seed=1)
    data, run = one.world.data.open, one.world.run()
    found = Coverage().value(data, measured(data, run), run)
    other = np.isin(found.ids, list(one.other))
    assert found.kind == "demand" and found.meta["slope"] > 0.5
    assert found.values[other].mean() > 2 and found.values[~other].mean() < 1
    assert found.values[other].min() > np.median(found.values[~other])
    assert means_of_classes(found, data) == pytest.approx(np.ones(5), abs=2e-3)
    assert found.values.min() >= 0.2 - 1e-6 and found.values.max() <= 5 + 1e-6


def test_where_nothing_is_lacking_all_are_asked_alike():
    for seed in range(3):
        one = styled("thin", rare=0.0, common=0.0, seed=seed)
        data, run = one.world.data.open, one.world.run()
        found = Coverage().value(data, measured(data, run), run)
        assert np.ptp(found.values) < 0.5


def test_edge_cases_are_asked_for_more():
    one = styled("thin", seed=0)
    data, run = one.world.data.open, one.world.run()
    found = EdgeCases(lift=4).value(data, measured(data, run), run)
    edge = np.isin(found.ids, data.train.ids[:10])
    assert found.values[edge].mean() > 2.5 and means_of_classes(found, data) == pytest.approx(np.ones(5), abs=2e-3)
    assert np.ptp(EdgeCases(lift=1).value(data, measured(data, run), run).values) < 1e-3


def test_two_reasons_are_multiplied():
    one = styled("thin", seed=1)
    data, run = one.world.data.open, one.world.run()
    signals = measured(data, run)
    first = Coverage().value(data, signals, run)
    both = EdgeCases().value(data, signals.with_(first), run)
    alone = EdgeCases().value(data, signals, run)
    assert both.meta["parts"] == ["value.coverage", "value.edge_cases"] and alone.meta["parts"] == ["value.edge_cases"]
    wanted = first.values.astype(float) * alone.values
    inside = (both.values > 0.21) & (both.values < 4.9)
    for label in range(5):
        rows = inside & (data.only(both.ids).labels == label)
        assert np.ptp(both.values[rows] / wanted[rows]) < 0.01 * both.values[rows].mean()


def test_a_demand_of_other_samples_counts_as_one():
    one = styled("thin", seed=1)
    data, run = one.world.data.open, one.world.run()
    signals = measured(data, run)
    stranger = Signal("demand", np.array(["f" * 16]), np.array([3.0]))
    known, alone = (EdgeCases().value(data, one, run).values for one in (signals.with_(stranger), signals))
    assert (known == alone).all()


def test_without_a_target_it_says_what_to_do():
    one = styled("thin", target=0)
    data, run = one.world.data.open, one.world.run()
    with pytest.raises(StepError, match="--valid"):
        Coverage(against="valid").value(data, measured(data, run), run)
    assert (Coverage().value(data, measured(data, run), run).values == 1).all()  # nobody named one


@pytest.mark.parametrize(
    "step, wrong",
    [(Coverage, {"least": 2.0}), (Coverage, {"folds": 1}), (EdgeCases, {"lift": 0.5}), (EdgeCases, {"signal": "x"})],
)
def test_wrong_settings_are_told(step, wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        step(**wrong)


def test_both_keep_the_contract():
    world = styled("moved", n=100).world
    data, run = world.data.open, world.run()
    for step in (Coverage(repeats=1), EdgeCases()):
        check_step(step, world=world, signals=measured(data, run))
