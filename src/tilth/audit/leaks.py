"""Leaks: samples that stand on both sides of a line that training must not cross."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.finding import Finding
from tilth.numerics import copies
from tilth.numerics.groups import equal_rows
from tilth.sample import TEST, TRAIN, VALID
from tilth.signal import Array, Signals
from tilth.steps import Run


@dataclass(frozen=True)
class Leaks:
    """Find copies across splits: a train sample that is also in valid, in another split, or in the sealed test.

    The test split is not seen: only fingerprints and embeddings of its samples, which hold no label.
    """

    bits: int = 6  # of 64 in the hash, as in audit.duplicates
    jaccard: float = 0.8  # share of words and pairs of words that near texts have in common

    version = 1
    needs = ("fingerprint", "embedding")
    source = "as audit.duplicates"
    cost = "as audit.duplicates"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """A `leak` per group of identical samples in several splits, and per sample that has near copies in another
        split. The evidence says the split of each, whether they are `exact`, and which of them are `leaking`."""
        fingerprint = signals["fingerprint"]
        ids = fingerprint.ids
        if not len(ids):
            return []
        splits = _splits(data, ids)
        exact = equal_rows(fingerprint.values[:, :2])
        crossed = [group for group in exact if len(set(splits[group])) > 1]
        findings = [_finding(ids[group], splits[group], 0.0, exact=True) for group in crossed]
        near = self._near(data, signals, run)
        known = np.arange(len(ids))
        for group in exact:
            known[group] = group[0]
        crossing = (splits[near.a] != splits[near.b]) & (known[near.a] != known[near.b])
        for a, others, distance in _by_leaking(near, np.flatnonzero(crossing), splits):
            rows = np.array([a, *others])
            findings.append(_finding(ids[rows], splits[rows], distance, exact=False))
        return findings

    def _near(self, data: Dataset, signals: Signals, run: Run) -> copies.Near:
        fingerprint = signals["fingerprint"]
        if data.schema.modality == "text":  # the sealed texts are not at hand: their min-hashes must do
            return copies.near_texts(fingerprint.values, None, jaccard=self.jaccard)
        embedding = signals["embedding"].rows(fingerprint.ids)
        return copies.near_pictures(fingerprint.values, embedding, bits=self.bits, rng=run.rng("audit.leaks"))


def _splits(data: Dataset, ids: Array) -> Array:
    """The split of each id; those that the data do not show are sealed."""
    at = np.minimum(np.searchsorted(data.ids, ids), max(len(data) - 1, 0))
    if not len(data):
        return np.full(len(ids), TEST)
    known = data.ids[at] == ids
    return np.where(known, data.splits[at], TEST)


def _rank(split: str) -> int:
    """Which side of a leak is to blame: the lower. A split with a name of its own was made by hand with care."""
    return {TRAIN: 0, VALID: 1, TEST: 3}.get(str(split), 2)


def _by_leaking(near: copies.Near, pairs: Array, splits: Array) -> Iterator[tuple[int, list[int], float]]:
    """Each row of a lower split with its near copies in higher ones, and the smallest of their distances."""
    found: dict[int, list[tuple[int, float]]] = {}
    for pair in pairs:
        a, b = sorted((int(near.a[pair]), int(near.b[pair])), key=lambda row: (_rank(splits[row]), splits[row], row))
        found.setdefault(a, []).append((b, float(near.distances[pair])))
    for a in sorted(found):
        yield a, sorted(row for row, _ in found[a]), min(distance for _, distance in found[a])


def _finding(ids: Array, splits: Array, distance: float, *, exact: bool) -> Finding:
    order = np.argsort(ids)
    ids, splits = ids[order], splits[order]
    ranks = np.array([_rank(split) for split in splits])
    lowest, highest = splits[ranks.argmin()], splits[ranks.argmax()]
    leaking = [str(id) for id, rank in zip(ids, ranks, strict=True) if rank == ranks.min()]
    severity = (1.0 if highest == TEST else 0.8 if lowest == TRAIN else 0.5) * (1.0 if exact else 0.8)
    what = "identical" if exact else f"near copies ({distance:.3f} apart)"
    places = " and ".join(sorted({str(split) for split in splits}, key=_rank))
    why = f"{len(ids)} samples in {places} are {what}: after training on {lowest}, {highest} measures too well."
    evidence: dict[str, Any] = {
        "splits": {str(id): str(split) for id, split in zip(ids, splits, strict=True)},
        "exact": exact,
        "distance": round(distance, 4),
        "leaking": leaking,
    }
    return Finding("leak", tuple(str(id) for id in ids), severity, why, evidence)
