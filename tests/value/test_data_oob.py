"""Data-OOB: models judge only what they did not see; planted wrong labels come out at the bottom."""

from __future__ import annotations

import numpy as np
import pytest

from games import RUN, clouds, sample, separation, several, world
from tilth.edit import Relabel
from tilth.errors import SettingError, StepError
from tilth.signal import Array
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.value.data_oob import DataOob, out_of_bag


@pytest.mark.parametrize("head", ["ridge", "neighbors", "logistic"])
@pytest.mark.parametrize("score", ["hit", "probability"])
def test_finds_planted_wrong_labels(head: str, score: str) -> None:
    data, signals, bad = clouds(wrong=15)
    models = 20 if head == "logistic" else 80
    signal = DataOob(head=head, score=score, models=models).value(data, signals, RUN)
    assert signal.values.shape == (150,) and signal.unit == "share"
    assert ((signal.values >= 0) & (signal.values <= 1)).all()
    assert separation(signal.values, signal.ids, bad) > 0.95


def test_a_value_is_the_mean_over_the_models_whose_bag_lacked_the_sample() -> None:
    """From the definition: a head that answers by its call number, and bags that are written down."""
    targets, contents, bags = np.eye(2)[[0, 1, 0, 1]], np.arange(4), []

    def ask(weights: Array) -> Array:
        bags.append(weights)
        return np.tile([0.1 * len(bags), 1 - 0.1 * len(bags)], (4, 1))

    rng = np.random.default_rng(0)
    values, counts = out_of_bag(ask, targets, contents, models=9, score="probability", multi=False, rng=rng)
    assert all(bag.sum() == 4 for bag in bags)
    for row in range(4):
        out = [0.1 * (call + 1) for call, bag in enumerate(bags) if bag[row] == 0]
        assert counts[row] == len(out) > 0
        assert values[row] == pytest.approx(np.mean(out) if row % 2 == 0 else 1 - np.mean(out))


def test_copies_of_one_content_are_drawn_together() -> None:
    bags, contents = [], np.array([0, 1, 1, 2, 0])

    def ask(weights: Array) -> Array:
        bags.append(weights)
        return np.full((5, 2), 0.5)

    out_of_bag(ask, np.eye(2)[[0, 1, 0, 1, 1]], contents, models=30, score="hit", multi=False,
               rng=np.random.default_rng(0))  # fmt: skip
    assert all(bag[1] == bag[2] and bag[0] == bag[4] for bag in bags)
    assert any(bag[1] == 0 for bag in bags) and any(bag[1] > 1 for bag in bags)


def test_copies_of_a_wrong_label_do_not_defend_it() -> None:
    data, signals, bad = clouds(90, 0, wrong=1, seed=3)
    first = data[next(iter(bad))]
    twins = [sample(900 + n, first.label, content=int(first.content, 16)) for n in range(4)]
    points = signals["embedding"].rows(np.array([*data.ids.tolist(), *[first.id] * 4]))
    data, signals = world([*data, *twins], points)
    signal = DataOob(head="neighbors").value(data, signals, RUN)
    bottom = set(signal.ids[np.argsort(signal.values)[:5]].tolist())
    assert bottom == {first.id, *(one.id for one in twins)}


def test_one_that_was_in_every_bag_gets_the_mean_of_the_others() -> None:
    class Fixed:
        def integers(self, low: int, high: int, size: int) -> Array:
            return np.array([0, 0, 1])

    ask = lambda weights: np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])  # noqa: E731
    values, counts = out_of_bag(
        ask, np.eye(2)[[0, 0, 1]], np.arange(3), models=3, score="probability", multi=False, rng=Fixed()
    )  # type: ignore[arg-type]
    assert counts.tolist() == [0, 0, 3]
    assert values == pytest.approx([0.8, 0.8, 0.8])


def test_a_single_sample_gets_a_number() -> None:
    data, signals = world([sample(0, 1)], np.ones((1, 2)))
    signal = DataOob(models=3).value(data, signals, RUN)
    assert signal.values.tolist() == [0.0] and signal.meta["never_out"] == 1


@pytest.mark.parametrize("head", ["ridge", "neighbors", "logistic"])
def test_several_labels_at_once(head: str) -> None:
    data, signals = several(100, 0)
    wrong = data.ids[:8].tolist()
    turned = [Relabel(id, data[id].label, frozenset({0, 1, 2}) - data[id].label, "planted") for id in wrong]  # type: ignore[operator]
    signal = DataOob(head=head, models=20).value(data.apply(turned), signals, RUN)
    bad = {id for id in wrong if id in set(signal.ids.tolist())}
    assert bad and separation(signal.values, signal.ids, bad) > 0.95


def test_needs_no_judges_and_values_train_only() -> None:
    data, signals, _ = clouds(60, 20)
    signal = DataOob(models=5).value(data, signals, RUN)
    assert signal.ids.tolist() == data.train.ids.tolist()


def test_seeds_repeat_and_differ() -> None:
    data, signals, _ = clouds()
    first, again, other = (DataOob(models=10).value(data, signals, MemoryRun(seed=seed)).key for seed in (1, 1, 2))
    assert first == again != other


def test_keeps_the_contract() -> None:
    check_step(DataOob(models=5))
    check_step(DataOob(models=5, head="neighbors"), world=worlds.multi_label(40))


def test_errors_say_what_to_do() -> None:
    data, signals, _ = clouds(20, 20, wrong=0)
    with pytest.raises(StepError, match="none has a label"):
        DataOob().value(data.valid, signals, RUN)
    with pytest.raises(SettingError, match="head is one of ridge, neighbors, logistic, found 'tree'"):
        DataOob(head="tree")
    with pytest.raises(SettingError, match="models must be at least 1"):
        DataOob(models=0)
