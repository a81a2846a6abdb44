"""FGSM and PGD: along the gradient of the loss, within a distance.

Pictures lie in 0..1. `answers` is a network in eval mode, pictures (b, c, h, w) -> (b, k) before softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

Answers: TypeAlias = Callable[[Tensor], Tensor]


def fgsm(answers: Answers, pixels: Tensor, labels: Tensor, *, eps: float) -> Tensor:
    """Every pixel moved by `eps` to the side on which the loss grows.

    pixels   (b, c, h, w) in 0..1
    labels   (b,) int64, what the pictures are and shall no longer be taken for
    returns  (b, c, h, w) in 0..1, no pixel farther off than `eps`

    Source   Goodfellow et al. 2015, arXiv:1412.6572
    Cost     one way forth and back
    """
    return (pixels + eps * uphill(answers, pixels, labels).sign()).clamp_(0, 1)


def pgd(
    answers: Answers, pixels: Tensor, labels: Tensor, start: Tensor, *, eps: float, step: float, steps: int
) -> Tensor:
    """Many small steps of `fgsm`, each brought back to where no pixel is farther off than `eps`.

    start  (b, c, h, w) change to begin with, within `eps`: see `box_start`
    step   length of a step, in units of the range

    Source  Madry et al. 2018, arXiv:1706.06083
    Cost    `steps` ways forth and back
    """
    low, high = (pixels - eps).clamp_(0, 1), (pixels + eps).clamp_(0, 1)
    shown = torch.clamp(pixels + start, low, high)
    for _ in range(steps):
        shown = torch.clamp(shown + step * uphill(answers, shown, labels).sign_(), low, high)
    return shown


def pgd_l2(
    answers: Answers, pixels: Tensor, labels: Tensor, start: Tensor, *, eps: float, step: float, steps: int
) -> Tensor:
    """As `pgd`, where the length of the whole change is at most `eps`, and a step goes straight uphill.

    start  (b, c, h, w) change to begin with, no longer than `eps`: see `ball_start`
    """
    shown = (pixels + start).clamp_(0, 1)
    for _ in range(steps):
        slope = uphill(answers, shown, labels)
        moved = shown + step * slope / lengths(slope).clamp_min(1e-12) - pixels
        shown = (pixels + moved * (eps / lengths(moved).clamp_min(1e-12)).clamp_max(1)).clamp_(0, 1)
    return shown


def uphill(answers: Answers, pixels: Tensor, labels: Tensor) -> Tensor:
    """(b, c, h, w) gradient of each picture's cross-entropy by its pixels."""
    with torch.enable_grad():
        free = pixels.detach().requires_grad_(True)
        loss = F.cross_entropy(answers(free), labels, reduction="sum")
        return torch.autograd.grad(loss, free)[0]


def lengths(change: Tensor) -> Tensor:
    """(b, 1, 1, 1) Euclidean length of each change."""
    return torch.linalg.vector_norm(change.flatten(1), dim=1).view(-1, 1, 1, 1)


def box_start(pixels: Tensor, dice: Sequence[np.random.Generator], *, eps: float) -> Tensor:
    """(b, c, h, w) evenly within `eps` of nothing, each picture by its own dice."""
    drawn = [rng.random(tuple(pixels.shape[1:]), dtype=np.float32) for rng in dice]
    return (torch.from_numpy(np.stack(drawn)).to(pixels) * 2 - 1) * eps


def ball_start(pixels: Tensor, dice: Sequence[np.random.Generator], *, eps: float) -> Tensor:
    """(b, c, h, w) evenly within the ball of radius `eps`, each picture by its own dice."""
    drawn = [(rng.standard_normal(tuple(pixels.shape[1:]), dtype=np.float32), rng.random()) for rng in dice]
    ways = torch.from_numpy(np.stack([way for way, _ in drawn])).to(pixels)
    share = torch.tensor([share ** (1 / ways[0].numel()) for _, share in drawn]).to(pixels).view(-1, 1, 1, 1)
    return ways / lengths(ways).clamp_min(1e-12) * share * eps
