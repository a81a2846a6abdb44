"""Attributes of drawings whose strokes, places and sizes are known; the same at any size of the file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics import picture
from tilth.numerics.attributes import COLUMNS, NAMES, known, measured, of_pictures, slant, stroke_px


def sheet(side_px=200, ground=250):
    return np.full((side_px, side_px, 1), ground, np.uint8)


def bar(width, *, left=90, top=40, high=120, ink=20, **more):
    one = sheet(**more)
    one[top : top + high, left : left + width] = ink
    return one


@pytest.mark.parametrize("width", [2, 5, 12, 20])
def test_the_stroke_of_a_bar_is_as_wide_as_the_bar(width):
    said = measured(bar(width))
    assert said["stroke"] * 200 == pytest.approx(2 * 120 * width / (2 * 120 + 2 * width), rel=0.06)
    assert said["weight"] * 120 == pytest.approx(said["stroke"] * 200)


@given(st.floats(0, np.pi), st.floats(4, 14))
@settings(deadline=None, max_examples=25)
def test_the_stroke_hangs_little_on_its_direction(turn, width):
    y, x = np.mgrid[:160, :160] - 79.5
    across, along = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    ink = (np.abs(across) <= width / 2) & (np.abs(along) <= 60)
    drawn = ink.sum() / 120  # what the grid made of the width: upright, a bar is a whole number of pixels
    assert stroke_px(ink) == pytest.approx(120 * drawn / (120 + drawn), rel=0.12, abs=0.3)


def test_place_and_size_are_those_of_the_box():
    said = measured(bar(20, left=30, top=50, high=80))
    assert (said["across"], said["down"]) == pytest.approx((40 / 200, 90 / 200))
    assert said["scale"] == pytest.approx(80 / 200) and said["aspect"] == pytest.approx(-2)
    assert said["ink"] == pytest.approx(20 * 80 / 200**2) and said["fill"] == pytest.approx(1)
    assert said["ground"] == pytest.approx(250 / 255) and said["depth"] == pytest.approx(230 / 255)


def test_dark_ground_is_told_and_what_is_drawn_on_it_is_the_same():
    light, dark = measured(bar(8)), measured(255 - bar(8))
    assert dark["ground"] == pytest.approx(1 - light["ground"])
    for name in ("stroke", "scale", "across", "down", "ink", "depth", "slant"):
        assert dark[name] == pytest.approx(light[name])


@pytest.mark.parametrize("lean", [-0.5, -0.2, 0.0, 0.1, 0.3, 0.8])
def test_the_lean_of_strokes_is_their_slant(lean):
    apart = np.zeros((140, 140), np.float32)
    for y in range(140):
        for at in (40, 70, 100):
            left = round(at - lean * (y - 70))
            apart[y, max(left - 4, 0) : max(left + 4, 0)] = 200
    assert slant(apart) == pytest.approx(lean, abs=0.04)


def test_ruling_and_specks_are_not_the_drawing():
    plain, marked = measured(bar(10)), bar(10)
    marked[10:12, :60] = 60  # a line reaching in
    marked[150:152, 170:172] = 20  # a speck
    said = measured(marked)
    assert said["ruling"] > 0.05 and said["specks"] > 0 and plain["ruling"] == plain["specks"] == 0
    for name in ("stroke", "scale", "across", "down", "aspect", "parts"):
        assert said[name] == pytest.approx(plain[name], abs=1e-6)


def test_parts_are_counted_in_powers_of_two():
    one = sheet()
    for left in (20, 60, 100, 140):
        one[40:160, left : left + 10] = 20
    assert measured(one)["parts"] == pytest.approx(2)


def test_colour_and_sharpness():
    rng = np.random.default_rng(0)
    red = sheet().repeat(3, axis=2)
    red[50:100, 50:100] = (200, 0, 0)
    assert (
        measured(red)["colour"] == pytest.approx(200 / 255 * 2500 / 40000, rel=1e-3)
        and measured(sheet())["colour"] == 0
    )
    blurred = picture.resize(picture.resize(bar(20), 25, 25), 200, 200)
    assert measured(blurred)["edge"] > 2 * measured(bar(20))["edge"]
    noisy = np.clip(bar(20) + rng.normal(0, 10, (200, 200, 1)), 0, 255).astype(np.uint8)
    assert measured(noisy)["grain"] > 0.02 > measured(bar(20))["grain"]


def test_twice_the_size_is_the_same_drawing():
    small, large = bar(12), np.repeat(np.repeat(bar(12), 2, 0), 2, 1)
    a, b = measured(small), measured(large)
    for name in ("stroke", "weight", "scale", "aspect", "across", "down", "ink", "fill", "depth", "parts", "ground"):
        assert b[name] == pytest.approx(a[name], rel=0.03, abs=0.01), name


def test_a_photograph_has_no_strokes():
    rng = np.random.default_rng(1)
    scene = rng.integers(0, 256, (24, 24, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    rows = of_pictures([scene, bar(10)])
    assert rows.dtype == np.float32 and np.isfinite(rows).all()
    masked = known(rows)
    drawing = np.array([one.drawing for one in COLUMNS.values()])
    assert (
        np.isnan(masked[0, drawing]).all() and np.isfinite(masked[0, ~drawing]).all() and np.isfinite(masked[1]).all()
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (2, 500), (700, 3)])
def test_any_shape_can_be_measured(shape):
    rng = np.random.default_rng(0)
    for one in (np.full((*shape, 1), 255, np.uint8), rng.integers(0, 256, (*shape, 3)).astype(np.uint8)):
        assert np.isfinite(of_pictures([one])).all()


def test_nothing_gives_no_rows():
    assert of_pictures([]).shape == (0, len(NAMES))


def test_words_of_a_column_name_its_ends():
    stroke, shape = COLUMNS["stroke"], COLUMNS["shape"]
    assert stroke.said(-np.inf, 0.02) == "a stroke width of up to 0.02 of the side"
    assert shape.said(1.0, np.inf) == "a picture more than 2 times as wide as high"
    assert stroke.said(0.02, 0.04) == "a stroke width of 0.02 to 0.04 of the side"
