"""Weights favour small classes, have a mean of 1 and leave what weighs nothing alone."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.cleanse.effective_number import EffectiveNumber
from tilth.edit import Weigh
from tilth.errors import SettingError
from tilth.numerics.class_budgets import effective_weights
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step


def weighed(data, **settings):
    return data.apply(EffectiveNumber(**settings).cleanse(data, [], Signals()))


def test_keeps_the_contract():
    check_step(EffectiveNumber(), world=worlds.photos(60, imbalance=0.3))


def test_classes_weigh_by_their_effective_number():
    data = worlds.photos(120, imbalance=0.2, test_share=0).data
    train = weighed(data, beta=0.99).train
    weights = train.table.column("weight").to_numpy()
    expected = effective_weights(np.array(list(data.counts("train").values())), beta=0.99)
    assert weights == pytest.approx(expected[train.labels]) and weights.mean() == pytest.approx(1)
    assert len(np.unique(np.round(expected, 9))) > 1


def test_even_classes_and_other_splits_are_left_alone():
    data = worlds.photos(80, imbalance=0.2, valid_share=0.3).data.open
    edits = EffectiveNumber().cleanse(data, [], Signals())
    assert edits and {data[edit.id].split for edit in edits} == {"train"}
    assert EffectiveNumber(beta=0).cleanse(data, [], Signals()) == []
    assert EffectiveNumber().cleanse(weighed(data), [], Signals()) == []  # a second time there is nothing to do


def test_a_sample_that_weighs_nothing_stays_so_and_does_not_count():
    data = worlds.photos(60, imbalance=0.2, test_share=0).data
    first = str(data.ids[0])
    after = weighed(data.apply([Weigh(first, 0.0, "put aside")]))
    assert after[first].weight == 0
    assert sum(sample.weight for sample in after) == pytest.approx(len(data) - 1)


def test_a_beta_of_one_is_refused():
    with pytest.raises(SettingError, match="beta"):
        EffectiveNumber(beta=1.0)
