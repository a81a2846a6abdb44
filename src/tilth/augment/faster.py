"""Faster AutoAugment: search a policy whose pictures a critic takes for real ones of their class.

No network is trained on augmented data to judge a policy; a critic learns to tell made pictures from real ones, and
the policy learns, by gradient, to be taken for real, while a classifier must still know the class.

Source  Hataya et al. 2020, arXiv:1911.06987
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tilth.augment.critic import Critic, class_loss, penalty
from tilth.augment.operation import Operation
from tilth.augment.relaxed import Relaxed
from tilth.signal import Array

EVERY_S = 20.0  # a kill costs at most so much work


@dataclass(frozen=True)
class Search:
    """Settings of a search.

    subpolicies, stages  L and K of the paper
    steps                each moves the critic once and the policy once
    batch                pictures to augment, and as many to compare them with
    chunks               of a batch; the pictures of one share a sub-policy
    softmax, bernoulli   temperatures
    class_weight         of the classifier's loss beside that of the critic
    penalty_weight       of the gradient's length
    rate                 of Adam, for both
    """

    subpolicies: int = 10
    stages: int = 2
    steps: int = 1000
    batch: int = 64
    chunks: int = 8
    softmax: float = 0.05
    bernoulli: float = 0.1
    class_weight: float = 0.1
    penalty_weight: float = 10.0
    rate: float = 1e-3
    multi: bool = False


Dice = Callable[..., np.random.Generator]
"""Called with plain values: a generator of their own."""


def search(
    pictures: Array,
    targets: Array,
    operations: Sequence[Operation],
    search: Search,
    dice: Dice,
    *,
    device: str,
    threads: int,
    folder: Path,
    advance: Callable[[int], None],
) -> Mapping[str, Array]:
    """The policy as arrays `chance`, `p`, `magnitude` (l, stages, operations), and `curves` (steps, 4): what critic and
    policy lost, how far apart real and made pictures seemed, the share of made ones whose class was seen.

    pictures  (n, c, h, w) uint8
    targets   (n, k) shares of classes, or multi-hot
    folder    where a search that was killed goes on from
    """
    with _threads(threads):
        duel = _Duel(pictures, targets, operations, search, dice, device)
        file = folder / "search.pt"
        done, curves = duel.load(file)
        advance(done)
        saved = time.monotonic()
        for step in range(done, search.steps):
            curves.append(duel.step(dice("step", step)))
            advance(1)
            if time.monotonic() - saved > EVERY_S:
                duel.save(file, step + 1, curves)
                saved = time.monotonic()
        file.unlink(missing_ok=True)
        return {**duel.policy.tables(), "curves": np.array(curves, dtype=np.float32).reshape(-1, 4)}


class _Duel:
    """Critic and policy, their optimizers, and the pictures they look at."""

    def __init__(
        self, pictures: Array, targets: Array, operations: Sequence[Operation], search: Search, dice: Dice, device: str
    ) -> None:
        self.search, self.device = search, device
        self.pictures = torch.from_numpy(pictures).to(device)
        self.targets = torch.from_numpy(targets.astype(np.float32)).to(device)
        self.shift, self.scale = _spread(self.pictures)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(dice("critic").integers(2**31)))
            self.critic = Critic(targets.shape[1], pictures.shape[1]).to(device)
        shape = (search.subpolicies, search.stages, len(operations))
        rng = dice("start")
        logits, p, magnitude = (torch.from_numpy(rng.random(shape, dtype=np.float32)) for _ in range(3))
        self.policy = Relaxed(
            operations, (logits, p, magnitude), softmax=search.softmax, bernoulli=search.bernoulli
        ).to(device)
        self.of_critic, self.of_policy = (
            torch.optim.Adam(net.parameters(), lr=search.rate, betas=(0.0, 0.999)) for net in (self.critic, self.policy)
        )

    def step(self, rng: np.random.Generator) -> tuple[float, float, float, float]:
        """One move of the critic, one of the policy; the losses."""
        search = self.search
        rows = torch.from_numpy(
            rng.choice(len(self.pictures), 2 * search.batch, replace=len(self.pictures) < 2 * search.batch)
        )
        own, natural = rows[: search.batch].to(self.device), rows[search.batch :].to(self.device)
        made = self.policy(self._at(own), self._subpolicies(rng), rng)
        real, fake = self._seen(self._at(natural)), self._seen(made)

        # The critic: real pictures above made ones, and their classes.
        answers, seems_real = self.critic(real)
        apart = seems_real.mean() - self.critic(fake.detach())[1].mean()
        between = torch.from_numpy(rng.random(search.batch, dtype=np.float32)).to(self.device)
        smooth = penalty(self.critic, real, fake.detach(), between)
        known = class_loss(answers, self.targets[natural], multi=search.multi)
        lost = search.class_weight * known - apart + search.penalty_weight * smooth
        self.of_critic.zero_grad(set_to_none=True)
        lost.backward()
        self.of_critic.step()

        # The policy: pictures that seem real to the critic as it is now, and are still of their class.
        self.critic.requires_grad_(False)
        answers, seems_real = self.critic(fake)
        loss = search.class_weight * class_loss(answers, self.targets[own], multi=search.multi) - seems_real.mean()
        self.of_policy.zero_grad(set_to_none=True)
        loss.backward()
        self.of_policy.step()
        self.policy.keep_within()
        self.critic.requires_grad_(True)

        seen = (answers.argmax(1) == self.targets[own].argmax(1)).float().mean()
        return lost.item(), loss.item(), apart.item(), seen.item()

    def _at(self, rows: Tensor) -> Tensor:
        return self.pictures.index_select(0, rows).float() / 255

    def _seen(self, pictures: Tensor) -> Tensor:
        # A new tensor: what was augmented stays as it was.
        return (pictures - self.shift) * self.scale

    def _subpolicies(self, rng: np.random.Generator) -> Tensor:
        """(b,) one sub-policy for each chunk."""
        drawn = rng.integers(self.search.subpolicies, size=self.search.chunks)
        chunk = np.arange(self.search.batch) * self.search.chunks // self.search.batch
        return torch.from_numpy(drawn[chunk]).to(self.device)

    def _parts(self) -> dict[str, Any]:
        return {
            "critic": self.critic,
            "policy": self.policy,
            "of_critic": self.of_critic,
            "of_policy": self.of_policy,
        }

    def save(self, file: Path, done: int, curves: list[tuple[float, ...]]) -> None:
        """All that `load` needs, written aside and renamed."""
        aside = file.with_suffix(".part")
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save({**state, "done": done, "curves": curves}, aside)
        aside.replace(file)

    def load(self, file: Path) -> tuple[int, list[tuple[float, ...]]]:
        """Steps that are done, and their losses; 0 and none where there is nothing to go on from."""
        try:
            state = torch.load(file, map_location=self.device, weights_only=True)
        except FileNotFoundError:
            return 0, []
        except Exception:  # half a file, of another torch: whatever it is, the search begins anew
            file.unlink(missing_ok=True)
            return 0, []
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        return int(state["done"]), [tuple(row) for row in state["curves"]]


def _spread(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Shift and scale (1, c, 1, 1) that bring pictures of 0..1 to mean 0 and deviation 1 in each channel."""
    flat = pictures[:: max(1, len(pictures) // 2048)].double().transpose(0, 1).flatten(1) / 255
    mean, deviation = flat.mean(1), flat.std(1, correction=0).clamp_min(1 / 255)
    return mean.float().view(1, -1, 1, 1), (1 / deviation).float().view(1, -1, 1, 1)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(max(count, 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)
