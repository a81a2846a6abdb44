"""KNN-Shapley is the Shapley value of the nearest-neighbour vote, by enumeration, with its axioms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from games import RUN, clouds, sample, separation, several, world
from tilth.errors import SettingError, StepError
from tilth.numerics.semivalues import exact, size_weights
from tilth.signal import Array, Signal
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.value.knn_shapley import KnnShapley, agreement, knn_shapley
from tilth.value.sides import mean_value


def vote(matches: Array, neighbors: int, members: Array) -> float:
    """The utility of the game, from its definition: the share of K votes that fit; matches (n,) from near to far."""
    return float(matches[members][:neighbors].sum() / neighbors)


def by_enumeration(matches: Array, neighbors: int) -> Array:
    return exact(lambda members: vote(matches, neighbors, members), size_weights(len(matches), "shapley"))


MATCHES = st.lists(st.sampled_from([0.0, 1.0, 0.25]), min_size=1, max_size=8).map(np.array)


@given(MATCHES, st.integers(1, 10))
def test_the_recursion_is_the_shapley_value(matches: Array, neighbors: int) -> None:
    found = knn_shapley(matches[None], np.array([len(matches)]), neighbors=neighbors)[0]
    assert found == pytest.approx(by_enumeration(matches, neighbors), abs=1e-12)


@given(MATCHES, st.integers(1, 10), st.integers(0, 8))
def test_who_does_not_play_gets_nothing_and_changes_nothing(matches: Array, neighbors: int, players: int) -> None:
    players = min(players, len(matches))
    found = knn_shapley(matches[None], np.array([players]), neighbors=neighbors)[0]
    assert (found[players:] == 0).all()
    if players:
        assert found[:players] == pytest.approx(by_enumeration(matches[:players], neighbors), abs=1e-12)


@given(MATCHES, st.integers(1, 10))
def test_values_add_up_to_the_vote_of_all(matches: Array, neighbors: int) -> None:
    found = knn_shapley(matches[None], np.array([len(matches)]), neighbors=neighbors)
    assert found.sum() == pytest.approx(vote(matches, neighbors, np.ones(len(matches), bool)))


def test_each_judge_is_a_game_of_its_own() -> None:
    rng = np.random.default_rng(0)
    matches, players = rng.integers(0, 2, (9, 7)).astype(float), rng.integers(1, 8, 9)
    together = knn_shapley(matches, players, neighbors=3)
    for row in range(9):
        alone = knn_shapley(matches[row : row + 1], players[row : row + 1], neighbors=3)[0]
        assert together[row] == pytest.approx(alone)


@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from(["euclidean", "cosine"]))
def test_the_step_is_the_game_on_distances_with_ties_by_id(seed: int, neighbors: int, metric: str) -> None:
    rng = np.random.default_rng(seed)
    n, m = 6, 3
    points = rng.integers(1, 3, (n + m, 2)).astype(float)  # few places: many are equally far
    labels = rng.integers(0, 2, n + m).tolist()
    samples = [sample(row, labels[row], split="train" if row < n else "valid") for row in range(n + m)]
    data, signals = world(samples, points, classes=2)
    signal = KnnShapley(neighbors=neighbors, metric=metric).value(data, signals, RUN)
    at = {one.id: (points[row], labels[row]) for row, one in enumerate(samples)}
    for column, judge in enumerate(signal.meta["judges"]):
        order = sorted(signal.ids.tolist(), key=lambda id: (round(far(at[id][0], at[judge][0], metric), 9), id))
        fits = np.array([float(at[id][1] == at[judge][1]) for id in order])
        expected = dict(zip(order, by_enumeration(fits, neighbors), strict=True))
        assert signal.values[:, column] == pytest.approx([expected[id] for id in signal.ids.tolist()], abs=1e-6)


def far(a: Array, b: Array, metric: str) -> float:
    if metric == "cosine":
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(((a - b) ** 2).sum())


def test_twins_are_worth_the_same_beyond_the_last_vote() -> None:
    """Symmetry: two players of one label that change places change no coalition's vote, wherever they stand together."""
    matches = np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    found = knn_shapley(matches[None], np.array([5]), neighbors=2)[0]
    assert found[0] == pytest.approx(found[1])
    assert found[2] == pytest.approx(found[3])


def test_one_that_never_fits_and_never_shuts_out_is_worth_nothing() -> None:
    """Null player: with as many votes as players nobody is shut out, and a wrong label adds nothing."""
    found = knn_shapley(np.array([[1.0, 0.0, 1.0]]), np.array([3]), neighbors=3)[0]
    assert found == pytest.approx([1 / 3, 0, 1 / 3])


def test_several_labels_are_the_mean_of_the_games_of_the_classes() -> None:
    data, signals = several(20, 5)
    pair_values = KnnShapley(neighbors=3).value(data, signals, RUN)
    train, valid = data.train, data.valid
    points = signals["embedding"].rows(train.ids).astype(float)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    for column, judge in enumerate(pair_values.meta["judges"]):
        query = signals["embedding"].rows(np.array([judge]))[0].astype(float)
        order = np.argsort(-(points @ query), kind="stable")
        truth = valid.targets[valid.ids == judge][0]
        games = [
            knn_shapley((train.targets[order, c] == truth[c]).astype(float)[None], np.array([20]), neighbors=3)[0]
            for c in range(3)
        ]
        assert pair_values.values[order, column] == pytest.approx(np.mean(games, axis=0), abs=1e-6)


def test_soft_labels_agree_by_chance() -> None:
    assert agreement(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0], [0.2, 0.8]]), multi=False) == pytest.approx(0.5)


def test_finds_planted_wrong_labels_which_harm() -> None:
    data, signals, bad = clouds(wrong=15)
    signal = KnnShapley().value(data, signals, RUN)
    assert signal.values.shape == (150, 45) and signal.better == "higher"
    values = mean_value(signal)
    assert separation(values, signal.ids, bad) > 0.97
    assert values[np.isin(signal.ids, list(bad))].mean() < 0 < values.mean()


def test_the_mean_is_the_mean_of_the_matrix_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data, signals, _ = clouds()
    whole = KnnShapley().value(data, signals, RUN)
    monkeypatch.setattr("tilth.value.knn_shapley._BLOCK_ENTRIES", 1000)
    mean = KnnShapley(matrix_up_to=150 * 45 - 1).value(data, signals, RUN)
    assert mean.values.shape == (150,)
    assert mean.values == pytest.approx(mean_value(whole), abs=1e-6)


def test_nobody_judges_itself_or_its_copy() -> None:
    data, signals, bad = clouds(60, 0, wrong=6)
    samples = list(data)
    twin = sample(900, samples[0].label, content=int(samples[0].content, 16))
    points = signals["embedding"].rows(np.array([*(one.id for one in samples), samples[0].id]))
    data, signals = world([*samples, twin], points)
    signal = KnnShapley(against="train").value(data, signals, RUN)
    values = signal.values
    assert values.shape == (61, 61) and (np.diag(values) == 0).all()
    pair = np.isin(signal.ids, [samples[0].id, twin.id])
    assert (values[np.ix_(pair, pair)] == 0).all()
    assert separation(mean_value(signal), signal.ids, bad) > 0.95
    # Each column is the game of the others alone: without the judge and its copy the values are the same.
    judge = samples[5].id
    column = values[:, signal.ids == judge][:, 0]
    valid = [one if one.id != judge else sample(5, one.label, split="valid") for one in data]
    apart, seen = world(valid, signals["embedding"].rows(data.ids))
    game = KnnShapley().value(apart, seen, RUN)
    assert game.values[:, 0] == pytest.approx(column[np.isin(signal.ids, game.ids)], abs=1e-6)


def test_a_single_train_sample_that_only_it_could_judge_is_worth_nothing() -> None:
    data, signals = world([sample(0, 1)], np.ones((1, 2)))
    assert KnnShapley(against="train").value(data, signals, RUN).values.tolist() == [[0.0]]


def test_features_can_be_asked_in_place_of_the_embedding() -> None:
    data, signals, _ = clouds()
    features = Signal("features", signals["embedding"].ids, signals["embedding"].values.copy())
    step = KnnShapley(signal="features")
    assert step.needs == ("features",) and KnnShapley.needs == ("embedding",)
    there = type(signals)({"features": features})
    assert np.array_equal(step.value(data, there, RUN).values, KnnShapley().value(data, signals, RUN).values)


def test_keeps_the_contract() -> None:
    check_step(KnnShapley(), world=worlds.photos(60, wrong=4, copies=2, valid_share=0.2))
    check_step(KnnShapley(against="train"), world=worlds.photos(40, copies=3))
    check_step(KnnShapley(against="train"), world=worlds.multi_label(40))


def test_errors_say_what_to_do() -> None:
    data, signals, _ = clouds(m=0)
    with pytest.raises(StepError, match=r"split 'valid', and it has no labelled samples(.|\n)*against = \"train\""):
        KnnShapley().value(data, signals, RUN)
    broken = signals["embedding"].values.copy()
    broken[3] = np.nan
    there = signals.with_(Signal("embedding", signals["embedding"].ids, broken))
    with pytest.raises(StepError, match="not finite in 1 of 150"):
        KnnShapley(against="train").value(data, there, RUN)
    flat = signals.with_(Signal("embedding", signals["embedding"].ids, np.ones(150)))
    with pytest.raises(StepError, match="rows are no vectors"):
        KnnShapley(against="train").value(data, flat, RUN)
    with pytest.raises(SettingError, match="did you mean 'cosine'"):
        KnnShapley(metric="cosin")
    with pytest.raises(SettingError, match="neighbors must be at least 1, found 0"):
        KnnShapley(neighbors=0)
