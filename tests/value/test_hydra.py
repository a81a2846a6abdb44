"""value.hydra as a step: a row per labelled train sample, a column per judge, and what stands in for gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch import nn

from courses import PLAN, course, lessons, made
from tilth.errors import SettingError, StepError
from tilth.learn.setting import Setting
from tilth.learn.trainer import train
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value.gradients import Dots, Whole, read
from tilth.value.hydra import Hydra, hydra
from tilth.value.sides import mean_value
from tilth.value.sketch import Sketch, SketchedDots

QUICK = {"epochs": 6, "least_steps": 150, "size_px": 24, "batch": 16, "precision": "fp32"}


@pytest.mark.parametrize("mode", ["matrix", "approximate", "exact"])
def test_keeps_the_contract(mode):
    world = worlds.photos(60, wrong=6, junk=2, valid_share=0.2)
    check_step(Hydra(mode=mode, settings={**QUICK, "least_steps": 8, "epochs": 2}), world=world)


def test_wrong_labels_are_worth_least():
    world = worlds.photos(200, wrong=20, valid_share=0.2, seed=3)
    signal = Hydra(settings=QUICK).value(world.data.open, Signals(), world.run())
    data = world.data.open
    assert signal.values.shape == (len(data.train), len(data.valid))
    assert signal.meta["judges"] == data.valid.ids.tolist()
    assert set(signal.ids.tolist()) == set(data.train.ids.tolist())
    wrong = np.isin(signal.ids, list(world.wrong))
    assert roc_auc_score(wrong, -mean_value(signal)) > 0.85


def test_several_labels_at_once(tmp_path):
    teach, judge = (replace(one, targets=(one.targets + one.targets.roll(1, 1)), multi=True) for one in lessons())
    found = course(made(), teach, replace(PLAN, rate=0.5), tmp_path)
    matrix, mean = (hydra(found, judge, mode=mode)["values"] for mode in ("matrix", "approximate"))
    np.testing.assert_allclose(matrix.mean(1), mean, rtol=1e-3, atol=1e-7)
    assert np.abs(mean).max() > 1e-4


def test_a_learner_that_cannot_be_traced_is_told():
    world = worlds.utterances(40, valid_share=0.2)
    with pytest.raises(StepError, match="knn_shapley"):
        Hydra(learner="text-linear").value(world.data.open, Signals(), world.run())


def test_no_clean_split_is_told():
    world = worlds.photos(40)
    with pytest.raises(StepError, match="--valid"):
        Hydra(settings=QUICK).value(world.data.open, Signals(), world.run())


@pytest.mark.parametrize("setting", [{"mode": "fast"}, {"sketch": "jl"}, {"seeds": 0}])
def test_a_setting_out_of_range_is_told(setting):
    world = worlds.photos(40, valid_share=0.2)
    with pytest.raises(SettingError, match=next(iter(setting))):
        Hydra(**setting).value(world.data.open, Signals(), world.run())


def test_the_mean_over_judges_is_the_value_against_their_mean(tmp_path):
    teach, judge = lessons()
    found = course(made(drop=0.2), teach, PLAN, tmp_path)
    matrix, mean = (hydra(found, judge, mode=mode)["values"] for mode in ("matrix", "approximate"))
    np.testing.assert_allclose(matrix.mean(1), mean, rtol=1e-3, atol=1e-6)


def test_exact_for_each_judge_averages_to_exact_for_all(tmp_path):
    teach, judge = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    each = hydra(found, judge, mode="exact", each_judge=True)["values"]
    assert each.shape == (30, 7)
    np.testing.assert_allclose(each.mean(1), hydra(found, judge, mode="exact")["values"], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("mode", ["matrix", "approximate", "exact"])
def test_half_precision(mode, tmp_path):
    """What a GPU trains in: bfloat16 products."""
    teach, judge = (lesson.on(Setting()) for lesson in float_lessons())
    setting = Setting(precision="bf16", fused=False)
    found = train(made(nn.BatchNorm2d).float(), teach, None, PLAN, setting=setting, seed=0, folder=tmp_path).course
    values = hydra(found, judge, mode=mode)["values"]
    assert np.isfinite(values).all() and values.std() > 0


def float_lessons():
    for one in lessons():
        inputs = replace(one.inputs, values=one.inputs.values.float())
        yield replace(one, inputs=inputs, targets=one.targets.float(), weights=one.weights.float())


def test_sketches_go_with_batch_norm(tmp_path):
    teach, judge = lessons()
    found = course(made(nn.BatchNorm2d), teach, replace(PLAN, optimizer="adam", rate=1e-2), tmp_path)
    whole = hydra(found, judge, sketch="none")["values"]
    sketched = hydra(found, judge, sketch="kronecker", sketch_side=5, rng=np.random.default_rng(1))
    assert 0.3 < spearmanr(sketched["values"].ravel(), whole.ravel())[0] < 0.9999


def test_none_judges_itself():
    world = worlds.photos(40)
    quick = {**QUICK, "least_steps": 8, "epochs": 2}
    signal = Hydra(settings=quick, against="train").value(world.data.open, Signals(), world.run())
    np.testing.assert_array_equal(np.diag(signal.rows(np.array(signal.meta["judges"]))), 0)
    with pytest.raises(SettingError, match="against"):
        Hydra(settings=quick, against="train", mode="approximate").value(world.data.open, Signals(), world.run())


# -- sketches -------------------------------------------------------------------------------------------------


def wide() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 96), nn.Tanh(), nn.Linear(96, 3)).double()


def products(net: nn.Module, side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(30, 30) products of sketches, and of the gradients."""
    teach, _ = lessons()
    short = Sketch.of(net, side, np.random.default_rng(seed))

    def losses() -> torch.Tensor:
        return nn.functional.cross_entropy(net(teach.inputs.values), teach.targets, reduction="none")

    whole = Whole()
    read(net, 30, losses, [whole])
    exact, sketched = Dots(whole.found), SketchedDots(short, short.shortened(whole.found))
    read(net, 30, losses, [exact, sketched])
    return sketched.sums.numpy(), exact.sums.numpy()


def test_sketches_are_right_on_average():
    net = wide()
    draws = np.stack([products(net, 8, seed)[0] for seed in range(200)])
    whole = products(net, 8, 0)[1]
    error = np.abs(draws.mean(0) - whole) / (draws.std(0) / np.sqrt(200) + 1e-12)
    assert np.mean(error < 3) > 0.97


def test_twice_the_side_halves_the_error():
    net = wide()

    def error(side: int) -> float:
        gaps = [np.subtract(*products(net, side, seed)) for seed in range(20)]
        return float(np.sqrt(np.mean(np.square(gaps))))

    small, large = error(6), error(12)
    assert large < small / 1.4
    short, whole = products(net, 96, 0)
    np.testing.assert_allclose(short, whole, rtol=1e-6)


def test_the_rank_fidelity_of_a_sketch_is_told(tmp_path):
    teach, judge = lessons()
    found = course(wide(), teach, replace(PLAN, optimizer="adamw", rate=1e-2), tmp_path)
    whole = hydra(found, judge, sketch="none")["values"]
    sketched = hydra(found, judge, sketch="kronecker", sketch_side=10, rng=np.random.default_rng(1))
    seen = np.mean([spearmanr(sketched["values"][:, at], whole[:, at])[0] for at in range(4)])
    assert 0.3 < seen < 0.9999
    assert float(sketched["fidelity"]) == pytest.approx(seen, abs=1e-3)
