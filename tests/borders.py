"""Networks with a known border, for the tests of perturbation."""

from __future__ import annotations

import torch
from torch import nn


class Affine(nn.Module):
    """Answers that are linear in the pixels: the nearest border of each picture is known."""

    def __init__(self, k: int, shape: tuple[int, int, int], *, seed: int = 0) -> None:
        super().__init__()
        dice = torch.Generator().manual_seed(seed)
        size = shape[0] * shape[1] * shape[2]
        self.weight = nn.Parameter(torch.randn((k, size), generator=dice))
        # Balanced at the grey picture: borders lie within the range.
        self.bias = nn.Parameter(-0.5 * self.weight.detach().sum(1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1) @ self.weight.T + self.bias


class Bent(nn.Module):
    """A small network with one layer that is not linear."""

    def __init__(self, k: int, size: int, *, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(size, 24), nn.Tanh(), nn.Linear(24, k))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers((pixels - 0.5) * 6)


def greys(b: int, shape: tuple[int, int, int] = (1, 6, 6), *, seed: int = 1, spread: float = 0.05) -> torch.Tensor:
    """Pictures near the middle of the range, so that no pixel meets its end."""
    dice = torch.Generator().manual_seed(seed)
    return 0.5 + spread * torch.randn((b, *shape), generator=dice)
