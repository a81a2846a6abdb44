"""Intervals of shares, and how many findings that nobody planted are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics.reliability import interval, likely_own


def test_the_interval_is_wilsons() -> None:
    assert interval(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Newcombe 1998, the Wilson score by hand
    assert interval(0, 0) == (0.0, 1.0) and interval(0, 20)[0] == 0.0


@given(st.integers(1, 500), st.data())
def test_the_share_lies_within_its_interval(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = interval(hits, of)
    assert 0 <= low <= hits / of <= high + 1e-12 <= 1 + 1e-9


@pytest.mark.parametrize("own", [0, 60, 200])
def test_own_faults_are_told_from_false_alarms_by_their_severities(own: int) -> None:
    rng = np.random.default_rng(own)
    fault = lambda n: np.clip(rng.normal(0.8, 0.15, n), 0.01, 1)  # noqa: E731
    alarms = np.clip(rng.normal(0.4, 0.1, 300), 0.01, 0.7)
    others = np.concatenate([fault(own), alarms])
    found = likely_own(np.unique(others), fault(200), others)
    assert own * 0.85 <= found <= own * 1.4 + 25


def test_without_planted_faults_nothing_is_said_of_the_others() -> None:
    assert likely_own(np.array([0.5]), np.array([]), np.array([0.5])) == 0
    assert likely_own(np.array([0.5]), np.zeros(20), np.full(20, 0.5)) == 0
