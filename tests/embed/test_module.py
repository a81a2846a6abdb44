"""Module asks a user's own model, and says what is wrong with it."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from tilth.embed.module import Module
from tilth.errors import StepError
from tilth.testing import worlds
from tilth.testing.contract import check_step


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """A module of a user's, as if it lay on the path."""
    import torch

    torch.set_num_threads(1)
    module = ModuleType("own_models")
    made = {
        "brightness": lambda: lambda batch: [[np.mean(item), np.std(item)] for item in batch],
        "lengths": lambda: lambda batch: np.array([[len(item)] for item in batch]),
        "net": lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU()),
        "flat": lambda: lambda batch: np.zeros(len(batch)),
        "holes": lambda: lambda batch: np.full((len(batch), 2), np.nan),
        "failing": lambda: 1 / 0,
        "number": lambda: 3,
        "pi": 3.14,
    }
    for name, value in made.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "own_models", module)


def test_a_callable_is_handed_the_pictures():
    world = worlds.photos(10)
    values = Module("own_models:brightness", batch=3).describe(list(world.run().images(world.data)), world.run())
    assert values.shape == (10, 2) and values[0, 0] == pytest.approx(np.mean(next(world.run().images(world.data))))


def test_a_callable_is_handed_texts():
    assert Module("own_models:lengths").describe(["a", "abc"], worlds.photos(4).run()).tolist() == [[1], [3]]


def test_a_torch_module_is_handed_squares_and_its_maps_are_averaged():
    step = Module("own_models:net", side_px=16, batch=4)
    check_step(step, world=worlds.photos(12, classes=2))
    world = worlds.photos(9)
    assert step.describe(list(world.run().images(world.data)), world.run()).shape == (9, 5)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("", "package.module:callable"),
        ("own_models", "package.module:callable"),
        ("no_such_package:net", "cannot be imported"),
        ("own_models:brightnes", "did you mean 'brightness'"),
        ("own_models:pi", "no callable"),
        ("own_models:failing", "ZeroDivisionError"),
        ("own_models:number", "neither a torch module nor callable"),
        ("own_models:flat", "is needed"),
        ("own_models:holes", "not finite"),
    ],
)
def test_what_is_wrong_is_said(factory, said):
    world = worlds.photos(4)
    with pytest.raises(StepError, match=said):
        Module(factory).describe(list(world.run().images(world.data)), world.run())


def test_a_torch_module_takes_no_texts():
    with pytest.raises(StepError, match="for texts"):
        Module("own_models:net").describe(["a"], worlds.photos(4).run())
