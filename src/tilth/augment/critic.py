"""The critic of the policy search: a small network that tells made pictures from real ones, and names their class.

It is a Wasserstein critic, kept smooth by a penalty on its gradient; it has no batch normalisation, under which the
gradient of one picture would hang on the others.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

_PLACES = 4  # a side, of which features are kept: where a stroke stands tells a shift


class Critic(nn.Module):
    """Pictures (b, c, h, w), of mean 0 and deviation 1, -> class answers (b, k) and how real each seems (b,)."""

    def __init__(self, k: int, channels: int, *, width: int = 16, hidden: int = 128) -> None:
        super().__init__()
        steps = (channels, width, 2 * width, 4 * width)
        convs = [nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(steps)]
        self.body = nn.Sequential(*(layer for conv in convs for layer in (conv, nn.LeakyReLU(0.2))))
        features = steps[-1] * _PLACES**2
        self.classes = nn.Linear(features, k)
        self.real = nn.Sequential(nn.Linear(features, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.body(pictures)
        if seen.shape[2:] != (_PLACES, _PLACES):
            seen = F.adaptive_avg_pool2d(seen, _PLACES)
        flat = seen.flatten(1)
        return self.classes(flat), self.real(flat).squeeze(1)


def gradient_norms(critic: nn.Module, pictures: Tensor) -> Tensor:
    """(b,) length of the gradient of "how real" by the whole picture, every channel and pixel at once.

    Source  Gulrajani et al. 2017, arXiv:1704.00028. A norm over the channels alone, as in published code, would bring
            the gradient of every pixel to 1 and with it that of a 32 x 32 picture to 32.
    """
    pictures = pictures.detach().requires_grad_(True)
    real = critic(pictures)[1].sum()
    (slope,) = torch.autograd.grad(real, pictures, create_graph=True)
    return slope.flatten(1).norm(2, dim=1)


def penalty(critic: nn.Module, real: Tensor, made: Tensor, between: Tensor) -> Tensor:
    """How far the slope is from 1 on the lines between real and made pictures, squared, on average.

    between  (b,) 0..1, where on the line
    """
    share = between.view(-1, 1, 1, 1)
    return ((gradient_norms(critic, share * real + (1 - share) * made) - 1) ** 2).mean()


def class_loss(answers: Tensor, targets: Tensor, *, multi: bool) -> Tensor:
    """Cross-entropy with shares of classes (b, k); of each class by itself where a sample may have several."""
    if multi:
        return F.binary_cross_entropy_with_logits(answers, targets)
    return cast(Tensor, -(targets * F.log_softmax(answers, 1)).sum(1).mean())
