"""Made pictures have the size, the type and the label they should, are checked, and are the same for the same seed."""

import numpy as np
import pytest

from tilth.augment.at_random import Named, Rand, Trivial
from tilth.augment.making import Draw, Making, Verdict
from tilth.augment.operation import Move
from tilth.augment.turns import plan
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

STEPS = [Trivial(), Rand(), Named(composed=0.5)]


def of_pictures(pictures, suffix=".png"):
    samples, contents = [], {}
    for number, shown in enumerate(pictures):
        content = picture.encode(shown, suffix=suffix)
        path = f"train/x/{number}{suffix}"
        sample = Sample(raw_id(digest_bytes(content), path), digest_bytes(content), path, number % 2)
        samples.append(sample)
        contents[sample.id] = content
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("even", "odd")))
    return data, MemoryRun(contents)


def shapes(count, side_px=24, **how):
    rng = np.random.default_rng(0)
    return of_pictures([worlds.draw("cross", rng, side_px=side_px, **how) for _ in range(count)])


def added(step, data, run, extra):
    return list(step.augment(data, Signals(), run, budget=len(data.open) + extra))


def rotating(parent, ordinal, rng):
    return Draw(parent, ordinal, (Move("rotate", float(rng.uniform(0.2, 1))),), parent.label)


def making(data, run, times, drawing=rotating, **how):
    turns = plan(data, times * len(data), run.rng("turns"), balance=False, most=times)
    return list(Making("augment.test", "key", drawing, **how).made(data, turns, run))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_keeps_the_contract(step):
    check_step(step)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads_and_the_company(step):
    world = worlds.photos(40, side_px=20, test_share=0)
    runs = [world.run(seed=3) for _ in range(2)]
    runs[0].threads, runs[1].threads = 1, 4
    first, second = (added(step, world.data, run, 40) for run in runs)
    assert [(add, add.content) for add in first] == [(add, add.content) for add in second]
    few = world.data.only(world.data.ids[::2])
    known = {add.id: add.content for add in first}
    again = [add for add in added(step, few, world.run(seed=3), 20) if add.id in known]
    assert len(again) > 3
    assert all(known[add.id] == add.content for add in again)
    other = added(step, world.data, world.run(seed=4), 40)
    assert [add.content for add in first] != [add.content for add in other]


def test_children_are_as_large_as_their_parents_unless_told():
    rng = np.random.default_rng(0)
    data, run = of_pictures([rng.integers(0, 255, size, dtype=np.uint8) for size in ((31, 47, 1), (80, 23, 3))])
    sizes = {data[add.sample.parents[0]].path: picture.decode(add.content).shape for add in added(Rand(), data, run, 2)}
    assert sizes == {"train/x/0.png": (31, 47, 1), "train/x/1.png": (80, 23, 3)}
    small = added(Rand(side_px=20), data, run, 2)
    assert {max(picture.decode(add.content).shape) for add in small} == {20}


def test_evidence_names_the_moves_in_words_and_numbers():
    data, run = shapes(2)
    add = making(data, run, 1)[0]
    assert add.evidence["technique"] == "rotate"
    [(name, magnitude)] = add.evidence["moves"]
    assert name == "rotate" and 0.2 <= magnitude <= 1
    assert f"turned by {30 * magnitude:+.1f} degrees"[:12] in add.because
    assert add.sample.maker == "augment.test:rotate" and add.sample.path.endswith("_rotate.png")


def test_a_jpeg_gives_jpegs():
    data, run = of_pictures([worlds.draw("ring", np.random.default_rng(0), channels=3)], suffix=".jpg")
    [add] = making(data, run, 1)
    assert add.content is not None and add.content.startswith(b"\xff\xd8") and add.sample.path.endswith("_rotate.jpg")


def test_what_comes_out_unchanged_is_drawn_again_and_then_given_up():
    drawn = []

    def idle_at_first(parent, ordinal, rng):
        drawn.append(ordinal)
        return Draw(parent, ordinal, (Move("rotate", 0.0 if len(drawn) == 1 else 0.5),), parent.label)

    data, run = shapes(1)
    assert len(making(data, run, 1, idle_at_first)) == 1
    assert len(drawn) == 2
    flat, run = of_pictures([np.full((9, 9, 1), 77, np.uint8)])
    assert making(flat, run, 3) == []


def test_a_check_turns_children_away_and_leaves_its_evidence():
    seen = []

    def check(draws, children):
        seen.append(len(draws))
        return [
            Verdict(draw.moves[0].magnitude > 0.6, {"asked": child.shape[0]})
            for draw, child in zip(draws, children, strict=True)
        ]

    data, run = shapes(6)
    adds = making(data, run, 2, check=check)
    assert len(adds) > 8
    assert all(add.evidence["moves"][0][1] > 0.6 and add.evidence["asked"] == 24 for add in adds)
    assert seen[0] == 12 and seen == sorted(seen, reverse=True), "only who is missing is drawn again"
    assert making(data, run, 2, check=lambda draws, children: [Verdict(False)] * len(draws)) == []
    assert len(seen) <= 6


def test_a_drawing_may_give_another_label_or_none():
    def flipped(parent, ordinal, rng):
        return Draw(parent, ordinal, (Move("hflip", 1.0),), 1) if parent.label == 0 else None

    rng = np.random.default_rng(0)
    data, run = of_pictures([rng.integers(0, 255, (8, 9, 1), dtype=np.uint8) for _ in range(4)])
    adds = making(data, run, 1, flipped)
    assert [(data[add.sample.parents[0]].label, add.sample.label) for add in adds] == [(0, 1), (0, 1)]
    assert "more of odd" in adds[0].because
    data.apply(adds)


def test_each_step_draws_as_its_paper_says():
    data, run = shapes(8)
    assert all(len(add.evidence["moves"]) == 1 for add in added(Trivial(), data, run, 60))
    rand = [add.evidence["moves"] for add in added(Rand(count=3, strength=0.4), data, run, 30)]
    assert all(len(moves) == 3 and all(abs(share) == 0.4 for _, share in moves) for moves in rand)
    assert {share for moves in rand for _, share in moves} == {0.4, -0.4}, "both signs"
    several = [len(add.evidence["moves"]) for add in added(Named(composed=1), data, run, 60)]
    assert set(several) == {2, 3}
    names = {add.evidence["moves"][0][0] for add in added(Named(), data, run, 120)}
    assert names == {"pixel_shuffle", "pixelate", "rotate", "blur", "aspect", "noise", "barrel", "inverse_barrel"}
    assert all(0.15 <= abs(add.evidence["moves"][0][1]) <= 0.5 for add in added(Named(), data, run, 30))


def test_a_flip_has_no_strength():
    data, run = of_pictures([np.random.default_rng(0).integers(0, 255, (8, 9, 1), dtype=np.uint8)])
    adds = added(Named(operations="hflip", forbid=()), data, run, 1)
    assert adds[0].evidence["moves"] == [["hflip", 1.0]]


def test_wrong_settings_say_what_is_right():
    with pytest.raises(SettingError, match=r"augment\.trivial has no operation 'rotat'.*did you mean 'rotate'"):
        Trivial(operations=("rotat",))
    with pytest.raises(SettingError, match="count must lie within"):
        Rand(count=0)
    with pytest.raises(SettingError, match="strength must lie above 0"):
        Rand(strength=0)
    with pytest.raises(SettingError, match="composed is a share"):
        Named(composed=2)
    with pytest.raises(SettingError, match="no operation is left"):
        Named(operations=("hflip",))
    with pytest.raises(SettingError, match="side_px must be at least 8"):
        Trivial(side_px=2)


def test_texts_are_refused():
    world = worlds.utterances(10)
    with pytest.raises(StepError, match=r"augment\.text"):
        added(Trivial(), world.data.open, world.run(), 5)
