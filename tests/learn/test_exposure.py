"""A network as a function of pixels: the same answers as when it is asked, and a way back to every pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tilth.errors import StepError
from tilth.learn.convnet import ConvNet
from tilth.learn.cut_resnet50 import CutResNet50
from tilth.learn.exposure import pixels_of
from tilth.learn.network import NetworkModel
from tilth.steps import Exposed
from tilth.testing import worlds

FAST = {"epochs": 1, "precision": "fp32"}


@pytest.mark.parametrize("channels", [1, 3])
def test_exposed_a_network_answers_as_when_it_is_asked(channels: int) -> None:
    world = worlds.photos(40, classes=2, channels=channels)
    run, data = world.run(), world.data.open
    model = ConvNet(size_px=24, least_steps=5, **FAST).fit(data, None, run, seed=0)
    assert isinstance(model, Exposed)
    with model.expose(list(run.images(data))) as (pixels, answers), torch.no_grad():
        assert pixels.shape == (len(data), channels, 24, 24) and 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
        found = torch.softmax(answers(pixels), 1).numpy()
    assert np.allclose(found, model.predict(data, run), atol=1e-5)


def test_the_caffe_look_is_undone_and_done_again() -> None:
    world = worlds.photos(12, classes=2)
    run, data = world.run(), world.data.open
    model = CutResNet50(size_px=32, **FAST).fit(data, None, run, seed=0)
    with model.expose(list(run.images(data))) as (pixels, answers):
        assert pixels.shape == (len(data), 1, 32, 32)  # all are grey
        free = pixels.requires_grad_(True)
        said = answers(free)
        slope = torch.autograd.grad(said[:, 0].sum(), free)[0]
        found = torch.softmax(said, 1).detach().numpy()
    assert np.allclose(found, model.predict(data, run), atol=1e-4)
    assert float(slope.abs().max()) > 0


def test_a_network_that_cuts_the_content_out_is_refused() -> None:
    with pytest.raises(StepError, match=r"cuts the content out.*\n.*convnet"):
        pixels_of([np.zeros((8, 8, 1), np.uint8)], lambda picture: torch.zeros(1, 8, 8), "content")


def test_the_threads_of_the_machine_are_as_they_were() -> None:
    world = worlds.photos(20, classes=2)
    run, data = world.run(), world.data.open
    model = ConvNet(size_px=24, least_steps=2, **FAST).fit(data, None, run, seed=0)
    assert isinstance(model, NetworkModel)
    before = torch.get_num_threads()
    with model.expose(list(run.images(data))):
        pass
    assert torch.get_num_threads() == before
