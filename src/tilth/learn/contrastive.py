"""Representations by contrast: what is alike lies together, what differs lies apart.

A Siamese network looks at two views of each picture of a batch. `supcon` draws all views of a class together, `pair`
draws pairs of one class together and pushes others to a margin, `simclr` draws only the two views of one picture
together and never looks at a label, `classes` has no contrast. Beside it a linear layer learns the classes, so that the
network can be asked for probabilities; under `simclr` it looks on and changes nothing.

Trained by crossfit, no sample's feature or probability comes from a network that saw its label.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.learn.course import Batch, Course, losses_of
from tilth.learn.network import Blueprint, NetworkModel, fit_network
from tilth.learn.plan import Plan
from tilth.learn.views import Views
from tilth.numerics.neighbors import directions
from tilth.signal import Array
from tilth.steps import Run

Loss = Literal["supcon", "pair", "simclr", "classes"]
Look = Literal["square", "content", "tidied"]
_FEATURES, _PROJECTED = 128, 64
_SIZED = 256  # pictures whose sizes are looked at
_LEAST_PX = 32  # of which 4 x 4 places are left


@dataclass(frozen=True)
class Contrastive:
    """Train Siamese networks on views of the pictures, one for each look at them: the witness for labels and neighbours.

    One network sees the content cut out of its ground, another sees it tidied of what reaches in from the border: junk
    shows in the first, a wrong label in the second. Their probabilities are averaged, their features joined. Features
    keep where things stand (4 x 4 places): parts in another order make another picture, "iv" is not "vi".
    """

    loss: Loss = "supcon"
    side_px: int = 64  # at most; pictures that are smaller are looked at as small as they are, from 32 px up
    looks: tuple[Look, ...] = ("content", "tidied")  # a network each; "square" is the whole picture
    epochs: int = 15
    batch: int = 64
    least_steps: int = 300  # small data are passed over more often
    rate: float = 3e-3  # of AdamW, at the top of the warm-up
    temperature: float = 0.1  # of supcon and simclr: Khosla et al. took .07 to .1
    margin: float = 1.0  # of pair: the distance, of unit features, at which others are left alone
    inverted: float = 0.0  # share of the views that are inverted: for data in which some are
    asked: int = 8  # views of each picture that are asked about beside it; the answers are averaged
    precision: str = "auto"

    version = 2
    gives = ("probabilities", "features")
    modality = ("image",)
    source = "Khosla et al. 2020, arXiv:2004.11362; Hadsell et al. 2006; Chen et al. 2020, arXiv:2002.05709"
    cost = "O(n epochs), two looks at each picture"

    def check(self) -> None:
        """Raises SettingError for a loss or a look that is none, or a value outside its range."""
        if self.loss not in _LOSSES:
            raise SettingError(f"learn.contrastive: loss is {', '.join(_LOSSES)}; found {self.loss!r}")
        looks = tuple(self.looks)
        if not looks or not set(looks) <= set(_LOOKS):
            raise SettingError(f"learn.contrastive: looks are some of {', '.join(_LOOKS)}; found {list(looks)!r}")
        self.blueprint(looks[0])

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> Members:
        """Train them; the last weights are kept. Raises SettingError as `check` does."""
        self.check()
        looks = tuple(self.looks)
        sized = replace(self, side_px=self._side(train, run))
        seeds = [seed * len(looks) + number for number in range(len(looks))]
        members = [
            fit_network(sized.blueprint(look), train, valid, run, seed=own)
            for look, own in zip(looks, seeds, strict=True)
        ]
        curves = [{"network": number, **line} for number, one in enumerate(members, 1) for line in one.curves]
        return Members(tuple(members), tuple(curves), {"networks": [dict(one.record) for one in members]})

    def _side(self, data: Dataset, run: Run) -> int:
        """The side to look at these pictures with, in steps of 16 px: half of them are no larger."""
        some = data.where(np.arange(len(data)) < _SIZED)
        longer = [max(picture.shape[:2]) for picture in run.images(some)]
        usual = float(np.median(longer)) if longer else self.side_px
        return min(self.side_px, max(_LEAST_PX, 16 * math.ceil(usual / 16)))

    def blueprint(self, look: Look) -> Blueprint:
        plan = Plan(
            epochs=self.epochs,
            batch=self.batch,
            optimizer="adamw",
            rate=self.rate,
            weight_decay=0.02,
            schedule="cosine",
            warmup_share=0.15,
            least_steps=self.least_steps,
            label_smoothing=0.1,
        )
        views = Views(inverted=self.inverted)
        course = partial(Contrast, loss=self.loss, views=views, temperature=self.temperature, margin=self.margin)
        build = partial(Net, free=self.loss == "simclr")
        asked = partial(_asked, views=views, number=self.asked)
        return Blueprint(
            "learn.contrastive",
            build,
            plan,
            self.side_px,
            look,
            grey=True,
            precision=self.precision,
            course=course,
            asked=asked,
        )


@dataclass(frozen=True)
class Members:
    """Several networks that are asked together."""

    members: tuple[NetworkModel, ...]
    curves: tuple[Mapping[str, float], ...]
    record: Mapping[str, Any]

    def predict(self, data: Dataset, run: Run) -> Array:
        """(n, k) float32, the mean of what they say."""
        return self.ask(data, run)[0]

    def features(self, data: Dataset, run: Run) -> Array:
        """(n, 128 members) float32, what each sees, brought to length 1 and joined."""
        return self.ask(data, run)[1]

    def ask(self, data: Dataset, run: Run) -> tuple[Array, Array]:
        """Both at once."""
        said = [one.ask(data, run) for one in self.members]
        seen = [directions(values) for _, values in said if values is not None]
        return np.mean([p for p, _ in said], axis=0), np.concatenate(seen, axis=1).astype(np.float32)


class Net(nn.Module):
    """Pictures (b, c, h, w) -> answers (b, k); in training (b, k + 64): the answers, and where the picture lies.

    free  whether the answers' layer only looks on: labels do not shape the features
    """

    def __init__(self, k: int, channels: int, *, free: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_layer(channels, 16, 5, stride=2),
            nn.MaxPool2d(2),
            *_layer(16, 32),
            nn.MaxPool2d(2),
            *_layer(32, 64),
            nn.MaxPool2d(2),
            *_layer(64, 96),
        )
        self.drop, self.free = nn.Dropout(0.3), free
        self.middle = nn.Linear(96 * 16, _FEATURES)
        self.projection = nn.Sequential(
            nn.Linear(_FEATURES, _FEATURES), nn.ReLU(inplace=True), nn.Linear(_FEATURES, _PROJECTED)
        )
        self.head = nn.Linear(_FEATURES, k)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        places = F.adaptive_avg_pool2d(self.layers(pictures), 4).flatten(1)
        features = self.middle(self.drop(places)).relu()
        answers = self.head(features.detach() if self.free else features)
        if not self.training:
            return answers
        return torch.cat([answers, F.normalize(self.projection(features), dim=1)], 1)


def _layer(channels: int, out: int, side: int = 3, *, stride: int = 1) -> list[nn.Module]:
    kernel = nn.Conv2d(channels, out, side, stride, side // 2, bias=False)
    nn.init.kaiming_normal_(kernel.weight, nonlinearity="relu")
    return [kernel, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


@dataclass(frozen=True)
class Contrast(Course):
    """A course whose batches are two views of each picture, and whose loss is a contrast and the classes' own."""

    loss: Loss = "supcon"
    views: Views = field(default_factory=Views)
    temperature: float = 0.1
    margin: float = 1.0

    def batch(self, step: int) -> Batch:
        """Two views of each picture, one below the other; one view where there is no contrast."""
        one = super().batch(step)
        dice = torch.Generator().manual_seed(one.dice)
        if self.loss == "classes":
            return replace(one, inputs=self.views.of(one.inputs, dice))
        inputs = torch.cat([self.views.of(one.inputs, dice), self.views.of(one.inputs, dice)])
        twice = (torch.cat([part, part]) for part in (one.rows, one.targets, one.weights))
        rows, targets, weights = twice
        return Batch(rows, inputs, targets, weights, one.dice)

    def classes(self, answers: torch.Tensor) -> torch.Tensor:
        """(2b, k) the classes' part of the answers."""
        return answers[:, :-_PROJECTED]

    def losses(self, answers: torch.Tensor, batch: Batch) -> torch.Tensor:
        """(2b,) contrast of each view with the others, and cross-entropy of its classes."""
        known = losses_of(
            self.classes(answers), batch.targets, multi=self.lesson.multi, smoothing=self.plan.label_smoothing
        )
        how = _LOSSES[self.loss]
        if how is None:
            return known
        alike = _alike(batch.rows, batch.targets, free=self.loss == "simclr")
        contrast = how(answers[:, -_PROJECTED:], alike, self.temperature, self.margin)
        return contrast + known


def _asked(batch: torch.Tensor, *, views: Views, number: int) -> Iterator[torch.Tensor]:
    """The pictures, and so many views of them, the same for every picture."""
    yield batch
    for one in range(number):
        yield views.alike(batch, one)


def _alike(rows: torch.Tensor, targets: torch.Tensor, *, free: bool) -> torch.Tensor:
    """(m, m) 0..1, how much two views belong together: the same picture, or the share of classes in common."""
    if free:
        return (rows[:, None] == rows[None]).float()
    both = targets @ targets.T
    sizes = (targets * targets).sum(1)
    return both / (sizes[:, None] + sizes[None] - both).clamp_min(1e-6)  # Jaccard; 1 or 0 for one class


def supcon(z: torch.Tensor, alike: torch.Tensor, temperature: float, margin: float = 0.0) -> torch.Tensor:
    """(m,) minus the mean log-share of its like among all others; z (m, d) of unit length.

    Source: Khosla et al. 2020, equation 2 (L_out); with only the other view alike it is SimCLR's.
    """
    del margin
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    near = (z @ z.T / temperature).masked_fill(itself, -1e9)
    shares = near - near.logsumexp(1, keepdim=True)
    alike = alike.masked_fill(itself, 0.0)
    return -(shares * alike).sum(1) / alike.sum(1).clamp_min(1e-6)


def pair(z: torch.Tensor, alike: torch.Tensor, temperature: float, margin: float) -> torch.Tensor:
    """(m,) mean over the others of y D^2 + (1 - y) max(margin - D, 0)^2, like and unlike weighing the same.

    Source: Hadsell, Chopra, LeCun 2006, equation 4, y = 1 for what belongs together.
    """
    del temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    square = (2 - 2 * z @ z.T).clamp_min(1e-6)
    push = (margin - square.sqrt()).clamp_min(0).square()
    together, apart = alike.masked_fill(itself, 0.0), (1 - alike).masked_fill(itself, 0.0)
    return (together * square).sum(1) / together.sum(1).clamp_min(1e-6) + (apart * push).sum(1) / apart.sum(
        1
    ).clamp_min(1e-6)


_LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor, float, float], torch.Tensor] | None] = {
    "supcon": supcon,
    "pair": pair,
    "simclr": supcon,
    "classes": None,
}
_LOOKS = ("square", "content", "tidied")
