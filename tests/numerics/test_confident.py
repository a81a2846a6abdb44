"""Confident learning agrees with cleanlab, and with itself where no peer can tell."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics import confident

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cleanlab's own imports (tqdm, old syntax) warn; not ours to mend
    from cleanlab import count, filter, multilabel_classification, rank


def noisy(
    n: int, k: int, *, wrong: float, seed: int, sharpness: float = 3.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels with flips, probabilities that know the truth more or less, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=rng.dirichlet(np.full(k, 3.0)))
    labels = np.where(rng.random(n) < wrong, rng.integers(0, k, n), truth)
    logits = rng.normal(size=(n, k)) * 1.2
    logits[np.arange(n), truth] += sharpness * rng.random(n)
    p = np.exp(logits)
    return labels, p / p.sum(1, keepdims=True), truth


def several(n: int, k: int, *, wrong: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((n, k)) < rng.uniform(0.15, 0.5, k)
    targets = np.where(rng.random((n, k)) < wrong, ~truth, truth).astype(np.float32)
    return targets, 1 / (1 + np.exp(-(rng.normal(size=(n, k)) + np.where(truth, 2.0, -2.0))))


def cleanlab_issues(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "May not flag all label issues in class": tiny classes, wanted
        return filter.find_label_issues(labels, probabilities, n_jobs=1)


CASES = [(300, 4, 0.1), (1000, 10, 0.2), (60, 3, 0.4), (2000, 2, 0.05), (400, 30, 0.15)]


def pairs_by_row(raw: np.ndarray, calibrated: np.ndarray) -> list[list[tuple[int, int]]]:
    """(count, calibrated count) of the cells of each row, sorted: equal where two joints differ by ties alone."""
    return [sorted(zip(*rows, strict=True)) for rows in zip(raw.tolist(), calibrated.tolist(), strict=True)]


@pytest.mark.parametrize(("n", "k", "wrong"), CASES)
@pytest.mark.parametrize("seed", range(6))
def test_the_joint_and_the_flags_are_those_of_cleanlab(n: int, k: int, wrong: float, seed: int) -> None:
    labels, p, _ = noisy(n, k, wrong=wrong, seed=seed)
    labels[:k] = np.arange(k)  # the empty class has a test of its own
    np.testing.assert_allclose(confident.thresholds(labels, p), count.get_confident_thresholds(labels, p), rtol=1e-12)
    raw = count.compute_confident_joint(labels, p, calibrate=False)
    np.testing.assert_array_equal(confident.confident_joint(labels, p, calibrated=False), raw)
    # Which of two equal cells of a row is rounded up is left to an unstable sort in cleanlab, and to their order in
    # ours: the calibrated counts are the same but for swaps among equal cells, and from one joint come the same flags.
    joint = count.compute_confident_joint(labels, p)
    assert pairs_by_row(raw, confident.confident_joint(labels, p)) == pairs_by_row(raw, joint)
    np.testing.assert_array_equal(confident.flagged(labels, p, joint=joint), cleanlab_issues(labels, p))


@pytest.mark.parametrize("seed", range(10))
def test_the_flags_are_those_of_cleanlab_without_help(seed: int) -> None:
    labels, p, _ = noisy(3000, 4, wrong=0.15, seed=seed)  # so few cells numpy sorts stably
    np.testing.assert_array_equal(confident.confident_joint(labels, p), count.compute_confident_joint(labels, p))
    np.testing.assert_array_equal(confident.flagged(labels, p), cleanlab_issues(labels, p))


@pytest.mark.parametrize("seed", range(4))
def test_an_empty_class_is_treated_as_cleanlab_treats_it(seed: int) -> None:
    labels, p, _ = noisy(300, 5, wrong=0.2, seed=seed)
    labels[labels == 2] = 3
    np.testing.assert_array_equal(confident.confident_joint(labels, p), count.compute_confident_joint(labels, p))
    np.testing.assert_array_equal(confident.flagged(labels, p), cleanlab_issues(labels, p))


@pytest.mark.parametrize("seed", range(4))
def test_classes_of_one_or_two_samples_keep_one_as_in_cleanlab(seed: int) -> None:
    labels, p, _ = noisy(80, 4, wrong=0.3, seed=seed)
    labels[labels == 1] = 0
    labels[:3] = [1, 3, 3]
    np.testing.assert_array_equal(confident.flagged(labels, p), cleanlab_issues(labels, p))


def test_rankings_are_those_of_cleanlab() -> None:
    labels, p, _ = noisy(500, 6, wrong=0.2, seed=3)
    for name in ("self_confidence", "normalized_margin"):
        ours = getattr(confident, name)
        np.testing.assert_allclose(ours(labels, p), rank.get_label_quality_scores(labels, p, method=name), atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_several_labels_at_once_agree_with_cleanlab(seed: int) -> None:
    targets, p = several(400, 5, wrong=0.1, seed=seed)
    lists = [np.flatnonzero(row).tolist() for row in targets]
    joint = count.compute_confident_joint(lists, p, multi_label=True)
    np.testing.assert_array_equal(confident.multi_confident_joint(targets, p), joint)
    issues = multilabel_classification.filter.find_multilabel_issues_per_class(lists, p, n_jobs=1)
    np.testing.assert_array_equal(confident.multi_flagged(targets, p), issues)
    scores = multilabel_classification.get_label_quality_scores(
        lists, p, method="self_confidence", aggregator_kwargs={"method": "exponential_moving_average", "alpha": 0.8}
    )
    np.testing.assert_allclose(confident.multi_self_confidence(targets, p), scores, atol=1e-12)


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(6, 60))
@settings(max_examples=60, deadline=None)
def test_a_calibrated_row_adds_up_to_its_class(seed: int, k: int, n: int) -> None:
    labels, p, _ = noisy(n, k, wrong=0.3, seed=seed)
    joint = confident.confident_joint(labels, p)
    np.testing.assert_array_equal(joint.sum(axis=1), np.bincount(labels, minlength=k))
    assert (joint >= 0).all()


@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(5, 50))
@settings(max_examples=60, deadline=None)
def test_no_class_is_flagged_to_the_last_sample(seed: int, k: int, n: int) -> None:
    labels, p, _ = noisy(n, k, wrong=0.9, seed=seed)
    wrong = confident.flagged(labels, p)
    for c in np.unique(labels):
        assert (~wrong[labels == c]).any()


def test_a_wrong_label_is_counted_and_found_where_the_model_is_sure() -> None:
    truth = np.repeat([0, 1, 2], 20)
    labels = truth.copy()
    labels[[0, 1, 45]] = [1, 1, 0]  # two of class 0 are called 1, one of class 2 is called 0
    p = np.full((60, 3), 0.05)
    p[np.arange(60), truth] = 0.9
    np.testing.assert_array_equal(confident.confident_joint(labels, p), [[18, 0, 1], [2, 20, 0], [0, 0, 19]])
    assert np.flatnonzero(confident.flagged(labels, p)).tolist() == [0, 1, 45]


def test_clean_labels_give_no_flag() -> None:
    _, p, truth = noisy(500, 4, wrong=0.0, seed=0, sharpness=0.0)
    p[np.arange(500), truth] += 2
    assert not confident.flagged(truth, p / p.sum(1, keepdims=True)).any()


def test_equal_margins_take_the_earlier_sample_on_every_machine() -> None:
    values = np.array([0.5, 0.1, 0.5, 0.5, 0.9])
    assert sorted(confident._largest(values, 3).tolist()) == [0, 2, 4]


def test_what_is_true_follows_from_the_noise_by_the_rule_of_bayes() -> None:
    joint = np.array([[80, 10], [20, 90]])  # given by true: a fifth of the first class is given as the second
    p = np.array([[0.9, 0.1], [0.5, 0.5]])
    found = confident.truths(np.array([1, 0]), p, joint)
    np.testing.assert_allclose(found[0], np.array([0.9 * 0.2, 0.1 * 0.9]) / (0.9 * 0.2 + 0.1 * 0.9))
    np.testing.assert_allclose(found[1], np.array([0.8, 0.1]) / 0.9)


def test_where_no_label_is_wrong_the_given_one_is_true_and_where_nothing_is_said_nothing_is() -> None:
    labels, p, _ = noisy(60, 3, wrong=0.0, seed=1)
    found = confident.truths(labels, p, np.diag(np.bincount(labels, minlength=3)))
    np.testing.assert_allclose(found, np.eye(3)[labels])
    np.testing.assert_array_equal(confident.truths(labels, np.zeros((60, 3)), np.eye(3)), np.zeros((60, 3)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_label_and_opinion_together_are_right_more_often_than_either(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(4, 0.4), 5_000)
    truth = (rng.random((5_000, 1)) > p.cumsum(1)[:, :3]).sum(1)
    labels = np.where(rng.random(5_000) < 0.3, rng.integers(0, 4, 5_000), truth)
    joint = np.zeros((4, 4))
    np.add.at(joint, (labels, truth), 1)
    found = confident.truths(labels, p, joint)
    np.testing.assert_allclose(found.sum(1), 1)
    right = (found.argmax(1) == truth).mean()
    assert right > max((p.argmax(1) == truth).mean(), (labels == truth).mean())
    assert abs(found.max(1).mean() - right) < 0.02, "and as often as it says"


def test_of_several_labels_each_is_a_yes_or_no() -> None:
    targets, p = several(400, 3, wrong=0.1, seed=3)
    joint = confident.multi_confident_joint(targets, p)
    found = confident.multi_truths(targets, p, joint)
    one = confident.truths(targets[:, 1].astype(int), np.stack([1 - p[:, 1], p[:, 1]], 1), joint[1])
    np.testing.assert_allclose(found[:, 1], one[:, 1])


def test_one_class_flags_nothing() -> None:
    assert not confident.flagged(np.zeros(5, dtype=np.int64), np.ones((5, 1))).any()
    np.testing.assert_array_equal(confident.normalized_margin(np.zeros(2, dtype=np.int64), np.ones((2, 1))), [1, 1])


@pytest.mark.slow
def test_a_million_samples_take_seconds() -> None:
    import time

    labels, p, truth = noisy(1_000_000, 10, wrong=0.1, seed=0, sharpness=6)
    start = time.perf_counter()
    wrong = confident.flagged(labels, p)
    assert time.perf_counter() - start < 15  # 1.5 s alone on the machine it was written on; others share the cores
    assert wrong[labels != truth].mean() > 0.5
