"""Signals are read by id, and say what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.errors import StepError
from tilth.signal import Signal, Signals
from tilth.store.tables import read_signal, write_signal


@given(st.lists(st.integers(0, 999), unique=True, min_size=1), st.data())
def test_rows_come_in_the_order_asked(numbers: list[int], draw: st.DataObject) -> None:
    ids = np.array([f"{number:016x}" for number in numbers])
    signal = Signal("loss", ids, np.array(numbers, float))
    asked = draw.draw(st.lists(st.sampled_from(numbers)))
    assert signal.rows(np.array([f"{number:016x}" for number in asked], dtype="U16")).tolist() == asked


def test_a_sample_that_was_not_measured_is_named() -> None:
    signal = Signal("loss", np.array(["a" * 16]), np.zeros(1))
    assert not signal.covers(np.array(["b" * 16]))
    with pytest.raises(StepError, match=r"no row for 1 of 2 samples.*bbbb"):
        signal.rows(np.array(["a" * 16, "b" * 16]))


def test_an_absent_signal_says_which_step_gives_it() -> None:
    with pytest.raises(StepError, match=r"(?s)'embedding'.*Add a step before it.*embed\.pixels"):
        Signals()["embedding"]
    assert dict(Signals().with_(Signal("x", np.array([]), np.zeros(0)))).keys() == {"x"}


def test_values_cannot_be_changed_in_place() -> None:
    signal = Signal("loss", np.array(["a" * 16]), np.zeros(1))
    with pytest.raises(ValueError, match="read-only"):
        signal.values[0] = 1


def test_the_key_follows_the_values_and_the_facts() -> None:
    ids = np.array(["a" * 16])
    signals = [
        Signal("x", ids, np.zeros(1)),
        Signal("x", ids, np.ones(1)),
        Signal("x", ids, np.zeros(1), better="higher"),
        Signal("x", ids, np.zeros(1), "px"),
        Signal("x", ids, np.zeros(1), meta={"rules": ["hflip: * -> forbid"]}),
    ]
    assert len({signal.key for signal in signals}) == len(signals)


def test_the_key_is_the_same_once_it_was_written_and_read(tmp_path: Path) -> None:
    facts = {"judges": ("a", "b"), "slope": 0.1, "learner": {"epochs": 3}, "none": None}
    signal = Signal("x", np.array(["a" * 16]), np.zeros((1, 2)), "px", "lower", facts)
    write_signal(signal, tmp_path / "x.parquet")
    assert read_signal(tmp_path / "x.parquet").key == signal.key
