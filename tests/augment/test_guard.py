"""The label guard learns what operations make of classes, and what is made of them is checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tilth.audit.label_guard import LabelGuard
from tilth.augment.at_random import Named
from tilth.augment.fates import fates, learned
from tilth.augment.guard import Guard
from tilth.augment.made_check import made_check
from tilth.augment.operation import Move
from tilth.augment.witnesses import square
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.sample import TRAIN, Sample, raw_id
from tilth.signal import Signals
from tilth.steps import DatasetEmbedder
from tilth.testing.contract import check_declarations
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import photos, utterances

SIDE = 24
B, D, O = 0, 1, 2  # noqa: E741 - the letters they look like


def letter(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Dark on white: a stem with a bowl to its right (b), to its left (d), or a bowl alone (o)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    shown = np.full((SIDE, SIDE), 255.0)
    middle = 12 + rng.uniform(-1, 1)
    bowl = np.hypot(y - 15 - rng.uniform(-1, 1), x - middle)
    shown[np.abs(bowl - rng.uniform(3.5, 4.5)) < 1.2] = rng.uniform(0, 60)
    if kind != O:
        stem = middle - 5 if kind == B else middle + 5
        shown[(np.abs(x - stem) < 1.2) & (y > 3) & (y < 20)] = rng.uniform(0, 60)
    return np.clip(shown + rng.normal(0, 6, shown.shape), 0, 255).astype(np.uint8)[:, :, None]


def letters(each: int = 40, *, wrong: int = 0, seed: int = 0) -> tuple[Dataset, MemoryRun]:
    rng = np.random.default_rng(seed)
    samples, contents = [], {}
    for number in range(3 * each):
        kind = number % 3
        content = picture.encode(letter(kind, rng))
        key, path = digest_bytes(content), f"{number:03d}.png"
        label = (kind + 1) % 3 if number < wrong else kind
        samples.append(Sample(raw_id(key, path), key, path, label, TRAIN))
        contents[samples[-1].id] = content
    return Dataset.from_samples(samples, Schema("image", "single-label", ("b", "d", "o"))), MemoryRun(contents)


def quick(**settings) -> Guard:
    """A guard with a learner that takes a tenth of a second."""
    plain = {"learner": "learn.linear", "settings": {}, "operations": ("hflip", "invert"), "side_px": SIDE}
    return Guard(**{**plain, **settings})


def guarded(guard: Guard, data: Dataset, run: MemoryRun) -> Signals:
    return Signals({"guard": guard.measure(data, run)})


@pytest.fixture(scope="module")
def world() -> tuple[Dataset, MemoryRun, Signals]:
    data, run = letters(wrong=12)
    return data, run, guarded(quick(), data, run)


def test_the_step_keeps_the_contract_of_an_embedder():
    check_declarations(Guard())
    assert isinstance(Guard(), DatasetEmbedder)


def test_finds_that_a_mirrored_b_is_a_d_and_that_an_o_stays_an_o(world):
    data, _, signals = world
    found = learned(data, signals)
    assert [found["hflip", label].word for label in (B, D, O)] == ["becomes", "becomes", "safe"]
    assert (found["hflip", B].target, found["hflip", D].target) == (D, B)


def test_an_inverted_picture_looks_odd_and_keeps_its_meaning_for_the_witnesses_are_taught_so(world):
    data, _, signals = world
    assert "forbidden" not in [learned(data, signals)["invert", label].word for label in (B, D, O)]


def test_whoever_makes_pictures_is_told_the_label_of_the_child(world):
    data, _, signals = world
    of = fates(data, signals)
    flip, turn = Move("hflip", 1.0), Move("rotate", 0.2)
    assert (of(B, [flip]), of(D, [turn, flip]), of(O, [flip]), of(B, [turn])) == (D, B, O, B)
    assert of(B, [flip, flip]) == B
    assert of(B, [Move("vflip", 1.0)]) is None, "a flip that was not tried"
    assert of(B, [Move("hflip", 0.0)]) == B, "at 0 nothing is done"
    assert of(None, [flip]) is None and of(frozenset({B, O}), [flip]) == frozenset({D, O})
    assert of(((B, 0.25), (O, 0.75)), [flip]) == ((D, 0.25), (O, 0.75))


def test_without_the_guard_every_label_stays():
    data, _ = letters(2)
    assert fates(data, Signals())(B, [Move("hflip", 1.0)]) == B


def test_children_of_a_flip_that_swaps_two_classes_carry_the_other_label(world):
    data, run, signals = world
    step = Named(operations=("hflip",), forbid=(), balance=False, most_per_parent=1)
    adds = list(step.augment(data, signals, run, budget=len(data) + 60))
    assert len(adds) > 30
    labels = {(data[add.sample.parents[0]].label, add.sample.label) for add in adds}
    assert labels == {(B, D), (D, B), (O, O)}
    assert all({"probability", "distance"} <= add.evidence.keys() for add in adds)
    assert len(data.apply(adds)) == len(data) + len(adds)


def test_a_mirrored_letter_under_its_old_label_does_not_pass_the_check(world):
    data, run, signals = world
    judge = made_check(data, signals, run)
    rng = np.random.default_rng(9)
    parents = [id for id, label in zip(data.ids.tolist(), data.labels, strict=True) if label == B][:10]
    mirrored = [letter(D, rng) for _ in parents]
    old, new = (judge.of(mirrored, [label] * len(parents), parents, run) for label in (B, D))
    assert sum(one.passed for one in old) <= 2 and sum(one.passed for one in new) >= 9
    told = next(one for one in old if not one.passed)
    assert "taken for d" in told.why and told.probability < 0.5
    assert judge.of([], [], [], run) == []


def test_rules_of_a_person_stand_above_what_was_learned():
    data, run = letters()
    guard = quick(rules=("hflip: b <-> d", "hflip: o -> forbid", "vflip: * -> forbid", "vflip: o -> allow"))
    signals = guarded(guard, data, run)
    of, flips = fates(data, signals), Move("vflip", 1.0)
    assert (of(O, [Move("hflip", 1.0)]), of(O, [flips]), of(B, [flips])) == (None, O, None)
    assert learned(data, signals)["hflip", O].by == "rule"
    assert guard.measure(data, run).key != quick().measure(data, run).key, (
        "what is kept by the key must not outlive a rule"
    )


def test_the_finding_says_what_is_turned_and_what_is_forbidden(world):
    data, run, signals = world
    (finding,) = LabelGuard().detect(data, signals, run)
    assert finding.kind == "label_guard" and finding.ids == ()
    assert "hflip turns b into d, d into b" in finding.why
    row = finding.evidence["operations"]["hflip"]
    assert [cell["word"] for cell in row] == ["becomes", "becomes", "safe"]
    assert row[0]["target"] == "d" and row[0]["moved"] > 0.8 * row[0]["asked"]


def test_the_same_seed_gives_the_same_signal_and_another_process_would_find_the_same_witnesses(world):
    from tilth.augment import witnesses

    data, run, signals = world
    witnesses._HELD.clear()  # as in another process
    assert quick().measure(data, run).key == signals["guard"].key


def test_samples_that_are_made_or_gone_or_relabelled_since_do_no_harm(world):
    data, _, signals = world
    fewer = data.where(np.arange(len(data)) % 2 == 0)
    assert learned(fewer, signals)["hflip", B].word == "becomes"
    made = Sample("f" * 16, "f" * 32, "made.png", B, TRAIN, parents=(str(data.ids[0]),), maker="x:y", home="blob")
    assert fates(Dataset.from_samples([*data, made], data.schema), signals)(B, [Move("hflip", 1.0)]) == D


def test_made_samples_and_other_splits_are_not_asked():
    data, run = letters(12)
    table = [replace(sample, split="valid") if at % 4 == 0 else sample for at, sample in enumerate(data)]
    values = quick().measure(Dataset.from_samples(table, data.schema), run).values
    asked = values[:, 0] >= 0
    assert asked.sum() == sum(sample.split == TRAIN for sample in table)


def test_a_square_keeps_the_ratio_on_the_ground_of_the_picture():
    wide = np.full((10, 40, 1), 200, np.uint8)
    wide[4:6, 5:35] = 0
    out = square(wide, 32, 3)
    assert out.shape == (32, 32, 3) and out[0, 0, 0] == 200 and out[16, 16, 0] < 100
    assert square(np.zeros((7, 7, 3), np.uint8), 32, 1).shape == (32, 32, 1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"folds": 1}, "folds"),
        ({"per_class": 0}, "per_class"),
        ({"strengths": ()}, "strengths"),
        ({"strengths": (2.0,)}, "strengths"),
        ({"side_px": True}, "side_px"),
    ],
)
def test_settings_out_of_range_are_told(settings, told):
    with pytest.raises(SettingError, match=told):
        Guard(**settings)


def test_what_it_cannot_judge_is_told():
    data, run = letters(2)
    with pytest.raises(SettingError, match="did you mean 'hflip'"):
        quick(operations=("hflop",)).measure(data, run)
    with pytest.raises(SettingError, match="class 'x'"):
        quick(rules=("hflip: x -> forbid",)).measure(data, run)
    texts = utterances(12)
    with pytest.raises(StepError, match="texts"):
        quick().measure(texts.data, texts.run())
    one = data.where(data.labels == B)
    with pytest.raises(StepError, match="two classes"):
        quick().measure(one, run)


def test_a_learner_with_features_also_says_how_far_a_child_lies_from_real_pictures():
    world = photos(120, classes=3, seed=4)
    run = world.run()
    small = {"size_px": 16, "epochs": 2, "least_steps": 20, "precision": "fp32"}
    guard = quick(learner="learn.convnet", settings=small, operations=("hflip",), copies=0, folds=2)
    signals = guarded(guard, world.data.open, run)
    judge = made_check(world.data.open, signals, run)
    parents = judge.real.jury.ids[:5].tolist()
    own = [judge.real.jury.pictures[at] for at in range(5)]
    labels = judge.real.jury.labels[:5].tolist()
    noise = [np.random.default_rng(at).integers(0, 256, (32, 32, 1)).astype(np.uint8) for at in range(5)]
    near, far = judge.of(own, labels, parents, run), judge.of(noise, labels, parents, run)
    assert all(0 <= one.distance <= 1 for one in near), "a real picture lies no farther off than the farthest"
    assert np.mean([one.distance for one in far]) > np.mean([one.distance for one in near])
    ranks = signals["guard"].values[:, 2]
    assert ranks.max() <= 1 and (ranks >= -1).all() and (ranks >= 0).any()
