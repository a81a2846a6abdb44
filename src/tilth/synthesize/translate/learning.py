"""A translator is taught: batches of two domains, step by step, to arrays of weights; and it is asked.

A training that is stopped goes on where it was saved, to the same weights.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tilth.errors import LearnerError
from tilth.signal import Array
from tilth.synthesize.translate.translators import Batch, Contrastive, Cyclic, Game

_EVERY_S = 10.0  # a kill costs at most so much work
_SAVING = 50  # times as long as saving takes passes between two savings: large networks are saved less often
_GFLOP_PER_THREAD = 2.0  # of the generator, for each step; at 32 px it has 1.5 of them, at 64 px 6
_ASK = 64  # pictures that are drawn at once

Dice = Callable[..., np.random.Generator]
"""Called with plain values: a generator of their own."""


@dataclass(frozen=True)
class Domain:
    """Pictures of a domain.

    pictures  (n, c, s, s) uint8
    labels    (n,) int; -1 where there is none
    """

    pictures: Array
    labels: Array


@dataclass(frozen=True)
class Lesson:
    """How a translator is taught.

    steps, batch  steps, and pictures of either domain in each
    balanced      classes are drawn evenly, and the target's pictures are of the classes of the source's (the pictures that it
                  draws from)
    average       of the weights that are kept, what stays at each step; 0: the last ones are kept
    precision     fp32 or bf16
    """

    steps: int
    batch: int
    balanced: bool
    average: float
    precision: str
    device: str
    threads: int


def taught(
    game: Game,
    lesson: Lesson,
    source: Domain,
    target: Domain,
    dice: Dice,
    *,
    folder: Path,
    advance: Callable[[int], None],
) -> Mapping[str, Array]:
    """Weights of the generator by name, and `curves` (steps, 3): losses of the critic, of deceit, of content.

    Raises LearnerError where a loss is no longer finite.
    """
    with prepared(lesson, dice("start")):
        play = _placed(game.begin(), lesson)
        kept = copy.deepcopy(play.forth).requires_grad_(False)
        file = folder / "translator.pt"
        done, curves = _loaded(file, play, kept, lesson)
        advance(done)
        saved, spent = time.monotonic(), 0.0
        draws = Draws(source, target, lesson, told=bool(game.classes))
        for step in range(done, lesson.steps):
            rng = dice("step", step)
            _set_rates(play, falling(step, lesson.steps))
            with precise(lesson):
                losses = play.step(draws.batch(rng), rng, 1 - step / lesson.steps)
            if not np.isfinite(losses).all():
                raise LearnerError(
                    f"synthesize.translation: a loss is {losses} in step {step + 1}. Choose a lower rate."
                )
            curves.append(losses)
            _follow(kept, play.forth, step, lesson.average)
            advance(1)
            if time.monotonic() - saved > max(_EVERY_S, _SAVING * spent):
                saved = time.monotonic()
                _save(file, play, kept, step + 1, curves)
                spent = time.monotonic() - saved
        weights = {name: value.cpu().numpy() for name, value in kept.state_dict().items()}
        file.unlink(missing_ok=True)
        return {**weights, "curves": np.array(curves, np.float32).reshape(-1, 3)}


def drawn(game: Game, lesson: Lesson, weights: Mapping[str, Array], pictures: Array) -> Array:
    """Pictures (n, c, s, s) of 0..255, float32, as the generator of these weights draws pictures (n, c, s, s) uint8."""
    if not len(pictures):
        return np.zeros(pictures.shape, np.float32)
    state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items() if name != "curves"}
    with prepared(lesson, np.random.default_rng(0)), torch.no_grad():
        net = game.generator()
        net.load_state_dict(state)
        net = _placed(net, lesson).eval()
        blocks = [_scaled(pictures[at : at + _ASK]).to(lesson.device) for at in range(0, len(pictures), _ASK)]
        return np.concatenate([((net(one).float() + 1) * 127.5).cpu().numpy() for one in blocks])


def threads_for(game: Game, batch: int, most: int) -> int:
    """How many threads pay: a step of small pictures is slower on two than on one, above all beside a busy neighbour."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.random.fork_rng(devices=[]), torch.no_grad():
        game.generator()(torch.zeros(batch, game.channels, game.side_px, game.side_px))
    return max(1, min(most, int(3 * counter.get_total_flops() / 1e9 / _GFLOP_PER_THREAD)))


def falling(step: int, steps: int) -> float:
    """Share of the rate at a step: whole for the first half, then down to nothing along a line, as CycleGAN's."""
    return min(1.0, 2 * (1 - step / steps))


class Draws:
    """What each step sees."""

    def __init__(self, source: Domain, target: Domain, lesson: Lesson, *, told: bool) -> None:
        self.source, self.target, self.lesson, self.told = source, target, lesson, told
        self.held = [_scaled(one.pictures).to(lesson.device) for one in (source, target)]
        self.classes = np.unique(source.labels[source.labels >= 0])
        self.rows = {int(label): _rows(source, target, int(label)) for label in self.classes}

    def batch(self, rng: np.random.Generator) -> Batch:
        own, other = self.drawn(rng)
        told = [self._told(domain, rows) for domain, rows in ((self.source, own), (self.target, other))]
        taken = [
            held[torch.from_numpy(rows).to(held.device)] for held, rows in zip(self.held, (own, other), strict=True)
        ]
        return Batch(*taken, *told)

    def drawn(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Rows (b,) of the source and of the target."""
        count, sizes = self.lesson.batch, (len(self.source.labels), len(self.target.labels))
        if not self.lesson.balanced:
            return rng.integers(sizes[0], size=count), rng.integers(sizes[1], size=count)
        pairs = [self.rows[int(label)] for label in rng.choice(self.classes, count)]
        own = np.array([rng.choice(rows) for rows, _ in pairs])
        return own, np.array([rng.choice(rows) for _, rows in pairs])

    def _told(self, domain: Domain, rows: Array) -> Tensor | None:
        return torch.from_numpy(domain.labels[rows]).to(self.lesson.device) if self.told else None


def _rows(source: Domain, target: Domain, label: int) -> tuple[Array, Array]:
    """The rows of a class in both; all of the target where it has none of the class."""
    own, other = np.flatnonzero(source.labels == label), np.flatnonzero(target.labels == label)
    return own, other if len(other) else np.arange(len(target.labels))


@contextmanager
def prepared(lesson: Lesson, rng: np.random.Generator) -> Iterator[None]:
    """The threads of the lesson and torch's dice from these within; both as they were after."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(lesson.threads, 1))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            yield
    finally:
        torch.set_num_threads(before)


def precise(lesson: Lesson) -> torch.autocast:
    """The precision of what is computed within."""
    kind = torch.device(lesson.device).type
    return torch.autocast(kind, torch.bfloat16, enabled=lesson.precision == "bf16")


def _placed(net: Any, lesson: Lesson) -> Any:
    # Channels last pays on a GPU; on a CPU it took 1.4 times as long, for groups of one channel are normalised.
    order = torch.channels_last if torch.device(lesson.device).type == "cuda" else torch.contiguous_format
    return net.to(lesson.device).to(memory_format=order)


def _scaled(pictures: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).float() / 127.5 - 1


def _set_rates(play: Contrastive | Cyclic, share: float) -> None:
    for optimizer in play.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = optimizer.defaults["lr"] * share


@torch.no_grad()
def _follow(kept: nn.Module, net: nn.Module, step: int, average: float) -> None:
    """The kept weights go a part of the way to the present ones; a larger part at first."""
    stays = min(average, (1 + step) / (10 + step)) if average else 0.0
    for own, other in zip(kept.parameters(), net.parameters(), strict=True):
        own.lerp_(other, 1 - stays)


# -- what a kill must not cost ----------------------------------------------------------------------------------


def _save(file: Path, play: Contrastive | Cyclic, kept: nn.Module, done: int, curves: list[tuple[float, ...]]) -> None:
    """All that `_loaded` needs, written aside and renamed."""
    state: dict[str, Any] = {"play": play.state_dict(), "kept": kept.state_dict(), "done": done, "curves": curves}
    state |= {name: one.state_dict() for name, one in play.optimizers.items()}
    aside = file.with_suffix(".part")
    torch.save(state, aside)
    aside.replace(file)


def _loaded(
    file: Path, play: Contrastive | Cyclic, kept: nn.Module, lesson: Lesson
) -> tuple[int, list[tuple[float, ...]]]:
    """Steps that are done, and their losses; 0 and none where there is nothing to go on from."""
    try:
        state = torch.load(file, map_location=lesson.device, weights_only=True)
    except FileNotFoundError:
        return 0, []
    except Exception:  # half a file, of another torch: whatever it is, the training begins anew
        file.unlink(missing_ok=True)
        return 0, []
    play.load_state_dict(state["play"])
    kept.load_state_dict(state["kept"])
    for name, one in play.optimizers.items():
        one.load_state_dict(state[name])
    return int(state["done"]), [tuple(row) for row in state["curves"]]
