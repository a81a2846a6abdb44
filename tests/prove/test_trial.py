"""A trial trains on the open part, asks the sealed part, and survives being written down."""

import dataclasses
import json

import numpy as np
import pytest

from tilth.dataset import Dataset
from tilth.errors import LearnerError, StepError
from tilth.prove.trial import from_plain, hold, to_plain
from tilth.testing import worlds


def test_a_trial_asks_the_whole_test_split(run_of):
    world = worlds.photos(120, valid_share=0.1)
    trial = hold("learn.ridge", {"penalty": 0.5}, world.data, 3, run_of(world))
    test = world.data.split("test")
    assert trial.ids.tolist() == test.ids.tolist()
    np.testing.assert_array_equal(trial.targets, test.targets)
    assert trial.probabilities is not None and trial.probabilities.shape == test.targets.shape
    right = trial.probabilities.argmax(1) == test.labels
    assert trial.metrics["accuracy"] == pytest.approx(right.mean())
    assert trial.metrics["accuracy"] > 0.5
    assert set(trial.metrics) == {"accuracy", "balanced_accuracy", "macro_f1"}
    assert trial.learner == {"use": "learn.ridge", "settings": {"penalty": 0.5}}
    assert (trial.version, trial.seal, trial.seed) == (world.data.version, world.data.seal, 3)
    assert trial.curves[0]["valid"] == 1


def test_valid_is_none_where_there_is_none(run_of):
    world = worlds.photos(60)
    assert hold("learn.ridge", {}, world.data, 0, run_of(world)).curves[0]["valid"] == 0


def test_the_same_seed_gives_the_same_trial(run_of):
    world = worlds.photos(60)
    first, second, third = (hold("learn.ridge", {}, world.data, seed, run_of(world)) for seed in (1, 1, 2))
    assert first.probabilities is not None and third.probabilities is not None
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert not np.array_equal(first.probabilities, third.probabilities)


def test_texts_and_sets_of_classes(run_of):
    world = worlds.multi_label(200)
    trial = hold("learn.ridge", {}, world.data, 0, run_of(world))
    assert set(trial.metrics) == {"macro_f1", "micro_f1", "subset_accuracy", "mean_average_precision"}
    assert trial.metrics["mean_average_precision"] > 0.7


def test_soft_labels_in_train_are_learned(run_of):
    world = worlds.photos(80)
    soft = [
        dataclasses.replace(one, label=tuple(sorted([(one.label, 0.8), ((one.label + 1) % 4, 0.2)])))
        if one.split == "train"
        else one
        for one in world.data
    ]
    data = Dataset.from_samples(soft, world.data.schema)
    assert hold("learn.ridge", {}, data, 0, run_of(world)).metrics["accuracy"] > 0.5


def test_unlabelled_test_samples_are_not_asked(run_of):
    world = worlds.photos(60)
    first = world.data.split("test").ids[0]
    rows = [dataclasses.replace(one, label=None) if one.id == first else one for one in world.data]
    trial = hold("learn.ridge", {}, Dataset.from_samples(rows, world.data.schema), 0, run_of(world))
    assert first not in trial.ids and len(trial.ids) == len(world.data.split("test")) - 1


def test_without_a_test_split_it_says_what_to_do(run_of):
    world = worlds.photos(30, test_share=0)
    with pytest.raises(StepError, match="a folder `test`"):
        hold("learn.ridge", {}, world.data, 0, run_of(world))


def test_without_train_samples_there_is_nothing_to_train_on(run_of):
    world = worlds.photos(30)
    with pytest.raises(StepError, match="no train sample"):
        hold("learn.ridge", {}, world.data.split("test"), 0, run_of(world))


def test_a_wrong_answer_of_a_model_is_named(run_of):
    world = worlds.photos(30)
    with pytest.raises(LearnerError, match="not finite"):
        hold("learn.broken", {}, world.data, 0, run_of(world))
    with pytest.raises(LearnerError, match=r"\(3, 2\)"):
        hold("learn.broken", {"how": "shape"}, world.data, 0, run_of(world))


def test_a_command_gives_its_metrics_and_no_probabilities(run_of):
    world = worlds.photos(60)
    trial = hold("learn.command", {}, world.data, 0, run_of(world))
    assert trial.probabilities is None
    assert set(trial.metrics) == {"accuracy", "f2"}


@pytest.mark.parametrize("learner", ["learn.ridge", "learn.command"])
def test_a_trial_survives_json(run_of, learner):
    world = worlds.photos(60)
    trial = hold(learner, {}, world.data, 0, run_of(world))
    again = from_plain(json.loads(json.dumps(to_plain(trial), allow_nan=False)))
    for name in trial.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(trial, name), getattr(again, name), err_msg=name)
    assert again.targets.dtype == np.float32
