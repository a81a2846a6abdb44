"""Domains: what is asked for in words is found in the data, or it is said what was asked and what there is."""

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Move
from tilth.errors import SettingError, StepError
from tilth.numerics import attributes
from tilth.sample import Sample
from tilth.signal import Signal, Signals
from tilth.synthesize.translate.domains import asked, pair_of
from tilth.testing.memory import MemoryRun
from tilth.testing.styles import styled
from tilth.testing.worlds import photos


def world(**others):
    return photos(80, classes=4, test_share=0.0, **others)


def pair(data, origin="split:train", target="", *, signals=None, run=None):
    return pair_of(data, signals or Signals(), run or MemoryRun(), origin, target)


def test_words_are_understood():
    one = asked("split:train & class:lynx & ground<.5 & slant >= -0.25")
    assert one.splits == ("train",) and one.classes == ("lynx",)
    assert one.cuts == (("ground", "<", 0.5), ("slant", ">=", -0.25))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("label_book", "names no domain; write split:NAME"),
        ("split:", "names no domain"),
        ("grond<.5", "no attribute 'grond'.*did you mean 'ground'"),
        ("ground=.5", "names no domain"),
        ("split:train &", "names no domain"),
    ],
)
def test_words_that_are_none_are_refused(words, said):
    with pytest.raises(SettingError, match=said):
        asked(words)


def test_the_target_is_the_split_that_stands_for_what_the_model_will_meet():
    data = world(valid_share=0.3).data
    found = pair(data)
    assert found.said == ("split:train", "split:valid") and found.turned is None
    assert found.target.version == data.valid.version and found.origin.version == data.train.version
    moved = data.apply([Move(id, "label_book", because="a label book") for id in data.valid.ids.tolist()])
    assert pair(moved).said[1] == "split:label_book"


def test_without_a_target_it_is_said_what_there_is():
    with pytest.raises(StepError, match=r"no target.*\n.*train \(80\).*Name one"):
        pair(world().data)


@pytest.mark.parametrize(
    ("origin", "target", "said"),
    [
        ("split:train", "split:book", r"no split 'book'.*\n.*train \(56\), valid \(24\)"),
        ("split:train", "class:circel", "no class 'circel'.*did you mean 'circle'"),
        ("class:circle & class:ring", "split:valid", "no class 'ring'"),
        ("split:valid", "class:circle", "makes train pictures of train pictures.*some of valid"),
        ("class:circle", "class:circle", "needs 8 pictures of its origin, 'class:circle', and found 0"),
        ("split:train", "split:valid & class:circle", "needs 8 pictures of its target.*found 6"),
    ],
)
def test_a_domain_that_is_not_there_is_told(origin, target, said):
    with pytest.raises(StepError, match=said):
        pair(world(valid_share=0.3).data, origin, target)


def test_what_is_in_both_belongs_to_the_target_and_a_class_turns():
    data = world().data
    found = pair(data, "split:train", "class:square")
    square = data.schema.classes.index("square")
    assert found.turned == square and (found.target.labels == square).all()
    assert not (found.origin.labels == square).any() and len(found.origin) + len(found.target) == len(data)
    one = pair(data, "class:circle", "class:square")
    assert (one.origin.labels == data.schema.classes.index("circle")).all()


def test_made_samples_and_those_of_no_weight_are_left_out():
    data = world(valid_share=0.3).data
    rows = list(data)
    schema = Schema("image", "single-label", data.schema.classes)
    first = next(one for one in rows if one.split == "train")
    made = Sample("f" * 16, digest_bytes(b"made"), "made.png", 0, parents=(first.id,), maker="augment.x:y", home="blob")
    light = Sample("e" * 16, digest_bytes(b"light"), "light.png", 0, weight=0.0)
    more = Dataset.from_samples([*rows, made, light], schema)
    assert pair(more).origin.version == pair(data).origin.version


def test_a_column_of_the_attributes_cuts_domains():
    one = styled("dark", n=60, target=8, rare=0.5, common=0.5)
    found = pair(one.world.data.open, "ground>=.5", "ground<.5", run=one.world.run())
    train = set(one.world.data.train.ids.tolist())
    assert set(found.target.ids.tolist()) == one.other & train
    assert set(found.origin.ids.tolist()) == train - one.other


def test_attributes_that_were_measured_are_not_measured_again():
    data = world().data
    values = np.zeros((len(data), len(attributes.NAMES)), np.float32)
    values[:30, attributes.NAMES.index("brightness")] = 1
    signals = Signals({"attributes": Signal("attributes", data.ids, values)})
    found = pair(data, "split:train", "brightness>.5", signals=signals)  # this run has no pictures to look at
    assert len(found.target) == 30 and len(found.origin) == 50
    cut = Signals({"attributes": Signal("attributes", data.ids, values)})
    with pytest.raises(StepError, match="found 0"):  # a picture without a drawing has no stroke
        pair(data, "split:train", "stroke<1", signals=cut)
