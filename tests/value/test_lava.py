"""LAVA finds what lies far from the judges, in looks and in label."""

from __future__ import annotations

import numpy as np
import pytest

from games import RUN, clouds, sample, separation, several, world
from tilth.dataset import Dataset
from tilth.edit import Relabel
from tilth.errors import SettingError, StepError
from tilth.signal import Array, Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.value.lava import Lava, _thinned, label_costs
from tilth.value.sides import sides


def blurred(data: Dataset, signals: Signals, share: float = 0.1) -> tuple[Signals, set[str]]:
    """The embedding with noise on some train samples, and their ids."""
    rng = np.random.default_rng(5)
    train = data.train.ids
    bad = rng.choice(train, int(len(train) * share), replace=False)
    values = signals["embedding"].values.copy()
    rows = np.isin(signals["embedding"].ids, bad)
    values[rows] += rng.normal(size=(rows.sum(), values.shape[1])).astype(np.float32) * 4
    return signals.with_(Signal("embedding", signals["embedding"].ids, values)), set(bad.tolist())


def test_finds_broken_looks() -> None:
    data, signals, _ = clouds(wrong=0)
    noisy, bad = blurred(data, signals)
    for weight in (0.0, 1.0):
        found = Lava(label_weight=weight).value(data, noisy, RUN)
        assert separation(found.values, found.ids, bad) > 0.9


def test_finds_wrong_labels_by_the_distance_of_labels_alone() -> None:
    data, signals, bad = clouds(wrong=15)
    found = Lava().value(data, signals, RUN)
    assert separation(found.values, found.ids, bad) > 0.9
    blind = Lava(label_weight=0.0).value(data, signals, RUN)
    assert separation(blind.values, blind.ids, bad) < 0.7
    assert found.better == "higher" and found.meta["converged"] and found.meta["transport_cost"] > 0


def test_values_are_minus_the_gradient_of_the_transport_cost() -> None:
    """A sample that is given more weight changes the cost as its value says: against the problem solved anew."""
    from tilth.numerics.transport import sinkhorn, squared_distances
    from tilth.value.lava import _scaled

    data, signals, _ = clouds(12, 8, wrong=1)
    found = Lava(label_weight=0.0, tolerance=1e-6, rounds=20_000).value(data, signals, RUN)
    rows = signals["embedding"].rows
    cost = squared_distances(*_scaled(rows(data.train.ids), rows(data.valid.ids))).astype(np.float64)

    def worth(masses: Array) -> float:
        return sinkhorn(cost, masses, blur=found.meta["blur"], rounds=50_000, tolerance=1e-11).dual

    for at in range(12):
        step = np.full(12, -1e-4 / 11)
        step[at] = 1e-4
        slope = (worth(np.full(12, 1 / 12) + step) - worth(np.full(12, 1 / 12) - step)) / 2e-4
        assert found.values[at] == pytest.approx(-slope, rel=0.01, abs=1e-3)
    assert found.values.sum() == pytest.approx(0, abs=1e-4)


def test_labels_are_as_far_as_their_clouds() -> None:
    rng = np.random.default_rng(0)
    places = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    labels = np.arange(90) % 3
    points = (places[labels] + rng.normal(size=(90, 2)) * 0.01).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[labels]
    cost = label_costs(points, targets, points, targets, multi=False, blur=0.05, rng=rng)
    found = [[float(cost[labels == a][:, labels == b].mean()) for b in range(3)] for a in range(3)]
    assert found == pytest.approx(np.array([[0, 1, 25], [1, 0, 16], [25, 16, 0]]), abs=0.1)


def test_shares_are_in_between_and_an_absent_class_is_not_asked() -> None:
    points = np.array([[0.0], [2.0], [1.0]], np.float32)
    targets = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], np.float32)
    cost = label_costs(points, targets, points[:2], targets[:2], multi=False, blur=0.01, rng=np.random.default_rng(0))
    assert np.isfinite(cost).all()
    assert cost[2] == pytest.approx((cost[0] + cost[1]) / 2)


def test_several_labels_at_once() -> None:
    data, signals = several(90, 40)
    wrong = data.train.ids[:8].tolist()
    turned = [Relabel(id, data[id].label, frozenset({0, 1, 2}) - data[id].label, "planted") for id in wrong]  # type: ignore[operator]
    found = Lava().value(data.apply(turned), signals, RUN)
    assert separation(found.values, found.ids, set(wrong)) > 0.85


def test_too_many_judges_are_drawn_by_chance_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    data, signals, bad = clouds(wrong=15)
    run = MemoryRun()
    monkeypatch.setattr("tilth.value.lava._MOST_PAIRS", 150 * 30)
    found = Lava().value(data, signals, run)
    assert "30 of 45 judges" in run.lines[0]
    kept = _thinned(sides(data, "valid", "value.lava"), run).judges
    assert np.bincount(kept.labels).tolist() == [10, 10, 10]  # another share of a class would be carried elsewhere
    assert separation(found.values, found.ids, bad) > 0.85


def test_says_when_the_rounds_did_not_suffice() -> None:
    data, signals, _ = clouds()
    run = MemoryRun()
    found = Lava(rounds=1, blur=0.001).value(data, signals, run)
    assert not found.meta["converged"] and "raise rounds or blur" in run.lines[-1]


def test_one_sample_is_worth_nothing_beside_no_other() -> None:
    data, signals = world([sample(0, 1), sample(1, 1, split="valid")], np.ones((2, 2)), classes=2)
    assert Lava().value(data, signals, RUN).values.tolist() == [0.0]


def test_seeds_repeat() -> None:
    data, signals, _ = clouds()
    assert Lava().value(data, signals, MemoryRun(seed=1)).key == Lava().value(data, signals, MemoryRun(seed=1)).key


def test_keeps_the_contract() -> None:
    check_step(Lava(), world=worlds.photos(60, wrong=4, copies=2, valid_share=0.2))


def test_errors_say_what_to_do() -> None:
    data, signals, _ = clouds(30, 10, wrong=3)
    with pytest.raises(StepError, match="carry the train split to itself"):
        Lava(against="train").value(data, signals, RUN)
    with pytest.raises(SettingError, match="blur must be more than 0, found 0"):
        Lava(blur=0.0)
    with pytest.raises(SettingError, match="rounds must be at least 1"):
        Lava(rounds=0)
