"""Pictures have the size, the place, the width of stroke and the tones that their looks say, whatever is drawn beside them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics import attributes
from tilth.synthesize.hand.strokes import box
from tilth.synthesize.ink.fit import all_thinned, thinned
from tilth.synthesize.ink.looks import Look, Ruling
from tilth.synthesize.ink.render import all_placed, placed, rendered

PLAIN = Look(200, 240, pen_px=8.0, flow=1.0, swell=0.0, taper=0.0, rough=0.0)


def line(*points, many=33):
    way, at = np.linspace(0, len(points) - 1, many), np.arange(len(points))
    points = np.array(points, float)
    return np.stack([np.interp(way, at, points[:, side]) for side in (0, 1)], 1).astype(np.float32)


VI = (line((0, -1), (0.35, 0), (0.7, -1)), line((1, -1), (1, 0)))
DOT = (np.array([[0.3, -0.9]], np.float32),)


def one(word, look, seed=0):
    return rendered([word], [look], [np.random.default_rng(seed)])[0]


def said(shown):
    return dict(zip(attributes.NAMES, attributes.of_pictures([shown])[0].tolist(), strict=True))


def test_the_drawing_lies_where_and_as_large_as_the_look_says():
    for across, down, scale in ((0.5, 0.5, 0.8), (0.3, 0.6, 0.4), (0.7, 0.35, 0.3)):
        found = said(one(VI, replace(PLAIN, across=across, down=down, scale=scale)))
        assert found["scale"] == pytest.approx(scale, abs=0.03)
        assert (found["across"], found["down"]) == (pytest.approx(across, abs=0.02), pytest.approx(down, abs=0.02))


@pytest.mark.parametrize("pen", [3.0, 6.0, 12.0])
def test_strokes_are_as_wide_as_the_pen(pen):
    assert said(one(VI, replace(PLAIN, pen_px=pen)))["stroke"] * 240 == pytest.approx(pen, rel=0.12)


def test_a_word_leans_and_is_stretched_as_the_look_says():
    upright = (line((0, -1), (0, 0)),) * 2 + (line((0.8, -1), (0.8, 0)),)
    assert said(one(upright, replace(PLAIN, slant=0.3)))["slant"] == pytest.approx(0.3, abs=0.03)
    for aspect in (-0.3, 0.4):
        assert said(one(VI, replace(PLAIN, aspect=aspect)))["aspect"] == pytest.approx(aspect, abs=0.12)


def test_where_the_pen_is_fast_a_stroke_is_thinner():
    way = np.linspace(0, 1, 33) ** 3  # slow at first
    word = (np.stack([way, np.zeros(33)], 1).astype(np.float32),)
    shown = one(word, replace(PLAIN, swell=0.4))[:, :, 0] < 128
    wide = shown.sum(0)[shown.any(0)]
    assert wide[10:30].mean() > 1.2 * wide[-30:-10].mean()


def test_strokes_that_cross_leave_more_ink_and_one_stroke_does_not():
    cross = (line((0, -0.5), (1, -0.5)), line((0.5, -1), (0.5, 0)))
    shown = one(cross, replace(PLAIN, flow=0.6))[:, :, 0].astype(int)
    ink = 255 - shown
    assert np.percentile(ink[ink > 140], 50) == pytest.approx(0.6 * 255, abs=4)
    assert ink.max() == pytest.approx((1 - 0.4**2) * 255, abs=4)


def test_a_picture_is_the_same_whatever_is_rendered_beside_it():
    looks = [replace(PLAIN, rough=0.3, grain=0.02), replace(PLAIN, levels=((0, 0.3), (64, 0.7)), specks=0.01)] * 40
    words = [VI, DOT] * 40
    together = rendered(words, looks, [np.random.default_rng(seed) for seed in range(80)])
    for at in (0, 1, 37, 64, 79):
        assert np.array_equal(together[at], one(words[at], looks[at], at))


def test_words_are_placed_and_thinned_alike_alone_and_together():
    looks = [replace(PLAIN, slant=0.2, aspect=0.3, pen_px=90.0), replace(PLAIN, across=0.1), PLAIN, PLAIN]
    words, fills = [VI, DOT, (), (*VI, *DOT)], [0.0, 0.0, 0.0, 0.4]
    for at, lines in enumerate(all_placed(words, looks)):
        alone = placed(words[at], looks[at])
        assert len(alone) == len(lines) and all(np.array_equal(a, b) for a, b in zip(alone, lines, strict=True))
    thin = all_thinned(words, looks, fills)
    assert thin == [thinned(word, look, fill=fill) for word, look, fill in zip(words, looks, fills, strict=True)]
    assert thin[0].pen_px < 90 and thin[1:] == looks[1:]


def test_a_scan_in_black_and_white_has_its_tones_in_their_shares():
    shown = one(VI, replace(PLAIN, levels=((0, 0.25), (64, 0.75)), rough=0.2))
    tones, counts = np.unique(shown, return_counts=True)
    assert tones.tolist() == [0, 64, 255] and counts[0] / counts[:2].sum() == pytest.approx(0.25, abs=0.02)
    only = np.unique(one(VI, replace(PLAIN, levels=((30, 1.0),), ground=(200,))))
    assert only.tolist() == [30, 200]


def test_light_ink_on_dark_ground_and_colours():
    chalk = one(VI, replace(PLAIN, ground=(40, 60, 50), ink=(230, 230, 220)))
    assert chalk.shape == (200, 240, 3)
    assert np.median(chalk.reshape(-1, 3), axis=0).tolist() == [40, 60, 50] and chalk.max(axis=(0, 1)).tolist() == [
        230,
        230,
        220,
    ]


def test_rulings_run_where_they_are_put():
    ruled = replace(PLAIN, rulings=(Ruling(True, 20, 100, 3, 0.8), Ruling(False, 190, 0, 3, 0.8)))
    dark = one((), ruled)[:, :, 0] < 128
    assert dark[:, 20].mean() > 0.8 and dark[:, 120].mean() > 0.8 and dark[190].mean() > 0.8 and not dark[100, 60]


def test_an_empty_word_is_blank_paper_and_a_dot_is_as_large_as_the_pen():
    assert (one((), PLAIN) == 255).all()
    dot = one(DOT, PLAIN)[:, :, 0] < 128
    assert dot.sum() == pytest.approx(np.pi * 4.4**2, rel=0.15)


@settings(max_examples=40)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.05, 1),
    st.one_of(st.none(), st.floats(-4, 4)),
    st.floats(0.5, 40),
    st.floats(-0.6, 0.6),
)
def test_any_look_gives_a_picture_of_its_size_with_the_word_in_frame(
    high, wide, across, down, scale, aspect, pen, slant
):
    look = replace(PLAIN, height_px=high, width_px=wide, across=across, down=down, scale=scale)
    look = replace(look, aspect=aspect, pen_px=pen, slant=slant, rough=0.2, grain=0.01, specks=0.01)
    shown = one(VI, look)
    assert shown.shape == (high, wide, 1) and shown.dtype == np.uint8
    left, top, right, bottom = box(placed(VI, look))
    if min(high, wide) > pen + 4:
        assert left >= -0.5 and top >= -0.5 and right <= wide + 0.5 and bottom <= high + 0.5
