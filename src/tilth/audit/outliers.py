"""Which samples belong to no class: far from all others in the embedding, or recognised by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.audit.witnesses import judgeable
from tilth.dataset import Dataset, label_text
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.numerics import outliers
from tilth.numerics.votes import neighbor_votes
from tilth.sample import TRAIN, VALID
from tilth.signal import Array, Signals
from tilth.steps import Run

SOURCES: Mapping[str, str] = {
    "neighbors": "embedding",
    "classes": "embedding",
    "features": "features",
    "model": "probabilities",
}
"""Witness -> the signal it looks at. Two that look at one signal are one voice where agreement is asked for."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the witnesses say about the judged samples.

    data       the judged samples (n)
    witnesses  name -> (n,) how strange, in the units of `outliers.standard`
    score      (n,) the most alarmed witness
    nearest    (n, m) ids of the nearest others in the embedding, empty where there were fewer
    confirmed  (1 or 2, n) bool, whose given label the neighbours, and where there is one the model, confirm
    lonely     (n,) distance to the own class over the distance to all: 1 where the nearest are of the own class, or where
               nobody asked
    """

    data: Dataset
    witnesses: Mapping[str, Array]
    score: Array
    nearest: Array
    confirmed: Array
    lonely: Array

    def trusted(self, false_discovery: float) -> Array:
        """(n,) bool, beside whom the cut is set: those whose label somebody confirms; with few classes, everybody.

        Junk is confirmed by chance, by one of two among k classes in 2 / k of the cases. That must stay below the rate of
        mistakes, or junk itself would set the cut; but those whom all confirm are easier than the rest, and a cut set beside
        them alone makes more mistakes than asked (.40 for .1 on 150 intents, benchmarks/outliers)."""
        classes = self.data.targets.shape[1]
        few = classes * false_discovery <= len(self.confirmed)
        return np.asarray(self.confirmed.all(axis=0) if few else self.confirmed.any(axis=0))


def measure(
    data: Dataset, signals: Signals, *, neighbors: int, splits: tuple[str, ...], own_class: bool = False
) -> Measured:
    """All witnesses that the signals allow; the embedding is needed. Every labelled sample that no step made is a
    neighbour, those of these splits are judged.

    own_class  whether the distance to the own class is sought too: a search in each class"""
    able = data.where(judgeable(data))
    judged = np.isin(able.splits, splits)
    contents = able.table.column("content").to_numpy(zero_copy_only=False).astype(str)
    members, multi = able.targets > 0, data.schema.task == "multi-label"
    embedding = signals["embedding"].rows(able.ids)
    votes = neighbor_votes(embedding, able.targets, neighbors=neighbors, contents=contents)
    apart, rows = outliers.mean_distance(embedding, votes.neighbors), votes.neighbors
    groups = np.unique(contents, return_inverse=True)[1].ravel()
    said = {"neighbors": apart, "classes": outliers.class_distance(embedding, members, groups)}
    confirmed = [_says(votes.shares, members)]
    if _has(signals, "features", able):
        features = signals["features"].rows(able.ids)
        others = neighbor_votes(features, np.zeros((len(able), 1)), neighbors=neighbors, contents=contents).neighbors
        said["features"] = outliers.mean_distance(features, others)
    if _has(signals, "probabilities", able):
        p = signals["probabilities"].rows(able.ids).astype(np.float64)
        said["model"] = outliers.uncertainty(p, multi=multi)
        confirmed.append(_says(p, members))
    lonely = np.ones(len(able))
    if own_class:
        own = outliers.own_distance(embedding, members, neighbors=neighbors, contents=contents)
        lonely = np.where(np.isfinite(own), own, 2.0) / np.maximum(np.nan_to_num(apart, nan=1.0), 1e-6)
    witnesses = {name: outliers.standard(values)[judged] for name, values in said.items()}
    return Measured(
        able.where(judged),
        witnesses,
        outliers.farthest(list(witnesses.values())),
        np.where(rows >= 0, able.ids[rows], "")[judged],
        np.stack(confirmed)[:, judged],
        lonely[judged],
    )


def _says(shares: Array, members: Array) -> Array:
    """(n,) bool, whether the class that gets most is one of the given."""
    return members[np.arange(len(members)), shares.argmax(axis=1)] & (shares.max(axis=1) > 0)


def _has(signals: Signals, kind: str, data: Dataset) -> bool:
    return kind in set(signals) and signals[kind].covers(data.ids)


def outlier_scores(
    data: Dataset, signals: Signals, *, neighbors: int = 10, splits: tuple[str, ...] = (TRAIN, VALID)
) -> Array:
    """(n,) in the order of the rows, how strange each sample is among all (0: like half of them); NaN for samples that are
    not judged."""
    scores = np.full(len(data), np.nan)
    judged = judgeable(data) & np.isin(data.splits, splits)
    if judged.sum() > 1:
        scores[judged] = measure(data, signals, neighbors=neighbors, splits=splits).score
    return scores


@dataclass(frozen=True)
class Outliers:
    """Samples that are far from every class, and those that are far from their own and close to another.

    Strangeness is told by witnesses: the distance to the nearest others in the embedding, the distance to the nearest class
    mean, the distance to others in the model's features and how little the model that did not see the sample commits itself;
    the last two where there is a learner. The most alarmed one counts. The cut is set beside samples whose label
    everybody confirms, so that about `false_discovery` of the findings are mistaken; a clean dataset gets next to none.
    """

    needs = ("embedding",)
    of_raw = ("embedding",)
    source = "Bates et al. 2023, arXiv:2104.08279; Lee et al. 2018, arXiv:1807.03888"
    cost = "O(n d k) and two neighbour searches; about 2 s for 3,000 samples"

    neighbors: int = 10
    """How many nearest others are looked at."""

    false_discovery: float = 0.2
    """Share (0..1) of the findings that may be mistaken. Kept on digits, missed where classes are many and alike: measured
    .13 to .32 where the answer is known, and no finding on 5,452 questions without outliers (benchmarks/outliers)."""

    out_of_class: bool = False
    """Whether samples close to another class are reported too. Off: `audit.label_noise` judges those with more witnesses,
    and where classes overlap the distance alone names far too many (615 of 5,452 questions). No cleanser drops them."""

    splits: tuple[str, ...] = (TRAIN, VALID)
    """Judged splits. Others are neighbours only."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """An `outlier` or an `out_of_class` per sample, the strangest first, no sample twice."""
        if not 0 < self.false_discovery < 1 or self.neighbors < 1:
            raise SettingError(
                "audit.outliers: false_discovery lies between 0 and 1 and neighbors is at least 1; found "
                f"{self.false_discovery} and {self.neighbors}"
            )
        splits = tuple(self.splits)
        judged = judgeable(data) & np.isin(data.splits, splits)
        if judged.sum() < 2 * self.neighbors:
            run.log(f"outliers: {int(judged.sum())} labelled samples, too few to say what is usual")
            return []
        said = measure(data, signals, neighbors=self.neighbors, splits=splits, own_class=self.out_of_class)
        trusted = said.trusted(self.false_discovery)
        p = outliers.conformal(said.score, trusted)
        strange = outliers.discovered(p, false_discovery=self.false_discovery)
        alone = {name: outliers.conformal(values, trusted) for name, values in said.witnesses.items()}
        found = [_outlier(said, row, p, alone, rank) for rank, row in _ranked(said.score, said.data, strange)]
        if self.out_of_class:
            q = outliers.conformal(said.lonely, trusted)
            apart = outliers.discovered(q, false_discovery=self.false_discovery) & ~strange
            found += [_out_of_class(said, row, q, rank) for rank, row in _ranked(said.lonely, said.data, apart)]
        return found


def _ranked(score: Array, data: Dataset, chosen: Array) -> list[tuple[int, int]]:
    """(rank among all, row) of the chosen rows, the strangest first; ids settle ties."""
    order = np.lexsort((data.ids, -score))
    return [(rank, int(row)) for rank, row in enumerate(order, 1) if chosen[row]]


def _outlier(said: Measured, row: int, p: Array, alone: Mapping[str, Array], rank: int) -> Finding:
    says = {name: float(values[row]) for name, values in said.witnesses.items()}
    first = max(says, key=lambda name: says[name])
    score = max(says[first], 0.0)
    label = label_text(said.data.schema, said.data[str(said.data.ids[row])].label)
    why = (
        f"labelled {label}, and like no class: {_WORDS[first]} is {says[first]:.1f} times the usual spread above the "
        f"usual (rank {rank} of {len(p):,})"
    )
    evidence = _evidence(said, row, rank) | {
        "p": round(float(p[row]), 6),
        "witnesses": {name: round(value, 4) for name, value in says.items()},
        "alone": {name: round(float(values[row]), 6) for name, values in alone.items()},
    }
    return Finding("outlier", (str(said.data.ids[row]),), _severity(score), why, evidence)


def _out_of_class(said: Measured, row: int, q: Array, rank: int) -> Finding:
    label = label_text(said.data.schema, said.data[str(said.data.ids[row])].label)
    why = (
        f"labelled {label}, but the others of that class are {said.lonely[row]:.2f} times as far as its nearest "
        "neighbours: it lies in another class, which is for label noise to judge"
    )
    evidence = _evidence(said, row, rank) | {
        "p": round(float(q[row]), 6),
        "apart": round(float(said.lonely[row]), 4),
        "leave_to": "label_noise",
    }
    return Finding("out_of_class", (str(said.data.ids[row]),), _severity(float(said.lonely[row]) - 1), why, evidence)


def _evidence(said: Measured, row: int, rank: int) -> dict[str, Any]:
    given = np.flatnonzero(said.data.targets[row] > 0).tolist()
    multi = said.data.schema.task == "multi-label"
    neighbors = [str(id) for id in said.nearest[row] if id]
    return {"given": given if multi else given[0], "rank": rank, "of": len(said.score), "neighbors": neighbors}


def _severity(score: float) -> float:
    """0..1, rising with the score without an end: 3 spreads above the usual are .75."""
    return round(max(score, 0.0) / (1 + max(score, 0.0)), 4)


_WORDS = {
    "neighbors": "the distance to its nearest others",
    "classes": "the distance to the nearest class",
    "features": "the distance to its nearest others in the model's eyes",
    "model": "the doubt of the model that did not see it",
}
