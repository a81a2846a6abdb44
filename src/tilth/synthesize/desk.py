"""The desk of those who write pictures: for which class, what, with whose looks; checked, encoded and filed.

Who holds the pen is handed in: a model of the moving hand, or a network that learned to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.numerics.quota import water_fill
from tilth.sample import TRAIN, Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run
from tilth.synthesize.hand.numerals import are_numerals
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.render import rendered

_TRIES = 6  # drawings before one is given up that the check turns away each time
_AT_ONCE = 64  # pictures that are drawn and checked together
_VALUES = 64_000_000  # and no more than these, one a pixel and channel: a quarter of a gigabyte of canvas
_ASKED = 128  # pages that are tried first
_KNOWN = 0.4  # of the way from chance to certainty: under it pictures do not show what is written, photographs of cats no "cat"


@dataclass(frozen=True)
class Page:
    """One picture that is to be made: which of its class, and under which id."""

    label: int
    ordinal: int
    id: str


@dataclass(frozen=True)
class Inked:
    """What was written on a page, and by whom, before it is rendered; its generator goes on to the paper."""

    page: Page
    by: str
    word: Strokes
    look: Look
    rng: np.random.Generator
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """A page as a picture (h, w, c) uint8."""

    page: Page
    by: str
    shown: Array
    evidence: Mapping[str, Any]


Pen: TypeAlias = Callable[[Sequence[Page], int], Sequence[Inked]]
"""(pages, attempt) -> what is written on them, each from its own generator; a page that came to nothing is left out."""


def shown(pen: Pen, pages: Sequence[Page], attempt: int) -> list[Done]:
    """The pages as this pen writes them. What is no line (a point is NaN or infinite) came to nothing and is left out."""
    inked = [one for one in pen(pages, attempt) if all(np.isfinite(line).all() for line in one.word)]
    return [done for some in _rendered_at_once(inked) for done in _rendered(some)]


def _rendered(inked: Sequence[Inked]) -> list[Done]:
    pictures = rendered([one.word for one in inked], [one.look for one in inked], [one.rng for one in inked])
    return [Done(one.page, one.by, picture, one.evidence) for one, picture in zip(inked, pictures, strict=True)]


def _rendered_at_once(inked: Sequence[Inked]) -> Iterator[list[Inked]]:
    """The same in order, in runs of no more than `_VALUES` together, or of one that is larger."""
    some: list[Inked] = []
    held = 0
    for one in inked:
        size = 3 * one.look.height_px * one.look.width_px
        if some and held + size > _VALUES:
            yield some
            some, held = [], 0
        some.append(one)
        held += size
    if some:
        yield some


@dataclass(frozen=True)
class Desk:
    """Where pages are written, checked and filed.

    maker   name of the step
    key     its key: part of the ids
    pen     who writes
    judge   the label check, or None
    suffix  .png or .jpg
    """

    maker: str
    key: str
    data: Dataset
    pen: Pen
    run: Run
    judge: Any
    suffix: str

    def filled(self, quota: Array, can: Sequence[int]) -> Iterator[Add]:
        """New pictures, so many of each class (k,).

        can  the classes that can be written
        """
        names = _Names(self.data, self.maker.partition(".")[2])
        at_once = self._at_once(can)
        if not self._taken_for_it(can, at_once):
            return
        pages, made = self._pages(quota), 0
        with ThreadPoolExecutor(max(self.run.threads, 1)) as pool:
            while waiting := list(islice(pages, at_once)):
                done = self._written(waiting)
                made += len(done)
                files = pool.map(lambda one: picture.encode(one.shown, suffix=self.suffix), done)
                for one, content in zip(done, files, strict=True):
                    yield self._add(one, content, names)
        if made < int(quota.sum()):
            self.run.log(
                f"{self.maker} made {made:,} of {int(quota.sum()):,} pictures: the rest was turned away each time"
            )

    def _at_once(self, can: Sequence[int]) -> int:
        """How many pictures are held at a time: fewer where scans are large."""
        trial = shown(self.pen, _trial(can, 4), 0)
        largest = max((one.shown.size for one in trial), default=1)
        return int(np.clip(_VALUES // largest, 1, _AT_ONCE))

    def _taken_for_it(self, can: Sequence[int], at_once: int) -> bool:
        """Whether real pictures show what is written here: else a few would pass by chance, and teach nonsense."""
        if self.judge is None:
            return True
        pages, said = iter(_trial(can, _ASKED)), list[float]()
        while some := list(islice(pages, at_once)):
            drawn = shown(self.pen, some, 0)
            labels, ids = [one.page.label for one in drawn], [one.page.id for one in drawn]
            found = self.judge.of([one.shown for one in drawn], labels, ids, self.run)
            said += [one.probability for one in found]
        if not said:
            self.run.log(f"{self.maker} makes nothing: nothing that it wrote could be drawn")
            return False
        even = 1 / len(self.data.schema.classes)
        known = float(np.mean(said))
        if known >= even + _KNOWN * (1 - even):
            return True
        self.run.log(
            f"{self.maker} makes nothing: of what it wrote the witnesses of the label guard gave the right class a probability "
            f"of {known:.2f}, by chance {even:.2f}. The pictures do not show what is written for their classes; say "
            "what they show by `texts`, or leave the step out"
        )
        return False

    def _pages(self, quota: Array) -> Iterator[Page]:
        """The classes by turns, so that what is made first is as even as the whole."""
        taken = set(self.data.ids.tolist())
        free = {label: self._free(label, taken) for label in np.flatnonzero(quota).tolist()}
        left = quota.copy()
        while left.any():
            # The classes that get most come first: the smallest grow before the others.
            for label in np.flatnonzero(left == left.max()).tolist():
                left[label] -= 1
                yield next(free[label])

    def _free(self, label: int, taken: set[str]) -> Iterator[Page]:
        key = digest(self.key, self.data.schema.classes[label])
        ordinal = 0
        while True:
            if (id := made_id((), key, ordinal)) not in taken:
                yield Page(label, ordinal, id)
            ordinal += 1

    def _written(self, pages: Sequence[Page]) -> list[Done]:
        """The pages that pass the check, each drawn anew where it does not."""
        done: dict[str, Done] = {}
        for attempt in range(_TRIES):
            waiting = [page for page in pages if page.id not in done]
            if not waiting:
                break
            for one in self._checked(shown(self.pen, waiting, attempt)):
                done[one.page.id] = one
        return [done[page.id] for page in pages if page.id in done]

    def _checked(self, done: Sequence[Done]) -> list[Done]:
        if self.judge is None or not done:
            return list(done)
        # Purely made pictures have no parent; by their own id each is asked of a witness that is drawn.
        labels, ids = [one.page.label for one in done], [one.page.id for one in done]
        found = self.judge.of([one.shown for one in done], labels, ids, self.run)
        return [
            Done(
                one.page,
                one.by,
                one.shown,
                {**one.evidence, "probability": said.probability, "distance": said.distance},
            )
            for one, said in zip(done, found, strict=True)
            if said.passed
        ]

    def _add(self, one: Done, content: bytes, names: _Names) -> Add:
        name = self.data.schema.classes[one.page.label]
        single = self.data.schema.task == "single-label"
        sample = Sample(
            id=one.page.id,
            content=digest_bytes(content),
            path=names.path(name, self.suffix),
            label=one.page.label if single else frozenset({one.page.label}),
            split=TRAIN,
            maker=f"{self.maker}:{one.evidence['technique']}",
            home="blob",
        )
        because = f"more of {name}: {one.evidence['text']} written by {one.by}"
        return Add(sample, because, one.evidence, content)


def _trial(can: Sequence[int], count: int) -> list[Page]:
    """Pages to be looked at and thrown away, of all classes alike."""
    return [Page(can[at % len(can)], -1, f"trial {at}") for at in range(count)]


class _Names:
    """`CLASS/CLASS-001_handwriting.png`, counted on over what is there."""

    def __init__(self, data: Dataset, technique: str) -> None:
        self._paths, self._technique = set(data.table.column("path").to_pylist()), technique
        self._counts: dict[str, int] = {}

    def path(self, name: str, suffix: str) -> str:
        plain = "".join("-" if char in "/\\:\0_" else char for char in name)
        while True:
            number = self._counts[name] = self._counts.get(name, 0) + 1
            path = f"{plain}/{plain}-{number:03d}_{self._technique}{suffix}"
            if path not in self._paths:
                self._paths.add(path)
                return path


# -- what every step at the desk asks ---------------------------------------------------------------------------


def texts_setting(step: str, texts: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The setting `texts` as class -> texts. Raises SettingError for what are no words."""
    if not isinstance(texts, Mapping):
        raise SettingError(f'{step}: texts is a table, class = ["word"], found {texts!r}')
    found: dict[str, tuple[Any, ...]] = {}
    for name, one in texts.items():
        if not isinstance(one, (str, list, tuple)):
            raise SettingError(f"{step}: texts of {name!r} are one or more words, found {one!r}")
        found[name] = (one,) if isinstance(one, str) else tuple(one)
    for name, several in found.items():
        if not several or not all(isinstance(one, str) and one.strip() for one in several):
            raise SettingError(f"{step}: texts of {name!r} are one or more words, found {several!r}")
    return found


def texts_of(step: str, texts: Mapping[str, tuple[str, ...]], classes: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Class index -> what is written for it. Raises StepError for a class that there is not."""
    unknown = sorted(set(texts) - set(classes))
    if unknown:
        raise StepError(
            f"{step} has texts for {unknown[0]!r}, which is no class "
            f"(there are: {', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''})."
        )
    return {index: texts.get(name) or named(name, classes) for index, name in enumerate(classes)}


def named(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """What is written for a class: its name, a Roman numeral also in the other case, where all classes are
    such and that is none of its own."""
    other = name.upper() if name != name.upper() else name.lower()
    return (name, other) if are_numerals((name, *classes)) and other not in classes else (name,)


def whole_settings(step: str, settings: Mapping[str, tuple[Any, int]]) -> None:
    """Raises SettingError unless each setting (value, least) is a whole number from there up."""
    for name, (value, least) in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingError(f"{step}: {name} is a whole number from {least} up, found {value!r}")


def room_for(step: str, data: Dataset, budget: int) -> int:
    """How many pictures may be made. Raises StepError where the data are texts."""
    if data.schema.modality != "image":
        raise StepError(f"{step} makes pictures; this dataset holds texts.")
    return max(budget - len(data.open), 0)


def quota_of(data: Dataset, can: Sequence[int], room: int, *, balance: bool) -> Array:
    """(k,) how many pictures of each class, of those that can be written."""
    sizes = data.train.targets.sum(axis=0).astype(np.int64)
    able = np.isin(np.arange(len(sizes)), list(can))
    return water_fill(sizes if balance else np.zeros_like(sizes), room, caps=np.where(able, room, 0))


def judge_of(data: Dataset, signals: Signals, run: Run) -> Any:
    """The label check, where the label guard ran before; else None."""
    return run.step("augment.guard").made_check(data, signals, run) if "guard" in signals else None
