"""New pictures keep their ground, their ink, the budget and the balance."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.augment.geometric import MIX, TECHNIQUES, Geometric, moved, moves
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.numerics import picture, warp
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

NO_SIGNALS = Signals()


def of_pictures(pictures, *, labels=None, classes=2, suffix=".png", task="single-label", split="train"):
    """A dataset of these pictures and a run that holds them."""
    samples, contents = [], {}
    for number, shown in enumerate(pictures):
        content = picture.encode(shown, suffix=suffix)
        path = f"train/x/{number}{suffix}"
        sample = Sample(raw_id(digest_bytes(content), path), digest_bytes(content), path, 0, split)
        samples.append(dataclasses.replace(sample, label=labels[number] if labels else number % classes))
        contents[sample.id] = content
    schema = Schema("image", task, tuple(f"class {index}" for index in range(classes)))
    return Dataset.from_samples(samples, schema), MemoryRun(contents)


def added(step, data, run, budget):
    return list(step.augment(data, NO_SIGNALS, run, budget=budget))


def seen(add):
    return picture.decode(add.content)


def test_keeps_the_contract():
    check_step(Geometric())
    check_step(Geometric(techniques=("rotate",), mixed=0, balance=False))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 500), st.integers(0, 120), st.floats(0.1, 1.0), st.booleans())
def test_the_budget_is_never_exceeded_and_classes_even_out(seed, extra, imbalance, balance):
    world = worlds.photos(60, imbalance=imbalance, side_px=12, valid_share=0.1, seed=seed)
    data = world.data.open
    budget = len(data) - 20 + extra
    adds = added(Geometric(balance=balance), data, world.run(), budget)
    after = data.apply(adds)
    assert len(after) == max(len(data), budget)
    counts = np.array([list(version.counts("train").values()) for version in (data, after)])
    counts = counts[:, counts[0] > 0]  # a class without a picture cannot grow
    if balance:
        assert np.ptp(counts[1]) <= max(np.ptp(counts[0]), 1)
        assert counts[1].min() >= counts[0].min()
    assert all(add.sample.split == "train" and data[add.sample.parents[0]].split == "train" for add in adds)
    assert all(add.sample.label == data[add.sample.parents[0]].label for add in adds)
    paths = [sample.path for sample in after]
    assert len(set(paths)) == len(paths)
    assert len({add.id for add in adds}) == len(adds)


def test_the_sealed_split_does_not_count_and_is_not_used():
    world = worlds.photos(40, side_px=12)
    adds = added(Geometric(), world.data, world.run(), len(world.data.open) + 8)
    assert len(adds) == 8
    assert all(world.data[add.sample.parents[0]].split == "train" for add in adds)


def test_a_full_budget_adds_nothing():
    world = worlds.photos(20, side_px=12)
    assert added(Geometric(), world.data.open, world.run(), len(world.data.open)) == []
    assert added(Geometric(), world.data.open, world.run(), 0) == []


def test_each_picture_of_a_class_is_used_equally():
    world = worlds.photos(64, classes=2, side_px=12, test_share=0)
    data = world.data
    adds = added(Geometric(), data, world.run(), 3 * len(data))
    parents = np.array([add.sample.parents[0] for add in adds])
    for label in (0, 1):
        uses = [int((parents == id).sum()) for id in data.ids[data.labels == label]]
        assert max(uses) - min(uses) <= 1


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads():
    world = worlds.photos(40, side_px=20)
    data = world.data.open
    runs = [world.run(seed=7) for _ in range(2)]
    runs[0].threads, runs[1].threads = 1, 5
    first, second = (added(Geometric(), data, run, len(data) + 40) for run in runs)
    assert [(add, add.content) for add in first] == [(add, add.content) for add in second]
    third = added(Geometric(), data, world.run(seed=8), len(data) + 40)
    assert [add.content for add in first] != [add.content for add in third]


def test_a_picture_is_made_the_same_in_other_company():
    world = worlds.photos(40, side_px=20, test_share=0)
    few = world.data.only(world.data.ids[::2])
    first = {add.id: add for add in added(Geometric(), world.data, world.run(), 2 * len(world.data))}
    second = {add.id: add for add in added(Geometric(), few, world.run(), 2 * len(few))}
    common = first.keys() & second.keys()
    assert len(common) > 5
    assert all(first[id].content == second[id].content for id in common)


def test_a_second_turn_makes_other_pictures():
    world = worlds.photos(20, side_px=20, test_share=0)
    data, run = world.data, world.run()
    once = data.apply(added(Geometric(), data, run, 40))
    twice = once.apply(added(Geometric(), once, run, 60))
    assert len(twice) == 60
    raw = set(data.ids.tolist())
    assert all(sample.parents[0] in raw for sample in twice if sample.parents), "raw parents come first"
    assert len({sample.content for sample in twice}) == 60


def test_names_tell_the_technique_and_count():
    data, run = of_pictures([worlds.draw("ring", np.random.default_rng(0))], classes=1)
    adds = added(Geometric(techniques=("shear",)), data, run, 4)
    assert [add.sample.path for add in adds] == [
        "train/x/0_shear.png",
        "train/x/0_shear-2.png",
        "train/x/0_shear-3.png",
    ]
    assert {add.sample.maker for add in adds} == {"augment.geometric:shear"}
    assert "sheared by" in adds[0].because and adds[0].evidence["technique"] == "shear"


def test_techniques_are_all_used_and_mixed():
    world = worlds.photos(40, side_px=16, test_share=0)
    adds = added(Geometric(), world.data, world.run(), 240)
    assert {add.sample.maker.split(":")[1] for add in adds} == {*TECHNIQUES, MIX}


def test_a_jpeg_stays_a_jpeg_and_a_colour_picture_coloured():
    shown = worlds.draw("cross", np.random.default_rng(0), channels=3)
    data, run = of_pictures([shown], classes=1, suffix=".jpg")
    add = added(Geometric(), data, run, 2)[0]
    assert add.content is not None and add.content.startswith(b"\xff\xd8")
    assert add.sample.path.endswith(".jpg")
    assert seen(add).shape == shown.shape


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 900), (17, 5), (130, 70)])
def test_any_size_is_kept(size):
    shown = np.random.default_rng(0).integers(0, 255, (*size, 1), dtype=np.uint8)
    data, run = of_pictures([shown], classes=1)
    for add in added(Geometric(), data, run, 12):
        assert seen(add).shape == shown.shape
        assert not np.array_equal(seen(add), shown)


def test_a_picture_of_one_colour_gives_no_copy_of_itself():
    data, run = of_pictures([np.full((20, 20, 1), 200, np.uint8)], classes=1)
    assert added(Geometric(techniques=("rotate", "shift")), data, run, 5) == []
    assert "0 of 4" in run.lines[0]


# -- the ground and the ink ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [255, 200, 30, 0])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_comes_in_has_the_value_of_the_ground(value, channels):
    shown = np.full((80, 60, channels), value, np.uint8)
    shown[30:50, 20:40] = 255 - value if value != 128 else 0
    data, run = of_pictures([shown], classes=1)
    for add in added(Geometric(techniques=("rotate", "shear", "shift", "zoom")), data, run, 40):
        out = seen(add).astype(int)
        edge = np.concatenate([out[0], out[-1], out[:, 0], out[:, -1]])
        assert np.abs(edge - value).max() <= 2


def test_a_ruled_sheet_stays_paper():
    shown = np.full((100, 100, 1), 250, np.uint8)
    shown[::20] = 140  # the rules run into the border
    shown[40:60, 45:55] = 10
    data, run = of_pictures([shown], classes=1)
    for add in added(Geometric(techniques=("rotate",)), data, run, 20):
        out = seen(add)
        assert (np.array([out[0, 0], out[0, -1], out[-1, 0], out[-1, -1]]) > 120).all(), "a black corner"


def test_thin_strokes_survive():
    shown = np.full((120, 120, 1), 255, np.uint8)
    shown[20:100, 60] = 0  # one pixel wide
    shown[60, 30:90] = 0
    length = (shown < 128).sum()
    data, run = of_pictures([shown], classes=1)
    for add in added(Geometric(techniques=("shear", "rotate", "shift", "zoom")), data, run, 60):
        out = seen(add)[:, :, 0]
        assert (out < 200).sum() > 0.6 * length, add.because  # no stroke is broken up
        assert (255 - out.astype(int)).sum() > 0.55 * 255 * length, add.because  # nor faded: the ink is still there


def test_ink_that_has_a_ground_around_it_stays_in_frame():
    shown = np.full((90, 120, 1), 240, np.uint8)
    shown[6:84, 8:14] = 10
    shown[6:84, 106:112] = 10  # tall and wide: a turn alone would cut the corners off
    ink = (shown < 120).sum()
    data, run = of_pictures([shown], classes=1)
    for add in added(Geometric(techniques=("shear", "rotate", "shift", "zoom"), rotate_deg=25), data, run, 60):
        out = seen(add)[:, :, 0]
        edge = np.concatenate([out[0], out[-1], out[:, 0], out[:, -1]])
        assert edge.min() > 150, add.because
        assert (out < 120).sum() > 0.5 * ink


def test_ink_points_leave_out_what_touches_the_border():
    shown = np.full((64, 64, 1), 255, np.uint8)
    shown[:, 5] = 0
    assert len(warp.ink_points(shown, picture.background(shown))) == 0
    shown[20:31, 40:51] = 0
    points = warp.ink_points(shown, picture.background(shown))
    assert points.min(axis=0).tolist() == [40, 20]
    assert points.max(axis=0).tolist() == [51, 31]


def test_a_warp_is_where_the_matrix_says():
    shown = np.zeros((41, 41, 1), np.uint8)
    shown[10:13, 20:23] = 255  # straight above the centre
    right = warp.warp(shown, warp.affine((41, 41), rotate_deg=90), np.zeros(1, np.uint8))
    rows, columns = np.nonzero(right[:, :, 0] > 128)
    assert (rows.mean().round(), columns.mean().round()) == (21, 29)  # clockwise: now to the right
    lower = warp.warp(shown, warp.affine((41, 41), shift=(0, 10 / 41)), np.zeros(1, np.uint8))
    np.testing.assert_array_equal(lower[20:23, 20:23], shown[10:13, 20:23])


def test_no_move_is_no_change():
    shown = worlds.draw("triangle", np.random.default_rng(0), side_px=33, channels=3)
    same = warp.warp(shown, warp.affine((33, 33)), picture.background(shown))
    assert np.abs(same.astype(int) - shown).max() <= 1


@given(st.integers(0, 10_000))
def test_magnitudes_stay_within_the_settings(seed):
    step = Geometric()
    drawn = moves(step, TECHNIQUES, np.random.default_rng(seed))
    assert 0.3 * step.rotate_deg <= abs(drawn["rotate_deg"]) <= step.rotate_deg
    assert 0.3 * step.shear <= abs(drawn["shear"]) <= step.shear
    assert max(abs(drawn["right"]), abs(drawn["down"])) <= step.shift
    assert step.zoom_out <= drawn["zoom"] <= step.zoom_in
    assert 0 < drawn["noise"] <= step.noise


def test_noise_alone_moves_nothing():
    shown = np.full((50, 50, 1), 128, np.uint8)
    out = moved(shown, {"noise": 0.1}, np.random.default_rng(0), ground=np.array([128], np.uint8), ink=np.zeros((0, 2)))
    assert out.std() == pytest.approx(25.5, rel=0.1)
    assert out.mean() == pytest.approx(128, abs=1)


# -- labels ----------------------------------------------------------------------------------------------------


def test_sets_of_classes_and_shares_are_inherited():
    rng = np.random.default_rng(0)
    shown = [worlds.draw("ring", rng) for _ in range(6)]
    sets = [frozenset({0, 1}), frozenset({0}), frozenset({0}), frozenset({0, 2}), frozenset({1}), frozenset()]
    data, run = of_pictures(shown, labels=sets, classes=3, task="multi-label")
    adds = added(Geometric(), data, run, 12)
    assert len(adds) == 6
    assert all(add.sample.label == data[add.sample.parents[0]].label for add in adds)
    after = data.apply(adds).counts()
    assert after["class 2"] >= 3, "the smallest class grows first"
    soft = [((0, 0.7), (1, 0.3)), ((1, 1.0),), 0, 0, 1, None]
    data, run = of_pictures(shown, labels=soft, classes=2)
    adds = added(Geometric(), data, run, 20)
    assert ((0, 0.7), (1, 0.3)) in {add.sample.label for add in adds}
    assert None not in {add.sample.label for add in adds}
    data.apply(adds)


def test_an_empty_class_and_an_empty_dataset_are_let_be():
    data, run = of_pictures([worlds.draw("ring", np.random.default_rng(0))], classes=3)
    assert len(added(Geometric(), data, run, 4)) == 3
    empty = data.where(np.zeros(1, bool))
    assert added(Geometric(), empty, run, 4) == []


def test_one_picture_does_not_fill_the_set_with_itself():
    data, run = of_pictures([worlds.draw("ring", np.random.default_rng(0), side_px=8)], classes=1)
    assert len(added(Geometric(most_per_parent=3), data, run, 100)) == 3


# -- settings --------------------------------------------------------------------------------------------------


def test_wrong_settings_say_what_is_right():
    with pytest.raises(SettingError, match="did you mean 'rotate'"):
        Geometric(techniques=("rotat",))
    with pytest.raises(SettingError, match="each once"):
        Geometric(techniques=())
    with pytest.raises(SettingError, match="zoom_out must lie within"):
        Geometric(zoom_out=1.4)
    with pytest.raises(SettingError, match="shift must lie within"):
        Geometric(shift="a lot")  # type: ignore[arg-type]


def test_texts_are_refused():
    world = worlds.utterances(10)
    with pytest.raises(StepError, match=r"augment\.text"):
        added(Geometric(), world.data.open, world.run(), 50)
