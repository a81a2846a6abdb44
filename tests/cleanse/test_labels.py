"""MendLabels changes what two witnesses agree on, says why, and keeps within its caps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.cleanse.labels import MendLabels
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Relabel, Weigh
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import Label, Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step

NONE = Signals({})


def table(labels: list[Label], *, splits: list[str] | None = None, task: str = "single-label") -> Dataset:
    splits = splits or ["train"] * len(labels)
    samples = [
        Sample(raw_id(f"{n:032x}", str(n)), f"{n:032x}", str(n), label, split, home="text", text=str(n))
        for n, (label, split) in enumerate(zip(labels, splits, strict=True))
    ]
    return Dataset.from_samples(samples, Schema("text", task, ("iv", "vi", "x")))  # type: ignore[arg-type]


def row(data: Dataset, number: int) -> str:
    return next(sample.id for sample in data if sample.path == str(number))


def ballot(given: float, suggested: float, *, best: int = 0, voters: int = 10) -> dict[str, Any]:
    return {
        "given": given,
        "suggested": suggested,
        "best": best,
        "given_count": round(given * voters),
        "suggested_count": round(suggested * voters),
        "neighbors": [f"n{k}" for k in range(voters)],
    }


def finding(
    id: str,
    *,
    given: int = 1,
    suggested: int = 0,
    p: tuple[float, float] = (0.01, 0.97),
    severity: float = 0.9,
    votes: Mapping[str, Any] | None = None,
    confident: bool = True,
    class_noise: float | None = None,
    pooled: tuple[float, float] | None = None,
    true: tuple[float, float] | None = None,
) -> Finding:
    votes = {"embedding": ballot(0.0, 0.9)} if votes is None else votes
    evidence = {
        "given": given,
        "suggested": suggested,
        "given_probability": p[0],
        "suggested_probability": p[1],
        "confident": confident,
        "rank": 1,
        "of": 20,
        "votes": votes,
        **({"class_noise": class_noise} if class_noise is not None else {}),
        **({"given_pooled": pooled[0], "suggested_pooled": pooled[1]} if pooled else {}),
        **({"given_true": true[0], "suggested_true": true[1]} if true else {}),
    }
    return Finding("label_noise", (id,), severity, "because", evidence)


def mended(data: Dataset, *found: Finding, **settings: Any) -> list[Any]:
    edits = MendLabels(**settings).cleanse(data, list(found), NONE)
    data.apply(edits)
    return edits


DATA = table([1] * 20 + [0] * 20)


def test_relabels_where_model_and_neighbours_agree_and_says_so() -> None:
    (edit,) = mended(DATA, finding(row(DATA, 3)))
    assert isinstance(edit, Relabel) and (edit.old, edit.new) == (1, 0)
    assert edit.because == (
        "its 10 nearest neighbours say iv (9 of 10) and the cross-fitted model says iv (0.97 against 0.01 for vi)"
    )
    assert len(edit.evidence["votes"]["embedding"]["neighbors"]) == 10


def test_one_witness_is_none() -> None:
    assert not mended(DATA, finding(row(DATA, 3), votes={}))
    assert not mended(DATA, finding(row(DATA, 3), votes={"embedding": ballot(0, 0, voters=0)}))


def test_a_narrow_agreement_is_left_for_review() -> None:
    assert not mended(DATA, finding(row(DATA, 3), p=(0.4, 0.6)))  # margin
    assert not mended(DATA, finding(row(DATA, 3), p=(0.2, 0.7), votes={"embedding": ballot(0.2, 0.7)}))  # votes
    assert len(mended(DATA, finding(row(DATA, 3), confident=False))) == 1  # two witnesses are enough


def test_of_classes_of_a_few_nothing_is_doubted() -> None:
    data = table([1] * 19 + [0] * 20 + [1])
    found = [finding(row(data, 3)), finding(row(data, 25), given=0, suggested=1)]
    assert len(mended(data, *found, fewest=20)) == 2
    (edit,) = mended(data.only(data.ids[data.ids != row(data, 39)]), *found, fewest=20)
    assert edit.id == row(data, 25), "a class of 19"
    assert len(mended(data.only(data.ids[data.ids != row(data, 39)]), *found)) == 2
    weighed = finding(row(data, 4), votes={"embedding": ballot(0.4, 0.5)}, true=(0.6, 0.4))
    small = data.only(data.ids[data.ids != row(data, 39)])
    assert mended(data, weighed, weigh=True, fewest=20) and not mended(small, weighed, weigh=True, fewest=20)


def test_no_more_of_a_class_changes_than_may_be_wrong_within_the_error_of_the_estimate() -> None:
    doubtful = [finding(row(DATA, at), class_noise=0.08) for at in range(6)]
    assert len(mended(DATA, *doubtful)) == 4  # of 20, 1.6 are estimated, and 3.6 at the upper end
    assert not mended(DATA, finding(row(DATA, 3), class_noise=0.0))


def test_two_that_contradict_each_other_do_not_swap_their_labels() -> None:
    whole, crop = row(DATA, 3), row(DATA, 23)
    doubted = [finding(whole), finding(crop, given=0, suggested=1, votes={"embedding": ballot(0.0, 0.9, best=1)})]
    assert len(mended(DATA, *doubted)) == 2
    contradiction = Finding("contradiction", (whole, crop), 0.6, "a crop with another label")
    assert not mended(DATA, *doubted, contradiction)
    assert len(mended(DATA, doubted[0], contradiction)) == 1  # one of both is mended towards the other
    alike = finding(row(DATA, 5))
    assert (
        len(mended(DATA, doubted[0], alike, Finding("contradiction", (whole, row(DATA, 5)), 0.6, "both are iv"))) == 2
    )


def test_drops_what_neither_believes_and_nobody_can_name() -> None:
    (edit,) = mended(DATA, finding(row(DATA, 3), p=(0.05, 0.5), votes={"embedding": ballot(0.05, 0.3, best=2)}))
    assert isinstance(edit, Drop)
    assert edit.because.startswith("nobody says vi: none of its 10 nearest neighbours")
    assert "the model iv 0.50, the neighbours x" in edit.because


def test_keeps_what_one_of_both_believes() -> None:
    assert not mended(DATA, finding(row(DATA, 3), p=(0.05, 0.5), votes={"embedding": ballot(0.5, 0.3)}))
    assert not mended(DATA, finding(row(DATA, 3), p=(0.3, 0.5), votes={"embedding": ballot(0.05, 0.3)}))


def test_the_second_space_speaks_by_its_weight_in_the_pool() -> None:
    votes = {"features": ballot(0.0, 0.9), "embedding": ballot(0.5, 0.3, best=2)}
    (edit,) = mended(DATA, finding(row(DATA, 3), votes=votes, pooled=(0.1, 0.8)))
    assert isinstance(edit, Relabel)
    assert "in the model's features say iv (9 of 10) and the cross-fitted" in edit.because  # it did not say iv
    assert not mended(DATA, finding(row(DATA, 3), votes=votes, pooled=(0.35, 0.6)))


def test_where_labels_are_seldom_wrong_agreement_is_not_enough() -> None:
    doubted = finding(row(DATA, 3), true=(0.55, 0.4))
    assert isinstance(mended(DATA, doubted)[0], Relabel)
    assert not mended(DATA, doubted, sure=0.6)
    assert isinstance(mended(DATA, finding(row(DATA, 3), true=(0.3, 0.65)), sure=0.6)[0], Relabel)


def test_what_stays_weighs_as_much_as_it_is_probably_right() -> None:
    data = DATA.apply([Weigh(row(DATA, 5), 2.0, "by hand"), Weigh(row(DATA, 6), 0.0, "by hand")])
    found = [finding(row(data, at), true=(0.25, 0.4)) for at in (4, 5, 6)]
    found += [finding(row(data, 7), true=(0.1, 0.9)), finding(row(data, 8), p=(0.4, 0.6))]
    edits = mended(data, *found, sure=0.6, weigh=True)
    kinds = {edit.id: edit for edit in edits}
    assert set(kinds) == {row(data, at) for at in (4, 5, 7)}, (
        "what weighs nothing stays so; unknown odds change nothing"
    )
    assert isinstance(kinds[row(data, 7)], Relabel)
    weighed = [kinds[row(data, 4)], kinds[row(data, 5)]]
    assert [edit.weight for edit in weighed] == [0.25, 0.5]
    assert weighed[0].because == "its label vi is right with a probability of 0.25"
    assert not mended(DATA, finding(row(DATA, 4), true=(0.25, 0.4)), sure=0.6), "only where it is asked for"


def test_what_a_cap_leaves_weighs_less() -> None:
    found = [finding(row(DATA, n), severity=n / 40, true=(0.2, 0.8)) for n in range(20)]
    edits = mended(DATA, *found, most_share=0.25, weigh=True)
    assert sum(isinstance(edit, Relabel) for edit in edits) == 5
    assert sum(isinstance(edit, Weigh) for edit in edits) == 15
    assert len({edit.id for edit in edits}) == 20


def test_a_label_that_changed_since_is_not_touched() -> None:
    after = DATA.apply([Relabel(row(DATA, 3), 1, 2, "by a person")])
    assert not mended(after, finding(row(DATA, 3)))


def test_findings_of_other_kinds_and_of_dropped_samples_are_passed_over() -> None:
    other = Finding("leak", (row(DATA, 3),), 0.5, "because", {"splits": {}})
    assert not mended(DATA, other, finding("0" * 16))


def test_valid_and_hand_made_splits_are_touched_only_when_named() -> None:
    data = table([1] * 12 + [0] * 4, splits=["train"] * 4 + ["valid"] * 4 + ["label_book"] * 4 + ["train"] * 4)
    found = [finding(row(data, n)) for n in (0, 4, 8)]
    assert [edit.id for edit in mended(data, *found)] == [row(data, 0)]
    assert {edit.id for edit in mended(data, *found, splits=("train", "valid"))} == {row(data, 0), row(data, 4)}


def test_no_more_than_the_share_of_a_class_and_the_surest_first() -> None:
    found = [finding(row(DATA, n), severity=n / 40) for n in range(20)]
    edits = mended(DATA, *found, most_share=0.25)
    assert {edit.id for edit in edits} == {row(DATA, n) for n in range(15, 20)}


@given(st.lists(st.integers(0, 2), min_size=1, max_size=15), st.floats(0, 1), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_class_is_ever_emptied(labels: list[int], most_share: float, least: int) -> None:
    data = table(list(labels))
    found = []
    for number, sample in enumerate(data):
        assert isinstance(sample.label, int)
        other = (sample.label + 1) % 3
        sure = {"votes": {"embedding": ballot(0, 1, best=other)}} if number % 2 else {"p": (0.0, 0.4)}
        found.append(finding(sample.id, given=sample.label, suggested=other, **sure))
    edits = mended(data, *found, most_share=most_share, least=least)
    leaving = np.bincount([data[edit.id].label for edit in edits], minlength=3)  # type: ignore[arg-type]
    sizes = np.bincount(labels, minlength=3)
    assert (leaving <= np.floor(most_share * sizes)).all()
    assert (sizes - leaving >= np.minimum(least, sizes)).all()


def test_keeps_the_contract() -> None:
    world = worlds.photos(60, wrong=4)
    data = world.data.open
    found = []
    for id in sorted(world.wrong):
        label, truth = data[id].label, world.truth[id]
        assert isinstance(label, int) and isinstance(truth, int)
        found.append(finding(id, given=label, suggested=truth, votes={"embedding": ballot(0, 0.9, best=truth)}))
    check_step(MendLabels(), world=world, findings=found)


def multi(
    id: str, given: set[int], doubted: list[int], p: list[float], votes: list[float], true: list[float] | None = None
) -> Finding:
    evidence = {
        "given": sorted(given), "doubted": doubted, "doubted_probability": p, "confident": True,
        "votes": {"embedding": {"doubted": votes, "neighbors": ["n1", "n2"]}},
        **({"doubted_true": true, "given_true": 0.3} if true else {}),
    }  # fmt: skip
    return Finding("label_noise", (id,), 0.9, "because", evidence)


def test_of_several_labels_the_agreed_ones_are_turned_over() -> None:
    data = table([frozenset({0, 1})] * 8, task="multi-label")
    id = row(data, 2)
    (edit,) = mended(data, multi(id, {0, 1}, [0, 2], [0.05, 0.95], [0.1, 0.9]))
    assert (edit.old, edit.new) == (frozenset({0, 1}), frozenset({1, 2}))
    assert "iv out, x in of iv + vi" in edit.because
    (edit,) = mended(data, multi(id, {0, 1}, [0, 2], [0.05, 0.95], [0.1, 0.3]))
    assert edit.new == frozenset({1})


def test_of_several_labels_those_that_are_surely_wrong_are_turned_over() -> None:
    data = table([frozenset({0, 1})] * 8, task="multi-label")
    found = multi(row(data, 2), {0, 1}, [0, 2], [0.05, 0.95], [0.1, 0.9], [0.3, 0.55])
    (edit,) = mended(data, found, sure=0.6)
    assert edit.new == frozenset({1}), "of the missing one it is not sure"
    (edit,) = mended(data, found, sure=0.8, weigh=True)
    assert isinstance(edit, Weigh) and edit.weight == 0.3


def test_of_several_labels_the_last_is_never_taken() -> None:
    data = table([frozenset({0})] * 4 + [frozenset({1})] * 4, task="multi-label")
    assert not mended(data, multi(row(data, 0), {0}, [0], [0.01], [0.0]))


def test_of_several_labels_a_class_of_a_few_is_not_taken_away() -> None:
    data = table([frozenset({0, 1})] * 8 + [frozenset({0})] * 12, task="multi-label")
    found = multi(row(data, 2), {0, 1}, [0, 1], [0.05, 0.05], [0.1, 0.1])
    assert not mended(data, multi(row(data, 2), {0, 1}, [1], [0.05], [0.1]), fewest=9)
    (edit,) = mended(data, multi(row(data, 2), {0, 1}, [1], [0.05], [0.1]), fewest=8)
    assert isinstance(edit, Relabel) and edit.new == frozenset({0})
    (edit,) = mended(data, found, fewest=9)
    assert isinstance(edit, Relabel) and edit.new == frozenset({1}), "of the other, of twenty, it is"
    doubted = multi(row(data, 2), {0, 1}, [1], [0.4], [0.4], [0.4])
    assert mended(data, doubted, fewest=8, weigh=True) and not mended(data, doubted, fewest=9, weigh=True)


def test_fewest_is_at_least_one() -> None:
    with pytest.raises(SettingError, match="fewest"):
        MendLabels(fewest=0)
