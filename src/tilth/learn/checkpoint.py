"""What a training wants to find again after a kill."""

from __future__ import annotations

import contextlib
import os
import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

EVERY_S = 20.0  # a kill costs at most so much work; writing a network of 20 MB takes 0.05 s


@dataclass
class Standing:
    """Where a training stands, apart from weights and optimizer.

    epoch, step  the next step to be done
    sums         (3,) of the epoch so far: loss, right answers, samples
    best         weights of the best epoch so far
    best_epoch   its number from 1; 0 where none was chosen
    visits       (epochs, n, 3) what was recorded, or None
    """

    epoch: int = 0
    step: int = 0
    sums: torch.Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))
    seconds: float = 0.0
    curves: list[dict[str, float]] = field(default_factory=list)
    best_accuracy: float = float("-inf")
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    visits: torch.Tensor | None = None


class Checkpoint:
    """One file, always whole: written aside and renamed."""

    def __init__(self, folder: Path, every_s: float) -> None:
        self._file, self._every_s = folder / "state.pt", every_s
        self._last = time.monotonic()

    def load(self, net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Standing:
        """Put net and optimizer back where they stood; a fresh Standing where there is nothing to go on from."""
        state = self._read()
        if state is None:
            return Standing()
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        return Standing(**state["standing"])

    def _read(self) -> dict[str, Any] | None:
        try:
            return torch.load(self._file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
            self._file.unlink(missing_ok=True)  # damaged, say by a full disk: the training begins anew
            return None

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self._last >= self._every_s

    def save(self, net: torch.nn.Module, optimizer: torch.optim.Optimizer, standing: Standing) -> None:
        """Write all that `load` needs."""
        aside = self._file.with_name(f"state-{os.getpid()}.part")
        state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "standing": dict(vars(standing))}
        torch.save(state, aside)
        aside.replace(self._file)
        self._last = time.monotonic()

    def remove(self) -> None:
        """The training is over."""
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else lies there
            self._file.parent.rmdir()
