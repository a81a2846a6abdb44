"""The pool weighs witnesses by what they foretell."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics.pool import multi_pooled, pooled


def opinion(labels: np.ndarray, k: int, *, strength: float, rng: np.random.Generator) -> np.ndarray:
    logits = rng.normal(size=(len(labels), k))
    logits[np.arange(len(labels)), labels] += strength
    p = np.exp(logits)
    return p / p.sum(1, keepdims=True)


def loss(p: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(p[np.arange(len(labels)), labels]).mean())


@given(st.integers(0, 10**6), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_the_better_witness_weighs_more_and_the_pool_adds_up(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, 300)
    heard = [opinion(labels, k, strength=s, rng=rng) for s in (2.0, 0.5)]
    q, weights = pooled(heard, labels)
    np.testing.assert_allclose(q.sum(axis=1), 1)
    np.testing.assert_allclose(weights.sum(), 1)
    assert weights[0] > weights[1] >= 0
    np.testing.assert_allclose(q, weights[0] * heard[0] + weights[1] * heard[1])


def test_who_speaks_softly_weighs_as_much_as_who_says_the_same_aloud() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 5, 3000)
    one, other = (opinion(labels, 5, strength=2, rng=rng) for _ in range(2))
    soft = one**0.4 / (one**0.4).sum(axis=1, keepdims=True)
    _, aloud = pooled([one, other], labels)
    _, softly = pooled([soft, other], labels)
    np.testing.assert_allclose(softly, aloud, atol=0.05)
    # Without temperatures the soft one would hardly be heard.
    assert softly[0] > 0.4


def test_a_crowd_that_is_always_sure_does_not_drown_a_model_that_is_right_more_often() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 4, 4000)
    model = np.full((4000, 4), 0.2)  # right nine times of ten, and says so with .4
    model[np.arange(4000), np.where(rng.random(4000) < 0.9, labels, (labels + 1) % 4)] = 0.4
    crowd = np.eye(4)[np.where(rng.random(4000) < 0.7, labels, (labels + 2) % 4)]
    _, weights = pooled([model, crowd], labels)
    assert weights[0] > weights[1]


def test_a_witness_who_guesses_fades() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 2000)
    _, weights = pooled([opinion(labels, 4, strength=2, rng=rng), opinion(labels, 4, strength=0, rng=rng)], labels)
    assert weights[0] > 0.7 and weights[1] < 0.1


def test_one_witness_is_heard_as_it_speaks() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 200)
    p = opinion(labels, 3, strength=1.5, rng=rng)
    q, weights = pooled([p], labels)
    np.testing.assert_allclose(q, p)
    np.testing.assert_allclose(weights, [1])


def test_no_opinion_leaves_the_word_to_the_others() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 500)
    heard = [opinion(labels, 3, strength=2, rng=rng), opinion(labels, 3, strength=1, rng=rng)]
    heard[1][0] = 0
    q, _ = pooled(heard, labels)
    np.testing.assert_allclose(q[0], heard[0][0])


def test_where_nobody_has_an_opinion_all_classes_are_as_likely() -> None:
    heard = [np.array([[0.0, 0.0], [0.9, 0.1]])] * 2
    q, _ = pooled(heard, np.array([0, 0]))
    np.testing.assert_allclose(q, [[0.5, 0.5], [0.9, 0.1]])


def test_what_one_witness_finds_likely_is_not_ruled_out_by_another() -> None:
    sure = np.array([[1.0, 0.0]] * 9 + [[0.0, 1.0]])
    kind = np.array([[0.8, 0.2]] * 9 + [[0.7, 0.3]])
    q, _ = pooled([sure, kind], np.zeros(10, int))
    assert q[-1, 0] > 0.03


def test_several_labels_are_pooled_class_by_class() -> None:
    rng = np.random.default_rng(3)
    targets = (rng.random((800, 4)) < 0.3).astype(float)
    good = 1 / (1 + np.exp(-(rng.normal(size=targets.shape) + 4 * targets - 2)))
    q, weights = multi_pooled([good, rng.random(targets.shape)], targets)
    assert weights[1] < 0.2 < weights[0]
    assert ((q > 0.5) == (targets > 0)).mean() > 0.9


def test_witnesses_who_all_say_the_same_count_alike() -> None:
    labels = np.array([0, 1] * 50)
    q, weights = pooled([np.eye(2)[1 - labels] * 0.8 + 0.1] * 2, labels)
    np.testing.assert_allclose(weights, [0.5, 0.5])
    assert np.isfinite(q).all()
