"""Handwriting made by a model of the moving hand: glyphs, writers, pens, papers and scans, with no training.

What is written for a class is its name, a Roman numeral in small letters and in capitals; how it looks is fitted to the
pictures of a target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import ExportError, LearnerError, SettingError, StepError
from tilth.signal import Signals
from tilth.steps import Run
from tilth.synthesize.desk import (
    Desk,
    Inked,
    Page,
    judge_of,
    quota_of,
    room_for,
    texts_of,
    texts_setting,
    whole_settings,
)
from tilth.synthesize.hand.glyphs import missing
from tilth.synthesize.hand.motor import MOVEMENTS
from tilth.synthesize.hand.numerals import Form, are_numerals, forms
from tilth.synthesize.hand.writers import Writer, all_written, writer
from tilth.synthesize.ink.fit import Target, all_thinned, form_like, look_like
from tilth.synthesize.targets import suffix_of, target_of, tuned

_NAME = "synthesize.handwriting"
# Share of the target that is drawn, where nobody has said that it is; of photographs 70 % have plain ground.
_DRAWINGS = 0.9
# What a step or the witnesses it asks may be unable to do. A source that is gone or changed ends the run all the same: what
# comes of it is remembered, and would be nothing also when the source is back.
_CANNOT = (StepError, LearnerError, SettingError, ExportError)


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
    required: bool = True  # False: where nothing can be made, as of pictures that are no drawings, it is said
    most_times: float | None = (
        None  # written ones at most, as many times the real train pictures; None: what the budget has room for
    )
    looked_at: int = 400  # target pictures at most that looks are taken from, a fair draw: a second of work

    version = 2
    modality = ("image",)
    source = (
        "Plamondon 1995, doi:10.1007/BF00202785 (lognormal strokes); Flash and Hogan 1985, "
        "doi:10.1523/JNEUROSCI.05-07-01688.1985 (minimum jerk); glyphs by Dr. A. V. Hershey"
    )
    cost = "1 ms for a numeral of 300 x 300, and as long again for writing it to a file"

    def __post_init__(self) -> None:
        if self.movement != "both" and self.movement not in MOVEMENTS:
            known = ", ".join([*MOVEMENTS, "both"])
            raise SettingError(f"{_NAME}: movement is one of {known}; found {self.movement!r}")
        whole_settings(_NAME, {"writers": (self.writers, 1), "looked_at": (self.looked_at, 1)})
        if not 0 <= self.sloppy <= 3:
            raise SettingError(f"{_NAME}: sloppy lies within 0 and 3, found {self.sloppy!r}")
        if self.side_px is not None:
            whole_settings(_NAME, {"side_px": (self.side_px, 8)})
        most = self.most_times
        if most is not None and (
            isinstance(most, bool) or not isinstance(most, (int, float)) or not 0 < most < math.inf
        ):
            raise SettingError(f"{_NAME}: most_times is a number above 0, found {most!r}")
        object.__setattr__(self, "texts", texts_setting(_NAME, self.texts))

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples.

        Where they are not `required`, what cannot be done is said and ends the making, not the run.
        """
        made = 0
        try:
            for made, add in enumerate(self._filled(data, signals, run, budget), 1):  # noqa: B007
                yield add
        except _CANNOT as why:
            if self.required:
                raise
            what = f"no more than {made:,} pictures are" if made else "nothing is"
            again = (
                "" if isinstance(why, (StepError, SettingError)) else ". Once that is mended, --fresh makes the rest"
            )
            run.log(f"{what} written by hand: {str(why).splitlines()[0]}{again}")

    def _filled(self, data: Dataset, signals: Signals, run: Run, budget: int) -> Iterator[Add]:
        room, why = room_for(_NAME, data, budget), "there is no room for it; a larger budget makes some"
        if room and self.most_times is not None:
            mine = sum(one.startswith(f"{_NAME}:") for one in data.train.table.column("maker").to_pylist())
            room = min(room, max(round(self.most_times * len(data.train.raw)) - mine, 0))
            why = f"{mine:,} are there, as many as most_times = {self.most_times:g} lets in"
        if not room:
            run.log(f"nothing is written by hand: {why}")
            return
        desk, can = self._desk(data, signals, run)
        yield from desk.filled(quota_of(data, can, room, balance=self.balance), can)

    def _desk(self, data: Dataset, signals: Signals, run: Run) -> tuple[Desk, list[int]]:
        """Where it is written, and the classes that can be."""
        ways, key = self.ways(data, run), digest(self)
        hand = _Hand(self, key, ways, self.target(data, signals, run), run)
        hand = replace(hand, target=tuned(hand.target, lambda target: replace(hand, target=target), sorted(ways)))
        judge = judge_of(data, signals, run)
        return Desk(_NAME, key, data, hand, run, judge, suffix_of(hand.target)), sorted(ways)

    def ways(self, data: Dataset, run: Run) -> Mapping[int, tuple[Form, ...]]:
        """Class index -> the ways of writing it. Raises StepError where no class can be written."""
        classes, found = data.schema.classes, dict[int, tuple[Form, ...]]()
        roman = are_numerals(classes)
        for index, texts in texts_of(_NAME, self.texts, classes).items():
            numeral = roman or classes[index] in self.texts
            ways = tuple(form for text in texts for form in forms(text, numeral=numeral))
            if ways:
                found[index] = ways
            else:
                lacking = "".join(dict.fromkeys(missing("".join(texts)))) or " ".join(texts)
                run.log(f"{_NAME} leaves out {classes[index]}: there is no glyph for {lacking!r}; say texts for it")
        if not found:
            raise StepError(
                f"{_NAME} can write none of the {len(classes)} classes: no font has the letters of their "
                'names.\n  Say what is written for a class:  texts = { CLASS = ["word"] }'
            )
        return found

    def target(self, data: Dataset, signals: Signals, run: Run) -> Target:
        """The looks to draw from. Raises StepError where the target has no drawing on plain ground."""
        least = 0.0 if self.required else _DRAWINGS
        return target_of(_NAME, data, signals, run, against=self.against, looked_at=self.looked_at, least=least)


@dataclass(frozen=True)
class _Hand:
    """A pen: the motor model's writers, with the looks of the target.

    known  writers that wrote before, and their movement
    """

    step: Handwriting
    key: str
    ways: Mapping[int, tuple[Form, ...]]
    target: Target
    run: Run
    known: dict[int, tuple[Writer, str]] = field(default_factory=dict[int, tuple[Writer, str]])

    def __call__(self, pages: Sequence[Page], attempt: int) -> list[Inked]:
        rngs = [self.run.rng(self.key, page.id, attempt) for page in pages]
        numbers = [int(rng.integers(self.step.writers)) for rng in rngs]
        self.known.update((number, self._writer(number)) for number in set(numbers) - self.known.keys())
        hands, movements = zip(*(self.known[number] for number in numbers), strict=True) if pages else ((), ())
        likes = [self.target.like(page.label, rng) for page, rng in zip(pages, rngs, strict=True)]
        same = [like.label == page.label for page, like in zip(pages, likes, strict=True)]
        forms = [
            form_like(like, self.ways[page.label], rng, same=own)
            for page, like, own, rng in zip(pages, likes, same, rngs, strict=True)
        ]
        words = all_written(forms, hands, rngs, movements)
        tuned = {"thicker": self.target.thicker, "softer": self.target.softer, "side_px": self.step.side_px}
        looks = [
            look_like(like, hand, rng, same=own, **tuned)
            for like, hand, rng, own in zip(likes, hands, rngs, same, strict=True)
        ]
        fills = [like.fill if own else 0.0 for like, own in zip(likes, same, strict=True)]
        looks = all_thinned(words, looks, fills)
        said = [
            {"technique": "motor", "text": form.text, "form": form.name, "writer": number, "looks_of": like.id}
            for form, number, like in zip(forms, numbers, likes, strict=True)
        ]
        names = [f"hand number {number}" for number in numbers]
        return [Inked(*one) for one in zip(pages, names, words, looks, rngs, said, strict=True)]

    def _writer(self, number: int) -> tuple[Writer, str]:
        rng = self.run.rng(self.key, "writer", number)
        hand = writer(rng, sloppy=self.step.sloppy)
        chosen = str(rng.choice(list(MOVEMENTS))) if self.step.movement == "both" else self.step.movement
        return hand, chosen
