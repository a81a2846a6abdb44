"""Going through a training once more, forwards, and looking at every step.

With the Hessian dropped, what sample i does to judge j at the end is a weighted sum over its visits of the products of
its gradient then and the judge's gradient at the end. The weights follow from the optimizer (`rule.factors`), so nothing
has to be carried from step to step, whatever the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call

from tilth.errors import StepError
from tilth.signal import Array
from tilth.steps import Course
from tilth.value import rule
from tilth.value.gradients import Directions, Dots, Reader, Whole, backs_of, hand, one_by_one, read, tappable, trained
from tilth.value.statistics import Moves, still_norms
from tilth.value.taps import QuickNorms, Tap, Taps

_SETTLING = 30  # steps in which Adam's second moment changes much from one to the next
_APART = 1e-3  # relative; a GPU sums in no fixed order, and a training that went elsewhere is off by far more

# Of a tensor's typical root of the second moment, added to each. A weight that has hardly had a gradient would count
# without bound, where Adam itself moves no weight by more than its rate. Results are the same from .03 to 1 on digits.
_FLOOR = 0.1
_ROUNDING = 1e-5  # of the largest typical root. Below it a gradient is rounding: that of a bias before a BatchNorm, say

Scales = Mapping[str, Any]
"""Name of a parameter -> what its gradient counts in this step: one number (SGD) or one per weight (Adam)."""


class Watch(Protocol):
    """What looks at the steps. It makes the gradients (`weight.grad`) that the optimizer then goes by."""

    def look(self, net: nn.Module, batch: Any, scales: Callable[[], Scales], *, settled: bool) -> None:
        """Before the step is taken. scales: to be called when the gradients are there, unless `settled`."""
        ...

    def moved(self, factor: float) -> None:
        """After it, with the factor by which the gradients were clipped."""
        ...


def walk(course: Course, watch: Watch, advance: Callable[[int], None]) -> float:
    """Go through a course. Returns how far the last weights are from the kept ones, relative; 0 where they are equal.

    Raises StepError where they are another network's: something in the training is not decided by its seed.
    """
    net, optimizer = course.begin()
    weigher = Weigher.of(course, optimizer, net)
    with course.setting.active():
        for step in range(course.steps):
            course.set(optimizer, step)
            optimizer.zero_grad(set_to_none=True)
            watch.look(net, course.batch(step), lambda at=step: weigher.scales(at), settled=step >= weigher.settling)
            watch.moved(course.move(net, optimizer))
            advance(1)
    return apart(net, course)


def apart(net: nn.Module, course: Course) -> float:
    """Relative distance of the weights from the kept ones. Raises StepError where it is more than rounding."""
    assert course.final is not None
    own, gap, size = dict(net.named_parameters()), 0.0, 0.0
    for name, weight in own.items():
        kept = course.final[name].to(weight.device)
        gap += float((weight.detach() - kept).double().square().sum())
        size += float(kept.double().square().sum())
    found = float(np.sqrt(gap / max(size, 1e-30)))
    if not found <= _APART:
        raise StepError(
            f"the training was gone through again with the same seed, and ended elsewhere (weights {found:.1%} apart).\n"
            "  Something in the network throws dice of its own; values of another training would be wrong."
        )
    return found


@dataclass
class Weigher:
    """What the gradient of a step counts at the end, by parameter."""

    kind: str
    optimizer: torch.optim.Optimizer
    names: list[list[str]]
    shares: list[Array]
    settling: int

    @classmethod
    def of(cls, course: Course, optimizer: torch.optim.Optimizer, net: nn.Module) -> Weigher:
        """For all steps of a course, by its rates."""
        kind = rule.kind_of(optimizer)
        known = {id(weight): name for name, weight in net.named_parameters()}
        names = [[known[id(weight)] for weight in group["params"]] for group in optimizer.param_groups]
        steps: list[list[rule.Group]] = [[] for _ in names]
        for step in range(course.steps):
            course.set(optimizer, step)
            for own, group in zip(steps, optimizer.param_groups, strict=True):
                own.append(rule.group_of(group))
        shares = [rule.factors(own) if kind == "SGD" else rule.moment_factors(own, kind) for own in steps]
        return cls(kind, optimizer, names, shares, 0 if kind == "SGD" else _SETTLING)

    def scales(self, step: int) -> Scales:
        """Of this step. For Adam with the second moment as it will be after it, where the gradients are there."""
        found: dict[str, Any] = {}
        groups = list(zip(self.optimizer.param_groups, self.names, self.shares, strict=True))
        if self.kind == "SGD":
            return {name: float(shares[step]) for _, names, shares in groups for name in names}
        roots = {
            name: self._root(weight, group, step)
            for group, names, _ in groups
            for name, weight in zip(names, group["params"], strict=True)
        }
        typical = {name: root.square().mean().sqrt() for name, root in roots.items()}
        most = torch.stack(list(typical.values())).max()
        for group, names, shares in groups:
            for name in names:
                below = roots[name] + _FLOOR * typical[name] + group["eps"]
                felt = (typical[name] > _ROUNDING * most).to(below)
                found[name] = felt * float(shares[step]) / below
        return found

    def _root(self, weight: torch.Tensor, group: Mapping[str, Any], step: int) -> torch.Tensor:
        """(numel,) the root of Adam's second moment."""
        beta, count = group["betas"][1], step + 1
        state = self.optimizer.state.get(weight, {})
        second = state["exp_avg_sq"] if "exp_avg_sq" in state else torch.zeros_like(weight)
        if weight.grad is not None:
            second = beta * second + (1 - beta) * weight.grad**2
        else:
            count = max(count - 1, 1)
        return (second / (1 - beta**count)).sqrt().flatten()


# -- one direction --------------------------------------------------------------------------------------------


class Along:
    """Products of every sample's gradient with one direction, by forward-mode differentiation: `values` (n,).

    No gradient of a sample is ever made, whatever the network is built of.
    """

    def __init__(self, course: Course, direction: Mapping[str, torch.Tensor]) -> None:
        self._course, self._direction = course, direction
        self.values = np.zeros(len(course))
        self._found: tuple[torch.Tensor, torch.Tensor] | None = None

    def look(self, net: nn.Module, batch: Any, scales: Callable[[], Scales], *, settled: bool) -> None:
        if settled:  # the scales are known well enough without this step's gradients: one pass serves both
            losses, products = pushed(self._course, net, batch, self._scaled(scales()))
            (losses * batch.weights).mean().backward()
        else:
            losses = self._course.losses(self._course.answers(net, batch), batch)
            (losses * batch.weights).mean().backward()
            with still_norms(net), torch.no_grad():
                _, products = pushed(self._course, net, batch, self._scaled(scales()))
        self._found = batch.rows, products * batch.weights / len(batch.rows)

    def moved(self, factor: float) -> None:
        assert self._found is not None
        rows, products = (part.cpu().numpy() for part in self._found)
        np.add.at(self.values, rows, products.astype(np.float64) * factor)

    def _scaled(self, scales: Scales) -> dict[str, torch.Tensor]:
        return {name: (row.flatten() * scales[name]).view_as(row) for name, row in self._direction.items()}


def pushed(
    course: Course, net: nn.Module, batch: Any, direction: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(b,) losses, with their graph, and (b,) how each changes along the direction."""
    weights = trained(net)
    with forward_ad.dual_level(), QuickNorms():
        moving = {name: forward_ad.make_dual(weight, direction[name]) for name, weight in weights.items()}
        losses = course.losses(course.answers(lambda seen: functional_call(net, moving, (seen,)), batch), batch)
        primal, tangent = forward_ad.unpack_dual(losses)
        return primal, torch.zeros_like(primal) if tangent is None else tangent.detach()


# -- many directions ------------------------------------------------------------------------------------------


class Each:
    """Products of every sample's gradient with m directions, through taps: `values` (n, m) float32.

    Where BatchNorm is trained, what the directions do by way of its means and deviations is added from `statistics`.
    """

    def __init__(self, course: Course, directions: Directions, m: int) -> None:
        self._course, self._directions = course, directions
        self.values, self._step = np.zeros((len(course), m), np.float32), 0
        self._moves = Moves(course, self.direction, self.alike, m)

    def direction(self, judge: int) -> Mapping[str, torch.Tensor]:
        """Name -> (numel,) gradient of one judge."""
        return {name: rows[judge] for name, rows in self._directions.items()}

    def alike(self, scales: Scales) -> torch.Tensor:
        """(m, m) products of the judges' gradients, as a step scales them."""
        return torch.stack(
            [(rows * scales[name]) @ (rows * scales[name]).T for name, rows in self._directions.items()]
        ).sum(0)

    def reader(self, scales: Scales) -> Dots:
        return Dots(self._directions, scales)

    def look(self, net: nn.Module, batch: Any, scales: Callable[[], Scales], *, settled: bool) -> None:
        del settled
        step, self._step = self._step, self._step + 1
        found: list[Scales] = []

        def made() -> Dots:
            found.append(scales())
            return self.reader(found[0])

        reader, taps, backs = read_step(self._course, net, batch, made)
        self.reader_now, self._rows, self._found = reader, batch.rows.cpu().numpy(), reader.sums
        if self._moves.needed(taps):
            self._found = self._found + self._moves.of(net, step, found[0], taps, backs)

    def moved(self, factor: float) -> None:
        np.add.at(self.values, self._rows, self._found.cpu().numpy() * np.float32(factor))


def read_step(
    course: Course, net: nn.Module, batch: Any, reader: Callable[[], Any]
) -> tuple[Any, Sequence[Tap], Sequence[torch.Tensor | None]]:
    """Make the gradients of a step, and read those of its samples (weight / b times the gradient of the loss).

    reader  made when the gradients of the step are there

    Returns it, and the taps with the gradients at their exits; none where the layers cannot be tapped.
    """
    with Taps(net, len(batch.rows)) as taps:
        losses = course.losses(course.answers(net, batch), batch)
    loss = (losses * batch.weights).mean()
    loss.backward(retain_graph=True)
    made: Reader = reader()
    if tappable(taps):
        backs = backs_of(taps, loss)
        hand(taps.found, backs, [made])
        return made, taps.found, backs
    one_by_one(net, losses * batch.weights / len(losses), [made])
    return made, (), ()


def alone(course: Course, lesson: Any, rows: slice) -> Any:
    """A batch of rows of a lesson to be judged: no augmentation, no weights, no dice."""
    inputs, targets = lesson.inputs.batch(rows), lesson.targets[rows]
    numbers = torch.arange(len(targets), device=targets.device)
    return _Judged(numbers, inputs, targets, torch.ones_like(targets[:, 0]), 0)


@dataclass(frozen=True)
class _Judged:
    rows: torch.Tensor
    inputs: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    dice: int


def mean_direction(course: Course, lesson: Any, *, size: int = 256) -> dict[str, torch.Tensor]:
    """Name -> gradient of the mean loss over the lesson, at the kept weights, in eval mode."""
    net = course.finished()
    n = len(lesson.targets)
    with course.setting.active():
        for start in range(0, n, size):
            batch = alone(course, lesson, slice(start, start + size))
            (course.losses(course.answers(net, batch), batch).sum() / n).backward()
    return {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad.detach()
        for name, weight in trained(net).items()
    }


def judge_directions(course: Course, lesson: Any, judges: Sequence[slice]) -> dict[str, torch.Tensor]:
    """Name -> (m, numel) gradients of each judge's loss at the kept weights, in eval mode."""
    net = course.finished()
    parts: dict[str, list[torch.Tensor]] = {}
    with course.setting.active():
        for rows in judges:
            batch, whole = alone(course, lesson, rows), Whole()
            read(net, len(batch.rows), lambda now=batch: course.losses(course.answers(net, now), now), [whole])
            for name, each in whole.found.items():
                parts.setdefault(name, []).append(each.detach())
    return {name: torch.cat(found) for name, found in parts.items()}
