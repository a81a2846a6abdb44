"""FGSM and PGD: known answers on linear networks, and the distance that is never left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from borders import Affine, Bent, greys
from tilth.perturb.gradient import ball_start, box_start, fgsm, lengths, pgd, pgd_l2, uphill


def dice(b: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, row]) for row in range(b)]


def loss(net: torch.nn.Module, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return F.cross_entropy(net(pixels), labels, reduction="none")


def test_of_two_linear_classes_fgsm_moves_each_pixel_by_the_sign_of_their_difference() -> None:
    net, pixels = Affine(2, (1, 6, 6)), greys(4)
    labels = net(pixels).argmax(1)
    other = 1 - labels
    expected = pixels + 0.02 * (net.weight[other] - net.weight[labels]).sign().view_as(pixels)
    assert torch.allclose(fgsm(net, pixels, labels, eps=0.02), expected, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences() -> None:
    net, pixels = Bent(3, 36).double(), greys(1).double()
    labels = torch.tensor([2])
    slope = uphill(net, pixels, labels)
    for at in (0, 17, 35):
        step = torch.zeros(36, dtype=torch.float64)
        step[at] = 1e-5
        step = step.view_as(pixels)
        numeric = (loss(net, pixels + step, labels) - loss(net, pixels - step, labels)) / 2e-5
        assert float(slope.flatten()[at]) == pytest.approx(float(numeric[0]), abs=1e-6)


@given(st.floats(0.01, 0.3), st.integers(1, 5), st.integers(0, 50))
def test_no_pixel_leaves_its_distance_or_the_range(eps: float, steps: int, seed: int) -> None:
    net, pixels = Bent(3, 36, seed=seed), greys(3, seed=seed, spread=0.4).clamp(0, 1)
    labels = torch.tensor([0, 1, 2])
    start = box_start(pixels, dice(3, seed), eps=eps)
    for shown in (
        fgsm(net, pixels, labels, eps=eps),
        pgd(net, pixels, labels, start, eps=eps, step=eps / 2, steps=steps),
    ):
        assert float((shown - pixels).abs().max()) <= eps + 1e-6
        assert float(shown.min()) >= 0 and float(shown.max()) <= 1


@given(st.floats(0.05, 2.0), st.integers(0, 50))
def test_no_change_is_longer_than_the_ball(eps: float, seed: int) -> None:
    net, pixels = Bent(3, 36, seed=seed), greys(3, seed=seed, spread=0.3).clamp(0, 1)
    start = ball_start(pixels, dice(3, seed), eps=eps)
    assert float(lengths(start).max()) <= eps * (1 + 1e-5)
    shown = pgd_l2(net, pixels, torch.tensor([0, 1, 2]), start, eps=eps, step=eps / 3, steps=4)
    assert float(lengths(shown - pixels).max()) <= eps * (1 + 1e-5)
    assert float(shown.min()) >= 0 and float(shown.max()) <= 1


def test_more_steps_do_more_harm_than_one() -> None:
    net, pixels = Bent(4, 36, seed=3), greys(32, spread=0.2).clamp(0, 1)
    with torch.no_grad():
        labels = net(pixels).argmax(1)
    once = loss(net, fgsm(net, pixels, labels, eps=0.1), labels).mean()
    start = torch.zeros_like(pixels)
    often = loss(net, pgd(net, pixels, labels, start, eps=0.1, step=0.025, steps=20), labels).mean()
    assert float(often) >= float(once) > float(loss(net, pixels, labels).mean())


def test_what_becomes_of_a_picture_does_not_hang_on_its_batch() -> None:
    net, pixels = Bent(3, 36), greys(5, spread=0.2).clamp(0, 1)
    labels = torch.tensor([0, 1, 2, 0, 1])
    alone = pgd(
        net, pixels[3:4], labels[3:4], box_start(pixels[3:4], dice(5)[3:4], eps=0.1), eps=0.1, step=0.03, steps=3
    )
    together = pgd(net, pixels, labels, box_start(pixels, dice(5), eps=0.1), eps=0.1, step=0.03, steps=3)
    assert torch.allclose(alone, together[3:4], atol=1e-6)
