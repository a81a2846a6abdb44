"""Teaching a network to write. The same seed gives the same weights, also after a kill."""

from __future__ import annotations

import math
import os
import pickle
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.errors import StepError
from tilth.signal import Array
from tilth.synthesize.recurrent.mixture import Mixture
from tilth.synthesize.recurrent.network import Net, Shape
from tilth.synthesize.recurrent.offsets import jittered

_EVERY_S = 20.0  # a kill costs at most so much work
_SHARED = 1 << 18  # batch x hidden^2 below which a step is not shared out: threads would wait longer than they work
_POOL = 16  # batches whose writings are sorted by length, so that little of a batch is empty


@dataclass(frozen=True)
class Plan:
    """How a network is taught.

    steps   of the optimizer, Adam
    rate    at the top of the warm-up; it falls along a cosine to a thirtieth
    clip    the longest gradient
    noise   by which each point is moved, a share of a step
    """

    steps: int = 3000
    batch: int = 64
    rate: float = 4e-3
    clip: float = 1.0
    noise: float = 0.05


@dataclass(frozen=True)
class Lesson:
    """Writings to learn from.

    texts     what each says, as places in the alphabet
    steps     (t, 3) of each
    alphabet  all characters
    """

    texts: tuple[Array, ...]
    steps: tuple[Array, ...]
    alphabet: str

    @classmethod
    def of(cls, writings: Sequence[tuple[str, Array]], alphabet: str) -> Lesson:
        return cls(tuple(coded(text, alphabet) for text, _ in writings), tuple(s for _, s in writings), alphabet)

    @property
    def pace(self) -> float:
        """Characters a step."""
        return sum(map(len, self.texts)) / max(sum(map(len, self.steps)), 1)


def coded(text: str, alphabet: str) -> Array:
    """(u,) places of its characters in the alphabet. Raises StepError for one that is not in it."""
    for letter in text:
        if letter not in alphabet:
            raise StepError(
                f"{text!r} cannot be written: {letter!r} is none of the characters that were learned, {alphabet!r}"
            )
    return np.array([alphabet.index(letter) for letter in text], np.int64)


def one_hot(texts: Sequence[Array], letters: int, *, room: int = 0) -> torch.Tensor:
    """(b, u, letters); zeros behind the end of a text."""
    out = torch.zeros(len(texts), max([room, *map(len, texts)]), letters)
    for at, text in enumerate(texts):
        out[at, torch.arange(len(text)), torch.from_numpy(text)] = 1
    return out


def taught(
    lesson: Lesson,
    shape: Shape,
    plan: Plan,
    *,
    seed: int,
    folder: Path | None = None,
    device: str = "cpu",
    threads: int = 1,
    precision: str = "fp32",
    advance: Callable[[int], None] = lambda steps: None,
    saw: Callable[[int, float], None] = lambda step, loss: None,
) -> Net:
    """A network that writes as the lesson does.

    folder   where it goes on from after a kill; emptied at the end
    advance  told how many steps were done
    saw      told the number of each step and its loss, nats a step of the pen

    Raises StepError where the loss is no longer finite.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads if plan.batch * shape.hidden**2 >= _SHARED else 1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            net = Net(shape)
        _acquainted(net, lesson, np.random.default_rng([seed, 11]))
        net.to(device)
        optimizer = torch.optim.Adam(net.parameters(), lr=plan.rate, betas=(0.9, 0.98))
        kept = _Kept(folder)
        begin = kept.load(net, optimizer)
        advance(begin)
        for at in range(begin, plan.steps):
            loss = _step(net, optimizer, _batch(lesson, plan, seed, at, device), plan, at, precision)
            if not math.isfinite(loss):
                raise StepError(f"the loss is {loss} in step {at + 1}: the training went astray. Choose a lower rate.")
            advance(1)
            saw(at, loss)
            kept.maybe(net, optimizer, at + 1)
        kept.remove()
    finally:
        torch.set_num_threads(before)
    return net.eval()


@torch.no_grad()
def _acquainted(net: Net, lesson: Lesson, rng: np.random.Generator) -> None:
    """Densities that begin where steps lead: half of them at steps on paper, half at moves of the lifted pen.

    Such a move is ten times as long as a step; to get there from 0 took hundreds of steps of the optimizer, in which all that
    was written stood in a wrong place.
    """
    steps = np.concatenate(lesson.steps)
    lifted = np.concatenate([np.r_[1, own[:-1, 2]] for own in lesson.steps]) > 0.5
    m = net.shape.mixtures
    flying = m // 2
    bias = net.answer.bias
    for begin, many, of, wide in ((0, m - flying, steps[~lifted], 0.5), (m - flying, flying, steps[lifted], 1.5)):
        if not many or not len(of):
            continue
        means = of[rng.integers(len(of), size=many), :2]
        bias[m + 2 * begin : m + 2 * (begin + many)] = torch.from_numpy(means).flatten()
        bias[3 * m + 2 * begin : 3 * m + 2 * (begin + many)] = math.log(wide)
    # A network that takes every point for the last one of a stroke, as likely as not, writes dots for a long while.
    for at, found in ((-2, float(steps[:, 2].mean())), (-1, len(lesson.steps) / len(steps))):
        share = min(max(found, 1e-3), 1 - 1e-3)
        bias[at] = math.log(share / (1 - share))


def _step(
    net: Net, optimizer: torch.optim.Optimizer, batch: tuple[torch.Tensor, ...], plan: Plan, at: int, precision: str
) -> float:
    for group in optimizer.param_groups:
        group["lr"] = plan.rate * _share(at, plan.steps)
    loss = loss_of(net, batch, precision=precision)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), plan.clip)
    optimizer.step()
    return float(loss.detach())


def loss_of(net: Net, batch: tuple[torch.Tensor, ...], *, precision: str = "fp32") -> torch.Tensor:
    """Nats a step of the pen. A batch is steps (t, b, 3), texts (b, u, letters), weights (t, b) and last ones (t, b)."""
    steps, texts, weights, last = batch
    # The first answer is about the first step: the network is handed nothing, and a lifted pen.
    entered = torch.cat([_lifted(steps), steps[:-1]])
    kind = steps.device.type
    low = torch.autocast(kind, torch.bfloat16) if precision == "bf16" else nullcontext()
    with low:
        answers = net(entered, texts)
    return (Mixture.of(answers).loss(steps, last) * weights).sum() / weights.sum()


def _lifted(steps: torch.Tensor) -> torch.Tensor:
    first = torch.zeros_like(steps[:1])
    first[..., 2] = 1
    return first


def _batch(lesson: Lesson, plan: Plan, seed: int, at: int, device: str) -> tuple[torch.Tensor, ...]:
    rng = np.random.default_rng([seed, 7, at])
    rows = _rows(lesson, plan.batch, seed, at)
    return tuple(part.to(device) for part in packed(lesson, rows, noise=plan.noise, rng=rng))


def packed(lesson: Lesson, rows: Array, *, noise: float, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """The batch of these rows, as `loss_of` takes it."""
    t = max(len(lesson.steps[row]) for row in rows)
    steps, weights, last = np.zeros((t, len(rows), 3), np.float32), np.zeros((t, len(rows))), np.zeros((t, len(rows)))
    for column, row in enumerate(rows):
        own = jittered(lesson.steps[row], noise, rng) if noise else lesson.steps[row]
        steps[: len(own), column], weights[: len(own), column], last[len(own) - 1, column] = own, 1, 1
    texts = one_hot([lesson.texts[row] for row in rows], len(lesson.alphabet))
    return (torch.from_numpy(steps), texts, torch.from_numpy(weights).float(), torch.from_numpy(last).float())


def _rows(lesson: Lesson, batch: int, seed: int, at: int) -> Array:
    """Which writings the batch of this step holds: passes in an order of their own, sorted by length in parts."""
    n = len(lesson.steps)
    per_pass = max(n // batch, 1)
    turn, place = divmod(at, per_pass)
    rng = np.random.default_rng([seed, 3, turn])
    order = rng.permutation(n)
    lengths = np.array([len(one) for one in lesson.steps])[order]
    size = batch * _POOL
    parts = [
        order[start : start + size][np.argsort(lengths[start : start + size], kind="stable")]
        for start in range(0, n, size)
    ]
    rows = np.concatenate(parts)
    batches = [rows[start : start + batch] for start in range(0, per_pass * batch, batch)]
    return batches[int(rng.permutation(per_pass)[place])]


def _share(at: int, steps: int) -> float:
    """Of the highest rate: up over the first twentieth, at most 100 steps, then down along a cosine."""
    rise = max(min(steps // 20, 100), 1)
    if at < rise:
        return (at + 1) / rise
    way = (at - rise) / max(steps - rise, 1)
    return 1 / 30 + (1 - 1 / 30) * 0.5 * (1 + math.cos(math.pi * way))


class _Kept:
    """What a training finds again after a kill: one file, always whole, written aside and renamed."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / "writing.pt" if folder is not None else None
        self._last = time.monotonic()

    def load(self, net: Net, optimizer: torch.optim.Optimizer) -> int:
        """The step to go on from; 0 where nothing was kept."""
        if self._file is None:
            return 0
        try:
            state: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return 0
        except (OSError, RuntimeError, ValueError, EOFError, LookupError, pickle.UnpicklingError):
            self._file.unlink(missing_ok=True)  # damaged, say by a full disk: the training begins anew
            return 0
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])

    def maybe(self, net: Net, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Write it down, where it is time."""
        if self._file is None or time.monotonic() - self._last < _EVERY_S:
            return
        aside = self._file.with_name(f"writing-{os.getpid()}.part")
        torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, aside)
        aside.replace(self._file)
        self._last = time.monotonic()

    def remove(self) -> None:
        if self._file is not None:
            self._file.unlink(missing_ok=True)
