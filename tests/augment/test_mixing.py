"""Mixtures: labels by shares, two parents, as large as the first, the same for the same seed, and only what a layout can hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.augment import pairs
from tilth.augment.made_check import Checked
from tilth.augment.mixing import CutMix, Mixup, SaliencyMix
from tilth.augment.soft import Partners, holds_soft_labels, mixed_label
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

KINDS = [Mixup, CutMix, SaliencyMix]
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


class TableRun(MemoryRun):
    """A run whose source is a table."""

    def export(self, data, where, *, layout=None):
        return super().export(data, where, layout=layout or "table")


def of_pictures(pictures, labels, suffix=".png", classes=("even", "odd", "third"), task="single-label"):
    samples, contents = [], {}
    for number, (shown, label) in enumerate(zip(pictures, labels, strict=True)):
        content = picture.encode(shown, suffix=suffix)
        path = f"train/x/{number}{suffix}"
        sample = Sample(raw_id(digest_bytes(content), path), digest_bytes(content), path, label)
        samples.append(sample)
        contents[sample.id] = content
    return Dataset.from_samples(samples, Schema("image", task, classes)), TableRun(contents)


def noises(count, *sizes):
    rng = np.random.default_rng(0)
    sizes = sizes or ((20, 20, 1),)
    return [rng.integers(0, 255, sizes[number % len(sizes)], dtype=np.uint8) for number in range(count)]


def added(step, data, run, extra):
    return list(step.augment(data, Signals(), run, budget=len(data.open) + extra))


def shown(add):
    return picture.decode(add.content)


# -- the contract -----------------------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("within", ["class", "any"])
def test_keeps_the_contract(kind, within):
    check_step(kind(within=within), world=worlds.photos(30, wrong=2, side_px=16))


@EACH
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(kind):
    world = worlds.photos(24, side_px=16, test_share=0)
    runs = [world.run(seed=3) for _ in range(2)]
    runs[0].threads, runs[1].threads = 1, 4
    first, second = (added(kind(within="any"), world.data, run, 40) for run in runs)
    assert len(first) == 40 and [(add, add.content) for add in first] == [(add, add.content) for add in second]
    other = added(kind(within="any"), world.data, world.run(seed=4), 40)
    assert [add.content for add in first] != [add.content for add in other]


@EACH
def test_run_again_on_its_own_result_it_makes_others(kind):
    world = worlds.photos(16, side_px=16, test_share=0)
    data, run, made = world.data, world.run(seed=1), []
    for _ in range(3):
        adds = added(kind(within="any"), data, run, 20)
        data, made = data.apply(adds), made + adds
    assert len(made) == len({add.id for add in made}) == len({add.sample.path for add in made}) == 60
    assert len({add.content for add in made}) > 55  # two boxes in one place are possible, and rare
    assert not {parent for add in made for parent in add.sample.parents} & {add.id for add in made}


# -- labels -----------------------------------------------------------------------------------------------------


@EACH
def test_across_classes_the_label_has_the_shares_of_the_picture(kind):
    data, run = of_pictures(noises(12), [number % 3 for number in range(12)])
    adds = added(kind(within="any"), data, run, 40)
    assert {type(add.sample.label) for add in adds} == {int, tuple}
    for add in adds:
        parent, partner = (data[id] for id in add.sample.parents)
        share = add.evidence["share"]
        assert 0.5 <= share <= 0.9 + 1e-6
        if parent.label == partner.label:
            assert add.sample.label == parent.label
        else:
            found = dict(add.sample.label)
            assert found[parent.label] == pytest.approx(share) and sum(found.values()) == pytest.approx(1, abs=1e-9)
    after = data.apply(adds)
    assert after.targets.sum(axis=1) == pytest.approx(1)


@EACH
def test_within_classes_every_label_is_hard_and_both_parents_have_it(kind):
    data, run = of_pictures(noises(12), [number % 3 for number in range(12)])
    adds = added(kind(within="class"), data, run, 30)
    assert len(adds) == 30
    assert all({data[id].label for id in add.sample.parents} == {add.sample.label} for add in adds)


def test_the_share_is_what_the_pixels_say():
    dark, light = np.zeros((40, 50, 1), np.uint8), np.full((40, 50, 1), 250, np.uint8)
    data, run = of_pictures([dark, light], [0, 1])
    for kind in KINDS:
        for add in added(kind(within="any", most_per_parent=4), data, run, 8):
            light_share = float(shown(add).mean()) / 250
            assert dict(add.sample.label)[1] == pytest.approx(light_share, abs=0.003)


@given(st.integers(0, 2), st.integers(0, 2), st.floats(0.5, 1))
def test_shares_of_one_class_each_add_up_to_one(first, second, share):
    label = mixed_label(first, second, share, "single-label")
    if first == second:
        assert label == first
    else:
        assert sum(part for _, part in label) == pytest.approx(1, abs=1e-12)
        assert [index for index, _ in label] == sorted({index for index, _ in label})


def test_of_several_classes_each_has_the_share_of_the_samples_that_have_it():
    a, b = frozenset({0, 1}), frozenset({1, 2})
    assert mixed_label(a, b, 0.7, "multi-label") == ((0, 0.7), (1, 1.0), (2, 0.3))
    assert mixed_label(a, a, 0.7, "multi-label") == a
    assert mixed_label(frozenset(), b, 0.7, "multi-label") == ((1, 0.3), (2, 0.3))
    assert mixed_label(((0, 0.5), (1, 0.5)), 1, 0.6, "single-label") == ((0, 0.3), (1, 0.7))
    data, run = of_pictures(noises(6), [a, b, a, frozenset({2}), b, a], task="multi-label")
    adds = added(Mixup(within="any"), data, run, 12)
    assert any(isinstance(add.sample.label, tuple) for add in adds)
    assert data.apply(adds).targets.max() <= 1


def test_two_of_one_soft_label_are_not_of_one_class():
    soft = ((0, 0.5), (1, 0.5))
    data, _ = of_pictures(noises(4), [soft, soft, 0, 0])
    circle = Partners.of(data, within="class")
    assert [circle.count(sample) for sample in data if sample.label == soft] == [0, 0]
    assert all(Partners.of(data, within="any").count(sample) == 3 for sample in data)


# -- who is mixed -----------------------------------------------------------------------------------------------


def test_every_partner_is_as_likely_and_none_is_the_parent():
    data, _ = of_pictures(noises(5), [0] * 5)
    others = Partners.of(data, within="class")
    parent = next(iter(data))
    rng = np.random.default_rng(0)
    drawn, counts = np.unique([others.drawn(parent, rng) for _ in range(4000)], return_counts=True)
    assert set(drawn) == set(data.ids) - {parent.id} and (abs(counts - 1000) < 120).all()


def test_a_class_of_one_has_nobody_to_mix_with_within_it():
    data, run = of_pictures(noises(4), [0, 0, 0, 1])
    adds = added(Mixup(within="class"), data, run, 6)
    assert {add.sample.label for add in adds} == {0} and len(adds) == 6
    assert any("1 pictures have nothing to be mixed with" in line for line in run.lines)


def test_only_labelled_weighted_raw_train_pictures_are_mixed():
    data, run = of_pictures(noises(8), [0, 1] * 4)
    rows = list(data)
    changed = [
        replace(rows[0], split="test"), replace(rows[1], split="valid"), replace(rows[2], label=None),
        replace(rows[3], weight=0.0), replace(rows[4], weight=0.5), *rows[5:],
    ]  # fmt: skip
    data = Dataset.from_samples(changed, data.schema)
    adds = added(CutMix(within="any"), data, run, 30)
    used = {parent for add in adds for parent in add.sample.parents}
    assert used == {one.id for one in rows[4:]} and all(add.sample.split == "train" for add in adds)
    assert all(0.5 <= add.sample.weight <= 1 for add in adds)
    assert any(add.sample.weight < 1 for add in adds)


# -- pictures ---------------------------------------------------------------------------------------------------


@EACH
def test_a_mixture_is_as_large_as_its_parent_and_in_colour_where_one_is(kind):
    data, run = of_pictures(noises(9, (31, 47, 1), (80, 23, 3), (12, 12, 1)), [0] * 9)
    size = {sample.id: shape for sample, shape in zip(data, (one.shape for one in run.images(data)), strict=True)}
    for add in added(kind(within="class"), data, run, 40):
        first, second = (size[id] for id in add.sample.parents)
        assert shown(add).shape == (*first[:2], max(first[2], second[2]))


def test_a_box_lies_where_the_evidence_says():
    data, run = of_pictures(noises(6), [0, 1] * 3)
    original = {sample.id: one for sample, one in zip(data, run.images(data), strict=True)}
    for kind in (CutMix, SaliencyMix):
        for add in added(kind(within="any"), data, run, 12):
            top, left, bottom, right = add.evidence["box"]
            parent, partner = (original[id] for id in add.sample.parents)
            wanted = parent.copy()
            wanted[top:bottom, left:right] = partner[top:bottom, left:right]
            assert np.array_equal(shown(add), wanted)
            assert add.evidence["share"] == pytest.approx(1 - (bottom - top) * (right - left) / 400)


def test_the_salient_box_brings_in_the_thing_where_a_box_at_random_often_brings_in_ground():
    rng, pictures = np.random.default_rng(2), []
    for _ in range(30):
        one = np.full((64, 64, 1), 230, np.uint8)
        row, column = rng.integers(8, 50, 2)
        one[row : row + 6, column : column + 6] = 20
        pictures.append(one)
    data, run = of_pictures(pictures, [0] * 30)

    def brought(kind):
        dark = []
        for add in added(kind(within="class"), data, run, 60):
            top, left, bottom, right = add.evidence["box"]
            dark.append((shown(add)[top:bottom, left:right] < 100).sum() / 36)
        return np.mean(dark)

    assert brought(SaliencyMix) > 0.95 and brought(CutMix) < 0.6


def test_what_cannot_be_told_from_its_parent_is_not_made():
    data, run = of_pictures([np.full((9, 9, 1), 77, np.uint8)] * 4, [0] * 4)
    assert added(Mixup(within="class"), data, run, 3) == []
    assert any("made 0 of 3" in line for line in run.lines)


def test_a_jpeg_gives_jpegs_and_names_say_the_technique():
    data, run = of_pictures(noises(4, (16, 16, 3)), [0] * 4, suffix=".jpg")
    for kind, name in ((Mixup, "mixup"), (CutMix, "cutmix"), (SaliencyMix, "saliency-mix")):
        add = added(kind(within="class"), data, run, 1)[0]
        parent = data[add.sample.parents[0]]
        assert add.content.startswith(b"\xff\xd8")
        assert add.sample.path == parent.path.replace(".jpg", f"_{name}.jpg")
        assert add.sample.maker.endswith(f":{name}") and add.sample.maker.startswith("augment.")
        assert parent.path in add.because and data[add.sample.parents[1]].path in add.because


# -- what a layout can hold -------------------------------------------------------------------------------------


def test_auto_mixes_within_classes_where_the_source_cannot_hold_soft_labels_and_says_so():
    world = worlds.photos(16, side_px=12, test_share=0)
    folders = world.run(seed=0)
    assert not holds_soft_labels(world.data, folders)
    adds = added(Mixup(), world.data, folders, 10)
    assert all(isinstance(add.sample.label, int) for add in adds)
    assert any('within = "any"' in line and "--export-layout table" in line for line in folders.lines)
    table = TableRun(world.contents)
    assert holds_soft_labels(world.data, table)
    assert any(isinstance(add.sample.label, tuple) for add in added(Mixup(), world.data, table, 10))


def test_asked_to_mix_across_classes_it_does_and_says_what_that_needs():
    world = worlds.photos(16, side_px=12, test_share=0)
    run = world.run(seed=0)
    assert any(isinstance(add.sample.label, tuple) for add in added(Mixup(within="any"), world.data, run, 10))
    assert any("--export-layout table" in line for line in run.lines)


# -- settings, and the check ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"within": "classes"}, {"alpha": 0}, {"alpha": True}, {"least": 0.5}, {"most_per_parent": 0}]
)
@EACH
def test_wrong_settings_are_told(kind, wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        kind(**wrong)


def test_texts_are_refused():
    world = worlds.utterances(20)
    with pytest.raises(StepError, match=r"augment\.mixup works on images"):
        added(Mixup(), world.data, world.run(seed=0), 5)


class Judge:
    """A witness that knows classes by the mean of the picture: dark is 0; what is brighter than 200 lies far off."""

    def __init__(self):
        self.asked = []

    def of(self, pictures, labels, parents, run):
        self.asked.append(list(parents))
        means = [float(one.mean()) for one in pictures]
        right = [(mean > 100) == bool(label) for mean, label in zip(means, labels, strict=True)]
        far = [2.0 if mean > 200 else 0.5 for mean in means]
        return [Checked(ok and d <= 1, 0.9 if ok else 0.1, d, "") for ok, d in zip(right, far, strict=True)]


@pytest.mark.parametrize("within", ["class", "any"])
def test_both_parents_have_their_witness_and_a_soft_label_is_asked_for_its_distance_alone(monkeypatch, within):
    judge = Judge()
    monkeypatch.setattr("tilth.augment.made_check.made_check", lambda data, signals, run: judge)
    tones = [10, 60, 90, 180, 250, 254, 120, 140]
    data, run = of_pictures([np.full((8, 8, 1), tone, np.uint8) for tone in tones], [0, 0, 0, 0, 1, 1, 1, 1])
    guard = Signals({"guard": Signal("guard", data.ids, np.zeros(len(data), np.float32))})
    adds = list(Mixup(within=within).augment(data, guard, run, budget=len(data) + 40))
    assert adds and all(shown(add).mean() <= 201 and add.evidence["distance"] == 0.5 for add in adds)
    hard = [add for add in adds if isinstance(add.sample.label, int)]
    assert all((shown(add).mean() > 100) == add.sample.label and add.evidence["probability"] == 0.9 for add in hard)
    soft = [add for add in adds if add not in hard]
    assert bool(soft) == (within == "any") and all("probability" not in add.evidence for add in soft)
    assert any(first != second for first, second in zip(judge.asked[::2], judge.asked[1::2], strict=True))


def test_without_a_label_guard_nothing_is_asked():
    data, run = of_pictures(noises(2), [0, 1])
    assert pairs.checked(data, Signals(), run)([None, None]) == [{}, {}]


@pytest.mark.slow
def test_behind_a_real_label_guard_mixtures_carry_what_it_says():
    from tilth.augment.guard import Guard

    world = worlds.photos(60, side_px=16, test_share=0)
    run = world.run(seed=0)
    settings = {"loss": "classes", "looks": ("content",), "side_px": 32, "epochs": 2, "precision": "fp32"}
    guard = Guard(settings=settings, folds=2, side_px=32, operations=("rotate",), per_class=5).measure(world.data, run)
    signals = Signals({"guard": guard})
    for within in ("class", "any"):
        adds = list(Mixup(within=within).augment(world.data, signals, run, budget=len(world.data) + 12))
        assert adds and all(0 <= add.evidence["distance"] <= 1 for add in adds)
        assert all(("probability" in add.evidence) == isinstance(add.sample.label, int) for add in adds)
