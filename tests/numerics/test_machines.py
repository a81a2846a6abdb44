"""Machines of all classes trained together: the optimum is that of LIBLINEAR, whatever way it is reached."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random
from sklearn.svm import LinearSVC

from tilth.numerics.machines import trained

EXACT = 1e-4


def problem(n=120, terms=40, k=11, seed=0):
    """Sparse rows of length 1 with a class each that lies in their direction, in most cases."""
    dice = np.random.default_rng(seed)
    values = random(n, terms, density=0.2, random_state=seed, format="csr", dtype=np.float32)
    values = csr_matrix(
        values.multiply(1 / np.maximum(np.sqrt(values.multiply(values).sum(axis=1)), 1e-6)), dtype=np.float32
    )
    labels = (values @ dice.normal(size=(terms, k)) + dice.normal(size=(n, k)) * 0.3).argmax(1)
    return values, np.eye(k)[labels]


def reference(values, truth, weights, strength):
    """One machine against the rest by LIBLINEAR."""
    made = LinearSVC(C=strength, tol=1e-7, max_iter=100_000, random_state=0).fit(values, truth, sample_weight=weights)
    return made.coef_[0], made.intercept_[0]


def far(values, machines):
    return values @ machines[0] + machines[1]


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("multi", [False, True])
def test_each_class_against_the_rest_is_the_optimum_of_liblinear(strength, multi):
    values, targets = problem()
    targets = (
        np.maximum(targets, np.roll(targets, 1, axis=1) * (np.arange(len(targets)) % 3 == 0)[:, None])
        if multi
        else targets
    )
    weights = np.random.default_rng(1).uniform(0.2, 3, len(targets))
    (found,) = trained(values, targets, weights, (strength,), multi=multi, tolerance=EXACT)
    for column in range(targets.shape[1]):
        if 0 < targets[:, column].sum() < len(targets):
            coefficients, shift = reference(values, targets[:, column] > 0, weights, strength)
            assert np.allclose(found[0][:, column], coefficients, atol=3e-3)
            assert abs(found[1][column] - shift) < 3e-3


@pytest.mark.parametrize("multi", [False, True])
def test_a_shared_label_is_a_row_on_either_side_with_its_share(multi):
    values, targets = problem(k=3)
    targets = 0.7 * targets + 0.3 * np.roll(targets, 1, axis=1)
    (found,) = trained(values, targets, np.ones(len(targets)), (1.0,), multi=multi, tolerance=EXACT)
    both = csr_matrix(np.vstack([values.toarray()] * 2))
    for column in range(3):
        share = targets[:, column]
        truth = np.repeat([True, False], len(share))
        coefficients, shift = reference(both, truth, np.concatenate([share, 1 - share]) + 1e-12, 1.0)
        assert np.allclose(found[0][:, column], coefficients, atol=3e-3) and abs(found[1][column] - shift) < 3e-3


def test_strengths_in_turn_are_what_each_is_alone():
    values, targets = problem()
    weights = np.ones(len(targets))
    together = trained(values, targets, weights, (0.1, 0.3, 1.0), multi=False, tolerance=EXACT)
    for strength, one in zip((0.1, 0.3, 1.0), together, strict=True):
        (alone,) = trained(values, targets, weights, (strength,), multi=False, tolerance=EXACT)
        assert np.allclose(far(values, one), far(values, alone), atol=2e-3)


def test_any_number_of_threads_gives_the_same_bytes():
    values, targets = problem(k=40, n=300)
    one, many = (trained(values, targets, np.ones(300), (0.3,), multi=False, threads=threads) for threads in (1, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one[0], many[0], strict=True))


def test_what_weighs_nothing_or_has_no_label_is_not_seen():
    values, targets = problem(k=3)
    weights = (np.arange(len(targets)) % 4 > 0).astype(float)
    (found,) = trained(values, targets, weights, (1.0,), multi=False, tolerance=EXACT)
    (rest,) = trained(
        values[weights > 0], targets[weights > 0], np.ones(int(weights.sum())), (1.0,), multi=False, tolerance=EXACT
    )
    (unlabelled,) = trained(
        values, targets * weights[:, None], np.ones(len(targets)), (1.0,), multi=False, tolerance=EXACT
    )
    assert np.allclose(far(values, found), far(values, rest), atol=1e-3)
    assert np.allclose(far(values, unlabelled), far(values, rest), atol=1e-3)


def test_a_class_of_no_row_or_of_every_row_is_told_without_a_machine():
    values, targets = problem(k=2)
    wide = np.column_stack([np.zeros(len(targets)), np.ones(len(targets)), targets])
    (found,) = trained(values, wide, np.ones(len(targets)), (1.0,), multi=True)
    assert found[1][:2].tolist() == [-1, 1] and not found[0][:, :2].any() and found[0][:, 2:].any()


def test_rows_of_nothing_and_tables_of_nothing():
    empty = csr_matrix((4, 3), dtype=np.float32)
    (found,) = trained(empty, np.eye(2)[[0, 0, 0, 1]], np.ones(4), (1.0,), multi=False)
    assert np.isfinite(found[1]).all() and found[1][0] > found[1][1] and not found[0].any()
    (none,) = trained(csr_matrix((0, 3), dtype=np.float32), np.zeros((0, 2)), np.ones(0), (1.0,), multi=False)
    assert none[1].tolist() == [-1, -1]


def test_a_machine_separates_what_can_be_separated():
    values = csr_matrix(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], np.float32))
    (found,) = trained(values, np.eye(3), np.ones(3), (10.0,), multi=False)
    assert (far(values, found).argmax(1) == [0, 1, 2]).all()


@pytest.mark.parametrize("share", [1e-6, 1e-12, 1e-38, 1e-40])
@pytest.mark.parametrize("multi", [False, True])
def test_a_tiny_share_or_weight_is_as_good_as_nothing(share, multi):
    values, targets = problem(k=3)
    parted, light = targets.copy(), np.ones(len(targets))
    parted[0] = np.roll(targets[0], 1) * share + targets[0]
    light[0] = share
    (plain,) = trained(values, targets, np.ones(len(targets)), (1.0,), multi=multi, tolerance=EXACT)
    (found,) = trained(values, parted, np.ones(len(targets)), (1.0,), multi=multi, tolerance=EXACT)
    assert np.allclose(far(values, found), far(values, plain), atol=2e-3)
    (rest,) = trained(values[1:], targets[1:], np.ones(len(targets) - 1), (1.0,), multi=multi, tolerance=EXACT)
    (found,) = trained(values, targets, light, (1.0,), multi=multi, tolerance=EXACT)
    assert np.allclose(far(values, found), far(values, rest), atol=2e-3)


def test_a_share_that_rounding_brought_above_one_is_one():
    values, targets = problem(k=3)
    (plain,) = trained(values, targets, np.ones(len(targets)), (1.0,), multi=True)
    (found,) = trained(values, targets * (1 + 1e-12), np.ones(len(targets)), (1.0,), multi=True)
    assert np.allclose(far(values, found), far(values, plain), atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"values": csr_matrix((5, 3), dtype=np.float32)},
        {"values": csr_matrix((4, 3), dtype=np.float32).tocsc()},
        {"weights": np.ones(3)},
        {"weights": np.array([1, 1, 1, np.nan])},
        {"targets": np.full((4, 2), np.inf)},
        {"strengths": (0.0,)},
        {"strengths": (1.0, float("nan"))},
        {"values": csr_matrix(np.full((4, 3), np.nan, np.float32))},
    ],
)
def test_what_does_not_fit_is_refused(change):
    given = {
        "values": csr_matrix((4, 3), dtype=np.float32),
        "targets": np.eye(2)[[0, 1, 0, 1]],
        "weights": np.ones(4),
        "strengths": (1.0,),
    }
    with pytest.raises(ValueError):
        trained(**given | change, multi=False)
