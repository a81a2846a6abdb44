"""More of the small classes by copies of what they have: no new knowledge, only another weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tilth.augment.turns import Names, made_sample, plan
from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError
from tilth.sample import made_id
from tilth.signal import Signals
from tilth.steps import Run


@dataclass(frozen=True)
class Oversample:
    """Makes exact copies of train samples, until every class is as large as the largest: what a weight in the loss would do,
    for a model whose training may not be changed."""

    balance: bool = True  # smallest classes first; False: every sample is used alike, up to the budget
    fill: bool = False  # go on past the size of the largest class, up to the budget
    most_per_parent: int = 20  # copies of one sample: a class of one must not fill the set with itself

    version = 1
    source = "Buda et al. 2018, arXiv:1710.05381"
    cost = "O(copies)"

    def __post_init__(self) -> None:
        if self.most_per_parent < 1:
            raise SettingError(
                f"augment.oversample: most_per_parent must be at least 1, found {self.most_per_parent!r}"
            )

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """Copies named `STEM_oversampling-1`, `-2` and so on, and at most `budget` open samples in all."""
        del signals
        key, names = digest(self), Names(data)
        turns = plan(
            data,
            budget - len(data.open),
            run.rng(key, "turns"),
            balance=self.balance,
            most=self.most_per_parent,
            level=self.balance and not self.fill,
        )
        parents = data.only(turns.parents)
        for parent, content, times in zip(parents, run.contents(parents), turns.times.tolist(), strict=True):
            suffix, text = PurePosixPath(parent.path).suffix, parent.text
            for ordinal in names.ordinals(parent.id, key, times):
                sample = made_sample(
                    parent,
                    id=made_id((parent.id,), key, ordinal),
                    content=digest_bytes(content),
                    path=names.path(parent, f"oversampling-{ordinal + 1}", suffix),
                    maker="augment.oversample:oversampling",
                    home="blob" if text is None else "text",
                    text=text,
                )
                because = f"more of {label_text(data.schema, parent.label)}: {parent.path} once more"
                yield Add(sample, because, {"technique": "oversampling"}, content)
