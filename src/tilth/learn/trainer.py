"""The one trainer of torch classifiers.

The same seed gives the same weights: the order of an epoch comes from (seed, epoch), dice within a step from (seed,
epoch, step), so that a training that goes on after a kill ends in the weights of one that was left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tilth.digest import digest
from tilth.errors import LearnerError
from tilth.learn.checkpoint import EVERY_S, Checkpoint, Standing
from tilth.learn.plan import Plan
from tilth.learn.preprocess import Inputs, jittered
from tilth.learn.setting import Setting

_EVAL_BATCH = 512  # more gains nothing on two cores


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


@dataclass(frozen=True)
class Trained:
    """A trained network, in eval mode, and its way there.

    curves  a dict per epoch: `epoch`, `loss`, `accuracy`, `seconds`, and with valid samples `valid_loss`,
            `valid_accuracy`
    """

    net: nn.Module
    curves: tuple[Mapping[str, float], ...]


def train(
    net: nn.Module,
    lesson: Lesson,
    valid: Lesson | None,
    plan: Plan,
    *,
    setting: Setting,
    seed: int,
    folder: Path,
    advance: Callable[[int], None] = lambda steps: None,
    save_every_s: float = EVERY_S,
) -> Trained:
    """Train `net` in place of its first weights.

    folder   where to go on from after a kill; emptied at the end
    advance  told how many steps were done

    Raises LearnerError where the loss is no longer finite at the end of an epoch.
    """
    lesson, valid = lesson.on(setting), valid.on(setting) if valid is not None and len(valid) else None
    net = setting.place(net)
    optimizer = plan.make(net, fused=setting.fused)
    epochs, per_epoch = plan.epochs_for(len(lesson)), plan.steps_per_epoch(len(lesson))
    checkpoint = Checkpoint(folder, save_every_s)
    with setting.active():
        standing = checkpoint.load(net, optimizer)
        advance(standing.epoch * per_epoch + standing.step)
        while standing.epoch < epochs:
            began, spent = time.perf_counter(), standing.seconds
            net.train()
            for at, rows in _batches(len(lesson), plan, seed, standing):
                dice = _dice(seed, standing.epoch, at)
                plan.set(optimizer, standing.epoch * per_epoch + at, epochs * per_epoch, per_epoch)
                standing.sums += step(net, lesson, rows.to(setting.device), plan, setting, optimizer, dice)
                standing.step = at + 1
                advance(1)
                if checkpoint.due():
                    standing.seconds = spent + time.perf_counter() - began
                    checkpoint.save(net, optimizer, standing)
            _close(net, standing, valid, setting, plan, spent + time.perf_counter() - began)
        if standing.best:
            net.load_state_dict(standing.best)
    checkpoint.remove()
    return Trained(net.eval(), tuple(standing.curves))


def _batches(n: int, plan: Plan, seed: int, standing: Standing) -> Iterator[tuple[int, torch.Tensor]]:
    """Number and rows of the batches of this epoch that are still to be done."""
    order = torch.from_numpy(np.random.default_rng([seed, standing.epoch]).permutation(n))
    if n == 1:
        order = order.repeat(2)  # BatchNorm has no deviation of one
    count = plan.steps_per_epoch(n)
    for at in range(standing.step, count):
        yield at, order[at * plan.batch : (at + 1) * plan.batch if at + 1 < count else None]


def _dice(seed: int, epoch: int, step: int) -> int:
    return (seed * 1_000_003 + epoch * 7_919_000_003 + step * 15_485_863 + 1) % (1 << 63)


def step(
    net: nn.Module,
    lesson: Lesson,
    rows: torch.Tensor,
    plan: Plan,
    setting: Setting,
    optimizer: torch.optim.Optimizer,
    dice: int,
) -> torch.Tensor:
    """One step over these rows; returns (3,) float64: summed loss, right answers, samples."""
    torch.manual_seed(dice)  # for dropout; within Setting.active, which puts torch's own dice back
    batch = lesson.inputs.batch(rows)
    if plan.augment == "shift-rotate":
        batch = jittered(batch, torch.Generator().manual_seed(dice))
    targets = lesson.targets.index_select(0, rows)
    with setting.precise():
        answers = net(batch)
    answers = answers.float()
    losses = losses_of(answers, targets, multi=lesson.multi, smoothing=plan.label_smoothing)
    optimizer.zero_grad(set_to_none=True)
    (losses * lesson.weights.index_select(0, rows)).mean().backward()
    optimizer.step()
    with torch.no_grad():
        return _tally(losses, answers, targets, multi=lesson.multi)


def losses_of(answers: torch.Tensor, targets: torch.Tensor, *, multi: bool, smoothing: float = 0.0) -> torch.Tensor:
    """(b,) cross-entropy of answers (b, k) against soft targets (b, k), in nats; a mean over classes where `multi`."""
    if multi:
        smooth = targets * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(answers, smooth, reduction="none").mean(1)
    return F.cross_entropy(answers, targets, reduction="none", label_smoothing=smoothing)


def _tally(losses: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor, *, multi: bool) -> torch.Tensor:
    if multi:
        right = ((answers > 0) == (targets > 0.5)).float().mean(1).sum()
    else:
        right = (answers.argmax(1) == targets.argmax(1)).sum()
    return torch.stack([losses.sum(), right, right.new_tensor(len(losses))]).double().cpu()


def _close(
    net: nn.Module, standing: Standing, valid: Lesson | None, setting: Setting, plan: Plan, seconds: float
) -> None:
    """Write the line of an epoch, keep its weights where they are the best, and turn to the next."""
    loss, right, samples = standing.sums.tolist()
    if not np.isfinite(loss):
        raise LearnerError(
            f"the loss is {loss} in epoch {standing.epoch + 1}: the training went astray. Choose a lower rate."
        )
    line = {"epoch": standing.epoch + 1, "loss": loss / samples, "accuracy": right / samples}
    if valid is not None:
        valid_loss, valid_right, count = examine(net, valid).tolist()
        line |= {"valid_loss": valid_loss / count, "valid_accuracy": valid_right / count}
        if plan.keep == "best" and line["valid_accuracy"] > standing.best_accuracy:
            standing.best_accuracy = line["valid_accuracy"]
            standing.best = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
    standing.curves.append(line | {"seconds": round(seconds, 3)})
    standing.epoch, standing.step, standing.seconds = standing.epoch + 1, 0, 0.0
    standing.sums = torch.zeros(3, dtype=torch.float64)


@torch.no_grad()
def examine(net: nn.Module, lesson: Lesson) -> torch.Tensor:
    """(3,) float64 over all samples of the lesson: summed loss, right answers, samples; in eval mode and float32."""
    net.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    for start in range(0, len(lesson), _EVAL_BATCH):
        part = slice(start, start + _EVAL_BATCH)
        answers, targets = net(lesson.inputs.batch(part)).float(), lesson.targets[part]
        sums += _tally(losses_of(answers, targets, multi=lesson.multi), answers, targets, multi=lesson.multi)
    return sums


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's own dice thrown from this seed within, and as they were after."""
    with torch.random.fork_rng():
        torch.manual_seed(_dice(seed, -1, 0))
        yield


def architecture(net: nn.Module) -> str:
    """A key of what the network is made of."""
    return digest(type(net).__name__, [(name, tuple(value.shape)) for name, value in net.state_dict().items()])


def weights_key(net: nn.Module) -> str:
    """A digest of the weights: equal for equal weights."""
    return digest([(name, value.detach().cpu().contiguous().numpy()) for name, value in net.state_dict().items()])
