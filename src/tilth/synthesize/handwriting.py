"""Handwriting made by a model of the moving hand: glyphs, writers, pens, papers and scans, with no training.

What is written for a class is its name, a Roman numeral in small letters and in capitals; how it looks is fitted to the
pictures of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from tilth.dataset import Dataset, target_split
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics import attributes
from tilth.numerics.quota import water_fill
from tilth.sample import TEST, TRAIN
from tilth.signal import Array, Signals
from tilth.steps import Run
from tilth.synthesize.desk import Desk
from tilth.synthesize.fit import Target, seen
from tilth.synthesize.glyphs import missing
from tilth.synthesize.motor import MOVEMENTS
from tilth.synthesize.numerals import Form, forms, is_numeral


@dataclass(frozen=True)
class Handwriting:
    """Write the classes' names by hand, as a model of the moving hand does, and scan them with the looks of a target.

    Nothing is trained. A writer has habits that all words of theirs share; each picture takes its size, pen, ink, paper and
    the place of the drawing from one picture of the target.
    """

    texts: Mapping[str, Any] = field(default_factory=dict[str, Any])  # class -> what is written for it, one or several
    against: str = ""  # split whose looks are taken; none named: the small clean one, else valid, else train
    movement: str = "lognormal"  # speed of the hand within a stroke, or minimum-jerk, or both: each writer has one
    writers: int = 200  # different hands; a class of a hundred samples seldom meets one twice
    sloppy: float = 1.0  # times as far from the glyphs as people usually are; 0 writes as printed
    balance: bool = True  # smallest classes first; False: each class gets as many
    side_px: int | None = None  # longer side of the new pictures; None: as those of the target
    looked_at: int = 400  # target pictures at most that looks are taken from, a fair draw: a second of work

    version = 1
    modality = ("image",)
    source = (
        "Plamondon 1995, doi:10.1007/BF00202785 (lognormal strokes); Flash and Hogan 1985, "
        "doi:10.1523/JNEUROSCI.05-07-01688.1985 (minimum jerk); glyphs by Dr. A. V. Hershey"
    )
    cost = "3 ms for a numeral of 300 x 300, and as long again for writing it to a file"

    def __post_init__(self) -> None:
        if self.movement != "both" and self.movement not in MOVEMENTS:
            known = ", ".join([*MOVEMENTS, "both"])
            raise SettingError(f"synthesize.handwriting: movement is one of {known}; found {self.movement!r}")
        for name, least in (("writers", 1), ("looked_at", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingError(f"synthesize.handwriting: {name} is a whole number from {least} up, found {value!r}")
        if not 0 <= self.sloppy <= 3:
            raise SettingError(f"synthesize.handwriting: sloppy lies within 0 and 3, found {self.sloppy!r}")
        if self.side_px is not None and self.side_px < 8:
            raise SettingError(f"synthesize.handwriting: side_px is at least 8 or left out, found {self.side_px!r}")
        texts = {name: (one,) if isinstance(one, str) else tuple(one) for name, one in self.texts.items()}
        for name, several in texts.items():
            if not several or not all(isinstance(one, str) and one.strip() for one in several):
                raise SettingError(
                    f"synthesize.handwriting: texts of {name!r} are one or more words, found {several!r}"
                )
        object.__setattr__(self, "texts", texts)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        if data.schema.modality != "image":
            raise StepError("synthesize.handwriting makes pictures; this dataset holds texts.")
        room = budget - len(data.open)
        if room <= 0:
            return
        ways = self.ways(data, run)
        judge = run.step("augment.guard").made_check(data, signals, run) if "guard" in signals else None
        target = self.target(data, signals, run)
        habits = {name: getattr(self, name) for name in ("writers", "sloppy", "movement", "side_px")}
        desk = Desk("synthesize.handwriting", digest(self), data, ways, target, run, judge, **habits).tuned()
        quota, made = self._quota(data, ways, room), 0
        for add in desk.filled(quota):
            made += 1
            yield add
        if made < int(quota.sum()):
            run.log(
                f"synthesize.handwriting made {made:,} of {int(quota.sum()):,} pictures: "
                "the rest was turned away by the label check each time"
            )

    def ways(self, data: Dataset, run: Run) -> Mapping[int, tuple[Form, ...]]:
        """Class index -> the ways of writing it. Raises StepError where no class can be written."""
        classes = data.schema.classes
        unknown = sorted(set(self.texts) - set(classes))
        if unknown:
            raise StepError(
                f"synthesize.handwriting has texts for {unknown[0]!r}, which is no class "
                f"(there are: {', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''})."
            )
        found: dict[int, tuple[Form, ...]] = {}
        for index, name in enumerate(classes):
            texts = self.texts.get(name) or named(name, classes)
            ways = tuple(form for text in texts for form in forms(text))
            if ways:
                found[index] = ways
            else:
                lacking = "".join(dict.fromkeys(missing("".join(texts)))) or " ".join(texts)
                run.log(
                    f"synthesize.handwriting leaves out {name}: there is no glyph for {lacking!r}; say texts for it"
                )
        if not found:
            raise StepError(
                f"synthesize.handwriting can write none of the {len(classes)} classes: no font has the letters of their "
                'names.\n  Say what is written for a class:  texts = { CLASS = ["word"] }'
            )
        return found

    def target(self, data: Dataset, signals: Signals, run: Run) -> Target:
        """The looks to draw from. Raises StepError where the target has no drawing on plain ground."""
        pool = self._pool(data)
        rows = signals["attributes"].rows(pool.ids) if _told(signals, pool) else None
        pictures = run.images(pool)
        found = [
            seen(
                shown,
                attributes.of_pictures([shown])[0] if rows is None else rows[at],
                id=one.id,
                label=int(pool.labels[at]),
                jpeg=PurePosixPath(one.path).suffix.lower() in (".jpg", ".jpeg"),
            )
            for at, (one, shown) in enumerate(zip(pool, pictures, strict=True))
        ]
        looks = [one for one in found if one is not None]
        if not looks:
            raise StepError(
                f"synthesize.handwriting takes its looks from drawings on plain ground, and none of the {len(pool)} pictures "
                'it looked at is one.\n  Name a split that has some:  against = "SPLIT"'
            )
        return Target.of(looks)

    def _pool(self, data: Dataset) -> Dataset:
        """The target's pictures that are looked at: raw ones, labelled ones where there are any."""
        split = self.against or target_split(data) or TRAIN
        pool = data.open.split(split)
        pool = pool.where(~pool.made)
        if split == TEST or not len(pool):
            there = ", ".join(np.unique(data.open.splits).tolist())
            raise StepError(
                f"synthesize.handwriting was to take the looks of {split!r}, and that has no open pictures (there is: {there})."
            )
        labelled = pool.where(pool.labels >= 0)
        pool = labelled if len(labelled) else pool
        rng = np.random.default_rng([len(pool), 7])
        return pool.only(rng.permutation(pool.ids)[: self.looked_at])

    def _quota(self, data: Dataset, ways: Mapping[int, Any], room: int) -> Array:
        sizes = data.train.targets.sum(axis=0).astype(np.int64)
        can = np.isin(np.arange(len(sizes)), list(ways))
        return water_fill(sizes if self.balance else np.zeros_like(sizes), room, caps=np.where(can, room, 0))


def named(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """What is written for a class: its name, a Roman numeral also in the other case unless that is a class of its own."""
    other = name.upper() if name != name.upper() else name.lower()
    return (name, other) if is_numeral(name) and other not in classes else (name,)


def _told(signals: Signals, pool: Dataset) -> bool:
    return "attributes" in signals and signals["attributes"].covers(pool.ids)
