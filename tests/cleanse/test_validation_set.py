"""Moving a validation set out of train: what goes, what goes along, and what stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tilth.cleanse.validation_set import BuildValidationSet
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Move
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import Sample, made_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step

IDS = [f"{at:016x}" for at in range(10)]
MADE = made_id((IDS[0],), "test", 0)


def dataset() -> Dataset:
    samples = [Sample(id, id * 2, f"{at}.png", at % 2) for at, id in enumerate(IDS)]
    samples.append(Sample(MADE, "0" * 32, "made.png", 0, parents=(IDS[0],), maker="test"))
    return Dataset.from_samples(samples, Schema("image", "single-label", ("even", "odd")))


def candidate(at: int, rank: int, *, per_class: int = 1, copies: tuple[int, ...] = (), made: tuple[str, ...] = ()):
    evidence = {
        "rank": rank, "reserve": False, "classes": [at % 2], "per_class": per_class, "belief": 0.9, "probability": 0.9,
        "votes": {"embedding": 1.0}, "copies": [IDS[other] for other in copies], "made": list(made),
    }  # fmt: skip
    return Finding("validation_candidate", (IDS[at],), 0.05, "all say so.", evidence)


def edits(findings: list[Finding], data: Dataset | None = None, **settings) -> dict[str, type]:
    found = BuildValidationSet(**settings).cleanse(data or dataset(), findings, Signals())
    assert len({one.id for one in found}) == len(found)
    return {one.id: type(one) for one in found}


def test_keeps_the_contract() -> None:
    world = worlds.photos(60)
    ids = world.data.train.ids.tolist()[:8]
    found = [
        replace(candidate(0, at), ids=(id,), evidence={**candidate(0, at).evidence, "classes": [world.data[id].label]})
        for at, id in enumerate(ids)
    ]
    check_step(BuildValidationSet(), world=world, findings=found)


def test_as_many_of_each_class_as_were_asked_for_in_the_order_of_choice() -> None:
    found = [candidate(2, 2), candidate(0, 1), candidate(1, 3), candidate(3, 4)]
    assert edits(found) == {IDS[0]: Move, IDS[1]: Move}
    assert all(one.split == "valid" for one in BuildValidationSet().cleanse(dataset(), found, Signals()))


def test_copies_leave_train_and_so_does_what_was_made() -> None:
    found = [candidate(0, 1, copies=(2, 4), made=(MADE,))]
    assert edits(found) == {IDS[0]: Move, IDS[2]: Drop, IDS[4]: Drop, MADE: Drop}
    assert edits(found, copies="move") == {IDS[0]: Move, IDS[2]: Move, IDS[4]: Move, MADE: Drop}


def test_another_finding_makes_room_for_the_next_candidate() -> None:
    found = [candidate(0, 1), candidate(2, 2)]
    doubt = Finding("label_noise", (IDS[0],), 0.9, "doubted")
    assert edits([*found, doubt]) == {IDS[2]: Move}
    assert edits([*found, replace(doubt, severity=0.1)]) == {IDS[0]: Move}
    assert edits([*found, replace(doubt, kind="exact_duplicate")]) == {IDS[0]: Move}


def test_a_sample_that_was_relabelled_dropped_or_moved_since_is_passed_by() -> None:
    from tilth.edit import Relabel

    found = [candidate(0, 1), candidate(2, 2), candidate(4, 3), candidate(6, 4)]
    changed = dataset().apply([Relabel(IDS[0], 0, 1, "x"), Drop(IDS[2], "x"), Move(IDS[4], "label_book", "x")])
    assert edits(found, changed) == {IDS[6]: Move}


def test_a_class_keeps_its_last_samples() -> None:
    data = dataset().only([IDS[0], IDS[2], IDS[1]])
    assert edits([candidate(1, 1)], data) == {}
    assert edits([candidate(0, 1, per_class=5), candidate(2, 2, per_class=5)], data) == {IDS[0]: Move}
    assert edits([candidate(0, 1, copies=(2,))], data) == {}


def test_a_word_that_is_neither_drop_nor_move_is_refused() -> None:
    with pytest.raises(SettingError, match='"drop" or "move"'):
        edits([candidate(0, 1)], copies="keep")
