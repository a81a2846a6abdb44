"""Carrying back: a change of tones leaves every edge where and as sharp as it was; what no line tells is enlarged as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics import picture
from tilth.synthesize.translate.carrying import carried, lines, small
from tilth.testing.styles import PLAIN, draw


def glyph(side_px=192, channels=1):
    grey = draw("tent", PLAIN, np.random.default_rng(3), side_px=side_px)
    return picture.to_channels(grey, channels)


def steepest(shown):
    """Of all edges, in grey levels from a pixel to the next."""
    values = shown.astype(float)
    return max(np.abs(np.diff(values, axis=0)).max(), np.abs(np.diff(values, axis=1)).max())


@given(slope=st.floats(-1, 1), shift=st.floats(0, 255))
def test_a_line_is_found_where_there_is_one(slope, shift):
    before = np.random.default_rng(0).uniform(0, 255, (24, 24))
    slopes, shifts = lines(before, slope * before + shift)
    assert np.abs(slopes * before + shifts - (slope * before + shift)).max() < 1.5


@pytest.mark.parametrize("channels", [1, 3])
def test_an_inverted_picture_is_the_original_inverted(channels):
    original = glyph(channels=channels)
    square = small(original, 48, channels).astype(np.float32)
    made = carried(original, 255 - square, guided=True)
    assert made.shape == original.shape and made.dtype == np.uint8
    assert np.abs(made.astype(int) - (255 - original.astype(int))).mean() < 4
    plain = carried(original, 255 - square, guided=False)
    assert steepest(made) > 0.75 * steepest(original) and steepest(plain) < 0.6 * steepest(original)


def test_what_stays_as_it_is_comes_back_as_it_was():
    original = glyph()
    made = carried(original, small(original, 64, 1).astype(np.float32), guided=True)
    assert np.abs(made.astype(int) - original.astype(int)).mean() < 3


def test_a_stroke_that_is_new_is_there_at_full_size():
    original = np.full((160, 120, 1), 240, np.uint8)
    after = np.full((1, 32, 32), 240.0, np.float32)
    after[0, 10:14] = 20
    made = carried(original, after, guided=True)
    assert made.shape == (160, 120, 1) and made[58, 60, 0] < 60 and made[120, 60, 0] > 220


def test_a_picture_that_is_no_larger_is_as_it_was_drawn():
    original = glyph(32)
    after = np.full((1, 64, 64), 77.0, np.float32)
    assert (carried(original, after, guided=True) == 77).all()
    assert carried(original, np.zeros((3, 64, 64), np.float32), guided=True).shape == (32, 32, 3)


def test_a_grey_picture_takes_on_colour():
    original = glyph(96)
    before = small(original, 32, 3).astype(np.float32)
    after = before * np.array([1.0, 0.5, 0.0])[:, None, None]
    made = carried(original, after, guided=True)
    assert made.shape == (96, 96, 3)
    assert abs(made[:, :, 1].mean() / made[:, :, 0].mean() - 0.5) < 0.03 and made[:, :, 2].mean() < 6
