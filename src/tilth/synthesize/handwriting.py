"""Handwriting made by a model of the moving hand: glyphs, writers, pens, papers and scans, with no training.

What is written for a class is its name, a Roman numeral in small letters and in capitals; how it looks is fitted to the
pictures of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from tilth.dataset import Dataset, target_split
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics import attributes, picture
from tilth.numerics.quota import water_fill
from tilth.sample import TEST, TRAIN, Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run
from tilth.synthesize.fit import Target, form_like, look_like, seen, thinned
from tilth.synthesize.glyphs import missing
from tilth.synthesize.motor import MOVEMENTS
from tilth.synthesize.numerals import Form, forms, is_numeral
from tilth.synthesize.render import rendered
from tilth.synthesize.writers import Writer, writer, written

_TRIES = 6  # drawings before one is given up that the check turns away each time
_TUNED = [attributes.NAMES.index("stroke"), attributes.NAMES.index("edge")]
_TRIALS = 60  # pictures that are drawn to see how wide strokes come out: their median is off by 2 %
_AT_ONCE = 64  # pictures that are drawn and checked together


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
                raise SettingError(f"synthesize.handwriting: texts of {name!r} are one or more words, found {several!r}")
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
        desk = _Desk(self, digest(self), data, ways, self.target(data, signals, run), run, judge).tuned()
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
                run.log(f"synthesize.handwriting leaves out {name}: there is no glyph for {lacking!r}; say texts for it")
        if not found:
            raise StepError(
                f"synthesize.handwriting can write none of the {len(classes)} classes: no font has the letters of their "
                "names.\n  Say what is written for a class:  texts = { CLASS = [\"word\"] }"
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
                "it looked at is one.\n  Name a split that has some:  against = \"SPLIT\""
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


@dataclass(frozen=True)
class _Page:
    """One picture that is to be made: which of its class, and under which id."""

    label: int
    ordinal: int
    id: str


@dataclass(frozen=True)
class _Done:
    page: _Page
    shown: Array
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class _Desk:
    """Where pages are written, checked and filed."""

    step: Handwriting
    key: str
    data: Dataset
    ways: Mapping[int, tuple[Form, ...]]
    target: Target
    run: Run
    judge: Any

    def tuned(self, rounds: int = 3) -> _Desk:
        """The same with a pen that draws strokes as wide and edges as soft as the target's, as they are measured in
        pictures."""
        if not rounds:
            return self
        wanted = {one.id: (one.pen_px, one.soft_px) for one in self.target.every}
        labels = sorted(self.ways)
        done = self._drawn([_Page(labels[at % len(labels)], -1, f"trial {at}") for at in range(_TRIALS)], 0)
        rows = attributes.known(attributes.of_pictures([one.shown for one in done]))[:, _TUNED]
        rows *= np.array([max(one.shown.shape) for one in done])[:, None]
        ratios = rows / np.array([wanted[one.evidence["looks_of"]] for one in done])
        if not np.isfinite(ratios).all(axis=1).any():
            return self
        thicker, softer = (self.target.thicker, self.target.softer) / np.maximum(np.nanmedian(ratios, axis=0), 0.1)
        target = replace(self.target, thicker=float(np.clip(thicker, 0.6, 2)), softer=float(np.clip(softer, 0.5, 3)))
        return replace(self, target=target).tuned(rounds - 1)

    def filled(self, quota: Array) -> Iterator[Add]:
        names = _Names(self.data)
        pages = self._pages(quota)
        with ThreadPoolExecutor(max(self.run.threads, 1)) as pool:
            suffix = self._suffix()
            while waiting := list(islice(pages, _AT_ONCE)):
                done = self._written(waiting)
                files = pool.map(lambda one: picture.encode(one.shown, suffix=suffix), done)
                for one, content in zip(done, files, strict=True):
                    yield self._add(one, content, names, suffix)

    def _pages(self, quota: Array) -> Iterator[_Page]:
        """The classes by turns, so that what is made first is as even as the whole."""
        taken = set(self.data.ids.tolist())
        free = {label: self._free(label, taken) for label in np.flatnonzero(quota).tolist()}
        left = quota.copy()
        while left.any():
            # The classes that get most come first: the smallest grow before the others.
            for label in np.flatnonzero(left == left.max()).tolist():
                left[label] -= 1
                yield next(free[label])

    def _free(self, label: int, taken: set[str]) -> Iterator[_Page]:
        key = digest(self.key, self.data.schema.classes[label])
        ordinal = 0
        while True:
            if (id := made_id((), key, ordinal)) not in taken:
                yield _Page(label, ordinal, id)
            ordinal += 1

    def _written(self, pages: Sequence[_Page]) -> list[_Done]:
        """The pages that pass the check, each drawn anew where it does not."""
        done: dict[str, _Done] = {}
        for attempt in range(_TRIES):
            waiting = [page for page in pages if page.id not in done]
            if not waiting:
                break
            for one in self._checked(self._drawn(waiting, attempt)):
                done[one.page.id] = one
        return [done[page.id] for page in pages if page.id in done]

    def _drawn(self, pages: Sequence[_Page], attempt: int) -> list[_Done]:
        words, looks, dice, evidence = [], [], [], []
        hands: dict[int, tuple[Writer, str]] = {}
        for page in pages:
            rng = self.run.rng(self.key, page.id, attempt)
            number = int(rng.integers(self.step.writers))
            if number not in hands:
                hands[number] = self._hand(number)
            hand, movement = hands[number]
            like = self.target.like(page.label, rng)
            same = like.label == page.label
            form = form_like(like, self.ways[page.label], rng, same=same)
            word = written(form, hand, rng, movement=movement)
            tuned = {"thicker": self.target.thicker, "softer": self.target.softer}
            look = look_like(like, hand, rng, same=same, **tuned, side_px=self.step.side_px)
            words.append(word)
            looks.append(thinned(word, look, fill=like.fill if same else 0.0))
            dice.append(rng)
            evidence.append(
                {"technique": "motor", "text": form.text, "form": form.name, "writer": number, "looks_of": like.id}
            )
        shown = rendered(words, looks, dice)
        return [_Done(page, one, said) for page, one, said in zip(pages, shown, evidence, strict=True)]

    def _hand(self, number: int) -> tuple[Writer, str]:
        rng = self.run.rng(self.key, "writer", number)
        hand = writer(rng, sloppy=self.step.sloppy)
        chosen = str(rng.choice(list(MOVEMENTS))) if self.step.movement == "both" else self.step.movement
        return hand, chosen

    def _checked(self, done: Sequence[_Done]) -> list[_Done]:
        if self.judge is None:
            return list(done)
        # Purely made pictures have no parent; by their own id each is asked of a witness that is drawn.
        labels, ids = [one.page.label for one in done], [one.page.id for one in done]
        found = self.judge.of([one.shown for one in done], labels, ids, self.run)
        return [
            _Done(one.page, one.shown, {**one.evidence, "probability": said.probability, "distance": said.distance})
            for one, said in zip(done, found, strict=True)
            if said.passed
        ]

    def _suffix(self) -> str:
        jpegs = sum(one.jpeg for one in self.target.every)
        return ".jpg" if 2 * jpegs > len(self.target.every) else ".png"

    def _add(self, one: _Done, content: bytes, names: _Names, suffix: str) -> Add:
        name = self.data.schema.classes[one.page.label]
        single = self.data.schema.task == "single-label"
        sample = Sample(
            id=one.page.id,
            content=digest_bytes(content),
            path=names.path(name, suffix),
            label=one.page.label if single else frozenset({one.page.label}),
            split=TRAIN,
            maker="synthesize.handwriting:motor",
            home="blob",
        )
        because = f"more of {name}: {one.evidence['text']} written by hand number {one.evidence['writer']}"
        return Add(sample, because, one.evidence, content)


class _Names:
    """`CLASS/CLASS-001_handwriting.png`, counted on over what is there."""

    def __init__(self, data: Dataset) -> None:
        self._paths = set(data.table.column("path").to_pylist())
        self._counts: dict[str, int] = {}

    def path(self, name: str, suffix: str) -> str:
        plain = "".join("-" if char in "/\\:\0_" else char for char in name)
        while True:
            number = self._counts[name] = self._counts.get(name, 0) + 1
            path = f"{plain}/{plain}-{number:03d}_handwriting{suffix}"
            if path not in self._paths:
                self._paths.add(path)
                return path
