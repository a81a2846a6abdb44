"""Statistics of label counts: each is its formula, and zero where all agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tilth.numerics.label_counts import STATISTICS, label_counts, spread


def of(counts: list[int], size: int) -> dict[str, float]:
    said = spread(np.zeros(len(counts), int), np.array(counts), np.array([size]))
    return {name: float(said[name][0]) for name in STATISTICS}


def test_counts_each_label_of_each_group() -> None:
    targets = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]], bool)
    group, label, count = label_counts(np.array([0, 0, 1, 1]), targets)
    assert list(zip(group.tolist(), label.tolist(), count.tolist(), strict=True)) == [(0, 0, 2), (0, 1, 1), (1, 2, 1)]


def test_shorts_on_one_of_two_pictures_of_one_woman() -> None:
    said = of([2, 2, 1], 2)
    assert said["variance"] == pytest.approx(2 / 9)
    assert said["std"] == pytest.approx(math.sqrt(2) / 3)
    assert said["geometric_variance"] == pytest.approx(math.exp(np.var(np.log([2, 2, 1]))))
    assert said["cubic_variance"] == pytest.approx((2 * (1 / 3) ** 3 + (2 / 3) ** 3) / 3)
    assert said["disagreement"] == pytest.approx(1 / 3)  # one label of three is on half of the pictures


def test_the_counts_of_a_plain_contradiction_are_even_and_only_disagreement_sees_it() -> None:
    said = of([1, 1], 2)
    assert said["std"] == said["variance"] == said["cubic_variance"] == 0 and said["geometric_variance"] == 1
    assert said["disagreement"] == 1


def test_a_label_that_some_lack_is_seen_where_it_is_the_only_one() -> None:
    assert of([1], 2)["disagreement"] == 1 and of([1], 2)["std"] == 0


def test_a_group_without_labels_is_at_peace() -> None:
    assert of([], 3) == {**dict.fromkeys(STATISTICS, 0.0), "geometric_variance": 1.0}


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 5))), st.data())
def test_agrees_with_the_variance_of_the_columns(targets, data) -> None:  # type: ignore[no-untyped-def]
    group = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(targets), max_size=len(targets))))
    sizes = np.bincount(group, minlength=3)
    rows, _, counts = label_counts(group, targets)
    said = spread(rows, counts, sizes)
    for at in range(3):
        own = targets[group == at].astype(float)
        tall = own.sum(0)[own.sum(0) > 0] if len(own) else np.empty(0)
        assert said["variance"][at] == pytest.approx(tall.var() if len(tall) else 0)
        assert said["std"][at] == pytest.approx(tall.std() if len(tall) else 0)
        columns = own[:, own.any(0)].var(0) if len(own) else np.empty(0)
        assert said["disagreement"][at] == pytest.approx(4 * columns.mean() if len(columns) else 0)


@given(st.integers(1, 9), st.integers(1, 6))
def test_all_are_at_rest_where_every_sample_carries_every_label(size: int, labels: int) -> None:
    said = of([size] * labels, size)
    assert said.pop("geometric_variance") == 1 and set(said.values()) == {0}
