"""What label a mixture has, and whether such a label can be kept.

A mixture of two classes has a soft label: each class with the share of the picture that it is. It is never rounded to the
larger one: that would be a wrong label by design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tilth.dataset import Dataset, Task
from tilth.errors import ExportError
from tilth.sample import Label, Sample
from tilth.signal import Array
from tilth.steps import Run

_DIGITS = 6  # of a share, as in numerics.mixing


def mixed_label(first: Label, second: Label, share: float, task: Task) -> Label:
    """The label of what is made of `share` of one labelled sample and the rest of another.

    Two that have one label make a hard one. Otherwise each class has the share of the samples that have it: of one class
    each, shares that add up to 1; of several, `a + b` and `b + c` at 0.7 make `a 0.7, b 1, c 0.3`.
    """
    if first == second:
        return first
    shares: dict[int, float] = {}
    for label, part in ((first, share), (second, 1 - share)):
        for index, own in _parts(label):
            shares[index] = shares.get(index, 0.0) + own * part
    found = {index: round(value, _DIGITS) for index, value in sorted(shares.items())}
    if task == "single-label" and found:
        last = max(found)  # what rounding took from the sum
        found[last] = round(1 - sum(value for index, value in found.items() if index != last), _DIGITS)
    return tuple((index, value) for index, value in found.items() if value > 0)


def _parts(label: Label) -> tuple[tuple[int, float], ...]:
    if label is None:
        return ()
    if isinstance(label, int):
        return ((label, 1.0),)
    return tuple((one, 1.0) for one in sorted(label)) if isinstance(label, frozenset) else label


@dataclass(frozen=True)
class Partners:
    """Whom a sample may be mixed with.

    circles  ids of samples that may be mixed with each other, by the label they have in common; by None where any may
    any      whether any may be mixed with any
    """

    circles: Mapping[Label, Array]
    any: bool

    @classmethod
    def of(cls, pool: Dataset, *, within: str) -> Partners:
        """All of the pool, or those of one hard label. Two that say "cat 0.7" need not agree on which seven tenths."""
        if within == "any":
            return cls({None: pool.ids}, any=True)
        alike: dict[Label, list[str]] = {}
        for one in pool:
            if not isinstance(one.label, tuple):
                alike.setdefault(one.label, []).append(one.id)
        return cls({label: np.array(ids, dtype="U16") for label, ids in alike.items()}, any=False)

    def count(self, sample: Sample) -> int:
        """How many a sample of the pool may be mixed with."""
        return max(len(self._circle(sample)) - 1, 0)

    def drawn(self, sample: Sample, rng: np.random.Generator) -> str:
        """One of them, all alike likely."""
        circle = self._circle(sample)
        at = int(rng.integers(len(circle) - 1))
        return str(circle[at + (at >= int(np.searchsorted(circle, sample.id)))])

    def _circle(self, sample: Sample) -> Array:
        return self.circles.get(None if self.any else sample.label, _NONE)


_NONE = np.array([], dtype="U16")


def settled_within(name: str, within: str, data: Dataset, run: Run) -> str:
    """`class` or `any`: as asked, or what the layout of the source can hold. A line of the log says which, and why."""
    if within == "class":
        return "class"
    holds = holds_soft_labels(data, run)
    if within == "any":
        if not holds:
            run.log(
                f"{name} mixes across classes, and the layout of the source cannot hold soft labels: "
                "export as a table (--export-layout table)"
            )
        return "any"
    if holds:
        run.log(f"{name} mixes across classes: the layout of the source holds soft labels")
        return "any"
    run.log(
        f"{name} mixes within classes: the layout of the source cannot hold soft labels. To mix across classes, say "
        'within = "any" and export as a table (--export-layout table)'
    )
    return "class"


def holds_soft_labels(data: Dataset, run: Run) -> bool:
    """Whether the layout of the source takes a soft label: one labelled sample is written with one, to look."""
    labelled = data.train.where(data.train.targets.sum(axis=1) > 0)
    if not len(labelled) or len(data.schema.classes) < 2:
        return False
    sample = labelled[str(labelled.ids[0])]
    probe = Dataset.from_samples([replace(sample, label=((0, 0.5), (1, 0.5)))], data.schema)
    with TemporaryDirectory(prefix="tilth-") as scratch:
        return any(_taken(probe, Path(scratch) / name, run) for name in ("probe", "probe.zip"))  # some write one file


def _taken(probe: Dataset, where: Path, run: Run) -> bool:
    try:
        run.export(probe, where)
    except ExportError:
        return False
    return True
