"""Steps that lead a network astray: what they make, how many of it, what they turn away, and for whom they are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tilth.augment.astray import allowed
from tilth.augment.making import Draw
from tilth.augment.near_check import check_of
from tilth.augment.noise import Noise
from tilth.augment.operation import Move
from tilth.augment.perturb import DeepFool, Fgsm, OnePixel, Pgd
from tilth.digest import digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.perturb.against import against
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

SMALL = {"size_px": 24, "epochs": 1, "least_steps": 60, "precision": "fp32"}
HOW: dict[str, Any] = {"settings": SMALL, "folds": 2, "share": 0.15}
STEPS = [Fgsm(**HOW), Pgd(**HOW), Pgd(**HOW, norm="l2", eps=0.08), DeepFool(**HOW)]


@pytest.fixture(scope="module")
def world() -> worlds.World:
    return worlds.photos(90, classes=3, side_px=40, wrong=4, test_share=0.1, seed=3)


@pytest.fixture(scope="module")
def run(world: worlds.World) -> Iterator[MemoryRun]:
    yield world.run(seed=1)


def made(step: Any, world: worlds.World, run: MemoryRun, budget: int = 1000) -> list[Add]:
    return list(step.augment(world.data.open, Signals(), run, budget=budget))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{type(step).__name__}-{getattr(step, 'norm', '')}")
def test_what_comes_in_leads_astray_a_network_that_never_saw_its_parent(
    step: Any, world: worlds.World, run: MemoryRun
) -> None:
    adds = made(step, world, run)
    assert adds
    data = world.data.open
    jury = against("test", "convnet", SMALL, data, run, folds=2)
    for add in adds:
        parent = next(iter(data.only(add.sample.parents)))
        child, original = (picture.decode(one) for one in (add.content or b"", world.contents[parent.id]))
        model = jury.models[jury.parts[list(jury.data.ids).index(parent.id)]]
        with model.expose([child, original]) as (pixels, answers):
            said = answers(pixels).argmax(1).tolist()
        assert said[1] == parent.label == add.sample.label != said[0]
        assert child.shape == original.shape and add.evidence["astray"] is True
        assert add.sample.split == "train" and add.sample.content == digest_bytes(add.content or b"")
        assert add.sample.maker.startswith("augment.") and "agreeing" in add.evidence


@pytest.mark.parametrize("step", [Fgsm(**HOW, eps=0.05), Pgd(**HOW, eps=0.05)])
def test_no_pixel_of_a_file_moves_farther_than_eps(step: Any, world: worlds.World, run: MemoryRun) -> None:
    for add in made(replace(step, astray_only=False), world, run):
        child, original = (
            picture.decode(one).astype(int) for one in (add.content or b"", world.contents[add.sample.parents[0]])
        )
        assert np.abs(child - original).max() <= round(0.05 * 255) + 1


def test_one_pixel_changes_a_square_of_the_picture_and_nothing_else(world: worlds.World, run: MemoryRun) -> None:
    step = OnePixel(settings=SMALL, folds=2, share=0.1, agents=30, generations=2, astray_only=False)
    adds = made(step, world, run, budget=len(world.data.open) + 4)
    assert adds
    for add in adds:
        child, original = (picture.decode(one) for one in (add.content or b"", world.contents[add.sample.parents[0]]))
        rows, columns = np.nonzero((child != original).any(axis=2))
        assert not len(rows) or (np.ptp(rows) < 2 and np.ptp(columns) < 2)  # 40 px seen at 24


def test_all_that_leads_astray_is_a_share_of_train(world: worlds.World, run: MemoryRun) -> None:
    step = DeepFool(settings=SMALL, folds=2, share=0.1, overshoot=1.0)
    data, adds = world.data.open, made(step, world, run)
    assert len(adds) / (len(data.train) + len(adds)) <= 0.1
    grown = data.apply(adds)
    assert allowed(grown, 0.1) == 0 and allowed(grown, 0.15) > 0
    again = list(Fgsm(**{**HOW, "share": 0.1}).augment(grown, Signals(), run, budget=1000))
    assert again == []


def test_the_budget_holds(world: worlds.World, run: MemoryRun) -> None:
    assert len(made(STEPS[0], world, run, budget=len(world.data.open) + 2)) <= 2
    assert made(STEPS[0], world, run, budget=10) == []


def test_the_same_seed_makes_the_same_bytes(world: worlds.World) -> None:
    first, second = (made(STEPS[1], world, world.run(seed=4)) for _ in range(2))
    assert [(add.id, add.sample.content) for add in first] == [(add.id, add.sample.content) for add in second] != []


@pytest.mark.slow
def test_what_a_network_mistakes_is_no_parent(world: worlds.World, run: MemoryRun) -> None:
    parents = {add.sample.parents[0] for step in STEPS for add in made(step, world, run)}
    assert len(parents & world.wrong) <= 1  # of four planted; a network may err with the label


@pytest.mark.parametrize("learner", ["linear"])
def test_a_learner_that_cannot_be_followed_back_is_refused(learner: str, world: worlds.World, run: MemoryRun) -> None:
    with pytest.raises(StepError, match=r"learn\.linear cannot be.*\n.*convnet.*\n.*augment\.noise"):
        made(Fgsm(learner=learner, folds=2), world, run)


def test_texts_and_several_labels_are_refused() -> None:
    texts = worlds.utterances(30)
    with pytest.raises(StepError, match="texts"):
        list(Fgsm().augment(texts.data.open, Signals(), texts.run(), budget=100))


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (Fgsm, {"eps": 0}, "eps"),
        (Fgsm, {"eps": "large"}, "eps"),
        (Fgsm, {"share": 0.3}, r"up to 0\.15"),
        (Pgd, {"norm": "l1"}, "norm"),
        (Pgd, {"steps": 0}, "steps"),
        (DeepFool, {"candidates": 1}, "candidates"),
        (OnePixel, {"agents": 3}, "agents"),
        (Noise, {"kinds": ("gausian",)}, "did you mean 'gaussian'"),
        (Noise, {"least": 0.3}, "least"),
    ],
)
def test_a_setting_out_of_range_is_told(kind: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        kind(**settings)


def test_the_label_check_turns_away_what_lies_among_another_class(world: worlds.World, run: MemoryRun) -> None:
    data = world.data.open
    check = check_of(data, Signals(), run)
    train = data.train.where(~np.isin(data.train.ids, list(world.wrong)))
    circle, square = (next(iter(train.where(train.labels == label))) for label in (0, 1))
    shown = [picture.decode(world.contents[one.id]) for one in (circle, square)]
    draws = [Draw(circle, 0, (Move("x", 1.0),), 0), Draw(circle, 0, (Move("x", 1.0),), 0)]
    assert [verdict.kept for verdict in check(draws, shown)] == [True, False]


# -- noise -----------------------------------------------------------------------------------------------------


def test_noise_is_a_share_of_train_and_of_the_kinds_that_were_named(world: worlds.World, run: MemoryRun) -> None:
    adds = made(Noise(kinds=("gaussian", "salt_pepper"), share=0.2), world, run)
    assert {add.evidence["technique"] for add in adds} == {"gaussian", "salt_pepper"}
    assert 0.1 <= len(adds) / (len(world.data.open.train) + len(adds)) <= 0.2
    assert len({add.id for add in adds}) == len({add.sample.path for add in adds}) == len(adds)


@pytest.mark.slow
@pytest.mark.parametrize("step", [Noise(), DeepFool(**HOW), OnePixel(settings=SMALL, folds=2, agents=8, generations=1)])
def test_the_contract_is_kept(step: Any) -> None:
    check_step(step, world=worlds.photos(60, classes=2, side_px=24, wrong=2))
