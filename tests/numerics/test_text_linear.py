"""The linear classifier of texts: what it learns, and that its probabilities are as often right as they say."""

import numpy as np
import pytest

from tilth.numerics.text_linear import fitted_texts


def worded(n, k, seed, *, sure=0.9):
    """Texts whose class is told by a word in most cases, and by nothing in the others."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    telling = np.where(rng.random(n) < sure, labels, rng.integers(k, size=n))
    fill = ["alpha", "beta", "gamma", "delta", "omega", "sigma"]
    texts = [f"{rng.choice(fill)} topic{'abcdefgh'[t]}word {rng.choice(fill)} {rng.choice(fill)}" for t in telling]
    return texts, np.eye(k)[labels]


def test_probabilities_are_as_often_right_as_they_say():
    texts, targets = worded(1200, 4, 0, sure=0.6)
    model = fitted_texts(texts[:600], targets[:600], multi=False)
    said = model.probabilities(texts[600:])
    right = said.argmax(1) == targets[600:].argmax(1)
    assert np.allclose(said.sum(1), 1, atol=1e-5)
    # A word is right in 0.6 + 0.4 / 4 of the cases, and no model can know better.
    assert abs(said.max(1).mean() - right.mean()) < 0.06 and abs(right.mean() - 0.7) < 0.06


def test_several_labels_have_probabilities_of_their_own():
    rng = np.random.default_rng(0)
    targets = (rng.random((400, 3)) < 0.4).astype(float)
    texts = [
        " ".join(word for word, on in zip(("rain", "bread", "train"), row, strict=True) if on) + " end"
        for row in targets
    ]
    said = fitted_texts(texts[:300], targets[:300], multi=True).probabilities(texts[300:])
    assert ((said >= 0.5) == (targets[300:] > 0)).mean() > 0.99


@pytest.mark.parametrize("multi", [False, True])
def test_classes_that_no_text_has_get_nothing(multi):
    texts, targets = worded(80, 3, 0)
    wide = np.column_stack([targets, np.zeros(80)])
    said = fitted_texts(texts, wide, multi=multi).probabilities(["alpha topicaword"])
    assert said[0, 3] == 0 and said[0].argmax() == 0
    alone = fitted_texts(texts, np.eye(3)[np.zeros(80, int)], multi=False).probabilities(["anything"])
    assert np.allclose(alone, [[1, 0, 0]])


def test_two_classes_are_told_apart():
    texts, targets = worded(60, 2, 0)
    said = fitted_texts(texts, targets, multi=False).probabilities(["topicaword", "topicbword"])
    assert said[0, 0] > 0.5 and said[1, 1] > 0.5


def test_a_shared_label_counts_as_each_of_its_classes():
    texts = ["rain"] * 40 + ["bread"] * 40 + ["both"] * 40
    targets = np.repeat([[1.0, 0.0], [0.0, 1.0], [0.7, 0.3]], 40, axis=0)
    said = fitted_texts(texts, targets, multi=False).probabilities(["rain", "bread", "both"])
    assert said[0, 0] > said[2, 0] > said[1, 0]


def test_balanced_weights_lift_a_small_class():
    rng = np.random.default_rng(0)
    texts = [f"word {'odd' if rng.random() < 0.5 else 'even'}" for _ in range(200)]
    targets = np.array(
        [[0, 1] if "odd" in text and number % 5 == 0 else [1, 0] for number, text in enumerate(texts)], float
    )
    plain, even = (fitted_texts(texts, targets, multi=False, balanced=balanced) for balanced in (False, True))
    assert even.probabilities(["word odd"])[0, 1] > plain.probabilities(["word odd"])[0, 1] + 0.1


def test_weights_say_what_counts():
    texts, targets = ["rain"] * 40 + ["rain"] * 40, np.repeat(np.eye(2), 40, axis=0)
    heavy = np.repeat([5.0, 1.0], 40)
    assert fitted_texts(texts, targets, multi=False, weights=heavy).probabilities(["rain"])[0, 0] > 0.5


def test_copies_do_not_make_it_sure_of_itself():
    texts, targets = worded(60, 3, 1, sure=0.5)
    groups = np.tile(np.arange(60), 4)
    copied = fitted_texts(texts * 4, np.tile(targets, (4, 1)), multi=False, groups=groups, strength=1.0)
    alone = fitted_texts(texts * 4, np.tile(targets, (4, 1)), multi=False, strength=1.0)
    assert copied.slope < alone.slope, "a copy on the other side of a fold is no test"


def test_nothing_to_learn_from_is_no_fault():
    said = fitted_texts(["", " "], np.eye(2), multi=False).probabilities(["anything", ""])
    assert said.shape == (2, 2) and np.isfinite(said).all()
    assert fitted_texts(["a", "b"], np.eye(2), multi=False).probabilities([]).shape == (0, 2)


def test_the_same_texts_give_the_same_machine():
    texts, targets = worded(100, 3, 0)
    first, second = (fitted_texts(texts, targets, multi=False) for _ in range(2))
    assert np.array_equal(first.weights, second.weights) and first.slope == second.slope
