"""SettleDuplicates keeps one of each group, the right one, says why, and empties no class."""

from __future__ import annotations

import numpy as np
import pytest

from measured import signals_of
from tilth.audit.duplicates import Duplicates
from tilth.cleanse.duplicates import SettleDuplicates, by_majority, by_probability
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Relabel
from tilth.finding import Finding
from tilth.sample import Label, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step


def dataset(rows: list[tuple[str, Label, str]], *, task="single-label", fill: bool = True) -> Dataset:
    """(path, label, split) each; with three more of each class, so that no floor is touched."""
    if fill:
        more = [frozenset({c}) if task == "multi-label" else c for c in range(3) for _ in range(3)]
        rows = [*rows, *[(f"z{n}", label, split) for split in ("train", "valid") for n, label in enumerate(more)]]
    samples = [Sample(raw_id("0", split + path), "0", path, label, split) for path, label, split in rows]
    return Dataset.from_samples(samples, Schema("image", task, ("a", "b", "c")))


def settled(data, *, kind="exact_duplicate", exact=True, probabilities=None, **settings):
    """What becomes of the group of all samples whose path starts with x: path -> `dropped`, the new label or `kept`."""
    group = sorted(sample.id for sample in data if sample.path.startswith("x"))
    finding = Finding(kind, tuple(group), 0.5, "test", {"exact": exact})
    signals = Signals()
    if probabilities is not None:
        values = np.tile(np.array(probabilities, np.float32), (len(data), 1))
        signals = signals.with_(Signal("probabilities", data.ids, values))
    edits = SettleDuplicates(**settings).cleanse(data, [finding], signals)
    data.apply(edits)
    fate = {data[id].path: "kept" for id in group}
    for edit in edits:
        assert edit.because
        fate[data[edit.id].path] = "dropped" if isinstance(edit, Drop) else edit.new
    return fate


def test_keeps_the_contract():
    world = worlds.photos(60, copies=3, near=3)
    found = Duplicates().detect(world.data.open, signals_of(world), world.run())
    check_step(SettleDuplicates(near="drop"), world=world, findings=found)


def test_one_of_each_planted_pair_stays():
    world = worlds.photos(100, copies=8, near=5)
    found = Duplicates().detect(world.data.open, signals_of(world), world.run())
    edits = SettleDuplicates().cleanse(world.data.open, found, Signals())
    dropped = {edit.id for edit in edits}
    assert len(dropped) == 8 and all(len(dropped & set(pair)) == 1 for pair in world.copies)
    also = {edit.id for edit in SettleDuplicates(near="drop").cleanse(world.data.open, found, Signals())}
    assert all(len(also & set(pair)) == 1 for pair in world.near)


def test_the_first_by_path_stays():
    data = dataset([("x2", 0, "train"), ("x1", 0, "train"), ("x3", 0, "train")])
    assert settled(data) == {"x1": "kept", "x2": "dropped", "x3": "dropped"}


def test_the_one_outside_train_stays():
    data = dataset([("x1", 0, "train"), ("x2", 0, "valid"), ("x3", 0, "label_book")])
    assert settled(data) == {"x1": "dropped", "x2": "dropped", "x3": "kept"}


def test_the_labelled_one_stays():
    assert settled(dataset([("x1", None, "train"), ("x2", 1, "train")])) == {"x1": "dropped", "x2": "kept"}


def test_a_majority_of_three_is_believed():
    data = dataset([("x1", 1, "train"), ("x2", 0, "train"), ("x3", 0, "train")])
    assert settled(data) == {"x1": "dropped", "x2": "kept", "x3": "dropped"}
    assert settled(data, kind="contradiction") == settled(data)


def test_a_draw_is_known_to_nobody_and_all_go():
    data = dataset([("x1", 1, "train"), ("x2", 0, "train")])
    assert settled(data) == {"x1": "dropped", "x2": "dropped"}
    assert settled(data, contradictions="leave") == {"x1": "kept", "x2": "kept"}


@pytest.mark.parametrize(
    ("probabilities", "fate"),
    [([0.1, 0.8, 0.1], ["kept", "dropped"]), ([0.4, 0.5, 0.1], ["dropped"] * 2), ([0.05, 0.3, 0.65], ["dropped"] * 2)],
)
def test_probabilities_settle_a_draw_only_by_a_margin_and_for_a_label_that_was_given(probabilities, fate):
    data = dataset([("x1", 1, "train"), ("x2", 0, "train")])
    assert settled(data, probabilities=probabilities) == dict(zip(["x1", "x2"], fate, strict=True))


def test_probabilities_are_not_asked_when_all_are_to_go():
    data = dataset([("x1", 1, "train"), ("x2", 0, "train")])
    assert set(settled(data, probabilities=[0, 1, 0], contradictions="drop").values()) == {"dropped"}


def test_a_label_given_by_hand_is_believed_and_its_sample_is_never_touched():
    data = dataset([("x1", 1, "train"), ("x2", 1, "train"), ("x3", 0, "label_book")])
    assert settled(data) == {"x1": "dropped", "x2": "dropped", "x3": "kept"}


def test_near_copies_stay_unless_they_contradict_what_is_known():
    agreeing = dataset([("x1", 0, "train"), ("x2", 0, "train")])
    assert set(settled(agreeing, kind="near_duplicate", exact=False).values()) == {"kept"}
    assert settled(agreeing, kind="near_duplicate", exact=False, near="drop") == {"x1": "kept", "x2": "dropped"}
    draw = dataset([("x1", 0, "train"), ("x2", 1, "train")])
    assert set(settled(draw, kind="contradiction", exact=False).values()) == {"kept"}
    known = settled(draw, kind="contradiction", exact=False, probabilities=[0.9, 0.1, 0])
    assert known == {"x1": "kept", "x2": "dropped"}
    three = dataset([("x1", 0, "train"), ("x2", 1, "train"), ("x3", 0, "train")])
    assert settled(three, kind="contradiction", exact=False) == {"x1": "kept", "x2": "dropped", "x3": "kept"}


def test_multi_label_is_settled_class_by_class():
    sets = [frozenset({0, 1}), frozenset({0, 2}), frozenset({1, 0, 2})]
    data = dataset([(f"x{n}", label, "train") for n, label in enumerate(sets)], task="multi-label")
    assert settled(data) == {"x0": "dropped", "x1": "dropped", "x2": "kept"}
    sets[2] = frozenset({1, 2})  # each class has two of three votes, and no sample has all of them
    data = dataset([(f"x{n}", label, "train") for n, label in enumerate(sets)], task="multi-label")
    assert settled(data) == {"x0": frozenset({0, 1, 2}), "x1": "dropped", "x2": "dropped"}


def test_multi_label_draws_ask_the_probabilities_about_what_is_disputed():
    data = dataset([("x0", frozenset({0, 1}), "train"), ("x1", frozenset({0}), "train")], task="multi-label")
    assert settled(data, probabilities=[0.1, 0.2, 0.9]) == {"x0": "dropped", "x1": "kept"}
    assert set(settled(data, probabilities=[0.9, 0.55, 0.9]).values()) == {"dropped"}


def test_no_class_is_emptied():
    data = dataset([("x1", 0, "train"), ("x2", 1, "train"), ("y", 0, "train")], fill=False)
    assert settled(data) == {"x1": "dropped", "x2": "kept"}  # x2 is the last of its class


def test_samples_that_are_gone_are_passed_by():
    data = dataset([("x1", 0, "train")])
    finding = Finding("exact_duplicate", (data.ids[0], "f" * 16), 0.3, "test", {"exact": True})
    assert SettleDuplicates().cleanse(data, [finding], Signals()) == []


def test_the_label_of_today_counts_not_that_of_the_finding():
    data = dataset([("x1", 1, "train"), ("x2", 0, "train")])
    by_path = {sample.path: sample for sample in data}
    mended = data.apply([Relabel(by_path["x1"].id, 1, 0, "test")])
    assert settled(mended, kind="contradiction") == {"x1": "kept", "x2": "dropped"}


def test_majorities_and_margins():
    assert by_majority([(0,), (0,), (1,)], multi=False) == (0,)
    assert by_majority([(0,), (1,)], multi=False) is None
    assert by_majority([(0,), (0, 1)], multi=True) is None
    assert by_majority([(0,), (0, 1), (0, 1)], multi=True) == (0, 1)
    assert by_probability([(0,), (1,)], np.array([0.3, 0.6, 0.1]), margin=0.2, multi=False) == (1,)
    assert by_probability([(0,), (1,)], np.array([0.5, 0.5, 0.0]), margin=0.2, multi=False) is None
