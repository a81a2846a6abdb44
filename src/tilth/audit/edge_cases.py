"""Edge cases: right samples at the rim of their cluster, of whose kind train has few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.dataset import Dataset, label_text
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.numerics.edge_cases import EdgeCases as Found
from tilth.numerics.edge_cases import edge_cases
from tilth.signal import Signals
from tilth.steps import Run

SEVERITY = 0.1  # no fault: what is found of the sample besides weighs more
_SHOWN = 3


@dataclass(frozen=True)
class EdgeCases:
    """Find samples whose neighbours are of their class, and whose nearest other of the class is far all the same.

    They are not wrong: train has too few like them. `value.edge_cases` asks for more of them, `augment.edge_cases` makes
    more. Made samples count as neighbours of nobody.
    """

    needs = ("features",)
    of_raw = ("features",)
    source = "Lee et al. 2021, Augment and Valuate, section 3.4"
    cost = "a neighbour search"

    signal: str = "features"
    """Where distances are told: features (of a cross-fitted learner) or embedding (embed.learner: of a trained one)."""

    neighbors: int = 10
    """How many vote on whose cluster it is, as in audit.neighbors."""

    agree: float = 0.6
    """Least share (0..1) of them that have its class: with half or less it may be another class's sample."""

    far: float = 0.9
    """Share (0..1) of a class that lies nearer to another of it: the tenth that is farthest is looked at."""

    def __post_init__(self) -> None:
        if self.signal not in ("features", "embedding"):
            raise SettingError(f"audit.edge_cases: signal is features or embedding, found {self.signal!r}")
        if self.neighbors < 1 or not 0 <= self.agree <= 1 or not 0 < self.far < 1:
            raise SettingError(
                "audit.edge_cases: neighbors is 1 or more, agree lies within 0 and 1, far between 0 and 1; found "
                f"{self.neighbors!r}, {self.agree!r}, {self.far!r}"
            )
        object.__setattr__(self, "needs", (self.signal,))
        object.__setattr__(self, "of_raw", (self.signal,))

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One `edge_case` for each, the farthest first; its ids: the sample, then its nearest others."""
        judged = data.train.raw.labelled
        if not len(judged):
            return []
        points = signals[self.signal].rows(judged.ids)
        found = edge_cases(points, judged.targets > 0, neighbors=self.neighbors, agree=self.agree, far=self.far)
        rows = np.flatnonzero(found.found)
        order = np.argsort(-found.distance[rows] / found.usual[rows], kind="stable")
        run.log(f"audit.edge_cases, in the {self.signal}: {found.told}")
        return [self._finding(judged, found, int(row)) for row in rows[order]]

    def _finding(self, judged: Dataset, found: Found, row: int) -> Finding:
        near = found.nearest[row][found.nearest[row] >= 0][:_SHOWN]
        named = np.flatnonzero(judged.targets[row] > 0).tolist()
        label = label_text(judged.schema, frozenset(named) if len(named) > 1 else named[0])
        ratio = float(found.distance[row] / found.usual[row])
        why = (
            f"a rare {label}: {found.agreement[row]:.0%} of its neighbours are {label} too, and the nearest of them is "
            f"{ratio:.1f} times as far as {self.far:.0%} of them are from each other."
        )
        evidence = {
            "space": self.signal,
            "ratio": round(ratio, 4),
            "agreement": round(float(found.agreement[row]), 4),
            "distance": round(float(found.distance[row]), 5),
        }
        ids = (str(judged.ids[row]), *(str(id) for id in judged.ids[near]))
        return Finding("edge_case", ids, SEVERITY, why, evidence)
