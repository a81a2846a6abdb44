"""Ink lies where a pixel is nearer to the line than half the pen's width, and nowhere else."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.tiles import TILE, inked

PLAIN = Look(70, 90, pen_px=8.0, flow=1.0, swell=0.0, taper=0.0, rough=0.0)


def whole(word, look):
    """(h, w) how dark the picture is."""
    (ink,) = inked([word], [look])
    dark = np.zeros((look.height_px + TILE, look.width_px + TILE), np.float32)
    dark[ink.top : ink.top + len(ink.dark), ink.left : ink.left + ink.dark.shape[1]] = ink.dark
    return dark[: look.height_px, : look.width_px]


def by_distance(corners, look):
    """The same by the distance of each pixel to the nearest of the straight ways from corner to corner."""
    y, x = np.mgrid[: look.height_px, : look.width_px] + 0.5
    offs = []
    for (x0, y0), (x1, y1) in pairwise(corners.tolist()):
        way = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9)
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / way, 0, 1)
        offs.append(np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return np.clip((look.pen_px / 2 - np.min(offs, axis=0)) / look.soft_px + 0.5, 0, 1)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-20, 110), st.floats(-20, 90)), min_size=2, max_size=4),
    st.floats(2, 20),
    st.floats(0.5, 4),
)
def test_ink_is_as_dark_as_the_distance_to_the_line_says(points, pen, soft):
    corners = np.array(points)
    at = np.linspace(0, len(corners) - 1, 12 * (len(corners) - 1) + 1)  # each corner is one of its points
    line = np.stack([np.interp(at, np.arange(len(corners)), corners[:, side]) for side in (0, 1)], 1)
    look = replace(PLAIN, pen_px=pen, soft_px=soft)
    # A line may lie off its pieces by a fraction of a pixel; ink changes by as much as that is of its edge.
    most = (0.15 + 0.012 * pen + 0.05) / soft
    assert np.abs(whole((line.astype(np.float32),), look) - by_distance(corners, look)).max() <= most


@pytest.mark.parametrize("points", [33, 400])
def test_a_circle_stays_round(points):
    angles = np.linspace(0, 2 * np.pi, points)
    ring = np.stack([45 + 28 * np.cos(angles), 35 + 28 * np.sin(angles)], 1).astype(np.float32)
    y, x = np.mgrid[:70, :90] + 0.5
    off = np.abs(np.hypot(x - 45, y - 35) - 28)
    exact = np.clip((4 - off) / 1.2 + 0.5, 0, 1)
    assert np.abs(whole((ring,), PLAIN) - exact).max() < 0.4
    assert whole((ring,), PLAIN).sum() == pytest.approx(exact.sum(), rel=0.01)


def test_strokes_lie_over_each_other_by_their_flow_and_out_of_the_frame_is_nothing():
    across, down = (np.array(ends, np.float32) for ends in ([(10, 35), (80, 35)], [(45, 5), (45, 65)]))
    dark = whole((across, down, across), replace(PLAIN, flow=0.5))
    assert dark[35, 20] == pytest.approx(0.75) and dark[10, 45] == pytest.approx(0.5)
    assert dark[35, 45] == pytest.approx(0.875)
    beyond = np.array([(-50, -50), (-20, -60)], np.float32)
    assert not whole((beyond,), PLAIN).any() and not whole((), PLAIN).any()


def test_each_word_gets_the_ink_of_its_own_picture():
    words = [(np.array([(10, 10), (80, 60)], np.float32),), (), (np.array([(5, 60)], np.float32),)]
    looks = [PLAIN, PLAIN, replace(PLAIN, height_px=200, width_px=33)]
    for ink, word, look in zip(inked(words, looks), words, looks, strict=True):
        (alone,) = inked([word], [look])
        assert (ink.left, ink.top) == (alone.left, alone.top) and np.array_equal(ink.dark, alone.dark)
