"""From pairs of pictures to mixtures: who is mixed with whom, made, checked, encoded and written up as Add edits.

A mixture is as large as its parent, the one of the pair that has the larger share: it is named after it, filed under its
class where classes are balanced, and the other one, its partner, is fitted to its frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from tilth.augment.filling import require_images
from tilth.augment.mixture import Block, Mix, Mixed, MixingStep, Mixture, Slot
from tilth.augment.pair_check import PairCheck, checked
from tilth.augment.soft import Partners, mixed_label, settled_within
from tilth.augment.turns import Names, demand_of, fit_parents, plan
from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.numerics import mixing, picture
from tilth.sample import TRAIN, Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run

_TRIES = 6  # partners before a mixture is given up: that equals its parent, or that the check turns away each time
_AT_ONCE = 32  # mixtures, whose pictures are held: 50 MB at 300 x 300, and a fair batch for a check

_SLIP = 1e-6  # of a rounded share


@dataclass(frozen=True)
class _Drawn:
    """A pair that is to be mixed, and how both look; `at` is the place of its slot."""

    at: int
    slot: Slot
    partner: Sample
    dice: np.random.Generator
    first: Array
    second: Array

    @property
    def size(self) -> tuple[int, int, int]:
        """Of the mixture: that of the parent, in colour where one of the two is."""
        height, width, channels = self.first.shape
        return height, width, max(channels, self.second.shape[2])


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


def _slots(data: Dataset, parents: Sequence[str], times: Array, maker: str) -> list[Slot]:
    """What is to be made; counted on from the mixtures that a parent has, for a step may be run on its own result."""
    named = zip(data.table.column("maker").to_pylist(), data.table.column("parents").to_pylist(), strict=True)
    before = Counter(of[0] for who, of in named if who == maker)
    return [
        Slot(parent, before[parent.id] + number)
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

    def made(self, slots: Sequence[Slot]) -> Iterator[Add]:
        names, taken = Names(self.data), set(self.data.ids.tolist())
        with ThreadPoolExecutor(max(self.run.threads, 1)) as pool:
            for start in range(0, len(slots), _AT_ONCE):
                found = self._grown(slots[start : start + _AT_ONCE], taken)
                files = pool.map(_encoded, found)
                yield from (self._add(one, content, names) for one, content in zip(found, files, strict=True))

    def _grown(self, slots: Sequence[Slot], taken: set[str]) -> list[Mixture]:
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

    def _tried(self, slots: Sequence[Slot], rows: Sequence[int], attempt: int) -> list[tuple[int, Mixture]]:
        """What this attempt gives that can be told from its parent and has enough of its partner."""
        alike: dict[tuple[int, int, int], list[_Drawn]] = {}
        for drawn in self._drawn(slots, rows, attempt):
            alike.setdefault(drawn.size, []).append(drawn)
        made = [one for size, group in alike.items() for one in self._mixed(group, size)]
        return sorted(made, key=lambda one: one[0])

    def _drawn(self, slots: Sequence[Slot], rows: Sequence[int], attempt: int) -> list[_Drawn]:
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
