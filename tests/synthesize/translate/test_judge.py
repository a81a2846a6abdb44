"""The judge of drawn pictures: who is taught, who is asked, what is let in and what is turned away."""

from dataclasses import replace

import numpy as np
import pytest

from tilth.dataset import Dataset
from tilth.errors import StepError
from tilth.synthesize.translate.judge import Court, bench_of, beyond_chance, ground_of, judge
from tilth.testing.worlds import SHAPES, draw, photos

QUICK = {"learner": "learn.convnet", "settings": {"size_px": 24, "epochs": 10, "least_steps": 150, "precision": "fp32"}}


@pytest.fixture(scope="module")
def world():
    return photos(170, classes=3, test_share=0.0, valid_share=0.5, side_px=24)


@pytest.fixture(scope="module")
def held(world):
    """A judge that was taught on both domains, and the run it was taught in."""
    run = world.run(seed=0)
    run.threads = 1
    data = world.data
    bench = bench_of(data, data.train, data.valid, ground="both", folds=2, mark="here", **QUICK)
    return judge(bench, run), run


def drawn(shape, count, seed=5):
    rng = np.random.default_rng(seed)
    return [draw(SHAPES[shape], rng, side_px=24) for _ in range(count)]


def without_labels(data: Dataset, split: str) -> Dataset:
    rows = [replace(one, label=None) if one.split == split else one for one in data]
    return Dataset.from_samples(rows, data.schema)


# -- who is taught --------------------------------------------------------------------------------------------------


def test_the_ground_follows_the_labels_of_the_target(world):
    data = world.data
    assert ground_of(data.train, data.valid, None, "auto") == "target"
    few = data.valid.where(np.arange(len(data.valid)) < 20)
    assert ground_of(data.train, few, None, "auto") == "both"
    one_class = data.valid.where(data.valid.labels == 0)
    assert ground_of(data.train, one_class, 0, "auto") == "both"
    blind = without_labels(data, "valid")
    assert ground_of(blind.train, blind.valid, None, "auto") == "origin"
    assert ground_of(data.train, data.valid, None, "both") == "both"


def test_a_judge_of_two_classes_alone_is_taught_the_rivals_in_train_too(world):
    data = world.data.train
    here, there = data.where(data.labels == 0), data.where(data.labels == 1)
    settings = {"folds": 2, "mark": "", **QUICK}
    assert set(bench_of(data, here, there, ground="target", **settings).taught.labels.tolist()) == {0, 1, 2}
    blind = without_labels(data, "train")
    with pytest.raises(StepError, match=r"found labelled pictures of 0 class"):
        bench_of(blind, blind, blind, ground="both", **settings)


# -- who is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_only_networks_that_did_not_see_the_parent_are_asked(world, held):
    one, run = held
    parents = sorted(world.data.train.ids.tolist(), key=lambda id: one.parts[id])[:3]
    parents += sorted(world.data.train.ids.tolist(), key=lambda id: -one.parts[id])[:3]
    assert {one.parts[id] for id in parents} == {0, 1}
    shown = drawn(0, 7)
    chances, shares = one.of(shown, [*parents, "f" * 16], run, "asked")
    alone = [one.of(shown, [parent] * 7, run, "asked")[0] for parent in parents]
    assert all(np.allclose(chances[row], alone[row][row]) for row in range(6))
    zero, other = (next(alone[row] for row in range(6) if one.parts[parents[row]] == part) for part in (0, 1))
    assert np.allclose(chances[6], (zero[6] + other[6]) / 2)  # nobody saw it: all are asked
    assert shares.shape == (7,) and (shares >= 0).all()


@pytest.mark.slow
def test_it_says_how_far_real_pictures_are_known(held):
    one, _ = held
    assert one.share > 0.9 and 0 < one.faint < 1 and (one.far > 0).all()


def test_agreement_is_what_luck_does_not_explain():
    labels = np.repeat([0, 1, 2, 3], 25)
    assert beyond_chance(labels, labels) == pytest.approx(1)
    assert beyond_chance(labels, np.full(100, 3)) == pytest.approx(0)  # fog that is always taken for one class
    assert beyond_chance(labels, np.tile([0, 1, 2, 3], 25)) == pytest.approx(0, abs=0.05)
    half = np.where(np.arange(100) % 2 == 0, labels, (labels + 1) % 4)
    assert beyond_chance(labels, half) == pytest.approx(0.36, abs=0.05)
    assert beyond_chance(np.zeros(4), np.array([0, 0, 1, 0])) == 0.75 and beyond_chance(np.zeros(0), np.zeros(0)) == 0


# -- what is let in -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_drawn_as_real_pictures_are_comes_in_and_another_class_does_not(world, held):
    one, run = held
    court = Court(one.bench, run)
    court._judge = one
    parents = ["f" * 16] * 30
    right = court.of([*drawn(0, 10), *drawn(1, 10), *drawn(2, 10)], [0] * 10 + [1] * 10 + [2] * 10, parents)
    assert sum(verdict.passed for verdict in right) >= 24
    wrong = court.of([*drawn(0, 10), *drawn(1, 10), *drawn(2, 10)], [1] * 10 + [2] * 10 + [0] * 10, parents)
    assert sum(verdict.lost for verdict in wrong) >= 28 and not any(
        verdict.passed and verdict.lost for verdict in wrong
    )
    noise = [np.random.default_rng(row).integers(0, 256, (24, 24, 1), dtype=np.uint8) for row in range(20)]
    assert sum(verdict.passed for verdict in court.of(noise, [0] * 20, ["f" * 16] * 20)) <= 2
    assert "knows" in court.told() and "both domains" in court.told()


@pytest.mark.slow
def test_what_was_judged_is_not_judged_again(held):
    one, run = held
    court = Court(one.bench, run)
    court._judge = one
    first = court.of(drawn(0, 5), [0] * 5, ["f" * 16] * 5)
    again = Court(one.bench, run)
    assert again.told() == "no judge was asked"
    assert again.of(drawn(0, 5), [0] * 5, ["f" * 16] * 5) == first and again._judge is None
