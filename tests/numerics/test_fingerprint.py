"""Fingerprints: equal for the same pixels or words, whatever the file; apart for others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measured import cluttered, nearly
from tilth.numerics import fingerprint, picture


def exact(rows):
    return rows[:, :2].tolist()


def test_the_same_pixels_in_another_file_are_the_same():
    image = cluttered(1, side_px=40)[0]
    again = picture.decode(picture.encode(image))
    one, two, three = exact(fingerprint.of_pictures([image, again, nearly(image)]))
    assert one == two != three


def test_grey_is_grey_in_one_channel_or_three():
    grey = cluttered(1, side_px=20, channels=1)[0]
    rows = fingerprint.of_pictures([grey, np.repeat(grey, 3, axis=2)])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_the_shape_counts():
    rows = fingerprint.of_pictures([np.zeros((4, 6, 1), np.uint8), np.zeros((6, 4, 1), np.uint8)])
    assert exact(rows)[0] != exact(rows)[1]


def test_the_facts_come_back():
    image = np.zeros((30, 50, 3), np.uint8)
    image[:] = (200, 10, 90)
    tall = np.repeat(np.array([0, 250], np.uint8), 35_000)[:, None, None]
    rows = fingerprint.of_pictures([image, tall])
    assert fingerprint.colours(rows)[0].tolist() == [200, 10, 90]
    assert fingerprint.flat(rows).tolist() == [True, False]
    assert fingerprint.pixels(rows).tolist() == [1500, 65535]


@pytest.mark.parametrize("side_px", [64, 224])
def test_tones_do_not_mind_brightness(side_px):
    images = cluttered(20, side_px=side_px)
    tones = fingerprint.tones(fingerprint.of_pictures([*images, *map(nearly, images)]))
    apart = np.linalg.norm(tones[:20, None] - tones[None, 20:], axis=2)
    assert np.diag(apart).max() < 0.05 and apart[~np.eye(20, dtype=bool)].min() > 0.2


def test_a_batch_is_its_members():
    images = [*cluttered(3, side_px=30), *cluttered(2, side_px=17, channels=1), np.zeros((1, 1, 1), np.uint8)]
    whole = fingerprint.of_pictures(images)
    np.testing.assert_array_equal(whole, np.concatenate([fingerprint.of_pictures([image]) for image in images]))
    assert fingerprint.of_pictures([]).shape == (0, 36)


def test_texts_are_equal_but_for_spaces_and_near_but_for_case_and_points():
    rows = fingerprint.of_texts(["Is it  on?", " Is it on? ", "is it ON", "is it off"])
    assert exact(rows)[0] == exact(rows)[1] != exact(rows)[2]
    assert rows[0, 2] == rows[2, 2] != rows[3, 2]


@pytest.mark.parametrize("text", ["", " \n", "?!", "\ud800", "猫がいる", "e\u0301te\u0301"])
def test_odd_texts_have_a_fingerprint(text):
    assert fingerprint.of_texts([text]).shape == (1, 36)


def test_characters_are_words_where_no_spaces_are_written():
    assert fingerprint.words_of("猫がいる、CAT!") == ["猫", "が", "い", "る", "cat"]


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12), st.lists(st.sampled_from("abcdefgh"), min_size=1)
)
def test_min_hashes_estimate_the_share_in_common(left, right):
    rows = fingerprint.of_texts([" ".join(left), " ".join(right)])
    a, b = (fingerprint.shingles(part) for part in (left, right))
    estimate = (fingerprint.minhashes(rows)[0] == fingerprint.minhashes(rows)[1]).mean()
    truth = len(a & b) / len(a | b)
    assert abs(estimate - truth) <= 5 * np.sqrt(truth * (1 - truth) / 64) + 1e-9
