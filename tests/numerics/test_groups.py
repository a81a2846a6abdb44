"""Groups hold only members that are near each other: chains break, cliques stay whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics.groups import complete_linkage, equal_rows


def linked(points, limit):
    a, b = np.triu_indices(len(points), 1)
    distances = np.abs(points[a] - points[b])
    near = distances <= limit
    together = lambda x, y: np.abs(points[x] - points[y]) <= limit  # noqa: E731
    return complete_linkage(a[near], b[near], distances[near], together=together)


def test_a_slow_change_is_no_group():
    groups = linked(np.arange(100.0), 1.0)
    assert max(map(len, groups)) == 2 and len(groups) == 50


def test_a_clique_is_one_group():
    assert linked(np.array([0.0, 0.2, 0.4, 9.0, 9.1]), 1.0) == [[0, 1, 2], [3, 4]]


def test_no_pair_has_no_group():
    assert linked(np.empty(0), 1.0) == []


@given(st.lists(st.floats(0, 10), max_size=25), st.floats(0.1, 3))
def test_all_members_are_near_and_no_two_groups_could_be_joined(points, limit):
    points = np.array(points)
    groups = linked(points, limit)
    for group in groups:
        assert np.ptp(points[group]) <= limit and group == sorted(group)
    rows = [row for group in groups for row in group]
    assert len(rows) == len(set(rows))
    ranges = [(points[group].min(), points[group].max()) for group in groups]
    for i, (low, high) in enumerate(ranges):
        for other_low, other_high in ranges[i + 1 :]:
            assert max(high, other_high) - min(low, other_low) > limit


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=20))
def test_equal_rows_are_found_once(rows):
    values = np.array(rows, dtype=np.uint64).reshape(-1, 2)
    groups = [group.tolist() for group in equal_rows(values)]
    expected = {row: [i for i, other in enumerate(rows) if other == row] for row in rows}
    assert groups == sorted(group for group in expected.values() if len(group) > 1)
