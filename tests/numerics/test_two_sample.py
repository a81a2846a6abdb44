"""Two samples: equal ones differ by chance alone, unequal ones are found, and the values that one lacks are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from tilth.numerics.two_sample import Region, difference, distance, lacking, shares, shuffled, sides_of


def drawn(rng, n=300, m=50, classes=5):
    group = np.concatenate([rng.integers(0, classes, n), np.arange(m) % classes])
    return np.arange(n + m) >= n, group


def test_weights_bring_both_sides_to_one_mix_of_classes():
    target, group = drawn(np.random.default_rng(0))
    group[:200] = 0  # train is mostly of one class
    sides, kept = sides_of(target, group)
    assert kept.all()
    for side in (sides.target, ~sides.target):
        assert np.bincount(sides.group[side], sides.weights[side]) == pytest.approx(np.full(5, 0.2))


def test_a_class_of_one_side_is_left_out():
    target, group = np.array([0, 0, 0, 1, 1], bool), np.array([0, 1, 2, 1, 3])
    sides, kept = sides_of(target, group)
    assert kept.tolist() == [False, True, False, True, False] and sides.weights.tolist() == [1, 1]


def test_the_shuffle_keeps_how_many_of_each_class_are_the_targets():
    rng = np.random.default_rng(0)
    sides, _ = sides_of(*drawn(rng))
    for one in shuffled(sides, rng, 50):
        assert (np.bincount(sides.group[one], minlength=5) == np.bincount(sides.group[sides.target], minlength=5)).all()


def test_p_values_of_equal_samples_are_even():
    found = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        sides, _ = sides_of(*drawn(rng, 120, 30))
        values = rng.normal(size=150) + sides.group  # classes differ, sides do not
        found.append(difference(values, sides, shuffled(sides, rng, 99))[1])
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)
    assert np.mean(np.array(found) <= 0.1) < 0.2


@pytest.mark.parametrize("change", [lambda x, t: x + 1.0 * t, lambda x, t: x * (1 + 2 * t)], ids=["moved", "spread"])
def test_a_difference_is_found_among_fifty(change):
    rng = np.random.default_rng(1)
    sides, _ = sides_of(*drawn(rng))
    values = change(rng.normal(size=350), sides.target)
    assert difference(values, sides, shuffled(sides, rng, 199))[1] == pytest.approx(1 / 200)


def test_another_mix_of_classes_is_no_difference():
    rng = np.random.default_rng(2)
    group = np.concatenate([rng.choice(5, 300, p=(0.6, 0.1, 0.1, 0.1, 0.1)), np.arange(50) % 5])
    sides, _ = sides_of(np.arange(350) >= 300, group)
    values = group * 3 + rng.normal(size=350)
    assert difference(values, sides, shuffled(sides, rng, 199))[1] > 0.05


@given(st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_the_distance_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    sides, _ = sides_of(*drawn(rng, 40, 10))
    values = np.round(rng.normal(size=50), 1)
    t, w = sides.target, sides.weights
    assert distance(values, sides) == pytest.approx(wasserstein_distance(values[t], values[~t], w[t], w[~t]))


def test_the_values_that_train_lacks_are_named():
    rng = np.random.default_rng(3)
    sides, _ = sides_of(*drawn(rng))
    values = rng.uniform(0, 1, 350)
    low = sides.target & (rng.random(350) < 0.6)
    values[low] = rng.uniform(0, 0.2, low.sum())
    region = lacking(values, sides)
    assert np.isinf(region.low) and 0.12 < region.high < 0.28 and region.target > 0.5 > region.train
    middle = rng.uniform(0, 1, 350)
    middle[sides.target] = rng.uniform(0.4, 0.6, 50)
    region = lacking(middle, sides)
    assert 0.3 < region.low < region.high < 0.7 and region.target > 0.9


def test_few_of_a_class_say_little_of_it():
    group = np.array([0] * 100 + [1] * 100 + [0] * 40 + [1] * 2)
    sides, _ = sides_of(np.arange(242) >= 200, group)
    inside = np.zeros(242, bool)
    inside[200:220] = inside[240:] = True  # half of the one class, all two of the other
    table = shares(inside, sides, strength=5)
    assert table[:, 1].tolist() == [0.5, 1.0] and table[:, 3].tolist() == [40, 2]
    assert abs(table[0, 2] - 0.5) < 0.01 and 0.5 < table[1, 2] < 0.75


def test_a_region_holds_its_upper_end():
    assert Region(0.0, 1.0, 0, 0).holds(np.array([0.0, 0.5, 1.0, 1.1])).tolist() == [False, True, True, False]
