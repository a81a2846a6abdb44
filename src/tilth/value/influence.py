"""Influence functions: what the kept weights, and with them each judge's loss, would be without a sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from tilth.dataset import Dataset
from tilth.errors import SettingError, StepError
from tilth.signal import Array, Signal, Signals
from tilth.steps import Course, Run, Trace
from tilth.value import curvature
from tilth.value.curvature import Gauss, Solution
from tilth.value.gradients import Whole, trained
from tilth.value.passes import (
    averaged,
    directions,
    each_judge,
    judge_blocks,
    mean_directions,
    none_judges_itself,
    part_of,
    products,
    read_lesson,
    require_whole,
    rows_of,
)
from tilth.value.sides import Sides, sides, value_signal
from tilth.value.space import require_above, require_one_of

INVERSES = ("ekfac", "cg", "lissa", "exact")
_MOST_EXACT = 3000  # weights up to which the matrix itself is made: 72 MB in float64
_BATCH = 256  # samples of one step of LiSSA
_BEYOND = 2.0  # LiSSA's scale over the largest eigenvalue: that of a batch can be larger than that of all

Solve = Callable[[Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]]
"""Name -> (m, numel) directions -> (G + d I)^-1 times them."""


def influence(course: Course, judges: Any, solve: Solve, *, each: bool) -> Array:
    """(n, m) in nats: how much the loss of each judge would rise without the sample; (n,) for their mean unless `each`.

    Source    Koh and Liang 2017, arXiv:1703.04730, with the Gauss-Newton matrix for the Hessian
    """
    net, n = course.finished(), len(course)
    weights = course.lesson.weights.cpu().numpy()[:, None] / n
    if not each:
        ends = solve(mean_directions(course, net, judges))
        return (products(course, net, course.lesson, ends, 1) * weights)[:, 0]
    m = len(judges.targets)
    values = np.zeros((n, m))
    for rows in judge_blocks(net, m):
        ends = solve(directions(course, net, part_of(judges, rows)))
        values[:, rows] = products(course, net, course.lesson, ends, rows.stop - rows.start)
    return values * weights


def own_influence(course: Course, lengths: Callable[[Mapping[str, torch.Tensor]], torch.Tensor]) -> Array:
    """(n,) in nats: how much a sample's own loss would rise without it. lengths: (b,) g^T (G + d I)^-1 g."""
    net, n = course.finished(), len(course)
    values = np.zeros(n)
    for rows, _, whole in read_lesson(course, net, course.lesson, Whole):
        values[rows] = lengths(whole.found).cpu().numpy()
    return values * course.lesson.weights.cpu().numpy() / n


def solved_one_by_one(net: nn.Module, one: Callable[[torch.Tensor], Solution], told: list[Solution]) -> Solve:
    """A solver of vectors as one of directions; what it found is left in `told`."""
    weights = trained(net)

    def solve(ends: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        found = [one(row) for row in rows_of(ends, list(weights))]
        told.extend(found)
        parts = torch.stack([each.x for each in found]).split([weight.numel() for weight in weights.values()], 1)
        return dict(zip(weights, parts, strict=True))

    return solve


@dataclass(frozen=True)
class Influence:
    """How much the loss of each judge would rise without the sample, by the curvature at the kept weights.

    Looks at the end of the training alone. Right for convex models, where it is leave-one-out to first order; on
    networks a good ranking, and cheap: no training is gone through again.
    """

    source = "Koh and Liang 2017, arXiv:1703.04730; EK-FAC: George et al. 2018, arXiv:1806.03884, arXiv:2308.03296"
    cost = "a training, two passes for EK-FAC, one over the judges and one over the train samples"
    modality = ("image",)
    gives = ("influence",)

    inverse: str = "ekfac"
    """How the curvature is undone: `ekfac` layer by layer; `cg` conjugate gradients and `lissa` a series, against the
    mean of the judges (a solution per judge would cost too much); `exact` the matrix itself, up to 3,000 weights."""

    itself: bool = False
    """Minus the sample's influence on its own loss: asks for no judges, and finds wrong labels. For ekfac and exact."""

    damping: float = 0.1
    """Share of the mean eigenvalue that is added to all: of a layer's with ekfac, of the whole matrix otherwise."""

    learner: str = "convnet"
    """A network whose training can be gone through again."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the learner, where they differ from its defaults."""

    against: str = "valid"
    """The split whose samples judge. Clean ones: values repeat their faults."""

    iterations: int = 100
    """Of cg at most, and of lissa; each a pass over the train samples for cg, one batch of 256 for lissa."""

    tolerance: float = 1e-3
    """Residual, relative, at which cg stops; above it at the end, the log tells."""

    matrix_up_to: int = 1_000_000
    """Pairs of train sample and judge up to which each has a value of its own; above, the mean over judges is valued."""

    seeds: int = 1
    """Trainings that are averaged."""

    def __post_init__(self) -> None:
        require_one_of("value.influence", "inverse", self.inverse, INVERSES)
        require_above("value.influence", 0, damping=self.damping, tolerance=self.tolerance)
        require_whole("value.influence", 1, iterations=self.iterations, seeds=self.seeds)
        require_whole("value.influence", 0, matrix_up_to=self.matrix_up_to)
        if self.itself and self.inverse in ("cg", "lissa"):
            raise SettingError(
                f"value.influence: itself needs a solution per sample, found inverse = {self.inverse!r}; take ekfac"
            )
        if self.against == "train" and self.inverse in ("cg", "lissa"):
            raise SettingError(
                f"value.influence: {self.inverse} values against the mean of the judges, and train samples cannot "
                "judge themselves; take ekfac"
            )

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n, m) float32 for labelled train samples against judges, or (n,)."""
        del signals
        pair = sides(data, self.against, "value.influence", judged=not self.itself)
        meta = {"learner": self.learner, "seeds": self.seeds, "inverse": self.inverse, "itself": self.itself}

        def by_one(trace: Trace, number: int) -> Array:
            return self._by_one(trace, pair, run, number)

        values = averaged(self, "value.influence", data, pair, run, by_one)
        return value_signal("influence", pair, none_judges_itself(values, pair), unit="nats", meta=meta)

    def _by_one(self, trace: Trace, pair: Sides, run: Run, number: int) -> Array:
        course, dice = trace.course, curvature.generator(run.rng("curvature", number))
        with course.setting.active():
            if self.itself:
                return -own_influence(course, self._lengths(course, dice))
            told: list[Solution] = []
            solve = self._solve(course, dice, told)
            each = self.inverse in ("ekfac", "exact") and each_judge(pair, self.matrix_up_to)
            values = influence(course, trace.examine(pair.judges, run), solve, each=each)
        for one in told:
            if not math.isfinite(one.residual):
                raise StepError(f'value.influence: {self.inverse} went astray; take inverse = "cg" or "ekfac"')
            if one.residual > self.tolerance:
                run.log(
                    f"value.influence: {self.inverse} stopped after {one.iterations} iterations with {one.residual:.1%} "
                    "of the direction unsolved; raise iterations or damping"
                )
        return values

    def _lengths(self, course: Course, dice: torch.Generator) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor]:
        net = course.finished()
        if self.inverse == "ekfac":
            factors = curvature.ekfac(course, net, dice)
            return lambda found: factors.lengths(found, share=self.damping)
        matrix, order = self._matrix(course, net), list(trained(net))

        def lengths(found: Mapping[str, torch.Tensor]) -> torch.Tensor:
            each = rows_of(found, order)
            return (each.T * torch.linalg.solve(matrix, each.T)).sum(0)

        return lengths

    def _solve(self, course: Course, dice: torch.Generator, told: list[Solution]) -> Solve:
        net = course.finished()
        if self.inverse == "ekfac":
            factors = curvature.ekfac(course, net, dice)
            return lambda ends: factors.solve(ends, share=self.damping)
        if self.inverse == "exact":
            matrix = self._matrix(course, net)
            return solved_one_by_one(net, lambda v: Solution(torch.linalg.solve(matrix, v), 0.0, 1), [])
        d = self.damping * curvature.mean_eigenvalue(course, net, dice)
        whole = Gauss(course, net)
        times = lambda v: whole.times(v) + d * v  # noqa: E731
        if self.inverse == "cg":
            limits = {"iterations": self.iterations, "tolerance": self.tolerance}
            return solved_one_by_one(net, lambda v: curvature.conjugate(times, v, **limits), told)

        def series(v: torch.Tensor) -> Solution:
            top = curvature.largest(whole.times, len(v), dice, v)
            batch = lambda _: _damped(Gauss(course, net, _some(course, dice)), d)  # noqa: E731
            return curvature.neumann(times, batch, v, scale=_BEYOND * top + d, iterations=self.iterations)

        return solved_one_by_one(net, series, told)

    def _matrix(self, course: Course, net: nn.Module) -> torch.Tensor:
        """(P, P) G + d I."""
        width = sum(weight.numel() for weight in trained(net).values())
        if width > _MOST_EXACT:
            raise StepError(
                f'value.influence: inverse = "exact" is for up to {_MOST_EXACT:,} weights, and the network has {width:,};'
                ' take "ekfac"'
            )
        matrix = curvature.explicit(course, net)
        return matrix + self.damping * matrix.diagonal().mean() * torch.eye(width).to(matrix)


def _damped(matrix: Gauss, d: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda v: matrix.times(v) + d * v


def _some(course: Course, dice: torch.Generator) -> torch.Tensor:
    """(b,) rows of one batch."""
    b = min(_BATCH, len(course))
    return torch.randperm(len(course), generator=dice)[:b].to(course.lesson.targets.device)
