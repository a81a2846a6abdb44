"""Outliers are found where they are planted, hardly anywhere else, and never twice."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tilth.audit.outliers import Outliers, measure, outlier_scores
from tilth.dataset import Dataset, Schema
from tilth.errors import SettingError
from tilth.sample import TEST, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import World, utterances


@cache
def texts(junk: int, wrong: int = 0) -> tuple[World, Signals]:
    """A world of sentences with its embedding and cross-fitted probabilities."""
    from tilth.learn.crossfit import crossfit

    world = utterances(400, junk=junk, wrong=wrong, test_share=0.1, seed=3)
    run, data = world.run(), world.data.open
    embedding = run.embed("embed.text", data)
    probabilities, *_ = crossfit(run.step("learn.text-linear"), data, run, folds=3, seed=0)
    return world, Signals({"embedding": embedding}).with_(probabilities)


def clusters(
    n: int = 300, strange: int = 20, *, multi: bool = False, seed: int = 0
) -> tuple[Dataset, Signals, set[str]]:
    """Three classes as bundles of directions, and samples that point anywhere; the truth beside them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    features = np.zeros((n, 12))
    features[:, :3] = np.eye(3)[labels] * 3
    features += rng.normal(0, 0.25, features.shape)
    features[:strange] = rng.normal(0, 1, (strange, 12))
    features[:strange, :3] = 0
    p = np.eye(3)[labels] * 0.85 + 0.05 + rng.random((n, 3)) * 0.02
    p[:strange] = 1 / 3
    label = (lambda c: frozenset({int(c)})) if multi else int
    samples = [Sample(raw_id(f"{row:032x}", str(row)), f"{row:032x}", str(row), label(labels[row])) for row in range(n)]
    schema = Schema("image", "multi-label" if multi else "single-label", ("a", "b", "c"))
    data = Dataset.from_samples(samples, schema)
    order = np.array([int(sample.path) for sample in data])
    embedding = Signal("embedding", data.ids, features[order].astype(np.float32))
    said = Signal("probabilities", data.ids, (p / p.sum(1, keepdims=True))[order].astype(np.float32))
    return data, Signals({"embedding": embedding}).with_(said), {sample.id for sample in samples[:strange]}


def named(found: list, kind: str = "outlier") -> set[str]:  # type: ignore[type-arg]
    return {one.ids[0] for one in found if one.kind == kind}


def test_it_keeps_the_contract_of_a_step() -> None:
    data, signals, _ = clusters()
    world = World(data, {}, {}, frozenset(), frozenset(), frozenset(), frozenset(), frozenset())
    check_step(Outliers(), world=world, signals=signals)


@pytest.mark.parametrize("multi", [False, True])
def test_finds_planted_outliers_and_few_others(multi: bool) -> None:
    data, signals, strange = clusters(multi=multi)
    found = named(Outliers().detect(data, signals, MemoryRun()))
    assert len(found & strange) >= 18 and len(found - strange) <= 3


def test_clean_data_give_next_to_none() -> None:
    counts = []
    for seed in range(6):
        data, signals, _ = clusters(strange=0, seed=seed)
        counts.append(len(named(Outliers().detect(data, signals, MemoryRun()))))
    assert np.mean(counts) <= 3 and np.median(counts) == 0


def test_words_of_no_language_rank_above_sentences() -> None:
    from sklearn.metrics import roc_auc_score

    world, signals = texts(junk=15)
    data = world.data.open
    scores = outlier_scores(data, signals)
    assert roc_auc_score(np.isin(data.ids, sorted(world.junk)), scores) > 0.95


def test_the_strangest_come_first_and_say_who_finds_them_strange() -> None:
    data, signals, _ = clusters()
    found = Outliers().detect(data, signals, MemoryRun())
    ranks = [one.evidence["rank"] for one in found]
    assert ranks == sorted(ranks) and [one.severity for one in found] == sorted(
        (o.severity for o in found), reverse=True
    )
    first = found[0].evidence
    assert set(first["witnesses"]) == set(first["alone"]) == {"neighbors", "classes", "model"}
    assert len(first["neighbors"]) == 10 and "like no class" in found[0].why


def test_a_sample_in_another_class_is_left_to_label_noise_and_not_named_twice() -> None:
    world, signals = texts(junk=0, wrong=20)
    data = world.data.open
    assert not named(Outliers().detect(data, signals, MemoryRun()), "out_of_class")
    found = Outliers(out_of_class=True).detect(data, signals, MemoryRun())
    apart = named(found, "out_of_class")
    assert len(apart & world.wrong) >= 12 and not apart & named(found)
    assert all(one.evidence["leave_to"] == "label_noise" for one in found if one.kind == "out_of_class")


def test_the_embedding_alone_ranks_them_and_is_asked_for_more_where_classes_are_few() -> None:
    data, signals, strange = clusters()
    only = Signals({"embedding": signals["embedding"]})
    scores = outlier_scores(data, only)
    assert set(data.ids[np.argsort(-scores)[:20]].tolist()) == strange
    # Of three classes one in three pieces of junk is confirmed by chance: no cut is safe at one mistake in ten.
    assert not Outliers(false_discovery=0.1).detect(data, only, MemoryRun())
    assert len(named(Outliers(false_discovery=0.5).detect(data, only, MemoryRun())) & strange) == 20


def test_a_copy_of_an_outlier_does_not_hide_it() -> None:
    data, signals, strange = clusters(strange=4)
    first = data[min(strange)]
    twin = Sample(raw_id(first.content, "twin"), first.content, "twin", first.label)
    both = Dataset.from_samples([*data, twin], data.schema)
    rows = np.array([first.id if id == twin.id else id for id in both.ids])
    signals = Signals({kind: Signal(kind, both.ids, one.rows(rows).copy()) for kind, one in signals.items()})
    scores = dict(zip(both.ids.tolist(), outlier_scores(both, signals), strict=True))
    usual = [scores[id] for id in data.ids.tolist() if id not in strange]
    assert min(scores[first.id], scores[twin.id]) > max(usual)


def test_other_splits_are_neighbours_and_are_not_judged() -> None:
    data, signals, _ = clusters()
    some = np.arange(len(data)) % 2 == 0
    samples = [
        Sample(one.id, one.content, one.path, one.label, "label_book" if book else "train")
        for one, book in zip(data, some, strict=True)
    ]
    split = Dataset.from_samples(samples, data.schema)
    assert np.isnan(outlier_scores(split, signals)[some]).all()
    said = measure(split, signals, neighbors=10, splits=("train",))
    assert set(said.nearest.ravel()) & set(split.ids[some].tolist())


def test_few_samples_are_told_and_nothing_is_said() -> None:
    data, signals, _ = clusters(n=12, strange=0)
    run = MemoryRun()
    assert Outliers().detect(data, signals, run) == [] and "too few" in run.lines[0]
    nobody = data.where(data.splits == TEST)
    assert Outliers().detect(nobody, signals, run) == []


@pytest.mark.parametrize("wrong", [{"false_discovery": 0.0}, {"false_discovery": 1.0}, {"neighbors": 0}])
def test_a_setting_out_of_range_is_told(wrong: dict[str, float]) -> None:
    data, signals, _ = clusters()
    with pytest.raises(SettingError, match="false_discovery lies"):
        Outliers(**wrong).detect(data, signals, MemoryRun())  # type: ignore[arg-type]
