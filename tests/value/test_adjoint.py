"""Exact HyDRA: the adjoint of a training is the derivative of the whole training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from courses import PLAN, course, lessons, made
from tilth.errors import StepError
from tilth.value import adjoint
from tilth.value.adjoint import exact
from tilth.value.replay import alone, judge_directions, mean_direction

PLANS = {
    "plain": replace(PLAN, momentum=0.0, weight_decay=0.0),
    "momentum": PLAN,
    "nesterov": replace(PLAN, nesterov=True),
    "dampened": replace(PLAN, dampening=0.3),
    "clipped": replace(PLAN, clip_norm=0.5),
    "adam": replace(PLAN, optimizer="adam", rate=1e-2),
    "adamw": replace(PLAN, optimizer="adamw", rate=1e-2, warmup_share=0.3),
}


def quiet(steps: int) -> None:
    del steps


def judged(found, judge) -> float:
    """Mean loss of the judges at the end of a training."""
    with torch.no_grad():
        batch = alone(found, judge, slice(None))
        return float(found.losses(found.answers(found.finished(), batch), batch).mean())


def by_differences(net, teach, judge, plan, folder, rows, step=1e-4) -> list[float]:
    """What each of these samples is worth, by training twice more for each."""
    found = []
    for row in rows:
        ends = []
        for sign in (1, -1):
            weights = teach.weights.clone()
            weights[row] *= 1 + sign * step
            ends.append(judged(course(net, replace(teach, weights=weights), plan, folder), judge))
        found.append(-(ends[0] - ends[1]) / (2 * step))
    return found


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
def test_is_the_derivative_of_whole_trainings(name, norm, tmp_path):
    (teach, judge), net, plan = lessons(), made(norm, drop=0.2), PLANS[name]
    found = course(net, teach, plan, tmp_path)
    end = {key: one.flatten()[None] for key, one in mean_direction(found, judge).items()}
    values, gap = exact(found, end, 1, quiet)
    rows = [0, 5, 17, 29]
    expected = by_differences(net, teach, judge, plan, tmp_path, rows)
    assert gap < 1e-12
    if norm is None:
        np.testing.assert_allclose(values[rows, 0], expected, rtol=1e-4, atol=1e-8)
    else:  # running means and deviations, which the judges meet, move with the weights and are not differentiated
        assert np.corrcoef(values[rows, 0], expected)[0, 1] > 0.9


def test_batch_statistics_are_differentiated_in_training(tmp_path):
    """With the running statistics pinned (momentum 0) what is left is exact, BatchNorm or not."""
    (teach, judge), net = lessons(), made(nn.BatchNorm2d)
    net.norm.momentum = 0.0
    found = course(net, teach, PLAN, tmp_path)
    end = {key: one.flatten()[None] for key, one in mean_direction(found, judge).items()}
    values, _ = exact(found, end, 1, quiet)
    np.testing.assert_allclose(values[[0, 9], 0], by_differences(net, teach, judge, PLAN, tmp_path, [0, 9]), rtol=1e-4)


def test_many_ends_together_are_each_by_itself(tmp_path):
    teach, judge = lessons()
    found = course(made(drop=0.2), teach, PLAN, tmp_path)
    ends = judge_directions(found, judge, [slice(0, 4), slice(4, 7)])
    together, _ = exact(found, ends, 7, quiet)
    alone_, _ = exact(found, {name: one[3:4] for name, one in ends.items()}, 1, quiet)
    np.testing.assert_allclose(together[:, 3], alone_[:, 0], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_stretches_change_nothing(tmp_path, monkeypatch, optimizer):
    teach, judge = lessons()
    found = course(made(nn.BatchNorm2d, drop=0.2), teach, replace(PLANS["momentum"], optimizer=optimizer), tmp_path)
    end = {key: one.flatten()[None] for key, one in mean_direction(found, judge).items()}
    whole, _ = exact(found, end, 1, quiet)
    told: list[int] = []
    monkeypatch.setattr(adjoint, "_stretch", lambda *_: 5)
    parts, gap = exact(found, end, 1, told.append)
    assert gap < 1e-12
    np.testing.assert_array_equal(parts, whole)
    assert sum(told) == 3 * found.steps


def test_memory_bounds_the_stretches(tmp_path):
    teach, _ = lessons()
    training = adjoint.Training(course(made(), teach, PLAN, tmp_path))
    one = 4 * sum(weight.numel() for weight in training.weights.values()) * 3
    for steps, mb in ((50, 1), (10_000, 1), (100_000, 1)):
        wide = adjoint._stretch(training, steps, mb)
        assert (wide + steps / wide) * one <= max(mb << 20, 2.1 * steps**0.5 * one)


def test_a_training_that_ends_elsewhere_is_refused(tmp_path):
    teach, judge = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    end = {key: one.flatten()[None] for key, one in mean_direction(found, judge).items()}
    with pytest.raises(StepError, match="ended elsewhere"):
        exact(replace(found, seed=1), end, 1, quiet)
