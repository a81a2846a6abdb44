"""Where the pen goes next: a mixture of bivariate normal densities, and whether it is lifted, and whether it is done.

Source: Graves 2013, arXiv:1308.0850, equations 16 to 26 and 61 and 62. The chance of being done is ours: there, what has been written
is told from the window alone, and a network that never learned to end adds strokes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812

_SIGMA = 7.0  # bound of log sigma to either side: exp(-14) still is a float
_RHO = 0.999  # so that 1 - rho^2 stays above 2e-3, and what is divided by it finite


def outputs(mixtures: int) -> int:
    """How many numbers a step's answer has."""
    return 6 * mixtures + 2


@dataclass(frozen=True)
class Mixture:
    """What a network says of the next step.

    shares  (..., m) log-shares
    means   (..., m, 2)
    sigmas  (..., m, 2) logarithms
    rhos    (..., m)
    lift    (...,) logit
    done    (...,) logit
    """

    shares: torch.Tensor
    means: torch.Tensor
    sigmas: torch.Tensor
    rhos: torch.Tensor
    lift: torch.Tensor
    done: torch.Tensor

    @classmethod
    def of(cls, answers: torch.Tensor, *, bias: float = 0.0) -> Mixture:
        """The mixture that these answers (..., 6 m + 2) stand for.

        bias  0: as learned; more makes the writing tidier and less varied
        """
        answers = answers.float()
        m = (answers.shape[-1] - 2) // 6
        shares, means, sigmas, rhos, ends = answers.split([m, 2 * m, 2 * m, m, 2], -1)
        sigmas = (sigmas - bias).clamp(-_SIGMA, _SIGMA)
        return cls(
            F.log_softmax(shares * (1 + bias), -1),
            means.unflatten(-1, (m, 2)),
            sigmas.unflatten(-1, (m, 2)),
            torch.tanh(rhos) * _RHO,
            ends[..., 0],
            ends[..., 1],
        )

    def loss(self, steps: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """(...,) nats that the steps (..., 3) cost; `last` (...,) is 1 where the writing ends."""
        ends = F.binary_cross_entropy_with_logits(self.lift, steps[..., 2], reduction="none")
        ends = ends + F.binary_cross_entropy_with_logits(self.done, last, reduction="none")
        return ends - self.log_density(steps[..., :2])

    def log_density(self, points: torch.Tensor) -> torch.Tensor:
        """(...,) of the points (..., 2)."""
        z = (points.unsqueeze(-2) - self.means) * torch.exp(-self.sigmas)
        free = 1 - self.rhos.square()
        square = z.square().sum(-1) - 2 * self.rhos * z[..., 0] * z[..., 1]
        each = -square / (2 * free) - self.sigmas.sum(-1) - 0.5 * free.log() - math.log(2 * math.pi)
        return torch.logsumexp(self.shares + each, -1)

    def drawn(self, dice: torch.Tensor, *, least: float = 0.01) -> tuple[torch.Tensor, torch.Tensor]:
        """Steps (b, 3) and whether the writing is done (b,), from dice (b, 5): three even in 0..1, then two normal.

        least  what has a smaller chance never happens: one point astray spoils a picture, and there are many
        """
        shares = self.shares.exp()
        shares = torch.where(shares < least, 0.0, shares)
        sums = shares.cumsum(-1)
        chosen = (sums < dice[:, :1] * sums[:, -1:]).sum(-1).clamp_max(shares.shape[-1] - 1)
        at = torch.arange(len(chosen), device=chosen.device)
        mean, sigma, rho = self.means[at, chosen], self.sigmas[at, chosen].exp(), self.rhos[at, chosen]
        x, y = dice[:, 3], dice[:, 4]
        moved = torch.stack([x, rho * x + (1 - rho.square()).sqrt() * y], -1) * sigma + mean
        lift, done = torch.sigmoid(self.lift), torch.sigmoid(self.done)
        lifted = (lift >= least) & (dice[:, 1] < lift)
        return torch.cat([moved, lifted[:, None].float()], 1), (done >= least) & (dice[:, 2] < done)
