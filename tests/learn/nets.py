"""Networks that tests hand in as a user would."""

from __future__ import annotations

import torch
from torch import nn


def tiny(num_classes: int, width: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, num_classes),
    )


def five(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(5))


def broken(num_classes: int) -> nn.Module:
    raise RuntimeError("no weights today")


def nothing(num_classes: int) -> str:
    return "a network"


class NoHead(nn.Module):
    """Answers without a linear layer: there is no layer to look at."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(3, num_classes, 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.kernel(pictures).mean((2, 3))
