"""The policy search: gradients reach what is to be found, and what suits the data is found; the step makes pictures of it."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from tilth.augment import learned
from tilth.augment.critic import Critic, class_loss, gradient_norms, penalty
from tilth.augment.faster import Search, search
from tilth.augment.learned import COLOUR, GREY, LearnedPolicy
from tilth.augment.operations import OPERATIONS
from tilth.augment.policy import load_policy, policy_of
from tilth.augment.relaxed import Relaxed
from tilth.dataset import Dataset, Schema
from tilth.digest import digest, digest_bytes
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.run.plugins import step_key
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

QUICK = {"steps": 3, "batch": 8, "chunks": 4, "subpolicies": 3, "search_px": 16}


def dice(*key):
    return np.random.default_rng(int(digest(key), 16))


def glyphs(n=24, *, channels=1, side_px=32):
    """Dark strokes on white paper, 0..1."""
    rng = np.random.default_rng(0)
    out = torch.ones(n, channels, side_px, side_px)
    for row in range(n):
        at = int(rng.integers(8, side_px - 12))
        out[row, :, 6:-6, at : at + 3] = 0.1
    return out


# -- the critic -----------------------------------------------------------------------------------------------


class _Plane(nn.Module):
    """A critic whose slope is known: how real = 2 * the sum of all pixels."""

    def forward(self, pictures):
        return pictures.new_zeros(len(pictures), 2), 2 * pictures.flatten(1).sum(1)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_slope_is_measured_over_the_whole_picture(channels):
    pictures = torch.rand(5, channels, 8, 8)
    expected = 2 * (channels * 64) ** 0.5
    assert gradient_norms(_Plane(), pictures).tolist() == pytest.approx([expected] * 5)
    assert penalty(_Plane(), pictures, pictures, torch.rand(5)).item() == pytest.approx((expected - 1) ** 2, rel=1e-5)


def test_the_slope_at_a_picture_does_not_hang_on_the_others():
    critic, pictures = Critic(3, 1), torch.rand(6, 1, 32, 32)
    together = gradient_norms(critic, pictures)
    alone = torch.cat([gradient_norms(critic, pictures[at : at + 1]) for at in range(6)])
    assert torch.allclose(together, alone, rtol=1e-4)
    assert not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in critic.modules())


def test_the_penalty_can_be_learned_from():
    critic, pictures = Critic(3, 2), torch.rand(4, 2, 24, 24)
    penalty(critic, pictures, pictures.flip(0), torch.rand(4)).backward()
    assert all(
        part.grad is not None
        for name, part in critic.named_parameters()
        if "bias" not in name and "classes" not in name
    )


def test_soft_and_several_labels_have_their_loss():
    answers, targets = torch.randn(4, 3), torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]])
    hard = nn.functional.cross_entropy(answers, targets)
    assert class_loss(answers, targets, multi=False).item() == pytest.approx(hard.item(), rel=1e-5)
    assert class_loss(answers, (targets > 0).float(), multi=True) > 0


# -- the relaxed policy ---------------------------------------------------------------------------------------


def relaxed(names, *, subpolicies=2, stages=2, p=0.5, magnitude=0.5):
    shape = (subpolicies, stages, len(names))
    start = (torch.zeros(shape), torch.full(shape, p), torch.full(shape, magnitude))
    return Relaxed([OPERATIONS[name] for name in names], start, softmax=0.05, bernoulli=1.0)


@pytest.mark.parametrize(("names", "channels"), [(GREY, 1), (GREY, 2), (COLOUR, 3)])
def test_gradients_reach_chance_probability_and_magnitude_of_every_operation(names, channels):
    policy, pictures = relaxed(names), glyphs(channels=channels) * torch.linspace(0.5, 1, channels).view(1, -1, 1, 1)
    which = torch.arange(len(pictures)) % 2
    judge = torch.from_numpy(dice("judge").standard_normal(pictures.shape[1:], dtype=np.float32))
    (policy(pictures, which, dice(0)) * judge).sum().backward()
    for name, part in (("logits", policy.logits), ("p", policy.p), ("magnitude", policy.magnitude)):
        assert part.grad is not None and torch.isfinite(part.grad).all(), name
        graded = torch.tensor([name != "magnitude" or OPERATIONS[one].graded for one in names])
        dead = [one for one, alive in zip(names, (part.grad != 0).any(0).any(0) | ~graded, strict=True) if not alive]
        assert dead == [], f"no gradient reaches the {name} of {dead}"


def test_a_sub_policy_that_was_not_drawn_gets_no_gradient():
    policy, pictures = relaxed(GREY), glyphs(8)
    policy(pictures, torch.zeros(8, dtype=torch.long), dice(0)).square().sum().backward()
    assert (policy.p.grad[0] != 0).any() and not (policy.p.grad[1] != 0).any()


def test_what_goes_in_is_left_as_it_was_and_what_comes_out_is_a_picture():
    pictures = glyphs()
    before = pictures.clone()
    made = relaxed(GREY, p=0.9, magnitude=1.0)(pictures, torch.zeros(len(pictures), dtype=torch.long), dice(0))
    assert torch.equal(pictures, before)
    assert made.shape == pictures.shape and made.min() >= -1e-5 and made.max() <= 1 + 1e-5


def test_a_probability_that_fell_to_nothing_can_rise_again():
    policy, pictures = relaxed(("invert",), subpolicies=1, stages=1, p=0.0), glyphs()
    policy(pictures, torch.zeros(len(pictures), dtype=torch.long), dice(0)).sum().backward()
    assert policy.p.item() > 0 and policy.p.grad.item() != 0


# -- the search -----------------------------------------------------------------------------------------------


def searched(pictures, labels, names, tmp_path, *, seed=0, advance=lambda done: None, **settings):
    found = search(
        pictures,
        np.eye(labels.max() + 1)[labels],
        [OPERATIONS[name] for name in names],
        Search(**settings),
        lambda *key: dice(seed, *key),
        device="cpu",
        threads=1,
        folder=tmp_path,
        advance=advance,
    )
    tables = [found[name] for name in ("chance", "p", "magnitude")]
    return policy_of(names, *tables, softmax=0.05, bernoulli=0.1, seed=seed, data=""), found


def turned(n=240):
    """Three glyphs, dark on white, that vary by turning and by nothing else."""
    rng, out = np.random.default_rng(0), []
    for number in range(n):
        ink = np.zeros((32, 32))
        ink[6:26, 14:18] = 1
        if number % 3:
            ink[(6 if number % 3 == 1 else 22) : (10 if number % 3 == 1 else 26), 8:24] = 1
        out.append(1 - ndimage.rotate(ink, rng.uniform(-25, 25), reshape=False, order=1))
    pictures = (np.stack(out)[:, None] * 255).clip(0, 255).astype(np.uint8)
    return pictures, np.arange(n) % 3


@pytest.mark.slow
def test_what_varies_by_turning_is_turned_and_not_inverted(tmp_path):
    pictures, labels = turned()
    policy, found = searched(pictures, labels, ("rotate", "invert"), tmp_path, steps=200, batch=32, subpolicies=4)
    shares = policy.shares()
    assert shares["rotate"][0] > 5 * shares["invert"][0]
    assert shares["invert"][0] < 0.1
    assert found["curves"].shape == (200, 4) and np.isfinite(found["curves"]).all()


@pytest.mark.slow
def test_inversion_is_kept_where_half_of_the_pictures_are_inverted(tmp_path):
    pictures, labels = turned()
    pictures[::2] = 255 - pictures[::2]
    settings = {"steps": 200, "batch": 32, "subpolicies": 4}
    kept, _ = searched(pictures, labels, ("rotate", "invert"), tmp_path, **settings)
    plain, _ = searched(*turned(), ("rotate", "invert"), tmp_path, **settings)
    assert kept.shares()["invert"][0] > 3 * plain.shares()["invert"][0]


def test_the_same_seed_finds_the_same_policy_and_another_another(tmp_path):
    pictures, labels = turned(32)
    settings = {"steps": 4, "batch": 8, "chunks": 4, "subpolicies": 2}
    first, again, other = (searched(pictures, labels, GREY, tmp_path, seed=seed, **settings)[0] for seed in (1, 1, 2))
    assert first == again
    assert first.key != other.key


def test_a_search_that_was_killed_ends_as_if_it_had_not(tmp_path, monkeypatch):
    pictures, labels = turned(32)
    settings = {"steps": 6, "batch": 8, "chunks": 4, "subpolicies": 2}
    whole, curves = searched(pictures, labels, GREY, tmp_path, **settings)
    monkeypatch.setattr("tilth.augment.faster.EVERY_S", 0.0)
    count = []

    def killed(done):
        count.append(done)
        if len(count) > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(pictures, labels, GREY, tmp_path, advance=killed, **settings)
    resumed = []
    after, same = searched(pictures, labels, GREY, tmp_path, advance=resumed.append, **settings)
    assert resumed[0] == 3 and sum(resumed) == 6
    assert after == whole and np.array_equal(same["curves"], curves["curves"])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_state_is_thrown_away(tmp_path):
    pictures, labels = turned(32)
    settings = {"steps": 2, "batch": 8, "chunks": 4, "subpolicies": 2}
    whole, _ = searched(pictures, labels, GREY, tmp_path, **settings)
    (tmp_path / "search.pt").write_bytes(b"half a file")
    assert searched(pictures, labels, GREY, tmp_path, **settings)[0] == whole


# -- the step -------------------------------------------------------------------------------------------------


def added(step, data, run, budget):
    return list(step.augment(data, Signals(), run, budget=budget))


def test_keeps_the_contract():
    check_step(LearnedPolicy(**QUICK))
    check_step(LearnedPolicy(operations=("rotate", "noise"), **QUICK), world=worlds.photos(30, channels=3))


def test_fills_the_budget_with_classes_balanced_and_says_what_was_done():
    world = worlds.photos(40, imbalance=0.3, test_share=0)
    run = world.run()
    adds = added(LearnedPolicy(**QUICK), world.data, run, 80)
    after = world.data.apply(adds)
    assert len(after) == 80 and set(after.counts("train").values()) == {20}
    for add in adds:
        assert add.evidence["moves"] and add.sample.maker.startswith("augment.policy:")
        assert {name for name, _ in add.evidence["moves"]} <= set(GREY)
        assert picture.decode(add.content).shape == (32, 32, 1)
    assert any("augment.policy found" in line for line in run.lines)


def test_pictures_are_made_at_their_own_size():
    world = worlds.photos(16, side_px=75, test_share=0)
    assert {
        picture.decode(add.content).shape for add in added(LearnedPolicy(**QUICK), world.data, world.run(), 24)
    } == {(75, 75, 1)}


def test_the_policy_found_lies_in_a_file_that_can_be_followed_again(tmp_path):
    world = worlds.photos(20, test_share=0)
    run = world.run()
    step = LearnedPolicy(**QUICK)
    found = step.found(world.data, run)
    file = next(line for line in run.lines if "policy = " in line).split("'")[1]
    assert load_policy(tmp_path / file, OPERATIONS) == found
    follow = LearnedPolicy(policy=file)
    assert follow.found(world.data, run) == found
    assert len(added(follow, world.data, MemoryRun(run._contents), 30)) == 10
    assert found.data == world.data.version and found.seed == run.seed


def test_a_policy_of_another_content_is_another_step(tmp_path):
    file = tmp_path / "policy.json"
    world = worlds.photos(20, test_share=0)
    keys = []
    for seed in (0, 1):
        file.write_text(LearnedPolicy(**QUICK).found(world.data, world.run(seed=seed)).json())
        keys.append(LearnedPolicy(policy=str(file)).weights)
    assert keys[0] != keys[1]
    assert LearnedPolicy().weights == ""


def test_the_same_policy_in_another_file_is_the_same_step(tmp_path):
    world = worlds.photos(20, test_share=0)
    found = LearnedPolicy(**QUICK).found(world.data, world.run()).json()
    steps = []
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(found)
        steps.append(LearnedPolicy(policy=str(tmp_path / name)))
    assert step_key("augment.policy", steps[0]) == step_key("augment.policy", steps[1])
    one, two = (added(step, world.data, world.run(), 30) for step in steps)
    assert [add.sample for add in one] == [add.sample for add in two]
    (tmp_path / "two.json").write_text(found.replace('"magnitude": 0.', '"magnitude": 0.0'))
    other = LearnedPolicy(policy=str(tmp_path / "two.json"))
    assert step_key("augment.policy", other) != step_key("augment.policy", steps[0])
    assert {add.id for add in added(other, world.data, world.run(), 30)}.isdisjoint(add.id for add in one)


def test_a_second_round_does_not_search_again(monkeypatch):
    world = worlds.photos(24, test_share=0)
    run, step = world.run(), LearnedPolicy(**QUICK)
    once = world.data.apply(added(step, world.data, run, 40))
    monkeypatch.setattr(learned, "_search", lambda *given: pytest.fail("searched again"))
    assert len(once.apply(added(step, once, run, 56))) == 56


def test_a_full_budget_costs_no_search(monkeypatch):
    world = worlds.photos(12, test_share=0)
    monkeypatch.setattr(learned, "_search", lambda *given: pytest.fail("searched for nothing"))
    assert added(LearnedPolicy(), world.data, world.run(), 12) == []


def test_forbidden_operations_are_neither_searched_nor_followed(tmp_path):
    world = worlds.photos(16, test_share=0)
    assert "invert" not in LearnedPolicy(forbid=("invert",), **QUICK).found(world.data, world.run()).operations
    file = tmp_path / "policy.json"
    file.write_text(LearnedPolicy(operations=("invert", "rotate"), **QUICK).found(world.data, world.run()).json())
    adds = added(LearnedPolicy(policy=str(file), forbid=("invert",)), world.data, world.run(), 60)
    assert adds and all(add.sample.maker == "augment.policy:rotate" for add in adds if len(add.evidence["moves"]) == 1)
    assert all(name == "rotate" for add in adds for name, _ in add.evidence["moves"])


def test_a_multi_label_set_is_searched_too():
    rng = np.random.default_rng(0)
    samples, contents = [], {}
    for number in range(20):
        content = picture.encode(rng.integers(0, 255, (20, 20, 1), dtype=np.uint8))
        sample = Sample(
            raw_id(digest_bytes(content), f"{number}.png"),
            digest_bytes(content),
            f"{number}.png",
            frozenset({number % 3, 1}),
        )
        samples.append(sample)
        contents[sample.id] = content
    data = Dataset.from_samples(samples, Schema("image", "multi-label", ("a", "b", "c")))
    assert len(added(LearnedPolicy(**QUICK), data, MemoryRun(contents), 25)) > 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"operations": ("rotat",)}, "did you mean 'rotate'"),
        ({"operations": ("invert",), "forbid": ("invert",)}, "no operation is left"),
        ({"forbid": GREY}, "no operation is left"),
        ({"chunks": 65}, "65 chunks cannot be cut"),
        ({"steps": 0}, "steps must lie within"),
        ({"softmax": "hot"}, "softmax must lie within"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, said):
    with pytest.raises(SettingError, match=said):
        LearnedPolicy(**settings)


def test_nothing_to_search_on_is_told():
    world = worlds.photos(12, test_share=0)
    one = world.data.only(world.data.ids[:1])
    with pytest.raises(StepError, match="there are 1"):
        added(LearnedPolicy(**QUICK), one, world.run(), 5)
    texts = worlds.utterances(10)
    with pytest.raises(StepError, match=r"augment\.text"):
        added(LearnedPolicy(**QUICK), texts.data.open, texts.run(), 50)
    with pytest.raises(SettingError, match="cannot be read"):
        added(LearnedPolicy(policy="absent.json"), world.data, world.run(), 20)


@pytest.mark.gpu
def test_a_search_runs_on_a_gpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    world = worlds.photos(20, test_share=0)
    run = MemoryRun(world.contents, device="cuda")
    assert len(added(LearnedPolicy(**QUICK), world.data, run, 30)) == 10
