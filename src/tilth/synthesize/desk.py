"""Where pages are written: each drawn from its own dice, checked, drawn anew where it is turned away, encoded and filed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.numerics import attributes, picture
from tilth.sample import TRAIN, Sample, made_id
from tilth.signal import Array
from tilth.steps import Run
from tilth.synthesize.fit import Target, form_like, look_like, thinned
from tilth.synthesize.motor import MOVEMENTS
from tilth.synthesize.numerals import Form
from tilth.synthesize.render import rendered
from tilth.synthesize.writers import Writer, writer, written

_TRIES = 6  # drawings before one is given up that the check turns away each time
_TUNED = [attributes.NAMES.index("stroke"), attributes.NAMES.index("edge")]
_TRIALS = 40  # pictures that are drawn to see how wide strokes come out: their median is off by 3 %
_NEAR = 0.03  # of what is wanted, as a share
_AT_ONCE = 64  # pictures that are drawn and checked together


@dataclass(frozen=True)
class Page:
    """One picture that is to be made: which of its class, and under which id."""

    label: int
    ordinal: int
    id: str


@dataclass(frozen=True)
class Done:
    page: Page
    shown: Array
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """Where pages are written, checked and filed.

    maker    name of the step
    key      its identity: part of the ids and of the randomness
    ways     class index -> the ways of writing it
    judge    has `of(pictures, labels, parents, run)`, as the label check has; None: nothing is turned away
    writers, sloppy, movement, side_px  as in the step's settings
    """

    maker: str
    key: str
    data: Dataset
    ways: Mapping[int, tuple[Form, ...]]
    target: Target
    run: Run
    judge: Any
    writers: int
    sloppy: float
    movement: str
    side_px: int | None

    def tuned(self, rounds: int = 3) -> Desk:
        """The same with a pen that draws strokes as wide and edges as soft as the target's, as they are measured in
        pictures."""
        if not rounds:
            return self
        wanted = {one.id: (one.pen_px, one.soft_px) for one in self.target.every}
        labels = sorted(self.ways)
        done = self._drawn([Page(labels[at % len(labels)], -1, f"trial {at}") for at in range(_TRIALS)], 0)
        rows = attributes.known(attributes.of_pictures([one.shown for one in done]))[:, _TUNED]
        rows *= np.array([max(one.shown.shape) for one in done])[:, None]
        ratios = rows / np.array([wanted[one.evidence["looks_of"]] for one in done])
        if not np.isfinite(ratios).all(axis=1).any():
            return self
        # A scan in few tones has edges of its own, whatever the pen's were.
        few = all(one.levels for one in self.target.every)
        thicker, softer = (self.target.thicker, self.target.softer) / np.maximum(np.nanmedian(ratios, axis=0), 0.1)
        softer = 1.0 if few else softer
        if max(abs(np.log((thicker / self.target.thicker, softer / self.target.softer)))) < _NEAR:
            return self
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
            for one in self._checked(self._drawn(waiting, attempt)):
                done[one.page.id] = one
        return [done[page.id] for page in pages if page.id in done]

    def _drawn(self, pages: Sequence[Page], attempt: int) -> list[Done]:
        words, looks, dice, evidence = [], [], [], []
        hands: dict[int, tuple[Writer, str]] = {}
        for page in pages:
            rng = self.run.rng(self.key, page.id, attempt)
            number = int(rng.integers(self.writers))
            if number not in hands:
                hands[number] = self._hand(number)
            hand, movement = hands[number]
            like = self.target.like(page.label, rng)
            same = like.label == page.label
            form = form_like(like, self.ways[page.label], rng, same=same)
            word = written(form, hand, rng, movement=movement)
            tuned = {"thicker": self.target.thicker, "softer": self.target.softer}
            look = look_like(like, hand, rng, same=same, **tuned, side_px=self.side_px)
            words.append(word)
            looks.append(thinned(word, look, fill=like.fill if same else 0.0))
            dice.append(rng)
            evidence.append(
                {"technique": "motor", "text": form.text, "form": form.name, "writer": number, "looks_of": like.id}
            )
        shown = rendered(words, looks, dice)
        return [Done(page, one, said) for page, one, said in zip(pages, shown, evidence, strict=True)]

    def _hand(self, number: int) -> tuple[Writer, str]:
        rng = self.run.rng(self.key, "writer", number)
        hand = writer(rng, sloppy=self.sloppy)
        chosen = str(rng.choice(list(MOVEMENTS))) if self.movement == "both" else self.movement
        return hand, chosen

    def _checked(self, done: Sequence[Done]) -> list[Done]:
        if self.judge is None:
            return list(done)
        # Purely made pictures have no parent; by their own id each is asked of a witness that is drawn.
        labels, ids = [one.page.label for one in done], [one.page.id for one in done]
        found = self.judge.of([one.shown for one in done], labels, ids, self.run)
        return [
            Done(one.page, one.shown, {**one.evidence, "probability": said.probability, "distance": said.distance})
            for one, said in zip(done, found, strict=True)
            if said.passed
        ]

    def _suffix(self) -> str:
        jpegs = sum(one.jpeg for one in self.target.every)
        return ".jpg" if 2 * jpegs > len(self.target.every) else ".png"

    def _add(self, one: Done, content: bytes, names: _Names, suffix: str) -> Add:
        name = self.data.schema.classes[one.page.label]
        single = self.data.schema.task == "single-label"
        sample = Sample(
            id=one.page.id,
            content=digest_bytes(content),
            path=names.path(name, suffix),
            label=one.page.label if single else frozenset({one.page.label}),
            split=TRAIN,
            maker=f"{self.maker}:motor",
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
