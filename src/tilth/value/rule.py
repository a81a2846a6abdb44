"""How one step of an optimizer moves the weights, seen from the gradient: what a trajectory is differentiated by.

For SGD with the Hessian dropped, what a gradient at step t adds to the last weights is one factor a step and parameter
group, known from the rates alone: the backward sweep of `factors`. For Adam the factor differs by weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tilth.errors import StepError
from tilth.signal import Array

KNOWN = ("SGD", "Adam", "AdamW")


@dataclass(frozen=True)
class Group:
    """The settings of one parameter group in one step."""

    rate: float
    decay: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8


def kind_of(optimizer: torch.optim.Optimizer) -> str:
    """`SGD`, `Adam` or `AdamW`. Raises StepError for another."""
    kind = type(optimizer).__name__
    if kind not in KNOWN:
        raise StepError(f"the training uses {kind}; its steps can be differentiated for {', '.join(KNOWN)}")
    if any(group.get("amsgrad") or group.get("maximize") for group in optimizer.param_groups):
        raise StepError("the training uses amsgrad or maximize; steps with these cannot be differentiated")
    return kind


def group_of(group: Mapping[str, Any]) -> Group:
    """What torch's parameter group says now."""
    return Group(
        float(group["lr"]),
        float(group["weight_decay"]),
        float(group.get("momentum", 0.0)),
        float(group.get("dampening", 0.0)),
        bool(group.get("nesterov", False)),
        tuple(group.get("betas", (0.9, 0.999))),
        float(group.get("eps", 1e-8)),
    )


def factors(steps: Sequence[Group]) -> Array:
    """(T,) float64: minus the share of its gradient that each step of SGD adds to the last weights, Hessian dropped.

    The pair (weights, velocity) follows [h; m] = A [h; m] + b u with 2 x 2 matrices; the sweep goes from the end.
    Source: Chen et al. 2021, HyDRA, algorithm 1 (its two branches are printed the wrong way round).
    """
    found = np.zeros(len(steps))
    r = np.array([1.0, 0.0])
    for t in range(len(steps) - 1, -1, -1):
        matrix, arrow = _move(steps[t], first=t == 0)
        found[t] = -float(r @ arrow)
        r = r @ matrix
    return found


def _move(group: Group, *, first: bool) -> tuple[Array, Array]:
    """A (2, 2) and b (2,) of one step."""
    eta, lam, mu = group.rate, group.decay, group.momentum
    gain = 1.0 if first or mu == 0 else 1 - group.dampening  # torch dampens from the second step on
    carry = 0.0 if first else mu
    # v' = carry v + gain (u + lam h); the weights move by eta v', or with Nesterov by eta (u + lam h + mu v').
    velocity, speed = np.array([gain * lam, carry]), gain
    if group.nesterov:
        shift, push = -eta * (np.array([lam, 0.0]) + mu * velocity), -eta * (1 + mu * speed)
    else:
        shift, push = -eta * velocity, -eta * speed
    return np.stack([np.array([1.0, 0.0]) + shift, velocity]), np.array([push, speed])


def moment_factors(steps: Sequence[Group], kind: str) -> Array:
    """(T,) float64: as `factors` for Adam and AdamW, times what Adam divides by.

    The second moment of the step stands for those of the steps after, in which the gradient still moves the weights: it
    changes by a thousandth a step. Decay that goes by way of the gradient (Adam's own) is left out.
    """
    found = np.zeros(len(steps))
    weight, first = 1.0, 0.0
    for t in range(len(steps) - 1, -1, -1):
        group, beta = steps[t], steps[t].betas[0]
        moment = first + group.rate / (1 - beta ** (t + 1)) * weight
        found[t] = (1 - beta) * moment
        kept = 1 - group.rate * group.decay if kind == "AdamW" else 1.0
        weight, first = weight * kept, beta * moment
    return found


@dataclass(frozen=True)
class Before:
    """One weight tensor as a step meets it.

    weight, back  value and (clipped) gradient
    first, second Adam's moments, or first the velocity of SGD; zeros before the first step
    count         number of the step, from 1
    """

    weight: torch.Tensor
    back: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    count: int


@dataclass(frozen=True)
class Adjoint:
    """Gradients of an end with respect to weight, first and second state; (m, ...) for m ends at once."""

    weight: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor


def pull(kind: str, group: Group, before: Before, after: Adjoint) -> tuple[torch.Tensor, Adjoint]:
    """One step backwards: from the adjoint after it to the adjoint of the gradient, and the adjoint before it less what
    comes by way of the gradient (the Hessian's part).
    """
    if kind == "SGD":
        return _pull_sgd(group, before, after)
    return _pull_adam(kind, group, before, after)


def _pull_sgd(group: Group, before: Before, after: Adjoint) -> tuple[torch.Tensor, Adjoint]:
    mu, first = group.momentum, before.count == 1
    moved = -group.rate * after.weight
    if mu == 0:
        d, carried = moved, torch.zeros_like(after.first)
    else:
        velocity = after.first + (mu * moved if group.nesterov else moved)
        d = velocity * (1.0 if first else 1 - group.dampening)
        if group.nesterov:
            d = d + moved
        carried = torch.zeros_like(velocity) if first else mu * velocity
    return d, Adjoint(after.weight + group.decay * d, carried, after.second)


def _pull_adam(kind: str, group: Group, before: Before, after: Adjoint) -> tuple[torch.Tensor, Adjoint]:
    beta1, beta2 = group.betas
    c1, c2 = 1 - beta1**before.count, 1 - beta2**before.count
    decayed = kind == "AdamW"
    g = before.back if decayed else before.back + group.decay * before.weight
    first = beta1 * before.first + (1 - beta1) * g
    root = ((beta2 * before.second + (1 - beta2) * g * g) / c2).sqrt()
    below = root + group.epsilon
    step = group.rate / c1
    by_first = after.first - step * after.weight / below
    d = (1 - beta1) * by_first
    slope = torch.where(root > 0, 1 / (2 * c2 * root.clamp_min(1e-30)), torch.zeros_like(root))
    by_second = after.second + step * first / below**2 * slope * after.weight
    d = d + 2 * (1 - beta2) * g * by_second
    weight = after.weight * (1 - group.rate * group.decay) if decayed else after.weight + group.decay * d
    return d, Adjoint(weight, beta1 * by_first, beta2 * by_second)
