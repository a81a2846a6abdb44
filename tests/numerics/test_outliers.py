"""Distances of outliers are cross-fitted, on one scale, and cut at the rate of mistakes that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.numerics import outliers
from tilth.numerics.votes import neighbor_votes


def others(features: np.ndarray, k: int, contents: np.ndarray | None = None) -> np.ndarray:
    return neighbor_votes(features, np.zeros((len(features), 1)), neighbors=k, contents=contents).neighbors


def test_the_mean_distance_is_that_of_brute_force() -> None:
    features = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    apart = np.linalg.norm(units[:, None] - units[None], axis=2)
    expected = np.sort(apart, axis=1)[:, 1:4].mean(axis=1)
    assert outliers.mean_distance(features, others(features, 3)) == pytest.approx(expected, abs=1e-5)


def test_a_copy_does_not_bring_an_outlier_nearer() -> None:
    features = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32) * 0.1 + [3, 0, 0, 0]
    features[0] = [0, -3, 0, 0]
    alone = outliers.mean_distance(features, others(features, 5))[0]
    doubled = np.concatenate([features, features[:1]])
    names = np.array([*map(str, range(30)), "0"])
    assert outliers.mean_distance(doubled, others(doubled, 5, names))[[0, 30]] == pytest.approx([alone] * 2, abs=1e-5)


def test_what_has_no_direction_has_no_distance() -> None:
    features = np.eye(4, dtype=np.float32)
    features[2] = 0
    assert np.isnan(outliers.mean_distance(features, others(features, 2))).tolist() == [False, False, True, False]


def test_the_own_class_is_near_where_the_label_is_right_and_far_where_it_is_wrong() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 20)
    features = np.eye(3)[labels] + rng.normal(0, 0.05, (40, 3))
    labels[0] = 1
    own = outliers.own_distance(features.astype(np.float32), np.eye(2, dtype=bool)[labels], neighbors=5)
    assert own.argmax() == 0 and own[0] > 1.2 and own[1:].max() < 0.4


def test_a_class_of_one_has_nobody_to_be_near_to() -> None:
    members = np.eye(2, dtype=bool)[[0, 0, 0, 1]]
    own = outliers.own_distance(np.eye(4, dtype=np.float32), members, neighbors=2)
    assert np.isnan(own[3]) and np.isfinite(own[:3]).all()


def test_the_distance_to_class_means_counts_in_spreads_of_the_class() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(2, size=400)
    wide, narrow = rng.normal(0, 0.5, 400), rng.normal(0, 0.02, 400)
    features = np.stack([np.full(400, 2.0), np.where(labels, 1.0, -1.0) + wide * 0, wide * 0 + narrow, wide], axis=1)
    features[0], features[1] = [2, 1, 0.3, 0], [2, 1, 0, 0.3]
    apart = outliers.class_distance(features, np.eye(2, dtype=bool)[labels], np.arange(400))
    assert apart[0] > 4 * apart[1]  # as far, but along the direction in which classes are narrow


def test_no_sample_helps_to_make_the_mean_that_judges_it() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(60, 6)) + 3 * np.eye(6)[0]
    members = np.ones((60, 1), bool)
    apart = outliers.class_distance(features, members, np.arange(60))
    moved = features.copy()
    part = np.arange(60) % 5 == 0
    moved[0] = -moved[0]
    again = outliers.class_distance(moved, members, np.arange(60))
    assert again[part][1:] == pytest.approx(apart[part][1:])  # its group is judged by the others alone
    assert again[0] > apart[0]


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=40), st.floats(0.1, 50), st.floats(-100, 100))
@settings(deadline=None)
def test_the_scale_does_not_hang_on_the_unit(values: list[float], factor: float, shift: float) -> None:
    x = np.round(np.array(values), 3)
    assert outliers.standard(x * factor + shift) == pytest.approx(outliers.standard(x), abs=1e-4, rel=1e-4)


def test_what_is_unknown_or_all_alike_is_usual() -> None:
    assert outliers.standard(np.array([np.nan, 1.0, 2.0, 3.0]))[0] == 0
    assert not outliers.standard(np.full(9, 7.0)).any() and not outliers.standard(np.full(3, np.nan)).any()


def test_several_labels_are_unsure_where_none_is_likely() -> None:
    p = np.array([[0.9, 0.9], [0.1, 0.2]])
    assert outliers.uncertainty(p, multi=True) == pytest.approx([0.1, 0.8])
    assert outliers.uncertainty(np.array([[0.5, 0.5], [1.0, 0.0]]), multi=False) == pytest.approx(
        [np.log(2), 0], abs=1e-9
    )


def test_p_values_count_the_trusted_that_score_as_high() -> None:
    scores, trusted = np.array([1.0, 2.0, 3.0, 9.0, 2.0]), np.array([1, 1, 1, 0, 0], bool)
    assert outliers.conformal(scores, trusted) == pytest.approx([1, 3 / 4, 2 / 4, 1 / 4, 3 / 4])


def test_nobody_is_trusted_and_nothing_is_strange() -> None:
    assert outliers.conformal(np.arange(4.0), np.zeros(4, bool)).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_the_share_of_mistakes_is_held_and_clean_data_give_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = []
    for _ in range(60):
        scores = np.concatenate([rng.normal(size=500), rng.normal(4.5, 0.5, size=60)])
        trusted = np.arange(560) < 400
        found = outliers.discovered(outliers.conformal(scores, trusted), false_discovery=0.1)
        shares.append(found[:500].sum() / max(found.sum(), 1))
    assert np.mean(shares) < 0.1
    clean = rng.normal(size=2000)
    assert not outliers.discovered(outliers.conformal(clean, np.ones(2000, bool)), false_discovery=0.1).any()
