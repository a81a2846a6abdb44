"""Crossfit: nobody is judged by a network that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.learn.convnet import ConvNet
from tilth.learn.crossfit import crossfit, fold_of, groups_of, turn
from tilth.learn.linear import Linear
from tilth.learn.text_linear import TextLinear
from tilth.sample import Sample, made_id
from tilth.signal import Array
from tilth.steps import Run
from tilth.testing import worlds


@dataclass(frozen=True)
class Memory:
    """Knows by heart what it has seen, by content or by parent, and guesses evenly otherwise."""

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> Recall:
        assert valid is None
        known = {}
        for sample in train:
            known |= dict.fromkeys((sample.content, sample.id, *sample.parents), sample.label)
        return Recall(known, len(train.schema.classes))


@dataclass(frozen=True)
class Recall:
    known: Mapping[str, Any]
    k: int
    curves: tuple[Mapping[str, float], ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, data: Dataset, run: Run) -> Array:
        said = np.full((len(data), self.k), 1 / self.k, np.float32)
        for row, sample in enumerate(data):
            for name in (sample.content, sample.id, *sample.parents):
                if name in self.known:
                    said[row] = np.eye(self.k)[self.known[name]]
        return said

    def features(self, data: Dataset, run: Run) -> None: ...


def test_a_memory_remembers_nobody():
    world = worlds.photos(40, copies=8)
    data = world.data.open
    parent = next(iter(data.train))
    kin = [
        Sample(made_id((parent.id,), "turn", number), f"{number:032d}", f"{number}.png", parent.label,
               parents=(parent.id,), maker="test", home="blob")
        for number in range(3)
    ]  # fmt: skip
    data = Dataset.from_samples([*data, *kin], data.schema)
    probabilities, features, _ = crossfit(Memory(), data, world.run())
    np.testing.assert_allclose(probabilities.values, 0.25)
    assert features is None
    assert (probabilities.ids == data.ids).all()


def test_the_test_of_the_memory_can_fail():
    world = worlds.photos(20)
    model = Memory().fit(world.data.train, None, world.run(), seed=0)
    assert (model.predict(world.data.train, world.run()).max(1) == 1).all()


def test_linear_judges_every_open_sample_better_than_chance():
    world = worlds.photos(120, valid_share=0.2)
    probabilities, features, _ = crossfit(Linear(), world.data.open, world.run(), folds=3)
    assert len(probabilities) == len(world.data.open)
    assert (probabilities.values.argmax(1) == world.data.open.labels).mean() > 0.7
    assert features is None and probabilities.kind == "probabilities"


def test_text_is_crossfitted_for_several_labels():
    world = worlds.multi_label(120, contradictions=5)
    probabilities, *_ = crossfit(TextLinear(), world.data.open, world.run(), folds=3)
    assert ((probabilities.values > 0.5) == (world.data.open.targets > 0.5)).mean() > 0.8


@pytest.mark.slow
def test_features_of_all_folds_share_a_space():
    world = worlds.photos(160)
    learner = ConvNet(size_px=16, least_steps=120, precision="fp32")
    probabilities, features, _ = crossfit(learner, world.data.open, world.run(), folds=3)
    assert features is not None and features.kind == "features" and features.values.shape[1] == 128
    assert 0.2 < features.meta["agreement"] <= 1
    # A neighbour from another fold must be of the same class more often than by chance (1 in 4).
    parts = fold_of(groups_of(world.data.open), np.c_[world.data.open.targets, np.ones(len(features))], folds=3, seed=0)
    distances = ((features.values[:, None] - features.values[None]) ** 2).sum(2)
    distances[parts[:, None] == parts[None]] = np.inf
    labels = world.data.open.labels
    assert (labels[distances.argmin(1)] == labels).mean() > 0.6
    assert (probabilities.values.argmax(1) == labels).mean() > 0.6


def test_a_finished_fold_is_kept():
    world = worlds.photos(40)
    run = world.run()
    asked: list[int] = []

    @dataclass(frozen=True)
    class Counted(Memory):
        def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> Recall:
            asked.append(seed)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return super().fit(train, valid, run, seed=seed)

    with pytest.raises(KeyboardInterrupt):
        crossfit(Counted(), world.data.open, run)
    crossfit(Counted(), world.data.open, run)
    assert len(asked) == 2 + 1 + 3, "two folds were finished, one was not; three were left"


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_samples_leave_all_classes_equal(n):
    world = worlds.photos(12)
    few = world.data.open.only(world.data.open.ids[:n])
    probabilities, features, _ = crossfit(Memory(), few, world.run())
    assert probabilities.values.shape == (n, 4) and features is None
    np.testing.assert_allclose(probabilities.values, 0.25)


def test_fewer_samples_than_folds():
    world = worlds.photos(12)
    few = world.data.open.only(world.data.open.ids[:3])
    probabilities, *_ = crossfit(Linear(), few, world.run(), folds=5)
    assert np.isfinite(probabilities.values).all() and probabilities.meta["folds"] == 3


def test_one_fold_is_none():
    world = worlds.photos(12)
    with pytest.raises(StepError, match="at least 2"):
        crossfit(Memory(), world.data.open, world.run(), folds=1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=60), st.integers(2, 6))
def test_folds_keep_groups_whole_and_classes_even(rows, folds):
    labels = np.array([label for label, _ in rows])
    _, groups = np.unique([group for _, group in rows], return_inverse=True)
    targets = np.c_[np.eye(4)[labels], np.ones(len(rows))]
    parts = fold_of(groups, targets, folds=folds, seed=0)
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))
    assert set(parts) == set(range(min(folds, len(set(groups))))), "no fold is empty"


@given(st.lists(st.integers(0, 3), min_size=8, max_size=80), st.integers(2, 6))
def test_single_samples_are_dealt_evenly(labels, folds):
    given_ = np.array(labels)
    parts = fold_of(np.arange(len(given_)), np.c_[np.eye(4)[given_], np.ones(len(given_))], folds=folds, seed=1)
    for label in set(labels):
        counts = np.bincount(parts[given_ == label], minlength=folds)
        assert counts.max() - counts.min() <= 1


def test_a_turned_space_is_turned_back():
    dice = np.random.default_rng(0)
    target = dice.normal(size=(50, 6))
    rotation, _ = np.linalg.qr(dice.normal(size=(6, 6)))
    own = target @ rotation * 3 + 5
    back, agreement = turn(own, own, target)
    np.testing.assert_allclose(back, target, atol=1e-4)
    assert agreement == pytest.approx(1)
    assert turn(own, own, dice.normal(size=(50, 6)))[1] < 0.6


def test_repeated_the_probabilities_are_the_mean_of_several_and_the_first_stays_as_it_was():
    world = worlds.photos(60)
    data, run = world.data.open, world.run()
    once, _, fold = crossfit(Linear(), data, run, folds=3)
    twice, _, again = crossfit(Linear(), data, run, folds=3, repeats=2)
    other, _, apart = crossfit(Linear(), data, run, folds=3, seed=7919)
    np.testing.assert_allclose(twice.values, (once.values + other.values) / 2, atol=1e-6)
    assert (again.values == fold.values).all() and not (apart.values == fold.values).all()
    assert twice.meta["repeats"] == 2 and "repeats" not in once.meta
    assert twice.key != once.key
    with pytest.raises(StepError, match="one repeat"):
        crossfit(Linear(), data, run, repeats=0)
