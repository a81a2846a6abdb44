"""Crops come with their whole, in evidence and in words; one whole stays where its crops go."""

from __future__ import annotations

import numpy as np
import pytest

from measured import cluttered, signals_of, world_of
from tilth.audit.duplicates import Duplicates
from tilth.cleanse.duplicates import SettleDuplicates
from tilth.edit import Drop
from tilth.numerics import picture
from tilth.numerics.crop_candidates import candidates
from tilth.numerics.crops import Crops

IMAGES = cluttered(60, side_px=64)


def crop(image, left=3, top=2, right=61, bottom=60):
    return picture.resize(image[top:bottom, left:right], *image.shape[:2])


def detected(world, **settings):
    return Duplicates(**settings).detect(world.data.open, signals_of(world), world.run())


def at(world, row):
    return next(sample.id for sample in world.data if sample.path == f"{row:04}.png")


def test_a_crop_is_a_near_duplicate_and_the_evidence_says_of_what():
    world = world_of([*IMAGES, crop(IMAGES[7])], [0] * 61)
    (finding,) = detected(world)
    whole, part = at(world, 7), at(world, 60)
    assert finding.kind == "near_duplicate" and set(finding.ids) == {whole, part}
    (shown,) = finding.evidence["crop"].values()
    assert list(finding.evidence["crop"]) == [part] and shown["of"] == whole
    assert abs(shown["share"] - (58 / 64) ** 2) < 0.02
    assert np.allclose(shown["window"], [3 / 64, 2 / 64, 61 / 64, 60 / 64], atol=0.01)
    assert finding.why == "0060.png is a crop of 0007.png, 82% of it."


def test_it_can_be_switched_off():
    world = world_of([*IMAGES, crop(IMAGES[7])], [0] * 61)
    assert detected(world, crops=False) == []


def test_several_crops_of_one_picture_are_one_finding():
    parts = [crop(IMAGES[7]), crop(IMAGES[7], 0, 0, 56, 58), crop(IMAGES[7], 8, 6, 64, 64)]
    world = world_of([*IMAGES, *parts], [0] * 63)
    (finding,) = detected(world)
    assert set(finding.evidence["crop"]) == {at(world, 60 + row) for row in range(3)}
    assert finding.why.startswith("3 pictures are crops of 0007.png")


def test_a_crop_with_another_label_is_a_contradiction():
    world = world_of([*IMAGES, crop(IMAGES[7])], [0] * 60 + [1])
    near, against = detected(world)
    assert near.kind == "near_duplicate" and against.kind == "contradiction" and near.ids == against.ids
    assert against.evidence["exact"] is False and against.evidence["crop"] == near.evidence["crop"]


def test_copies_of_the_whole_and_of_the_crop_are_of_the_group():
    world = world_of([*IMAGES, IMAGES[7], crop(IMAGES[7]), crop(IMAGES[7])], [0] * 63)
    finding = next(finding for finding in detected(world) if finding.kind == "near_duplicate")
    assert set(finding.ids) == {at(world, row) for row in (7, 60, 61, 62)}
    assert len(finding.evidence["identical"]) == 2 and len(finding.evidence["crop"]) == 2


def test_small_pictures_are_not_compared():
    images = cluttered(40, side_px=32)
    assert detected(world_of([*images, crop(images[3], 2, 2, 31, 30)], [0] * 41)) == []


def test_the_whole_stays_whatever_the_names():
    world = world_of([crop(IMAGES[7]), *IMAGES], [0] * 61)  # the crop is the first by path
    findings, signals = detected(world), signals_of(world)
    (edit,) = SettleDuplicates(near="drop").cleanse(world.data.open, findings, signals)
    assert isinstance(edit, Drop) and edit.id == at(world, 0)
    assert SettleDuplicates().cleanse(world.data.open, findings, signals) == []


def test_a_crop_of_a_crop_goes_with_the_whole_where_that_is_known():
    from tilth.audit.crops import by_whole

    found = Crops(np.array([0, 1, 0]), np.array([1, 2, 2]), np.tile([0.0, 0.9, 0.0, 0.9], (3, 1)), np.full(3, 0.01))
    assert [(whole, parts.parts.tolist()) for whole, parts in by_whole(found)] == [(0, [1, 2])]


@pytest.mark.parametrize("seed", range(3))
def test_a_crop_among_many_candidates_is_looked_at_first(monkeypatch, seed):
    """Of many pairs that are only alike, four at most are looked at first: the nearest."""
    rng = np.random.default_rng(seed)
    wholes, parts = rng.permutation(60)[:40], rng.permutation(60)[:40]
    alike = Crops(wholes, parts, np.tile([0.0, 0.9, 0.0, 0.9], (40, 1)), np.full(40, 0.1)).only(wholes != parts)

    def many(tones):
        columns = zip(vars(alike).values(), vars(candidates(tones)).values(), strict=True)
        return Crops(*(np.concatenate(column) for column in columns))

    monkeypatch.setattr("tilth.audit.crops._SAMPLE", 4)
    monkeypatch.setattr("tilth.audit.crops.candidates", many)
    (finding,) = detected(world_of([*IMAGES, crop(IMAGES[7])], [0] * 61))
    assert finding.why.startswith("0060.png is a crop of 0007.png")


def test_where_none_of_those_is_a_crop_the_log_says_that_the_others_are_left(monkeypatch):
    world = world_of(IMAGES, [0] * 60)
    alike = Crops(np.arange(30), np.arange(30, 60), np.tile([0.0, 0.9, 0.0, 0.9], (30, 1)), np.full(30, 0.1))
    monkeypatch.setattr("tilth.audit.crops._SAMPLE", 4)
    monkeypatch.setattr("tilth.audit.crops.candidates", lambda _: alike)
    run, said = world.run(), []
    monkeypatch.setattr(run, "log", said.append, raising=False)
    assert Duplicates().detect(world.data.open, signals_of(world), run) == []
    assert len(said) == 1 and "of 30 candidates" in said[0]
