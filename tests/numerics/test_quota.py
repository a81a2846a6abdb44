"""Quotas even out the classes and keep to the room."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tilth.numerics.quota import even_turns, multi_label_turns, proportional, water_fill

sizes = st.lists(st.integers(0, 40), min_size=1, max_size=8).map(np.array)


def test_the_smallest_class_is_filled_first():
    assert water_fill(np.array([5, 1, 3]), 6).tolist() == [0, 4, 2]
    assert water_fill(np.array([5, 1, 3]), 8).tolist() == [1, 5, 2]
    assert water_fill(np.array([5, 1, 3]), 0).tolist() == [0, 0, 0]


def test_a_cap_passes_its_share_on():
    assert water_fill(np.array([5, 0, 3]), 6, caps=np.array([9, 1, 9])).tolist() == [2, 1, 3]
    assert water_fill(np.array([5, 0]), 10, caps=np.array([0, 3])).tolist() == [0, 3]


@given(sizes, st.integers(0, 200), st.data())
def test_quotas_agree_with_giving_one_at_a_time(counts, room, data):
    caps = np.array(data.draw(st.lists(st.integers(0, 30), min_size=len(counts), max_size=len(counts))))
    slow, given_ = counts.copy(), np.zeros(len(counts), int)
    for _ in range(room):
        free = np.flatnonzero(given_ < caps)
        if not len(free):
            break
        at = free[np.argmin(slow[free])]
        slow[at] += 1
        given_[at] += 1
    quotas = water_fill(counts, room, caps=caps)
    assert quotas.sum() == given_.sum() <= room
    assert (quotas <= caps).all()
    # The same water level; the last, partial layer may lie elsewhere.
    assert sorted((counts + quotas).tolist()) == sorted(slow.tolist())


@given(sizes, st.integers(0, 100))
def test_more_room_never_takes_from_a_class(counts, room):
    assert (water_fill(counts, room + 1) >= water_fill(counts, room)).all()


@given(sizes, st.integers(0, 100))
def test_the_gap_between_classes_never_grows(counts, room):
    after = counts + water_fill(counts, room)
    assert np.ptp(after) <= max(np.ptp(counts), 1)


def test_members_take_turns():
    rank = np.array([3, 0, 2, 1, 4])
    rows = even_turns(rank, np.array([4, 0, 3]), [np.array([0, 1, 2]), np.array([3]), np.array([4])])
    assert rows.tolist() == [1, 2, 0, 1, 4, 4, 4]


@given(st.integers(0, 5000))
def test_multi_label_turns_lift_the_smallest_class(seed):
    rng = np.random.default_rng(seed)
    targets = rng.random((20, 4)) < np.array([0.9, 0.5, 0.2, 0.1])
    start = targets.sum(axis=0)
    rows = multi_label_turns(rng.permutation(20), targets, start, 30, most=np.full(20, 5), level=np.inf)
    assert len(rows) <= 30
    assert np.bincount(rows, minlength=20).max(initial=0) <= 5
    counts = start.astype(float)
    for row in rows:
        fillable = [c for c in range(4) if targets[:, c].any()]
        if all(np.bincount(rows, minlength=20) < 5):  # nobody used up: the smallest class that has members is served
            assert targets[row, min(fillable, key=lambda c: counts[c])]
        counts += targets[row]


def test_multi_label_turns_stop_at_the_level_asked():
    targets = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool)
    rows = multi_label_turns(np.arange(4), targets, targets.sum(axis=0), 50, most=np.full(4, 9), level=3.0)
    assert rows.tolist() == [3, 3]


@given(
    st.lists(st.sampled_from([0.0, 0.2, 1.0, 1.0, 3.0]), min_size=1, max_size=12).map(np.array),
    st.integers(0, 60),
    st.integers(1, 8),
)
def test_shares_in_proportion_agree_with_giving_one_at_a_time(weights, total, most):
    rank = np.arange(len(weights))[::-1]
    found = proportional(weights, total, rank=rank, most=most)
    slow = np.zeros(len(weights), int)
    asked = np.maximum(weights, 1e-12)
    for _ in range(min(total, most * len(weights))):
        claims = np.where(slow < most, (slow + 0.5) / asked, np.inf)
        slow[np.lexsort((rank, claims))[0]] += 1
    assert found.tolist() == slow.tolist()
