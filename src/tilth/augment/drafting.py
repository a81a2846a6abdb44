"""From draws to made texts: what is to be done to which parent, done, told from every text there is, and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from tilth.augment.turns import Names, Turns, made_sample
from tilth.augment.words import LabelWords
from tilth.augment.writing import OPERATIONS
from tilth.augment.writing.operation import FULL, Stock
from tilth.augment.writing.phrase import Phrase, parsed
from tilth.dataset import Dataset, label_text
from tilth.digest import digest_bytes
from tilth.edit import Add
from tilth.numerics.text_check import TextCheck
from tilth.sample import Sample, made_id
from tilth.signal import Array
from tilth.steps import Run

_TRIES = 6  # draws before a child is given up that is a text that is there, or that the check turns away each time
_CHILDREN = 512  # that are drawn and checked at once


@dataclass(frozen=True)
class Draws:
    """What is drawn from, and how.

    pool      names of operations
    share     of the words that one touches
    composed  share of the children that get several
    most      operations of such a child
    """

    pool: tuple[str, ...]
    share: float
    composed: float
    most: int

    @classmethod
    def of(cls, pool: tuple[str, ...], strength: float, composed: float, most: int) -> Draws:
        return cls(pool, FULL * strength, composed, min(most, len(pool)))

    def drawn(self, phrase: Phrase, rng: np.random.Generator, stock: Stock) -> Draft | None:
        """The phrase with one or several operations done to it; one that cannot be done here gives way to another."""
        several = self.most > 1 and self.composed > 0 and rng.random() < self.composed
        wanted = int(rng.integers(2, self.most + 1)) if several else 1
        done: list[str] = []
        made = phrase
        for name in self._order(rng):
            changed = OPERATIONS[name].apply(made, self.share, rng, stock)
            if changed is None:
                continue
            made = changed
            done.append(name)
            if len(done) == wanted:
                break
        return Draft(made.text, tuple(done)) if done else None

    def _order(self, rng: np.random.Generator) -> Iterator[str]:
        first = self.pool[int(rng.integers(len(self.pool)))]
        yield first
        for at in rng.permutation(len(self.pool)).tolist():
            if self.pool[at] != first:
                yield self.pool[at]


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that was drawn, and the operations that were done to it, in turn."""

    text: str
    operations: tuple[str, ...]

    @property
    def technique(self) -> str:
        return "+".join(self.operations)


@dataclass
class Drafting:
    """How texts are made, whatever is made of whom.

    maker   name of the step; the technique is put behind it
    key     the step's key: part of the ids and of the randomness
    keep    words that carry the labels
    known   every text there is, and in the end every one that was made
    """

    maker: str
    key: str
    draws: Draws
    stock: Stock
    keep: LabelWords
    check: TextCheck | None
    known: set[str]
    turned_away: int = 0
    spent: set[str] = field(default_factory=set[str])

    def made(self, data: Dataset, turns: Turns, run: Run) -> Iterator[Add]:
        """The edits that bring in the children of these turns. Parents that did not give all of theirs go into `spent`."""
        names = Names(data)
        slots = self._slots(data, turns, names, run)
        targets = dict(zip(data.ids.tolist(), data.targets, strict=True)) if self.check is not None else {}
        while group := list(islice(slots, _CHILDREN)):
            self._raise(group, targets)
            for slot in group:
                if slot.draft is None:
                    self.spent.add(slot.parent.id)
                else:
                    yield self._add(slot, slot.draft, names, data)

    def _slots(self, data: Dataset, turns: Turns, names: Names, run: Run) -> Iterator[_Slot]:
        parents = data.only(turns.parents)
        for parent, target, times in zip(parents, parents.targets, turns.times.tolist(), strict=True):
            phrase = parsed(parent.text or "", self.keep.told(target))
            for ordinal in names.ordinals(parent.id, self.key, times):
                yield _Slot(parent, phrase, ordinal, run.rng(self.key, parent.id, ordinal))

    def _raise(self, group: Sequence[_Slot], targets: dict[str, Array]) -> None:
        """Draw and check until every child is there or has been tried often enough."""
        for _ in range(_TRIES):
            tried: list[tuple[_Slot, Draft]] = []
            now: set[str] = set()
            for slot in group:
                draft = self.draws.drawn(slot.phrase, slot.rng, self.stock)
                if draft is None:
                    slot.hopeless = True
                elif draft.text not in self.known and draft.text not in now:
                    now.add(draft.text)
                    tried.append((slot, draft))
            self._judged(tried, targets)
            group = [slot for slot in group if slot.draft is None and not slot.hopeless]

    def _judged(self, tried: Sequence[tuple[_Slot, Draft]], targets: dict[str, Array]) -> None:
        if self.check is None:
            for slot, draft in tried:
                slot.draft = draft
        elif tried:
            parents = [(slot.parent.id, *slot.parent.parents) for slot, _ in tried]
            wanted = np.stack([targets[slot.parent.id] for slot, _ in tried])
            found = self.check.of([draft.text for _, draft in tried], wanted, parents)
            for (slot, draft), verdict in zip(tried, found, strict=True):
                if verdict.passed:
                    slot.draft, slot.evidence = draft, verdict.evidence
                else:
                    self.turned_away += 1
        self.known.update(draft.text for slot, draft in tried if slot.draft is draft)

    def _add(self, slot: _Slot, draft: Draft, names: Names, data: Dataset) -> Add:
        parent, content = slot.parent, draft.text.encode()
        sample = made_sample(
            parent,
            id=made_id((parent.id,), self.key, slot.ordinal),
            content=digest_bytes(content),
            path=names.path(parent, draft.technique, PurePosixPath(parent.path).suffix),
            maker=f"{self.maker}:{draft.technique}",
            home="text",
            text=draft.text,
        )
        said = ", ".join(OPERATIONS[name].said for name in draft.operations)
        because = f"more of {label_text(data.schema, parent.label)}: a copy of {parent.path}, {said}"
        return Add(sample, because, {"technique": draft.technique, **slot.evidence}, content)


@dataclass
class _Slot:
    """A child that is to come, and what came of it."""

    parent: Sample
    phrase: Phrase
    ordinal: int
    rng: np.random.Generator
    hopeless: bool = False
    draft: Draft | None = None
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
