"""TRAK: several models, each taken for a linear one in its own gradients, and these projected to few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from tilth.dataset import Dataset
from tilth.sample import TRAIN
from tilth.signal import Array, Signal, Signals
from tilth.steps import Course, Run
from tilth.value.gradients import trained
from tilth.value.passes import each_judge, none_judges_itself, read_lesson, require_whole
from tilth.value.sides import Sides, sides, value_signal
from tilth.value.space import require_at_least
from tilth.value.traced import traced

_HITS = 4  # places that each weight is added to; 1 is right on average too, and off by more where few weights are large
_PER_DIM = 2  # samples per number of a projection, at least: with as many as samples the regression says nothing


@dataclass(frozen=True)
class Projection:
    """Long gradients -> `dims` numbers whose products are right on average, off by about 1 / sqrt(dims) of the lengths.

    Each weight is added to four places with seeded signs (a sparse matrix), so its cost does not hang on `dims`.
    maps: name -> (dims, numel) sparse, or None where the network has no more weights than `dims`: nothing is projected.
    Source: Kane and Nelson 2014, arXiv:1012.1577.
    """

    dims: int
    maps: Mapping[str, torch.Tensor] | None

    @classmethod
    def of(cls, net: nn.Module, dims: int, rng: np.random.Generator) -> Projection:
        """Of the gradients of this network."""
        weights = trained(net)
        width = sum(weight.numel() for weight in weights.values())
        if width <= dims:
            return cls(width, None)
        return cls(dims, {name: _sparse(weight.numel(), dims, rng).to(weight) for name, weight in weights.items()})

    def short(self, name: str, each: torch.Tensor) -> torch.Tensor:
        """(b, numel) gradients of one parameter -> (b, dims) its share of the projection."""
        assert self.maps is not None
        return torch.sparse.mm(self.maps[name], each.T.contiguous()).T


@dataclass
class Projected:
    """Reader: `found` (b, dims)."""

    projection: Projection
    parts: list[torch.Tensor] = field(default_factory=list)

    def take(self, name: str, each: torch.Tensor) -> None:
        each = each.detach()
        if self.projection.maps is None:
            self.parts.append(each)
        else:
            short = self.projection.short(name, each)
            self.parts = [self.parts[0] + short] if self.parts else [short]

    @property
    def found(self) -> torch.Tensor:
        return torch.cat(self.parts, 1)


def _sparse(numel: int, dims: int, rng: np.random.Generator) -> torch.Tensor:
    places = rng.integers(0, dims, (_HITS, numel))
    signs = rng.choice(np.array([-1.0, 1.0]), (_HITS, numel)) / np.sqrt(_HITS)
    at = np.stack([places.ravel(), np.tile(np.arange(numel), _HITS)])
    found = torch.sparse_coo_tensor(
        torch.from_numpy(at), torch.from_numpy(signs.ravel()), (dims, numel), check_invariants=True
    )
    return found.coalesce()


def odds(answers: torch.Tensor, targets: torch.Tensor, *, multi: bool) -> torch.Tensor:
    """(b,) log(p / (1 - p)) of the label's probability; the mean over classes where `multi`."""
    if multi:
        return ((2 * targets.round() - 1) * answers).mean(1)
    own = targets.argmax(1, keepdim=True)
    others = answers.scatter(1, own, -torch.inf)
    return answers.gather(1, own).squeeze(1) - torch.logsumexp(others, 1)


def featured(course: Course, lesson: Any, projection: Projection) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, dims) projected gradients of the odds of a lesson's samples at the kept weights, and (n,) 1 - p."""
    net, multi = course.finished(), course.lesson.multi
    found, doubts = [], []

    def of(answers: torch.Tensor, batch: Any) -> torch.Tensor:
        return odds(answers, batch.targets, multi=multi)

    for _, batch, reader in read_lesson(course, net, lesson, lambda: Projected(projection), losses=of):
        found.append(reader.found)
        with torch.no_grad():
            answers = course.answers(net, batch)
            if multi:
                doubts.append(torch.sigmoid((1 - 2 * batch.targets.round()) * answers).mean(1))
            else:
                doubts.append(torch.sigmoid(-of(answers, batch)))
    return torch.cat(found), torch.cat(doubts)


def linear_scores(train: torch.Tensor, judges: torch.Tensor, ridge: float) -> torch.Tensor:
    """(n, m) Phi (Phi^T Phi + l I)^-1 phi_j. ridge: l as a share of the mean eigenvalue of Phi^T Phi.

    Source    Park et al. 2023, arXiv:2303.14186, equation 15
    """
    train, judges = train.double(), judges.double()
    gram = train.T @ train
    floor = max(ridge, 1e-9) * float(gram.diagonal().mean()) + 1e-30
    gram.diagonal().add_(floor)
    return train @ torch.linalg.solve(gram, judges.T)


@dataclass(frozen=True)
class Trak:
    """How much the odds of each judge's label rest on each train sample, by models that were trained on random halves.

    Each model is taken for a logistic regression in its gradients; scores are averaged over models, and weighed by how
    much the sample is still doubted.
    """

    source = "Park et al. 2023, arXiv:2303.14186"
    cost = "a training on half the data a model, and one pass over train samples and judges each"
    modality = ("image",)
    gives = ("trak",)

    models: int = 5
    """How many, each trained on a random half. What decides the quality: the paper takes 1 to 100."""

    dims: int = 2048
    """Numbers a gradient is projected to; at most half as many as there are train samples."""

    ridge: float = 1.0
    """Added to the regression, as a share of its mean eigenvalue. The paper adds nothing: on digits with 10 % flips that
    found them with AUROC .78, .1 with .91 and 1 with .98."""

    learner: str = "convnet"
    """A network."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the learner, where they differ from its defaults."""

    against: str = "valid"
    """The split whose samples judge. Clean ones: values repeat their faults."""

    matrix_up_to: int = 50_000_000
    """Pairs of train sample and judge up to which each has a value of its own (200 MB); above, the mean over judges."""

    seeds: int = 1
    """Times all of it is done anew and averaged: as many models more, halves and all."""

    def __post_init__(self) -> None:
        require_whole("value.trak", 1, models=self.models, dims=self.dims, seeds=self.seeds)
        require_whole("value.trak", 0, matrix_up_to=self.matrix_up_to)
        require_at_least("value.trak", 0, ridge=self.ridge)

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n, m) float32 for labelled train samples against judges, or (n,) against their mean."""
        del signals
        pair = sides(data, self.against, "value.trak")
        values, count = np.zeros((len(pair.valued), 1)), self.models
        for seed in range(self.seeds):
            numbers = range(seed * count, (seed + 1) * count)
            scores: Any = 0.0
            doubts: Any = 0.0
            for number in numbers:
                key = ("value.trak", vars(self), data.version, number)
                found = run.keep(key, lambda number=number: self._by_one(data, pair, run, number))
                scores, doubts = scores + found["scores"] / count, doubts + found["doubts"] / count
            values = values + scores * doubts[:, None] / self.seeds
        values = values if each_judge(pair, self.matrix_up_to) else values[:, 0]
        dims = self._dims(pair)
        meta = {"learner": self.learner, "seeds": self.seeds, "models": count, "dims": dims, "ridge": self.ridge}
        return value_signal("trak", pair, none_judges_itself(values, pair), unit="log-odds", meta=meta)

    def _dims(self, pair: Sides) -> int:
        return max(1, min(self.dims, len(pair.valued) // _PER_DIM))

    def _by_one(self, data: Dataset, pair: Sides, run: Run, number: int) -> dict[str, Array]:
        """`scores` (n, m) and `doubts` (n,) by one model."""
        rng = run.rng("trak", number)
        trace = traced("value.trak", self.learner, self.settings, _half(data, rng), run, seed=run.seed * 1000 + number)
        course = trace.course
        everyone, judges = trace.examine(pair.valued, run), trace.examine(pair.judges, run)
        with course.setting.active(), run.progress("gradients", len(pair.valued) + len(pair.judges)) as advance:
            projection = Projection.of(course.finished(), self._dims(pair), rng)
            phi, doubts = featured(course, everyone, projection)
            advance(len(pair.valued))
            ends, _ = featured(course, judges, projection)
            advance(len(pair.judges))
            if not each_judge(pair, self.matrix_up_to):
                ends = ends.mean(0, keepdim=True)
            scores = linear_scores(phi, ends, self.ridge)
        return {"scores": scores.float().cpu().numpy(), "doubts": doubts.cpu().numpy()}


def _half(data: Dataset, rng: np.random.Generator) -> Dataset:
    """The data with a random half of its train samples."""
    train = np.flatnonzero(data.splits == TRAIN)
    order = rng.permutation(train)
    kept = data.splits != TRAIN
    kept[order[: (len(order) + 1) // 2]] = True
    return data.where(kept)
