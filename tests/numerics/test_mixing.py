"""Mixing: shares are what was drawn or what the box left, and a partner keeps its ratio and its ground."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics import mixing


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.4, 1.0, 8.0]), st.sampled_from([0.0, 0.1, 0.4]))
def test_the_first_has_the_larger_share_and_the_other_enough(seed, alpha, least):
    share = mixing.drawn_share(np.random.default_rng(seed), alpha=alpha, least=least)
    assert 0.5 <= share <= 1 - least and share == round(share, 6)


def test_shares_are_those_of_the_beta_seen_from_the_larger_side():
    drawn = [mixing.drawn_share(np.random.default_rng(seed), alpha=2.0, least=0) for seed in range(4000)]
    whole = np.random.default_rng(1).beta(2, 2, 100_000)
    assert np.mean(drawn) == pytest.approx(np.maximum(whole, 1 - whole).mean(), abs=0.005)


def test_a_blend_is_the_mean_by_shares_rounded_to_the_nearest():
    a, b = noise(5, 7, 9, 3), noise(5, 7, 9, 3, seed=1)
    shares = np.array([0.5, 0.6, 0.75, 0.9, 1.0])
    wanted = np.rint(a * shares[:, None, None, None] + b * (1 - shares[:, None, None, None]))
    found = mixing.blended(a, b, shares)
    assert found.dtype == np.uint8 and abs(found - wanted).max() <= 1
    assert (found == wanted).mean() > 0.9  # halves go up here, to the even one there
    assert np.array_equal(found[4], a[4])
    assert np.array_equal(mixing.blended(a[1:2], b[1:2], shares[1:2])[0], found[1])  # whatever else is in the batch


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.5, 1), st.integers(0, 39), st.integers(0, 39))
def test_the_share_of_a_box_is_what_it_leaves_after_it_is_clipped(height, width, share, row, column):
    centre = np.array([[min(row, height - 1), min(column, width - 1)]])
    box = mixing.boxes(np.array([share]), centre, height, width)
    top, left, bottom, right = box[0]
    assert 0 <= top <= bottom <= height and 0 <= left <= right <= width
    first, second = np.zeros((1, height, width, 1), np.uint8), np.ones((1, height, width, 1), np.uint8)
    pasted = mixing.pasted(first, second, box)
    found = float(mixing.left_share(box, height, width)[0])
    assert found == pytest.approx(1 - pasted.mean(), abs=1e-6)
    assert found >= share - 1e-6
    assert not first.any()  # the parent itself is left alone


def test_a_box_in_the_middle_has_the_area_that_was_asked_for():
    box = mixing.boxes(np.array([0.75, 0.64]), np.array([[50, 100], [50, 100]]), 100, 200)
    assert box.tolist() == [[25, 50, 75, 150], [20, 40, 80, 160]]
    corner = mixing.boxes(np.array([0.75]), np.array([[0, 0]]), 100, 200)
    assert corner.tolist() == [[0, 0, 25, 50]]
    assert mixing.left_share(corner, 100, 200)[0] == pytest.approx(1 - 0.0625)


def test_a_partner_keeps_its_ratio_and_lies_on_its_own_ground():
    wide = np.full((10, 30, 1), 200, np.uint8)
    wide[3:7, 10:20] = 20
    out, (top, left, bottom, right) = mixing.fitted(wide, 60, 60, 3)
    assert out.shape == (60, 60, 3) and (bottom - top, right - left) == (20, 60)
    assert (out[:top] == 200).all() and (out[bottom:] == 200).all() and out[30, 30, 0] < 40
    same, place = mixing.fitted(wide, 10, 30, 1)
    assert np.array_equal(same, wide) and place == (0, 0, 10, 30)
    thin, _ = mixing.fitted(noise(1, 500, 1), 3, 3, 1)
    assert thin.shape == (3, 3, 1)
