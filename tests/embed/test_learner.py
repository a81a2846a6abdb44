"""The layer before the last of a trained learner."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tilth.edit import Add
from tilth.embed.learner import Penultimate
from tilth.errors import StepError
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

SMALL = {"size_px": 16, "least_steps": 60, "batch": 16, "precision": "fp32"}


def test_keeps_the_contract():
    check_step(Penultimate(settings={**SMALL, "epochs": 1, "least_steps": 5}))


def test_describes_all_rows_and_never_needs_their_labels():
    world = worlds.photos(80)
    found = Penultimate(settings=SMALL).measure(world.data, world.run())
    assert found.kind == "embedding" and (found.ids == world.data.ids).all() and found.values.shape == (80, 128)
    centres = np.stack([found.rows(world.data.train.ids)[world.data.train.labels == k].mean(0) for k in range(4)])
    test = world.data.split("test")
    nearest = ((found.rows(test.ids)[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == test.labels).mean() > 0.5


def test_a_learner_without_layers_is_refused():
    world = worlds.photos(20)
    with pytest.raises(StepError, match=r"learn\.linear"):
        Penultimate(learner="linear").measure(world.data, world.run())


def test_made_samples_can_be_looked_at_without_being_trained_on():
    world = worlds.photos(60)
    data, run = world.data, world.run()
    parent = data.train.ids[0]
    copy = dataclasses.replace(data[parent], id="f" * 16, path="copy.png", parents=(parent,), maker="test")
    run = MemoryRun({**world.contents, copy.id: world.contents[parent]})
    pool = data.apply([Add(copy, "a copy")])
    step = Penultimate(settings={**SMALL, "least_steps": 5, "epochs": 1}, made=False)
    alone, beside = step.measure(data, run), step.measure(pool, run)
    assert beside.rows(data.ids) == pytest.approx(alone.values, abs=1e-4)  # the pool changed no weight
    assert beside.rows([copy.id])[0] == pytest.approx(alone.rows([parent])[0], abs=1e-4)
    assert beside.meta["trained_on"] == data.train.version
