"""A validation set out of noisy train data: clean, balanced, covering, and with no copy of it left behind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from measured import signals_of
from tilth.audit.validation_set import ValidationSet
from tilth.dataset import Dataset, Schema
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import Sample, made_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import World


def witnesses(world: World, *, seed: int = 0) -> Signals:
    """Probabilities that know the truth but for junk, and the fingerprints and embedding of the contents."""
    rng, data = np.random.default_rng(seed), world.data.open
    k = len(data.schema.classes)
    p = rng.dirichlet(np.ones(k), len(data)) * 0.3
    for row, id in enumerate(data.ids.tolist()):
        truth = world.truth.get(id)
        if truth is not None:
            p[row, sorted(truth) if isinstance(truth, frozenset) else truth] += 0.7
    if data.schema.task == "multi-label":
        p = np.where(p >= 0.7, 0.9, 0.1)
    else:
        p = p / p.sum(axis=1, keepdims=True)
    return signals_of(world).with_(Signal("probabilities", data.ids, p.astype(np.float32)))


def proposed(world: World, **settings) -> tuple[Finding, list[Finding]]:
    found = ValidationSet(**settings).detect(world.data.open, witnesses(world), world.run())
    assert found[0].kind == "validation_set"
    return found[0], found[1:]


def first_choice(candidates: list[Finding]) -> list[str]:
    return [one.ids[0] for one in candidates if not one.evidence["reserve"]]


def test_keeps_the_contract() -> None:
    world = worlds.photos(80, wrong=6, junk=3, copies=3, near=2)
    check_step(ValidationSet(per_class=4), world=world, signals=witnesses(world))


def test_what_is_proposed_is_right_balanced_and_of_train() -> None:
    world = worlds.photos(300, wrong=40, junk=10)
    summary, candidates = proposed(world, per_class=10)
    ids = first_choice(candidates)
    data = world.data
    assert len(ids) == len(set(ids)) == 40
    assert all(data[id].split == "train" and data[id].label == world.truth[id] for id in ids)
    assert set(data.only(ids).counts().values()) == {10}
    assert summary.evidence["short"] == {} and summary.evidence["purity"][0] > 0.9


def test_a_class_that_is_too_small_is_named_and_keeps_most_of_its_samples() -> None:
    world = worlds.photos(300, imbalance=0.1)
    summary, candidates = proposed(world, per_class=30)
    smallest = min(world.data.train.counts().items(), key=lambda one: one[1])
    assert smallest[0] in summary.evidence["short"] and smallest[0] in summary.why
    assert summary.evidence["counts"][smallest[0]] <= 0.3 * smallest[1]
    assert len(first_choice(candidates)) == sum(summary.evidence["counts"].values())


def test_whoever_has_a_copy_outside_of_train_or_under_another_label_is_passed_by() -> None:
    world = worlds.photos(200, leaks=20, copies=10)
    twice = sorted(world.copies)[:5]
    samples = [
        replace(one, label=(one.label + 1) % 4) if one.id in {copy for _, copy in twice} else one for one in world.data
    ]
    data = Dataset.from_samples(samples, world.data.schema)
    world = replace(world, data=data)
    _, candidates = proposed(world, per_class=30, trust=1.0, most_share=1.0)
    chosen = {one.ids[0] for one in candidates}
    assert chosen and not chosen & {train for train, _ in world.leaks}
    assert not chosen & {id for pair in twice for id in pair}


def test_each_family_of_copies_gives_one_candidate_that_names_the_others() -> None:
    world = worlds.photos(160, copies=12, near=6)
    _, candidates = proposed(world, per_class=40, trust=1.0, most_share=1.0)
    chosen = {one.ids[0]: one for one in candidates}
    for pair in world.copies | world.near:
        here = [id for id in pair if id in chosen]
        assert len(here) <= 1
        if here:
            assert set(pair) - set(here) <= set(chosen[here[0]].evidence["copies"])


def test_what_was_made_of_a_candidate_is_named_and_is_no_candidate() -> None:
    world = worlds.photos(120)
    parent = world.data.train.ids[0]
    made = Sample(
        made_id((parent,), "test", 0), "f" * 32, "made.png", world.data[parent].label, parents=(parent,), maker="test"
    )
    data = Dataset.from_samples([*world.data, made], world.data.schema)
    other = next(id for id in world.data.ids.tolist() if world.data[id].label != made.label)
    contents = {**world.contents, made.id: world.contents[other]}
    grown = replace(world, data=data, contents=contents, truth={**world.truth, made.id: made.label})
    _, candidates = proposed(grown, per_class=40, trust=1.0, most_share=1.0)
    by_id = {one.ids[0]: one for one in candidates}
    assert made.id not in by_id
    if parent in by_id:
        assert by_id[parent].evidence["made"] == [made.id]


def test_it_covers_its_class_better_than_the_surest_samples_do() -> None:
    # One class lies in two regions, and the witnesses are surer of the first.
    rng = np.random.default_rng(0)
    n = 400
    where = np.arange(n) % 4  # regions 0 and 1 are of class 0, 2 and 3 of class 1
    centres = np.eye(4) * 3
    centres[1] += np.eye(4)[0]
    centres[3] += np.eye(4)[2]
    values = (centres[where] + rng.normal(size=(n, 4)) * 0.2).astype(np.float32)
    samples = [Sample(f"{row:016x}", f"{row:032x}", str(row), int(where[row] // 2)) for row in range(n)]
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b")))
    sure = np.where(where % 2, 0.8, 0.9) + rng.random(n) * 0.05
    p = np.where(data.targets > 0, sure[:, None], 1 - sure[:, None])
    prints = np.zeros((n, 36), np.uint64)
    prints[:, 0] = np.arange(n)
    prints[:, 2:] = rng.integers(0, 2**63, (n, 34)).astype(np.uint64)
    signals = Signals(
        {
            "probabilities": Signal("probabilities", data.ids, p),
            "embedding": Signal("embedding", data.ids, values),
            "fingerprint": Signal("fingerprint", data.ids, prints),
        }
    )
    found = ValidationSet(per_class=6, trust=0.9).detect(data, signals, MemoryRun())
    rows = [int(data[id].path) for id in first_choice(found[1:])]
    assert {int(where[row]) for row in rows} == {0, 1, 2, 3}
    surest = [row for c in (0, 1) for row in sorted(np.flatnonzero(where // 2 == c), key=lambda r: -sure[r])[:6]]
    assert {int(where[row]) for row in surest} == {0, 2}


def test_a_larger_set_begins_with_the_smaller_one() -> None:
    world = worlds.photos(240, wrong=10)
    few, many = (first_choice(proposed(world, per_class=per)[1]) for per in (4, 9))
    assert set(few) <= set(many)


def test_several_labels_are_balanced_as_near_as_they_can_be() -> None:
    world = worlds.multi_label(400)
    found = ValidationSet(per_class=10, trust=1.0).detect(world.data.open, witnesses(world), world.run())
    counts = world.data.only(first_choice(found[1:])).counts()
    assert min(counts.values()) >= 10 and max(counts.values()) <= 14
    assert any(len(world.data[id].label) > 1 for id in first_choice(found[1:]))


def test_texts_have_one_too() -> None:
    world = worlds.utterances(300, wrong=15, copies=6, leaks=4)
    _, candidates = proposed(world, per_class=8)
    ids = first_choice(candidates)
    assert len(ids) == 24 and not {train for train, _ in world.leaks} & set(ids)
    assert all(world.data[id].label == world.truth[id] for id in ids)


def test_a_valid_split_that_is_there_is_not_proposed_again_nor_copied() -> None:
    world = worlds.photos(300, valid_share=0.2)
    _, candidates = proposed(world, per_class=8)
    assert all(world.data[one.ids[0]].split == "train" for one in candidates)


def test_nothing_to_choose_from_is_said_and_bad_settings_are_refused() -> None:
    world = worlds.photos(20)
    run = world.run()
    nobody = world.data.open.where(world.data.open.splits == "none")
    assert ValidationSet().detect(nobody, witnesses(world), run) == [] and "nothing to choose from" in run.lines[0]
    with pytest.raises(SettingError, match="trust 0"):
        ValidationSet(trust=0).detect(world.data.open, witnesses(world), run)


def test_where_no_label_is_trusted_it_says_so() -> None:
    world = worlds.photos(80)
    signals = witnesses(world)
    p = np.roll(signals["probabilities"].values, 1, axis=1).copy()  # the model names another class of everything
    signals = signals.with_(Signal("probabilities", signals["probabilities"].ids, p))
    found = ValidationSet().detect(world.data.open, signals, world.run())
    assert [one.kind for one in found] == ["validation_set"] and "nothing to propose" in found[0].why
