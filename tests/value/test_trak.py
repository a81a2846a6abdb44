"""TRAK: projections keep products, odds are odds, and the scores are those of a regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from courses import PLAN, course, lessons, made
from games import separation
from tilth.errors import SettingError, StepError
from tilth.sample import TRAIN
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value.gradients import Whole, trained
from tilth.value.passes import read_lesson, rows_of
from tilth.value.trak import Projected, Projection, Trak, _half, featured, linear_scores, odds

QUICK = {"size_px": 16, "epochs": 6, "least_steps": 40, "precision": "fp32"}


def photos(n: int, **faults: int) -> worlds.World:
    return worlds.photos(n, valid_share=0.25, **faults)


def shortened(projection: Projection, rows: torch.Tensor, parts: dict[str, torch.Tensor]) -> torch.Tensor:
    reader, at = Projected(projection), 0
    for name, weight in parts.items():
        reader.take(name, rows[:, at : at + weight.numel()])
        at += weight.numel()
    return reader.found


def test_projections_keep_products_and_the_better_the_longer_they_are() -> None:
    net = made().double()
    weights = trained(net)
    width = sum(weight.numel() for weight in weights.values())
    rows = torch.randn(2, width, generator=torch.Generator().manual_seed(0)).double()
    rows[1] += rows[0]
    truth, lengths = float(rows[0] @ rows[1]), float(rows[0].norm() * rows[1].norm())
    spread = {}
    for dims in (16, 64):
        found = [
            float(short[0] @ short[1])
            for seed in range(400)
            for short in [shortened(Projection.of(net, dims, np.random.default_rng(seed)), rows, weights)]
        ]
        assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / 20)
        spread[dims] = np.std(found) / lengths
        assert spread[dims] < 2 / np.sqrt(dims)
    assert spread[64] < 0.65 * spread[16]


def test_a_small_network_is_not_projected(tmp_path) -> None:
    teach, _ = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    net = found.finished()
    projection = Projection.of(net, 10_000, np.random.default_rng(0))
    assert projection.maps is None and projection.dims == sum(one.numel() for one in trained(net).values())
    phi, doubts = featured(found, teach, projection)
    assert phi.shape == (30, projection.dims)
    p = torch.softmax(net(teach.inputs.batch(slice(None))), 1)[teach.targets.bool()]
    torch.testing.assert_close(doubts, 1 - p.detach())
    lost = torch.cat([rows_of(one.found, list(trained(net))) for _, _, one in read_lesson(found, net, teach, Whole)])
    # The loss is log(1 + exp(-odds)): its gradient is minus that of the odds, times the doubt.
    torch.testing.assert_close(lost.abs().sum(1), (phi * doubts[:, None]).abs().sum(1), rtol=1e-6, atol=1e-9)


def test_odds_are_those_of_the_label() -> None:
    answers = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.3, 4.0]]).double()
    targets = torch.eye(3).double()[[0, 1]]
    p = torch.softmax(answers, 1)[[0, 1], [0, 1]]
    torch.testing.assert_close(odds(answers, targets, multi=False), torch.log(p / (1 - p)))
    both = odds(answers, torch.tensor([[1.0, 0, 1], [0, 0, 1]]).double(), multi=True)
    torch.testing.assert_close(both, torch.tensor([(2 + 1 + 0.5) / 3, (0 - 0.3 + 4) / 3]).double())


def test_scores_are_leave_one_out_of_a_ridge_regression() -> None:
    """Phi (Phi^T Phi + l I)^-1 phi_j is how much the answer for j moves with the target of each train sample."""
    rng = np.random.default_rng(0)
    phi, ends = torch.from_numpy(rng.normal(size=(20, 4))), torch.from_numpy(rng.normal(size=(3, 4)))
    scores = linear_scores(phi, ends, 0.5).numpy()
    gram = phi.numpy().T @ phi.numpy()
    inverse = np.linalg.inv(gram + 0.5 * np.trace(gram) / 4 * np.eye(4))
    y, moved = rng.normal(size=20), np.eye(20)[3]
    answer = lambda targets: ends.numpy() @ inverse @ phi.numpy().T @ targets  # noqa: E731
    np.testing.assert_allclose(scores[3], answer(y + moved) - answer(y))


def test_halves_are_halves_of_the_train_samples() -> None:
    data = photos(60).data.open
    half = _half(data, np.random.default_rng(0))
    train, kept = (data.splits == TRAIN).sum(), (half.splits == TRAIN).sum()
    assert kept == (train + 1) // 2 and len(half) - kept == len(data) - train
    assert _half(data, np.random.default_rng(1)).version != half.version


def test_finds_planted_wrong_labels() -> None:
    world = photos(160, wrong=16)
    signal = Trak(models=3, settings=QUICK).value(world.data.open, Signals({}), world.run())
    assert signal.values.shape[1] == len(signal.meta["judges"]) > 0
    assert separation(signal.values.mean(1), signal.ids, set(world.wrong)) > 0.75
    mean = Trak(models=3, settings=QUICK, matrix_up_to=0).value(world.data.open, Signals({}), world.run())
    np.testing.assert_allclose(mean.values, signal.values.mean(1), rtol=1e-3, atol=1e-5)


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(SettingError, match="models must be a whole number"):
        Trak(models=0)
    world = photos(40)
    with pytest.raises(StepError, match="goes through a training again"):
        Trak(learner="linear").value(world.data.open, Signals({}), world.run())


def test_keeps_the_contract() -> None:
    check_step(Trak(models=2, settings=QUICK), world=photos(50, wrong=4))


def test_several_labels_at_once_have_features(tmp_path) -> None:
    teach, _ = lessons()
    found = course(made(), replace(teach, multi=True), PLAN, tmp_path)
    phi, doubts = featured(found, teach, Projection.of(found.finished(), 32, np.random.default_rng(0)))
    assert phi.shape == (30, 32) and bool(((doubts > 0) & (doubts < 1)).all())
