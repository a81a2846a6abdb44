"""Plan: how a network is trained, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import nn

from tilth.errors import SettingError

Optimizer = Literal["adam", "adamw", "sgd"]
Schedule = Literal["none", "cosine", "step"]
Keep = Literal["last", "best"]
Augment = Literal["none", "shift-rotate"]


@dataclass(frozen=True)
class Plan:
    """How a network is trained.

    epochs           passes over the train samples
    least_steps      more epochs are run where `epochs` make fewer steps than this: for small data
    warmup_share     share of all steps in which the rate climbs from zero
    drop_epochs      schedule `step`: the rate falls to a tenth each time so many epochs are over
    clip_norm        gradients longer than this are shortened to it; 0: never
    keras_epsilon    add `epsilon` where Keras does, to the root of the uncorrected second moment
    keep             `last` weights, or the `best`: strictly greater accuracy on the valid samples, the first of equals
    label_smoothing  share of a label that is spread over all classes
    augment          what happens to a picture each time it is seen
    """

    epochs: int
    batch: int
    optimizer: Optimizer
    rate: float
    momentum: float = 0.9
    nesterov: bool = False
    dampening: float = 0.0
    clip_norm: float = 0.0
    weight_decay: float = 0.0
    epsilon: float = 1e-8
    keras_epsilon: bool = False
    schedule: Schedule = "none"
    warmup_share: float = 0.0
    drop_epochs: int = 30
    least_steps: int = 0
    keep: Keep = "last"
    label_smoothing: float = 0.0
    augment: Augment = "none"

    def epochs_for(self, n: int) -> int:
        """How many epochs are run over n samples."""
        return max(self.epochs, math.ceil(self.least_steps / self.steps_per_epoch(n)))

    def steps_per_epoch(self, n: int) -> int:
        """How many batches n samples make; a lone last sample joins the batch before it."""
        full, rest = divmod(n, self.batch)
        return max(1, full + (rest > 1 or (rest == 1 and full == 0)))

    def make(self, net: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
        """The optimizer over the weights that are trained; no decay on biases and scales."""
        trained = [weight for weight in net.parameters() if weight.requires_grad]
        groups = [
            {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        if self.optimizer == "sgd":
            return torch.optim.SGD(
                groups, self.rate, self.momentum, self.dampening, nesterov=self.nesterov, fused=fused
            )
        kind = torch.optim.AdamW if self.optimizer == "adamw" else torch.optim.Adam
        return kind(groups, self.rate, eps=self.epsilon, fused=fused)

    def rate_at(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The learning rate of step 0, 1, ... of `steps`."""
        warm = round(self.warmup_share * steps)
        if step < warm:
            return self.rate * (step + 1) / warm
        if self.schedule == "cosine":
            return self.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
        if self.schedule == "step":
            return self.rate * 0.1 ** (step // steps_per_epoch // self.drop_epochs)
        return self.rate

    def set(self, optimizer: torch.optim.Optimizer, step: int, steps: int, steps_per_epoch: int) -> None:
        """Make the optimizer ready for this step."""
        rate = self.rate_at(step, steps, steps_per_epoch)
        for group in optimizer.param_groups:
            group["lr"] = rate
            if self.keras_epsilon:
                # Keras divides by sqrt(v) + eps, torch by sqrt(v / (1 - b2^t)) + eps. Scaled so, both are the same.
                group["eps"] = self.epsilon / math.sqrt(1 - group["betas"][1] ** (step + 1))


def checked(name: str, plan: Plan) -> Plan:
    """The plan, or SettingError for a value outside its range."""
    for what, kinds in (("optimizer", Optimizer), ("schedule", Schedule), ("keep", Keep)):
        known, found = get_args(kinds), getattr(plan, what)
        if found not in known:
            raise SettingError(f"{name}: {what} is one of {', '.join(known)}; found {found!r}")
    if not 0 <= plan.warmup_share <= 1:
        raise SettingError(f"{name}: warmup_share lies within 0 and 1, found {plan.warmup_share!r}")
    positive: dict[str, Any] = {"epochs": plan.epochs, "batch": plan.batch, "learning rate": plan.rate}
    for what, value in positive.items():
        if not value > 0:
            raise SettingError(f"{name}: {what} must be more than 0, found {value!r}")
    return plan
