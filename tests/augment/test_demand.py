"""Parents give new pictures in proportion to the demand; edge cases alone where asked; without a demand nothing changes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tilth.augment.edge_cases import EdgeCases
from tilth.augment.geometric import Geometric
from tilth.augment.turns import plan
from tilth.errors import SettingError
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step

RNG = np.random.default_rng


def world_and_demand(seed=0, **more):
    world = worlds.photos(80, classes=4, side_px=16, test_share=0, imbalance=0.5, seed=seed, **more)
    rng = RNG(seed)
    demand = Signal("demand", world.data.ids, rng.choice([0.25, 1.0, 4.0], len(world.data)))
    return world, demand


def test_turns_go_in_proportion():
    world, demand = world_and_demand()
    data = world.data
    turns = plan(data, 400, RNG(0), balance=True, most=50, demand=demand)
    plain = plan(data, 400, RNG(0), balance=True, most=50)
    labels = {sample.id: sample.label for sample in data}
    for label in range(4):
        rows = [at for at, id in enumerate(turns.parents) if labels[id] == label]
        weights = demand.rows(np.array(turns.parents))[rows]
        rate = turns.times[rows].sum() / demand.rows(data.ids[data.labels == label]).sum()
        assert (np.abs(turns.times[rows] - rate * weights) <= 1.01).all()
        assert turns.times[rows].sum() == sum(
            int(times) for id, times in zip(plain.parents, plain.times, strict=True) if labels[id] == label
        )


def test_an_even_demand_is_no_demand():
    world, _ = world_and_demand()
    even = Signal("demand", world.data.ids, np.ones(len(world.data)))
    for balance in (True, False):
        asked, plain = (plan(world.data, 130, RNG(0), balance=balance, most=9, demand=one) for one in (even, None))
        assert asked.parents == plain.parents and (asked.times == plain.times).all()


def test_no_parent_gives_more_than_it_may_and_the_room_is_filled():
    world, demand = world_and_demand()
    for balance in (True, False):
        turns = plan(world.data, 300, RNG(0), balance=balance, most=6, demand=demand)
        assert turns.times.max() <= 6 and turns.times.sum() == min(300, 6 * len(world.data))


def test_a_sample_that_was_not_measured_counts_as_one():
    world, _ = world_and_demand()
    few = Signal("demand", world.data.ids[:5], np.full(5, 3.0))
    turns = plan(world.data, 200, RNG(0), balance=False, most=50, demand=few)
    times = dict(zip(turns.parents, turns.times.tolist(), strict=True))
    first = [times[id] for id in world.data.ids[:5]]
    rest = [times.get(id, 0) for id in world.data.ids[5:]]
    assert np.mean(first) == pytest.approx(3 * np.mean(rest), rel=0.15)


def test_geometric_follows_the_demand():
    world, demand = world_and_demand()
    data = world.data
    adds = list(Geometric().augment(data, Signals({"demand": demand}), world.run(), budget=len(data) + 200))
    assert len(adds) == 200
    children = np.array([sum(add.sample.parents[0] == id for add in adds) for id in demand.ids.tolist()])
    assert children[demand.values == 4].mean() > 6 * children[demand.values == 0.25].mean()


def test_a_multi_label_sample_is_used_as_often_as_is_asked():
    from tilth.numerics.quota import multi_label_turns

    targets = np.ones((4, 1), bool)
    rows = multi_label_turns(
        np.arange(4), targets, np.array([4]), 80, most=np.full(4, 99), level=np.inf, weights=np.array([1, 1, 2, 4.0])
    )
    assert np.bincount(rows).tolist() == [10, 10, 20, 40]


# -- edge cases -----------------------------------------------------------------------------------------------


def rimmed():
    world = worlds.photos(120, side_px=24, test_share=0, seed=3)
    data, rng = world.data, RNG(0)
    values = np.eye(12)[data.labels] * 5 + rng.normal(size=(len(data), 12)) * 0.4
    moved = data.train.ids[:6]
    values[np.isin(data.ids, moved), 6:] += rng.normal(size=(6, 6)) * 1.8
    return world, Signals({"features": Signal("features", data.ids, values.astype(np.float32))}), set(moved.tolist())


def test_only_edge_cases_are_parents_and_the_budget_holds():
    world, signals, moved = rimmed()
    data = world.data
    adds = list(EdgeCases(per_sample=4).augment(data, signals, world.run(), budget=len(data) + 1000))
    parents = [add.sample.parents[0] for add in adds]
    assert len(moved & set(parents)) >= 5 and len(set(parents)) < 0.2 * len(data)
    assert max(parents.count(id) for id in parents) == 4
    assert all(add.sample.label == data[add.sample.parents[0]].label for add in adds)
    assert {add.sample.maker.split(":")[1] for add in adds} <= {"invert", "shift_x", "shift_y", "zoom", "rotate"}
    few = list(EdgeCases(per_sample=4).augment(data, signals, world.run(), budget=len(data) + 5))
    assert len(few) == 5
    assert len(data.apply(adds)) == len(data) + len(adds)


def test_where_there_are_none_it_says_which_condition_nobody_meets():
    world, _, _ = rimmed()
    run, nowhere = world.run(), RNG(0).normal(size=(len(world.data), 12)).astype(np.float32)
    signals = Signals({"features": Signal("features", world.data.ids, nowhere)})
    assert not list(EdgeCases(agree=1.0).augment(world.data, signals, run, budget=999))
    assert re.search(r"in the features: 0 edge cases among 120 samples: [1-9]\d? lie far .* 0 of these", run.lines[0])
    assert "makes nothing; a lower far (now 0.9) or agree (1)" in run.lines[1]
    run = world.run()
    none = world.data.where(world.data.labels < 0)
    assert not list(EdgeCases().augment(none, signals, run, budget=999))
    assert "no labelled train sample" in run.lines[0]


def test_the_same_seed_makes_the_same_bytes():
    world, signals, _ = rimmed()
    step, data = EdgeCases(per_sample=2), world.data
    first, again = ([add.content for add in step.augment(data, signals, world.run(seed=5), budget=999)] for _ in "ab")
    assert first == again and first


@pytest.mark.parametrize("wrong", [{"operations": "fly"}, {"per_sample": 0}, {"strength": 0.0}, {"signal": "x"}])
def test_wrong_settings_are_told(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong)).rstrip("s")):
        EdgeCases(**wrong)


def test_keeps_the_contract():
    world, signals, _ = rimmed()
    check_step(EdgeCases(per_sample=3), world=world, signals=signals)
