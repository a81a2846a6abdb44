"""Robustness is told of both sides: known answers, the same test pictures, and a model that cannot be attacked."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.edit import Drop
from tilth.errors import StepError
from tilth.prove.robustness import ATTACKS, _evenly, hold_under, robustness
from tilth.run.local import LocalRun
from tilth.run.proof import RememberedUnder
from tilth.testing import worlds

SMALL = {"size_px": 24, "epochs": 1, "least_steps": 40, "precision": "fp32"}


@pytest.fixture(scope="module")
def world() -> worlds.World:
    return worlds.photos(80, classes=2, side_px=24, test_share=0.3)


@pytest.mark.slow
def test_each_attack_leaves_less_than_the_clean_pictures_do(world: worlds.World) -> None:
    run = world.run()
    found = hold_under("learn.convnet", SMALL, world.data, 0, run, 0.15)
    assert tuple(found) == ATTACKS
    right = {name: (one.probabilities.argmax(1) == one.targets.argmax(1)).mean() for name, one in found.items()}  # type: ignore[union-attr]
    model = run.step("convnet", SMALL).fit(world.data.train, None, run, seed=0)
    test = world.data.split("test")
    clean = (model.predict(test, run).argmax(1) == test.labels).mean()
    assert right["pgd"] <= right["fgsm"] < clean and right["one_pixel"] <= clean
    assert right["noise"] > right["pgd"]


def test_the_same_version_twice_shows_nothing(world: worlds.World) -> None:
    measures = robustness(
        world.data, world.data, learner="learn.convnet", settings=SMALL, seeds=(0,), run=world.run(), resamples=50
    )
    assert [one.metric for one in measures] == [f"accuracy_under_{attack}" for attack in ATTACKS]
    assert all(one.verdict == "not shown" and one.difference == 0 for one in measures)


def test_a_model_that_cannot_be_followed_back_is_refused(world: worlds.World) -> None:
    with pytest.raises(StepError, match="cannot be"):
        robustness(world.data, world.data, learner="learn.linear", seeds=(0,), run=world.run())


def test_both_sides_are_asked_about_the_same_pictures_of_every_class(world: worlds.World) -> None:
    test = world.data.split("test")
    some = _evenly(test, 6)
    assert np.bincount(some.labels).tolist() == [3, 3]
    other = world.data.apply([Drop(world.data.train.ids[0], "for the test")]).split("test")
    assert _evenly(other, 6).ids.tolist() == some.ids.tolist()


def test_a_trial_that_was_held_is_read(world: worlds.World, tmp_path, monkeypatch) -> None:
    root = world.write(tmp_path / "source")
    run = LocalRun(tmp_path / "work", {"source": root})
    hold = RememberedUnder(tmp_path / "trials")
    first = hold("learn.convnet", SMALL, world.data, 0, run, 0.1)
    monkeypatch.setattr("tilth.prove.robustness.hold_under", None)  # nobody is asked again
    again = hold("learn.convnet", SMALL, world.data, 0, run, 0.1)
    for name in ATTACKS:
        assert np.array_equal(first[name].probabilities, again[name].probabilities)
        assert first[name].ids.tolist() == again[name].ids.tolist()
