"""From what leads a network astray to made samples: whose turn it is, how many there may be, what is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from tilth.augment.making import Check, Draw
from tilth.augment.near_check import check_of
from tilth.augment.operation import Move
from tilth.augment.turns import Names, demand_of, made_sample, plan
from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError
from tilth.numerics import picture
from tilth.perturb.against import Against, against, require_pictures
from tilth.sample import Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run

MOST_SHARE = 0.15
"""Of train that may be made to lead a network astray: a fixed model learns them like any other, and beyond this share the
rest pays for it."""

MAKERS = ("augment.fgsm", "augment.pgd", "augment.deepfool", "augment.one_pixel")

_BATCH = 128  # pictures that are attacked together
_ROUNDS = 3  # in which others take the place of parents that gave nothing


@dataclass(frozen=True)
class Aim:
    """What an attack is handed.

    originals  b pictures, uint8 (h, w, c)
    pixels     (b, c, H, W) of torch, in 0..1, as the network sees them
    answers    its answers as a function of these
    labels     (b,) of torch
    dice       a generator for each
    """

    originals: Sequence[Array]
    pixels: Any
    answers: Callable[[Any], Any]
    labels: Any
    dice: Sequence[np.random.Generator]


@dataclass(frozen=True)
class Hit:
    """What an attack made of a picture.

    shown     uint8, of the size of the original
    astray    whether it leads the network astray as it was found, before it became a file
    facts     plain facts for the evidence
    """

    shown: Array
    astray: bool
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


Attack: TypeAlias = Callable[[Aim], Sequence[Hit]]


@dataclass
class _Count:
    """How many came how far."""

    tried: int = 0
    astray: int = 0
    as_files: int = 0
    turned_away: int = 0
    made: int = 0


def led_astray(
    name: str, step: Any, attack: Attack, what: str, data: Dataset, signals: Signals, run: Run, budget: int
) -> Iterator[Add]:
    """New train pictures that lead a network astray which never saw their parents, at most one of each parent.

    step    has `learner`, `settings`, `folds`, `share`, `balance` and `astray_only`
    attack  what is done to a batch
    what    in words: "a copy of x.png, " and this
    """
    require_pictures(name, data)
    key, room = digest(step), min(budget - len(data.open), allowed(data, step.share))
    if room <= 0:
        run.log(f"{name}: no room; {step.share:.0%} of train at most, or the budget, is filled")
        return
    jury = against(name, step.learner, step.settings, data, run, folds=step.folds)
    maker = _Maker(name, key, what, data, check_of(data, signals, run), run, step.astray_only)
    barred = set(data.train.ids.tolist()) - set(jury.data.ids.tolist())
    for number in range(_ROUNDS):
        left = room - maker.count.made
        rng = run.rng(key, "turns", number)
        turns = plan(data, left, rng, balance=step.balance, most=1, barred=barred, demand=demand_of(signals))
        if left <= 0 or not turns.parents:
            break
        made = list[Add]()
        for add in maker.made(np.array(turns.parents), jury, attack):
            made.append(add)
            yield add
        barred |= {*turns.parents, *(add.id for add in made)}
        data = data.apply(made)  # the next turns go to the classes that are the smallest now
    maker.tell(room)


def allowed(data: Dataset, share: float) -> int:
    """How many more pictures may be made to lead astray, so that they are this share of train, all such steps together."""
    makers = data.train.table.column("maker").to_pylist()
    there = sum(maker.partition(":")[0] in MAKERS for maker in makers)
    return max(0, int((share * len(makers) - there) / (1 - share)))


def require_share(step: str, share: float, most: float = MOST_SHARE) -> None:
    """Raises SettingError for a share of train that is none, or too large."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= most:
        raise SettingError(f"{step}: share is a share of train above 0 and up to {most:g}, found {share!r}")


def added(
    parent: Sample,
    shown: Array,
    *,
    name: str,
    key: str,
    ordinal: int,
    technique: str,
    what: str,
    evidence: Mapping[str, Any],
    names: Names,
) -> Add:
    """The edit that brings in a changed copy."""
    content = picture.encode(shown)  # lossless whatever the parent is: what JPEG leaves out is what was changed
    sample = made_sample(
        parent,
        id=made_id((parent.id,), key, ordinal),
        content=digest_bytes(content),
        path=names.path(parent, technique, ".png"),
        maker=f"{name}:{technique}",
        home="blob",
    )
    return Add(sample, f"a copy of {parent.path}, {what}", evidence, content)


@dataclass
class _Maker:
    name: str
    key: str
    what: str
    data: Dataset
    check: Check
    run: Run
    astray_only: bool
    count: _Count = field(default_factory=_Count)

    def __post_init__(self) -> None:
        self.names = Names(self.data)

    def made(self, parents: Array, jury: Against, attack: Attack) -> Iterator[Add]:
        with self.run.progress(f"{self.name}: leading astray", len(parents)) as advance:
            for model, batch in jury.batches(parents, _BATCH):
                yield from self._of(model, batch, attack)
                advance(len(batch))

    def _of(self, model: Any, batch: Dataset, attack: Attack) -> Iterator[Add]:
        import torch

        originals = list(self.run.images(batch))
        with model.expose(originals) as (pixels, answers):
            labels = torch.from_numpy(batch.labels).to(pixels.device)
            # One that is taken for another class as it is needs no help, and its label may be wrong.
            right = (_answered(answers, pixels) == labels).cpu().numpy()
            rows = np.flatnonzero(right)
            if not len(rows):
                return
            dice = [self.run.rng(self.key, str(batch.ids[row]), 0, "dice") for row in rows]
            here = torch.from_numpy(rows).to(pixels.device)
            hits = attack(Aim([originals[row] for row in rows], pixels[here], answers, labels[here], dice))
        with model.expose([hit.shown for hit in hits]) as (pixels, answers):
            files = (_answered(answers, pixels) != labels[here]).cpu().numpy()
        yield from self._checked([sample for sample, is_ in zip(batch, right, strict=True) if is_], hits, files)

    def _checked(self, parents: Sequence[Sample], hits: Sequence[Hit], files: Array) -> Iterator[Add]:
        technique = self.name.partition(".")[2]
        draws = [Draw(parent, 0, (Move(technique, 1.0),), parent.label) for parent in parents]
        verdicts = self.check(draws, [hit.shown for hit in hits])
        for parent, hit, astray, verdict in zip(parents, hits, files.tolist(), verdicts, strict=True):
            self.count.tried += 1
            self.count.astray += hit.astray
            self.count.as_files += astray
            if self.astray_only and not astray:
                continue
            self.count.turned_away += not verdict.kept
            if not verdict.kept:
                continue
            self.count.made += 1
            facts = {"technique": technique, "astray": bool(astray), **hit.facts, **verdict.evidence}
            ordinal = next(self.names.ordinals(parent.id, self.key, 1))
            how = {"name": self.name, "key": self.key, "ordinal": ordinal, "technique": technique, "what": self.what}
            yield added(parent, hit.shown, **how, evidence=facts, names=self.names)

    def tell(self, room: int) -> None:
        one = self.count
        of = max(one.tried, 1)
        self.run.log(
            f"{self.name} made {one.made:,} of {room:,} pictures: of {one.tried:,} that a network which never saw them knew, "
            f"{one.astray / of:.0%} led it astray as it sees them, {one.as_files / of:.0%} still do as files; "
            f"{one.turned_away:,} were turned away by the label check"
        )


def _answered(answers: Callable[[Any], Any], pixels: Any) -> Any:
    import torch

    with torch.no_grad():
        return torch.cat([answers(part).argmax(1) for part in pixels.split(_BATCH)])
