"""Ablation: several versions of one dataset, one fixed model, the same seeds, one sealed test split.

Each version stands beside the first and beside the one before it; what both share cancels, as in `compare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.numerics.bootstrap import RESAMPLES
from tilth.prove.classes import ClassScore, class_scores
from tilth.prove.compare import Asked, Hold, comparable, headline_of, held, judged
from tilth.prove.taught import taught
from tilth.prove.trial import hold
from tilth.steps import Run
from tilth.trial import Evidence, Trial


@dataclass(frozen=True)
class Ablated:
    """One row: a version under a name.

    against_first   the row against the first one, which stands against itself: means, and differences of zero
    against_last    the row against the one before it; None for the first
    classes         the classification report; nothing where the trials gave metrics only
    """

    name: str
    version: str
    samples: int
    trials: tuple[Trial, ...]
    against_first: Evidence
    against_last: Evidence | None
    classes: tuple[ClassScore, ...]


def ablate(
    rows: Sequence[tuple[str, Dataset]],
    *,
    learner: str,
    settings: Mapping[str, Any] | None = None,
    seeds: Sequence[int],
    run: Run,
    hold: Hold = hold,
    metric: str | None = None,
    resamples: int = RESAMPLES,
) -> tuple[Ablated, ...]:
    """Train the fixed model on each of the named versions, once per seed, and compare them.

    hold, metric, resamples  as of `compare`
    Raises SettingError where there is no row, and what `compare` raises.
    """
    if not rows:
        raise SettingError("an ablation has one row or more, found none")
    first = rows[0][1]
    for _, data in rows:
        comparable(first, data, seeds)
    headline = headline_of(metric, first.schema.task)
    # Seed by seed: a run that is stopped early leaves whole rows of the first seeds, not the first rows alone.
    asked = [Asked(hold, learner, dict(settings or {}), data, seed, run) for seed in seeds for _, data in rows]
    trials = held(asked, run)
    by_row = [tuple(trials[at :: len(rows)]) for at in range(len(rows))]
    schema = first.schema
    seen = taught([data for _, data in rows])  # of any row: all rows are asked the same

    def against(other: Sequence[Trial], own: Sequence[Trial]) -> Evidence:
        return judged(schema, other, own, run, headline=headline, resamples=resamples, seen=seen)

    return tuple(
        Ablated(
            name=name,
            version=data.version,
            samples=len(data.train),
            trials=own,
            against_first=against(by_row[0], own),
            against_last=against(by_row[at - 1], own) if at else None,
            classes=class_scores(own, schema.classes, schema.task),
        )
        for at, ((name, data), own) in enumerate(zip(rows, by_row, strict=True))
    )
