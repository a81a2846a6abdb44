"""TracIn: explicit sums of products of gradients, at weights that were kept by another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from courses import PLAN, course, lessons, made
from games import separation
from tilth.errors import SettingError, StepError
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value import passes
from tilth.value.gradients import trained
from tilth.value.tracin import SelfInfluence, TracIn, self_influence, stops, tracin

QUICK = {"size_px": 16, "epochs": 6, "least_steps": 40, "precision": "fp32"}


def photos(n: int, **faults: int) -> worlds.World:
    return worlds.photos(n, valid_share=0.25, **faults)


def gradients(net: nn.Module, lesson) -> torch.Tensor:
    """(n, P) by a way back for each sample, alone in its batch."""
    rows = []
    for row in range(len(lesson.targets)):
        part = slice(row, row + 1)
        loss = nn.functional.cross_entropy(net(lesson.inputs.batch(part)), lesson.targets[part])
        rows.append(torch.cat([one.flatten() for one in torch.autograd.grad(loss, list(trained(net).values()))]))
    return torch.stack(rows)


def by_hand(found, judge, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, m) and the (n,) of a sample with itself, from a training that is written out."""
    net, optimizer = found.begin()
    values, own = 0.0, 0.0
    with torch.random.fork_rng():
        for step in range(found.steps):
            found.set(optimizer, step)
            rate = optimizer.param_groups[0]["lr"]
            if step in stops(found.steps, count):
                net.eval()
                each = gradients(net, found.lesson)
                values = values + rate * each @ gradients(net, judge).T
                own = own + rate * each.square().sum(1)
                net.train()
            batch = found.batch(step)
            optimizer.zero_grad()
            (found.losses(found.answers(net, batch), batch) * batch.weights).mean().backward()
            found.move(net, optimizer)
    return (values * found.lesson.weights[:, None]).numpy(), own.numpy()


@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
def test_is_the_sum_of_products(norm, tmp_path) -> None:
    teach, judge = lessons()
    found = course(made(norm, drop=0.2), teach, PLAN, tmp_path)
    truth, own = by_hand(found, judge, 3)
    values = tracin(found, judge, checkpoints=3, each=True)
    np.testing.assert_allclose(values, truth, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(tracin(found, judge, checkpoints=3, each=False), truth.mean(1), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(self_influence(found, checkpoints=3), own, rtol=1e-8)


def test_judges_by_parts_are_the_judges(tmp_path, monkeypatch) -> None:
    teach, judge = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    whole = tracin(found, judge, checkpoints=2, each=True)
    monkeypatch.setattr(passes, "judge_blocks", lambda net, m: passes.blocks(m, 3))
    monkeypatch.setattr("tilth.value.tracin.judge_blocks", passes.judge_blocks)
    np.testing.assert_allclose(tracin(found, judge, checkpoints=2, each=True), whole, rtol=1e-10)


def test_one_step_on_a_sample_brings_the_loss_down_by_what_it_says(tmp_path) -> None:
    """The meaning: a short step on one sample changes the loss of a judge by -rate x product."""
    teach, judge = lessons(1, 4)
    found = course(made(), teach, replace(PLAN, epochs=1, rate=1e-5, momentum=0, weight_decay=0, batch=1), tmp_path)
    assert found.steps == 1
    values = tracin(found, judge, checkpoints=1, each=True)[0]

    def losses(net: nn.Module) -> np.ndarray:
        answers = net(judge.inputs.batch(slice(None)))
        return nn.functional.cross_entropy(answers, judge.targets, reduction="none").detach().numpy()

    twice = 2  # a lone sample is seen twice in its batch, and counts once
    assert found.rows(0).numel() == twice
    np.testing.assert_allclose(losses(found.begin()[0].eval()) - losses(found.finished()), values, rtol=1e-3)


def test_stops_are_spread_and_never_more_than_the_steps() -> None:
    assert stops(100, 4) == {12, 37, 62, 87}
    assert stops(3, 10) == {0, 1, 2}
    assert stops(7, 1) == {3}


# -- the steps ------------------------------------------------------------------------------------------------


def test_self_influence_finds_planted_wrong_labels() -> None:
    world = photos(160, wrong=16)
    signal = SelfInfluence(settings=QUICK).value(world.data.open, Signals({}), world.run())
    assert signal.values.shape == (len(world.data.train),) and (signal.values <= 0).all()
    assert separation(signal.values, signal.ids, set(world.wrong)) > 0.85


def test_tracin_has_a_column_for_each_judge_and_ranks_wrong_labels_low() -> None:
    world = photos(160, wrong=16)
    signal = TracIn(settings=QUICK).value(world.data.open, Signals({}), world.run())
    assert signal.values.shape[1] == len(signal.meta["judges"]) == len(world.data.valid)
    assert separation(signal.values.mean(1), signal.ids, set(world.wrong)) > 0.6
    mean = TracIn(settings=QUICK, matrix_up_to=0).value(world.data.open, Signals({}), world.run())
    np.testing.assert_allclose(mean.values, signal.values.mean(1), rtol=1e-3, atol=1e-6)


def test_train_samples_do_not_judge_themselves() -> None:
    world = photos(40, copies=2)
    signal = TracIn(settings=QUICK, checkpoints=1, against="train").value(world.data.open, Signals({}), world.run())
    ids = signal.ids.tolist()
    assert (np.diag(signal.values) == 0).all() and (signal.values != 0).mean() > 0.8
    for one, other in world.copies:
        assert signal.values[ids.index(one), ids.index(other)] == 0


def test_seeds_are_averaged() -> None:
    world = photos(40)
    both = SelfInfluence(settings=QUICK, seeds=2).value(world.data.open, Signals({}), world.run()).values
    first = SelfInfluence(settings=QUICK).value(world.data.open, Signals({}), world.run()).values
    assert np.corrcoef(both, first)[0, 1] > 0.3 and not np.allclose(both, first)


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(SettingError, match="checkpoints must be a whole number"):
        TracIn(checkpoints=0)
    world = photos(40)
    for step in (TracIn(learner="linear"), SelfInfluence(learner="linear")):
        with pytest.raises(StepError, match="goes through a training again"):
            step.value(world.data.open, Signals({}), world.run())
    texts = worlds.utterances(60)
    with pytest.raises(StepError, match=r"value\.knn_shapley"):
        SelfInfluence(learner="text-linear").value(texts.data.open, Signals({}), texts.run())


@pytest.mark.parametrize("kind", [TracIn, SelfInfluence])
def test_keeps_the_contract(kind) -> None:
    check_step(kind(settings=QUICK, checkpoints=2), world=photos(50, wrong=4))
