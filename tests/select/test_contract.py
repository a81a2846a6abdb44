"""Every selector keeps the contract and the laws: of what is there, within the budget, no class emptied, the same again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.sample import Sample, made_id, raw_id
from tilth.select.at_random import Random
from tilth.select.coverage import Coverage
from tilth.select.facility_location import FacilityLocation
from tilth.select.herding import Herding
from tilth.select.iterative import Iterative
from tilth.select.k_center import KCenter
from tilth.select.moderate import Moderate
from tilth.select.near_errors import NearErrors
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step, plain_signals

KINDS = (Random, Iterative, KCenter, Herding, FacilityLocation, Coverage, Moderate, NearErrors)
STEPS = [
    *(kind(budgets=budgets, raw=raw) for kind in KINDS for budgets, raw in (("equal", False), ("difficulty", True))),
    Iterative(form="pairs", raw=True),
    Iterative(form="pairs", budgets="as_is", share=0.3),
]


def pool_of(seed=0, raw=40, made=120, classes=4, multi=False, odd=True):
    """Raw samples of uneven classes, made ones from them, some of a second split and some without a label."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(raw):
        path = f"train/{number}.png"
        label = int(rng.choice(classes, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()))
        label = frozenset({label, int(rng.integers(classes))}) if multi else label
        split = "valid" if odd and number % 10 == 9 else "train"
        if odd and number == 3:
            label = None
        content = digest_bytes(path.encode())
        samples.append(Sample(raw_id(content, path), content, path, label, split))
    parents = [one for one in samples if one.split == "train" and one.label is not None]
    for number in range(made):
        parent = parents[int(rng.integers(len(parents)))]
        id = made_id((parent.id,), "test", number)
        content = digest_bytes(id.encode())
        samples.append(
            Sample(id, content, f"made/{number}.png", parent.label, parents=(parent.id,), maker="test", home="blob")
        )
    schema = Schema("image", "multi-label" if multi else "single-label", tuple(f"class {i}" for i in range(classes)))
    return Dataset.from_samples(samples, schema)


def signals_of(data, seed=0):
    rng = np.random.default_rng(seed)
    k = len(data.schema.classes)
    centres = rng.normal(size=(k, 6)) * 3
    points = data.targets @ centres + rng.normal(size=(len(data), 6))
    said = data.targets * 0.5 + rng.dirichlet(np.ones(k), len(data)) * 0.5
    return Signals(
        {
            "embedding": Signal("embedding", data.ids, points.astype(np.float32)),
            "probabilities": Signal("probabilities", data.ids, said.astype(np.float32)),
        }
    )


def named(step):
    return f"{type(step).__name__}-{step.budgets}{'-raw' if step.raw else ''}{'-' + getattr(step, 'form', '')}"


@pytest.mark.parametrize("step", STEPS, ids=named)
def test_keeps_the_contract(step):
    data = worlds.photos(60, wrong=4).data.open
    check_step(step, world=worlds.photos(60, wrong=4), signals=plain_signals(data, ("embedding", "probabilities")))


@pytest.mark.parametrize("step", STEPS, ids=named)
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 99), st.integers(0, 220), st.booleans())
def test_what_is_chosen_is_there_within_the_budget_and_no_class_is_emptied(step, seed, budget, multi):
    data = pool_of(seed, multi=multi)
    signals = signals_of(data, seed)
    ids = step.select(data, signals, budget, np.random.default_rng(1))
    kept = data.only(ids)
    assert ids == sorted(set(ids)) and set(ids) <= set(data.train.ids.tolist())
    assert ids == step.select(data, signals, budget, np.random.default_rng(1))
    needed = data.train.where(data.train.targets.sum(1) == 0) if step.raw else data.train.where(~data.train.made)
    assert set(needed.ids.tolist()) <= set(ids)
    classes = len(data.schema.classes)
    least = len(data) - len(data.train) + len(needed) + classes
    assert len(data) - len(data.train) + len(ids) <= max(budget, least)
    if budget > least and budget < len(data):
        assert len(data) - len(data.train) + len(ids) >= budget - (classes if multi else 0)  # all of it is used
    assert ((kept.targets.sum(0) > 0) == (data.train.targets.sum(0) > 0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_budgets_make_classes_even(kind):
    data = pool_of(odd=False, raw=60, made=600)
    kept = data.only(kind(budgets="equal").select(data, signals_of(data), 160, np.random.default_rng(0)))
    assert len(kept) == 160 and np.ptp(list(kept.counts().values())) == 0


def test_difficult_classes_get_more_and_none_moves_by_more_than_a_quarter():
    data = pool_of(odd=False, raw=200, made=800)
    even = data.only(Random(raw=True).select(data, Signals(), 800, np.random.default_rng(0)))
    said = even.targets.copy()
    wrong = np.flatnonzero(even.labels == 2)[::2]
    said[wrong] = np.roll(said[wrong], 1, axis=1)
    signals = Signals({"probabilities": Signal("probabilities", even.ids, said)})
    solved = Signals({"probabilities": Signal("probabilities", even.ids, even.targets)})
    step, rng = Random(budgets="difficulty", raw=True), np.random.default_rng
    sizes, plain = (
        np.array(list(even.only(step.select(even, one, 600, rng(0))).counts().values())) for one in (signals, solved)
    )
    now = np.array(list(even.counts().values())) * 600 / 800
    assert sizes.sum() == plain.sum() == 600
    assert sizes[2] > plain[2] and (np.delete(sizes, 2) <= np.delete(plain, 2)).all()
    assert (np.abs(sizes / now - 1) < 0.26).all()


def test_class_proportions_stay_as_they_are():
    data = pool_of(odd=False, raw=100, made=900)
    kept = data.only(Random(budgets="as_is", raw=True).select(data, Signals(), 500, np.random.default_rng(0)))
    assert np.abs(np.array(list(kept.counts().values())) * 2 - np.array(list(data.counts().values()))).max() <= 2


def test_a_selector_of_texts():
    world = worlds.utterances(120)
    data, run = world.data.open, world.run()
    signals = Signals({"embedding": run.embed("embed.text", data)})
    for step in (KCenter(raw=True), Herding(raw=True), Iterative(raw=True)):
        ids = step.select(data, signals, 30, np.random.default_rng(0))
        assert len(ids) == 30


def test_samples_that_were_not_measured_are_told():
    data = pool_of()
    few = Signals({"embedding": Signal("embedding", data.ids[:5], np.zeros((5, 2), np.float32))})
    with pytest.raises(StepError, match="measure again"):
        KCenter().select(data, few, 80, np.random.default_rng(0))
    with pytest.raises(StepError, match="measured"):
        signal = Signal("probabilities", np.array(["0" * 16]), np.zeros((1, 4), np.float32))
        Random(budgets="difficulty").select(data, Signals({"probabilities": signal}), 80, np.random.default_rng(0))
    flat = Signals({"embedding": Signal("embedding", data.ids, np.zeros(len(data)))})
    with pytest.raises(StepError, match="one value a sample"):
        Moderate().select(data, flat, 80, np.random.default_rng(0))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Random(budgets="fair"),
        lambda: Iterative(form="neither"),  # pyright: ignore[reportArgumentType]
        lambda: Iterative(similar=0),
        lambda: Coverage(discard=1.0),
        lambda: NearErrors(share=2.0),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(SettingError):
        wrong()


def test_a_step_declares_what_its_settings_need():
    assert Random().needs == () and Random(budgets="difficulty").needs == ("probabilities",)
    assert KCenter(space="features").needs == ("features",)
    assert Iterative(worth="hydra", budgets="difficulty").needs == ("embedding", "hydra", "probabilities")
