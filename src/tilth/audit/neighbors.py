"""What the nearest neighbours say of each sample, one rule each: all of another class, of no class, or far away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.audit.witnesses import SPACES, ballots_of, judgeable
from tilth.dataset import Dataset
from tilth.errors import SettingError, StepError
from tilth.finding import Finding
from tilth.numerics.spread import above
from tilth.numerics.votes import Votes
from tilth.sample import TRAIN, VALID
from tilth.signal import Array, Signals
from tilth.steps import Run

_FLOOR = 0.02  # of the cosine distance: below it a neighbour is near, however near the others lie


@dataclass(frozen=True)
class Neighbors:
    """The neighbour rules of contrastive cleansing, one finding of kind `neighbors` for each sample that breaks one.

    rule `unanimous`  all of the nearest carry one class, and it is another
    rule `elsewhere`  none of the nearest carries its class, and they do not agree: it lies in other classes' clusters
    rule `far`        even the nearest is far

    In the features of a cross-fitted learner, where there are any (`learn.contrastive`), else in the embedding. Of several
    labels, classes are compared as sets.
    """

    needs = ("embedding",)
    of_raw = ("embedding",)
    source = "Lee et al. 2021, Augment and Valuate, section 3.3"
    cost = "a neighbour search"

    neighbors: int = 10
    """How many are asked; fewer call more samples wrong."""

    far: float = 6.0
    """How many robust deviations over the median the distance of the nearest one must lie."""

    splits: tuple[str, ...] = (TRAIN, VALID)
    """Judged splits; others bear witness."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """The farthest and the most contradicted first. Raises StepError where there is no space to look in."""
        if self.neighbors < 1:
            raise SettingError(f"audit.neighbors: neighbors must be at least 1, found {self.neighbors}")
        able = data.where(judgeable(data))
        found = ballots_of(able, signals, self.neighbors)
        space = next((name for name in SPACES if name in found), None)
        if space is None:
            if not len(able):
                return []
            raise StepError(
                "audit.neighbors was asked for neighbours, and there is neither a signal 'features' nor 'embedding' of these "
                'samples.\n  Add a step before it: use = "learn.contrastive", or an embedder.'
            )
        votes = found[space]
        judged = np.isin(able.splits, tuple(self.splits)) & (votes.neighbors >= 0).any(axis=1)
        distances = 1 - votes.weights[:, 0]
        cut = above(distances[judged], far=self.far, floor=_FLOOR)
        rules = _rules(able, votes, distances > cut)
        run.log(f"neighbours in the {space}: far is a cosine distance over {cut:.3f}")
        findings = [
            _finding(able, votes, row, str(rules[row]), space, float(distances[row]), cut)
            for row in np.flatnonzero(judged & (rules != "")).tolist()
        ]
        return sorted(findings, key=lambda one: (-one.severity, one.ids))


def _rules(data: Dataset, votes: Votes, far: Array) -> Array:
    """(n,) the rule that each sample breaks, empty where none."""
    known = votes.neighbors >= 0
    targets = data.targets > 0
    same = (targets[votes.neighbors] == targets[:, None]).all(axis=2) & known
    first = targets[votes.neighbors[:, 0]]
    alike = ((targets[votes.neighbors] == first[:, None]).all(axis=2) | ~known).all(axis=1)
    nobody = ~same.any(axis=1) & known.any(axis=1)
    full = known.all(axis=1)  # fewer than were asked for agree by chance
    return np.select([nobody & alike & full, nobody, far & known.any(axis=1)], ["unanimous", "elsewhere", "far"], "")


def _finding(data: Dataset, votes: Votes, row: int, rule: str, space: str, distance: float, cut: float) -> Finding:
    names = data.schema.classes
    who = votes.neighbors[row]
    who = who[who >= 0]
    given = _classes(data, row)
    evidence: dict[str, Any] = {
        "rule": rule,
        "space": space,
        "given": given,
        "neighbors": [str(id) for id in data.ids[who]],
        "carried": [_classes(data, int(other)) for other in who],
        "distance": round(distance, 4),
        "far": round(cut, 4),
    }
    said = " + ".join(names[c] for c in given) or "(no class)"
    if rule == "unanimous":
        evidence["suggested"] = evidence["carried"][0]
        other = " + ".join(names[c] for c in evidence["suggested"]) or "(no class)"
        why = f"labelled {said}, and all of its {len(who)} nearest neighbours are {other}"
    elif rule == "elsewhere":
        why = f"labelled {said}, and none of its {len(who)} nearest neighbours is; they are of several classes"
    else:
        why = f"even its nearest neighbour is far: {distance:.3f}, where {cut:.3f} is usual at most"
    severity = {"unanimous": 0.9, "elsewhere": 0.7, "far": 0.5}[rule]
    return Finding("neighbors", (str(data.ids[row]),), severity, why, evidence)


def _classes(data: Dataset, row: int) -> list[int]:
    return np.flatnonzero(data.targets[row] > 0).tolist()
