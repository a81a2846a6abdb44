"""Pixels tells shapes apart, takes pictures of any size, and is quick."""

from __future__ import annotations

import time

import numpy as np
import pytest

from measured import cluttered
from tilth.embed.fingerprint import Fingerprint
from tilth.embed.pixels import Pixels
from tilth.numerics.neighbors import nearest
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun


@pytest.mark.parametrize("step", [Pixels(), Fingerprint()])
def test_keeps_the_contract(step):
    check_step(step)


def embedded(images, **settings):
    world = worlds.photos(len(images))
    step, run = Pixels(**settings), MemoryRun()
    return step.finish(step.describe(images, run), world.data, run)


@pytest.mark.parametrize("channels", [1, 3])
def test_neighbours_show_the_same_shape(channels):
    world = worlds.photos(400, classes=6, channels=channels, side_px=48)
    values = world.run().embed("embed.pixels", world.data).values
    _, rows = nearest(values, values, 5, exclude_self=True)
    same = world.data.labels[rows] == world.data.labels[:, None]
    assert same.mean() > 0.85  # by chance: .17


def test_pictures_of_all_sizes_and_both_kinds_go_together():
    images = [np.full((1, 1, 1), 7, np.uint8), np.zeros((3, 900, 3), np.uint8), *cluttered(30, side_px=33)]
    values = embedded(images)
    assert values.dtype == np.float32 and np.isfinite(values).all()
    lengths = np.linalg.norm(values, axis=1)
    assert np.all(np.isclose(lengths, 1, atol=1e-5) | (lengths == 0))


def test_a_batch_is_its_members():
    images, run = [*cluttered(70, side_px=40), *cluttered(3, side_px=25, channels=1)], MemoryRun()
    whole = Pixels().describe(images, run)
    single = np.concatenate([Pixels().describe([image], run) for image in images])
    np.testing.assert_allclose(whole, single, atol=1e-5)
    assert Pixels().describe([], run).shape == (0, whole.shape[1])


def test_colours_are_told_apart():
    image = cluttered(1, side_px=64)[0]
    near, far = (Pixels().describe([picture], MemoryRun())[0] for picture in (image, image[:, :, ::-1]))
    assert np.linalg.norm(near - far) > 0.1


def test_the_sealed_test_turns_no_direction():
    world = worlds.photos(80, test_share=0.25)
    step, run = Pixels(dims=8), world.run()
    values = step.describe(list(run.images(world.data)), run)
    sealed = world.data.splits == "test"
    moved = values.copy()
    moved[sealed] += 1
    left, right = (step.finish(part, world.data, run)[~sealed] for part in (values, moved))
    np.testing.assert_array_equal(left, right)


@pytest.mark.slow
def test_thirty_thousand_small_pictures_take_half_a_minute():
    images, run = cluttered(512, side_px=64), MemoryRun()
    begun = time.process_time()
    Pixels().describe(images, run)
    Fingerprint().describe(images, run)
    per_second = 512 / (time.process_time() - begun)
    assert per_second > 600  # about 1,400 on one quiet core
