"""No class loses more than it may: the first edits stand, later ones that would cross the cap do not."""

from __future__ import annotations

import numpy as np

from tilth.cleanse.floors import within_caps
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Relabel
from tilth.sample import Sample


def shelf(*labels, task="single-label"):
    samples = [Sample(f"{at:016x}", f"{at:032x}", f"{at}.png", label) for at, label in enumerate(labels)]
    return Dataset.from_samples(samples, Schema("image", task, ("a", "b")))


def test_the_first_edits_stand_until_the_cap_of_their_class():
    data = shelf(0, 0, 0, 1, 1)
    ids = data.ids.tolist()
    edits = [
        Drop(ids[2], "x"),
        Relabel(ids[3], 1, 0, "x"),
        Relabel(ids[0], 0, 1, "x"),
        Drop(ids[1], "x"),
        Drop(ids[4], "x"),
    ]
    assert within_caps(data, edits, most=np.array([2, 1])) == edits[:3]
    assert within_caps(data, edits, most=np.array([0.9, 5])) == [edits[1], edits[4]]


def test_a_class_that_stays_on_its_sample_loses_nothing():
    both, one = frozenset({0, 1}), frozenset({0})
    data = shelf(both, both, task="multi-label")
    ids = data.ids.tolist()
    edits = [Relabel(id, both, one, "x") for id in ids]
    assert within_caps(data, edits, most=np.array([0, 1])) == edits[:1]
    assert within_caps(data, [Drop(ids[0], "x")], most=np.array([0, 1])) == []
