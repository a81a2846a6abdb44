"""Curvature of a training's loss at the kept weights, and ways to undo it.

The Gauss-Newton matrix G = mean over samples of J^T H J, with J the Jacobian of the answers and H the second derivative
of the loss by them: never negative, and the Hessian itself where answers are linear in the weights. For cross-entropy it
is the Fisher matrix: the mean of g g^T for labels drawn from the network's own answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, jvp, vjp
from torch.nn import functional as F  # noqa: N812

from tilth.steps import Course
from tilth.value.gradients import Squares, Whole, blocks, trained
from tilth.value.passes import Losses, read_lesson, rows_of
from tilth.value.replay import alone

_BATCH = 256  # samples of one product with the matrix

Product = Callable[[torch.Tensor], torch.Tensor]
"""(P,) -> (P,) a symmetric matrix times a vector."""


# -- the matrix -----------------------------------------------------------------------------------------------


def output_curvature(answers: torch.Tensor, moved: torch.Tensor, *, multi: bool) -> torch.Tensor:
    """(b, k) H times a change of the answers. Smoothed labels change nothing of it."""
    if multi:  # the mean over classes of a yes or no each
        p = torch.sigmoid(answers)
        return p * (1 - p) * moved / answers.shape[1]
    p = torch.softmax(answers, 1)
    return p * (moved - (p * moved).sum(1, keepdim=True))


@dataclass(frozen=True)
class Gauss:
    """Products with the Gauss-Newton matrix of a course at its kept weights, by one forward and one backward derivative.

    rows  of the lesson that it is of; None: all
    """

    course: Course
    net: nn.Module
    rows: torch.Tensor | None = None

    def times(self, vector: torch.Tensor) -> torch.Tensor:
        """(P,) G v, weighed as the samples are."""
        lesson, weights = self.course.lesson, trained(self.net)
        parts = vector.split([weight.numel() for weight in weights.values()])
        along = {name: part.view_as(weights[name]) for name, part in zip(weights, parts, strict=True)}
        held = {name: weight.detach() for name, weight in weights.items()}
        n = len(lesson) if self.rows is None else len(self.rows)
        total = torch.zeros_like(vector)
        for part in blocks(n, _BATCH):
            batch = alone(self.course, lesson, part if self.rows is None else self.rows[part])  # type: ignore[arg-type]
            counted = lesson.weights[part if self.rows is None else self.rows[part]] / n
            answer = lambda held, now=batch: self.course.answers(  # noqa: E731
                lambda seen: functional_call(self.net, held, (seen,)), now
            )
            answers, moved = jvp(answer, (held,), (along,))[:2]
            pushed = output_curvature(answers, moved, multi=lesson.multi) * counted[:, None]
            (back,) = vjp(answer, held)[1](pushed)
            total += torch.cat([back[name].flatten() for name in weights]).detach()
        return total


def explicit(course: Course, net: nn.Module) -> torch.Tensor:
    """(P, P) G itself, from a way back for each class: for small networks."""
    lesson, order = course.lesson, list(trained(net))
    k, n = lesson.targets.shape[1], len(lesson)
    width = sum(weight.numel() for weight in trained(net).values())
    total = torch.zeros((width, width), dtype=next(net.parameters()).dtype, device=lesson.targets.device)
    by_class = [
        read_lesson(course, net, lesson, Whole, losses=lambda answers, _, at=at: answers[:, at]) for at in range(k)
    ]
    for passes in zip(*by_class, strict=True):
        rows, batch = passes[0][0], passes[0][1]
        jacobian = torch.stack([rows_of(whole.found, order) for _, _, whole in passes], 1)
        with torch.no_grad():
            answers = course.answers(net, batch)
            curved = torch.stack(
                [output_curvature(answers, jacobian[:, :, at], multi=lesson.multi) for at in range(width)], 2
            )
            weighed = curved * lesson.weights[rows, None, None] / n
            total += torch.einsum("bkp,bkq->pq", jacobian, weighed)
    return total


def drawn(multi: bool, dice: torch.Generator) -> Losses:
    """Losses by labels drawn from the network's own answers: the mean of their g g^T is G."""

    def losses(answers: torch.Tensor, _: Any) -> torch.Tensor:
        luck = torch.rand(answers.shape, generator=dice).to(answers)
        if multi:
            labels = (luck < torch.sigmoid(answers.detach())).to(answers)
            each = F.binary_cross_entropy_with_logits(answers, labels, reduction="none")
            return each.sum(1) / math.sqrt(answers.shape[1])
        sums = torch.softmax(answers.detach(), 1).cumsum(1)
        labels = (sums < luck[:, :1]).sum(1).clamp_max(answers.shape[1] - 1)
        return F.cross_entropy(answers, labels, reduction="none")

    return losses


def mean_eigenvalue(course: Course, net: nn.Module, dice: torch.Generator) -> float:
    """The trace of G over its size, by labels drawn from the answers."""
    total, width = 0.0, sum(weight.numel() for weight in trained(net).values())
    for rows, _, squares in read_lesson(course, net, course.lesson, Squares, losses=drawn(course.lesson.multi, dice)):
        total += float((squares.sums * course.lesson.weights[rows]).sum())
    return total / len(course) / max(width, 1)


# -- solving --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Solution:
    """What a solver found. residual: |v - A x| / |v|, 0 where it is right."""

    x: torch.Tensor
    residual: float
    iterations: int


def conjugate(product: Product, v: torch.Tensor, *, iterations: int, tolerance: float) -> Solution:
    """A x = v by conjugate gradients, until the residual is within the tolerance. Source: Hestenes and Stiefel 1952.

    Plain: with EK-FAC to help it took more iterations, for G has few eigenvalues that are not 0, and EK-FAC many.
    """
    x, r = torch.zeros_like(v), v.clone()
    p, square, length = r.clone(), float(r @ r), float(v @ v)
    done = 0
    while done < iterations and square > tolerance**2 * length:
        moved = product(p)
        bend = float(p @ moved)
        if bend <= 0:  # only rounding is left
            break
        x, r = x + square / bend * p, r - square / bend * moved
        before, square = square, float(r @ r)
        p, done = r + square / before * p, done + 1
    return Solution(x, math.sqrt(square / max(length, 1e-300)), done)


def largest(product: Product, width: int, dice: torch.Generator, like: torch.Tensor, *, iterations: int = 20) -> float:
    """The largest eigenvalue of a matrix that is never negative, by power iteration: a little below the true one."""
    v = torch.randn(width, generator=dice).to(like)
    found = 0.0
    for _ in range(iterations):
        v = v / v.norm().clamp_min(1e-300)
        v = product(v)
        found = float(v.norm())
    return found


def neumann(
    product: Product, batch_product: Callable[[int], Product], v: torch.Tensor, *, scale: float, iterations: int
) -> Solution:
    """A x = v by LiSSA: x <- v + (I - A_b / scale) x with the matrix of a batch each time, the answer x / scale.

    product        of the whole matrix, for the residual
    batch_product  number of the iteration -> that of a batch
    scale          above the largest eigenvalue; the error shrinks by 1 - (least eigenvalue) / scale each time

    The mean of the last half is taken, which quietens the noise of the batches. Source: Agarwal et al. 2017,
    arXiv:1602.03943; Koh and Liang 2017, arXiv:1703.04730.
    """
    x, late = v.clone(), torch.zeros_like(v)
    for number in range(iterations):
        x = v + x - batch_product(number)(x) / scale
        if not torch.isfinite(x).all():
            return Solution(torch.zeros_like(v), math.inf, number)
        if number >= iterations // 2:
            late += x / (iterations - iterations // 2) / scale
    return Solution(late, float((v - product(late)).norm() / v.norm().clamp_min(1e-300)), iterations)


# -- EK-FAC ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """The part of G that belongs to one layer, or to one parameter without such a form.

    names   weight and bias, or the one parameter
    shape   (out, in) of the weight, the bias being one input more
    inner   (in, in) eigenvectors of what enters, outer (out, out) of what comes back; None: as it is
    values  (out * in,) eigenvalues
    """

    names: Sequence[str]
    shape: tuple[int, int]
    inner: torch.Tensor | None
    outer: torch.Tensor | None
    values: torch.Tensor

    def gathered(self, found: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(b, out, in) gradients of this layer, side by side with that of its bias."""
        b = len(found[self.names[0]])
        first = found[self.names[0]].reshape(b, self.shape[0], -1)
        return torch.cat([first, found[self.names[1]].reshape(b, -1, 1)], 2) if len(self.names) == 2 else first

    def turned(self, found: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """(b, out * in) the gradients seen along the eigenvectors."""
        each = self.gathered(found)
        if self.inner is None or self.outer is None:
            return each.flatten(1)
        return (self.outer.T @ each @ self.inner).flatten(1)

    def back(self, turned: torch.Tensor) -> dict[str, torch.Tensor]:
        """As they were: name -> (b, numel)."""
        each = turned.view(len(turned), *self.shape)
        if self.inner is not None and self.outer is not None:
            each = self.outer @ each @ self.inner.T
        if len(self.names) == 2:
            return {self.names[0]: each[:, :, :-1].flatten(1), self.names[1]: each[:, :, -1]}
        return {self.names[0]: each.flatten(1)}

    def damped(self, share: float, damping: float | None) -> torch.Tensor:
        """(out * in,) eigenvalues and damping: absolute, or a share of the layer's mean eigenvalue."""
        mean = float(self.values.mean())
        return self.values + (damping if damping is not None else max(share * mean, 1e-12))


@dataclass(frozen=True)
class EkFac:
    """G taken for a matrix of blocks, one a layer, each diagonal along the eigenvectors of a Kronecker product.

    Of what has no two sides (biases, norms) the diagonal is kept. Eigenvalues are those of G along these vectors. With D
    the gradient of a sample, the vectors are those of the mean of D^T D and D D^T: where a layer is used once a sample
    and what enters hangs together with nothing that comes back, K-FAC's own; over the places of a convolution nearer to
    G, and to be had of any layer. Source: George et al. 2018, arXiv:1806.03884; Grosse et al. 2023, arXiv:2308.03296;
    the vectors: Morwani et al. 2024, arXiv:2406.17748.
    """

    blocks: Sequence[Block]

    def solve(
        self, ends: Mapping[str, torch.Tensor], *, share: float = 0.1, damping: float | None = None
    ) -> dict[str, torch.Tensor]:
        """Name -> (m, numel) (G + d I)^-1 times each direction. share, damping: see Block.damped."""
        found: dict[str, torch.Tensor] = {}
        for block in self.blocks:
            found |= block.back(block.turned(ends) / block.damped(share, damping))
        return found

    def lengths(
        self, found: Mapping[str, torch.Tensor], *, share: float = 0.1, damping: float | None = None
    ) -> torch.Tensor:
        """(b,) g^T (G + d I)^-1 g of each gradient."""
        parts = [(one.turned(found).square() / one.damped(share, damping)).sum(1) for one in self.blocks]
        return torch.stack(parts).sum(0)


def ekfac(course: Course, net: nn.Module, dice: torch.Generator) -> EkFac:
    """The EK-FAC of a course at its kept weights. Two passes over the train samples, with labels drawn twice."""
    shells = _vectors(course, net, dice)
    sums = [torch.zeros(one.shape[0] * one.shape[1]).to(course.lesson.targets) for one in shells]
    for rows, _, whole in read_lesson(course, net, course.lesson, Whole, losses=drawn(course.lesson.multi, dice)):
        weights = course.lesson.weights[rows, None] / len(course)
        for number, one in enumerate(shells):
            sums[number] = sums[number] + (one.turned(whole.found).square() * weights).sum(0)
    return EkFac(
        [Block(one.names, one.shape, one.inner, one.outer, own) for one, own in zip(shells, sums, strict=True)]
    )


def _vectors(course: Course, net: nn.Module, dice: torch.Generator) -> list[Block]:
    """Blocks with their eigenvectors, without eigenvalues."""
    shells = _shells(net)
    inner: list[Any] = [0.0] * len(shells)
    outer: list[Any] = [0.0] * len(shells)
    for rows, _, whole in read_lesson(course, net, course.lesson, Whole, losses=drawn(course.lesson.multi, dice)):
        for number, one in enumerate(shells):
            if one.shape[0] > 1:
                each = one.gathered(whole.found)
                weighed = each * course.lesson.weights[rows, None, None]
                inner[number] = inner[number] + torch.einsum("boi,boj->ij", each, weighed)
                outer[number] = outer[number] + torch.einsum("boi,bpi->op", each, weighed)
    return [
        replace(one, inner=eigenvectors(a), outer=eigenvectors(d)) if one.shape[0] > 1 else one
        for one, a, d in zip(shells, inner, outer, strict=True)
    ]


def _shells(net: nn.Module) -> list[Block]:
    """The parameters by layer: a weight of two and more axes with its bias, all else by itself."""
    weights, made, done = trained(net), [], set[str]()
    for name, weight in weights.items():
        if weight.ndim < 2 or len(weight) < 2:
            continue
        bias = name.removesuffix("weight") + "bias"
        joined = bias in weights and weights[bias].shape == weight.shape[:1]
        names = (name, bias) if joined else (name,)
        made.append(Block(names, (len(weight), weight.numel() // len(weight) + joined), None, None, torch.zeros(0)))
        done.update(names)
    rest = [name for name in weights if name not in done]
    return made + [Block((name,), (1, weights[name].numel()), None, None, torch.zeros(0)) for name in rest]


def eigenvectors(matrix: torch.Tensor) -> torch.Tensor:
    """In double precision: with many zeros (padding that nothing enters) single precision ended in nan."""
    scale = matrix.abs().max().clamp_min(1e-300).double()
    return torch.linalg.eigh(matrix.double() / scale)[1].to(matrix)


def generator(seed: np.random.Generator) -> torch.Generator:
    """torch's dice from a run's."""
    return torch.Generator().manual_seed(int(seed.integers(1 << 62)))
