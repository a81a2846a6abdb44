"""A recurrent network that writes: LSTMs that look at the text through a window which they move along it.

Only the first layer and the window depend on each other from step to step. They run in a loop; every other layer goes
over the whole sequence at once.

Source: Graves 2013, arXiv:1308.0850, section 5.1, equations 46 to 54, with his skip connections.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from tilth.synthesize.recurrent.mixture import outputs
from tilth.synthesize.recurrent.unrolled import Layer, Windowed

_MOST = 6.0  # bound of what goes into exp: e^6 is far beyond any use, and e^100 is no number


@dataclass(frozen=True)
class Shape:
    """How large a network is; Graves' own is 400, 3, 10, 20.

    letters  in the alphabet
    hidden   cells of a layer
    layers   LSTM layers; the window hangs on the first
    windows  components of the window
    mixtures densities for the next step
    pace     characters a step on the average: the window starts to move about so fast
    """

    letters: int
    hidden: int = 128
    layers: int = 2
    windows: int = 5
    mixtures: int = 10
    pace: float = 0.06


@dataclass
class Memory:
    """What the network remembers between two steps.

    h, c     (b, hidden) of the first layer
    window   (b, letters) what is seen of the text
    kappa    (b, windows) where the window stands, in characters
    deeper   (h, c) of each other layer
    """

    h: torch.Tensor
    c: torch.Tensor
    window: torch.Tensor
    kappa: torch.Tensor
    deeper: list[tuple[torch.Tensor, torch.Tensor]]


class Net(nn.Module):
    """Steps (t, b, 3) and texts (b, u, letters) -> answers (t, b, 6 m + 2) about the step that follows each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        h, a = shape.hidden, shape.letters
        self.into = nn.Linear(3, 4 * h)
        self.around = nn.Linear(h + a, 4 * h, bias=False)
        self.look = nn.Linear(h, 3 * shape.windows)
        self.deeper = nn.ModuleList(_Deeper(3 + a + h, h) for _ in range(shape.layers - 1))
        self.answer = nn.Linear(h * shape.layers, outputs(shape.mixtures))
        _start(self)

    def forward(self, steps: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        below, seen = Windowed.apply(  # pyright: ignore[reportGeneralTypeIssues]
            self.into(steps), self.around.weight, self.look.weight, self.look.bias, texts, self.shape.pace, _MOST
        )
        layers = [below]
        for layer in self._layers():
            layers.append(layer(torch.cat([steps, seen, layers[-1]], 2)))
        return self.answer(torch.cat(layers, 2))

    def _layers(self) -> list[_Deeper]:
        return [layer for layer in self.deeper if isinstance(layer, _Deeper)]

    def fresh(self, b: int, device: torch.device | str = "cpu") -> Memory:
        """Before the first step."""

        def zeros(n: int) -> torch.Tensor:
            return torch.zeros(b, n, device=device)

        s = self.shape
        deeper = [(zeros(s.hidden), zeros(s.hidden)) for _ in self.deeper]
        return Memory(zeros(s.hidden), zeros(s.hidden), zeros(s.letters), zeros(s.windows), deeper)

    def one(self, step: torch.Tensor, texts: torch.Tensor, memory: Memory) -> tuple[torch.Tensor, torch.Tensor, Memory]:
        """One step (b, 3) further: answers (b, 6 m + 2), how much is seen of each character and of the place past the
        last (b, u + 1), and the memory."""
        around = torch.cat([memory.h, memory.window], 1)
        h, c = _cell(self.into(step), around, memory.c, self.around.weight)
        seen, kappa = self._moved(h, memory.kappa, _places(texts, past=True))
        window = torch.bmm(seen[:, None, :-1], texts).squeeze(1)
        layers, kept = [h], []
        for layer, (deep_h, deep_c) in zip(self._layers(), memory.deeper, strict=True):
            entered = layer.into(torch.cat([step, window, layers[-1]], 1))
            kept.append(_cell(entered, deep_h, deep_c, layer.around.weight))
            layers.append(kept[-1][0])
        return self.answer(torch.cat(layers, 1)), seen, Memory(h, c, window, kappa, kept)

    def _moved(self, h: torch.Tensor, kappa: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(b, u) how much is seen of each place, and where the components stand now."""
        alpha, beta, move = self.look(h).clamp(-_MOST, _MOST).float().exp().chunk(3, 1)
        kappa = kappa + self.shape.pace * move
        far = (kappa.unsqueeze(2) - places).square()
        return (alpha.unsqueeze(2) * torch.exp(-beta.unsqueeze(2) * far)).sum(1), kappa


class _Deeper(nn.Module):
    """A layer that looks on: (t, b, d) -> (t, b, h)."""

    def __init__(self, d: int, h: int) -> None:
        super().__init__()
        self.into = nn.Linear(d, 4 * h)
        self.around = nn.Linear(h, 4 * h, bias=False)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        return Layer.apply(self.into(steps), self.around.weight)  # pyright: ignore[reportReturnType]


def _places(texts: torch.Tensor, *, past: bool) -> torch.Tensor:
    return torch.arange(texts.shape[1] + past, device=texts.device, dtype=torch.float32)


def _cell(
    entered: torch.Tensor, around: torch.Tensor, c: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of an LSTM whose input was taken in before; the four gates are one product."""
    gates = entered + around @ weight.t()
    let, forget, new, out = gates.chunk(4, 1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(let) * torch.tanh(new)
    return torch.sigmoid(out) * torch.tanh(c), c


def _start(net: Net) -> None:
    """First weights: gates that remember, and a window of about a character that moves at the usual pace."""
    h = net.shape.hidden
    for name, value in net.named_parameters():
        if value.dim() > 1:
            nn.init.normal_(value, 0.0, 1 / math.sqrt(value.shape[1]))
        else:
            nn.init.zeros_(value)
        if name.endswith("into.bias"):
            nn.init.ones_(value[h : 2 * h])
    nn.init.normal_(net.look.weight, 0.0, 0.1 / math.sqrt(h))
    with torch.no_grad():
        windows = net.shape.windows
        # Components of several widths and shares: alike ones would learn alike.
        net.look.bias[:windows] = math.log(1 / windows)
        net.look.bias[windows : 2 * windows] = torch.linspace(0.0, 1.5, windows)
