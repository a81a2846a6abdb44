"""Quality names every planted fault and little else, at several sizes, in grey and RGB; a set of one kind has no fault."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tilth.audit.quality import Quality
from tilth.dataset import Dataset, Schema
from tilth.embed.quality import Quality as Measures
from tilth.numerics.quality import of_pictures
from tilth.sample import Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import photos


def scene(rng, side_px, channels):
    """Discs of many tones over each other on a slope of light, with a little texture: a picture like a photograph."""
    y, x = np.mgrid[:side_px, :side_px] / side_px
    values = np.repeat((rng.uniform(60, 120) + 60 * x * rng.uniform(-1, 1))[:, :, None], channels, axis=2)
    for _ in range(25):
        cx, cy, radius = *rng.uniform(0, 1, 2), 0.05 / rng.uniform(0.15, 1)
        values[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = rng.uniform(5, 250, channels)
    return np.clip(values + rng.normal(0, 2, (side_px, side_px, 1)), 0, 255).astype(np.uint8)


def changed(picture, kind, rng):
    values = picture.astype(float)
    if kind == "blurred":
        flat = picture[:, :, 0] if picture.shape[2] == 1 else picture
        return np.asarray(Image.fromarray(flat).filter(ImageFilter.GaussianBlur(3))).reshape(picture.shape)
    if kind == "noisy":
        values = values + rng.normal(0, 40, values.shape)
    if kind == "static":
        values = rng.uniform(0, 256, values.shape)
    if kind == "dark":
        values = values * 0.15
    if kind == "bright":
        values = values * 0.4 + 150
    if kind == "low_information":
        values = np.full_like(values, 130)
    if kind == "odd_ratio":
        values = values[: len(values) // 4]
    if kind == "odd_size":
        values = np.tile(values, (3, 3, 1))
    return np.clip(values, 0, 255).astype(np.uint8)


def detected(pictures, *, parents=None, **settings):
    samples = [
        Sample(
            raw_id(f"{n:032x}", str(n)), f"{n:032x}", str(n), 0, parents=("0" * 16,) if n in (parents or ()) else (), maker="x" if n in (parents or ()) else ""
        )
        for n in range(len(pictures))
    ]  # fmt: skip
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a",)))
    at = {sample.id: int(sample.path) for sample in samples}
    signal = Signal("quality", np.array([sample.id for sample in samples]), of_pictures(pictures))
    found = Quality(**settings).detect(data, Signals({"quality": signal}), MemoryRun({}))
    return {(one.kind, at[one.ids[0]]): one for one in found}


@pytest.fixture(scope="module", params=[(64, 1), (64, 3), (160, 3)], ids=str)
def scenes(request):
    rng = np.random.default_rng(7)
    return [scene(rng, *request.param) for _ in range(90)]


KINDS = ("blurred", "noisy", "static", "dark", "bright", "low_information", "odd_ratio", "odd_size")


def test_a_set_without_faults_has_none(scenes):
    assert detected(scenes) == {}


def test_each_planted_fault_is_named_and_nothing_else(scenes):
    rng = np.random.default_rng(1)
    pictures = list(scenes)
    for at, kind in enumerate(KINDS):
        pictures[at] = changed(pictures[at], kind, rng)
    wanted = {("noisy" if kind == "static" else kind, at) for at, kind in enumerate(KINDS)}
    assert set(detected(pictures)) - {("odd_size", 6)} == wanted


@pytest.mark.parametrize("kind", ["blurred", "noisy", "dark", "bright"])
def test_what_all_have_is_no_fault(scenes, kind):
    rng = np.random.default_rng(2)
    assert detected([changed(picture, kind, rng) for picture in scenes]) == {}


def test_a_third_of_faults_is_still_found(scenes):
    rng = np.random.default_rng(3)
    pictures = [changed(one, "blurred", rng) if at < 30 else one for at, one in enumerate(scenes)]
    assert set(detected(pictures)) == {("blurred", at) for at in range(30)}


def test_only_what_shows_nothing_is_worthless(scenes):
    rng = np.random.default_rng(4)
    pictures = list(scenes)
    for at, kind in enumerate(KINDS):
        pictures[at] = changed(pictures[at], kind, rng)
    found = detected(pictures)
    worthless = {key for key, one in found.items() if one.evidence["worthless"]}
    assert worthless == {("noisy", KINDS.index("static")), ("low_information", KINDS.index("low_information"))}
    assert all(found[key].severity == 1.0 for key in worthless)
    assert all(0.2 <= one.severity <= 0.7 for key, one in found.items() if key not in worthless)


def test_a_worse_fault_is_not_less_severe(scenes):
    rng = np.random.default_rng(5)
    pictures = list(scenes)
    pictures[0] = changed(pictures[0], "blurred", rng)
    mild = detected(pictures)[("blurred", 0)]
    for _ in range(3):
        pictures[0] = changed(pictures[0], "blurred", rng)
    worse = detected(pictures)[("blurred", 0)]
    assert worse.severity >= mild.severity and worse.evidence["edge_px"] > mild.evidence["edge_px"]
    assert f"{worse.evidence['edge_px']:.1f} px" in worse.why


def drawings(n=60, *, side_px=48):
    """A cross of ink within a light ground."""
    rng = np.random.default_rng(0)
    found = np.full((n, side_px, side_px, 1), 245, np.uint8)
    for one in found:
        y, x = rng.integers(10, side_px - 16, 2)
        one[y : y + 6, 8:-8] = one[8:-8, x : x + 6] = 30
    return list(found)


def test_inverted_and_cut_drawings_are_named():
    pictures = drawings()
    pictures[0] = 255 - pictures[0]
    pictures[1] = pictures[1].copy()
    pictures[1][20:30, :24] = 30
    assert set(detected(pictures)) == {("inverted", 0), ("cropped", 1)}


def test_where_grounds_are_mixed_none_is_inverted():
    pictures = [255 - one if at % 3 else one for at, one in enumerate(drawings())]
    assert not any(kind == "inverted" for kind, _ in detected(pictures))


def test_what_augmentation_made_is_left_alone(scenes):
    pictures = [changed(scenes[0], "low_information", None), *scenes[1:]]
    assert ("low_information", 0) in detected(pictures)
    assert detected(pictures, parents={0}) == {}


def test_settings_move_the_cuts(scenes):
    pictures = [changed(scenes[0], "blurred", None), *scenes[1:]]
    assert detected(pictures, edge_px=30.0) == {}
    assert ("blurred", 0) in detected(pictures, far=2.0)


def test_an_empty_dataset_has_none():
    assert detected([]) == {}


@pytest.mark.parametrize("channels", [1, 3])
def test_the_steps_keep_the_contract(channels):
    world = photos(40, junk=3, channels=channels)
    data, run = world.data.open, world.run()
    check_step(Measures(), world=world)
    rows = Measures().describe(list(run.images(data)), run)
    signals = Signals({"quality": Signal("quality", data.ids, rows)})
    check_step(Quality(), world=world, signals=signals)
    named = {id for one in Quality().detect(data, signals, run) if one.kind == "noisy" for id in one.ids}
    assert named == set(world.junk)
