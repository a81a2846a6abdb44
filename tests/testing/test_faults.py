"""Faults are planted in a copy: as many as asked, where they can be, known by name, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.dataset import Dataset
from tilth.numerics import picture
from tilth.sample import TEST
from tilth.testing.faults import FAULTS, Fault, Planted, plant
from tilth.testing.worlds import World, multi_label, photos, utterances

PLAIN = [one for one in FAULTS if one.by != "audit.quality"]


def planted(
    world: World, faults: list[Fault] = PLAIN, *, share: float = 0.05, seed: int = 0, **more: object
) -> Planted:
    data = world.data
    likeness = np.random.default_rng(5).random((len(data), len(data.schema.classes)))
    run = world.run()
    return plant(
        data,
        faults,
        read=lambda one: next(iter(run.contents(data.only([one.id])))),
        share=share,
        rng=np.random.default_rng(seed),
        likeness=likeness,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def world() -> World:
    return photos(400, valid_share=0.1, seed=4)


def changed(before: Dataset, after: Dataset) -> tuple[set[str], set[str]]:
    """Ids that are new or carry another label, and ids that are gone."""
    old = {one.id: one.label for one in before}
    new = {one.id: one.label for one in after}
    return {id for id, label in new.items() if old.get(id, -1) != label}, set(old) - set(new)


def test_everything_that_changed_is_a_fault_and_is_named_once(world: World) -> None:
    found = planted(world)
    named = [id for ids in found.faults.values() for id in ids]
    assert len(named) == len(set(named)) and set(named) == changed(world.data, found.data)[0]
    assert set(found.contents) <= set(named)
    assert {name: len(ids) for name, ids in found.faults.items()} == {
        one.name: 10 if one.by == "audit.label_noise" else 13 for one in PLAIN
    }  # a twentieth of 260 train samples; ten at least


def test_the_same_seed_plants_the_same(world: World) -> None:
    assert planted(world).data.version == planted(world).data.version != planted(world, seed=1).data.version


def test_the_original_is_as_it_was_and_the_sealed_split_only_grows(world: World) -> None:
    before = world.data.version
    found = planted(world)
    assert world.data.version == before
    assert set(world.data.split(TEST).ids.tolist()) <= set(found.data.split(TEST).ids.tolist())


def test_wrong_labels_are_wrong_and_the_nearest_class_is_taken(world: World) -> None:
    data, likeness = world.data, np.zeros((len(world.data), 4))
    likeness[:, 2] = 1
    likeness[:, 1] = 0.5
    run = world.run()
    read = lambda one: next(iter(run.contents(data.only([one.id]))))  # noqa: E731
    found = plant(data, PLAIN[:2], read=read, share=0.1, rng=np.random.default_rng(0), likeness=likeness)
    for id in found.faults["wrong label, nearest class"]:
        assert found.data[id].label == (1 if data[id].label == 2 else 2)
    anywhere = [found.data[id].label for id in found.faults["wrong label, any class"]]
    assert all(found.data[id].label != data[id].label for id in found.faults["wrong label, any class"])
    assert len(set(anywhere)) > 2


def test_copies_are_copies_and_leaks_cross_a_split(world: World) -> None:
    found = planted(world)
    contents = {one.content: one for one in world.data}
    for name in ("exact copy", "copy with another label", "copy in valid or test"):
        for id in found.faults[name]:
            copy = found.data[id]
            original = contents[copy.content]
            assert (copy.label == original.label) is (name != "copy with another label")
            assert (copy.split != original.split) is (name == "copy in valid or test")
    assert not {found.data[id].content for id in found.faults["near copy"]} & set(contents)


def test_what_is_spared_is_not_touched(world: World) -> None:
    spare = frozenset(world.data.train.ids[::2].tolist())
    found = planted(world, spare=spare)
    assert not (changed(world.data, found.data)[0] | changed(world.data, found.data)[1]) & spare


def test_never_more_than_half_is_planted_upon() -> None:
    world = photos(90, seed=1)
    found = planted(world, share=0.25)
    assert sum(map(len, found.faults.values())) <= len(world.data.train) / 2


def test_what_cannot_be_planted_leaves_the_others_theirs() -> None:
    world = photos(200, test_share=0.0, seed=2)  # no split to leak into
    found = planted(world)
    assert not found.faults["copy in valid or test"] and len(found.faults["exact copy"]) == 10
    one_class = photos(200, classes=1, seed=2)
    found = planted(one_class)
    assert not found.faults["wrong label, any class"] and len(found.faults["near copy"]) == 10


def test_junk_text_has_the_words_of_others() -> None:
    world = utterances(300, seed=1)
    found = planted(world)
    words = {word for one in world.data for word in (one.text or "").split()}
    texts = {one.text for one in world.data}
    for id in found.faults["junk"]:
        text = found.data[id].text
        assert text and set(text.split()) <= words and text not in texts


def test_of_several_labels_one_is_exchanged() -> None:
    world = multi_label(300, seed=0)
    found = planted(world)
    for name in ("wrong label, any class", "wrong label, nearest class"):
        assert found.faults[name]
        for id in found.faults[name]:
            old, new = world.data[id].label, found.data[id].label
            assert isinstance(old, frozenset) and isinstance(new, frozenset) and new and len(old ^ new) in (1, 2)


@pytest.mark.parametrize("fault", [one for one in FAULTS if one.by == "audit.quality"], ids=lambda one: one.name)
def test_spoiled_pictures_are_what_they_are_called(world: World, fault: Fault) -> None:
    found = planted(world, [fault])
    assert found.faults[fault.name]
    usual = [picture.decode(content).astype(float) for content in list(world.contents.values())[:30]]
    edges = np.median([np.abs(np.diff(one, axis=0)).mean() for one in usual])
    for id in found.faults[fault.name]:
        shown = picture.decode(found.contents[id]).astype(float)
        edge = np.abs(np.diff(shown, axis=0)).mean()
        told = {
            "dark": shown.mean() < 40,
            "bright": shown.mean() > 220,
            "blurred": edge < edges,
            "noisy": edge > 2 * edges,
            "low_information": shown.std() == 0,
        }
        assert told[fault.kind]
