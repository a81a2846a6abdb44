"""Approximate HyDRA and its matrix: the weighted sum of products is the recursion by vectors, Hessian dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from courses import PLAN, course, lessons, made
from tilth.errors import StepError
from tilth.value import rule, statistics
from tilth.value.gradients import Whole, one_by_one
from tilth.value.replay import Along, Each, judge_directions, mean_direction, walk

SGD = {
    "plain": replace(PLAN, momentum=0.0, weight_decay=0.0),
    "decay": replace(PLAN, momentum=0.0),
    "momentum": PLAN,
    "nesterov": replace(PLAN, nesterov=True),
    "dampened": replace(PLAN, dampening=0.3),
    "clipped": replace(PLAN, clip_norm=0.5),
    "steps": replace(PLAN, schedule="step", drop_epochs=1, batch=7),
}


def quiet(steps: int) -> None:
    del steps


def recursion(found, directions: dict[str, torch.Tensor]) -> np.ndarray:
    """(n, m) by the classic way: two vectors of the size of the network for each sample (Chen et al. 2021)."""
    n, m = len(found), len(next(iter(directions.values())))
    net, optimizer = found.begin()
    weights = dict(net.named_parameters())
    h = {name: torch.zeros(n, weight.numel()).double() for name, weight in weights.items()}
    v = {name: one.clone() for name, one in h.items()}
    for step in range(found.steps):
        found.set(optimizer, step)
        batch = found.batch(step)
        losses = found.losses(found.answers(net, batch), batch) * batch.weights / len(batch.rows)
        whole = Whole()
        one_by_one(net, losses, [whole])
        optimizer.zero_grad()
        losses.sum().backward()
        factor = found.move(net, optimizer)
        for group in optimizer.param_groups:
            own = rule.group_of(group)
            for name in (name for name, weight in weights.items() if any(weight is one for one in group["params"])):
                u = torch.zeros_like(h[name])
                u[batch.rows] = whole.found[name].double() * factor
                d = u + own.decay * h[name]
                gain = 1.0 if step == 0 or not own.momentum else 1 - own.dampening
                v[name] = own.momentum * v[name] + gain * d if own.momentum else d
                moved = d + own.momentum * v[name] if own.nesterov else v[name]
                h[name] = h[name] - own.rate * moved
    return -sum(h[name] @ directions[name].T.double() for name in h).numpy().reshape(n, m)


@pytest.mark.parametrize("name", SGD)
def test_the_sum_is_the_recursion(name, tmp_path):
    teach, judge = lessons()
    found = course(made(drop=0.2), teach, SGD[name], tmp_path)
    mean = mean_direction(found, judge)
    ends = judge_directions(found, judge, [slice(0, 5), slice(5, 7)])
    along, each = Along(found, mean), Each(found, ends, 7)
    assert walk(found, along, quiet) < 1e-12
    assert walk(found, each, quiet) < 1e-12
    expected = recursion(found, ends)
    np.testing.assert_allclose(along.values, expected.mean(1), rtol=1e-6, atol=1e-10 * np.abs(expected).max())
    np.testing.assert_allclose(each.values, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_the_sum_is_the_recursion_to_ten_places(tmp_path):
    teach, judge = lessons()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    found = course(net, teach, replace(PLAN, epochs=15, nesterov=True), tmp_path)
    along = Along(found, mean_direction(found, judge))
    walk(found, along, quiet)
    expected = recursion(found, judge_directions(found, judge, [slice(0, 7)])).mean(1)
    np.testing.assert_allclose(along.values, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm])
def test_looking_does_not_disturb_the_training(norm, tmp_path):
    (teach, judge), plan = lessons(), replace(PLAN, optimizer="adam", rate=1e-2)
    net = made(nn.BatchNorm2d if norm is nn.LayerNorm else norm, drop=0.2)
    if norm is nn.LayerNorm:
        net.norm = nn.LayerNorm([4, 4, 4])
    found = course(net, teach, plan, tmp_path)
    ends = judge_directions(found, judge, [slice(0, 7)])
    each = Each(found, ends, 7)
    assert walk(found, Along(found, mean_direction(found, judge)), quiet) < 1e-12
    assert walk(found, each, quiet) < 1e-9
    assert np.isfinite(each.values).all() and each.values.std() > 0


def test_adam_by_one_direction_and_by_many_agree(tmp_path):
    (teach, judge), plan = lessons(), replace(PLAN, optimizer="adamw", rate=1e-2, epochs=40, clip_norm=1.0)
    found = course(made(drop=0.2), teach, plan, tmp_path)
    along, each = Along(found, mean_direction(found, judge)), Each(found, judge_directions(found, judge, [slice(7)]), 7)
    walk(found, along, quiet)
    walk(found, each, quiet)
    assert np.corrcoef(along.values, each.values.mean(1))[0, 1] > 0.999


def test_a_sample_of_no_weight_is_worth_nothing(tmp_path):
    teach, judge = lessons()
    weights = teach.weights.clone()
    weights[3] = 0
    found = course(made(), replace(teach, weights=weights), PLAN, tmp_path)
    along = Along(found, mean_direction(found, judge))
    walk(found, along, quiet)
    assert along.values[3] == 0 and (along.values[:3] != 0).all()


def test_a_network_that_cannot_be_tapped_is_read_sample_by_sample(tmp_path):
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.linspace(-1, 1, 48).view(16, 3))

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return torch.einsum("bi,ik->bk", pictures.flatten(1), torch.tanh(self.kernel))

    teach, judge = lessons()
    found = course(Odd(), teach, PLAN, tmp_path)
    ends = judge_directions(found, judge, [slice(0, 7)])
    each = Each(found, ends, 7)
    walk(found, each, quiet)
    np.testing.assert_allclose(each.values, recursion(found, ends), rtol=1e-4, atol=1e-7)


def test_an_unknown_optimizer_is_told():
    with pytest.raises(StepError, match="uses Rprop"):
        rule.kind_of(torch.optim.Rprop([nn.Parameter(torch.zeros(1))]))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batch_norm_moves_with_the_weights(optimizer, tmp_path, monkeypatch):
    """Measured in every step on its own batch, products by taps are those of forward-mode differentiation."""
    monkeypatch.setattr(statistics, "_SAMPLES", 8)
    monkeypatch.setattr(statistics, "_SHARE", 1e9)
    monkeypatch.setattr(statistics, "_ENERGY", 2.0)  # every way in which the judges point
    (teach, judge), plan = lessons(n=32), replace(PLAN, optimizer=optimizer, rate=1e-2, epochs=3)
    found = course(made(nn.BatchNorm2d, drop=0.2), teach, plan, tmp_path)
    along, each = Along(found, mean_direction(found, judge)), Each(found, judge_directions(found, judge, [slice(7)]), 7)
    walk(found, along, quiet)
    walk(found, each, quiet)
    np.testing.assert_allclose(each.values.mean(1), along.values, rtol=2e-3, atol=1e-5 * np.abs(along.values).max())
    monkeypatch.setattr(statistics.Moves, "needed", lambda *_: False)
    still = Each(found, judge_directions(found, judge, [slice(7)]), 7)
    walk(found, still, quiet)
    assert np.abs(still.values.mean(1) - along.values).max() > 0.05 * np.abs(along.values).max()


class Writes(nn.Module):
    """A network that writes to what its layers answered, and one whose rows go place by place."""

    def __init__(self, *, sideways: bool) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(4)
            self.conv, self.mix, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4, 4), nn.Linear(4, 3)
        self.unused, self.sideways = nn.Linear(2, 2), sideways

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        seen = self.conv(pictures)
        seen += 1
        seen *= 0.5
        rows = seen.tanh_().flatten(2).permute(2, 0, 1) if self.sideways else seen.tanh_().flatten(2).transpose(1, 2)
        rows = self.mix(rows)
        return self.head(rows.clamp_(-1, 1).mean(0 if self.sideways else 1))


@pytest.mark.parametrize("sideways", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_layers_that_are_written_to_or_go_sideways(sideways, optimizer, tmp_path):
    (teach, judge), plan = lessons(), replace(PLAN, optimizer=optimizer, rate=1e-2, epochs=10)
    found = course(Writes(sideways=sideways), teach, plan, tmp_path)
    along, each = Along(found, mean_direction(found, judge)), Each(found, judge_directions(found, judge, [slice(7)]), 7)
    walk(found, along, quiet)
    walk(found, each, quiet)
    loose = 1e-3 if optimizer == "sgd" else 0.1  # Adam's scales are a step old in the one pass of `Along`
    np.testing.assert_allclose(each.values.mean(1), along.values, atol=loose * np.abs(along.values).max())
