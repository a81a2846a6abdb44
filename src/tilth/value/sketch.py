"""Kronecker sketches: short stand-ins for gradients, whose products stand in for those of the gradients.

The gradient of a layer's weight is a matrix out x in; the sketch is `left @ gradient @ right.T` with seeded signs, one
small matrix a side. A product of two sketches is right on average, and off by about 1 / side of the lengths.
Source: Kane and Nelson 2014 for signs; Choe et al. 2024 (LoGra), arXiv:2405.13954, for the two sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tilth.value.gradients import Directions, trained


@dataclass(frozen=True)
class Sketch:
    """sides: name of a parameter -> (left, right), or None where it is short enough to be taken whole."""

    sides: Mapping[str, tuple[torch.Tensor, torch.Tensor] | None]
    shapes: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, net: nn.Module, side: int, rng: np.random.Generator) -> Sketch:
        """For the parameters of a network; weights become at most side x side."""
        sides: dict[str, tuple[torch.Tensor, torch.Tensor] | None] = {}
        shapes: dict[str, tuple[int, int]] = {}
        for name, weight in trained(net).items():
            rows = weight.shape[0] if weight.ndim > 1 else 1
            shapes[name] = (rows, weight.numel() // max(rows, 1))
            if weight.numel() <= side * side:
                sides[name] = None
            else:
                left, right = (_signs(rng, min(side, width), width).to(weight) for width in shapes[name])
                sides[name] = left, right
        return cls(sides, shapes)

    def short(self, name: str, each: torch.Tensor) -> torch.Tensor:
        """(b, numel) gradients -> (b, at most side^2)."""
        both = self.sides[name]
        if both is None:
            return each
        left, right = both
        return (left @ each.view(-1, *self.shapes[name]) @ right.T).flatten(1)

    def shortened(self, directions: Directions) -> dict[str, torch.Tensor]:
        """The sketches of directions."""
        return {name: self.short(name, one) for name, one in directions.items()}

    @property
    def dims(self) -> int:
        """Numbers of one sketch."""
        return sum(
            self.shapes[name][0] * self.shapes[name][1] if both is None else len(both[0]) * len(both[1])
            for name, both in self.sides.items()
        )


@dataclass
class SketchedDots:
    """As `gradients.Dots`, between sketches. directions: already short."""

    sketch: Sketch
    directions: Directions
    scale: Mapping[str, Any] | None = None
    sums: Any = 0.0

    def take(self, name: str, each: torch.Tensor) -> None:
        if self.scale is not None:
            each = each * self.scale[name]
        self.sums = self.sums + self.sketch.short(name, each) @ self.directions[name].T


def _signs(rng: np.random.Generator, rows: int, width: int) -> torch.Tensor:
    """(rows, width) of +-1 / sqrt(rows); the identity where nothing would be saved."""
    if rows >= width:
        return torch.eye(width)
    return torch.from_numpy(rng.choice(np.array([-1.0, 1.0], np.float32), (rows, width)) / np.float32(np.sqrt(rows)))
