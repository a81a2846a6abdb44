"""How a translator learns without pairs: PatchNCE (FastCUT, CUT) or cycles (CycleGAN), both against a critic.

Each is a game of networks with one method, `step`, which is handed a batch of either domain and dice.

Source  Park et al. 2020, arXiv:2007.15651 (CUT, FastCUT); Zhu et al. 2017, arXiv:1703.10593 (CycleGAN);
        Mao et al. 2017, arXiv:1611.04076 (least squares); Zhao et al. 2020, arXiv:2006.10738 (what critics look at is moved);
        Hoffman et al. 2018, arXiv:1711.03213 (what is drawn must be read as what it was drawn of)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from tilth.synthesize.translate.networks import Critic, Generator, Places, Reader

_SIZE = 64  # of what places are compared by; published: 256, for layers of up to 256 channels


@dataclass(frozen=True)
class Game:
    """Settings of a translator; see `tilth.synthesize.translation`.

    channels, classes  of the pictures; classes is 0 where the critic is told none
    meaning            weight of "read as its class", where classes are told
    content            weight of PatchNCE
    identity           weight of what a picture of the target must come out as
    """

    method: str
    channels: int
    side_px: int
    classes: int
    width: int
    blocks: int
    critic_width: int
    rate: float
    meaning: float
    content: float
    identity: float
    cycle: float
    patches: int
    temperature: float
    flips: bool
    pool: int
    shift: float
    noise: float
    critic_rate: float

    @property
    def halvings(self) -> int:
        """Of the side before the generator's blocks, which stand on 16 x 16 places at 32 and at 64 px."""
        return 1 if self.side_px < 48 else 2

    def generator(self) -> Generator:
        return Generator(self.channels, width=self.width, halvings=self.halvings, blocks=self.blocks)

    def critic(self) -> Critic:
        return Critic(self.channels, width=self.critic_width, halvings=self.halvings + 1, classes=self.classes)

    def reading(self) -> Reading | None:
        """Who is taught the classes on real pictures of a domain; None where there are none to tell, or it does not count."""
        return Reading(self) if self.classes and self.meaning else None

    def begin(self) -> Contrastive | Cyclic:
        """The game before its first step."""
        return Cyclic(self) if self.method == "cyclegan" else Contrastive(self)


@dataclass(frozen=True)
class Batch:
    """Pictures (b, c, s, s) of -1..1 of the source and of the target, and their classes (b,) where critics are told."""

    source: Tensor
    target: Tensor
    source_classes: Tensor | None
    target_classes: Tensor | None


class Contrastive(nn.Module):
    """FastCUT and CUT: a place of the drawn picture must be known for the same place of its source among others."""

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.game, self.forth, self.critic = game, game.generator(), game.critic()
        self.places = Places(self.forth.widths, size=_SIZE)
        self.reading = game.reading()
        betas = (0.5, 0.999)
        self.of_forth = torch.optim.Adam(self.forth.parameters(), lr=game.rate, betas=betas)
        self.of_critic = torch.optim.Adam(self.critic.parameters(), lr=game.rate * game.critic_rate, betas=betas)
        self.of_places = torch.optim.Adam(self.places.parameters(), lr=game.rate, betas=betas)

    @property
    def optimizers(self) -> dict[str, torch.optim.Adam]:
        found = {"of_forth": self.of_forth, "of_critic": self.of_critic, "of_places": self.of_places}
        return found | ({"of_reading": self.reading.of_reader} if self.reading else {})

    def step(self, batch: Batch, rng: np.random.Generator, left: float) -> tuple[float, ...]:
        """One move of the critic, one of the generator; losses: critic, deceit, content."""
        game = self.game
        seen = self.forth.seen(batch.source)
        made = self.forth.drawn(seen)

        # The critic: real pictures 1, drawn ones 0.
        self.critic.requires_grad_(True)
        apart = _told_apart(self.critic, batch.target, made.detach(), batch, game, left, rng)
        _move(apart, self.of_critic)
        if self.reading:
            self.reading.learn(batch.target, batch.target_classes, game, left, rng)

        # The generator: drawn pictures 1, every place what it was, and the whole read as what it was.
        self.critic.requires_grad_(False)
        deceit = _is(1.0, self.critic(veiled(made, game, left, rng), batch.source_classes))
        content = self._content(seen, made, rng)
        if game.identity:
            own = self.forth.seen(batch.target)
            content = (content + game.identity * self._content(own, self.forth.drawn(own), rng)) / 2
        loss = deceit + game.content * content
        if self.reading:
            loss = loss + game.meaning * self.reading.misread(made, batch.source_classes, game, left, rng)
        _move(loss, self.of_forth, self.of_places)
        return apart.item(), deceit.item(), content.item()

    def _content(self, seen: Sequence[Tensor], made: Tensor, rng: np.random.Generator) -> Tensor:
        """PatchNCE between what is seen of the sources and of what was drawn of them."""
        flipped = self.game.flips and rng.random() < 0.5
        looked = self.forth.seen(made.flip(3) if flipped else made)
        before = [layer.detach().flip(3) if flipped else layer.detach() for layer in seen]
        rows = [_places(layer, self.game.patches, rng) for layer in looked]
        keys, queries = self.places(before, rows), self.places(looked, rows)
        losses = [
            patch_nce(query.float(), key.detach().float(), self.game.temperature)
            for query, key in zip(queries, keys, strict=True)
        ]
        return torch.stack(losses).mean()


class Cyclic(nn.Module):
    """CycleGAN: there and back again must lead to where one began, from either side."""

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.game = game
        self.forth, self.back = game.generator(), game.generator()
        self.critic, self.back_critic = game.critic(), game.critic()
        self.pool, self.back_pool = Pool(game.pool), Pool(game.pool)
        self.reading, self.back_reading = game.reading(), game.reading()
        betas = (0.5, 0.999)
        both = chain(self.forth.parameters(), self.back.parameters())
        self.of_generators = torch.optim.Adam(both, lr=game.rate, betas=betas)
        critics = chain(self.critic.parameters(), self.back_critic.parameters())
        self.of_critics = torch.optim.Adam(critics, lr=game.rate * game.critic_rate, betas=betas)

    @property
    def optimizers(self) -> dict[str, torch.optim.Adam]:
        found = {"of_generators": self.of_generators, "of_critics": self.of_critics}
        own = {"of_reading": self.reading, "of_back_reading": self.back_reading}
        return found | {name: one.of_reader for name, one in own.items() if one}

    def step(self, batch: Batch, rng: np.random.Generator, left: float) -> tuple[float, ...]:
        """One move of the generators, one of the critics; losses: critics, deceit, cycle."""
        game, source, target = self.game, batch.source, batch.target
        made, back_made = self.forth(source), self.back(target)

        self.critic.requires_grad_(False)
        self.back_critic.requires_grad_(False)
        deceit = _is(1.0, self.critic(veiled(made, game, left, rng), batch.source_classes))
        deceit = deceit + _is(1.0, self.back_critic(veiled(back_made, game, left, rng), batch.target_classes))
        cycle = F.l1_loss(self.back(made), source) + F.l1_loss(self.forth(back_made), target)
        loss = deceit + game.cycle * cycle
        if game.identity:
            same = F.l1_loss(self.forth(target), target) + F.l1_loss(self.back(source), source)
            loss = loss + game.identity * same
        if self.reading and self.back_reading:
            self.reading.learn(target, batch.target_classes, game, left, rng)
            self.back_reading.learn(source, batch.source_classes, game, left, rng)
            lost = self.reading.misread(made, batch.source_classes, game, left, rng)
            lost = lost + self.back_reading.misread(back_made, batch.target_classes, game, left, rng)
            loss = loss + game.meaning * lost
        _move(loss, self.of_generators)

        self.critic.requires_grad_(True)
        self.back_critic.requires_grad_(True)
        # A drawn picture carries its class along, and the pool may hand out one that was drawn before.
        old, old_classes = self.pool.exchanged(made.detach(), batch.source_classes, rng)
        forth = replaced(batch, source_classes=old_classes)
        apart = _told_apart(self.critic, target, old, forth, game, left, rng)
        old, old_classes = self.back_pool.exchanged(back_made.detach(), batch.target_classes, rng)
        back = Batch(target, source, old_classes, batch.source_classes)
        apart = apart + _told_apart(self.back_critic, source, old, back, game, left, rng)
        _move(apart, self.of_critics)
        return apart.item(), deceit.item(), cycle.item()


def replaced(batch: Batch, *, source_classes: Tensor | None) -> Batch:
    """The batch with other classes of what was drawn."""
    return Batch(batch.source, batch.target, source_classes, batch.target_classes)


class Reading(nn.Module):
    """A reader of one domain, which learns of its real pictures alone and says how far a drawn one is from its class.

    Source  Hoffman et al. 2018, CyCADA, arXiv:1711.03213, semantic consistency
    """

    def __init__(self, game: Game) -> None:
        super().__init__()
        self.reader = Reader(game.channels, width=game.critic_width, halvings=game.halvings + 1, classes=game.classes)
        self.of_reader = torch.optim.Adam(self.reader.parameters(), lr=game.rate, betas=(0.5, 0.999))

    def learn(
        self, pictures: Tensor, classes: Tensor | None, game: Game, left: float, rng: np.random.Generator
    ) -> None:
        """One move on real pictures."""
        self.reader.requires_grad_(True)
        _move(self.misread(pictures, classes, game, left, rng), self.of_reader)
        self.reader.requires_grad_(False)

    def misread(
        self, pictures: Tensor, classes: Tensor | None, game: Game, left: float, rng: np.random.Generator
    ) -> Tensor:
        """How far pictures are from being read as these classes: cross-entropy, of what a critic too would be shown."""
        assert classes is not None  # where a reader is, classes are told
        return F.cross_entropy(self.reader(veiled(pictures, game, left, rng)).float(), classes)


class Pool(nn.Module):
    """The last so many drawn pictures: the critic meets older ones too and does not run after the newest (Shrivastava et al.
    2017). Its content is part of the state that is saved."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("pictures", torch.zeros(0))
        self.register_buffer("classes", torch.zeros(0, dtype=torch.long))

    def exchanged(self, made: Tensor, classes: Tensor | None, rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
        """Half of them, once the pool is full, for ones of the pool, which takes these in their place."""
        if not self.size:
            return made, classes
        own = classes if classes is not None else torch.zeros(len(made), dtype=torch.long, device=made.device)
        free = self.size - len(self.pictures)
        if free > 0:
            taken = made[:free]
            self.pictures = torch.cat([self.pictures, taken]) if len(self.pictures) else taken.clone()
            self.classes = torch.cat([self.classes, own[:free]])
            return made, classes
        swapped = np.flatnonzero(rng.random(len(made)) < 0.5)[: self.size]
        rows = torch.from_numpy(swapped).to(made.device)
        places = torch.from_numpy(rng.choice(self.size, len(swapped), replace=False)).to(made.device)
        out, out_classes = made.clone(), own.clone()
        out[rows], out_classes[rows] = self.pictures[places], self.classes[places]
        self.pictures[places], self.classes[places] = made[rows], own[rows]
        return out, None if classes is None else out_classes

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        # It grows: what is saved has another shape than the empty pool.
        self.pictures = torch.empty_like(state_dict[prefix + "pictures"], device=self.pictures.device)
        self.classes = torch.empty_like(state_dict[prefix + "classes"], device=self.classes.device)
        super()._load_from_state_dict(state_dict, prefix, *args)  # pyright: ignore[reportArgumentType]


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Minus the mean log-share that a place has of its own key among those of all places of its picture.

    queries, keys  (b, p, d) of length 1, place by place

    Source  Park et al. 2020, equation 3: (p + 1)-way with the negatives of the same picture
    """
    near = queries @ keys.transpose(1, 2) / temperature
    own = torch.arange(near.shape[1], device=near.device).expand(len(near), -1)
    return F.cross_entropy(near.flatten(0, 1), own.flatten())


def veiled(pictures: Tensor, game: Game, left: float, rng: np.random.Generator) -> Tensor:
    """What a critic is shown of pictures: moved, and under noise that clears in the first half of the steps.

    Grain and texture tell a drawn picture at once, and a critic that is sure teaches nothing. Under noise it looks at tones
    and shapes first (Sonderby et al. 2017, arXiv:1610.04490).

    left  share of the steps that are still to come
    """
    seen = moved(pictures, game.shift, rng)
    strength = game.noise * max(0.0, 2 * left - 1)
    if not strength:
        return seen
    dice = torch.Generator(seen.device).manual_seed(int(rng.integers(2**62)))
    return seen + strength * torch.randn(seen.shape, generator=dice, device=seen.device)


def moved(pictures: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """Each picture moved by up to this share of its side, its border continued: what a critic looks at.

    A target of fifty pictures is otherwise learned by heart. Gradients pass.
    """
    side = pictures.shape[3]
    most = round(share * side)
    if not most:
        return pictures
    down, across = (torch.from_numpy(rng.integers(-most, most + 1, len(pictures))) for _ in range(2))
    axis = torch.arange(side)
    rows = (axis + down[:, None]).clamp(0, side - 1).to(pictures.device)
    columns = (axis + across[:, None]).clamp(0, side - 1).to(pictures.device)
    which = torch.arange(len(pictures), device=pictures.device)[:, None, None]
    return pictures.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def _places(layer: Tensor, count: int, rng: np.random.Generator) -> Tensor:
    of = layer.shape[2] * layer.shape[3]
    return torch.from_numpy(rng.permutation(of)[:count]).to(layer.device)


def _told_apart(
    critic: Critic, real: Tensor, made: Tensor, batch: Batch, game: Game, left: float, rng: np.random.Generator
) -> Tensor:
    seems_real = critic(veiled(real, game, left, rng), batch.target_classes)
    seems_made = critic(veiled(made, game, left, rng), batch.source_classes)
    return (_is(1.0, seems_real) + _is(0.0, seems_made)) / 2


def _is(wanted: float, answers: Tensor) -> Tensor:
    """Least squares: Mao et al. 2017."""
    return (answers.float() - wanted).square().mean()


def _move(loss: Tensor, *optimizers: torch.optim.Optimizer) -> None:
    for one in optimizers:
        one.zero_grad(set_to_none=True)
    loss.backward()
    for one in optimizers:
        one.step()
