"""The step: train pictures in the style of the target, each behind the judge, with its lineage; and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.sample import made_id
from tilth.signal import Signals
from tilth.synthesize.translate.domains import pair_of
from tilth.synthesize.translate.learning import Domain
from tilth.synthesize.translating import labels_of, teach, usual_side
from tilth.synthesize.translation import Translation
from tilth.testing import worlds
from tilth.testing.contract import check_declarations, check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.styles import styled

JUDGE = {"learner": "learn.linear", "settings": {}, "folds": 2}
QUICK = Translation(steps=3, batch=4, side_px=16, width=4, critic_width=4, **JUDGE)


def quick_run(world, seed=0):
    run = world.run(seed=seed)
    run.threads = 1
    return run


def asked(step, data, run, *, budget=None):
    return list(step.augment(data, Signals(), run, budget=budget or len(data.open) + 40))


# -- what it makes --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    """Dark drawings on light ground, taken to others like them: little more is to be learned than to draw what is there."""
    one = styled("dark", n=120, target=120, rare=0.0, common=0.0, side_px=24).world
    run = quick_run(one)
    step = Translation(steps=150, batch=8, side_px=32, width=8, critic_width=8, rate=2e-3, average=0.95, **JUDGE)
    return one, run, step, asked(step, one.data, run)


@pytest.mark.slow
def test_what_passes_carries_its_lineage(made):
    one, run, _, adds = made
    assert len(adds) >= 20, run.lines
    after = one.data.apply(adds)
    assert len(after) == len(one.data) + len(adds)
    for add in adds:
        parent = one.data[add.sample.parents[0]]
        assert add.sample.maker == "synthesize.translation:fastcut" and add.sample.split == "train"
        assert add.sample.label == parent.label and add.sample.home == "blob"
        assert add.sample.path == parent.path.replace(".png", "_fastcut.png")
        assert add.evidence["origin"] == "split:train" and add.evidence["target"] == "split:valid"
        assert 0 < add.evidence["probability"] <= 1 and 0 <= add.evidence["distance"] <= 1
        shown, original = picture.decode(add.content), next(run.images(one.data.only([parent.id])))
        assert shown.shape == original.shape and not np.array_equal(shown, original)
        assert parent.path in add.because and "split:valid" in add.because
    assert len({add.sample.parents for add in adds}) == len(adds)


@pytest.mark.slow
def test_the_second_time_nothing_is_taught(made):
    one, run, step, adds = made
    before = len(run.lines)
    again = asked(step, one.data, run)
    assert [add.content for add in again] == [add.content for add in adds]
    assert len(run.lines) == before + 1 and "were taken for their class" in run.lines[-1]


@pytest.mark.slow
def test_another_run_of_the_same_seed_makes_the_same_bytes(made):
    one, _, step, adds = made
    other = asked(step, one.data, quick_run(one))
    assert [(add.id, add.content, add.evidence) for add in other] == [
        (add.id, add.content, add.evidence) for add in adds
    ]


@pytest.mark.slow
def test_on_its_own_result_it_turns_to_parents_that_had_no_turn(made):
    one, run, step, adds = made
    after = one.data.apply(adds)
    more = asked(step, after, run, budget=len(after) + 10)
    assert not {add.sample.parents for add in more} & {add.sample.parents for add in adds}
    after.apply(more)


@pytest.mark.slow
def test_short_classes_are_filled_first(made):
    one, run, step, _ = made
    labels = one.data.train.labels
    keep = (labels != 0) | (np.cumsum(labels == 0) <= 10)
    fewer = one.data.train.where(keep).merged(one.data.valid)
    found = asked(step, fewer, run, budget=len(fewer) + 8)
    assert found and all(add.sample.label == 0 for add in found[:1])


def test_what_has_lost_its_class_never_comes_in():
    one = styled("dark", n=60, target=80, rare=0.0, common=1.0, side_px=24).world
    run = quick_run(one)
    assert asked(QUICK, one.data, run) == []  # after three steps it draws grey fog, which the judge takes for combs
    said = run.lines[-1]
    assert "made 0 pictures" in said and "the judge was taught on the target" in said
    assert "beyond chance, less than 0.4: nothing more comes in" in said


def test_no_room_costs_no_training():
    one = styled("dark", n=30, target=20, rare=0.0, common=1.0, side_px=24).world
    run = quick_run(one)
    assert asked(QUICK, one.data, run, budget=len(one.data.open)) == [] and not run.lines


def test_a_class_that_turns_makes_the_label_of_the_target():
    one = worlds.photos(90, classes=3, test_share=0.0, side_px=24)
    step = replace(QUICK, origin="class:circle", target="class:square")
    run = quick_run(one)
    for add in asked(step, one.data, run):
        assert add.sample.label == one.data.schema.classes.index("square")
    assert "labels are free" in run.lines[0] and "both domains" in run.lines[-1]


@pytest.mark.parametrize(("origin", "target", "channels"), [(1, 3, 3), (3, 1, 3), (1, 1, 1)])
def test_pictures_take_on_the_channels_of_the_target(origin, target, channels):
    grey, other = (
        worlds.photos(24, classes=3, test_share=0.0, valid_share=share, channels=depth, side_px=20, seed=depth)
        for share, depth in ((0.0, origin), (1.0, target))
    )
    data = grey.data.merged(other.data)
    run = MemoryRun({**grey.contents, **other.contents})
    run.threads = 1
    translator = teach(QUICK, pair_of(data, Signals(), run, "split:train", ""), run)
    assert translator.game.channels == channels
    shown = translator.of(list(run.images(data.train))[:3], guided=True)
    assert {one.shape for one in shown} == {(20, 20, target)}


# -- how classes steer ----------------------------------------------------------------------------------------------


def domain(*labels):
    return Domain(np.zeros((len(labels), 1, 16, 16), np.uint8), np.array(labels))


def test_labels_steer_as_far_as_the_target_has_them():
    origin = domain(0, 0, 1, 1)
    plenty, few, one_lacks, none = domain(*[0, 1] * 12), domain(0, 1, 1), domain(*[0] * 30), domain(-1, -1)
    assert [labels_of("auto", origin, one, None) for one in (plenty, few, one_lacks, none)] == [
        *("told", "balanced", "free", "free")
    ]
    assert labels_of("auto", origin, plenty, 1) == "free" and labels_of("auto", domain(0, 0), plenty, None) == "free"
    assert labels_of("balanced", origin, none, None) == "balanced"
    with pytest.raises(StepError, match="every class of the origin"):
        labels_of("told", origin, one_lacks, None)


@pytest.mark.parametrize(("side", "expected"), [(28, 32), (64, 64), (300, 64)])
def test_the_side_follows_the_pictures(side, expected):
    one = worlds.photos(10, classes=2, side_px=side)
    assert usual_side(one.data, one.run()) == expected


# -- the contract, and what is refused -------------------------------------------------------------------------------


def test_it_keeps_the_contract():
    step = replace(QUICK, target="split:valid")
    check_declarations(step)
    check_step(step, world=worlds.photos(90, valid_share=0.3, side_px=24))


def test_a_sample_of_it_has_an_id_of_its_own():
    assert made_id(("a",), "x", 0) != made_id(("a",), "y", 0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "pix2pix"}, "method is fastcut, cut, cyclegan; found 'pix2pix'"),
        ({"steps": 0}, "steps must lie within 1 and"),
        ({"steps": True}, "steps must lie within"),
        ({"side_px": 40}, "multiple of 16, found 40"),
        ({"labels": "some"}, "labels is auto, free, balanced, told"),
        ({"target": "valid"}, "'valid' .* names no domain"),
        ({"origin": "grund<.5"}, "no attribute 'grund'"),
        ({"shift": 0.7}, "shift must lie within 0 and 0.5"),
    ],
)
def test_a_setting_that_is_off_is_told(settings, said):
    with pytest.raises(SettingError, match=said):
        Translation(**settings)


def test_texts_and_several_labels_are_refused():
    text = worlds.utterances(20)
    with pytest.raises(StepError, match="pictures of one class each; these data are texts"):
        asked(QUICK, text.data, text.run())
    photos = worlds.photos(20)
    several = Dataset.from_samples([], Schema("image", "multi-label", photos.data.schema.classes))
    with pytest.raises(StepError, match="multi-label"):
        asked(QUICK, several, photos.run())


def test_an_origin_without_labels_says_that_there_is_nothing_to_make():
    one = worlds.photos(60, test_share=0.0, valid_share=0.5)
    rows = [replace(row, label=None) if row.split == "train" else row for row in one.data]
    with pytest.raises(StepError, match="nothing to make"):
        asked(QUICK, Dataset.from_samples(rows, one.data.schema), quick_run(one))
