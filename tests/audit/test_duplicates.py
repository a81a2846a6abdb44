"""Duplicates finds every planted copy and near copy, calls contradictions by name, and lets no chain become a group."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from measured import cluttered, in_order, pairs, signals_of, world_of
from tilth.audit.duplicates import Duplicates
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Relabel
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.worlds import World

DATA = Path(os.environ.get("TILTH_DATA") or Path(__file__).parents[3] / "shared" / "data")


def detected(world: World, **settings):
    return Duplicates(**settings).detect(world.data.open, signals_of(world), world.run())


@pytest.mark.parametrize("make", [worlds.photos, worlds.utterances])
def test_keeps_the_contract(make):
    world = make(60, copies=3, near=2)
    check_step(Duplicates(), world=world, signals=signals_of(world))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side_px", [32, 64])
def test_finds_every_planted_copy_and_near_copy_of_pictures(channels, side_px):
    world = worlds.photos(200, copies=9, near=12, channels=channels, side_px=side_px)
    findings = detected(world)
    assert pairs(findings, "exact_duplicate") == in_order(world.copies)
    assert pairs(findings, "near_duplicate") == in_order(world.near)
    assert not [finding for finding in findings if finding.kind == "contradiction"]


def test_finds_every_planted_copy_and_near_copy_of_texts():
    world = worlds.utterances(300, copies=9, near=12)
    findings = detected(world)
    assert pairs(findings, "exact_duplicate") == in_order(world.copies)
    assert pairs(findings, "near_duplicate") == in_order(world.near)


@pytest.mark.parametrize("make", [worlds.photos, worlds.utterances])
def test_finds_nothing_in_clean_data(make):
    assert detected(make(300)) == []


def test_a_contradiction_names_the_labels_and_the_majority():
    image, other = cluttered(2, side_px=32)
    finding = next(
        f for f in detected(world_of([image, image, image, other], [0, 1, 1, 2])) if f.kind == "contradiction"
    )
    assert finding.severity == 1.0 and finding.evidence["exact"] is True and finding.evidence["majority"] == 1
    assert sorted(finding.evidence["labels"].values()) == [[0], [1], [1]]
    assert "a (1)" in finding.why and "b (2)" in finding.why


def test_near_copies_that_contradict_are_a_lesser_contradiction():
    world = worlds.photos(100, near=4)
    near = sorted(world.near)[0]
    old = world.data[near[1]].label
    data = world.data.apply([Relabel(near[1], old, 1 - min(1, old), "test")])
    found = Duplicates().detect(data.open, signals_of(world), world.run())
    (finding,) = [finding for finding in found if finding.kind == "contradiction"]
    assert set(finding.ids) == set(near) and finding.severity < 1 and finding.evidence["exact"] is False
    assert finding.evidence["majority"] is None


def test_a_sample_without_a_label_contradicts_nobody():
    image, other = cluttered(2, side_px=32)
    found = detected(world_of([image, image, other], [0, None, 1]))
    assert [finding.kind for finding in found] == ["exact_duplicate"]


def test_sets_that_differ_contradict_in_multi_label():
    world = worlds.multi_label(120, contradictions=7)
    found = [finding for finding in detected(world) if finding.kind == "contradiction"]
    assert {finding.ids for finding in found} == in_order(world.copies)
    assert all(finding.evidence["exact"] for finding in found)


def test_frames_of_a_slow_film_do_not_become_one_group():
    first, last = (image.astype(float) for image in cluttered(2, side_px=48))
    frames = [(first + (last - first) * step / 60).astype(np.uint8) for step in range(61)]
    images = [*frames, *cluttered(60, side_px=48, seed=9)]
    groups = [
        finding.ids for finding in detected(world_of(images, [0] * len(images))) if finding.kind == "near_duplicate"
    ]
    assert 4 <= len(groups) and max(map(len, groups)) < 20


def test_a_near_group_holds_the_identical_ones_too():
    world = worlds.photos(100, near=1)
    (original, near), data = *(sorted(world.near)[0],), world.data
    again = Sample("0" * 16, data[original].content, "again.png", data[original].label)
    data = Dataset.from_samples([*data, again], data.schema)
    contents = {**world.contents, again.id: world.contents[original]}
    nothing = frozenset()
    grown = World(data, contents, {}, nothing, nothing, nothing, nothing, nothing)
    (finding,) = [finding for finding in detected(grown) if finding.kind == "near_duplicate"]
    assert set(finding.ids) == {original, near, again.id}
    assert finding.evidence["identical"] == [sorted([original, again.id])]


def test_what_augmentation_makes_is_no_near_copy():
    images = cluttered(30, side_px=48)
    bright = (images[0] * 0.95).astype(np.uint8)
    found = lambda parents: detected(world_of([*images, bright], [0] * 31, parents=parents))  # noqa: E731
    assert len(found({})) == 1 and found({30: 0}) == []


def test_an_empty_dataset_has_none():
    world = worlds.photos(20)
    assert Duplicates().detect(world.data.split("none"), signals_of(world), world.run()) == []


@pytest.mark.data
@pytest.mark.slow
def test_the_animals_have_all_their_groups(tmp_path):
    source = DATA / "animals" / "animals-training-set.tar"
    if not source.exists():
        pytest.skip("animals/animals-training-set.tar is not beside the project (TILTH_DATA)")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    listing = next(tmp_path.rglob("data-labels.json"))
    labels = {key: int(np.argmax(row)) for key, row in json.loads(listing.read_text()).items()}
    expected = defaultdict(list)  # an answer of its own: md5 of what Pillow decodes
    contents, samples = {}, []
    for file in sorted((listing.parent / "imgs").iterdir()):
        content, label = file.read_bytes(), labels[file.stem]
        digest = digest_bytes(content)
        samples.append(Sample(raw_id(digest, file.name), digest, file.name, label))
        contents[samples[-1].id] = content
        expected[hashlib.md5(picture.decode(content).tobytes()).digest()].append((samples[-1].id, label))
    data = Dataset.from_samples(samples, Schema("image", "single-label", tuple("0123456789")))
    nothing = frozenset()
    world = World(data, contents, {}, nothing, nothing, nothing, nothing, nothing)
    begun = time.process_time()
    signals = signals_of(world)
    middle = time.process_time()
    found = Duplicates().detect(data, signals, world.run())
    print(f"signals {middle - begun:.1f} s, duplicates {time.process_time() - middle:.1f} s of CPU")
    groups = [group for group in expected.values() if len(group) > 1]
    exact = {finding.ids for finding in found if finding.kind == "exact_duplicate"}
    assert exact == {tuple(sorted(id for id, _ in group)) for group in groups} and len(exact) == 334
    against = {finding.ids for finding in found if finding.kind == "contradiction" and finding.evidence["exact"]}
    assert against == {tuple(sorted(id for id, _ in g)) for g in groups if len({label for _, label in g}) > 1}
    assert len(against) == 244
    assert sum(finding.kind == "near_duplicate" for finding in found) > 800
    assert time.process_time() - middle < 15
