"""Learners on small worlds: what they learn, how they are told, and what they refuse."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Relabel, Weigh
from tilth.errors import LearnerError, SettingError, StepError
from tilth.learn.convnet import ConvNet
from tilth.learn.cut_resnet50 import CutResNet50
from tilth.learn.linear import Linear
from tilth.learn.module import Module
from tilth.learn.network import NetworkModel
from tilth.learn.resnet34 import Net as ResNet34Net
from tilth.learn.resnet34 import ResNet34
from tilth.learn.teaching import teaching
from tilth.learn.text_linear import TextLinear
from tilth.learn.trainer import weights_key
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.testing import worlds
from tilth.testing.contract import check_declarations, check_step
from tilth.testing.memory import MemoryRun

sys.path.insert(0, str(Path(__file__).parent))  # nets.py, as a user's own module lies on PYTHONPATH

QUICK = ConvNet(size_px=16, epochs=4, least_steps=40, batch=16, precision="fp32")
ALL = (ConvNet(), CutResNet50(), ResNet34(), Linear(), TextLinear(), Module())


def right(model, world, run) -> float:
    test = world.data.split("test")
    return float((model.predict(test, run).argmax(1) == test.labels).mean())


@pytest.mark.parametrize("learner", ALL, ids=lambda learner: type(learner).__name__)
def test_declares_what_the_contract_asks(learner):
    check_declarations(learner)


def test_convnet_keeps_the_contract():
    check_step(QUICK)


def test_linear_keeps_the_contract():
    check_step(Linear())


@pytest.mark.slow
def test_convnet_tells_shapes_apart():
    world = worlds.photos(200, wrong=10)
    run = world.run()
    assert right(ConvNet().fit(world.data.train, None, run, seed=0), world, run) > 0.85


def test_linear_tells_shapes_apart():
    world = worlds.photos(160, wrong=8)
    run = world.run()
    assert right(Linear().fit(world.data.train, None, run, seed=0), world, run) > 0.8


def test_text_linear_tells_topics_apart():
    world = worlds.utterances(160, wrong=8)
    run = world.run()
    model = TextLinear().fit(world.data.train, None, run, seed=0)
    assert right(model, world, run) > 0.85
    assert model.features(world.data, run) is None


def test_text_linear_gives_several_labels():
    world = worlds.multi_label(200)
    run, test = world.run(), world.data.split("test")
    said = TextLinear().fit(world.data.train, None, run, seed=0).predict(test, run)
    assert ((said > 0.5) == (test.targets > 0.5)).mean() > 0.9
    assert (said.sum(1) > 1.5).any(), "classes are independent: rows need not add up to 1"


def test_the_same_seed_gives_the_same_weights_in_another_workspace():
    world = worlds.photos(60)
    keys = [weights_key(QUICK.fit(world.data.train, None, world.run(), seed=seed).net) for seed in (4, 4, 5)]
    assert keys[0] == keys[1] != keys[2]


def test_the_probe_is_kept_and_told():
    world = worlds.photos(40)
    run = world.run()
    auto = replace(QUICK, epochs=1, least_steps=0, precision="auto")
    first, again = (auto.fit(world.data.train, None, run, seed=0) for _ in range(2))
    assert first.record == again.record, "timed twice: the clock would not agree so well"
    assert first.record["chosen"] == "by probe" and first.record["threads"] >= 1
    assert first.record["fp32_ms_per_step"] > 0 and first.record["bf16_loss_gap"] < 0.05
    assert weights_key(first.net) == weights_key(again.net)


def test_grey_pictures_are_looked_at_in_one_channel_and_coloured_in_three():
    for channels in (1, 3):
        world = worlds.photos(24, channels=channels)
        run = world.run()
        model = replace(QUICK, epochs=1, least_steps=0).fit(world.data.train, None, run, seed=0)
        assert model.net.layers[0][0].in_channels == channels
        assert model.predict(world.data, run).shape == (len(world.data), 4)


def test_pictures_of_every_size_and_kind_are_taken():
    contents = [
        picture.encode(np.full(shape, 40 * number, np.uint8))
        for number, shape in enumerate([(1, 1, 1), (3, 200, 3), (200, 3, 1), (28, 28, 1)])
    ]
    data, run = made(contents, [0, 1, 0, 1])
    for learner in (replace(QUICK, epochs=1), CutResNet50(epochs=1), Linear()):
        assert np.isfinite(learner.fit(data, None, run, seed=0).predict(data, run)).all()


def made(contents: list[bytes], labels, classes: int = 2, task="single-label") -> tuple[Dataset, MemoryRun]:
    samples = []
    for number, (content, label) in enumerate(zip(contents, labels, strict=True)):
        path = f"{number}.png"
        samples.append(Sample(raw_id(digest_bytes(content), path), digest_bytes(content), path, label))
    names = tuple("abcdefgh"[:classes])
    run = MemoryRun({sample.id: content for sample, content in zip(samples, contents, strict=True)})
    return Dataset.from_samples(samples, Schema("image", task, names)), run


def some(n: int) -> list[bytes]:
    dice = np.random.default_rng(0)
    return [picture.encode(dice.integers(0, 256, (12, 12, 1), dtype=np.uint8)) for _ in range(n)]


def test_several_labels_a_picture():
    labels = [frozenset({0}), frozenset({0, 1}), frozenset(), frozenset({0})] * 4
    data, run = made(some(16), labels, task="multi-label")
    for learner in (QUICK, Linear()):
        said = learner.fit(data, None, run, seed=0).predict(data, run)
        assert said.shape == (16, 2) and (said >= 0).all() and (said <= 1).all()
        assert abs(said.sum(1) - 1).max() > 0.05


def test_linear_follows_soft_labels_and_weights():
    # Equal pictures: all that can be learned is the share of each class.
    data, run = made(some(1) * 4, [0, 0, 0, 1])
    even = data.apply([Weigh(sample.id, 3.0, "test") for sample in data if sample.label == 1])
    soft = data.apply([Relabel(sample.id, sample.label, ((0, 0.4), (1, 0.6)), "test") for sample in data])
    for version, share in ((data, 0.25), (even, 0.5), (soft, 0.6)):
        said = Linear().fit(version, None, run, seed=0).predict(version, run)
        np.testing.assert_allclose(said[:, 1], share, atol=0.02)


def test_a_class_without_samples_gets_nothing_and_the_only_class_all():
    data, run = made(some(12), [0, 2] * 6, classes=3)
    assert (Linear().fit(data, None, run, seed=0).predict(data, run)[:, 1] == 0).all()
    alone, run = made(some(6), [1] * 6, classes=3)
    np.testing.assert_array_equal(Linear().fit(alone, None, run, seed=0).predict(alone, run), [[0, 1, 0]] * 6)
    several, run = made(some(6), [frozenset({0})] * 6, classes=2, task="multi-label")
    np.testing.assert_array_equal(Linear().fit(several, None, run, seed=0).predict(several, run), [[1, 0]] * 6)


def test_one_sample_can_be_trained_on():
    data, run = made(some(1), [0])
    for learner in (replace(QUICK, epochs=1, least_steps=0), CutResNet50(epochs=1), Linear()):
        assert learner.fit(data, None, run, seed=0).predict(data, run).shape == (1, 2)


def test_unlabelled_and_weightless_samples_teach_nothing():
    data, _ = made(some(5), [0, None, 1, 0, 1])
    mute = data.apply([Weigh(data.ids[0], 0.0, "test"), *[Weigh(id, 2.0, "test") for id in data.ids[1:]]])
    found = teaching(mute)
    assert len(found.data) <= 4 and data.ids[0] not in found.data
    assert all(sample.label is not None for sample in found.data)
    np.testing.assert_allclose(found.weights, 1)
    empty, run = made(some(3), [None] * 3)
    for learner in (QUICK, Linear()):
        with pytest.raises(LearnerError, match="none has a label"):
            learner.fit(empty, None, run, seed=0)


def test_texts_and_pictures_are_not_taken_for_each_other():
    words, photos = worlds.utterances(12), worlds.photos(12)
    with pytest.raises(LearnerError, match="these data are text"):
        QUICK.fit(words.data.train, None, words.run(), seed=0)
    with pytest.raises(LearnerError, match="these data are image"):
        TextLinear().fit(photos.data.train, None, photos.run(), seed=0)
    with pytest.raises(StepError, match="text-linear"):
        Linear(embedder="embed.text").fit(words.data.train, None, words.run(), seed=0)


@pytest.mark.parametrize(
    "wrong", [{"strength": -1.0}, {"strength": float("nan")}, {"strength": float("inf")}, {"most_terms": 0}]
)
def test_a_setting_that_cannot_be_is_told_before_any_work(wrong):
    with pytest.raises(SettingError, match=f"{next(iter(wrong))} is"):
        TextLinear(**wrong)


def test_texts_without_words_are_taken():
    samples = [
        Sample(raw_id(digest_bytes(text.encode()), str(n)), digest_bytes(text.encode()), str(n), n % 2, text=text)
        for n, text in enumerate(["", " ", "", "  "])
    ]
    data = Dataset.from_samples(samples, Schema("text", "single-label", ("a", "b")))
    said = TextLinear().fit(data, None, MemoryRun(), seed=0).predict(data, MemoryRun())
    np.testing.assert_allclose(said, 0.5, atol=0.01)


@pytest.mark.parametrize(
    "learner",
    [
        ConvNet(epochs=0),
        ConvNet(batch=0),
        ConvNet(size_px=0),
        ConvNet(precision="fp16"),
        CutResNet50(rate=0.0),
        Linear(strength=0.0),
        Module(factory="nets:tiny", optimizer="lion"),  # pyright: ignore[reportArgumentType]
        Module(factory="nets:tiny", keep="first"),  # pyright: ignore[reportArgumentType]
        Module(factory="nets"),
        Module(),
    ],
    ids=lambda learner: type(learner).__name__,
)
def test_settings_out_of_range_are_refused(learner):
    world = worlds.photos(12)
    with pytest.raises(SettingError):
        learner.fit(world.data.train, None, world.run(), seed=0)


# -- a network of the user's own --------------------------------------------------------------------------------


def own(factory: str, **kwargs) -> NetworkModel:
    world = worlds.photos(48, classes=2)
    step = Module(factory=factory, kwargs=kwargs, size_px=16, epochs=2, batch=16, precision="fp32")
    return step.fit(world.data.train, world.data.valid, world.run(), seed=0)


def test_trains_a_users_network_with_its_settings():
    model = own("nets:tiny", width=4)
    world = worlds.photos(48, classes=2)
    assert model.predict(world.data, world.run()).shape == (len(world.data), 2)
    assert model.features(world.data, world.run()).shape == (len(world.data), 16)
    assert own("nets:NoHead").features(world.data, world.run()) is None


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("no_such_package:net", "cannot be imported"),
        ("nets:tinny", "did you mean 'tiny'"),
        ("nets:broken", "no weights today"),
        ("nets:nothing", "a torch.nn.Module is needed"),
        ("nets:five", r"answers \(2, 5\)"),
    ],
)
def test_says_what_is_wrong_with_a_users_network(factory, words):
    with pytest.raises(LearnerError, match=words):
        own(factory)


def test_resnet34_is_torchvisions():
    net = ResNet34Net(1000)
    assert sum(weight.numel() for weight in net.parameters()) == 21_797_672  # torchvision's table of models
    assert len(net.blocks) == 16


@pytest.mark.slow
def test_resnet34_trains():
    world = worlds.photos(24, classes=2, channels=3)
    run = world.run()
    model = ResNet34(size_px=32, epochs=1, batch=8, precision="fp32").fit(world.data.train, None, run, seed=0)
    assert model.features(world.data, run).shape == (len(world.data), 512)
