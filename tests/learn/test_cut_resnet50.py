"""The fixed model of the 2021 competition, held to what is known of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from tilth.errors import SettingError
from tilth.learn.cut_resnet50 import CutResNet50, Net
from tilth.learn.network import tapped
from tilth.learn.plan import Plan
from tilth.learn.preprocess import caffe
from tilth.testing import worlds


def weights(parts) -> int:
    return sum(part.numel() for part in parts)


def test_has_as_many_weights_as_keras_counts():
    # Keras' summary of ResNet50 up to conv2_block3_out: 229,760, of which 1,664 x 2 are BatchNorm's moving values.
    net = Net(10)
    everything = weights(net.parameters()) + weights(b for n, b in net.named_buffers() if "running" in n)
    norms = 64 + (256 + 64 + 64 + 256) + 2 * (64 + 64 + 256)
    by_hand = (7 * 7 * 3 * 64 + 64) + (64 * 256 + 256) + (64 * 64 + 64) + 3 * (9 * 64 * 64 + 64)
    by_hand += 3 * (64 * 256 + 256) + 2 * (256 * 64 + 64) + 4 * norms
    assert by_hand == 229_760
    assert everything == 229_760 + 257 * 10


def test_answers_per_class_and_embeds_in_256():
    net = Net(7).eval()
    with torch.no_grad(), tapped(net, 7) as tap:
        assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert tap[0].shape == (2, 256)


def test_rows_compute_what_plain_convolutions_do():
    torch.manual_seed(0)
    net = Net(10).eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -1, 1)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    pictures = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        seen = F.relu(net.stem_norm(net.stem(F.pad(pictures, (0,) * 4))))
        seen = F.max_pool2d(F.pad(seen, (1, 1, 1, 1)), 3, 2)  # zeros, as Keras pads
        for block in net.blocks:
            past = seen if block.past is None else block.past_norm(block.past(seen))
            inner = F.relu(block.narrow_norm(block.narrow(seen)))
            inner = F.relu(block.across_norm(block.across(inner)))
            seen = F.relu(block.wide_norm(block.wide(inner)) + past)
        assert seen.shape == (3, 256, 8, 8)
        torch.testing.assert_close(net(pictures), net.head(seen.mean((2, 3))), rtol=1e-4, atol=1e-5)


def test_first_weights_are_glorot_uniform_and_biases_zero():
    torch.manual_seed(1)
    net = Net(10)
    bound = math.sqrt(6 / (7 * 7 * 3 + 7 * 7 * 64))
    assert 0.98 * bound < float(net.stem.weight.detach().abs().max()) <= bound
    assert not net.stem.bias.any() and not net.head.bias.any()
    assert net.stem_norm.eps == 1.001e-5 and net.stem_norm.momentum == 0.01


def test_a_bias_before_batch_norm_has_no_gradient_worth_the_name():
    torch.manual_seed(2)
    net = Net(10).double()
    net.stem.bias.requires_grad_(True)
    F.cross_entropy(net(torch.randn(8, 3, 32, 32).double()), torch.arange(8)).backward()
    assert float(net.stem.bias.grad.abs().max()) < 1e-12 < float(net.stem.weight.grad.abs().max())


def test_preprocessing_agrees_with_a_computation_by_hand():
    # 4 px to 2 px with half-pixel centres: an output pixel lies midway between two inputs, at 0.5 and 2.5.
    red = np.arange(16, dtype=np.uint8).reshape(4, 4) * 10
    picture = np.stack([red, red + 1, red + 2], axis=2)
    expected = np.array([[25.0, 45.0], [105.0, 125.0]])
    seen = caffe(picture, 2).numpy()
    for channel, (shift, mean) in enumerate(((2, 103.939), (1, 116.779), (0, 123.68))):
        np.testing.assert_allclose(seen[channel], expected + shift - mean, atol=1e-4)


def test_shrinking_is_not_antialiased():
    picture = np.zeros((64, 8, 1), np.uint8)
    picture[2::4] = 200  # of four rows only the two in the middle are looked at: 1 and 2 of each four
    seen = caffe(picture, 16)[0].numpy() + 103.939
    np.testing.assert_allclose(seen, 100.0, atol=1e-3)


def test_enlarging_repeats_the_edge():
    picture = np.array([[[0], [100]]], np.uint8)
    seen = caffe(picture, 4)[2].numpy() + 123.68
    np.testing.assert_allclose(seen, np.tile([0, 25, 75, 100], (4, 1)), atol=1e-3)


def test_adam_steps_as_keras_does():
    plan = Plan(epochs=1, batch=1, optimizer="adam", rate=1e-2, epsilon=1e-2, keras_epsilon=True)
    layer = torch.nn.Linear(1, 1, bias=False)
    optimizer = plan.make(layer, fused=True)
    weight, m, v = float(layer.weight.detach()), 0.0, 0.0
    for step, gradient in enumerate([0.3, -0.2, 0.05, 0.4]):
        plan.set(optimizer, step, 4, 4)
        layer.weight.grad = torch.full((1, 1), gradient)
        optimizer.step()
        t = step + 1
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        weight -= 1e-2 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-2)
        assert math.isclose(float(layer.weight.detach()), weight, rel_tol=1e-5)


def test_trains_on_pictures_and_tells_how():
    world = worlds.photos(60, classes=2, valid_share=0.2)
    run = world.run()
    model = CutResNet50(epochs=3).fit(world.data.train, world.data.valid, run, seed=0)
    test = world.data.split("test")
    probabilities = model.predict(test, run)
    assert probabilities.shape == (len(test), 2)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert model.features(test, run).shape == (len(test), 256)
    assert [line["epoch"] for line in model.curves] == [1, 2, 3]
    assert {"loss", "accuracy", "valid_loss", "valid_accuracy", "seconds"} <= set(model.curves[0])
    assert model.curves[-1]["loss"] < model.curves[0]["loss"]
    assert model.record["precision"] in ("fp32", "bf16") and model.record["bf16_ms_per_step"] > 0


def test_trains_as_the_competition_did_unless_asked():
    plan, quiet = (step.blueprint().plan for step in (CutResNet50(), CutResNet50(schedule="cosine", keep="last")))
    assert (plan.schedule, plan.warmup_share, plan.keep) == ("none", 0.0, "best")
    assert plan.rate_at(90, 100, 10) == plan.rate
    assert (quiet.keep, quiet.rate_at(50, 100, 10)) == ("last", 0.5 * quiet.rate)


@pytest.mark.parametrize(
    "wrong", [{"schedule": "cosin"}, {"keep": "first"}, {"warmup_share": 1.5}, {"warmup_share": float("nan")}]
)
def test_a_value_that_is_none_of_the_known_ones_is_told(wrong):
    world = worlds.photos(8, classes=2, side_px=16)
    with pytest.raises(SettingError, match=f"learn.cut-resnet50: {next(iter(wrong))} "):
        CutResNet50(**wrong).fit(world.data.train, None, world.run(), seed=0)
