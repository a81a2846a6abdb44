"""The descriptor finds the content, keeps its numbers, and does not mind size, place and light."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.numerics import descriptor, picture


def on_paper(height=120, width=90, *, top=40, left=30, ink=20, ground=230):
    page = np.full((height, width), ground, np.uint8)
    page[top : top + 30, left : left + 12] = ink
    return page


def test_the_content_is_boxed_on_a_clear_ground():
    left, top, right, bottom = descriptor.content_box(on_paper()) or (0, 0, 0, 0)
    assert left <= 30 and top <= 40 and right >= 42 and bottom >= 70
    assert right - left < 24 and bottom - top < 42


def test_no_box_without_a_clear_ground_or_without_content():
    noise = np.random.default_rng(0).integers(0, 256, (50, 50), dtype=np.uint8)
    assert descriptor.content_box(noise) is None
    assert descriptor.content_box(np.full((50, 50), 200, np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3, 5000)])
def test_odd_sizes_are_squared(shape):
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = descriptor.squared(grey[:, :, None], descriptor.content_box(grey), 64, keep_ratio=0.5)
    assert found.shape == (64, 64, 1)


def test_the_place_on_the_page_does_not_matter():
    squares = [
        descriptor.squared(page[:, :, None], descriptor.content_box(page), 64, keep_ratio=0.5)[:, :, 0]
        for page in (on_paper(), on_paper(top=70, left=60))
    ]
    edges = descriptor.hog(np.stack(squares).astype(np.float32), cell_px=8)
    assert np.linalg.norm(edges[0] - edges[1]) < 0.15 * np.linalg.norm(edges[0])


def test_edges_by_direction_of_a_plain_step():
    grey = np.zeros((2, 16, 16), np.float32)
    grey[0, :, 8:] = 200  # the gradient points across: direction 0
    grey[1, 8:, :] = 200  # down: 90 degrees, half way between bins 4 and 5 of 9
    tally = descriptor.hog(grey, cell_px=8).reshape(2, 2, 2, 9).sum(axis=(1, 2))
    assert tally[0].argmax() == 0 and tally[0][1:].max() == 0
    assert tally[1][4] == pytest.approx(tally[1][5], rel=1e-5) and tally[1][[0, 1, 2, 3, 6, 7, 8]].max() == 0


def test_the_tally_is_that_of_a_plain_loop():
    grey = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.float32)
    found = descriptor._tally(grey, 8, 9)
    expected = np.zeros((3, 2, 2, 9))
    for n in range(3):
        for y in range(16):
            for x in range(16):
                gy = grey[n, y + 1, x] - grey[n, y - 1, x] if 0 < y < 15 else 0.0
                gx = grey[n, y, x + 1] - grey[n, y, x - 1] if 0 < x < 15 else 0.0
                turn = (np.arctan2(gy, gx) % np.pi) / np.pi * 9
                for bin_, share in ((int(turn), 1 - turn % 1), (int(turn) + 1, turn % 1)):
                    expected[n, y // 8, x // 8, bin_ % 9] += np.hypot(gx, gy) * share
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_coarse_tones_are_means_of_cells():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    found = descriptor.coarse(pictures, cells=2).reshape(2, 2, 2, 3)
    np.testing.assert_allclose(found[1, 0, 1], pictures[1, :4, 4:].mean(axis=(0, 1)) / 255, atol=1e-5)


def test_main_directions_are_those_of_the_open_rows_and_keep_their_sign():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 6)).astype(np.float32) * [5, 3, 1, 1, 1, 1]
    fit = np.arange(80) < 60
    found = descriptor.principal(values, fit, dims=2)
    changed = values.copy()
    changed[70] *= 50  # a row outside the fit moves no other
    np.testing.assert_array_equal(np.delete(found, 70, 0), np.delete(descriptor.principal(changed, fit, dims=2), 70, 0))
    assert found.shape == (80, 2) and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_few_rows_and_many_give_the_same_directions():
    values = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32) * np.linspace(
        3, 0.1, 40, dtype=np.float32
    )
    centred = values - values.mean(axis=0)
    wide = descriptor._directions(centred, 5)
    expected = np.linalg.svd(centred.astype(float), full_matrices=False)[2][:5].T
    np.testing.assert_allclose(np.abs(wide), np.abs(expected), atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_have_a_short_description(n):
    found = descriptor.principal(np.random.default_rng(0).random((n, 10)).astype(np.float32), np.ones(n, bool), dims=64)
    assert len(found) == n and np.isfinite(found).all()


def test_luma_is_601():
    rgb = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.abs(descriptor.luma(rgb).astype(int) - picture.to_channels(rgb, 1)[:, :, 0]).max() <= 1
