"""The trainer: the same seed, the same weights; killed or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tilth.errors import LearnerError
from tilth.learn.course import Lesson, losses_of
from tilth.learn.plan import Plan
from tilth.learn.preprocess import Inputs
from tilth.learn.setting import Setting
from tilth.learn.trainer import examine, seeded, train, weights_key

PLAN = Plan(epochs=4, batch=8, optimizer="adam", rate=1e-2)
SETTING = Setting()


def lesson(n: int = 50, *, seed: int = 0, multi: bool = False) -> Lesson:
    """Pictures whose brighter half says the class."""
    dice = torch.Generator().manual_seed(seed)
    truth = torch.arange(n) % 2
    pictures = torch.randn((n, 1, 8, 8), generator=dice)
    pictures[:, :, :4] += truth.view(-1, 1, 1, 1) * 2.0
    targets = torch.eye(2)[truth]
    if multi:
        targets = torch.stack([truth, 1 - truth, torch.ones(n)], 1).float()
    return Lesson(Inputs(pictures), targets, torch.ones(n), multi)


def net(k: int = 2) -> nn.Module:
    with seeded(3):
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, k),
        )


def trained(folder, *, plan=PLAN, seed=0, data=None, valid=None, k=2, **rest):
    return train(net(k), data or lesson(), valid, plan, setting=SETTING, seed=seed, folder=folder, **rest)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def killer(after: int):
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        if done >= after:
            raise Killed

    return advance


def test_the_same_seed_gives_the_same_weights(tmp_path):
    first, again, other = (trained(tmp_path, seed=seed) for seed in (0, 0, 1))
    assert weights_key(first.net) == weights_key(again.net) != weights_key(other.net)


def test_learns_what_is_to_be_learned(tmp_path):
    found = trained(tmp_path, valid=lesson(seed=1))
    assert found.curves[-1]["valid_accuracy"] > 0.9
    assert [line["epoch"] for line in found.curves] == [1, 2, 3, 4]


@pytest.mark.parametrize("after", [1, 5, 7, 8, 20])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_killed_training_ends_in_the_same_weights(tmp_path, after, keep):
    plan = replace(PLAN, keep=keep, schedule="cosine", warmup_share=0.2, augment="shift-rotate")
    calm = trained(tmp_path / "calm", plan=plan, valid=lesson(seed=1))
    (tmp_path / "killed").mkdir()
    with pytest.raises(Killed):
        trained(tmp_path / "killed", plan=plan, valid=lesson(seed=1), advance=killer(after), save_every_s=0)
    told: list[int] = []
    resumed = trained(tmp_path / "killed", plan=plan, valid=lesson(seed=1), advance=told.append, save_every_s=0)
    assert told[0] == after - 1, "what was saved was done again"
    assert weights_key(resumed.net) == weights_key(calm.net)
    bare = [{key: value for key, value in line.items() if key != "seconds"} for line in resumed.curves]
    assert bare == [{key: value for key, value in line.items() if key != "seconds"} for line in calm.curves]
    assert not (tmp_path / "killed" / "state.pt").exists()


def test_a_damaged_checkpoint_begins_anew(tmp_path):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "state.pt").write_bytes(b"PK\x03\x04 half a fi")
    assert weights_key(trained(tmp_path / "damaged").net) == weights_key(trained(tmp_path).net)


def test_keeps_the_best_epoch_and_the_first_of_equals(tmp_path):
    wild = replace(PLAN, rate=0.05, epochs=8)
    guessed = torch.eye(2)[torch.randint(0, 2, (30,), generator=torch.Generator().manual_seed(4))]
    noise = torch.randn((30, 1, 8, 8), generator=torch.Generator().manual_seed(5)) + 0.5
    valid = replace(lesson(30), targets=guessed, inputs=Inputs(noise))  # nothing to know: accuracy goes up and down
    best, last = (trained(tmp_path, plan=replace(wild, keep=keep), valid=valid) for keep in ("best", "last"))
    accuracies = [line["valid_accuracy"] for line in best.curves]
    assert accuracies == [line["valid_accuracy"] for line in last.curves]
    top = accuracies.index(max(accuracies))
    assert weights_key(best.net) != weights_key(last.net), "the case must tell best from last"
    _, right, n = examine(best.net, valid).tolist()
    assert right / n == max(accuracies)
    upto = trained(tmp_path, plan=replace(wild, epochs=top + 1), valid=valid)
    assert weights_key(upto.net) == weights_key(best.net)


def test_best_without_valid_samples_is_last(tmp_path):
    best, last = (trained(tmp_path, plan=replace(PLAN, keep=keep)) for keep in ("best", "last"))
    assert weights_key(best.net) == weights_key(last.net)


def test_soft_labels_cost_their_cross_entropy():
    answers = torch.tensor([[2.0, 0.0, -1.0]])
    targets = torch.tensor([[0.7, 0.3, 0.0]])
    expected = -(targets * torch.log_softmax(answers, 1)).sum()
    assert torch.isclose(losses_of(answers, targets, multi=False)[0], expected)
    both = -(targets * nn.functional.logsigmoid(answers) + (1 - targets) * nn.functional.logsigmoid(-answers))
    assert torch.isclose(losses_of(answers, targets, multi=True)[0], both.mean())


def test_learns_shares(tmp_path):
    data = lesson()
    shared = replace(data, targets=torch.tensor([[0.75, 0.25]]).repeat(50, 1))
    found = trained(tmp_path, data=shared, plan=replace(PLAN, epochs=20))
    with torch.no_grad():
        said = torch.softmax(found.net(data.inputs.values), 1).mean(0)
    np.testing.assert_allclose(said, [0.75, 0.25], atol=0.06)


def test_learns_several_labels_at_once(tmp_path):
    found = trained(tmp_path, data=lesson(multi=True), plan=replace(PLAN, epochs=12), k=3)
    assert found.curves[-1]["accuracy"] > 0.9
    with torch.no_grad():
        assert (found.net(lesson(multi=True).inputs.values)[:, 2] > 0).all()


def test_a_sample_of_no_weight_teaches_nothing(tmp_path):
    data = lesson()
    mute = torch.ones(50)
    mute[1::2] = 0
    found = trained(tmp_path, data=replace(data, weights=mute * 2))
    with torch.no_grad():
        assert (found.net(data.inputs.values).argmax(1) == 0).all()


@pytest.mark.parametrize("n", [1, 2, 9, 17])
def test_a_lone_last_sample_does_not_break_batch_norm(tmp_path, n):
    plan = replace(PLAN, epochs=1)
    net_ = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    found = train(net_, lesson(n), None, plan, setting=SETTING, seed=0, folder=tmp_path)
    assert np.isfinite(found.curves[0]["loss"])


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 17, 50])
def test_every_sample_is_seen_once_an_epoch(tmp_path, n):
    plan = replace(PLAN, epochs=1)
    steps: list[int] = []
    seen = []
    data = lesson(n)
    watched = net()
    watched[0].register_forward_pre_hook(lambda _, given: seen.append(given[0][:, 0, 0, 0].clone()))
    train(watched, data, None, plan, setting=SETTING, seed=0, folder=tmp_path, advance=steps.append)
    assert sum(steps) == plan.steps_per_epoch(n) == len(seen)
    assert set(torch.cat(seen).tolist()) == set(data.inputs.values[:, 0, 0, 0].tolist())


def test_small_data_are_passed_over_more_often():
    plan = replace(PLAN, least_steps=100)
    assert plan.epochs_for(8) == 100 and plan.epochs_for(80) == 10 and plan.epochs_for(8000) == 4


def test_the_rate_climbs_and_falls():
    plan = replace(PLAN, schedule="cosine", warmup_share=0.1, rate=1.0)
    rates = [plan.rate_at(step, 100, 10) for step in range(100)]
    assert rates[0] == 0.1 and rates[9] == rates[10] == 1.0 and rates[-1] < 0.001
    assert rates[10:] == sorted(rates[10:], reverse=True)
    steps = replace(PLAN, schedule="step", drop_epochs=2, rate=1.0)
    assert np.allclose([steps.rate_at(step, 50, 10) for step in (0, 19, 20, 40)], [1, 1, 0.1, 0.01])


def test_a_training_that_goes_astray_says_so(tmp_path):
    data = lesson()
    data.inputs.values[0] = float("nan")
    with pytest.raises(LearnerError, match="astray"):
        trained(tmp_path, data=data)


def test_torch_is_left_as_it_was(tmp_path):
    torch.manual_seed(5)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    trained(tmp_path)
    assert torch.equal(before, torch.random.get_rng_state()) and threads == torch.get_num_threads()
