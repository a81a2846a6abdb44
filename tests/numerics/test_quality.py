"""The measures of a picture: edges have the length of their blur, grain that of its noise, at any size and in grey or RGB."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFilter

from tilth.numerics import quality
from tilth.numerics.quality import MEASURES, of_pictures


def measures(*pictures):
    return dict(zip(MEASURES, of_pictures(list(pictures)).T.astype(float), strict=True))


def blocks(side_px, channels, *, seed=0):
    """Rectangles of all tones over each other: sharp edges and nothing else."""
    rng = np.random.default_rng(seed)
    picture = np.full((side_px, side_px, channels), 128, np.uint8)
    for _ in range(40):
        y, x = rng.integers(0, side_px, 2)
        h, w = rng.integers(side_px // 8, side_px // 2, 2)
        picture[y : y + h, x : x + w] = rng.integers(20, 236, channels)
    return picture


def blurred(picture, radius):
    flat = picture[:, :, 0] if picture.shape[2] == 1 else picture
    out = np.asarray(Image.fromarray(flat).filter(ImageFilter.GaussianBlur(radius)))
    return out.reshape(picture.shape)


def noisy(picture, sigma, *, seed=1):
    grain = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side_px", [64, 224])
@pytest.mark.parametrize("radius", [1.0, 2.0, 3.0])
def test_an_edge_is_as_long_as_its_blur(side_px, channels, radius):
    found = measures(blurred(blocks(side_px, channels), radius))["edge_px"][0]
    assert found == pytest.approx(np.sqrt(2) * radius, rel=0.35)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side_px", [32, 64, 224, 700])
def test_sharp_edges_are_short_at_any_size(side_px, channels):
    assert measures(blocks(side_px, channels))["edge_px"][0] < 1.0


def test_a_strong_blur_is_longer_than_a_weak_one_though_rounding_hides_it():
    picture = blocks(224, 3)
    lengths = [measures(blurred(picture, radius))["edge_px"][0] for radius in (0, 1, 2, 4, 8)]
    assert lengths == sorted(lengths) and lengths[-1] > 5


def test_contrast_does_not_change_the_length_of_edges():
    picture = blurred(blocks(128, 1), 2)
    faint = (picture // 3 + 80).astype(np.uint8)
    assert measures(faint)["edge_px"][0] == pytest.approx(measures(picture)["edge_px"][0], rel=0.15)


@pytest.mark.parametrize("side_px", [64, 224])
@pytest.mark.parametrize("sigma", [10, 20])
def test_grain_is_the_deviation_of_the_noise_and_not_of_the_edges(side_px, sigma):
    picture = np.clip(blocks(side_px, 1), 70, 185)  # so that nothing is clipped
    found = measures(noisy(picture, sigma))
    assert found["grain"][0] == pytest.approx(sigma, rel=0.2)
    assert measures(picture)["grain"][0] < 1
    assert found["whiteness"][0] > 1.4 and found["evenness"][0] > 0.7


def test_colour_grain_sees_noise_that_differs_between_the_channels():
    picture = np.clip(blocks(64, 3), 70, 185)
    assert measures(noisy(picture, 15))["colour_grain"][0] == pytest.approx(15 * np.sqrt(2), rel=0.2)
    grey = np.repeat(noisy(picture[:, :, :1], 15), 3, axis=2)
    assert measures(grey)["colour_grain"][0] == 0 and measures(grey)["colour"][0] == 0


@pytest.mark.parametrize("side_px", [64, 224])
def test_structure_is_one_for_white_noise_and_four_for_what_is_smooth(side_px):
    static = np.random.default_rng(0).integers(0, 256, (side_px, side_px, 1), dtype=np.uint8)
    ramp = np.repeat(np.linspace(0, 255, side_px).astype(np.uint8)[:, None, None], side_px, axis=1)
    assert measures(static)["structure"][0] == pytest.approx(1, abs=0.15)
    assert measures(ramp)["structure"][0] == pytest.approx(4, abs=0.1)


def test_tones_are_quantiles():
    picture = np.arange(256, dtype=np.uint8).repeat(16).reshape(64, 64, 1)
    found = measures(picture)
    assert (found["shade_low"][0], found["shade_middle"][0], found["shade_high"][0]) == (0, 127, 255)
    assert found["entropy"][0] == pytest.approx(8) and found["contrast"][0] == pytest.approx(picture.std(), rel=1e-4)


def test_the_ground_is_that_of_the_border():
    picture = np.full((40, 60, 1), 250, np.uint8)
    picture[10:30, 20:40] = 20
    found = measures(picture, 255 - picture)
    assert found["ground"].tolist() == [250, 5] and found["clear"].tolist() == [1, 1]
    assert found["polarity"].tolist() == [230, -230]
    cut = picture.copy()
    cut[:, :10] = 20
    assert measures(cut)["clear"][0] < 0.8


def test_a_plain_picture_has_no_range_and_no_bits():
    found = measures(np.full((32, 32, 3), 77, np.uint8))
    assert found["range"][0] == 0 and found["entropy"][0] == 0 and found["contrast"][0] == pytest.approx(0, abs=1e-3)


def test_a_large_picture_is_looked_at_small_and_told_at_its_own_size():
    picture = blocks(1500, 3)
    assert max(quality.looked_at(picture).shape) <= 512
    found = measures(picture)
    assert (found["height"][0], found["width"][0]) == (1500, 1500)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))),
    st.integers(0, 3),
)
def test_measures_are_finite_for_any_picture_and_do_not_hang_on_the_company(picture, more):
    alone = of_pictures([picture])
    assert np.isfinite(alone).all()
    company = [np.full((9, 9, 1), 5, np.uint8), *[picture] * (1 + more)]
    assert np.array_equal(of_pictures(company)[1:], alone.repeat(1 + more, axis=0))


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.uint8, (24, 24, 1)))
def test_a_turned_picture_has_the_same_measures(picture):
    one, turned = of_pictures([picture])[0], of_pictures([np.ascontiguousarray(np.rot90(picture))])[0]
    same = [
        MEASURES.index(name) for name in ("shade_low", "contrast", "entropy", "range", "ground", "clear", "structure")
    ]
    assert one[same] == pytest.approx(turned[same], rel=1e-3, abs=1e-3)


def test_none_gives_none():
    assert of_pictures([]).shape == (0, len(MEASURES))
