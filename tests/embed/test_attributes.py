"""Attributes are measured sample by sample, and keep the contract."""

from __future__ import annotations

import numpy as np

from tilth.embed.attributes import Attributes
from tilth.numerics.attributes import NAMES
from tilth.testing.contract import check_step
from tilth.testing.worlds import photos


def test_keeps_the_contract():
    for channels in (1, 3):
        check_step(Attributes(), world=photos(30, junk=3, channels=channels))


def test_a_picture_is_measured_alike_in_any_company():
    world = photos(12)
    data, run = world.data.open, world.run()
    pictures = list(run.images(data))
    together = Attributes().describe(pictures, run)
    alone = np.concatenate([Attributes().describe([one], run) for one in pictures])
    assert together.shape == (len(data), len(NAMES)) and (together == alone).all()
