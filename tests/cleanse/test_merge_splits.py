"""Merging of splits: every sample of one goes into another, and the sealed one stays sealed."""

import pytest

from tilth.cleanse.merge_splits import MergeSplits
from tilth.edit import Move
from tilth.errors import SettingError
from tilth.signal import Signals
from tilth.testing.contract import check_step
from tilth.testing.worlds import photos


def test_keeps_the_contract():
    check_step(MergeSplits())


def test_every_valid_sample_goes_into_train_and_no_other():
    data = photos(40, wrong=0, copies=0, near=0, junk=0).data
    ids = set(data.ids[:10].tolist())
    split = data.apply([Move(id, "valid", "to judge") for id in sorted(ids & set(data.train.ids.tolist()))])
    judges = set(split.valid.ids.tolist())
    assert judges
    edits = MergeSplits().cleanse(split.open, [], Signals({}))
    assert {edit.id for edit in edits} == judges
    merged = split.apply(edits)
    assert not len(merged.valid)
    assert merged.version == data.version


@pytest.mark.parametrize("wrong", [{"split": "test"}, {"into": "test"}, {"split": "train"}])
def test_a_sealed_or_the_same_split_is_refused(wrong):
    with pytest.raises(SettingError):
        MergeSplits(**wrong)
