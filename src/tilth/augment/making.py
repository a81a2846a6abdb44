"""From draws to made pictures: what is to be done to which parent, done, checked, encoded and written up as Add edits.

Children have the size of their parents by default: a fixed model's own way of shrinking is part of the model, and made
pictures must go through it exactly as real ones will.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from tilth.augment.operation import Move
from tilth.augment.operations.paint import painted_batch
from tilth.augment.operations.words import said
from tilth.augment.turns import Names, Turns, made_sample
from tilth.dataset import Dataset, label_text
from tilth.digest import digest_bytes
from tilth.edit import Add
from tilth.numerics import picture
from tilth.sample import Label, Sample, made_id
from tilth.signal import Array
from tilth.steps import Run

MIX = "mix"

_TRIES = 6  # draws before a child is given up that comes out as its parent, or that the check turns away each time
_PARENTS = 32  # whose pictures and children are held at once: 50 MB at 300 x 300, and a fair batch for a check


@dataclass(frozen=True)
class Draw:
    """What is to be made of a parent.

    label  of the child; the parent's, unless the moves turn one class into another
    """

    parent: Sample
    ordinal: int
    moves: tuple[Move, ...]
    label: Label

    @property
    def technique(self) -> str:
        return self.moves[0].operation if len(self.moves) == 1 else MIX


@dataclass(frozen=True)
class Verdict:
    """What a check says of a child, and the evidence that goes with it where it is kept."""

    kept: bool
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


Drawing: TypeAlias = Callable[[Sample, int, np.random.Generator], "Draw | None"]
"""(parent, ordinal, generator) -> what to make; None where nothing may be made of it this time. A child that is turned
away is drawn again from another generator."""

Check: TypeAlias = Callable[[Sequence[Draw], Sequence[Array]], Sequence[Verdict]]
"""(draws, children (h, w, c) uint8) -> a verdict for each."""


@dataclass(frozen=True)
class Making:
    """How children are made, whatever is made of whom.

    maker     name of the step; the technique is put behind it
    key       the step's key: part of the ids and of the randomness
    drawing   what to make
    side_px   the longer side of the children; None: as large as their parents
    keep_ink  what ink lies free of the border stays in frame
    check     says which children are kept; one that is not is drawn again, a few times
    """

    maker: str
    key: str
    drawing: Drawing
    side_px: int | None = None
    keep_ink: bool = True
    check: Check | None = None

    def made(self, data: Dataset, turns: Turns, run: Run) -> Iterator[Add]:
        """The edits that bring in the children of these turns; the same for a parent whatever else is made."""
        names = Names(data)
        parents = data.only(turns.parents)
        pictures = run.images(parents)
        waiting = zip(parents, turns.times.tolist(), strict=True)
        with ThreadPoolExecutor(max(run.threads, 1)) as pool:
            while group := list(islice(waiting, _PARENTS)):
                broods = [
                    _Brood(at, parent, self._sized(shown), list(names.ordinals(parent.id, self.key, times)))
                    for at, ((parent, times), shown) in enumerate(zip(group, pictures, strict=False))
                ]
                self._raise(broods, run, pool)
                children = [child for brood in broods for child in brood.ready()]
                files = pool.map(_encoded, children)
                yield from (
                    self._add(child, content, names, data) for child, content in zip(children, files, strict=True)
                )

    def _sized(self, shown: Array) -> Array:
        return shown if self.side_px is None else picture.shrink(shown, self.side_px)

    def _raise(self, broods: Sequence[_Brood], run: Run, pool: ThreadPoolExecutor) -> None:
        """Draw, make and check until every child is there or has been tried often enough."""
        for attempt in range(_TRIES):
            batches = pool.map(lambda alike: self._tried(alike, attempt, run), _alike(broods, run.threads))  # noqa: B023
            tried = sorted((child for batch in batches for child in batch), key=lambda child: child.brood.number)
            for child, verdict in zip(tried, self._checked(tried), strict=True):
                if verdict.kept:
                    child.brood.grown[child.draw.ordinal] = replace(child, evidence=verdict.evidence)
            if all(not brood.missing() for brood in broods):
                return

    def _tried(self, broods: Sequence[_Brood], attempt: int, run: Run) -> list[_Child]:
        """What this attempt gives that can be told from its parent; the parents are of one size."""
        drawn: list[tuple[int, Draw]] = []
        for at, brood in enumerate(broods):
            for ordinal in brood.missing():
                draw = self.drawing(brood.parent, ordinal, run.rng(self.key, brood.parent.id, ordinal, attempt, "draw"))
                drawn += [(at, draw)] if draw is not None else []
        dice = [run.rng(self.key, draw.parent.id, draw.ordinal, attempt, "dice") for _, draw in drawn]
        originals = np.stack([brood.original for brood in broods])
        of, moves = [at for at, _ in drawn], [draw.moves for _, draw in drawn]
        children = painted_batch(originals, moves, dice, of=of, keep_ink=self.keep_ink)
        return [
            _Child(broods[at], draw, shown.copy())  # of its own: the batch must not live as long as one child does
            for (at, draw), shown in zip(drawn, children, strict=True)
            if not np.array_equal(shown, broods[at].original)
        ]

    def _checked(self, tried: Sequence[_Child]) -> Sequence[Verdict]:
        if self.check is None or not tried:
            return [Verdict(True)] * len(tried)
        return self.check([child.draw for child in tried], [child.shown for child in tried])

    def _add(self, child: _Child, content: bytes, names: Names, data: Dataset) -> Add:
        draw = child.draw
        parent = draw.parent
        sample = made_sample(
            parent,
            id=made_id((parent.id,), self.key, draw.ordinal),
            content=digest_bytes(content),
            path=names.path(parent, draw.technique, _suffix(parent)),
            maker=f"{self.maker}:{draw.technique}",
            home="blob",
        )
        moves = [[move.operation, round(move.magnitude, 4)] for move in draw.moves]
        evidence = {"technique": draw.technique, "moves": moves, **child.evidence}
        because = f"more of {label_text(data.schema, draw.label)}: a copy of {parent.path}, {said(draw.moves)}"
        return Add(replace(sample, label=draw.label), because, evidence, content)


@dataclass
class _Brood:
    """The children of one parent, as they come."""

    number: int
    parent: Sample
    original: Array
    ordinals: list[int]
    grown: dict[int, _Child] = field(default_factory=dict["int", "_Child"])

    def missing(self) -> list[int]:
        return [ordinal for ordinal in self.ordinals if ordinal not in self.grown]

    def ready(self) -> list[_Child]:
        return [self.grown[ordinal] for ordinal in sorted(self.grown)]


def _alike(broods: Sequence[_Brood], threads: int) -> list[list[_Brood]]:
    """Those that miss children, by the size of their pictures; large groups in parts, so that each thread has work."""
    alike: dict[tuple[int, ...], list[_Brood]] = {}
    for brood in broods:
        if brood.missing():
            alike.setdefault(brood.original.shape, []).append(brood)
    size = -(-_PARENTS // max(threads, 1))
    return [group[start : start + size] for group in alike.values() for start in range(0, len(group), size)]


@dataclass(frozen=True)
class _Child:
    brood: _Brood
    draw: Draw
    shown: Array
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _encoded(child: _Child) -> bytes:
    return picture.encode(child.shown, suffix=_suffix(child.draw.parent))


def _suffix(parent: Sample) -> str:
    return ".jpg" if PurePosixPath(parent.path).suffix.lower() in (".jpg", ".jpeg") else ".png"
