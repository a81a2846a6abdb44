"""The table of datasets: of each version its name, whether its classes are equal, how large they are, and in words how it
came about. Written from the ledger.

Source   the tables of datasets in the third of the papers of the 2021 data-centric competition that Tilth builds on
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tilth.dataset import Dataset
from tilth.edit import Add, Edit
from tilth.run.catalogue import about_of
from tilth.sample import TRAIN, VALID
from tilth.store import history
from tilth.store.ledger import Batch
from tilth.store.plain import kind_of
from tilth.store.shelf import Store

_WORDS = {"drop": "dropped", "relabel": "relabelled", "add": "added", "weigh": "weighted", "move": "moved"}
_TECHNIQUES = 6  # ways of making that are named, the commonest first


@dataclass(frozen=True, slots=True)
class Described:
    """A dataset in a line.

    equal        whether all classes of train are of one size, give or take one sample (what a budget leaves over)
    train, valid  samples of a class, on average; None where there is no such split
    samples      of train and valid
    description  what became of samples, in numbers
    about        what the step that did it does, in its own words
    """

    name: str
    version: str
    equal: bool
    train: float | None
    valid: float | None
    samples: int
    description: str
    about: str = ""


def described(name: str, data: Dataset, description: str, about: str = "") -> Described:
    """The line of a dataset."""
    counts = list(data.counts(TRAIN).values())
    return Described(
        name=name,
        version=data.version,
        equal=bool(counts) and max(counts) - min(counts) <= 1,
        train=_average(data, TRAIN),
        valid=_average(data, VALID),
        samples=len(data.open),
        description=description,
        about=about,
    )


def _average(data: Dataset, split: str) -> float | None:
    counts = list(data.counts(split).values())
    return sum(counts) / len(counts) if counts and len(data.split(split)) else None


def versions_on_line(store: Store) -> list[Described]:
    """The version that was read, then one for each step of the line that changed data."""
    rows = [described("base", store.version(history.base(store)), "as read from the source")]
    batches = [batch for batch in store.ledger.batches() if batch.before != batch.after]
    often = Counter(batch.use for batch in batches)
    for batch in batches:
        changes = [one for one in store.ledger.changes(batch=batch.batch) if one.verdict == "apply"]
        people = sorted({one.by for one in changes} - {"tilth"})
        told = edits_in_words(one.edit for one in changes) + (f" by {', '.join(people)}" if people else "")
        rows.append(described(_name(batch, often), store.version(batch.after), told, about_of(batch.use)))
    return rows


def _name(batch: Batch, often: Counter[str]) -> str:
    return batch.use if often[batch.use] == 1 else f"{batch.use} ({batch.place})"


def edits_in_words(edits: Iterable[Edit]) -> str:
    """`12 dropped, 240 relabelled, 1,200 added (shear 700, rotate 500)`."""
    every: Sequence[Edit] = list(edits)
    counts = Counter(kind_of(edit) for edit in every)
    made = Counter((edit.sample.maker or "").rpartition(":")[2] for edit in every if isinstance(edit, Add))
    ways = [f"{way} {count:,}" for way, count in sorted(made.items(), key=lambda one: (-one[1], one[0])) if way]
    more = f" and {len(ways) - _TECHNIQUES} more ways" if len(ways) > _TECHNIQUES else ""
    how = f" ({', '.join(ways[:_TECHNIQUES])}{more})" if ways else ""
    said = [f"{counts[kind]:,} {word}{how if kind == 'add' else ''}" for kind, word in _WORDS.items() if counts[kind]]
    return ", ".join(said) or "nothing changed"
