"""The noise of a class, told from how often neighbours agree."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.numerics import transition as noise


def world(matrix, shares, n, seed=0):
    """Labels of n samples and of two neighbours of their true class; labels go wrong independently."""
    dice = np.random.default_rng(seed)
    true = dice.choice(len(shares), n, p=shares)
    rows = [np.flatnonzero(true == c) for c in range(len(shares))]
    labels = np.array([dice.choice(len(shares), p=matrix[c]) for c in true])
    near = np.array([dice.choice(rows[c], 2) for c in true])
    return np.column_stack([labels, labels[near]])


MATRIX = np.array([[0.9, 0.1, 0.0], [0.0, 0.7, 0.3], [0.05, 0.15, 0.8]])
SHARES = np.array([0.5, 0.3, 0.2])


def test_it_finds_the_matrix_that_made_the_labels():
    triples = world(MATRIX, SHARES, 20_000)
    found, shares = noise.transition(triples, 3)
    np.testing.assert_allclose(found, MATRIX, atol=0.03)
    np.testing.assert_allclose(shares, SHARES, atol=0.03)
    truth = 1 - MATRIX.diagonal() * SHARES / (MATRIX.T @ SHARES)
    np.testing.assert_allclose(noise.noisy_shares(found, shares), truth, atol=0.04)


def test_clean_labels_have_no_noise():
    triples = world(np.eye(4), np.full(4, 0.25), 2_000)
    assert noise.noisy_shares(*noise.transition(triples, 4)).max() < 0.01


def test_the_slope_is_that_of_the_distance():
    dice = np.random.default_rng(1)
    triples = world(MATRIX, SHARES, 500)
    counted = [noise._counted(triples[:, : order + 1], 3) for order in range(3)]
    matrix, shares = dice.dirichlet(np.ones(3), 3), dice.dirichlet(np.ones(3))
    _, by_matrix, by_shares = noise._apart(counted, matrix, shares)
    for at, slope in [*np.ndenumerate(by_matrix)]:
        up, down = matrix.copy(), matrix.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        apart = noise._apart(counted, up, shares)[0] - noise._apart(counted, down, shares)[0]
        assert slope == pytest.approx(apart / 2e-6, abs=1e-4)
    for at, slope in enumerate(by_shares):
        up, down = shares.copy(), shares.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        apart = noise._apart(counted, matrix, up)[0] - noise._apart(counted, matrix, down)[0]
        assert slope == pytest.approx(apart / 2e-6, abs=1e-4)


def test_rows_without_neighbours_do_not_count_and_too_many_classes_are_refused():
    triples = world(MATRIX, SHARES, 3_000)
    padded = np.concatenate([triples, np.tile([0, -1, -1], (500, 1))])
    np.testing.assert_array_equal(noise.transition(padded, 3)[0], noise.transition(triples, 3)[0])
    np.testing.assert_array_equal(noise.transition(padded[-500:], 3)[0], np.eye(3))
    with pytest.raises(ValueError, match="too many"):
        noise.transition(triples, 61)
