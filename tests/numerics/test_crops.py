"""Crops: planted ones are found with their windows; other drawings of the same shapes are not, and nothing breaks."""

from __future__ import annotations

import numpy as np
import pytest

from measured import cluttered
from tilth.numerics import crops, fingerprint, picture
from tilth.numerics.crop_candidates import candidates
from tilth.testing.worlds import SHAPES, draw

RNG = np.random.default_rng


def found_in(images):
    """The crops of these pictures, all of them decoded."""
    maybe = candidates(fingerprint.tones(fingerprint.of_pictures(images)))
    sides = np.array([min(image.shape[:2]) for image in images], int)
    return crops.confirmed(maybe, crops.looks(images), sides, n=len(images))


def pairs(found):
    return set(zip(found.wholes.tolist(), found.parts.tolist(), strict=True))


def cut(image, rng, *, back=True):
    """A part that keeps 80 to 97 % of each side, brought back to its size or not, and its window."""
    high, wide = image.shape[:2]
    h, w = (int(side * share) for side, share in zip((high, wide), rng.uniform(0.8, 0.97, 2), strict=True))
    y, x = int(rng.integers(0, high - h + 1)), int(rng.integers(0, wide - w + 1))
    part = image[y : y + h, x : x + w]
    return picture.resize(part, high, wide) if back else part, (x / wide, w / wide, y / high, h / high)


@pytest.mark.parametrize(("side_px", "back"), [(64, True), (64, False), (128, True)])
def test_planted_crops_are_found_and_nothing_else(side_px, back):
    images, rng = cluttered(150, side_px=side_px), RNG(1)
    parts = [cut(image, rng, back=back) for image in images[:40]]
    found = found_in([*images, *(part for part, _ in parts)])
    planted = {(row, 150 + row) for row in range(40)}
    assert pairs(found) <= planted and len(found) >= 38
    windows = np.array([parts[row - 150][1] for row in found.parts])
    assert np.abs(found.windows - windows).max() < 0.02
    assert np.allclose(found.shares(), windows[:, 1] * windows[:, 3], atol=0.03)


def test_a_brighter_crop_is_found():
    images, rng = cluttered(100, side_px=64), RNG(2)
    parts = [np.clip(cut(image, rng)[0] * 1.08, 0, 255).astype(np.uint8) for image in images[:20]]
    found = pairs(found_in([*images, *parts]))
    assert found <= {(row, 100 + row) for row in range(20)} and len(found) >= 18


def test_a_moved_picture_is_found():
    scene = cluttered(60, side_px=128)
    images = [one[10:110, 10:110] for one in scene]
    moved = [one[14:114, 6:106] for one in scene[:10]]
    found = found_in([*images, *moved])
    assert {tuple(sorted(pair)) for pair in pairs(found)} == {(row, 60 + row) for row in range(10)}
    assert (found.shares() > 0.9).all()


@pytest.mark.parametrize("side_px", [64, 128, 224])
@pytest.mark.parametrize("n", [18, 90, 300])
def test_other_drawings_of_the_same_shapes_are_no_crops(n, side_px):
    rng = RNG(n)
    assert not len(found_in([draw(SHAPES[row % 6], rng, side_px=side_px) for row in range(n)]))


@pytest.mark.parametrize(("n", "seed"), [(30, 2), (60, 2), (200, 2), (200, 4)])
def test_pen_strokes_on_a_clean_ground_are_no_crops(n, seed):
    """Single lines by different hands: nearly the same up to a shift and a scale."""
    rng = RNG(seed)
    images = []
    for _ in range(n):
        y, x = np.mgrid[:64, :64] + 0.5
        slant, middle, width = rng.uniform(-0.15, 0.15), rng.uniform(24, 40), rng.uniform(1.5, 3)
        bend, top, bottom = rng.normal(0, 2), rng.uniform(8, 20), rng.uniform(44, 56)
        along = (y - top) / (bottom - top)
        away = np.abs(x - middle - slant * (y - 32) - bend * np.sin(np.pi * along)) - width
        ink = np.clip(1 - away, 0, 1) * ((along > 0) & (along < 1))
        images.append((255 - 220 * ink).astype(np.uint8)[:, :, None])
    assert not len(found_in(images))


def test_near_copies_and_copies_are_left_to_others():
    images = cluttered(30, side_px=64)
    bright = [(image * 0.95).astype(np.uint8) for image in images[:5]]
    assert not len(found_in([*images, *bright, *images[:5]]))


def test_the_answer_is_the_same_each_time_and_above_the_exact_search(monkeypatch):
    images, rng = cluttered(120, side_px=64), RNG(3)
    images += [cut(image, rng)[0] for image in images[:20]]
    first, again = found_in(images), found_in(images)
    assert pairs(first) == pairs(again) and np.array_equal(first.windows, again.windows)
    monkeypatch.setattr("tilth.numerics.crop_candidates._EXACT_TO", 0)
    assert pairs(found_in(images)) == pairs(first)


def test_one_picture_or_none_or_flat_ones_have_no_crops():
    flat = [np.full((64, 64, 1), shade, np.uint8) for shade in (10, 10, 200)]
    for images in ([], flat[:1], flat, [np.zeros((1, 1, 1), np.uint8)] * 3):
        assert not len(found_in(images))
