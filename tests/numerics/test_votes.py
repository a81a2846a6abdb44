"""Neighbours vote, and copies neither vote twice nor about themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.votes import neighbor_votes


def brute(features: np.ndarray, targets: np.ndarray, k: int) -> np.ndarray:
    """Shares by two loops, for features without copies."""
    u = features / np.linalg.norm(features, axis=1, keepdims=True)
    shares = np.zeros(targets.shape)
    for i in range(len(u)):
        cosine = u @ u[i]
        near = sorted((j for j in range(len(u)) if j != i), key=lambda j: (-cosine[j], j))[:k]
        weights = [min(max(cosine[j], 0.0), 1.0) for j in near]
        for j, weight in zip(near, weights, strict=True):
            shares[i] += weight * targets[j]
        shares[i] /= max(sum(weights), 1e-12)
    return shares


def clouds(n: int, k: int, *, seed: int, dims: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    features = rng.normal(size=(k, dims))[labels] * 3 + rng.normal(size=(n, dims))
    return features, np.eye(k)[labels]


@given(st.integers(0, 10**6), st.integers(12, 40), st.integers(2, 4), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_agrees_with_two_loops(seed: int, n: int, k: int, neighbors: int) -> None:
    features, targets = clouds(n, k, seed=seed)
    votes = neighbor_votes(features, targets, neighbors=neighbors)
    np.testing.assert_allclose(votes.shares, brute(features, targets, neighbors), atol=1e-5)
    assert (votes.neighbors != np.arange(n)[:, None]).all()


def test_a_copy_has_no_voice_about_itself() -> None:
    features, targets = clouds(30, 2, seed=1)
    targets[0] = 1 - targets[0]  # a wrong label, handed in four times
    features, targets = np.vstack([features, features[[0, 0, 0]]]), np.vstack([targets, targets[[0, 0, 0]]])
    alone = neighbor_votes(features[:30], targets[:30], neighbors=5)
    named = neighbor_votes(features, targets, neighbors=5, contents=np.array([*range(30), 0, 0, 0]))
    unnamed = neighbor_votes(features, targets, neighbors=5)
    np.testing.assert_allclose(named.shares[:30], alone.shares, atol=1e-6)
    np.testing.assert_allclose(unnamed.shares[:30], alone.shares, atol=1e-6)
    np.testing.assert_allclose(named.shares[30:], alone.shares[[0, 0, 0]], atol=1e-6)


def test_copies_that_contradict_vote_with_half_a_voice_each() -> None:
    features = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.1], [0.0, 1.0]])
    targets = np.eye(2)[[0, 0, 1, 1]]
    votes = neighbor_votes(features, targets, neighbors=1)
    np.testing.assert_allclose(votes.shares[0], [0.5, 0.5])


def test_copies_whose_features_differ_in_the_last_digit_are_copies() -> None:
    features, targets = clouds(20, 2, seed=2)
    features = features.astype(np.float32)
    both = np.vstack([features, features[:1] * np.float32(1 + 2e-6) + np.float32(1e-7)])
    votes = neighbor_votes(both, np.vstack([targets, 1 - targets[:1]]), neighbors=1)
    assert votes.neighbors[0, 0] != 20
    assert votes.neighbors[20, 0] != 0


def test_who_may_not_vote_does_not() -> None:
    features, targets = clouds(20, 2, seed=3)
    may = np.arange(20) >= 10
    assert (neighbor_votes(features, targets, neighbors=4, voters=may).neighbors >= 10).all()


def test_fewer_voters_than_asked_for_leave_empty_places() -> None:
    features, targets = clouds(4, 2, seed=4)
    votes = neighbor_votes(features, targets, neighbors=10)
    assert votes.neighbors.shape == (4, 10)
    assert ((votes.neighbors >= 0).sum(axis=1) == 3).all()
    assert (votes.weights[votes.neighbors < 0] == 0).all()


def test_what_has_no_direction_has_no_voice() -> None:
    features, targets = clouds(10, 2, seed=5)
    features[3] = 0
    votes = neighbor_votes(features, targets, neighbors=3)
    assert not votes.shares[3].any()
    assert not (votes.neighbors == 3).any()


def test_nobody_and_nothing_give_empty_ballots() -> None:
    assert neighbor_votes(np.zeros((0, 3)), np.zeros((0, 2)), neighbors=3).shares.shape == (0, 2)
    assert not neighbor_votes(np.ones((1, 3)), np.ones((1, 2)), neighbors=3).shares.any()
    assert not neighbor_votes(np.zeros((5, 3)), np.ones((5, 2)), neighbors=3).shares.any()


def test_sets_of_classes_are_voted_on_one_by_one() -> None:
    features = np.array([[1.0, 0.0], [1.0, 0.01], [1.0, 0.02]])
    targets = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(neighbor_votes(features, targets, neighbors=2).shares[0], [1, 0.5, 0], atol=1e-3)
