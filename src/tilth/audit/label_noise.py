"""Which labels are wrong: confident learning on out-of-sample probabilities, ranked with the neighbours' votes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset, label_text
from tilth.finding import Finding
from tilth.numerics import confident
from tilth.numerics.pool import multi_pooled, pooled
from tilth.numerics.votes import Votes, neighbor_votes
from tilth.sample import TRAIN, VALID
from tilth.signal import Array, Signals
from tilth.steps import Run


@dataclass(frozen=True, eq=False)
class Opinions:
    """What the signals say about the samples that were judged.

    data           the judged samples (n)
    probabilities  (n, k) of the learner, out of sample
    votes          of the neighbours, or None where there is no embedding
    neighbors      (n, m) ids of the voters, empty strings where there were fewer
    pooled         (n, k) both in one; the learner's softened where it is alone
    """

    data: Dataset
    probabilities: Array
    votes: Votes | None
    neighbors: Array
    pooled: Array

    @property
    def multi(self) -> bool:
        return self.data.schema.task == "multi-label"


def noise_scores(
    data: Dataset, signals: Signals, *, neighbors: int = 10, splits: tuple[str, ...] = (TRAIN, VALID)
) -> Array:
    """(n,) 0..1 in the order of the rows, how doubtful each label is; NaN for samples that are not judged.

    1 - pooled probability of the given class, so it is high for a label that another class deserves and for a picture
    of no class alike.
    """
    scores = np.full(len(data), np.nan)
    judged = judgeable(data, splits)
    if judged.any():
        scores[judged] = _doubt(opinions(data, signals, neighbors=neighbors, splits=splits))
    return scores


def judgeable(data: Dataset, splits: tuple[str, ...]) -> Array:
    """(n,) bool, whether the label of a sample can be judged: it has one, whole classes only, in one of these splits,
    and no step made it. (A made sample has its parent's label, and a model that saw the parent is no witness.)"""
    labelled = ~np.asarray(data.table.column("classes").combine_chunks().is_null())
    whole = np.isin(data.targets, (0, 1)).all(axis=1)
    return labelled & whole & ~data.made & np.isin(data.splits, splits)


def opinions(data: Dataset, signals: Signals, *, neighbors: int, splits: tuple[str, ...]) -> Opinions:
    """What the signals say about the judgeable samples. Raises StepError where the probabilities do not cover them."""
    judged = judgeable(data, splits)
    part = data.where(judged)
    p = signals["probabilities"].rows(part.ids).astype(np.float64)
    votes, names = None, np.zeros((len(part), 0), dtype="U16")
    if "embedding" in signals and signals["embedding"].covers(data.ids):
        all_votes = neighbor_votes(
            signals["embedding"].rows(data.ids),
            data.targets,
            neighbors=neighbors,
            contents=data.table.column("content").to_numpy(zero_copy_only=False).astype(str),
            voters=judgeable(data, tuple(np.unique(data.splits).tolist())),
        )
        votes = Votes(all_votes.shares[judged], all_votes.neighbors[judged], all_votes.weights[judged])
        names = np.where(votes.neighbors >= 0, data.ids[votes.neighbors], "")
    heard = [p] if votes is None else [p, votes.shares]
    multi = data.schema.task == "multi-label"
    q, _ = multi_pooled(heard, part.targets) if multi else pooled(heard, part.labels)
    return Opinions(part, p, votes, names, q)


def _doubt(said: Opinions) -> Array:
    if said.multi:
        return 1 - confident.multi_self_confidence(said.data.targets, said.pooled)
    return 1 - confident.self_confidence(said.data.labels, said.pooled)


@dataclass(frozen=True)
class LabelNoise:
    """Labels that are probably wrong: those that confident learning flags, and those that all signals find unlikely.

    The learner's out-of-sample probabilities are needed; an embedding, where there is one, adds the votes of the
    nearest neighbours as a second, independent witness. Severity is 1 - the pooled probability of the given label.
    """

    needs = ("probabilities",)
    source = "Northcutt et al. 2021, arXiv:1911.00068; Zhu et al. 2022, arXiv:2110.06283"
    cost = "O(n k), and a neighbour search where there is an embedding"

    neighbors: int = 10
    """How many neighbours vote. SimiFeat's 10; from 5 to 20 the ranking hardly moves (benchmarks/label_noise)."""

    unlikely: float = 0.1
    """Pooled probability of the given label at and under which a sample is flagged without confident learning, which
    by design leaves out what is of no class: junk."""

    splits: tuple[str, ...] = (TRAIN, VALID)
    """Judged splits. Others (a hand-made `label_book`) vote and are not judged."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """A finding per doubtful label, the most doubtful first."""
        splits = tuple(self.splits)
        k = len(data.schema.classes)
        if k < 2 or judgeable(data, splits).sum() < 2:
            run.log("label noise: fewer than two labelled samples or classes; nothing to compare")
            return []
        said = opinions(data, signals, neighbors=self.neighbors, splits=splits)
        doubt = _doubt(said)
        flagged = self._flagged(said) | (doubt >= 1 - self.unlikely)
        order = np.lexsort((said.data.ids, -doubt))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(1, len(order) + 1)
        rows = [row for row in order if flagged[row]]
        find = _multi_findings if said.multi else _single_findings
        return list(find(said, rows, doubt, rank))

    def _flagged(self, said: Opinions) -> Array:
        if said.multi:
            return confident.multi_flagged(said.data.targets, said.probabilities).any(axis=1)
        return confident.flagged(said.data.labels, said.probabilities)


def _single_findings(said: Opinions, rows: list[int], doubt: Array, rank: Array) -> Iterator[Finding]:
    names = said.data.schema.classes
    for row in rows:
        given = int(said.data.labels[row])
        others = said.pooled[row].copy()
        others[given] = -1
        suggested = int(others.argmax())
        evidence: dict[str, Any] = {
            "given": given,
            "suggested": suggested,
            "given_probability": _short(said.probabilities[row, given]),
            "suggested_probability": _short(said.probabilities[row, suggested]),
            **_evidence(said, row, rank),
        }
        why = (
            f"labelled {names[given]}, but a model that never saw it says {names[suggested]} "
            f"({evidence['suggested_probability']:.2f} against {evidence['given_probability']:.2f} for {names[given]})"
        )
        if said.votes is not None:
            evidence["given_votes"] = _short(said.votes.shares[row, given])
            evidence["suggested_votes"] = _short(said.votes.shares[row, suggested])
            why += (
                f", and of its nearest neighbours {_percent(evidence['suggested_votes'])} say {names[suggested]}, "
                f"{_percent(evidence['given_votes'])} {names[given]}"
            )
        yield Finding("label_noise", (str(said.data.ids[row]),), _short(doubt[row]), why, evidence)


def _multi_findings(said: Opinions, rows: list[int], doubt: Array, rank: Array) -> Iterator[Finding]:
    names, schema = said.data.schema.classes, said.data.schema
    for row in rows:
        carried = said.data.targets[row] > 0
        against = np.where(carried, said.pooled[row] < 0.5, said.pooled[row] > 0.5)
        if not against.any():  # the pool spares what the learner alone found wrong: name its most doubtful class
            against[np.where(carried, said.pooled[row], 1 - said.pooled[row]).argmin()] = True
        suggested = np.flatnonzero(carried ^ against)
        p = said.probabilities[row]
        doubtful = [f"{names[c]} is {'given' if carried[c] else 'missing'} ({p[c]:.2f})" for c in np.flatnonzero(against)]
        evidence: dict[str, Any] = {
            "given": np.flatnonzero(carried).tolist(),
            "suggested": suggested.tolist(),
            "given_probability": _short(np.where(carried, p, 1 - p)[against].min()),
            "suggested_probability": _short(np.where(carried, 1 - p, p)[against].min()),
            **_evidence(said, row, rank),
        }
        why = (
            f"labelled {label_text(schema, frozenset(evidence['given']))}, but a model that never saw it doubts that "
            + ", ".join(doubtful)
        )
        yield Finding("label_noise", (str(said.data.ids[row]),), _short(doubt[row]), why, evidence)


def _evidence(said: Opinions, row: int, rank: Array) -> dict[str, Any]:
    neighbors = [str(id) for id in said.neighbors[row] if id]
    return {"rank": int(rank[row]), "of": len(rank), **({"neighbors": neighbors} if neighbors else {})}


def _short(value: float) -> float:
    return round(float(np.clip(value, 0, 1)), 4)


def _percent(share: float) -> str:
    return f"{share:.0%}"
