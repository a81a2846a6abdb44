"""DeepFool: exact where the network is linear, over the border where it is not, and done with a picture once it is."""

from __future__ import annotations

import pytest
import torch

from borders import Affine, Bent, greys
from tilth.perturb.deepfool import deepfool, deepfool_towards
from tilth.perturb.gradient import lengths


def faces(net: Affine, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """(b, k) exact distance to the border with each other class; infinity to the own one."""
    with torch.no_grad():
        answers = net(pixels)
        gaps = answers.gather(1, labels[:, None]) - answers
        apart = (net.weight[None] - net.weight[labels][:, None]).norm(dim=2)
    return torch.where(torch.arange(net.weight.shape[0]) == labels[:, None], torch.inf, gaps / apart)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_the_distance_is_that_of_the_nearest_face_of_a_linear_network(k: int) -> None:
    net, pixels = Affine(k, (1, 6, 6), seed=k), greys(20)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    found = deepfool(net, pixels, labels)
    exact = faces(net, pixels, labels).min(1).values
    assert found.crossed.all() and (found.steps == 1).all()
    assert torch.allclose(found.distance, exact + 1e-4, atol=2e-5)
    with torch.no_grad():
        assert (net(found.pixels).argmax(1) != labels).all()


def test_the_change_is_the_distance_and_the_overshoot() -> None:
    net, pixels = Affine(4, (1, 6, 6)), greys(6)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    found = deepfool(net, pixels, labels, overshoot=0.5)
    assert torch.allclose(lengths(found.pixels - pixels).flatten(), 1.5 * found.distance, rtol=1e-4)


def test_no_shorter_way_is_found_along_many_directions() -> None:
    net, pixels = Bent(3, 4, seed=2), greys(3, (1, 2, 2), spread=0.1)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    found = deepfool(net, pixels, labels)
    ways = torch.nn.functional.normalize(torch.randn((4000, 4), generator=torch.Generator().manual_seed(0)), dim=1)
    for row in range(3):
        # Whether 70 % of the length is enough in any direction: the method is greedy, and no more than near the best.
        nearer = pixels[row].flatten() + 0.7 * found.distance[row] * ways
        with torch.no_grad():
            assert (net(nearer.view(-1, 1, 2, 2)).argmax(1) == labels[row]).all()


def test_a_picture_that_is_answered_otherwise_already_stays() -> None:
    net, pixels = Affine(3, (1, 6, 6)), greys(8)
    with torch.no_grad():
        wrong = (net(pixels).argmax(1) + 1) % 3
    found = deepfool(net, pixels, wrong)
    assert torch.equal(found.pixels, pixels) and (found.distance == 0).all() and found.crossed.all()


def test_what_is_not_reached_is_told() -> None:
    net, pixels = Bent(3, 36, seed=1), greys(6, spread=0.2).clamp(0, 1)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    found = deepfool(
        lambda shown: net(shown) + 1e6 * torch.nn.functional.one_hot(labels[: len(shown)], 3), pixels, labels, steps=2
    )
    assert not found.crossed.any() and (found.steps == 2).all()


def test_a_target_is_reached_by_the_shortest_way_between_two_classes() -> None:
    net, pixels = Affine(2, (1, 6, 6)), greys(10)
    with torch.no_grad():
        other = 1 - net(pixels).argmax(1)
    found = deepfool_towards(net, pixels, other)
    exact = faces(net, pixels, 1 - other).min(1).values
    assert found.crossed.all() and torch.allclose(found.distance, exact + 1e-4, atol=2e-5)


def test_the_target_is_what_is_answered_then() -> None:
    net, pixels = Bent(5, 36, seed=4), greys(20, spread=0.2).clamp(0, 1)
    targets = torch.arange(20) % 5
    found = deepfool_towards(net, pixels, targets)
    with torch.no_grad():
        assert (net(found.pixels).argmax(1) == targets)[found.crossed].all()
    assert found.crossed.float().mean() >= 0.9


def test_what_becomes_of_a_picture_does_not_hang_on_its_batch() -> None:
    net, pixels = Bent(4, 36, seed=5), greys(12, spread=0.2).clamp(0, 1)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    together, alone = deepfool(net, pixels, labels), deepfool(net, pixels[7:8], labels[7:8])
    assert torch.allclose(together.pixels[7:8], alone.pixels, atol=1e-5)
