"""Reach and edge cases: planted strangers are far, a split of the same data is not, copies count as nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.numerics.edge_cases import edge_cases
from tilth.numerics.reach import own_distances, reach, usual_distance


def clouds(rng, n=200, k=4, d=16):
    labels = np.arange(n) % k
    points = np.eye(d)[labels] * 5 + rng.normal(size=(n, d)) * 0.5
    return points.astype(np.float32), np.eye(k, dtype=bool)[labels]


def test_samples_of_the_same_kind_are_mostly_covered():
    points, members = clouds(np.random.default_rng(0))
    found = reach(points[:50], members[:50], points[50:], members[50:], share=0.9)
    assert (found.ratio > 1).mean() < 0.25
    assert (members[50:][found.nearest] & members[:50, None]).any(2).all()


def test_strangers_are_not():
    points, members = clouds(np.random.default_rng(0))
    strange = points[:10].copy()
    strange[:, 8:] += 5
    found = reach(strange, members[:10], points[50:], members[50:], share=0.9)
    assert (found.ratio > 1.5).all()


def test_a_class_that_train_has_not_is_infinitely_far():
    points, members = clouds(np.random.default_rng(0))
    kept = ~members[50:, 2]
    found = reach(points[:50], members[:50], points[50:][kept], members[50:][kept], share=0.9)
    assert np.isinf(found.ratio[members[:50, 2]]).all() and (found.nearest[members[:50, 2]] == -1).all()
    assert np.isfinite(found.ratio[~members[:50, 2]]).all()


def test_of_several_labels_the_nearest_counts():
    points, members = clouds(np.random.default_rng(0))
    both = members[:10].copy()
    both[:, 3] = True
    found = reach(points[:10], both, points[50:], members[50:], share=0.9)
    alone = reach(points[:10], members[:10], points[50:], members[50:], share=0.9)
    assert (found.ratio <= alone.ratio + 1e-9).all()


def test_copies_are_no_neighbours():
    points = np.array([[1, 0], [1, 0], [0, 1], [0, 1.0]], np.float32)
    assert own_distances(points) == pytest.approx(np.full(4, np.sqrt(2)), abs=1e-5)
    assert np.isnan(own_distances(points[:1])).all()


def test_a_small_class_leans_on_the_others():
    whole = np.ones(300)
    assert usual_distance(np.full(2, 9.0), whole, 0.9) < 2 < usual_distance(np.full(500, 9.0), whole, 0.9)
    assert usual_distance(np.zeros(0), whole, 0.9) == 1


# -- edge cases -----------------------------------------------------------------------------------------------


def with_edges(seed=0, edges=8):
    """Clouds, samples moved aside within their own class, and samples that lie among another class."""
    rng = np.random.default_rng(seed)
    points, members = clouds(rng, 400)
    points[:edges, 8:] += rng.normal(size=(edges, 8)).astype(np.float32) * 1.6
    wrong = np.arange(edges, 2 * edges)
    members[wrong] = np.roll(members[wrong], 1, axis=1)
    return points, members, np.arange(edges), wrong


def test_planted_edge_cases_are_found_and_wrong_labels_are_none():
    points, members, edges, wrong = with_edges()
    found = edge_cases(points, members, neighbors=10, agree=0.6, far=0.9)
    assert found.found[edges].mean() > 0.8
    assert not found.found[wrong].any()
    assert found.found.mean() < 0.15


def test_fewer_are_found_where_more_must_be_nearer():
    points, members, *_ = with_edges()
    loose, strict = (edge_cases(points, members, neighbors=10, agree=0.6, far=far).found for far in (0.8, 0.95))
    assert strict.sum() < loose.sum() and not (strict & ~loose).any()


def test_an_edge_case_with_a_copy_is_still_one():
    points, members, edges, _ = with_edges()
    rows = np.append(np.arange(len(points)), edges)
    found = edge_cases(points[rows], members[rows], neighbors=10, agree=0.6, far=0.9)
    alone = edge_cases(points, members, neighbors=10, agree=0.6, far=0.9)
    assert (found.found[len(points) :] == found.found[edges]).all()
    assert found.found[edges].sum() >= alone.found[edges].sum() - 1


def test_too_few_samples_have_no_edge():
    for n in (0, 1, 2):
        points, members = clouds(np.random.default_rng(0), max(n, 1))
        assert not edge_cases(points[:n], members[:n], neighbors=10, agree=0.6, far=0.9).found.any()
