"""Registration finds the window that was cut, under another light, and does not run away where there is nothing."""

from __future__ import annotations

import numpy as np

from measured import cluttered
from tilth.numerics.descriptor import luma
from tilth.numerics.registration import correlation, registered, seen_through

WINDOWS = np.array([[0.05, 0.9, 0.02, 0.95], [0.0, 0.85, 0.12, 0.85], [0.04, 1.0, -0.03, 1.0]])


def scenes(n):
    return np.stack([luma(image) for image in cluttered(n, side_px=64)]).astype(np.float32)


def test_the_window_that_was_cut_is_found_under_another_light():
    wholes = scenes(3)
    parts = seen_through(wholes, WINDOWS)[0] * 0.7 + 20
    found = registered(wholes, parts, WINDOWS + 0.03, steps=8)
    assert np.abs(found - WINDOWS).max() < 0.005
    seen, inside = seen_through(wholes, found)
    assert correlation(seen, parts, inside).min() > 0.999


def test_the_whole_frame_shows_the_picture_itself():
    wholes = scenes(2)
    seen, inside = seen_through(wholes, np.tile([0.0, 1.0, 0.0, 1.0], (2, 1)))
    assert np.allclose(seen, wholes, atol=1e-3) and inside.all()


def test_what_lies_out_of_the_frame_is_said():
    _, inside = seen_through(scenes(1), np.array([[-0.25, 1.0, 0.0, 1.0]]))
    assert not inside[0, :, :15].any() and inside[0, :, 17:].all()


def test_flat_pictures_stay_where_they_are_and_correlate_with_nothing():
    flat = np.full((1, 16, 16), 128, np.float32)
    found = registered(flat, flat, np.array([[0.0, 1.0, 0.0, 1.0]]), steps=5)
    assert np.isfinite(found).all()
    assert correlation(flat, flat, np.ones(flat.shape, bool)).tolist() == [0.0]


def test_no_pairs_are_no_windows():
    assert registered(scenes(1)[:0], scenes(1)[:0], np.empty((0, 4)), steps=3).shape == (0, 4)
