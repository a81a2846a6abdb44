"""One pixel: the best place is known where one pixel decides, and nothing but one pixel is ever changed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from borders import Bent, greys
from tilth.perturb.one_pixel import _children, _three, one_pixel


def dice(b: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, row]) for row in range(b)]


def weak_at(row: int, column: int, *, above: float) -> torch.nn.Module:
    """Answers class 1 where this pixel is brighter than so much, and class 0 elsewhere."""

    class Weak(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            # A slope towards the place, so that evolution has something to go by.
            y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
            near = torch.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
            gain = ((pixels[:, 0] - 0.5) * near).flatten(1).amax(1) - (above - 0.5)
            return torch.stack([torch.zeros_like(gain), gain * 10], 1)

    return Weak()


def test_finds_the_only_pixel_that_matters() -> None:
    net, pixels = weak_at(2, 5, above=0.97), torch.full((3, 1, 8, 8), 0.5)
    shown, astray = one_pixel(net, pixels, torch.zeros(3, dtype=torch.int64), dice(3), agents=60, generations=60)
    assert astray.all()
    changed = (shown != pixels)[:, 0]
    assert changed.flatten(1).sum(1).tolist() == [1, 1, 1] and changed[:, 2, 5].all()


def test_one_pixel_of_all_channels_is_changed_and_no_more() -> None:
    net, pixels = Bent(3, 108, seed=1), greys(6, (3, 6, 6), spread=0.2).clamp(0, 1)
    shown, _ = one_pixel(net, pixels, torch.tensor([0, 1, 2, 0, 1, 2]), dice(6), agents=20, generations=3)
    assert ((shown != pixels).any(1).flatten(1).sum(1) <= 1).all()
    assert float(shown.min()) >= 0 and float(shown.max()) <= 1


def test_says_of_each_picture_whether_the_answer_changed() -> None:
    net, pixels = Bent(4, 36, seed=2), greys(16, spread=0.1).clamp(0, 1)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    shown, astray = one_pixel(net, pixels, labels, dice(16), agents=30, generations=4)
    with torch.no_grad():
        assert torch.equal(net(shown).argmax(1) != labels, astray)
    assert 0 < int(astray.sum()) < 16


def test_more_generations_leave_no_label_more_probable() -> None:
    net, pixels = Bent(4, 36, seed=2), greys(10, spread=0.2).clamp(0, 1)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    own = []
    for generations in (0, 5, 20):
        shown, astray = one_pixel(net, pixels, labels, dice(10), agents=20, generations=generations)
        with torch.no_grad():
            chance = torch.softmax(net(shown), 1).gather(1, labels[:, None])[:, 0]
        own.append((chance, astray))
    for (before, _), (after, led) in pairwise(own):
        assert (led | (after <= before + 1e-6)).all()


def test_what_is_found_for_a_picture_does_not_hang_on_its_batch() -> None:
    net, pixels = Bent(3, 36, seed=1), greys(5, spread=0.2).clamp(0, 1)
    labels = torch.tensor([0, 1, 2, 0, 1])
    together, _ = one_pixel(net, pixels, labels, dice(5), agents=12, generations=4)
    alone, _ = one_pixel(net, pixels[2:3], labels[2:3], dice(5)[2:3], agents=12, generations=4, at_once=7)
    assert torch.equal(together[2:3], alone)


def test_three_agents_of_a_child_differ() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        first, second, third = _three(rng, 4)
        assert ((first != second) & (second != third) & (first != third)).all()
        assert {*first, *second, *third} <= set(range(4))


def test_genes_stay_in_their_range() -> None:
    rng = np.random.default_rng(1)
    genes = np.column_stack([rng.random((40, 2)) * (8, 5), rng.random((40, 1))])
    for _ in range(20):
        genes = _children(rng, genes, 2.0, 8, 5)
        assert (genes >= 0).all() and (genes[:, 0] < 8).all() and (genes[:, 1] < 5).all() and (genes[:, 2] <= 1).all()
