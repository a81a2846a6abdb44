"""DropLeaks takes the copy in train away and touches nothing that is measured on."""

from __future__ import annotations

import pytest

from measured import signals_of
from tilth.audit.leaks import Leaks
from tilth.cleanse.leaks import DropLeaks
from tilth.dataset import Dataset, Schema
from tilth.finding import Finding
from tilth.sample import Sample
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step


def leak(splits: dict[str, str], exact: bool = True) -> Finding:
    return Finding("leak", tuple(sorted(splits)), 1.0, "test", {"splits": splits, "exact": exact})


def dataset(splits: dict[str, str], label: int = 0) -> Dataset:
    samples = [Sample(id, "0", id, label, split) for id, split in splits.items()]
    samples += [Sample(f"{n:016}", "0", f"z{n}", n % 2, "train") for n in range(6)]
    return Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b")))


A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.mark.parametrize("make", [worlds.photos, worlds.utterances])
def test_the_copies_in_train_go(make):
    world = make(100, leaks=6)
    found = Leaks().detect(world.data.open, signals_of(world), world.run())
    edits = DropLeaks().cleanse(world.data.open, found, Signals())
    assert {edit.id for edit in edits} == {train for train, _ in world.leaks}
    assert all("test" in edit.because for edit in edits)
    check_step(DropLeaks(), world=world, findings=found)


def test_valid_and_other_splits_are_never_touched():
    data = dataset({A: "train", B: "valid"})
    assert [edit.id for edit in DropLeaks().cleanse(data, [leak({A: "train", B: "valid", C: "test"})], Signals())] == [
        A
    ]
    assert DropLeaks().cleanse(data, [leak({B: "valid", C: "test"})], Signals()) == []


def test_near_copies_go_unless_told_otherwise():
    data, findings = dataset({A: "train"}), [leak({A: "train", C: "test"}, exact=False)]
    assert len(DropLeaks().cleanse(data, findings, Signals())) == 1
    assert DropLeaks(near=False).cleanse(data, findings, Signals()) == []


def test_a_sample_in_two_findings_is_dropped_once_and_one_that_is_gone_is_passed_by():
    data, findings = dataset({A: "train"}), [leak({A: "train", C: "test"}), leak({A: "train", B: "valid"})]
    assert len(DropLeaks().cleanse(data, findings, Signals())) == 1
    assert DropLeaks().cleanse(dataset({B: "valid"}), findings, Signals()) == []


def test_no_class_is_emptied():
    samples = [Sample(A, "0", "x", 0, "train"), Sample(B, "0", "y", 1, "train")]
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b")))
    assert DropLeaks().cleanse(data, [leak({A: "train", C: "test"})], Signals()) == []
