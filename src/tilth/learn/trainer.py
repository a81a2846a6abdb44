"""The one trainer of torch classifiers.

The same seed gives the same weights: the order of an epoch comes from (seed, epoch), dice within a step from (seed,
epoch, step), so that a training that goes on after a kill ends in the weights of one that was left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tilth.digest import digest
from tilth.errors import LearnerError
from tilth.learn.checkpoint import EVERY_S, Checkpoint, Standing
from tilth.learn.course import Batch, Course, Lesson, dice_of, losses_of
from tilth.learn.plan import Plan
from tilth.learn.setting import Setting
from tilth.signal import Array

_EVAL_BATCH = 512  # more gains nothing on two cores


@dataclass(frozen=True)
class Trained:
    """A trained network, in eval mode, and its way there.

    curves   a dict per epoch: `epoch`, `loss`, `accuracy`, `seconds`, and with valid samples `valid_loss`,
             `valid_accuracy`
    course   the same training, to be gone through again
    visits   (epochs, n, 3) float32 where they were to be recorded, else None: loss in nats, margin of the label's
             answer over the best other one, and distance between probabilities and label, as each sample was met
    """

    net: nn.Module
    curves: tuple[Mapping[str, float], ...]
    course: Course
    visits: Array | None = None


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
    record: bool = False,
    kind: Callable[..., Course] = Course,
) -> Trained:
    """Train `net` in place of its first weights.

    folder   where to go on from after a kill; emptied at the end
    advance  told how many steps were done
    record   whether to keep what the network said of each sample when it met it
    kind     the course to go through, made of (net, lesson, plan, setting, seed)

    Raises LearnerError where the loss is no longer finite at the end of an epoch.
    """
    lesson, valid = lesson.on(setting), valid.on(setting) if valid is not None and len(valid) else None
    course = kind(net, lesson, plan, setting, seed)
    net, optimizer = course.begin()
    checkpoint, per_epoch = Checkpoint(folder, save_every_s), course.per_epoch
    with setting.active():
        standing = checkpoint.load(net, optimizer)
        if record and standing.visits is None:
            standing.visits = torch.full((course.epochs, len(lesson), 3), torch.nan)
        advance(standing.epoch * per_epoch + standing.step)
        while standing.epoch < course.epochs:
            began, spent = time.perf_counter(), standing.seconds
            net.train()
            for at in range(standing.step, per_epoch):
                standing.sums += step(net, course, optimizer, standing.epoch * per_epoch + at, standing)
                standing.step = at + 1
                advance(1)
                if checkpoint.due():
                    standing.seconds = spent + time.perf_counter() - began
                    checkpoint.save(net, optimizer, standing)
            _close(net, standing, valid, setting, plan, spent + time.perf_counter() - began)
        if standing.best:
            net.load_state_dict(standing.best)
    checkpoint.remove()
    final = {name: value.detach().clone() for name, value in net.state_dict().items()}
    course = replace(course, kept=(standing.best_epoch or course.epochs) * per_epoch, final=final)
    visits = standing.visits.numpy() if standing.visits is not None else None
    return Trained(net.eval(), tuple(standing.curves), course, visits)


def step(
    net: nn.Module, course: Course, optimizer: torch.optim.Optimizer, number: int, standing: Standing | None = None
) -> torch.Tensor:
    """One step; returns (3,) float64: summed loss, right answers, samples."""
    course.set(optimizer, number)
    batch = course.batch(number)
    answers = course.answers(net, batch)
    losses = course.losses(answers, batch)
    optimizer.zero_grad(set_to_none=True)
    (losses * batch.weights).mean().backward()
    course.move(net, optimizer)
    multi = course.lesson.multi
    with torch.no_grad():
        if standing is not None and standing.visits is not None:
            met = _met(losses, course.classes(answers), batch, multi=multi)
            standing.visits[number // course.per_epoch, batch.rows.cpu()] = met.cpu()
        return _tally(losses, course.classes(answers), batch.targets, multi=multi)


def _met(losses: torch.Tensor, answers: torch.Tensor, batch: Batch, *, multi: bool) -> torch.Tensor:
    """(b, 3) loss, margin and distance of each sample of a batch: see Trained.visits."""
    if multi:
        margin = ((2 * batch.targets - 1) * answers).mean(1)
        return torch.stack([losses, margin, (torch.sigmoid(answers) - batch.targets).norm(dim=1)], 1)
    own = batch.targets.argmax(1, keepdim=True)
    others = answers.scatter(1, own, -torch.inf).max(1).values if answers.shape[1] > 1 else 0.0
    margin = answers.gather(1, own).squeeze(1) - others
    return torch.stack([losses, margin, (torch.softmax(answers, 1) - batch.targets).norm(dim=1)], 1)


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
            standing.best_accuracy, standing.best_epoch = line["valid_accuracy"], standing.epoch + 1
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
        torch.manual_seed(dice_of(seed, -1, 0))
        yield


def architecture(net: nn.Module) -> str:
    """A key of what the network is made of."""
    return digest(type(net).__name__, [(name, tuple(value.shape)) for name, value in net.state_dict().items()])


def weights_key(net: nn.Module) -> str:
    """A digest of the weights: equal for equal weights."""
    return digest([(name, value.detach().cpu().contiguous().numpy()) for name, value in net.state_dict().items()])
