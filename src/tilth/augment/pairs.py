"""From pairs of pictures to mixtures: who is mixed with whom, made, checked, encoded and written up as Add edits.

A mixture is as large as its parent, the one of the pair that has the larger share: it is named after it, filed under its
class where classes are balanced, and the other one, its partner, is fitted to its frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Protocol, TypeAlias

import numpy as np

from tilth.augment.filling import require_images
from tilth.augment.soft import Partners, mixed_label, settled_within
from tilth.augment.turns import Names, demand_of, fit_parents, plan
from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.numerics import mixing, picture
from tilth.sample import TRAIN, Label, Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run

_TRIES = 6  # partners before a mixture is given up: that equals its parent, or that the check turns away each time
_AT_ONCE = 32  # mixtures, whose pictures are held: 50 MB at 300 x 300, and a fair batch for a check

_SLIP = 1e-6  # of a rounded share


class MixingStep(Protocol):
    """The settings that all ways of mixing have."""

    @property
    def within(self) -> str: ...
    @property
    def alpha(self) -> float: ...
    @property
    def least(self) -> float: ...
    @property
    def balance(self) -> bool: ...
    @property
    def most_per_parent(self) -> int: ...


@dataclass(frozen=True)
class Block:
    """Pairs of one size, ready to be mixed.

    firsts   (b, h, w, c) uint8, the parents
    seconds  (b, h, w, c) uint8, their partners, each in a frame of its own ground
    places   (b, 4) int, where a partner lies in its frame: top, left, bottom, right
    shares   (b,) what was drawn for the parents
    dice     one generator for each
    """

    firsts: Array
    seconds: Array
    places: Array
    shares: Array
    dice: Sequence[np.random.Generator]


@dataclass(frozen=True)
class Mixed:
    """What came of a block: pictures (b, h, w, c) uint8, the shares (b,) that the parents have of them, and the boxes
    (b, 4) that the partners fill, where there are some."""

    pictures: Array
    shares: Array
    boxes: Array | None = None


Mix: TypeAlias = Callable[[Block], Mixed]
PairCheck: TypeAlias = Callable[["Sequence[Mixture]"], "Sequence[Mapping[str, Any] | None]"]
"""Mixtures -> the evidence of each that is kept, None for each that is not."""


@dataclass(frozen=True)
class _Slot:
    """A mixture that is to be made of this parent; which of them it is."""

    parent: Sample
    ordinal: int


@dataclass(frozen=True)
class _Drawn:
    """A pair that is to be mixed, and how both look; `at` is the place of its slot."""

    at: int
    slot: _Slot
    partner: Sample
    dice: np.random.Generator
    first: Array
    second: Array

    @property
    def size(self) -> tuple[int, int, int]:
        """Of the mixture: that of the parent, in colour where one of the two is."""
        height, width, channels = self.first.shape
        return height, width, max(channels, self.second.shape[2])


@dataclass(frozen=True)
class Mixture:
    """A mixture as it was made: of whom, with which label, and how it looks."""

    slot: _Slot
    partner: Sample
    label: Label
    share: float
    box: tuple[int, ...] | None
    shown: Array
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def parents(self) -> tuple[str, str]:
        return self.slot.parent.id, self.partner.id


def mixtures(
    name: str, technique: str, step: MixingStep, mix: Mix, data: Dataset, signals: Signals, run: Run, budget: int
) -> Iterator[Add]:
    """Mixtures of train pictures, so that the open part of the data holds at most `budget` samples.

    name, technique  `augment.cutmix` and `cutmix`: the maker, and what stands behind the name of the parent
    """
    require_images(name, data)
    key, room, train = digest(step), budget - len(data.open), data.train
    pool = train.where(fit_parents(train))
    if room <= 0 or len(pool) < 2:
        return
    within = settled_within(name, step.within, data, run)
    others = Partners.of(pool, within=within)
    lonely = [sample.id for sample in pool if not others.count(sample)]
    turns = plan(
        data, room, run.rng(key, "turns"), balance=step.balance, most=step.most_per_parent, barred=lonely,
        demand=demand_of(signals),
    )  # fmt: skip
    asked = int(turns.times.sum())
    if lonely:
        run.log(f"{name}: {len(lonely):,} pictures have nothing to be mixed with in their class")
    if not asked:
        return
    making = _Making(f"{name}:{technique}", technique, key, step, mix, others, data, checked(data, signals, run), run)
    made = 0
    for add in making.made(_slots(data, turns.parents, turns.times, f"{name}:{technique}")):
        made += 1
        yield add
    if made < asked:
        run.log(f"{name} made {made:,} of {asked:,} pictures: the rest was turned away each time")
    elif made < room:
        run.log(f"{name} made {made:,} of {room:,} pictures that the budget has room for")


def _slots(data: Dataset, parents: Sequence[str], times: Array, maker: str) -> list[_Slot]:
    """What is to be made; counted on from the mixtures that a parent has, for a step may be run on its own result."""
    named = zip(data.table.column("maker").to_pylist(), data.table.column("parents").to_pylist(), strict=True)
    before = Counter(of[0] for who, of in named if who == maker)
    return [
        _Slot(parent, before[parent.id] + number)
        for parent, count in zip(data.only(parents), times.tolist(), strict=True)
        for number in range(count)
    ]


@dataclass(frozen=True)
class _Making:
    """How mixtures are made, whatever the way of mixing."""

    maker: str
    technique: str
    key: str
    step: MixingStep
    mix: Mix
    partners: Partners
    data: Dataset
    check: PairCheck
    run: Run

    def made(self, slots: Sequence[_Slot]) -> Iterator[Add]:
        names, taken = Names(self.data), set(self.data.ids.tolist())
        with ThreadPoolExecutor(max(self.run.threads, 1)) as pool:
            for start in range(0, len(slots), _AT_ONCE):
                found = self._grown(slots[start : start + _AT_ONCE], taken)
                files = pool.map(_encoded, found)
                yield from (self._add(one, content, names) for one, content in zip(found, files, strict=True))

    def _grown(self, slots: Sequence[_Slot], taken: set[str]) -> list[Mixture]:
        """One mixture for each slot, in their order, drawn and checked until it is there or has been tried enough."""
        grown: dict[int, Mixture] = {}
        for attempt in range(_TRIES):
            missing = [at for at in range(len(slots)) if at not in grown]
            if not missing:
                break
            tried = [(at, one) for at, one in self._tried(slots, missing, attempt) if self._id(one) not in taken]
            for (at, one), evidence in zip(tried, self.check([one for _, one in tried]), strict=True):
                if evidence is not None:
                    grown[at] = replace(one, evidence=evidence)
        taken.update(self._id(one) for one in grown.values())
        return [grown[at] for at in sorted(grown)]

    def _tried(self, slots: Sequence[_Slot], rows: Sequence[int], attempt: int) -> list[tuple[int, Mixture]]:
        """What this attempt gives that can be told from its parent and has enough of its partner."""
        alike: dict[tuple[int, int, int], list[_Drawn]] = {}
        for drawn in self._drawn(slots, rows, attempt):
            alike.setdefault(drawn.size, []).append(drawn)
        made = [one for size, group in alike.items() for one in self._mixed(group, size)]
        return sorted(made, key=lambda one: one[0])

    def _drawn(self, slots: Sequence[_Slot], rows: Sequence[int], attempt: int) -> list[_Drawn]:
        dice = [self.run.rng(self.key, slots[at].parent.id, slots[at].ordinal, attempt) for at in rows]
        chosen = [self.partners.drawn(slots[at].parent, rng) for at, rng in zip(rows, dice, strict=True)]
        known = self.data.only({*chosen, *(slots[at].parent.id for at in rows)})
        sample = {one.id: one for one in known}
        shown = dict(zip(known.ids.tolist(), self.run.images(known), strict=True))
        return [
            _Drawn(at, slots[at], sample[id], rng, shown[slots[at].parent.id], shown[id])
            for at, id, rng in zip(rows, chosen, dice, strict=True)
        ]

    def _mixed(self, group: Sequence[_Drawn], size: tuple[int, int, int]) -> Iterator[tuple[int, Mixture]]:
        """The mixtures of pairs whose mixtures have one size."""
        firsts = np.stack([picture.to_channels(one.first, size[2]) for one in group])
        seconds, places = zip(*(mixing.fitted(one.second, *size) for one in group), strict=True)
        shares = [mixing.drawn_share(one.dice, alpha=self.step.alpha, least=self.step.least) for one in group]
        block = Block(firsts, np.stack(seconds), np.array(places), np.array(shares), [one.dice for one in group])
        mixed = self.mix(block)
        for row, one in enumerate(group):
            unlike = not np.array_equal(mixed.pictures[row], firsts[row])
            if unlike and 1 - mixed.shares[row] >= self.step.least - _SLIP:
                yield one.at, self._mixture(one, mixed, row)

    def _mixture(self, drawn: _Drawn, mixed: Mixed, row: int) -> Mixture:
        slot, partner, share = drawn.slot, drawn.partner, float(mixed.shares[row])
        label = mixed_label(slot.parent.label, partner.label, share, self.data.schema.task)
        box = tuple(mixed.boxes[row].tolist()) if mixed.boxes is not None else None
        # Of its own: the block must not live as long as one mixture does.
        return Mixture(slot, partner, label, share, box, mixed.pictures[row].copy())

    def _id(self, one: Mixture) -> str:
        return made_id(one.parents, self.key, one.slot.ordinal)

    def _add(self, one: Mixture, content: bytes, names: Names) -> Add:
        parent, partner, share = one.slot.parent, one.partner, one.share
        sample = Sample(
            id=self._id(one),
            content=digest_bytes(content),
            path=names.path(parent, self.technique, _suffix(parent)),
            label=one.label,
            split=TRAIN,
            weight=share * parent.weight + (1 - share) * partner.weight,
            parents=one.parents,
            maker=self.maker,
            home="blob",
        )
        box = {"box": list(one.box)} if one.box is not None else {}
        evidence = {"technique": self.technique, "share": share, **box, **one.evidence}
        because = (
            f"more of {label_text(self.data.schema, parent.label)}: {share:.0%} of {parent.path} and {1 - share:.0%} of "
            f"{partner.path}, which is {label_text(self.data.schema, partner.label)}"
        )
        return Add(sample, because, evidence, content)


def _encoded(one: Mixture) -> bytes:
    return picture.encode(one.shown, suffix=_suffix(one.slot.parent))


def _suffix(parent: Sample) -> str:
    return ".jpg" if PurePosixPath(parent.path).suffix.lower() in (".jpg", ".jpeg") else ".png"


# -- the check ------------------------------------------------------------------------------------------------


def checked(data: Dataset, signals: Signals, run: Run) -> PairCheck:
    """The check of made pictures, for pairs; it lets all through where the label guard did not run.

    Two witnesses are asked, one that did not see the parent and one that did not see the partner, and the harder one counts.
    A mixture within a class must be known for that class and lie where real pictures lie. Of one across classes no class can
    be asked for: it must lie where real pictures lie.
    """
    if "guard" not in signals:
        return lambda mixtures: [{} for _ in mixtures]
    from tilth.augment.made_check import made_check

    judge = made_check(data, signals, run)

    def of(mixtures: Sequence[Mixture]) -> list[Mapping[str, Any] | None]:
        shown, classes = [one.shown for one in mixtures], [_main(one.label) for one in mixtures]
        sides = [judge.of(shown, classes, [one.parents[side] for one in mixtures], run) for side in (0, 1)]
        verdicts: list[Mapping[str, Any] | None] = []
        for one, first, second in zip(mixtures, *sides, strict=True):
            distance = {"distance": max(first.distance, second.distance)}
            if isinstance(one.label, tuple):
                verdicts.append(distance if distance["distance"] <= 1 else None)
            else:
                probability = {"probability": min(first.probability, second.probability)}
                verdicts.append({**probability, **distance} if first.passed and second.passed else None)
        return verdicts

    return of


def _main(label: Label) -> int:
    """The class of the largest share."""
    if isinstance(label, tuple):
        return max(label, key=lambda pair: pair[1])[0]
    return label if isinstance(label, int) else 0
