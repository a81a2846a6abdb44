"""The noise of a class, told from how often neighbours agree."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.numerics import consensus


def world(matrix, shares, n, seed=0):
    """n samples, each with two neighbours of its true class; labels go wrong independently."""
    dice = np.random.default_rng(seed)
    true = dice.choice(len(shares), n, p=shares)
    rows = [np.flatnonzero(true == c) for c in range(len(shares))]
    labels = np.array([dice.choice(len(shares), p=matrix[c]) for c in true])
    return labels, np.array([dice.choice(rows[c], 2) for c in true])


MATRIX = np.array([[0.9, 0.1, 0.0], [0.0, 0.7, 0.3], [0.05, 0.15, 0.8]])
SHARES = np.array([0.5, 0.3, 0.2])


def test_it_finds_the_matrix_that_made_the_labels():
    labels, near = world(MATRIX, SHARES, 20_000)
    found, shares = consensus.transition(labels, near, 3)
    np.testing.assert_allclose(found, MATRIX, atol=0.03)
    np.testing.assert_allclose(shares, SHARES, atol=0.03)
    truth = 1 - MATRIX.diagonal() * SHARES / (MATRIX.T @ SHARES)
    np.testing.assert_allclose(consensus.noisy_shares(found, shares), truth, atol=0.04)


def test_clean_labels_have_no_noise():
    labels, near = world(np.eye(4), np.full(4, 0.25), 2_000)
    assert consensus.noisy_shares(*consensus.transition(labels, near, 4)).max() < 0.01


def test_the_slope_is_that_of_the_distance():
    dice = np.random.default_rng(1)
    labels, near = world(MATRIX, SHARES, 500)
    triples = np.column_stack([labels, labels[near]])
    counted = [consensus._counted(triples[:, : order + 1], 3) for order in range(3)]
    matrix, shares = dice.dirichlet(np.ones(3), 3), dice.dirichlet(np.ones(3))
    _, by_matrix, by_shares = consensus._apart(counted, matrix, shares)
    for at, slope in [*np.ndenumerate(by_matrix)]:
        up, down = matrix.copy(), matrix.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        apart = consensus._apart(counted, up, shares)[0] - consensus._apart(counted, down, shares)[0]
        assert slope == pytest.approx(apart / 2e-6, abs=1e-4)
    for at, slope in enumerate(by_shares):
        up, down = shares.copy(), shares.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        apart = consensus._apart(counted, matrix, up)[0] - consensus._apart(counted, matrix, down)[0]
        assert slope == pytest.approx(apart / 2e-6, abs=1e-4)


def test_rows_without_neighbours_do_not_count_and_too_many_classes_are_refused():
    labels, near = world(MATRIX, SHARES, 3_000)
    padded = np.concatenate([near, np.full((500, 2), -1)])
    found = consensus.transition(np.concatenate([labels, np.zeros(500, int)]), padded, 3)
    np.testing.assert_array_equal(found[0], consensus.transition(labels, near, 3)[0])
    none = consensus.transition(labels, np.full((len(labels), 2), -1), 3)
    np.testing.assert_array_equal(none[0], np.eye(3))
    with pytest.raises(ValueError, match="too many"):
        consensus.transition(labels, near, 61)
