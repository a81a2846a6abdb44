"""New texts by two small moves, to lift the small classes: neighbours change places, or a filler word goes.

Negations, numbers, names and the words that carry the label stay; so do case and punctuation. That is oversampling
with a little variety, no more: it evens out classes for a model that counts words, and adds no knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from tilth.augment.turns import Names, Turns, demand_of, made_sample, plan
from tilth.augment.words import LabelWords, class_words, swapped, thinned
from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.sample import Sample, made_id
from tilth.signal import Signals
from tilth.steps import Run

_MOVES = {"swap": swapped, "thin": thinned}
_WORDS = {"swap": "neighbouring words changed places", "thin": "a filler word taken out"}
_TRIES = 8  # draws before a text is given up: a sentence of five words has only a few safe moves


@dataclass(frozen=True)
class Text:
    """Makes new train texts by swapping neighbouring words and leaving out fillers, until classes are even."""

    swap_share: float = 0.1  # of the words; EDA's alpha
    thin_share: float = 0.1  # of the filler words; EDA's probability of deletion
    label_words: float = 0.05  # share of a class's words: those that tell it best are not touched
    balance: bool = True  # smallest classes first; False: every text is used alike
    fill: bool = False  # go on past the size of the largest class, up to the budget
    most_per_parent: int = 9  # new texts of one; EDA's choice, and short texts have hardly more

    version = 2
    modality = ("text",)
    source = "Wei and Zou 2019, arXiv:1901.11196 (EDA), without its replacements and its lower-casing"
    cost = "0.1 ms for a sentence, and chi squared over the vocabulary once"

    def __post_init__(self) -> None:
        for name in ("swap_share", "thin_share", "label_words"):
            if not 0 <= getattr(self, name) <= 1:
                found = getattr(self, name)
                raise SettingError(f"augment.text: {name} is a share within 0 and 1, found {found!r}")
        if self.most_per_parent < 1:
            found = self.most_per_parent
            raise SettingError(f"augment.text: most_per_parent must be at least 1, found {found!r}")

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train texts: up to the largest class, and at most `budget` open samples in all."""
        if data.schema.modality != "text":
            raise StepError("augment.text works on texts; this dataset holds images. Use augment.geometric.")
        train = data.train
        keep = class_words(run.texts(train), train.targets, share=self.label_words) if len(train) else LabelWords()
        known, spent, most = set(run.texts(data)), set[str](), self.most_per_parent
        while most > 0:
            turns = self._turns(data, signals, run, budget, most, spent)
            made: list[Add] = []
            for add in self._round(data, turns, keep, known, spent, run):
                made.append(add)
                yield add
            if len(made) == turns.times.sum():
                break
            # Some texts have no move left; the others of their class take their turns.
            data, most = data.apply(made), most - int(turns.times.max())
        if spent:
            run.log(f"augment.text: {len(spent)} texts have no safe move left that gives a new text")

    def _turns(self, data: Dataset, signals: Signals, run: Run, budget: int, most: int, spent: set[str]) -> Turns:
        room, level = budget - len(data.open), self.balance and not self.fill
        rng, demand = run.rng(digest(self), "turns"), demand_of(signals)
        return plan(data, room, rng, balance=self.balance, most=most, level=level, barred=spent, demand=demand)

    def _round(
        self, data: Dataset, turns: Turns, keep: LabelWords, known: set[str], spent: set[str], run: Run
    ) -> Iterator[Add]:
        """What these turns give. Texts that are made go into `known`, parents that gave none into `spent`."""
        key, names = digest(self), Names(data)
        parents = data.only(turns.parents)
        for parent, target, times in zip(parents, parents.targets, turns.times.tolist(), strict=True):
            stay = keep.told(target)
            for ordinal in names.ordinals(parent.id, key, times):
                made = self._made(parent, stay, known, run.rng(key, parent.id, ordinal))
                if made is None:
                    spent.add(parent.id)
                    break
                known.add(made[1])
                yield _add(parent, made, made_id((parent.id,), key, ordinal), names, data)

    def _made(
        self, parent: Sample, stay: frozenset[str], known: set[str], rng: np.random.Generator
    ) -> tuple[str, str] | None:
        """Technique and a text that is not there yet, or None."""
        shares = {"swap": self.swap_share, "thin": self.thin_share}
        for _ in range(_TRIES):
            technique = str(rng.choice(list(_MOVES)))
            text = _MOVES[technique](parent.text or "", stay, rng, share=shares[technique])
            if text not in known:
                return technique, text
        return None


def _add(parent: Sample, made: tuple[str, str], id: str, names: Names, data: Dataset) -> Add:
    technique, text = made
    content = text.encode()
    path = names.path(parent, technique, PurePosixPath(parent.path).suffix)
    maker = f"augment.text:{technique}"
    sample = made_sample(parent, id=id, content=digest_bytes(content), path=path, maker=maker, home="text", text=text)
    because = f"more of {label_text(data.schema, parent.label)}: {parent.path} with {_WORDS[technique]}"
    return Add(sample, because, {"technique": technique}, content)
