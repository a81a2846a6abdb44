"""DropOutliers drops what two pairs of eyes find strange, within its caps, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tilth.cleanse.outliers import DropOutliers
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing.contract import check_step

NONE = Signals({})


def table(n: int, *, split: str = "train") -> Dataset:
    samples = [
        Sample(raw_id(f"{row:032x}", str(row)), f"{row:032x}", str(row), row % 2, split, home="text", text=str(row))
        for row in range(n)
    ]
    return Dataset.from_samples(samples, Schema("text", "single-label", ("a", "b")))


def finding(id: str, *, severity: float = 0.8, kind: str = "outlier", **alone: float) -> Finding:
    return Finding(kind, (id,), severity, "because", {"alone": alone, "rank": 1, "of": 9})


DATA = table(200)
ID = str(DATA.ids[0])


def dropped(*found: Finding, data: Dataset = DATA, **settings: Any) -> list[str]:
    edits = DropOutliers(**settings).cleanse(data, list(found), NONE)
    assert all(isinstance(one, Drop) and one.because for one in edits)
    data.apply(edits)
    return [one.id for one in edits]


def test_it_keeps_the_contract_of_a_step() -> None:
    check_step(DropOutliers())


def test_two_pairs_of_eyes_are_needed_and_the_embedding_is_one() -> None:
    assert dropped(finding(ID, neighbors=0.001, model=0.01)) == [ID]
    assert dropped(finding(ID, classes=0.001, features=0.01)) == [ID]
    assert dropped(finding(ID, neighbors=0.001, classes=0.001, model=0.3)) == []
    assert dropped(finding(ID, features=0.001, model=0.001, neighbors=0.3)) == []


def test_what_is_hardly_strange_is_left_for_review() -> None:
    assert dropped(finding(ID, severity=0.4, neighbors=0.001, model=0.01)) == []
    assert dropped(finding(ID, neighbors=0.001, model=0.03)) == []
    assert dropped(finding(ID, neighbors=0.001, model=0.03), strict=0.05) == [ID]


def test_other_kinds_and_other_splits_are_left_alone() -> None:
    assert dropped(finding(ID, kind="out_of_class", neighbors=0.001, model=0.001)) == []
    valid = table(200, split="valid")
    assert dropped(finding(str(valid.ids[0]), neighbors=0.001, model=0.001), data=valid) == []


def test_no_class_loses_more_than_its_share_and_the_strangest_go_first() -> None:
    ids = [sample.id for sample in DATA if sample.label == 0]
    found = [finding(id, severity=0.6 + at / 1000, neighbors=0.001, model=0.001) for at, id in enumerate(ids)]
    gone = dropped(*found)
    assert len(gone) == 5 and gone == ids[:-6:-1]
    assert dropped(*found, most_share=1.0, least=10) == ids[:9:-1]


def test_a_sample_that_is_gone_is_passed_over() -> None:
    assert dropped(finding("0" * 16, neighbors=0.001, model=0.001)) == []


def test_a_setting_out_of_range_is_told() -> None:
    with pytest.raises(SettingError, match="strict, severity and most_share"):
        DropOutliers(strict=2.0).cleanse(DATA, [], NONE)
