"""DropWorthless drops what shows or says nothing, leaves the rest for a person, and keeps within its caps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilth.cleanse.quality import DropWorthless
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop
from tilth.finding import Finding
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing.contract import check_step
from tilth.testing.worlds import photos

NONE = Signals({})


def table(labels, *, splits=None):
    splits = splits or ["train"] * len(labels)
    samples = [
        Sample(raw_id(f"{n:032x}", str(n)), f"{n:032x}", str(n), label, split, home="text", text=str(n))
        for n, (label, split) in enumerate(zip(labels, splits, strict=True))
    ]
    return Dataset.from_samples(samples, Schema("text", "single-label", ("a", "b"))), [one.id for one in samples]


def finding(id, kind="low_information", *, worthless=True, severity=1.0):
    return Finding(kind, (id,), severity, "because.", {"worthless": worthless})


def dropped(data, found, **settings):
    edits = DropWorthless(**settings).cleanse(data, found, NONE)
    data.apply(edits)
    assert all(isinstance(edit, Drop) and edit.because for edit in edits)
    return [edit.id for edit in edits]


def test_drops_what_is_worthless_and_leaves_the_rest():
    data, ids = table([0] * 10 + [1] * 10)
    found = [finding(ids[0]), finding(ids[1], "blurred", worthless=False), finding(ids[12], "empty_text")]
    assert sorted(dropped(data, found)) == sorted([ids[0], ids[12]])


def test_kinds_that_are_named_go_too():
    data, ids = table([0] * 10)
    found = [finding(ids[1], "blurred", worthless=False, severity=0.4), finding(ids[2], "dark", worthless=False)]
    assert dropped(data, found, kinds=("blurred",)) == [ids[1]]


def test_a_finding_of_another_step_that_says_nothing_of_worth_is_left():
    data, ids = table([0] * 10)
    assert dropped(data, [Finding("label_noise", (ids[0],), 1.0, "because", {})]) == []


def test_valid_stays_unless_it_is_named():
    data, ids = table([0] * 10, splits=["valid"] * 5 + ["train"] * 5)
    assert dropped(data, [finding(ids[0])]) == []
    assert dropped(data, [finding(ids[0])], splits=("valid",), most_share=0.5) == [ids[0]]


def test_where_more_of_a_class_is_worthless_the_worst_go_and_the_rest_waits():
    data, ids = table([0] * 8 + [1] * 8)
    found = [finding(id, "noisy", severity=0.5 + at / 20) for at, id in enumerate(ids[:6])]
    assert dropped(data, found) == [ids[5], ids[4]]


def test_a_sample_that_is_named_twice_goes_once():
    data, ids = table([0] * 10)
    assert dropped(data, [finding(ids[0]), finding(ids[0], "noisy")]) == [ids[0]]


@given(st.lists(st.tuples(st.integers(0, 19), st.booleans()), max_size=40), st.floats(0, 1))
def test_no_class_is_emptied_or_loses_more_than_its_share(named, share):
    data, ids = table([0] * 15 + [1] * 5)
    gone = dropped(data, [finding(ids[at], worthless=worthless) for at, worthless in named], most_share=share)
    left = data.only(set(ids) - set(gone))
    assert min(left.counts().values()) >= 1
    assert 15 - left.counts()["a"] <= 15 * share and 5 - left.counts()["b"] <= 5 * share


def test_keeps_the_contract():
    world = photos(60, junk=2)
    found = [finding(id, "noisy") for id in sorted(world.junk)]
    check_step(DropWorthless(), world=world, findings=found)
