"""Metrics agree with scikit-learn, weights and all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from tilth.numerics import metrics


def world(seed, *, m=40, k=4, multi=False):
    rng = np.random.default_rng(seed)
    scores = rng.random((m, k)).round(1)  # rounded: ties happen
    if multi:
        targets = (rng.random((m, k)) < 0.4).astype(float)
        return targets, scores, rng.integers(0, 4, (3, m)).astype(float)
    truth = rng.integers(0, k - 1, m)  # the last class never occurs, but is predicted
    targets = np.eye(k)[truth]
    scores[np.arange(m), truth] += rng.random(m) * 0.6
    return targets, scores / scores.sum(1, keepdims=True), rng.integers(0, 4, (3, m)).astype(float)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_single_label_metrics_agree_with_sklearn(seed):
    targets, probabilities, weights = world(seed)
    truth, guess = targets.argmax(1), probabilities.argmax(1)
    for row, weight in enumerate(weights):
        asked = {"sample_weight": weight}
        expected = {
            "accuracy": oracle.accuracy_score(truth, guess, **asked),
            "balanced_accuracy": np.mean(
                [oracle.recall_score(truth == c, guess == c, **asked) for c in range(4) if weight[truth == c].sum()]
            ),
            "macro_f1": oracle.f1_score(truth, guess, average="macro", labels=range(4), zero_division=np.nan, **asked),
        }
        for name, value in expected.items():
            found = metrics.SINGLE_LABEL[name](targets, probabilities, weights)[row]
            assert found == pytest.approx(value), name


def test_balanced_accuracy_agrees_with_sklearn():
    targets, probabilities, _ = world(3)
    present = targets.any(axis=0)
    truth, guess = targets.argmax(1), probabilities.argmax(1)
    expected = np.mean([(guess[truth == c] == c).mean() for c in np.flatnonzero(present)])
    assert metrics.score(metrics.balanced_accuracy, targets, probabilities) == pytest.approx(expected)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_multi_label_metrics_agree_with_sklearn(seed):
    targets, probabilities, weights = world(seed, multi=True)
    truth, guess = targets >= 0.5, probabilities >= 0.5
    for row, weight in enumerate(weights):
        asked = {"sample_weight": weight}
        expected = {
            "subset_accuracy": oracle.accuracy_score(truth, guess, **asked),
            "micro_f1": oracle.f1_score(truth, guess, average="micro", **asked),
            "macro_f1": oracle.f1_score(truth, guess, average="macro", zero_division=np.nan, **asked),
            "mean_average_precision": oracle.average_precision_score(truth, probabilities, average="macro", **asked),
        }
        for name, value in expected.items():
            found = metrics.MULTI_LABEL[name](targets, probabilities, weights)[row]
            assert found == pytest.approx(value), name


def test_per_class_numbers_agree_with_sklearn():
    targets, probabilities, _ = world(7)
    truth, guess = targets.argmax(1), probabilities.argmax(1)
    one = metrics.unit_weights(len(truth))
    tallies = metrics.tallies(metrics.one_of(targets), metrics.one_of(probabilities), one)
    precision, recall = metrics.precision_recall(*tallies)
    asked = {"labels": range(4), "average": None, "zero_division": np.nan}
    np.testing.assert_allclose(precision[0], oracle.precision_score(truth, guess, **asked))
    np.testing.assert_allclose(recall[0], oracle.recall_score(truth, guess, **asked))
    np.testing.assert_allclose(metrics.class_f1(targets, probabilities, one)[0], oracle.f1_score(truth, guess, **asked))
    np.testing.assert_array_equal(
        metrics.confusion(targets, probabilities), oracle.confusion_matrix(truth, guess, labels=range(4))
    )


def test_soft_labels_count_as_their_largest_share():
    targets = np.array([[0.7, 0.3], [0.4, 0.6]])
    assert metrics.score(metrics.accuracy, targets, np.array([[0.9, 0.1], [0.9, 0.1]])) == 0.5


def test_weights_are_repetitions():
    targets, probabilities, weights = world(1, multi=True)
    counts = weights[0].astype(int)
    for metric in metrics.MULTI_LABEL.values():
        twice = metric(np.repeat(targets, counts, 0), np.repeat(probabilities, counts, 0), np.ones((1, counts.sum())))
        assert metric(targets, probabilities, weights[:1])[0] == pytest.approx(twice[0])
