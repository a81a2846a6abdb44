"""Influence: leave-one-out where that can be known, and each way to undo the curvature against the matrix itself."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from courses import PLAN, course, lessons, made
from games import separation
from tilth.errors import SettingError, StepError
from tilth.learn.course import Course
from tilth.learn.setting import Setting
from tilth.learn.trainer import seeded
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value import curvature
from tilth.value.curvature import Gauss, Solution
from tilth.value.gradients import Whole, trained
from tilth.value.influence import Influence, influence, own_influence, solved_one_by_one
from tilth.value.passes import directions, rows_of

RIDGE = 0.1
QUICK = {"size_px": 16, "epochs": 6, "least_steps": 40, "precision": "fp32"}
photos = partial(worlds.photos, valid_share=0.25)


def linear() -> nn.Module:
    with seeded(3):
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).double()


def converged(net: nn.Module, lesson, weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """The weights that minimise (sum of weighted losses) / n + RIDGE / 2 |weights|^2, to rounding."""
    params, x = list(net.parameters()), lesson.inputs.batch(slice(None))
    solver = torch.optim.LBFGS(
        params, 1.0, 200, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        losses = nn.functional.cross_entropy(net(x), lesson.targets, reduction="none")
        loss = (losses * weights).sum() / len(x) + RIDGE / 2 * sum(param.square().sum() for param in params)
        loss.backward()
        return loss

    solver.step(closure)
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def convex() -> tuple[Course, object]:
    teach, judge = lessons(600, 9)
    found = Course(linear(), teach, PLAN, Setting(channels_last=False, fused=False), 0)
    return replace(found, kept=1, final=converged(linear(), teach, teach.weights)), judge


def damped(found: Course, net: nn.Module, damping: float) -> torch.Tensor:
    matrix = curvature.explicit(found, net)
    return matrix + damping * torch.eye(len(matrix), dtype=matrix.dtype)


def exact(found: Course, damping: float):
    net = found.finished()
    matrix = damped(found, net, damping)
    return solved_one_by_one(net, lambda v: Solution(torch.linalg.solve(matrix, v), 0.0, 1), [])


def test_is_leave_one_out_of_a_convex_training() -> None:
    found, judge = convex()
    values = influence(found, judge, exact(found, RIDGE), each=True)
    x, base = judge.inputs.batch(slice(None)), None
    truth, rows = np.zeros_like(values), range(0, len(found), 30)
    for row in (-1, *rows):
        weights, net = found.lesson.weights.clone(), linear()
        if row >= 0:
            weights[row] = 0
        net.load_state_dict(converged(net, found.lesson, weights))
        losses = nn.functional.cross_entropy(net(x), judge.targets, reduction="none").detach().numpy()
        if row < 0:
            base = losses
        else:
            truth[row] = losses - base
    told, left_out = values[rows].ravel(), truth[rows].ravel()
    assert np.corrcoef(told, left_out)[0, 1] > 0.99
    assert np.polyfit(told, left_out, 1)[0] == pytest.approx(1, abs=0.06)
    mean = influence(found, judge, exact(found, RIDGE), each=False)
    np.testing.assert_allclose(mean, values.mean(1), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("norm", [None, nn.BatchNorm2d])
def test_products_are_those_of_the_explicit_matrix(norm, tmp_path) -> None:
    teach, _ = lessons()
    found = course(made(norm), teach, PLAN, tmp_path)
    net = found.finished()
    matrix = curvature.explicit(found, net)
    v = torch.randn(2, len(matrix), generator=torch.Generator().manual_seed(0)).double()
    for one in v:
        torch.testing.assert_close(Gauss(found, net).times(one), matrix @ one, rtol=1e-7, atol=1e-10)


def test_the_matrix_is_the_hessian_where_answers_are_linear() -> None:
    found, _ = convex()
    net, lesson = found.finished(), found.lesson
    weights = trained(net)
    shapes = [weight.shape for weight in weights.values()]

    def loss(flat: torch.Tensor) -> torch.Tensor:
        kernel, bias = flat.split([shape.numel() for shape in shapes])
        answers = lesson.inputs.batch(slice(None)).flatten(1) @ kernel.view(shapes[0]).T + bias
        each = nn.functional.cross_entropy(answers, lesson.targets, reduction="none")
        return (each * lesson.weights).mean()

    flat = torch.cat([weight.detach().flatten() for weight in weights.values()])
    hessian = torch.autograd.functional.hessian(loss, flat)
    torch.testing.assert_close(curvature.explicit(found, net), hessian, rtol=1e-8, atol=1e-12)


def test_several_labels_at_once_have_a_curvature_of_their_own(tmp_path) -> None:
    teach, _ = lessons()
    found = course(made(), replace(teach, multi=True), PLAN, tmp_path)
    net = found.finished()
    matrix = curvature.explicit(found, net)
    one = torch.randn(len(matrix), generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(Gauss(found, net).times(one), matrix @ one, rtol=1e-7, atol=1e-10)
    assert fisher(found, net, 300) == pytest.approx(float(matrix.diagonal().mean()), rel=0.1)


def fisher(found: Course, net: nn.Module, times: int) -> float:
    dice = torch.Generator().manual_seed(0)
    return float(np.mean([curvature.mean_eigenvalue(found, net, dice) for _ in range(times)]))


def test_drawn_labels_give_the_trace_of_the_matrix() -> None:
    found, _ = convex()
    net = found.finished()
    assert fisher(found, net, 300) == pytest.approx(float(curvature.explicit(found, net).diagonal().mean()), rel=0.05)


def test_conjugate_gradients_and_lissa_are_the_dense_solution(tmp_path) -> None:
    teach, judge = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    net, d = found.finished(), 0.05
    matrix = damped(found, net, d)
    v = rows_of(directions(found, net, judge), list(trained(net)))[0]
    truth = torch.linalg.solve(matrix, v)
    times = lambda x: Gauss(found, net).times(x) + d * x  # noqa: E731
    by_cg = curvature.conjugate(times, v, iterations=200, tolerance=1e-10)
    assert by_cg.residual < 1e-10 and by_cg.iterations < 200
    torch.testing.assert_close(by_cg.x, truth, rtol=1e-6, atol=1e-8)
    top = curvature.largest(times, len(v), torch.Generator().manual_seed(0), v, iterations=100)
    assert top == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=0.02)
    by_lissa = curvature.neumann(lambda x: matrix @ x, lambda _: lambda x: matrix @ x, v, scale=1.1 * top,
                                 iterations=2000)  # fmt: skip
    assert by_lissa.residual < 1e-6
    torch.testing.assert_close(by_lissa.x, truth, rtol=1e-4, atol=1e-6)


def test_what_has_not_converged_is_told(tmp_path) -> None:
    teach, judge = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    net = found.finished()
    matrix = damped(found, net, 1e-3)
    v = rows_of(directions(found, net, judge), list(trained(net)))[0]
    few = curvature.conjugate(lambda x: matrix @ x, v, iterations=3, tolerance=1e-8)
    assert few.residual == pytest.approx(float((v - matrix @ few.x).norm() / v.norm())) and few.residual > 1e-8
    small = curvature.neumann(lambda x: matrix @ x, lambda _: lambda x: matrix @ x, v, scale=1e-4, iterations=5000)
    assert np.isinf(small.residual)


def test_ekfac_is_the_matrix_where_it_is_a_kronecker_product() -> None:
    """One layer, and every sample the same: G is a a^T (x) H exactly. Labels are drawn, so to a few percent."""
    teach, judge = lessons(4000, 5)
    same = replace(teach, weights=torch.ones(4000).double(), inputs=replace(
        teach.inputs, values=teach.inputs.values[:1].expand(4000, -1, -1, -1).contiguous()))  # fmt: skip
    found = Course(linear(), same, PLAN, Setting(channels_last=False, fused=False), 0)
    found = replace(found, kept=1, final=dict(linear().state_dict()))
    net = found.finished()
    ends = directions(found, net, judge)
    factors = curvature.ekfac(found, net, torch.Generator().manual_seed(0))
    truth = rows_of(exact(found, 0.05)(ends), list(trained(net)))
    close = rows_of(factors.solve(ends, damping=0.05), list(trained(net)))
    assert float((close - truth).norm() / truth.norm()) < 0.05


def test_ekfac_is_near_the_blocks_of_the_matrix_elsewhere(tmp_path) -> None:
    teach, judge = lessons(200, 20)
    found = course(made(), teach, replace(PLAN, epochs=10), tmp_path)
    net, d = found.finished(), 0.1
    factors = curvature.ekfac(found, net, torch.Generator().manual_seed(0))
    matrix, order = curvature.explicit(found, net), list(trained(net))
    layer = {name: number for number, block in enumerate(factors.blocks) for name in block.names}
    of = torch.cat([torch.full((trained(net)[name].numel(),), layer[name]) for name in order])
    blocks = torch.where(of[:, None] == of[None, :], matrix, 0) + d * torch.eye(len(matrix)).double()
    dense = solved_one_by_one(net, lambda v: Solution(torch.linalg.solve(blocks, v), 0.0, 1), [])
    truth, close, plain = (
        influence(found, judge, solve, each=True).ravel()
        for solve in (dense, partial(factors.solve, damping=d), lambda ends: ends)
    )
    assert np.corrcoef(truth, close)[0, 1] > 0.975 > np.corrcoef(truth, plain)[0, 1] + 0.04
    traces = sum(float(block.values.sum()) for block in factors.blocks), float(matrix.diagonal().sum())
    assert traces[0] == pytest.approx(traces[1], rel=0.15)


def test_turning_there_and_back_changes_nothing(tmp_path) -> None:
    teach, judge = lessons()
    found = course(made(nn.GroupNorm), teach, PLAN, tmp_path)
    net = found.finished()
    factors = curvature.ekfac(found, net, torch.Generator().manual_seed(0))
    assert {name for block in factors.blocks for name in block.names} == set(trained(net))
    ends = directions(found, net, judge)
    back = {key: one for block in factors.blocks for key, one in block.back(block.turned(ends)).items()}
    for name, one in ends.items():
        torch.testing.assert_close(back[name], one)


def test_own_influence_is_the_diagonal(tmp_path) -> None:
    teach, _ = lessons()
    found = course(made(), teach, PLAN, tmp_path)
    factors = curvature.ekfac(found, found.finished(), torch.Generator().manual_seed(0))
    whole = influence(found, teach, factors.solve, each=True)
    np.testing.assert_allclose(own_influence(found, factors.lengths), np.diag(whole), rtol=1e-6)


def test_gradients_of_a_lesson_are_those_of_autograd(tmp_path) -> None:
    teach, judge = lessons()
    found = course(made(nn.BatchNorm2d), teach, PLAN, tmp_path)
    net = found.finished()
    rows = rows_of(directions(found, net, judge), list(trained(net)))
    for row in (0, 6):
        loss = nn.functional.cross_entropy(net(judge.inputs.batch(slice(row, row + 1))), judge.targets[row : row + 1])
        truth = torch.cat([one.flatten() for one in torch.autograd.grad(loss, list(trained(net).values()))])
        torch.testing.assert_close(rows[row], truth)
    assert not Whole().found


# -- the step -------------------------------------------------------------------------------------------------


def test_finds_planted_wrong_labels() -> None:
    world = photos(160, wrong=16)
    for step, least in ((Influence(settings=QUICK), 0.75), (Influence(settings=QUICK, itself=True), 0.75)):
        signal = step.value(world.data.open, Signals({}), world.run())
        values = signal.values if step.itself else signal.values.mean(1)
        assert separation(values, signal.ids, set(world.wrong)) > least


def test_cg_and_lissa_value_the_mean_judge_and_say_what_is_unsolved() -> None:
    world = photos(60, wrong=4)
    run = world.run()
    by_cg = Influence(settings=QUICK, inverse="cg", damping=1000.0).value(world.data.open, Signals({}), run)
    assert by_cg.values.ndim == 1 and not run.lines
    Influence(settings=QUICK, inverse="cg", iterations=1).value(world.data.open, Signals({}), run)
    assert "unsolved" in run.lines[-1]
    by_lissa = Influence(settings=QUICK, inverse="lissa", damping=1000.0, iterations=300)
    values = by_lissa.value(world.data.open, Signals({}), run).values
    assert np.corrcoef(values, by_cg.values)[0, 1] > 0.98


def test_train_samples_do_not_judge_themselves() -> None:
    world = photos(40, copies=2)
    signal = Influence(settings=QUICK, against="train").value(world.data.open, Signals({}), world.run())
    ids = signal.ids.tolist()
    assert (np.diag(signal.values) == 0).all() and (signal.values != 0).mean() > 0.8
    for one, other in world.copies:
        assert signal.values[ids.index(one), ids.index(other)] == 0


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(SettingError, match="a solution per sample"):
        Influence(inverse="cg", itself=True)
    with pytest.raises(SettingError, match="cannot judge themselves"):
        Influence(inverse="lissa", against="train")
    with pytest.raises(SettingError, match="inverse is one of"):
        Influence(inverse="ekfax")
    world = photos(40)
    with pytest.raises(StepError, match="up to 3,000 weights"):
        Influence(settings=QUICK, inverse="exact").value(world.data.open, Signals({}), world.run())
    with pytest.raises(StepError, match="goes through a training again"):
        Influence(learner="linear").value(world.data.open, Signals({}), world.run())


def test_keeps_the_contract() -> None:
    check_step(Influence(settings=QUICK), world=photos(50, wrong=4))
