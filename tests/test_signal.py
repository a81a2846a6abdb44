"""Signals are read by id, and say what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.errors import StepError
from tilth.signal import Signal, Signals


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


def test_the_key_follows_the_values() -> None:
    ids = np.array(["a" * 16])
    assert Signal("x", ids, np.zeros(1)).key != Signal("x", ids, np.ones(1)).key
