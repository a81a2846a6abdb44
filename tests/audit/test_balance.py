"""Balance counts the classes of train and says which are short, empty or alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.audit.balance import Balance, effective_classes
from tilth.dataset import Dataset, Schema
from tilth.sample import Label, Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun


def dataset(labels: list[Label], *, task="single-label", split="train", names=("a", "b", "c")) -> Dataset:
    samples = [Sample(raw_id("0", str(row)), "0", str(row), label, split) for row, label in enumerate(labels)]
    return Dataset.from_samples(samples, Schema("image", task, names))


def detected(data: Dataset):
    return Balance().detect(data, Signals(), MemoryRun())


def test_keeps_the_contract():
    check_step(Balance(), world=worlds.photos(60, imbalance=0.1))


def test_even_classes_are_no_finding():
    assert detected(dataset([0, 1, 2] * 5)) == []


def test_uneven_classes_are_counted():
    (finding,) = detected(dataset([0] * 9 + [1] * 9 + [2] * 3 + [None]))
    assert finding.ids == () and finding.kind == "imbalance" and 0 < finding.severity < 0.5
    assert finding.evidence["counts"] == {"train": {"a": 9, "b": 9, "c": 3}}
    assert (finding.evidence["rarest"], finding.evidence["most_frequent"]) == ("c", "a")
    assert finding.evidence["ratio"] == pytest.approx(1 / 3, abs=1e-6) and finding.evidence["unlabelled"] == 1
    assert "c has 3 train samples" in finding.why


def test_empty_and_single_classes_are_named():
    (finding,) = detected(dataset([0] * 5 + [1]))
    assert finding.severity == 1.0 and finding.evidence["empty"] == ["c"] and finding.evidence["single"] == ["b"]
    assert "no sample of c" in finding.why and "only one of b" in finding.why


def test_a_class_that_only_valid_has_is_empty():
    data = dataset([0] * 5, names=("a", "b"))
    data = Dataset.from_samples([*data, Sample("f" * 16, "0", "v", 1, "valid")], data.schema)
    (finding,) = detected(data)
    assert finding.evidence["empty"] == ["b"] and finding.evidence["counts"]["valid"] == {"a": 0, "b": 1}


def test_multi_label_counts_each_class():
    (finding,) = detected(dataset([frozenset({0, 1})] * 6 + [frozenset({2})] * 2, task="multi-label"))
    assert finding.evidence["counts"]["train"] == {"a": 6, "b": 6, "c": 2}


@pytest.mark.parametrize("data", [dataset([]), dataset([], names=()), dataset([0, 0], names=("a",))])
def test_none_and_one_class_are_no_traceback(data):
    assert len(detected(data)) <= 1


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_effective_classes_lie_between_one_and_all(tally):
    found = effective_classes(np.array(tally))
    filled = sum(count > 0 for count in tally)
    assert (found == 0) if not filled else 1 - 1e-9 <= found <= filled + 1e-9
    assert effective_classes(np.full(len(tally), 7)) == pytest.approx(len(tally))
