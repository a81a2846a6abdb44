"""A change is carried to the picture's own size: what the network sees then is what was found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tilth.numerics import picture
from tilth.perturb.carry import carried, pointed


def grain(side: int, size: float, *, seed: int = 0) -> torch.Tensor:
    return size * torch.sign(torch.randn((1, side, side), generator=torch.Generator().manual_seed(seed)))


def seen(shown: np.ndarray, side: int) -> np.ndarray:
    """As a network looks at a picture."""
    return picture.resize(shown, side, side)[:, :, 0].astype(float) / 255


def test_at_the_networks_own_size_the_change_is_added_and_rounded() -> None:
    original, change = np.full((8, 8, 1), 100, np.uint8), grain(8, 0.1)
    expected = np.floor(100 + 255 * change[0].numpy() + 0.5).astype(np.uint8)
    assert np.array_equal(carried(original, change)[:, :, 0], expected)


@pytest.mark.parametrize("side", [48, 75, 128])
def test_the_network_sees_most_of_the_finest_grain_on_a_larger_picture(side: int) -> None:
    original, change = np.full((side, side, 1), 128, np.uint8), grain(24, 0.05)
    found = seen(carried(original, change), 24) - 128 / 255
    kept = float((found * change[0].numpy()).sum() / (change**2).sum())
    assert 0.75 <= kept <= 1.05


def test_no_pixel_of_the_file_moves_farther_than_the_limit() -> None:
    original = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    shown = carried(original, grain(24, 0.1).expand(3, -1, -1), limit=0.1)
    assert shown.shape == original.shape and shown.dtype == np.uint8
    assert int(np.abs(shown.astype(int) - original).max()) <= round(0.1 * 255) + 1


def test_a_grey_picture_stays_grey_and_keeps_its_size() -> None:
    original = np.full((31, 17, 1), 200, np.uint8)
    assert carried(original, torch.zeros(3, 24, 24) + 0.1).shape == (31, 17, 1)


def test_one_pixel_of_the_network_is_a_rectangle_of_the_picture() -> None:
    original = np.full((96, 48, 1), 200, np.uint8)
    shown = pointed(original, torch.tensor([0.0]), 3, 5, (24, 24))
    assert np.argwhere(shown[:, :, 0] == 0).tolist() == [[y, x] for y in range(12, 16) for x in (10, 11)]


def test_one_pixel_is_set_also_where_the_picture_is_smaller_than_what_the_network_sees() -> None:
    shown = pointed(np.full((8, 8, 3), 200, np.uint8), torch.tensor([1.0, 0.0, 0.0]), 23, 23, (24, 24))
    assert np.argwhere((shown != 200).any(2)).tolist() == [[7, 7]] and shown[7, 7].tolist() == [255, 0, 0]
