"""A network of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from tilth.errors import LearnerError, SettingError, did_you_mean
from tilth.learn.network import Blueprint, Networked
from tilth.learn.plan import Keep, Optimizer, Plan, Schedule


@dataclass(frozen=True)
class Module(Networked):
    """Train a network of your own: `factory` is called as `factory(num_classes=k, **kwargs)`.

    It returns a torch module that takes (b, 3, size, size) float32, of mean 0 and deviation 1 over the train samples,
    and answers (b, k) before softmax. `torchvision.models:resnet34` is one where torchvision is installed.
    """

    factory: str = ""  # package.module:callable
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # handed to the factory
    size_px: int = 64  # side to which pictures are brought
    batch: int = 64
    epochs: int = 30
    optimizer: Optimizer = "sgd"  # adam, adamw or sgd
    rate: float = 0.05  # usual for SGD at batch 64; adam and adamw want about 0.001
    momentum: float = 0.9  # of sgd
    nesterov: bool = False  # of sgd
    dampening: float = 0.0  # of sgd
    clip_norm: float = 0.0  # gradients longer than this are shortened to it; 0: never
    weight_decay: float = 5e-4
    schedule: Schedule = "cosine"  # none, cosine or step (a tenth each 30 epochs)
    warmup_share: float = 0.05
    keep: Keep = "best"  # by valid accuracy where there are valid samples; or last
    label_smoothing: float = 0.0
    precision: str = "auto"  # auto: bf16 where a probe finds it faster; fp32 or bf16 to pin it

    version = 1
    gives = ("probabilities", "features")
    modality = ("image",)
    cost = "that of the network"

    def blueprint(self) -> Blueprint:
        """Raises LearnerError where the factory cannot be called; its network is tried when it is trained."""
        make = _factory(self.factory)
        plan = Plan(
            epochs=self.epochs,
            batch=self.batch,
            optimizer=self.optimizer,
            rate=self.rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            dampening=self.dampening,
            clip_norm=self.clip_norm,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            warmup_share=self.warmup_share,
            keep=self.keep,
            label_smoothing=self.label_smoothing,
        )
        return Blueprint(
            f"learn.module {self.factory}",
            lambda k, _: _made(make, k, self),
            plan,
            self.size_px,
            precision=self.precision,
        )


def _factory(name: str) -> Callable[..., Any]:
    asked = f"learn.module was asked for factory = {name!r}"
    package, _, what = name.partition(":")
    if not package or not what:
        raise SettingError(f'{asked}; write it as "package.module:callable".')
    try:
        module = importlib.import_module(package)
    except Exception as fault:  # the module is the user's: importing it may raise anything
        raise LearnerError(
            f"{asked}, and {package} cannot be imported ({type(fault).__name__}: {fault}).\n"
            "  Install it, or put its folder on PYTHONPATH."
        ) from fault
    make = getattr(module, what, None)
    if not callable(make):
        raise LearnerError(f"{asked}, and {package} has no callable {what!r}{did_you_mean(what, vars(module))}")
    return make


def _made(make: Callable[..., Any], k: int, step: Module) -> nn.Module:
    asked = f"learn.module: {step.factory}(num_classes={k}, **{dict(step.kwargs)})"
    try:
        net = make(num_classes=k, **step.kwargs)
    except Exception as fault:
        raise LearnerError(f"{asked} raised {type(fault).__name__}: {fault}") from fault
    if not isinstance(net, nn.Module):
        raise LearnerError(f"{asked} returned a {type(net).__name__}; a torch.nn.Module is needed")
    return net
