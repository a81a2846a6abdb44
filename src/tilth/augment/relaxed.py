"""A policy that can be learned: every operation of a stage is done a little, and gradients reach what is to be found.

Chance of an operation: a softmax at a low temperature mixes what all of them make. Done or not: a relaxed Bernoulli
draw per picture. Magnitude: through the operation where it is exact, past it (straight-through) where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tilth.augment.operation import Dice, Operation
from tilth.augment.operations import grounds

LEAST_P = 1e-3
"""A probability is kept this far from 0 and 1: at 0 the gradient of a relaxed draw is 0, and there were no way back."""


class Relaxed(nn.Module):
    """The policy of the search: logits, p and magnitude for each of (sub-policies, stages, operations).

    softmax, bernoulli  temperatures
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        start: tuple[Tensor, Tensor, Tensor],
        *,
        softmax: float,
        bernoulli: float,
    ) -> None:
        super().__init__()
        self.operations = tuple(operations)
        self.logits, self.p, self.magnitude = (nn.Parameter(values.clone()) for values in start)
        self.softmax, self.bernoulli = softmax, bernoulli
        self.keep_within()

    def forward(self, pictures: Tensor, which: Tensor, rng: np.random.Generator) -> Tensor:
        """Pictures (b, c, h, w) under the sub-policies `which` (b,)."""
        dice = rng.spawn(len(pictures))
        for stage in range(self.logits.shape[1]):
            chance = torch.softmax(self.logits[which, stage] / self.softmax, 1)
            done = self._done(self.p[which, stage], rng)
            strength = self.magnitude[which, stage] * self._sides(len(pictures), rng, pictures.device)
            pictures = _mixed(self.operations, pictures, chance * done, strength, dice)
        return pictures

    def _done(self, p: Tensor, rng: np.random.Generator) -> Tensor:
        """(b, o) relaxed Bernoulli draws.   Source  Maddison et al. 2017, arXiv:1611.00712"""
        spread = torch.from_numpy(rng.logistic(size=tuple(p.shape)).astype(np.float32)).to(p.device)
        return torch.sigmoid((torch.logit(p) + spread) / self.bernoulli)

    def _sides(self, b: int, rng: np.random.Generator, device: torch.device) -> Tensor:
        """(b, o) 1 or -1 where the operation goes to either side, else 1."""
        signed = np.array([one.signed for one in self.operations])
        sides = np.where(signed & (rng.random((b, len(signed))) < 0.5), -1, 1)
        return torch.from_numpy(sides.astype(np.float32)).to(device)

    def keep_within(self) -> None:
        """Bring p and magnitude back to where they mean something, after a step of the optimizer."""
        with torch.no_grad():
            self.p.clamp_(LEAST_P, 1 - LEAST_P)
            self.magnitude.clamp_(0, 1)

    def tables(self) -> dict[str, np.ndarray]:
        """chance, p and magnitude as arrays (sub-policies, stages, operations)."""
        found = {"chance": torch.softmax(self.logits / self.softmax, 2), "p": self.p, "magnitude": self.magnitude}
        return {name: values.detach().cpu().numpy().copy() for name, values in found.items()}


def _mixed(operations: Sequence[Operation], pictures: Tensor, weight: Tensor, strength: Tensor, dice: Dice) -> Tensor:
    """The pictures, each moved towards what every operation makes of it by the operation's weight (b, o)."""
    ground, out = grounds(pictures.detach()), pictures
    for at, operation in enumerate(operations):
        made = operated(operation, pictures, strength[:, at], ground, dice)
        out = out + weight[:, at].view(-1, 1, 1, 1) * (made - pictures)
    return within(out)


def operated(operation: Operation, pictures: Tensor, magnitudes: Tensor, ground: Tensor, dice: Dice) -> Tensor:
    """What an operation makes of pictures, with a gradient: its own, or that of the pictures as they were."""
    if not operation.graded:
        magnitudes = torch.ones_like(magnitudes)
    if operation.gradient == "none":
        magnitudes = magnitudes.detach()
    made = operation.apply(pictures, magnitudes, ground, dice)
    if pictures.requires_grad and not made.requires_grad:
        return made + (pictures - pictures.detach())
    return made


def within(pictures: Tensor) -> Tensor:
    """Clipped to 0..1; the gradient goes through as if they were not: on white paper half of it would be lost."""
    return pictures + (pictures.clamp(0, 1) - pictures).detach()
