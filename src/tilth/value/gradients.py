"""The gradient of each sample's loss, read layer by layer and never held for more than one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from tilth.value.taps import Tap, Taps, frozen

Directions = Mapping[str, torch.Tensor]
"""Name of a parameter -> (m, numel) one row per direction."""


class Reader(Protocol):
    """What is made of the gradients of a batch: linear in them, summed over parameters."""

    def take(self, name: str, each: torch.Tensor) -> None:
        """(b, numel) the gradients of a parameter."""
        ...


@dataclass
class Dots:
    """Products with directions: `sums` (b, m). scale: name -> (numel,) factors of the gradients, where there are any."""

    directions: Directions
    scale: Mapping[str, torch.Tensor] | None = None
    sums: Any = 0.0

    def take(self, name: str, each: torch.Tensor) -> None:
        directions = self.directions[name]
        if self.scale is not None:  # scaled on the side that is smaller
            scale = self.scale[name]
            each, directions = (each * scale, directions) if len(each) < len(directions) else (each, directions * scale)
        self.sums = self.sums + each @ directions.T


@dataclass
class Squares:
    """Squared lengths: `sums` (b,). scale: as in Dots."""

    scale: Mapping[str, torch.Tensor] | None = None
    sums: Any = 0.0

    def take(self, name: str, each: torch.Tensor) -> None:
        weighed = each * self.scale[name] if self.scale is not None else each
        self.sums = self.sums + (each * weighed).sum(1)


@dataclass
class Whole:
    """The gradients themselves: name -> (b, numel)."""

    found: dict[str, torch.Tensor] = field(default_factory=dict)

    def take(self, name: str, each: torch.Tensor) -> None:
        self.found[name] = each


def trained(net: nn.Module) -> dict[str, torch.Tensor]:
    """Name -> parameter, of those that are trained."""
    return {name: weight for name, weight in net.named_parameters() if weight.requires_grad}


def read(net: nn.Module, b: int, losses: Callable[[], torch.Tensor], readers: Sequence[Reader]) -> None:
    """Hand the gradient of each of b losses to the readers.

    losses  -> (b,) of a forward pass of `net`, called once; a second time where layers cannot be tapped
    """
    with Taps(net, b) as taps:
        found = losses()
    if tappable(taps):
        backs = torch.autograd.grad(found.sum(), [tap.out for tap in taps.found], allow_unused=True)
        hand(taps.found, backs, readers)
    else:
        one_by_one(net, losses(), readers)


def tappable(taps: Taps) -> bool:
    """Whether the taps hold every parameter that is trained."""
    return taps.covered() == taps.wanted()


def backs_of(taps: Taps, loss: torch.Tensor) -> Sequence[torch.Tensor | None]:
    """Gradients of the loss at the exits of the layers, each sample by itself."""
    with frozen():
        return torch.autograd.grad(loss, [tap.out for tap in taps.found], allow_unused=True)


@torch.no_grad()
def hand(taps: Sequence[Tap], backs: Sequence[torch.Tensor | None], readers: Sequence[Reader]) -> None:
    """From the gradients at the exits of the layers to those of the parameters, and these to the readers."""
    waiting: dict[str, list[tuple[Tap, torch.Tensor, int]]] = {}
    for tap, back in zip(taps, backs, strict=True):
        for which, name in enumerate(tap.names):
            if name is not None and back is not None:
                waiting.setdefault(name, []).append((tap, back, which))
    done: set[str] = set()
    for name, uses in waiting.items():
        if name in done:
            continue
        first = uses[0][0]
        if all(len(waiting[other]) == 1 for other in first.names if other is not None):
            found = first.weigh(uses[0][1])  # weight and bias at once
            for other, each in zip(first.names, found, strict=True):
                if other is not None and each is not None:
                    _take(readers, other, each)
                    done.add(other)
            continue
        parts = [tap.weigh(back)[which] for tap, back, which in uses]  # one weight, used in several places
        _take(readers, name, torch.stack([part for part in parts if part is not None]).sum(0))
        done.add(name)


def _take(readers: Sequence[Reader], name: str, each: torch.Tensor) -> None:
    for reader in readers:
        reader.take(name, each.flatten(1))


def one_by_one(net: nn.Module, losses: torch.Tensor, readers: Sequence[Reader]) -> None:
    """As `read`, by a way back per sample: right for any network, and slow."""
    weights = trained(net)
    rows: list[Sequence[torch.Tensor]] = []
    for loss in losses:
        found = torch.autograd.grad(loss, list(weights.values()), retain_graph=True, allow_unused=True)
        rows.append([torch.zeros_like(w) if g is None else g for g, w in zip(found, weights.values(), strict=True)])
    for at, name in enumerate(weights):
        _take(readers, name, torch.stack([row[at] for row in rows]))


def blocks(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover n rows."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def room(net: nn.Module, mb: int = 256) -> int:
    """How many gradients of this network fit into so many MB; at least 1, at most 256."""
    numel = sum(weight.numel() for weight in trained(net).values())
    return max(1, min(256, (mb << 20) // (4 * max(numel, 1))))
