"""Course: a training as a sequence of steps that can be gone through again, to the same weights.

The order of an epoch comes from (seed, epoch) and the dice within a step from (seed, epoch, step); nothing else is left
to chance. The trainer goes through a course once; valuation goes through it again, and looks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tilth.learn.plan import Plan
from tilth.learn.preprocess import Inputs, jittered
from tilth.learn.setting import Setting
from tilth.signal import Array


@dataclass(frozen=True)
class Lesson:
    """What is to be learned.

    inputs   n pictures
    targets  (n, k) float32: one-hot, multi-hot or shares
    weights  (n,) float32 with mean 1
    multi    whether classes are independent (sigmoid) or exclude each other (softmax)
    """

    inputs: Inputs
    targets: torch.Tensor
    weights: torch.Tensor
    multi: bool

    def __len__(self) -> int:
        return len(self.targets)

    def on(self, setting: Setting) -> Lesson:
        """The same where the network is."""
        inputs = self.inputs.on(setting.device, channels_last=setting.channels_last)
        return Lesson(inputs, self.targets.to(setting.device), self.weights.to(setting.device), self.multi)


def lesson_of(values: Array, labels: Array, classes: int) -> Lesson:
    """A lesson from arrays: values (n, ...) float, labels (n,) int of so many classes; every sample weighs the same."""
    n = len(labels)
    targets = torch.nn.functional.one_hot(torch.as_tensor(np.asarray(labels)).long(), classes).float()
    inputs = Inputs(torch.as_tensor(np.asarray(values, np.float32)))
    return Lesson(inputs, targets, torch.ones(n), multi=False)


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    rows     (b,) int64 rows of the lesson
    inputs   (b, ...) float32, augmented with the dice of the step
    targets  (b, k)
    weights  (b,)
    dice     seed of dropout in this step
    """

    rows: torch.Tensor
    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    dice: int

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Course:
    """All that decides how a training goes.

    net    with its first weights; it is not trained itself
    kept   steps until the weights that are kept; all of them where the last are. None before the training
    final  the weights and buffers that are kept; None before the training
    """

    net: nn.Module
    lesson: Lesson
    plan: Plan
    setting: Setting
    seed: int
    kept: int | None = None
    final: Mapping[str, torch.Tensor] | None = None

    def __len__(self) -> int:
        """How many train samples there are."""
        return len(self.lesson)

    @property
    def per_epoch(self) -> int:
        return self.plan.steps_per_epoch(len(self.lesson))

    @property
    def epochs(self) -> int:
        return self.plan.epochs_for(len(self.lesson))

    @property
    def steps(self) -> int:
        """Steps until the kept weights."""
        return self.kept if self.kept is not None else self.epochs * self.per_epoch

    def begin(self) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The network before the first step, in train mode, and its optimizer."""
        net = self.setting.place(copy.deepcopy(self.net)).train()
        return net, self.plan.make(net, fused=self.setting.fused)

    def finished(self) -> nn.Module:
        """The network with the kept weights, in eval mode."""
        if self.final is None:
            raise ValueError("a course that nobody has gone through has no end")
        net = self.setting.place(copy.deepcopy(self.net))
        net.load_state_dict(self.final)
        return net.eval()

    def set(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Make the optimizer ready for this step."""
        self.plan.set(optimizer, step, self.epochs * self.per_epoch, self.per_epoch)

    def rows(self, step: int) -> torch.Tensor:
        """(b,) the rows that this step sees."""
        epoch, at = divmod(step, self.per_epoch)
        order = _order(len(self.lesson), self.seed, epoch)
        return order[at * self.plan.batch : (at + 1) * self.plan.batch if at + 1 < self.per_epoch else None]

    def batch(self, step: int) -> Batch:
        """What this step sees."""
        rows = self.rows(step).to(self.setting.device)
        dice = dice_of(self.seed, *divmod(step, self.per_epoch))
        inputs = self.lesson.inputs.batch(rows)
        if self.plan.augment == "shift-rotate":
            inputs = jittered(inputs, torch.Generator().manual_seed(dice))
        targets, weights = self.lesson.targets.index_select(0, rows), self.lesson.weights.index_select(0, rows)
        return Batch(rows, inputs, targets, weights, dice)

    def answers(self, net: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
        """(b, k) float32 (or 64) what the network answers to a batch, with the dice of its step."""
        torch.manual_seed(batch.dice)  # for dropout; within Setting.active, which puts torch's own dice back
        with self.setting.precise():
            answers = net(batch.inputs)
        return answers if answers.dtype == torch.float64 else answers.float()

    def classes(self, answers: torch.Tensor) -> torch.Tensor:
        """(b, k) the part of the answers that speaks of the classes: here all of it."""
        return answers

    def losses(self, answers: torch.Tensor, batch: Batch) -> torch.Tensor:
        """(b,) loss of each sample of a batch, not weighted; in nats."""
        return losses_of(answers, batch.targets, multi=self.lesson.multi, smoothing=self.plan.label_smoothing)

    def move(self, net: nn.Module, optimizer: torch.optim.Optimizer) -> float:
        """Take the step that the gradients at hand ask for; returns the factor they were clipped by."""
        factor = 1.0
        if self.plan.clip_norm:
            norm = float(nn.utils.clip_grad_norm_(net.parameters(), self.plan.clip_norm))
            factor = min(1.0, self.plan.clip_norm / (norm + 1e-6))  # as torch does
        optimizer.step()
        return factor


@lru_cache(maxsize=2)
def _order(n: int, seed: int, epoch: int) -> torch.Tensor:
    order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(n))
    return order.repeat(2) if n == 1 else order  # BatchNorm has no deviation of one


def dice_of(seed: int, epoch: int, step: int) -> int:
    """A seed for torch from these three."""
    return (seed * 1_000_003 + epoch * 7_919_000_003 + step * 15_485_863 + 1) % (1 << 63)


def losses_of(answers: torch.Tensor, targets: torch.Tensor, *, multi: bool, smoothing: float = 0.0) -> torch.Tensor:
    """(b,) cross-entropy of answers (b, k) against soft targets (b, k), in nats; a mean over classes where `multi`."""
    if multi:
        smooth = targets * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(answers, smooth, reduction="none").mean(1)
    return F.cross_entropy(answers, targets, reduction="none", label_smoothing=smoothing)
