"""Movements begin and end where they should, are smooth, and round corners only where the next begins before its time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.synthesize.hand.glyphs import Via
from tilth.synthesize.hand.motor import MOVEMENTS, POINTS, lognormal, minimum_jerk, moved

TAU = np.linspace(0, 1, 201)


@pytest.mark.parametrize("share", MOVEMENTS.values(), ids=MOVEMENTS)
def test_a_movement_goes_from_rest_to_rest_and_never_back(share):
    way = share(TAU)
    assert way[0] == pytest.approx(0, abs=1e-9) and way[-1] == pytest.approx(1)
    assert (np.diff(way) >= 0).all()
    assert share(np.array([-3.0, 4.0])).tolist() == pytest.approx([0, 1])


def test_minimum_jerk_is_fastest_half_way_with_15_eighths_of_its_mean_speed():
    speed = np.gradient(minimum_jerk(TAU), TAU)
    assert TAU[speed.argmax()] == pytest.approx(0.5) and speed.max() == pytest.approx(15 / 8, abs=1e-3)


def test_a_lognormal_speed_rises_faster_than_it_falls():
    speed = np.gradient(lognormal(TAU), TAU)
    assert 0.15 < TAU[speed.argmax()] < 0.45


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-3, 3)), min_size=2, max_size=7),
    st.floats(0, 0.7),
    st.sampled_from(sorted(MOVEMENTS)),
)
def test_a_line_begins_and_ends_at_its_first_and_last_point(points, overlap, movement):
    via = Via.of(*points)
    (line,) = moved([via], overlap=overlap, movement=movement)
    assert line.shape == (POINTS, 2) and np.isfinite(line).all()
    np.testing.assert_allclose(line[[0, -1]], via.points[[0, -1]], atol=1e-4)


def test_corners_are_reached_one_after_the_other_and_cut_where_movements_overlap():
    corner = Via.of((0, 0), (1, 0), (1, 1))
    exact, round_ = (moved([corner], overlap=overlap, movement="minimum-jerk", points=401)[0] for overlap in (0.0, 0.6))
    off = [np.hypot(*(line - (1, 0)).T).min() for line in (exact, round_)]
    assert off[0] < 1e-3 and 0.02 < off[1] < 0.3


def test_a_bow_is_an_arc_of_that_angle():
    line = moved([Via.of((1, 0), (-1, 0, np.pi))], overlap=0.3, movement="minimum-jerk")[0]
    np.testing.assert_allclose(np.hypot(*line.T), 1, atol=1e-5)


def test_dots_stay_dots_and_keep_their_place_in_the_order():
    dot, stroke = Via.of((0.5, -0.9)), Via.of((0, 0), (1, 1))
    lines = moved([stroke, dot, stroke], overlap=0.4, movement="lognormal")
    assert [len(line) for line in lines] == [POINTS, 1, POINTS]
    assert moved([dot], overlap=0.4, movement="lognormal")[0].tolist() == dot.points.tolist()
    assert moved([], overlap=0.4, movement="lognormal") == ()
