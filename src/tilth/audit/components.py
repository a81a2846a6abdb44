"""Components of near-duplicates, and those whose labels do not agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError, StepError
from tilth.finding import Finding
from tilth.numerics import components as near
from tilth.numerics.label_counts import STATISTICS, Statistic, label_counts, spread
from tilth.numerics.neighbors import directions
from tilth.signal import Array, Signals
from tilth.steps import Run

PERCENTILES = (80, 90, 95)
"""Of the components of two or more; what lies above one is flagged. 80 is the paper's."""


@dataclass(frozen=True)
class Components:
    """Find components: samples so near each other that they should carry the same labels; tell those that do not.

    Frames of one video, one person seen twice, one thing photographed again, one sentence said in other words. The
    neighbours are those of the embedding, so what counts as near is what the embedder sees. Samples that a step made
    from others are left out: they are near on purpose.
    """

    threshold: float | None = None  # in the unit of `metric`; None: .4 of how far the 32nd nearest typically is
    metric: Literal["cosine", "euclidean"] = "cosine"  # 1 - cos, or the distance of the vectors as they are
    linkage: Literal["complete", "mutual"] = "complete"  # mutual lets a chain of frames grow into one component
    neighbors: int = 16  # nearest others of each sample that are looked at
    singletons: bool = False  # tell those that are near no other too, for rules that leave them out

    version = 1
    needs = ("embedding",)
    of_raw = ("embedding",)
    source = "Lan 2023, Cleaning with components; complete linkage (Sorensen 1948)"
    cost = "O(n^2 d); benchmarks/components has the seconds and the memory"

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """A `component` for each whose labels differ; with `singletons` one finding of that kind naming them all."""
        judged = self.judge(data, signals)
        findings = [judged.finding(int(one)) for one in judged.at_odds]
        if self.singletons:
            alone = judged.data.ids[judged.found.alone]
            evidence = {"of": len(judged.data), "threshold": round(judged.threshold, 6)}
            why = f"{len(alone):,} of {len(judged.data):,} samples are near no other one."
            findings.append(Finding("singletons", tuple(alone.tolist()), 0.0, why, evidence))
        run.log(judged.summary)
        return findings

    def judge(self, data: Dataset, signals: Signals) -> Judged:
        """The components of these samples, with the statistics of their labels."""
        self.check()
        plain = data.raw
        points = signals["embedding"].rows(plain.ids)
        points = points.reshape(len(points), -1) if len(points) else np.empty((0, 1), np.float32)
        if not np.isfinite(points).all():
            bad = plain.ids[~np.isfinite(points).all(axis=1)]
            raise StepError(
                f"audit.components: the embedding of {len(bad)} of {len(points)} samples is not finite (first: "
                f"{bad[0]}).\n  Mend the embedder, or take another."
            )
        cosine = self.metric == "cosine"
        within = self.threshold if self.threshold is None or not cosine else float(np.sqrt(2 * self.threshold))
        found = near.components(
            directions(np.asarray(points, dtype=np.float32)) if cosine else points,
            threshold=within,
            linkage=self.linkage,
            neighbors=self.neighbors,
        )
        return Judged(plain, found, found.threshold**2 / 2 if cosine else found.threshold)

    def check(self) -> None:
        """Raises SettingError for a setting out of its range."""
        for name, value, allowed in (
            ("metric", self.metric, ("cosine", "euclidean")),
            ("linkage", self.linkage, ("complete", "mutual")),
        ):
            if value not in allowed:
                raise SettingError(f"audit.components: {name} is {' or '.join(allowed)}, found {value!r}")
        most = 2.0 if self.metric == "cosine" else np.inf
        if self.threshold is not None and not (
            isinstance(self.threshold, (int, float)) and 0 <= self.threshold <= most
        ):
            raise SettingError(
                f"audit.components: threshold is a distance ({self.metric}: 0 to {most:g}), found {self.threshold!r}"
            )
        if self.neighbors < 1:
            raise SettingError(f"audit.components: neighbors is at least 1, found {self.neighbors}")


@dataclass(frozen=True, eq=False)
class Judged:
    """Components of a dataset and how much the labels within each differ.

    data       the samples that were grouped; rows of `found` are its rows
    found      which component each is in
    threshold  within which two were near, in the unit of the metric
    """

    data: Dataset
    found: near.Components
    threshold: float

    @cached_property
    def targets(self) -> Array:
        """(n, k) bool, the classes of hard labels; of a soft label none."""
        return (self.data.targets > 0) & self.labelled[:, None]

    @cached_property
    def labelled(self) -> Array:
        """(n,) bool, samples with a hard label; an empty set of classes is one."""
        table = self.data.table
        return np.asarray(table.column("classes").is_valid()) & ~np.asarray(table.column("shares").is_valid())

    @cached_property
    def sizes(self) -> Array:
        """(g,) samples of each component."""
        return np.bincount(self.found.ids, minlength=self.found.count)

    @cached_property
    def voters(self) -> Array:
        """(g,) samples of each component that have a label."""
        return np.bincount(self.found.ids[self.labelled], minlength=self.found.count)

    @cached_property
    def counts(self) -> tuple[Array, Array, Array]:
        """(r,) components, labels and counts: how many samples of the component carry the label."""
        return label_counts(self.found.ids, self.targets)

    @cached_property
    def statistics(self) -> dict[Statistic, Array]:
        """(g,) by name; see `numerics.label_counts.spread`."""
        group, _, counts = self.counts
        return spread(group, counts, self.voters)

    @cached_property
    def limits(self) -> dict[Statistic, dict[int, float]]:
        """Statistic -> percentile -> its value among the components of two or more labelled samples."""
        asked = self.voters > 1
        return {
            name: {p: float(np.percentile(values[asked], p)) if asked.any() else 0.0 for p in PERCENTILES}
            for name, values in self.statistics.items()
        }

    def flag(self, statistic: Statistic, percentile: int) -> Array:
        """(g,) bool, components of two or more labelled samples that lie above the percentile."""
        return (self.voters > 1) & (self.statistics[statistic] > self.limits[statistic][percentile])

    @cached_property
    def at_odds(self) -> Array:
        """Components in which some label is on some samples and not on others."""
        return np.flatnonzero(self.statistics["disagreement"] > 0)

    @cached_property
    def _flags(self) -> dict[str, Array]:
        return {flag_name(name, p): self.flag(name, p) for name in ("std", "disagreement") for p in PERCENTILES}

    @cached_property
    def _order(self) -> tuple[Array, Array]:
        return np.argsort(self.found.ids, kind="stable"), np.concatenate([[0], np.cumsum(self.sizes)])

    def rows(self, component: int) -> Array:
        """Rows of a component's samples, ascending."""
        order, starts = self._order
        return order[starts[component] : starts[component + 1]]

    def label_counts(self, component: int) -> list[tuple[int, int]]:
        """(class, count) of a component, in order of class."""
        group, labels, counts = self.counts
        part = slice(*np.searchsorted(group, [component, component + 1]))
        return list(zip(labels[part].tolist(), counts[part].tolist(), strict=True))

    def finding(self, component: int) -> Finding:
        """What is to be said of a component whose labels differ."""
        rows, voters = self.rows(component), int(self.voters[component])
        counts = self.label_counts(component)
        names = self.data.schema.classes
        what = "texts" if self.data.schema.modality == "text" else "pictures"
        odd = sorted(((count, names[label]) for label, count in counts if count < voters), reverse=True)
        told = ", ".join(f"{name} on {count} of {voters}" for count, name in odd[:6])
        more = f" and {len(odd) - 6} more labels" if len(odd) > 6 else ""
        ids = [str(self.data.ids[row]) for row in rows]
        evidence: dict[str, Any] = {
            "component": component,
            "size": len(rows),
            "labelled": voters,
            "threshold": round(self.threshold, 6),
            "labels": {
                id: np.flatnonzero(self.targets[row]).tolist()
                for id, row in zip(ids, rows, strict=True)
                if self.labelled[row]
            },
            "counts": {names[label]: count for label, count in counts},
            **{name: round(float(self.statistics[name][component]), 6) for name in STATISTICS},
            "limits": {name: limits[80] for name, limits in self.limits.items()},
            "flags": [name for name, values in self._flags.items() if values[component]],
        }
        why = f"{len(rows)} near {what} do not carry the same labels: {told}{more}."
        # At most what near copies that contradict are given: whether near is near enough, a person knows.
        return Finding("component", tuple(ids), round(0.6 * evidence["disagreement"], 6), why, evidence)

    @property
    def summary(self) -> str:
        """One line for a person."""
        groups = int((self.sizes > 1).sum())
        return (
            f"{groups:,} components of two or more among {len(self.data):,} samples (largest "
            f"{int(self.sizes.max(initial=0)):,}), {int(self.found.alone.sum()):,} singletons, threshold "
            f"{self.threshold:.4g}; labels differ in {len(self.at_odds):,}"
        )

    def flags(self) -> Iterator[tuple[str, Array]]:
        """(name, (g,) bool) of each flag."""
        yield from self._flags.items()


def flag_name(statistic: str, percentile: int) -> str:
    """`is_bad_component_std_80`, as the paper calls it."""
    return f"is_bad_component_{statistic}_{percentile}"
