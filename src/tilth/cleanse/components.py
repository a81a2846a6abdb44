"""What the rules for components share: the components that were found, as the samples stand now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tilth.cleanse.floors import within_floors
from tilth.dataset import Dataset, label_text
from tilth.edit import Drop, Edit, Relabel
from tilth.errors import SettingError, StepError
from tilth.finding import Finding
from tilth.sample import Label, Sample

Singletons = Literal["keep", "drop"]


@dataclass(frozen=True)
class Component:
    """Samples that are near each other and have a label.

    name      the component's id when it was found
    members   two or more, in order of their ids
    counts    class -> how many of them carry it
    evidence  of the finding
    """

    name: int
    members: tuple[Sample, ...]
    counts: Mapping[int, int]
    evidence: Mapping[str, Any]

    def share(self, label: int) -> float:
        """Share (0..1) of the samples that carry a label: the paper's label counts ratio."""
        return self.counts[label] / len(self.members)


def found(data: Dataset, findings: Sequence[Finding], *, smallest: int) -> Iterator[Component]:
    """The components that were found, with those of their samples that are still there and the labels they have now.

    Where a later finding names a sample again, in another round, the earlier ones that name it are passed over.
    """
    named: set[str] = set()
    latest: list[Finding] = []
    for one in reversed([one for one in findings if one.kind == "component"]):
        if named.isdisjoint(one.ids):
            latest.append(one)
        named.update(one.ids)
    rows = {sample.id: sample for sample in data.only(named) if classes(sample.label) is not None}
    for one in reversed(latest):
        members = tuple(rows[id] for id in sorted(one.ids) if id in rows)
        if len(members) >= smallest:
            counts = Counter(label for sample in members for label in classes(sample.label) or ())
            yield Component(int(one.evidence["component"]), members, counts, one.evidence)


def settled(
    data: Dataset,
    edits: Iterable[Edit],
    findings: Sequence[Finding],
    *,
    singletons: Singletons,
    splits: Sequence[str],
    step: str,
) -> list[Edit]:
    """These edits and, where they are not to be kept, the drops of singletons: in these splits, emptying no class."""
    alone = _alone(findings, step) if singletons == "drop" else ()
    here = set(data.split(*splits).ids.tolist())
    chosen = [edit for edit in edits if edit.id in here]
    taken = {edit.id for edit in chosen}
    because = "it is near no other sample: a singleton, and those are left out"
    chosen += [Drop(id, because, {"singleton": True}) for id in alone if id in here and id not in taken]
    return within_floors(data, chosen)


def _alone(findings: Sequence[Finding], step: str) -> tuple[str, ...]:
    told = [one for one in findings if one.kind == "singletons"]
    if not told:
        raise StepError(
            f'{step} is to drop singletons, and none were told.\n  Set  singletons = true  for "audit.components" too.'
        )
    return told[-1].ids


def without(data: Dataset, component: Component, sample: Sample, gone: frozenset[int], why: str) -> Edit | None:
    """The edit that takes these labels off a sample: with none left, the sample goes. None where it has none of them."""
    given = classes(sample.label) or frozenset()
    left = given - gone
    if left == given:
        return None
    told = evidence(data, component, removed=sorted(data.schema.classes[label] for label in given - left))
    if not left:
        return Drop(sample.id, f"no label would be left of {label_text(data.schema, sample.label)}: {why}", told)
    return Relabel(sample.id, sample.label, left, why, told)


def counted(data: Dataset, component: Component, labels: Iterable[int]) -> str:
    """`shorts on 1 of 4, hat on 2 of 4`, at most six."""
    names, m = data.schema.classes, len(component.members)
    parts = [f"{names[label]} on {component.counts[label]} of {m}" for label in sorted(labels)]
    return ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")


def evidence(data: Dataset, component: Component, **more: Any) -> dict[str, Any]:
    names = data.schema.classes
    return {
        "component": component.name,
        "size": len(component.members),
        "counts": {names[label]: count for label, count in sorted(component.counts.items())},
        "members": [sample.id for sample in component.members[:20]],
        **more,
    }


def classes(label: Label) -> frozenset[int] | None:
    """The classes of a hard label; None of a soft one and where there is none: they are neither counted nor edited."""
    if label is None or isinstance(label, tuple):
        return None
    return label if isinstance(label, frozenset) else frozenset({int(label)})


def counts_of(component: Component) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group 0 for each label, the counts, and how many samples: what the statistics are made of."""
    counts = np.array([component.counts[label] for label in sorted(component.counts)], dtype=np.int64)
    return np.zeros(len(counts), np.int64), counts, np.array([len(component.members)])


def check(step: str, *, smallest: int, singletons: str, share: float | None = None) -> None:
    """Raises SettingError for a setting out of its range."""
    if smallest < 2:
        raise SettingError(f"{step}: smallest is at least 2 samples, found {smallest}")
    if singletons not in ("keep", "drop"):
        raise SettingError(f"{step}: singletons are kept or dropped (keep, drop), found {singletons!r}")
    if share is not None and not 0 <= share <= 1:
        raise SettingError(f"{step}: least_share is within 0..1, found {share}")
