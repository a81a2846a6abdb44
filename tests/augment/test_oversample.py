"""Copies level the classes, keep the bytes of their parents and have names that say so."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tilth.augment.oversample import Oversample
from tilth.errors import SettingError
from tilth.formats.keys import NAME
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step


def added(step, world, budget, data=None):
    return list(step.augment(data or world.data.open, Signals(), world.run(), budget=budget))


def test_keeps_the_contract():
    check_step(Oversample())
    check_step(Oversample(balance=False, fill=True), world=worlds.utterances(60))


def test_classes_rise_to_the_largest_and_no_higher():
    world = worlds.photos(80, imbalance=0.3, test_share=0)
    adds = added(Oversample(), world, 10_000)
    counts = list(world.data.apply(adds).counts("train").values())
    assert len(adds) and np.ptp(counts) == 0 and max(counts) == max(world.data.counts("train").values())
    assert len(added(Oversample(fill=True), world, 200)) == 200 - len(world.data)
    assert len(added(Oversample(), world, len(world.data) + 3)) == 3
    assert max(np.unique([add.sample.parents[0] for add in adds], return_counts=True)[1]) <= 20


def test_a_copy_is_its_parent_under_another_name():
    world = worlds.photos(40, imbalance=0.2)
    adds = added(Oversample(), world, 1000)
    for add in adds:
        parent = world.data[add.sample.parents[0]]
        assert add.content == world.contents[parent.id] and add.sample.content == parent.content
        assert re.fullmatch(rf"{parent.path.removesuffix('.png')}_oversampling-\d+\.png", add.sample.path)
    assert len({add.sample.path for add in adds}) == len({add.id for add in adds}) == len(adds)
    match = NAME.fullmatch("img_0a2c_oversampling-1.jpg")
    assert match and match["key"] == "0a2c"


def test_a_second_turn_goes_on_with_the_numbers():
    world = worlds.utterances(60, test_share=0)
    data = world.data
    once = data.apply(added(Oversample(fill=True), world, len(data) + 70))
    twice = once.apply(added(Oversample(fill=True), world, len(once) + 70, once))
    assert len(twice) == len(data) + 140
    assert len({sample.path for sample in twice}) == len(twice)


def test_no_copies_at_all_are_refused():
    with pytest.raises(SettingError, match="at least 1"):
        Oversample(most_per_parent=0)
