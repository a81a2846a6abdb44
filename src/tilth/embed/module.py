"""Module: an embedding by a model of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tilth.errors import StepError, did_you_mean
from tilth.numerics.batches import normalised, stacked
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class Module:
    """Describe samples by a user's own model.

    `factory` is called without arguments and returns a torch module, which is handed (b, c, side, side) float32 and
    gives (b, d) or (b, d, h, w), or any callable, which is handed the batch as it is: a list of uint8 (h, w, c)
    pictures or of texts.
    """

    factory: str = ""  # package.module:callable
    side_px: int = 224  # of the square a torch module is handed; what most published backbones were trained on
    channels: int = 3  # 1 or 3, of the same
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # taken from values within 0..1; those of ImageNet
    std: tuple[float, ...] = (0.229, 0.224, 0.225)  # divided by; those of ImageNet
    batch: int = 64  # pictures a forward pass; bounds the memory

    version = 1
    gives = ("embedding",)
    grain = "sample"
    cost = "that of the model"

    def describe(self, batch: Sequence[Any], run: Run) -> Array:
        """(b, d) float32. Raises StepError where the factory cannot be imported, or its model gives another shape."""
        model = _made(self.factory)
        asked = _torch(model, self, run) if _is_torch(model) else model
        parts = [
            _checked(asked(list(batch[at : at + self.batch])), len(batch[at : at + self.batch]), self.factory)
            for at in range(0, len(batch), self.batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


@cache  # a backbone is loaded once, not once a batch
def _made(factory: str) -> Any:
    asked = f"embed.module was asked for factory = {factory!r}"
    package, _, name = factory.partition(":")
    if not package or not name:
        raise StepError(f'{asked}; write it as "package.module:callable".')
    try:
        module = importlib.import_module(package)
    except Exception as fault:  # the module is the user's: importing it may raise anything
        raise StepError(f"{asked}, and {package} cannot be imported ({type(fault).__name__}: {fault}).") from fault
    if not callable(make := getattr(module, name, None)):
        found = did_you_mean(name, vars(module))
        raise StepError(f"{asked}, and {package} has no callable {name!r}{found}.")
    try:
        model = make()
    except Exception as fault:
        raise StepError(f"{asked}, and calling it raised {type(fault).__name__}: {fault}.") from fault
    if not callable(model):
        raise StepError(f"{asked}; it returned a {type(model).__name__}, which is neither a torch module nor callable.")
    return model


def _is_torch(model: Any) -> bool:
    # Torch is loaded by whoever made the module: a plain callable does not pay for it.
    return any(kind.__module__.startswith("torch.nn") and kind.__name__ == "Module" for kind in type(model).__mro__)


def _torch(model: Any, step: Module, run: Run) -> Callable[[list[Any]], Array]:
    import torch

    device = torch.device(run.device)
    model = model.to(device).eval()

    def asked(batch: list[Any]) -> Array:
        if isinstance(batch[0], str):
            raise StepError(f"embed.module: {step.factory} gave a torch module; for texts it must give a callable.")
        pixels = normalised(stacked(batch, step.side_px, step.channels), step.mean, step.std)
        with torch.inference_mode():
            return model(torch.from_numpy(pixels).to(device)).float().cpu().numpy()

    return asked


def _checked(values: Any, b: int, factory: str) -> Array:
    found = np.asarray(values, dtype=np.float32)
    if found.ndim == 4:
        found = found.mean(axis=(2, 3))  # feature maps: their mean is what backbones classify by
    if found.ndim != 2 or len(found) != b:
        raise StepError(f"embed.module: {factory} was handed {b} samples and gave {found.shape}; ({b}, d) is needed.")
    if not np.isfinite(found).all():
        raise StepError(f"embed.module: {factory} gave values that are not finite.")
    return found
