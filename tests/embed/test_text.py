"""Text puts texts on one subject together, from the open samples alone."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.embed.text import Text, described
from tilth.numerics.neighbors import nearest
from tilth.testing import worlds
from tilth.testing.contract import check_step


def test_keeps_the_contract():
    check_step(Text(dims=8), world=worlds.utterances(60))


def test_neighbours_are_about_the_same():
    world = worlds.utterances(300, classes=4)
    signal = Text(dims=32).measure(world.data, world.run())
    assert signal.kind == "embedding" and signal.values.dtype == np.float32
    _, rows = nearest(signal.values, signal.values, 5, exclude_self=True)
    assert (world.data.labels[rows] == world.data.labels[:, None]).mean() > 0.75  # by chance: .25


def test_sealed_texts_teach_no_word():
    texts = ["red red", "red blue", "blue blue", "green red", "violet"]
    fit = np.array([True] * 4 + [False])
    values = described(texts, fit, dims=3, most=100, seed=0)
    assert (values[4] == 0).all() and np.allclose(np.linalg.norm(values[:4], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("texts", [[""], ["", "?!"], ["one"], ["one", "one"], ["a b", ""], ["猫", "犬"]])
def test_few_and_empty_texts_are_described(texts):
    values = described(texts, np.ones(len(texts), bool), dims=128, most=100, seed=0)
    assert len(values) == len(texts) and np.isfinite(values).all()


def test_all_sealed_is_described_all_the_same():
    assert len(described(["a b", "b c"], np.zeros(2, bool), dims=4, most=100, seed=0)) == 2
