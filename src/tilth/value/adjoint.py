"""Exact HyDRA by the adjoint: a training differentiated backwards, Hessian and all.

For each end (the loss of a judge, or of all of them) one Hessian-vector product and one forward-mode product a step,
whatever the number of samples. Forward HyDRA needs a Hessian-vector product for each sample and step.

The weights of every step are needed on the way back. The course is gone through once and its state kept now and then;
then stretch by stretch, from the last, gone through again with every state of the stretch kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, vmap

from tilth.signal import Array
from tilth.steps import Course
from tilth.value import rule
from tilth.value.gradients import Directions, trained
from tilth.value.replay import apart

_AT_ONCE = 16  # ends that go back together, at most: more gained nothing on two cores


@dataclass(frozen=True)
class Moment:
    """All that a step starts from: copies."""

    step: int
    weights: Mapping[str, torch.Tensor]
    buffers: Mapping[str, torch.Tensor]
    first: Mapping[str, torch.Tensor]
    second: Mapping[str, torch.Tensor]


@dataclass
class Training:
    """A net and its optimizer on their way through a course. Mutable."""

    course: Course
    net: nn.Module = field(init=False)
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        self.net, self.optimizer = self.course.begin()
        self.kind = rule.kind_of(self.optimizer)
        self.weights = trained(self.net)
        self._fields = ("momentum_buffer", "") if self.kind == "SGD" else ("exp_avg", "exp_avg_sq")

    def moment(self, step: int) -> Moment:
        """Where it stands before this step."""
        state = self.optimizer.state
        held = [
            {
                name: state[weight][key].clone()
                if key and state.get(weight, {}).get(key) is not None
                else torch.zeros_like(weight, requires_grad=False)
                for name, weight in self.weights.items()
            }
            for key in self._fields
        ]
        weights = {name: weight.detach().clone() for name, weight in self.weights.items()}
        return Moment(step, weights, {name: one.clone() for name, one in self.net.named_buffers()}, *held)

    def put(self, moment: Moment) -> None:
        """Stand where it stood."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(moment.weights[name])
            for name, buffer in self.net.named_buffers():
                buffer.copy_(moment.buffers[name])
        self.optimizer.state.clear()
        if moment.step == 0:
            return
        for name, weight in self.weights.items():
            state: dict[str, Any] = {}
            if self.kind != "SGD":
                state["step"] = torch.tensor(float(moment.step), device=weight.device)
                state |= {"exp_avg": moment.first[name].clone(), "exp_avg_sq": moment.second[name].clone()}
            elif any(group["momentum"] for group in self.optimizer.param_groups):
                state["momentum_buffer"] = moment.first[name].clone()
            self.optimizer.state[weight] = state

    def go(self, step: int) -> tuple[dict[str, torch.Tensor], float]:
        """Take a step; returns its gradients as they entered the optimizer, and the factor they were clipped by."""
        self.course.set(self.optimizer, step)
        batch = self.course.batch(step)
        losses = self.course.losses(self.course.answers(self.net, batch), batch)
        self.optimizer.zero_grad(set_to_none=True)
        (losses * batch.weights).mean().backward()
        factor = self.course.move(self.net, self.optimizer)
        return {
            name: torch.zeros_like(weight) if weight.grad is None else weight.grad.detach().clone()
            for name, weight in self.weights.items()
        }, factor

    def groups(self, step: int) -> dict[str, rule.Group]:
        """Name of a parameter -> the settings of its group in this step."""
        self.course.set(self.optimizer, step)
        names = {id(weight): name for name, weight in self.weights.items()}
        return {
            names[id(weight)]: rule.group_of(group)
            for group in self.optimizer.param_groups
            for weight in group["params"]
        }


@dataclass(frozen=True)
class Taken:
    """A step that was taken: where it started, its gradients, its clipping."""

    start: Moment
    backs: Mapping[str, torch.Tensor]
    factor: float


def exact(
    course: Course, ends: Directions, m: int, advance: Callable[[int], None], *, memory_mb: int = 1024
) -> tuple[Array, float]:
    """(n, m) what each sample is worth to each end: how much the end's loss rises when the sample's weight is taken off,
    to first order; and how far the second training ended from the first.

    ends       name -> (m, numel) gradients of the ends with respect to the kept weights
    memory_mb  of states kept at once; more costs no time, less makes stretches shorter and their ends more

    Told to `advance`: three times the steps of the course.
    """
    training = Training(course)
    values = np.zeros((len(course), m))
    with course.setting.active():
        stretch = _stretch(training, course.steps, memory_mb)
        last = (course.steps - 1) // stretch * stretch
        kept = []
        for step in range(last):
            if step % stretch == 0:
                kept.append(training.moment(step))
            training.go(step)
            advance(1)
        taken = list(_steps(training, last, course.steps, advance))  # the last stretch need not be gone again
        advance(course.steps - last)
        gap = apart(training.net, course)
        backwards = _Back.begin(training, ends, m)
        while True:
            while taken:
                rows, products = backwards.step(taken.pop())
                np.add.at(values, rows, -products.T)
                advance(1)
            if not kept:
                break
            moment = kept.pop()
            training.put(moment)
            taken = list(_steps(training, moment.step, moment.step + stretch, advance))
    return values, gap


def _stretch(training: Training, steps: int, memory_mb: int) -> int:
    """Steps between kept states: as few stretches as the memory holds, and never worse than the root."""
    one = 4 * sum(weight.numel() for weight in training.weights.values()) * 4
    most = (memory_mb << 20) // max(one, 1)
    if steps + 1 <= most:
        return max(1, steps)
    # s states of a stretch and steps / s of the whole: the largest s that fits.
    wide = (most + math.sqrt(max(0.0, most**2 - 4 * steps))) / 2 if most**2 > 4 * steps else math.sqrt(steps)
    return max(1, int(wide))


def _steps(training: Training, begin: int, end: int, advance: Callable[[int], None]) -> Iterator[Taken]:
    for step in range(begin, end):
        start = training.moment(step)
        backs, factor = training.go(step)
        yield Taken(start, backs, factor)
        advance(1)


@dataclass
class _Back:
    """The adjoint on its way back: of each weight and its state, (m, ...) for m ends. Mutable."""

    training: Training
    after: dict[str, rule.Adjoint]
    m: int

    @classmethod
    def begin(cls, training: Training, ends: Directions, m: int) -> _Back:
        after = {}
        for name, weight in training.weights.items():
            end = ends[name].view(m, *weight.shape)
            after[name] = rule.Adjoint(end, torch.zeros_like(end), torch.zeros_like(end))
        return cls(training, after, m)

    def step(self, taken: Taken) -> tuple[Array, Array]:
        """One step backwards; rows (b,) and (m, b) minus what their weight does to the ends."""
        start, before = taken.start, {}
        directions: dict[str, torch.Tensor] = {}
        groups = self.training.groups(start.step)
        for name, adjoint in self.after.items():
            at = rule.Before(
                start.weights[name], taken.backs[name], start.first[name], start.second[name], start.step + 1
            )
            directions[name], before[name] = rule.pull(self.training.kind, groups[name], at, adjoint)
        if taken.factor < 1:
            directions = _unclipped(directions, taken)
        batch = self.training.course.batch(start.step)
        products, curved = self._products(batch, start, directions)
        for name, adjoint in before.items():
            self.after[name] = rule.Adjoint(adjoint.weight + curved[name], adjoint.first, adjoint.second)
        return batch.rows.cpu().numpy(), products.double().cpu().numpy()

    def _products(
        self, batch: Any, start: Moment, directions: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """(m, b) products of the gradients with each direction, and the Hessian of the batch times each direction."""
        course, net = single(self.training.course), self.training.net
        share = batch.weights / len(batch.rows)

        def losses(weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
            whole = {**weights, **{name: one.clone() for name, one in start.buffers.items()}}
            return (
                course.losses(course.answers(lambda seen: functional_call(net, whole, (seen,)), batch), batch) * share
            )

        def backwards(weights: Any) -> tuple[Any, torch.Tensor]:
            def summed(weights: Any) -> tuple[torch.Tensor, torch.Tensor]:
                each = losses(weights)
                return each.sum(), each

            return grad(summed, has_aux=True)(weights)

        def both(one: Any) -> tuple[Any, torch.Tensor]:
            # Forwards over backwards: torch's way back through the forward derivative of BatchNorm takes the batch's
            # deviation for a constant (2.13), its forward derivative of the way back does not.
            return jvp(backwards, (dict(start.weights),), (one,))[1]

        if self.m == 1:  # vmap over one is slower than none
            curved, products = both({name: one[0] for name, one in directions.items()})
            return products[None], {name: one[None] for name, one in curved.items()}
        curved, products = vmap(both, randomness="same", chunk_size=min(self.m, _AT_ONCE))(dict(directions))
        return products, curved


def _unclipped(directions: Mapping[str, torch.Tensor], taken: Taken) -> dict[str, torch.Tensor]:
    """From the adjoint of the clipped gradients to that of the gradients: what lies along them is lost in clipping."""
    length = torch.sqrt(sum((back.square().sum() for back in taken.backs.values()), torch.tensor(0.0)))
    unit = {name: back / length for name, back in taken.backs.items()}
    along = sum(((one * unit[name]).flatten(1).sum(1) for name, one in directions.items()), torch.tensor(0.0))
    return {
        name: taken.factor * (one - along.view(-1, *[1] * (one.ndim - 1)) * unit[name])
        for name, one in directions.items()
    }


def single(course: Any) -> Any:
    """The same course in single precision: second derivatives through half precision fail in torch, and would be noise."""
    if getattr(course.setting, "precision", "fp32") == "fp32":
        return course
    return replace(course, setting=replace(course.setting, precision="fp32"))
