"""What is usual is told by the median: the wrong ones, however far, move it by next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics import spread


def test_of_a_normal_distribution_it_is_mean_and_deviation():
    middle, deviation = spread.usual(np.random.default_rng(0).normal(5, 2, 20_000))
    assert middle == pytest.approx(5, abs=0.05) and deviation == pytest.approx(2, rel=0.03)


def test_a_third_of_wild_values_leaves_the_cut_where_it_was():
    clean = np.random.default_rng(0).normal(0, 1, 2_000)
    wild = np.concatenate([clean, np.full(600, 1e6)])
    assert spread.above(clean, far=4, floor=-9) == pytest.approx(4, rel=0.1)
    assert spread.above(wild, far=4, floor=-9) < 7


@given(st.lists(st.floats(-1e6, 1e6), max_size=30), st.floats(0, 10), st.floats(-100, 100))
def test_a_cut_keeps_its_floor_and_its_ceiling(values, far, bound):
    found = np.array(values, float)
    assert spread.above(found, far=far, floor=bound) >= bound
    assert spread.below(found, far=far, ceiling=bound) <= bound


def test_of_nothing_it_is_nothing():
    assert spread.usual(np.array([])) == (0.0, 0.0)
