"""Pairs within a Hamming radius agree with brute force; the perceptual hash outlives brightness and resizing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measured import cluttered, nearly
from tilth.numerics import hashing, picture
from tilth.numerics.descriptor import luma
from tilth.numerics.hashing import bits_apart, near_pairs, phash, popcount


def hash_of(image) -> np.ndarray:
    return phash(picture.resize(luma(image)[:, :, None], 32, 32)[None, :, :, 0])


@given(st.lists(st.integers(0, 2**64 - 1), max_size=12), st.integers(0, 15), st.integers(0, 9999))
def test_pairs_agree_with_brute_force(seeds, bits, seed):
    rng = np.random.default_rng(seed)
    hashes = np.array([*seeds, 0, 2**64 - 1], np.uint64)
    flips = np.array(
        [sum(1 << int(bit) for bit in rng.choice(64, rng.integers(0, 18), replace=False)) for _ in range(30)]
    )
    hashes = np.concatenate([hashes, rng.choice(hashes, 30) ^ flips.astype(np.uint64)])  # copies and near ones
    expected = [
        (i, j)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if bin(int(hashes[i]) ^ int(hashes[j])).count("1") <= bits
    ]
    found = near_pairs(hashes, bits, most=100_000)
    assert found is not None
    assert list(zip(*(side.tolist() for side in found), strict=True)) == expected


def test_parts_give_what_a_whole_gives(monkeypatch):
    hashes = np.random.default_rng(0).integers(0, 2**20, 3000, dtype=np.uint64) << np.uint64(9)
    whole = near_pairs(hashes, 5, most=10_000_000)
    monkeypatch.setattr(hashing, "_PART", 1000)
    parts = near_pairs(hashes, 5, most=10_000_000)
    assert whole is not None and parts is not None and len(whole[0]) > 1000
    np.testing.assert_array_equal(np.array(whole), np.array(parts))


def test_a_crowd_of_equal_hashes_is_refused_and_not_spread_out():
    assert near_pairs(np.zeros(100_000, np.uint64), 6, most=1_000_000) is None
    assert near_pairs(np.arange(50_000, dtype=np.uint64), 6, most=1_000_000) is None


def test_no_hash_has_no_pair():
    found = near_pairs(np.empty(0, np.uint64), 6, most=10)
    assert found is not None and len(found[0]) == 0


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
def test_bits_are_counted_with_and_without_numpy_2(words):
    array = np.array(words, np.uint64)
    expected = [bin(word).count("1") for word in words]
    assert popcount(array).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(np, "bitwise_count", raising=False)
        assert popcount(array).tolist() == expected


@pytest.mark.parametrize("side_px", [64, 224])
def test_the_hash_outlives_brightness_and_a_resize_round_trip(side_px):
    for image in cluttered(40, side_px=side_px):
        assert bits_apart(hash_of(image), hash_of(nearly(image)))[0] <= 6


def test_other_pictures_have_other_hashes():
    hashes = np.concatenate([hash_of(image) for image in cluttered(60, side_px=64)])
    apart = bits_apart(hashes[:, None], hashes[None])[np.triu_indices(60, 1)]
    assert np.median(apart) > 15


def test_the_cosines_are_those_of_scipy():
    from scipy.fft import dctn

    grey = np.random.default_rng(0).random((32, 32))
    low = hashing._cosines(32) @ grey @ hashing._cosines(32).T
    np.testing.assert_allclose(low, dctn(grey, norm="ortho")[:8, :8], atol=1e-5)
