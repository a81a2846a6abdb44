"""Leaks finds what stands in two splits, the sealed test among them, and whom to blame."""

from __future__ import annotations

import pytest

from measured import cluttered, in_order, nearly, pairs, signals_of, world_of
from tilth.audit.leaks import Leaks
from tilth.testing import worlds
from tilth.testing.contract import check_step


@pytest.mark.parametrize("make", [worlds.photos, worlds.utterances])
def test_finds_every_planted_leak_and_nothing_else(make):
    world = make(200, leaks=8, copies=5, near=5)
    found = Leaks().detect(world.data.open, signals_of(world), world.run())
    crossing = {pair for pair in pairs(found, "leak") if len({world.data[id].split for id in pair}) > 1}
    assert crossing == in_order(world.leaks)
    assert all(finding.severity == 1.0 and finding.evidence["exact"] for finding in found)
    assert {id for finding in found for id in finding.evidence["leaking"]} == {train for train, _ in world.leaks}
    assert {
        finding.evidence["splits"][test] for finding in found for _, test in world.leaks if test in finding.ids
    } == {"test"}


def test_keeps_the_contract():
    world = worlds.photos(60, copies=2, near=2)
    check_step(Leaks(), world=world, signals=signals_of(world))


@pytest.mark.parametrize("make", [worlds.photos, worlds.utterances])
def test_clean_splits_have_none(make):
    world = make(300, valid_share=0.2)
    assert Leaks().detect(world.data.open, signals_of(world), world.run()) == []


def test_near_copies_leak_too_and_the_lower_split_is_to_blame():
    images = cluttered(40, side_px=48)
    bright = [nearly(image) for image in images[:4]]
    splits = ["test", "valid", "label_book", "train"] + ["train"] * 36 + ["train", "train", "valid", "train"]
    world = world_of([*images, *bright], [0] * 44, splits=splits)
    found = Leaks().detect(world.data.open, signals_of(world), world.run())
    told = sorted(
        (sorted(finding.evidence["splits"].values()), [world.data[id].split for id in finding.evidence["leaking"]])
        for finding in found
    )
    assert told == [
        (["label_book", "valid"], ["valid"]),
        (["test", "train"], ["train"]),
        (["train", "valid"], ["train"]),
    ]
    assert all(not finding.evidence["exact"] and 0 < finding.evidence["distance"] < 0.1 for finding in found)
    severity = {tuple(sorted(finding.evidence["splits"].values())): finding.severity for finding in found}
    assert severity["test", "train"] > severity["train", "valid"] > severity["label_book", "valid"]


def test_an_empty_dataset_has_none():
    world = worlds.photos(20)
    empty = world.data.split("none")
    signals = signals_of(world)
    none = type(signals["fingerprint"])("fingerprint", empty.ids, signals["fingerprint"].values[:0])
    assert Leaks().detect(empty, signals.with_(none), world.run()) == []
