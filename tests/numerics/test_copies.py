"""Near copies: all planted ones and no others, in crowds of equal hashes and among flat pictures too."""

from __future__ import annotations

import numpy as np
import pytest

from measured import cluttered, nearly
from tilth.embed.pixels import Pixels
from tilth.numerics import copies, descriptor, fingerprint
from tilth.testing.memory import MemoryRun

RNG = np.random.default_rng


def near_of(images, bits=6):
    values = Pixels().describe(images, MemoryRun())
    embedding = descriptor.principal(values, np.ones(len(images), bool), dims=64)
    return copies.near_pictures(fingerprint.of_pictures(images), embedding, bits=bits, rng=RNG(0))


def found(near):
    return set(zip(near.a.tolist(), near.b.tolist(), strict=True))


@pytest.mark.parametrize(("side_px", "n"), [(64, 400), pytest.param(224, 300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("channels", [1, 3])
def test_planted_near_copies_are_found_and_nothing_else(side_px, n, channels):
    images = cluttered(n, side_px=side_px, channels=channels)
    pairs = found(near_of([*images, *map(nearly, images[:100])]))
    planted = {(row, n + row) for row in range(100)}
    assert len(pairs & planted) >= 98  # recall
    assert len(pairs & planted) >= 0.98 * len(pairs)  # precision


def test_copies_of_every_picture_do_not_hide_each_other():
    images = cluttered(60, side_px=48)
    assert found(near_of([*images, *map(nearly, images)])) == {(row, 60 + row) for row in range(60)}


def test_a_crowd_of_equal_hashes_is_settled_by_tones(monkeypatch):
    monkeypatch.setattr(copies, "_PAIRS_A_ROW", 0)  # as if the hashes were too alike to say anything
    images = cluttered(80, side_px=48)
    assert found(near_of([*images, *map(nearly, images[:20])])) == {(row, 80 + row) for row in range(20)}


def test_flat_pictures_are_near_by_colour_alone():
    shades = [np.full((9, 9, 3), shade, np.uint8) for shade in (10, 11, 12, 200, 201)]
    shades += [np.zeros((9, 9, 3), np.uint8) + np.array([10, 90, 10], np.uint8)]
    near = near_of([*shades, *cluttered(20, side_px=32)])
    assert found(near) == {(0, 1), (0, 2), (1, 2), (3, 4)}
    assert near.together(np.array([0, 0]), np.array([2, 5])).tolist() == [True, False]


def test_thousands_of_flat_pictures_take_no_time():
    rows = np.tile(fingerprint.of_pictures([np.full((9, 9, 1), 128, np.uint8)]), (20_000, 1))
    near = copies.near_pictures(rows, np.ones((20_000, 2), np.float32), bits=6, rng=RNG(0))
    assert len(near.a) == 19_999


def texts_near(texts, jaccard=0.8, exact=True):
    return found(copies.near_texts(fingerprint.of_texts(texts), texts if exact else None, jaccard=jaccard))


def test_texts_that_differ_in_case_points_or_one_word_of_many_are_near():
    long = " ".join(f"word{number}" for number in range(30))
    texts = ["Where is it?", "where is it", "where is that", long, long.replace("word7", "other"), "", "?!", "??"]
    assert texts_near(texts) == texts_near(texts, exact=False) == {(0, 1), (3, 4)}


def test_pairs_of_texts_agree_with_brute_force():
    rng = RNG(3)
    texts = [" ".join(rng.choice(list("abcdefg"), 14)) for _ in range(60)]
    for row in range(20):
        words = texts[row].split()
        words[int(rng.integers(14))] = "zz"
        texts.append(" ".join(words))
    parts = [fingerprint.shingles(fingerprint.words_of(text)) for text in texts]
    expected = {
        (i, j)
        for i in range(80)
        for j in range(i + 1, 80)
        if len(parts[i] & parts[j]) / len(parts[i] | parts[j]) >= 0.75
    }
    assert texts_near(texts, 0.75) == expected and len(expected) >= 10


def test_nothing_comes_of_nothing():
    assert texts_near([]) == set()
    assert found(near_of([np.zeros((2, 2, 1), np.uint8)])) == set()
