"""The writing network: its densities, its two loops, its training and its hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilth.errors import StepError
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.recurrent.freehand import Drawn, Prime, written_by
from tilth.synthesize.recurrent.mixture import Mixture, outputs
from tilth.synthesize.recurrent.network import Net, Shape
from tilth.synthesize.recurrent.offsets import jittered, lines_of, resampled, steps_of
from tilth.synthesize.recurrent.teach import Lesson, Plan, coded, loss_of, one_hot, packed, taught

SMALL = Shape(3, hidden=16, layers=3, windows=2, mixtures=2)


def lines(*corners: list[tuple[float, float]]) -> Strokes:
    return tuple(np.array(line, np.float32) for line in corners)


BAR = lines([(0, -1), (0, 0)])
VEE = lines([(0, -1), (0.3, 0), (0.6, -1)])


# -- steps ----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=8))
def test_points_along_a_line_keep_its_ends_and_their_distance(corners: list[tuple[float, float]]) -> None:
    line = np.array(corners)
    found = resampled(line, 0.1)
    apart = np.hypot(*np.diff(found, axis=0).T) if len(found) > 1 else np.zeros(0)
    assert len(found) == 1 or np.allclose(found[[0, -1]], line[[0, -1]])
    assert (apart <= 0.1 * 1.5 + 1e-9).all()  # across a corner two points lie nearer, never farther
    assert len(found) <= np.hypot(*np.diff(line, axis=0).T).sum() / 0.1 + 2 if len(line) > 1 else len(found) == 1


def test_steps_lead_back_to_the_lines() -> None:
    dot = lines([(0.4, -0.9)])
    steps = steps_of((*VEE, *dot))
    assert steps[:, 2].tolist() == [0] * (len(steps) - 2) + [1, 1] and steps.dtype == np.float32
    back = lines_of(steps)
    assert len(back) == 2 and np.allclose(back[0][[0, -1]], VEE[0][[0, -1]], atol=1e-6)
    assert np.allclose(back[1], dot[0], atol=1e-6)
    assert np.median(np.hypot(*steps[1:-1, :2].T)) == pytest.approx(1, abs=0.05)  # one step is the usual one


def test_writing_starts_at_the_left_and_no_writing_has_no_steps() -> None:
    moved = tuple(line + np.array([7, 0], np.float32) for line in VEE)
    assert np.allclose(steps_of(moved), steps_of(VEE), atol=1e-4)
    assert steps_of(()).shape == (0, 3) and lines_of(np.zeros((0, 3))) == ()


def test_noise_moves_points_and_not_the_whole() -> None:
    steps = np.tile(np.array([1, 0, 0], np.float32), (400, 1))
    moved = jittered(steps, 0.1, np.random.default_rng(0))
    off = np.cumsum(moved[:, :2] - steps[:, :2], axis=0)
    assert 0.09 < off.std() < 0.11 and (moved[:, 2] == 0).all()


# -- densities ------------------------------------------------------------------------------------------------


def answers(m: int, b: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(b, outputs(m), generator=torch.Generator().manual_seed(seed))


def test_the_density_is_that_of_scipy() -> None:
    from scipy.stats import multivariate_normal

    told = Mixture.of(answers(3, 5))
    points = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))
    for at in range(5):
        total = 0.0
        for k in range(3):
            a, b = told.sigmas[at, k].exp().tolist()
            rho = float(told.rhos[at, k])
            one = multivariate_normal(told.means[at, k].numpy(), [[a * a, rho * a * b], [rho * a * b, b * b]])
            total += float(told.shares[at, k].exp()) * float(one.pdf(points[at].numpy()))
        assert float(told.log_density(points)[at]) == pytest.approx(math.log(total), abs=1e-4)


def test_the_density_adds_up_to_one() -> None:
    told = Mixture.of(answers(2, 1, seed=3))
    side = torch.linspace(-12, 12, 601)
    grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 1, 2)
    assert float(told.log_density(grid).exp().sum()) * (24 / 600) ** 2 == pytest.approx(1, abs=5e-3)


@given(st.floats(-1e4, 1e4), st.integers(0, 20))
def test_the_loss_stays_finite_whatever_a_network_says(size: float, seed: int) -> None:
    said = (answers(2, 4, seed) * size).requires_grad_()
    steps = torch.tensor([[0.0, 0.0, 1.0], [50.0, -50.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    loss = Mixture.of(said).loss(steps, torch.tensor([0.0, 1.0, 0.0, 1.0])).sum()
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(said.grad).all()


def test_what_is_drawn_has_the_moments_of_one_component() -> None:
    said = torch.zeros(20000, outputs(1))
    said[:, 1:3] = torch.tensor([2.0, -1.0])
    said[:, 3:5] = torch.log(torch.tensor([0.5, 2.0]))
    said[:, 5] = math.atanh(0.6 / 0.999)
    rng = np.random.default_rng(0)
    dice = torch.from_numpy(np.concatenate([rng.random((20000, 3)), rng.standard_normal((20000, 2))], 1)).float()
    steps, done = Mixture.of(said).drawn(dice)
    points = steps[:, :2].numpy()
    assert np.allclose(points.mean(0), [2, -1], atol=0.05) and np.allclose(points.std(0), [0.5, 2], rtol=0.03)
    assert np.corrcoef(points.T)[0, 1] == pytest.approx(0.6, abs=0.02)
    assert float(steps[:, 2].mean()) == pytest.approx(0.5, abs=0.02) == float(done.float().mean())


def test_bias_makes_writing_tidier() -> None:
    said = answers(4, 3)
    wild, tidy = Mixture.of(said), Mixture.of(said, bias=2.0)
    assert torch.allclose(tidy.sigmas, wild.sigmas - 2.0)
    assert (tidy.shares.max(-1).values >= wild.shares.max(-1).values).all()
    assert torch.equal(tidy.means, wild.means) and torch.equal(tidy.lift, wild.lift)


def test_a_chance_below_the_least_never_happens() -> None:
    said = torch.zeros(64, outputs(2))
    said[:, 0], said[:, -2], said[:, -1] = 6.0, -6.0, -6.0  # the second component, a lift and an end: 1 in 400
    said[:, 4:6] = 100.0  # the second lies far off
    dice = torch.zeros(64, 5)
    dice[:, 0] = torch.linspace(0, 1, 64)
    steps, done = Mixture.of(said).drawn(dice)
    assert float(steps[:, 0].abs().max()) == 0 and not bool(steps[:, 2].any()) and not bool(done.any())


# -- the network ----------------------------------------------------------------------------------------------


def step_by_step(net: Net, steps: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """The same through autograd alone."""
    memory, said = net.fresh(steps.shape[1]), []
    for step in steps:
        one, _, memory = net.one(step, texts, memory)
        said.append(one)
    return torch.stack(said)


def seeded(shape: Shape = SMALL, seed: int = 0) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Net(shape)


def some(t: int, b: int, letters: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    steps = torch.from_numpy(rng.normal(size=(t, b, 3))).float()
    return steps, one_hot([rng.integers(0, letters, n) for n in (4, 1, 3, 2)[:b]], letters)


def test_both_loops_say_and_learn_what_autograd_does_step_by_step() -> None:
    net = seeded()
    with torch.no_grad():
        for value in net.parameters():
            value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(9)) * 0.3)
    steps, texts = some(11, 4)
    weights = torch.randn(11, 4, outputs(2), generator=torch.Generator().manual_seed(2))
    said, again = net(steps, texts), step_by_step(net, steps, texts)
    assert torch.allclose(said, again, atol=1e-5)
    names, values = zip(*net.named_parameters(), strict=True)
    ours = torch.autograd.grad((said * weights).sum(), values)
    theirs = torch.autograd.grad((again * weights).sum(), values)
    for name, one, other in zip(names, ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max())), name


def test_both_loops_pass_the_gradient_check() -> None:
    from tilth.synthesize.recurrent.unrolled import Layer, Windowed

    dice = torch.Generator().manual_seed(0)

    def rand(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=dice, dtype=torch.float64).requires_grad_()

    assert torch.autograd.gradcheck(Layer.apply, (rand(4, 2, 12), rand(12, 3)))
    texts = one_hot([np.array([0, 1]), np.array([1])], 2).double()
    inputs = (rand(4, 2, 12), rand(12, 5), rand(6, 3), rand(6))
    assert torch.autograd.gradcheck(lambda *given: Windowed.apply(*given, texts, 0.3, 6.0), inputs)


def test_the_window_starts_at_the_first_character_and_moves_at_the_usual_pace() -> None:
    shape = Shape(3, pace=0.25)
    net = seeded(shape)
    memory, step = net.fresh(1), torch.zeros(1, 3)
    texts = one_hot([np.array([0, 1, 2, 0, 1, 2, 0])], 3)
    stood = []
    for _ in range(16):
        _, seen, memory = net.one(step, texts, memory)
        stood.append(int(seen.argmax()))
    assert stood[0] == 0 and 3 <= stood[-1] <= 5 and stood == sorted(stood)


# -- training -------------------------------------------------------------------------------------------------


def lesson(n: int = 48) -> Lesson:
    """Bars and vees, one after another, each at its own size."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n):
        text, parts, x = "", [], 0.0
        for _ in range(int(rng.integers(1, 3))):
            letter, size = str(rng.choice(list("IV"))), rng.uniform(0.5, 0.7)
            parts += [
                line * np.float32(size) + np.array([x, 0], np.float32) for line in (BAR if letter == "I" else VEE)
            ]
            text, x = text + letter, x + (0.3 if letter == "I" else 0.8)
        found.append((text, steps_of(tuple(parts), spacing=0.2) * np.float32([1, 1, 1])))
    return Lesson.of(found, "IV")


def test_the_loss_falls_and_the_same_seed_gives_the_same_weights() -> None:
    losses: list[float] = []
    shape, plan = Shape(2, hidden=24, windows=2, mixtures=3, pace=lesson().pace), Plan(steps=25, batch=16, rate=2e-2)
    net = taught(lesson(), shape, plan, seed=3, saw=lambda _, loss: losses.append(loss))
    again = taught(lesson(), shape, plan, seed=3)
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 1.5
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), again.parameters(), strict=True))
    other = taught(lesson(), shape, Plan(steps=2, batch=16), seed=4)
    assert not torch.equal(other.into.weight, again.into.weight)


def test_a_training_that_was_killed_ends_in_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tilth.synthesize.recurrent import teach

    monkeypatch.setattr(teach, "_EVERY_S", 0.0)
    shape, plan = Shape(2, hidden=8, windows=1, mixtures=1), Plan(steps=12, batch=8)
    whole = taught(lesson(), shape, plan, seed=0)

    def stop(at: int, loss: float) -> None:
        if at == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taught(lesson(), shape, plan, seed=0, folder=tmp_path, saw=stop)
    done: list[int] = []
    resumed = taught(lesson(), shape, plan, seed=0, folder=tmp_path, advance=done.append)
    assert done[0] == 7 and sum(done) == 12  # the step at hand is lost, and no other
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "writing.pt").write_bytes(b"half a file")
    shape, plan = Shape(2, hidden=8, windows=1, mixtures=1), Plan(steps=2, batch=8)
    done: list[int] = []
    taught(lesson(), shape, plan, seed=0, folder=tmp_path, advance=done.append)
    assert done == [0, 1, 1]


def test_a_loss_that_is_no_number_is_told() -> None:
    broken = Lesson(lesson().texts, tuple(steps * np.float32(np.nan) for steps in lesson().steps), "IV")
    with pytest.raises(StepError, match="went astray"):
        taught(broken, Shape(2, hidden=8), Plan(steps=2, batch=8), seed=0)


def test_what_stands_behind_the_end_of_a_writing_does_not_count() -> None:
    net, all_of = seeded(Shape(2, hidden=8, windows=1, mixtures=1)), lesson()
    rng = np.random.default_rng(0)
    short, long = sorted((0, 1, 2, 3), key=lambda row: len(all_of.steps[row]))[::3]
    alone = packed(all_of, np.array([short]), noise=0.0, rng=rng)
    together = packed(all_of, np.array([short, long]), noise=0.0, rng=rng)
    only_short = (*together[:2], together[2] * torch.tensor([1.0, 0.0]), together[3])
    with torch.no_grad():
        assert float(loss_of(net, alone)) == pytest.approx(float(loss_of(net, only_short)), abs=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_training_in_bfloat16_on_a_gpu_learns() -> None:
    losses: list[float] = []
    plan = Plan(steps=40, batch=16, rate=1e-2)
    shape = Shape(2, hidden=24, windows=2, mixtures=3)
    taught(lesson(), shape, plan, seed=0, device="cuda", precision="bf16", saw=lambda _, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 1


# -- writing --------------------------------------------------------------------------------------------------


def rngs(n: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, at]) for at in range(n)]


def same(one: Drawn, other: Drawn) -> bool:
    return len(one.strokes) == len(other.strokes) and all(map(np.array_equal, one.strokes, other.strokes))


def test_what_is_written_does_not_depend_on_what_is_written_beside_it() -> None:
    net = seeded(Shape(2, hidden=16, windows=2, mixtures=2))
    texts = ["I", "VI", "IIV", "V"]
    together = written_by(net, "IV", texts, rngs(4), bias=0.5)
    for at in (1, 3):
        assert same(written_by(net, "IV", texts[at : at + 1], rngs(4)[at : at + 1], bias=0.5)[0], together[at])
    assert not same(written_by(net, "IV", ["I"], rngs(1, seed=1))[0], written_by(net, "IV", ["I"], rngs(1))[0])


def test_each_point_knows_where_in_the_text_the_window_stood() -> None:
    for one in written_by(seeded(Shape(2, hidden=16, windows=2, mixtures=2)), "IV", ["IVI", "V"], rngs(2)):
        assert [len(line) for line in one.strokes] == [len(part) for part in one.places]
        assert all(0 <= int(part.min()) and int(part.max()) <= len(one.text) for part in one.places)


def test_a_character_that_was_not_learned_is_told() -> None:
    with pytest.raises(StepError, match=r"'X' is none of the characters that were learned, 'IV'"):
        written_by(seeded(Shape(2)), "IV", ["IX"], rngs(1))
    assert coded("VI", "IV").tolist() == [1, 0]


def test_a_hand_that_is_shown_is_gone_through_and_not_given_back() -> None:
    net = seeded(Shape(3, hidden=16, windows=2, mixtures=2))
    prime = Prime("VI", steps_of((*VEE, *(line + np.array([0.8, 0], np.float32) for line in BAR))))
    free, primed = (written_by(net, " IV", ["I"], rngs(1), primes=primes, bias=8.0)[0] for primes in (None, [prime]))
    assert not same(free, primed)
    assert primed.text == "I" and all(int(part.max()) <= 1 for part in primed.places)
    # The memory of the hand is that of a network that was led through it.
    steps = torch.from_numpy(prime.steps)[:, None]
    entered = torch.cat([torch.tensor([[[0.0, 0.0, 1.0]]]), steps])
    said = net(entered, one_hot([coded("VI I", " IV")], 3))[-1]
    first = Mixture.of(said, bias=8.0)
    means = first.means[0].detach().numpy() * 0.09
    base = np.array([0.0, float(prime.steps[:, 1].sum()) * 0.09])
    assert np.abs(primed.strokes[0][0] - means - base).max(1).min() < 0.001
