"""The rule of paper 1: smallest + deviation for each judge, and never what helps."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.cleanse.influence import Influence, under
from tilth.edit import Drop
from tilth.errors import SettingError, StepError
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step

WORLD = worlds.photos(80, valid_share=0.25)
DATA = WORLD.data.open


def signals(values: np.ndarray) -> Signals:
    meta = {"judges": DATA.valid.ids.tolist()[: values.shape[1]]} if values.ndim == 2 else {}
    return Signals({"hydra": Signal("hydra", DATA.train.ids, values.astype(np.float32), "nats", "higher", meta)})


def values(judges: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(DATA.train), judges))


def test_keeps_the_contract():
    check_step(Influence(), world=WORLD, signals=signals(values()))


def test_by_hand():
    found = under(np.array([[-10.0, 0.0], [-9.9, 1.0], [-1.0, 2.0], [0.0, 3.0], [5.0, 4.0]]), 1.0)
    # Deviation 5.96: under -4.04 lie two. In the second column the smallest is no harm.
    np.testing.assert_array_equal(found[:, 0], [True, True, False, False, False])
    assert not found[:, 1].any()


def test_the_reason_names_the_judges_that_are_hurt():
    given = np.abs(values())
    given[4, 1] = -30.0
    (drop,) = Influence().cleanse(DATA, [], signals(given))
    assert isinstance(drop, Drop) and drop.id == DATA.train.ids[4]
    judge = DATA[str(DATA.valid.ids[1])]
    assert judge.path in drop.because and "30 nats" in drop.because
    assert drop.evidence["judges"][0][0] == judge.id


def test_a_larger_criterion_drops_more_and_more_judges_fewer():
    given = signals(values(8))
    counts = [len(Influence(criterion=one, most_share=1.0).cleanse(DATA, [], given)) for one in (0.2, 1.0, 2.0)]
    assert counts == sorted(counts) and counts[0] < counts[-1]
    assert len(Influence(judges=2, most_share=1.0, criterion=1.0).cleanse(DATA, [], given)) < counts[1]


def test_no_more_than_its_share_is_dropped_the_most_harmful_first():
    given = values(1)
    drops = Influence(criterion=3.0, most_share=0.1).cleanse(DATA, [], signals(given))
    most = len(DATA.train) // 10
    worst = DATA.train.ids[np.argsort(given[:, 0])[:most]]
    assert [drop.id for drop in drops] == worst.tolist()


def test_no_class_is_emptied():
    given = np.full((len(DATA.train), 1), -1.0)
    drops = Influence(criterion=100.0, most_share=1.0, least=3).cleanse(DATA, [], signals(given))
    left = DATA.apply(drops).train
    assert drops and min(left.counts("train").values()) == 3


def test_all_equal_values_drop_nothing_where_they_help():
    assert not Influence().cleanse(DATA, [], signals(np.ones((len(DATA.train), 2))))


def test_one_value_a_sample_is_told():
    with pytest.raises(StepError, match='mode = "matrix"'):
        Influence().cleanse(DATA, [], signals(values(1)[:, 0]))


def test_a_setting_out_of_range_is_told():
    with pytest.raises(SettingError, match="criterion"):
        Influence(criterion=-1).cleanse(DATA, [], signals(values()))
