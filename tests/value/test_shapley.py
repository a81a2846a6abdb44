"""The step of Shapley values: exact where small, noise found, errors told, budgets kept."""

from __future__ import annotations

import numpy as np
import pytest

from games import RUN, clouds, sample, separation, several, world
from tilth.errors import SettingError, StepError
from tilth.signal import Signal
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.value.heads import Lesson, head, hits, likelihood
from tilth.value.knn_shapley import KnnShapley
from tilth.value.shapley import Shapley
from tilth.value.sides import mean_value


def small(n: int = 8, m: int = 6) -> tuple:
    data, signals, _ = clouds(n, m, wrong=1, classes=2, dims=3)
    return data, signals


def test_of_a_nearest_neighbour_vote_it_is_what_the_closed_form_says() -> None:
    """With one voter the two games differ only without any: the vote of nobody is a coin here and nothing there."""
    data, signals = small()
    found = Shapley(head="neighbors", neighbors=1).value(data, signals, RUN)
    exact = mean_value(KnnShapley(neighbors=1).value(data, signals, RUN))
    assert found.meta["calls"] == 2**8 and found.meta["mean_error"] == 0
    assert found.values + 0.5 / 8 == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("kind", ["ridge", "neighbors", "logistic"])
@pytest.mark.parametrize("score", ["hit", "probability"])
def test_exact_values_add_up_to_the_score_of_all_less_that_of_none(kind: str, score: str) -> None:
    data, signals = small(6)
    found = Shapley(head=kind, score=score).value(data, signals, RUN)
    lesson = Lesson(
        signals["embedding"].rows(data.train.ids),
        data.train.targets,
        signals["embedding"].rows(data.valid.ids),
        False,
    )
    judge = hits if score == "hit" else likelihood
    whole = judge(head(kind, lesson)(np.ones(6, int)), data.valid.targets, multi=False).mean()
    assert found.values.sum() == pytest.approx(whole - 0.5, abs=1e-5)


@pytest.mark.parametrize("weights", ["shapley", "beta", "banzhaf"])
def test_finds_planted_wrong_labels(weights: str) -> None:
    data, signals, bad = clouds(90, 45, wrong=9)
    found = Shapley(weights=weights, calls=3000).value(data, signals, RUN)
    assert separation(found.values, found.ids, bad) > 0.9
    assert found.values[np.isin(found.ids, list(bad))].mean() < found.values.mean()


@pytest.mark.parametrize("weights", ["shapley", "banzhaf"])
def test_an_estimate_comes_within_its_standard_errors(weights: str) -> None:
    data, signals, _ = clouds(13, 9, wrong=2, classes=2)
    first = Shapley(weights=weights, calls=3000, error=0.0, truncation=0.0).value(data, signals, MemoryRun(seed=1))
    other = Shapley(weights=weights, calls=3000, error=0.0, truncation=0.0).value(data, signals, MemoryRun(seed=2))
    off = (first.values - other.values) / (np.sqrt(2) * first.meta["mean_error"])
    assert 0.3 < np.sqrt((off**2).mean()) < 2


def test_errors_rounds_and_calls_are_told() -> None:
    data, signals, _ = clouds(30, 15, wrong=3)
    run = MemoryRun()
    rushed = Shapley(calls=200, error=0.001).value(data, signals, run)
    assert not rushed.meta["converged"] and 200 <= rushed.meta["calls"] < 240
    assert "stopped at its budget" in run.lines[-1]
    easy = Shapley(calls=20_000, error=0.5).value(data, signals, RUN)
    assert easy.meta["converged"] and easy.meta["error_over_spread"] <= 0.5 and easy.meta["mean_error"] > 0


def test_seeds_repeat_and_differ() -> None:
    data, signals, _ = clouds(30, 10, wrong=3)
    step = Shapley(calls=200)
    first, again, other = (step.value(data, signals, MemoryRun(seed=seed)).key for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("kind", ["ridge", "neighbors", "logistic"])
def test_several_labels_and_a_class_that_a_subset_lacks(kind: str) -> None:
    data, signals = several(7, 10)
    found = Shapley(head=kind).value(data, signals, RUN)
    assert np.isfinite(found.values).all() and found.values.sum() > 0


def test_ties_are_shared_out() -> None:
    scores = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    assert hits(scores, np.eye(3)[[1, 2]], multi=False) == pytest.approx([0.5, 1])
    assert hits(np.array([[0.5, 0.9]]), np.array([[1.0, 0.0]]), multi=True) == pytest.approx([0.25])
    assert likelihood(np.array([[0.5, 0.9]]), np.array([[1.0, 0.0]]), multi=True) == pytest.approx([0.3])


@pytest.mark.parametrize("kind", ["ridge", "neighbors", "logistic"])
def test_a_sample_of_weight_two_is_that_sample_twice(kind: str) -> None:
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(20, 4)).astype(np.float32), rng.normal(size=(6, 4)).astype(np.float32)
    targets, weights = np.eye(3, dtype=np.float32)[np.arange(20) % 3], rng.integers(0, 3, 20)
    asked = head(kind, Lesson(points, targets, queries, False), neighbors=30)(weights)
    again = np.repeat(np.arange(20), 2)
    twice = head(kind, Lesson(points[again], targets[again], queries, False), neighbors=60)
    single = twice(np.stack([weights >= 1, weights == 2], 1).ravel().astype(int))
    assert asked == pytest.approx(single, abs=1e-4)
    assert asked.shape == (6, 3) and asked.sum(1) == pytest.approx(1, abs=1e-6)


def test_keeps_the_contract() -> None:
    world_ = worlds.photos(60, wrong=4, copies=2, valid_share=0.2)
    for weights in ("shapley", "beta", "banzhaf"):
        check_step(Shapley(weights=weights, calls=150), world=world_)


def test_errors_say_what_to_do() -> None:
    data, signals, _ = clouds(30, 10, wrong=3)
    with pytest.raises(StepError, match=r"value.knn_shapley with against = \"train\""):
        Shapley(against="train").value(data, signals, RUN)
    with pytest.raises(StepError, match=r"less than two permutations of 30 train samples(.|\n)*calls = 600"):
        Shapley(calls=50).value(data, signals, RUN)
    assert len(Shapley(calls=50, weights="banzhaf").value(data, signals, RUN)) == 30
    with pytest.raises(SettingError, match="weights is one of shapley, beta, banzhaf, found 'owen'"):
        Shapley(weights="owen")
    with pytest.raises(SettingError, match="a must be more than 0, found 0"):
        Shapley(a=0.0)
    with pytest.raises(SettingError, match="truncation must be at least 0"):
        Shapley(truncation=-0.1)


def test_features_can_be_asked_in_place_of_the_embedding() -> None:
    data, signals = small(6)
    features = Signal("features", signals["embedding"].ids, signals["embedding"].values.copy())
    there = type(signals)({"features": features})
    assert (
        Shapley(signal="features").value(data, there, RUN).values.tolist()
        == Shapley().value(data, signals, RUN).values.tolist()
    )


def test_one_train_sample_is_worth_what_it_adds_to_nothing() -> None:
    data, signals = world([sample(0, 1), sample(1, 1, split="valid")], np.ones((2, 2)), classes=2)
    assert Shapley().value(data, signals, RUN).values == pytest.approx([0.5])
