"""Consensus: who is trusted, and bounds that hold the truth where mistakes are planted alone or together."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.numerics.consensus import purity, says, solo_errors, trusted, unanimous

K = 4


def opinion(said: np.ndarray, sure: float = 0.9) -> np.ndarray:
    p = np.full((len(said), K), (1 - sure) / (K - 1))
    p[np.arange(len(said)), said] = sure
    return p


def wrong_in(truth: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    moved = rng.random(len(truth)) < share
    return np.where(moved, (truth + rng.integers(1, K, len(truth))) % K, truth)


def world(n: int, noise: float, first: float, second: float, shared: float, seed: int):
    """Truth, labels and two opinions that err alone so often, and together with the label so often."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    labels, a, b = wrong_in(truth, noise, rng), wrong_in(truth, first, rng), wrong_in(truth, second, rng)
    alike = rng.random(n) < shared
    labels[alike] = a[alike] = b[alike] = (truth[alike] + 1) % K
    return truth, np.eye(K)[labels], [opinion(a), opinion(b)]


def test_unanimous_means_all_of_them() -> None:
    targets = np.eye(K)[[0, 1, 2]]
    opinions = [opinion(np.array([0, 1, 3])), opinion(np.array([0, 2, 2]))]
    assert unanimous(opinions, targets, multi=False).tolist() == [True, False, False]


def test_a_silent_opinion_is_none() -> None:
    assert not says(np.zeros((2, K)), multi=False).any()
    assert not unanimous([np.zeros((1, K))], np.eye(K)[[0]], multi=False).any()


def test_sets_of_classes_are_compared_whole() -> None:
    targets = np.array([[1, 1, 0, 0], [1, 0, 0, 0]])
    p = np.array([[0.9, 0.8, 0.1, 0.0], [0.9, 0.8, 0.1, 0.0]])
    assert unanimous([p], targets, multi=True).tolist() == [True, False]


def test_of_the_unanimous_the_surest_share_of_each_class_is_trusted() -> None:
    targets = np.eye(K)[np.repeat([0, 1], 10)]
    belief = np.concatenate([np.linspace(0.1, 0.2, 10), np.linspace(0.8, 0.9, 10)])  # one class is hard, one easy
    good = trusted([targets * 1.0], belief, targets, multi=False, share=0.5)
    assert good[:10].sum() == good[10:].sum() == 5 and good[5:10].all() and good[15:].all()


def test_alone_is_where_the_other_one_sides_with_the_label() -> None:
    # agreed twice, alone once, agreed, then the label itself is wrong: both name another class
    targets = np.eye(K)[[0, 0, 0, 1, 1]]
    first, second = opinion(np.array([0, 0, 1, 1, 0])), opinion(np.array([0, 0, 0, 1, 0]))
    good = np.array([True, True, False, True, False])
    asked, wrong = solo_errors(first, second, targets, good, multi=False)
    assert asked.tolist() == [2, 2, 0, 0] and wrong.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("shared", [0.0, 0.03])
def test_the_bounds_hold_the_truth(noise: float, shared: float) -> None:
    for seed in range(5):
        truth, targets, opinions = world(4000, noise, 0.04, 0.06, shared, seed)
        good = unanimous(opinions, targets, multi=False)
        low, high = purity(opinions, targets, good, multi=False)
        right = (targets.argmax(axis=1) == truth)[good].mean()
        # mistakes that are not shared are the upper bound itself: a count of few above it is chance
        assert low.mean() <= right <= high.mean() + 0.003
        assert low.mean() > 0.9


def test_few_samples_give_wide_bounds_and_a_class_without_any_gives_all() -> None:
    truth, targets, opinions = world(4000, 0.1, 0.05, 0.05, 0.0, 0)
    few = slice(0, 60)
    good = unanimous(opinions, targets, multi=False)
    wide = purity([one[few] for one in opinions], targets[few], good[few], multi=False)[0]
    assert (wide < purity(opinions, targets, good, multi=False)[0]).all()
    low, high = purity(opinions, targets, good & (truth != 2) & (targets[:, 2] == 0), multi=False)
    assert (low[2], high[2]) == (0.0, 1.0)
