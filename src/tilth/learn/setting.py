"""Setting: how the machine is used in a training. It changes speed and rounding, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Setting:
    """How the machine is used.

    precision      `bf16`: matrix products in bfloat16, weights and sums in float32 (autocast)
    threads        of one process
    channels_last  memory order of pictures and kernels
    fused          one kernel for a step of the optimizer
    """

    device: str = "cpu"
    precision: Precision = "fp32"
    threads: int = 1
    channels_last: bool = True
    fused: bool = True

    def place(self, net: nn.Module) -> nn.Module:
        """The network on the device, in the memory order."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        return net.to(self.device).to(memory_format=order)  # pyright: ignore[reportCallIssue]

    def precise(self) -> AbstractContextManager[object]:
        """The precision of what is computed within."""
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16")

    @contextmanager
    def active(self) -> Iterator[None]:
        """This many threads and dice of its own within; as they were after."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.random.fork_rng():
                yield
        finally:
            torch.set_num_threads(before)
