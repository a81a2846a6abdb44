"""Small trainings in double precision, for the tests of valuation by trajectory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tilth.learn.course import Course, Lesson, lesson_of
from tilth.learn.plan import Plan
from tilth.learn.preprocess import Inputs
from tilth.learn.setting import Setting
from tilth.learn.trainer import seeded, train

PLAN = Plan(epochs=4, batch=8, optimizer="sgd", rate=0.1, weight_decay=1e-2, schedule="cosine")


class Dropped(nn.Module):
    """Convolution, a norm, dropout, and a weight used as a matrix: what real networks are made of."""

    def __init__(self, norm: nn.Module | None = None, drop: float = 0.0) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), norm or nn.Identity()
        self.mix = nn.Conv2d(4, 4, 1)
        self.drop, self.head = nn.Dropout(drop), nn.Linear(16, 3)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = torch.tanh(self.norm(self.conv(pictures)))
        b, c, h, w = seen.shape
        rows = nn.functional.linear(seen.permute(0, 2, 3, 1).reshape(-1, c), self.mix.weight.flatten(1), self.mix.bias)
        seen = torch.tanh(rows.view(b, h, w, c).permute(0, 3, 1, 2))
        return self.head(self.drop(nn.functional.adaptive_avg_pool2d(seen, 2).flatten(1)))


def lessons(n: int = 30, m: int = 7, *, seed: int = 0) -> tuple[Lesson, Lesson]:
    """Pictures (1, 4, 4) of three classes to learn from, weighed unevenly, and some to judge."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n + m)
    values = rng.normal(size=(n + m, 1, 4, 4)) + labels[:, None, None, None] * 0.7
    whole = lesson_of(values, labels, 3)
    whole = replace(whole, inputs=Inputs(torch.as_tensor(values)), targets=whole.targets.double())
    weights = torch.as_tensor(rng.uniform(0.5, 1.5, n))
    teach = Lesson(Inputs(whole.inputs.values[:n]), whole.targets[:n], weights, multi=False)
    judge = Lesson(Inputs(whole.inputs.values[n:]), whole.targets[n:], torch.ones(m).double(), multi=False)
    return teach, judge


def course(net: nn.Module, lesson: Lesson, plan: Plan, folder: Path) -> Course:
    """A finished training in double precision."""
    setting = Setting(channels_last=False, fused=False)
    return train(net.double(), lesson, None, plan, setting=setting, seed=0, folder=folder).course


def made(norm: type[nn.Module] | None = None, drop: float = 0.0) -> Dropped:
    with seeded(1):
        given = None if norm is None else nn.GroupNorm(2, 4) if norm is nn.GroupNorm else norm(4)
        return Dropped(given, drop)
