"""Passes over samples with a network that stands still: what methods by gradients share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.signal import Array
from tilth.steps import Course, Run, Trace
from tilth.value.gradients import Directions, Dots, Reader, Whole, blocks, read, room, trained
from tilth.value.replay import alone
from tilth.value.sides import Sides
from tilth.value.space import contents_of
from tilth.value.traced import traced

R = TypeVar("R", bound=Reader)
Losses = Callable[[torch.Tensor, Any], torch.Tensor]
"""(answers (b, k), batch) -> (b,) what gradients are taken of."""

_JUDGES_MB = 512  # of judges' gradients held at once; beyond it the train samples are gone through again


def read_lesson(
    course: Course, net: nn.Module, lesson: Any, reader: Callable[[], R], *, losses: Losses | None = None
) -> Iterator[tuple[slice, Any, R]]:
    """Rows, batch and what a new reader took of the gradients of these samples; no augmentation, no weights.

    net     as it stands; in eval mode samples do not look at each other
    losses  what gradients are taken of; default the loss of the training
    """
    of = losses or course.losses
    for rows in blocks(len(lesson.targets), room(net)):
        batch, made = alone(course, lesson, rows), reader()
        read(net, len(batch.rows), lambda now=batch: of(course.answers(net, now), now), [made])
        yield rows, batch, made


def rows_of(found: Mapping[str, torch.Tensor], order: Sequence[str]) -> torch.Tensor:
    """(b, P) gradients of all parameters side by side."""
    return torch.cat([found[name].detach() for name in order], 1)


def directions(course: Course, net: nn.Module, lesson: Any) -> dict[str, torch.Tensor]:
    """Name -> (m, numel) gradient of each judge's loss at the weights of `net`."""
    parts: dict[str, list[torch.Tensor]] = {}
    for _, _, whole in read_lesson(course, net, lesson, Whole):
        for name, each in whole.found.items():
            parts.setdefault(name, []).append(each.detach().clone())
    return {name: torch.cat(found) for name, found in parts.items()}


def mean_directions(course: Course, net: nn.Module, lesson: Any) -> dict[str, torch.Tensor]:
    """Name -> (1, numel) gradient of the mean loss of the judges."""
    sums = {name: torch.zeros_like(weight).flatten()[None] for name, weight in trained(net).items()}
    for _, _, whole in read_lesson(course, net, lesson, Whole):
        for name, each in whole.found.items():
            sums[name] += each.detach().sum(0, keepdim=True) / len(lesson.targets)
    return sums


def products(course: Course, net: nn.Module, lesson: Any, ends: Directions, m: int) -> Array:
    """(n, m) float64 products of the gradients of a lesson's samples with these directions."""
    values = np.zeros((len(lesson.targets), m))
    for rows, _, dots in read_lesson(course, net, lesson, lambda: Dots(ends)):
        values[rows] = dots.sums.cpu().numpy()
    return values


def judge_blocks(net: nn.Module, m: int) -> Iterator[slice]:
    """Judges whose gradients are held together."""
    numel = sum(weight.numel() for weight in trained(net).values())
    return blocks(m, max(1, (_JUDGES_MB << 20) // (4 * max(numel, 1))))


def part_of(lesson: Any, rows: slice) -> Any:
    """Some judges of a lesson."""
    return _Part(_Taken(lesson.inputs, rows), lesson.targets[rows])


class _Taken:
    def __init__(self, inputs: Any, rows: slice) -> None:
        self._inputs, self._start = inputs, rows.start

    def batch(self, rows: slice) -> torch.Tensor:
        return self._inputs.batch(slice(self._start + rows.start, self._start + rows.stop))


class _Part:
    def __init__(self, inputs: _Taken, targets: torch.Tensor) -> None:
        self.inputs, self.targets = inputs, targets


# -- from a step's settings to its values ---------------------------------------------------------------------


def averaged(
    step: Any, name: str, data: Dataset, pair: Sides, run: Run, by_one: Callable[[Trace, int], Array], **extra: Any
) -> Array:
    """The mean over `step.seeds` trainings of what `by_one(trace, number)` says of the rows of the course, brought to
    the order of the valued samples. A training that was done is found again after a kill."""
    total: Array | float = 0.0
    for number in range(step.seeds):

        def made(number: int = number) -> dict[str, Array]:
            seed = run.seed * 1000 + number
            trace = traced(name, step.learner, step.settings, data, run, seed=seed, **extra)
            return {"values": in_order(by_one(trace, number), trace, pair)}

        total = total + np.asarray(run.keep((name, vars(step), data.version, number), made)["values"], np.float64)
    return np.asarray(total) / step.seeds


def in_order(values: Array, trace: Trace, pair: Sides) -> Array:
    """From the course's rows to those of the valued samples."""
    order = {id: row for row, id in enumerate(trace.data.ids.tolist())}
    return values[[order[id] for id in pair.valued.ids.tolist()]]


def none_judges_itself(values: Array, pair: Sides) -> Array:
    """(n, m) with 0 between a sample and itself, and its exact copies, where the train samples judge each other."""
    if pair.itself and values.ndim == 2:
        contents = contents_of(pair.valued)
        values[contents[:, None] == contents[None, :]] = 0.0
    return values


def each_judge(pair: Sides, most: int) -> bool:
    """Whether each judge has a column: always where train samples judge each other, for none may judge itself."""
    return pair.itself or len(pair.valued) * len(pair.judges) <= most


def require_whole(step: str, least: int, **settings: Any) -> None:
    """Raises SettingError for a number that is not whole, or below the least."""
    for name, found in settings.items():
        if not (isinstance(found, int) and found >= least):
            raise SettingError(f"{step}: {name} must be a whole number of at least {least}, found {found!r}")
