"""Writing with a taught network: many texts at once, tidier or wilder, in a hand of its own or in one that it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tilth.signal import Array
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.recurrent.mixture import Mixture
from tilth.synthesize.recurrent.network import Memory, Net
from tilth.synthesize.recurrent.offsets import lines_of
from tilth.synthesize.recurrent.teach import coded, one_hot

_AT_ONCE = 64  # always: with batches of another size products round otherwise, and another text comes out
_SLACK = 2.5  # times the usual length, and it has lost its way


@dataclass(frozen=True)
class Drawn:
    """What a network wrote.

    strokes   its lines
    places    for each line, (points,) where in the text the window stood; the length of the text: past its end
    finished  whether it ended by itself
    """

    text: str
    strokes: Strokes
    places: tuple[Array, ...]
    finished: bool


@dataclass(frozen=True)
class Prime:
    """A text and how somebody wrote it: what follows is written in that hand.

    steps  (t, 3)
    """

    text: str
    steps: Array


@torch.inference_mode()
def written_by(
    net: Net,
    alphabet: str,
    texts: Sequence[str],
    rngs: Sequence[np.random.Generator],
    *,
    bias: float = 0.0,
    primes: Sequence[Prime | None] | None = None,
    after: int = 0,
) -> list[Drawn]:
    """Each text, written once with dice of its own: a text's lines do not depend on what is written beside it.

    bias    0: as varied as what was learned; 1: tidy; above 2 all look alike
    primes  a hand for each text, or None for it
    after   steps that this network draws after its window has passed the last character, as `read_ahead` finds it

    Raises StepError for a character that was not learned.
    """
    primes = primes or [None] * len(texts)
    found: list[Drawn] = []
    for start in range(0, len(texts), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        found += _block(net, alphabet, texts[part], rngs[part], primes[part], bias, after)
    return found


def _block(
    net: Net,
    alphabet: str,
    texts: Sequence[str],
    rngs: Sequence[np.random.Generator],
    primes: Sequence[Prime | None],
    bias: float,
    after: int,
) -> list[Drawn]:
    device = net.answer.weight.device
    whole = [f"{prime.text} {text}" if prime else text for text, prime in zip(texts, primes, strict=True)]
    codes = [coded(text, alphabet) for text in whole]
    shown = [prime.steps if prime else np.zeros((0, 3), np.float32) for prime in primes]
    most = [round(len(text) / net.shape.pace * _SLACK) + 8 for text in texts]
    length = max(len(steps) + limit for steps, limit in zip(shown, most, strict=True))
    dice = _dice(rngs, most, [len(steps) for steps in shown], length).to(device)
    state = _State.of(
        net, one_hot([*codes, *[codes[0][:1]] * (_AT_ONCE - len(codes))], len(alphabet)), codes, after, device
    )
    begins = torch.tensor([*map(len, shown), *[0] * (_AT_ONCE - len(shown))], device=device)
    led = torch.zeros(length, _AT_ONCE, 3, device=device)
    for column, steps in enumerate(shown):
        led[: len(steps), column] = torch.from_numpy(steps)
    taken: list[torch.Tensor] = []
    stood: list[torch.Tensor] = []
    ended: list[torch.Tensor] = []
    for at in range(length):
        step, place, done = state.next(net, dice[at], bias, led[at], begins > at)
        taken.append(step)
        stood.append(place)
        ended.append(done)
        if bool(state.over[: len(texts)].all()):
            break
    steps, places, ends = (torch.stack(part).cpu().numpy() for part in (taken, stood, ended))
    return [
        _drawn(text, steps[:, at], places[:, at], ends[:, at], len(shown[at]), most[at], len(whole[at]) - len(text))
        for at, text in enumerate(texts)
    ]


def _dice(rngs: Sequence[np.random.Generator], most: Sequence[int], begins: Sequence[int], length: int) -> torch.Tensor:
    """(length, b, 5) three even, two normal; nothing is thrown while a hand is shown."""
    dice = np.zeros((length, _AT_ONCE, 5), np.float32)
    for column, (rng, limit, begin) in enumerate(zip(rngs, most, begins, strict=True)):
        dice[begin : begin + limit, column, :3] = rng.random((limit, 3), np.float32)
        dice[begin : begin + limit, column, 3:] = rng.standard_normal((limit, 2), np.float32)
    return torch.from_numpy(dice)


@dataclass
class _State:
    texts: torch.Tensor  # (b, u, letters)
    lengths: torch.Tensor  # (b,)
    memory: Memory
    step: torch.Tensor  # (b, 3) the last one
    over: torch.Tensor  # (b,) bool
    past: torch.Tensor  # (b,) steps since the window passed the last character
    after: int

    @classmethod
    def of(cls, net: Net, texts: torch.Tensor, codes: Sequence[Array], after: int, device: torch.device) -> _State:
        lengths = torch.tensor([*map(len, codes), *[1] * (len(texts) - len(codes))], device=device)
        first = torch.zeros(len(texts), 3, device=device)
        first[:, 2] = 1
        over = torch.zeros(len(texts), dtype=torch.bool, device=device)
        return cls(texts.to(device), lengths, net.fresh(len(texts), device), first, over, over.long(), after)

    def next(
        self, net: Net, dice: torch.Tensor, bias: float, led: torch.Tensor, leading: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The next step (b, 3), where the window stood (b,), and whether the writing is over after it (b,)."""
        answers, seen, self.memory = net.one(self.step, self.texts, self.memory)
        free, done = Mixture.of(answers, bias=bias).drawn(dice)
        step = torch.where(leading[:, None], led, free)
        place = _place(seen, self.lengths)
        self.past = torch.where(self.past > 0, self.past + 1, (place >= self.lengths).long())
        # Done by its own word; or, as Graves has it, by a window that stands past the text, when the pen is lifted next.
        self.over = self.over | (~leading & (done | ((self.past > self.after) & (step[:, 2] > 0.5))))
        self.step = step
        return step, place, self.over


def _place(seen: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(b,) the character that is seen most of; the length of the text for the place past its end."""
    beyond = torch.arange(seen.shape[1], device=seen.device)[None] > lengths[:, None]
    return seen.masked_fill(beyond, -1.0).argmax(1)


@torch.inference_mode()
def led_through(net: Net, alphabet: str, writings: Sequence[tuple[str, Array]]) -> list[Array]:
    """Where in its text the window stands at each step (t,) of writings (text, steps) that are right."""
    device = net.answer.weight.device
    found: list[Array] = []
    for start in range(0, len(writings), _AT_ONCE):
        some = writings[start : start + _AT_ONCE]
        codes = [coded(text, alphabet) for text, _ in some]
        t = max(len(steps) for _, steps in some)
        led = torch.zeros(t, len(some), 3, device=device)
        for column, (_, steps) in enumerate(some):
            led[: len(steps), column] = torch.from_numpy(steps)
        state = _State.of(net, one_hot(codes, len(alphabet)), codes, 0, device)
        places = np.empty((t, len(some)), np.int64)
        for at in range(t):
            _, seen, state.memory = net.one(state.step, state.texts, state.memory)
            places[at], state.step = _place(seen, state.lengths).cpu().numpy(), led[at]
        found += [places[: len(steps), column] for column, (_, steps) in enumerate(some)]
    return found


def _drawn(text: str, steps: Array, places: Array, ends: Array, begin: int, most: int, ahead: int) -> Drawn:
    """Of the whole sequence what was written freely.

    ahead  characters of the text that only led on
    """
    over = np.flatnonzero(ends[begin:])
    stop = begin + (int(over[0]) + 1 if len(over) else most)
    base = np.array([0.0, float(steps[:begin, 1].sum())]) if begin else np.zeros(2)
    own = steps[begin:stop].copy()
    if begin and len(own):
        own[0, :2] += (0.0, base[1])  # where the hand that was shown left the pen, the height above the base line
    if len(own):
        own[-1, 2] = 1
    lines = lines_of(own)
    where = np.maximum(places[begin:stop] - ahead, 0)
    cuts = np.cumsum([len(line) for line in lines])[:-1]
    return Drawn(text, lines, tuple(np.split(where, cuts)), bool(len(over)))
