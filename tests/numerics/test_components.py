"""Components: copies and near ones together, chains cut under complete linkage, whatever the order of the rows."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tilth.numerics.components import components, usual_threshold
from tilth.numerics.neighbors import directions
from tilth.signal import Array

BLOBS = hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.integers(0, 12))
"""Points of a coarse grid: many are equal, and many pairs are equally far."""
LINKAGES = st.sampled_from(["complete", "mutual"])


def chain(length: int, step: float = 1.0) -> Array:
    """Frames of a video: each a step beside the one before."""
    return np.arange(length, dtype=np.float32)[:, None] * step


def test_groups_are_numbered_in_the_order_of_their_first_rows_and_singletons_stand_alone() -> None:
    points = np.array([[9.0], [0.0], [5.0], [0.2], [9.1]], np.float32)
    found = components(points, threshold=0.5)
    assert found.ids.tolist() == [0, 1, 2, 1, 0]
    assert found.sizes.tolist() == [2, 2, 1, 2, 2]
    assert found.alone.tolist() == [False, False, True, False, False] and found.count == 3


def test_a_chain_is_one_component_under_mutual_and_short_groups_under_complete() -> None:
    frames = chain(60)
    assert components(frames, threshold=1.5, linkage="mutual").count == 1
    cut = components(frames, threshold=1.5)
    assert cut.sizes.max() == 2 and cut.count >= 30
    wide = components(frames, threshold=4.5)
    assert 1 < wide.sizes.max() <= 5


def test_a_crowd_of_copies_is_one_component_though_few_neighbours_are_looked_at() -> None:
    points = np.concatenate([np.zeros((200, 2)), np.full((150, 2), 1.0), np.full((1, 2), 5.0)]).astype(np.float32)
    for linkage in ("complete", "mutual"):
        found = components(points, threshold=0.1, linkage=linkage, neighbors=3)
        assert np.unique(found.sizes).tolist() == [1, 150, 200]


def test_a_crowd_of_near_ones_larger_than_the_neighbours_is_found_whole() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([centre + rng.normal(0, 0.01, (120, 8)) for centre in (0, 3)])
    assert sorted(np.bincount(components(points, threshold=1.0, neighbors=16).ids)) == [120, 120]


def test_mutual_does_not_join_what_only_one_side_counts_among_its_nearest() -> None:
    points = np.array(
        [[0.0], [0.1], [0.2], [1.0]], np.float32
    )  # the last has the third as its nearest, not so in return
    found = components(points, threshold=2.0, linkage="mutual", neighbors=1)
    assert found.ids.tolist() in ([0, 0, 1, 2], [0, 1, 1, 2])


def test_minus_zero_is_zero() -> None:
    assert components(np.array([[0.0, -0.0], [-0.0, 0.0]], np.float32), threshold=0.0).count == 1


def test_nothing_and_one_and_points_without_dimensions() -> None:
    assert components(np.empty((0, 3)), threshold=1.0).count == 0
    assert components(np.ones((1, 3))).ids.tolist() == [0]
    assert components(np.empty((3, 0)), threshold=1.0).ids.tolist() == [0, 0, 0]


@given(BLOBS, st.integers(0, 6), st.randoms(use_true_random=False), LINKAGES, st.integers(1, 20))
@settings(deadline=None)
def test_the_order_of_the_rows_changes_nothing(points, threshold, random, linkage, neighbors) -> None:  # type: ignore[no-untyped-def]
    order = np.array(random.sample(range(len(points)), len(points)))
    plain = components(points, threshold=threshold, linkage=linkage, neighbors=neighbors).ids
    mixed = components(points[order], threshold=threshold, linkage=linkage, neighbors=neighbors).ids
    together = plain[:, None] == plain[None]
    assert ((mixed[:, None] == mixed[None]) == together[np.ix_(order, order)]).all()


@given(BLOBS, st.integers(0, 6), st.integers(1, 20))
@settings(deadline=None)
def test_every_two_of_a_complete_component_are_near(points, threshold, neighbors) -> None:  # type: ignore[no-untyped-def]
    ids = components(points, threshold=threshold, neighbors=neighbors).ids
    for group in range(ids.max() + 1):
        for a, b in combinations(points[ids == group], 2):
            assert np.linalg.norm(a - b) <= threshold + 1e-5


@given(BLOBS, st.integers(0, 6))
@settings(deadline=None)
def test_mutual_with_all_neighbours_is_what_hangs_together(points, threshold) -> None:  # type: ignore[no-untyped-def]
    ids = components(points, threshold=threshold, linkage="mutual", neighbors=len(points)).ids
    near = np.linalg.norm(points[:, None] - points[None], axis=2) <= threshold + 1e-5
    reach = near
    for _ in range(6):  # 2^6 steps: more than there are points
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    assert (reach == (ids[:, None] == ids[None])).all()


@given(BLOBS, LINKAGES)
@settings(deadline=None)
def test_ids_are_without_gaps_and_sizes_count_them(points, linkage) -> None:  # type: ignore[no-untyped-def]
    found = components(points, linkage=linkage)
    assert np.unique(found.ids).tolist() == list(range(found.count))
    assert (np.diff(np.unique(found.ids, return_index=True)[1]) > 0).all()
    assert (np.bincount(found.ids)[found.ids] == found.sizes).all()


def test_the_usual_threshold_parts_pairs_from_strangers() -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(300, 32))
    points = np.repeat(centres, 3, axis=0) + rng.normal(0, 0.05, (900, 32))
    found = components(points)
    assert (found.ids == np.repeat(np.arange(300), 3)).all()
    assert found.threshold == pytest.approx(usual_threshold(points), rel=0.05)
    assert components(points * 1000).threshold == pytest.approx(1000 * found.threshold, rel=1e-4)


def test_the_distance_of_directions_is_that_of_the_angle() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(50, 7)) * rng.uniform(0.1, 9, (50, 1))
    unit = directions(points)
    cosine = 1 - (points @ points.T) / np.outer(*[np.linalg.norm(points, axis=1)] * 2)
    assert np.allclose(np.linalg.norm(unit[:, None] - unit[None], axis=2) ** 2 / 2, cosine, atol=1e-5)
    assert (directions(np.zeros((1, 3))) == 0).all()
