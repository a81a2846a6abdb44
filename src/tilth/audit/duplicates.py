"""Duplicates: samples that come more than once, and those whose copies contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.audit.crops import by_whole, crops_of
from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.numerics import copies
from tilth.numerics.crops import Crops
from tilth.numerics.fingerprint import pixels
from tilth.numerics.groups import complete_linkage, equal_rows
from tilth.signal import Array, Signals
from tilth.steps import Run

Classes = tuple[int, ...]


@dataclass(frozen=True)
class Duplicates:
    """Find samples that come more than once: identical ones, near copies, and those whose labels contradict.

    Identical means the same decoded pixels, or the same text but for spaces. Near copies are candidates by perceptual
    hash (texts: by min-hash), confirmed by their distance, and grouped so that every member is near every other one.
    Crops (pictures that show 80 to 99 % of each side of another one, or another one moved a little) are found by
    registration, and come with their whole: all of one group are crops of it, not of each other.
    """

    bits: int = 6  # of 64 in the hash; with 6 every copy by brightness and resize was met, and 10 brought 1 in 5 wrong
    jaccard: float = 0.8  # share of words and pairs of words that near texts have in common
    crops: bool = True  # pictures: crops too; candidates for them are decoded once more: few among photographs, most where all are alike

    version = 2
    needs = ("fingerprint", "embedding")
    of_raw = ("embedding",)
    source = "pHash (Zauner 2010), multi-index hashing (Norouzi et al. 2012), min-hash (Broder 1997); registration (Lucas and Kanade 1981)"
    cost = "O(n log n) and the pairs that share a band; about 10 s for 30,000 pictures, most of it for crops"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One finding per group: `exact_duplicate` or `near_duplicate`, and a `contradiction` beside it where the
        labels differ (evidence `exact` tells which, and `crop` which are crops, of what)."""
        if not len(data):
            return []
        rows = signals["fingerprint"].rows(data.ids)
        exact = equal_rows(rows[:, :2])
        findings = [finding for group in exact for finding in _exact(data, group)]
        first = _first_of_each(len(data), exact)
        shown = np.flatnonzero((first == np.arange(len(data))) & ~data.made)  # copies by augmentation are meant
        near = self._near(data, rows[shown], shown, signals, run)
        members = {int(group[0]): group for group in exact}
        groups = np.zeros(len(shown), np.int64)
        linked = complete_linkage(near.a, near.b, near.distances, together=near.together)
        for number, group in enumerate(linked, start=1):
            groups[group] = number
            whole = [members.get(int(shown[row]), shown[[row]]) for row in group]
            distance = _widest(near, group)
            findings += _near(data, np.concatenate(whole), whole, distance, rows)
        if self.crops and data.schema.modality == "image":
            found = crops_of(data.only(data.ids[shown]), rows[shown], groups, run)
            for whole, parts in by_whole(found):
                findings += _cropped(data, shown[whole], shown[parts.parts], parts, members, rows)
        return findings

    def _near(self, data: Dataset, rows: Array, shown: Array, signals: Signals, run: Run) -> copies.Near:
        if data.schema.modality == "text":
            texts = run.texts(data)
            return copies.near_texts(rows, [texts[row] for row in shown], jaccard=self.jaccard)
        embedding = signals["embedding"].rows(data.ids[shown])
        return copies.near_pictures(rows, embedding, bits=self.bits, rng=run.rng("audit.duplicates"))


def _first_of_each(n: int, groups: Sequence[Array]) -> Array:
    first = np.arange(n)
    for group in groups:
        first[group] = group[0]
    return first


def _widest(near: copies.Near, group: Sequence[int]) -> float:
    within = np.isin(near.a, group) & np.isin(near.b, group)
    return float(near.distances[within].max(initial=0.0))


def _exact(data: Dataset, group: Array) -> Iterator[Finding]:
    what = "texts" if data.schema.modality == "text" else "pictures"
    evidence = {"exact": True, "splits": _splits(data, group)}
    yield Finding(
        "exact_duplicate", _ids(data, group), 0.3, f"{len(group)} {what} are identical.", {**evidence, "distance": 0.0}
    )
    yield from _contradiction(data, group, f"{len(group)} identical {what}", 1.0, evidence)


def _near(data: Dataset, group: Array, whole: Sequence[Array], distance: float, rows: Array) -> Iterator[Finding]:
    what = "texts" if data.schema.modality == "text" else "pictures"
    evidence = _shown(data, whole, distance, rows)
    image = data.schema.modality == "image"
    apart = f"at most {distance:.3f} apart" if image else f"{1 - distance:.0%} or more in common"
    why = f"{len(group)} {what} are near copies of each other ({apart})."
    yield Finding("near_duplicate", _ids(data, group), 0.15, why, evidence)
    yield from _contradiction(data, group, f"{len(group)} near copies ({what})", 0.6, evidence)


def _cropped(
    data: Dataset, whole: int, parts: Array, found: Crops, members: Mapping[int, Array], rows: Array
) -> Iterator[Finding]:
    """The findings of one whole and its crops; what is identical to one of them is of the group."""
    groups = [members.get(int(row), np.array([row])) for row in (whole, *parts)]
    group = np.concatenate(groups)
    of, shares, crop = str(data.ids[whole]), found.shares(), {}
    for part, share, (left, width, top, height) in zip(groups[1:], shares, found.windows, strict=True):
        window = [round(float(edge), 3) for edge in (left, top, left + width, top + height)]
        crop |= {id: {"of": of, "share": round(float(share), 3), "window": window} for id in _ids(data, part)}
    evidence = {**_shown(data, groups, float(found.distances.max()), rows), "crop": crop}
    path = data[of].path
    if len(crop) == 1:
        why = f"{data[next(iter(crop))].path} is a crop of {path}, {shares[0]:.0%} of it."
    else:
        why = f"{len(crop)} pictures are crops of {path}, {shares.min():.0%} of it or more."
    yield Finding("near_duplicate", _ids(data, group), 0.15, why, evidence)
    yield from _contradiction(data, group, f"{len(group)} pictures, one and its crops,", 0.6, evidence)


def _shown(data: Dataset, groups: Sequence[Array], distance: float, rows: Array) -> dict[str, Any]:
    group = np.concatenate(groups)
    evidence: dict[str, Any] = {"exact": False, "splits": _splits(data, group), "distance": round(distance, 4)}
    if data.schema.modality == "image":
        evidence["pixels"] = {id: int(size) for id, size in zip(_ids(data, group), pixels(rows[group]), strict=True)}
    if any(len(part) > 1 for part in groups):
        evidence["identical"] = [list(_ids(data, part)) for part in groups if len(part) > 1]
    return evidence


def _contradiction(
    data: Dataset, group: Array, what: str, severity: float, evidence: dict[str, Any]
) -> Iterator[Finding]:
    labels = {str(data.ids[row]): classes for row in group if (classes := _classes(data, int(row))) is not None}
    if len(set(labels.values())) < 2:
        return
    names = data.schema.classes
    said = Counter(" + ".join(names[index] for index in classes) or "(no class)" for classes in labels.values())
    words = ", ".join(f"{name} ({count})" for name, count in said.most_common())
    why = f"{what} carry {len(said)} different labels: {words}."
    shown = {id: list(classes) for id, classes in labels.items()}
    evidence = {**evidence, "labels": shown, "majority": _majority(data, labels)}
    yield Finding("contradiction", _ids(data, group), severity, why, evidence)


def _classes(data: Dataset, row: int) -> Classes | None:
    """The classes of a hard label, the first among the shares of a soft one, None where there is no label."""
    if not data.table.column("classes")[row].is_valid:
        return None
    shares = data.targets[row]
    if data.table.column("shares")[row].is_valid:
        return (int(shares.argmax()),)
    return tuple(int(index) for index in np.flatnonzero(shares))


def _majority(data: Dataset, labels: dict[str, Classes]) -> int | list[int] | None:
    """What more than half say: the class, or for multi-label each class that more than half name."""
    if data.schema.task == "multi-label":
        votes = Counter(index for classes in labels.values() for index in classes)
        return sorted(index for index, count in votes.items() if 2 * count > len(labels))
    winner, count = Counter(labels.values()).most_common(1)[0]
    return winner[0] if 2 * count > len(labels) else None


def _ids(data: Dataset, group: Array) -> tuple[str, ...]:
    return tuple(str(id) for id in np.sort(data.ids[group]))


def _splits(data: Dataset, group: Array) -> dict[str, str]:
    return {str(data.ids[row]): str(data.splits[row]) for row in group}
