"""Coverage gaps: what a small clean target has and train lacks, in plain attributes and in learned features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tilth.dataset import Dataset, label_text, target_split
from tilth.errors import SettingError, StepError
from tilth.finding import Finding
from tilth.numerics import two_sample
from tilth.numerics.attributes import COLUMNS, NAMES, Column, known
from tilth.numerics.groups import by_class
from tilth.numerics.outliers import discovered
from tilth.numerics.reach import Reach, reach
from tilth.numerics.two_sample import Region, Sides
from tilth.sample import TRAIN
from tilth.signal import Array, Signals
from tilth.steps import Run

SPACES = ("features", "embedding")
"""Where nearness is asked for: what a cross-fitted learner sees, else the embedding."""

_BINS = 16  # of the histograms: with 50 samples more are empty
_LEAST_EXCESS = 0.05  # share: what the target has so little more of, no augmentation need bring
_ALARM = 0.05  # p of the count of uncovered samples, above which it is as many as chance gives
_STRENGTH = 5.0  # target samples that what holds over all counts as, beside those of a class: a label book has five
_LEAST_TARGET = 3  # samples of a class, for it to be named


@dataclass(frozen=True)
class CoverageGaps:
    """Compare train with a small clean target, a label book or a validation set, and say what train lacks.

    Each attribute is compared over all and class by class; the mix of classes makes no difference, and chance is told by
    permutation. In learned features, a target sample is uncovered where train has nothing of its class as near as train's
    own samples are to each other.
    """

    needs = ("attributes",)
    modality = ("image",)
    source = "Pettitt 1976 (Anderson and Darling's statistic for two samples), p-values by permutation"
    cost = "O(permutations n) for each attribute; 2 s for 2,000 samples"

    against: str = ""
    """Split that is the target, a sample of what the model will meet; none named: the only one under a name of its own
    (a label book), else valid."""

    false_discovery: float = 0.2
    """Share (0..1) of the attributes found that may be there by chance, as in audit.outliers."""

    permutations: int = 999
    """How often places are changed; the least p-value is 1 / 1000."""

    covered: float = 0.9
    """Share (0..1) of train's own samples whose nearest other of the class is as near as the usual distance."""

    least: int = 10
    """Target samples below which nothing is said: even a plain difference is chance among them."""

    most: int = 12
    """Uncovered samples that are named one by one; the finding over all holds the rest."""

    def __post_init__(self) -> None:
        for name, low, high in (("false_discovery", 0, 1), ("covered", 0.5, 1)):
            if not low < getattr(self, name) < high:
                fault = f"{name} lies between {low} and {high}, found {getattr(self, name)!r}"
                raise SettingError(f"audit.coverage_gaps: {fault}")
        if self.permutations < 99:
            raise SettingError(f"audit.coverage_gaps: permutations must be at least 99, found {self.permutations!r}")

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """One `coverage_gap` for each attribute, or attribute of a class, that train lacks values of; one about all
        uncovered samples, and one for each of the farthest. Raises StepError where there is no target."""
        if not self.against:
            target = target_split(data)
            if target is None:
                run.log(
                    "coverage gaps: there is no split beside train to compare it with; name one:  --valid NAME-OR-PATH"
                )
                return []
            return replace(self, against=target).detect(data, signals, run)
        labelled = data.labelled
        train, target = labelled.split(TRAIN), labelled.split(self.against)
        if self.against == TRAIN or not len(target):
            there = ", ".join(np.unique(data.splits).tolist())
            raise StepError(
                f"audit.coverage_gaps was asked to compare train with {self.against!r}, and there are no labelled samples of "
                f"it (there is: {there}).\n  Name a small clean set when the source is opened:  --valid NAME-OR-PATH"
            )
        if len(target) < self.least or len(train) < self.least:
            run.log(f"{len(target)} samples of {self.against} are too few to compare {len(train)} of train with")
            return []
        pool = labelled.where(np.isin(labelled.splits, (TRAIN, self.against)))
        findings = list(self._attributes(pool, signals, run))
        for space in (name for name in SPACES if name in signals and signals[name].covers(pool.ids)):
            findings += self._uncovered(train, target, signals, space)
            break
        return _told_apart(sorted(findings, key=lambda one: -one.severity))

    # -- attributes -------------------------------------------------------------------------------------------

    def _attributes(self, pool: Dataset, signals: Signals, run: Run) -> Iterator[Finding]:
        values = known(signals["attributes"].rows(pool.ids))
        compared = _compared(pool, values, self.against, run, self.permutations, None)
        found = discovered(np.array([one.p for one in compared]), false_discovery=self.false_discovery)
        said = [one for one, real in zip(compared, found, strict=True) if real and one.matters]
        yield from (one.finding(pool, values, self.against) for one in said)
        if pool.schema.task == "multi-label":
            return
        over_all = {one.name for one in said}
        classes = [c for c in range(len(pool.schema.classes)) if (pool.targets[:, c] > 0).any()]
        each = [one for c in classes for one in _compared(pool, values, self.against, run, self.permutations, c)]
        found = discovered(np.array([one.p for one in each]), false_discovery=self.false_discovery)
        for one, real in zip(each, found, strict=True):
            if real and one.matters and one.name not in over_all:
                yield one.finding(pool, values, self.against)

    # -- features ---------------------------------------------------------------------------------------------

    def _uncovered(self, train: Dataset, target: Dataset, signals: Signals, space: str) -> list[Finding]:
        from scipy.special import bdtrc

        ours, theirs = (signals[space].rows(one.ids).astype(np.float32) for one in (train, target))
        found = reach(theirs, target.targets > 0, ours, train.targets > 0, share=self.covered)
        far = found.ratio > 1
        expected = 1 - self.covered
        p = float(bdtrc(int(far.sum()) - 1, len(target), expected)) if far.any() else 1.0
        if p > _ALARM:
            return []
        rows = np.flatnonzero(far)[np.argsort(-found.ratio[far], kind="stable")]
        share = float(far.mean())
        why = (
            f"{share:.0%} of {self.against} ({len(rows)} of {len(target)}) lie farther from the nearest train sample of "
            f"their class than {self.covered:.0%} of train's own samples lie from each other ({space})."
        )
        by_class = {
            name: [int(far[target.targets[:, c] > 0].sum()), int((target.targets[:, c] > 0).sum())]
            for c, name in enumerate(target.schema.classes)
        }
        evidence = {
            "space": space,
            "against": self.against,
            "share": round(share, 4),
            "expected": round(expected, 4),
            "p": p,
            "by_class": by_class,
        }
        severity = round(max(0.0, share - expected), 4)
        ids = tuple(str(id) for id in target.ids[rows])
        over_all = Finding("coverage_gap", ids, severity, why, evidence)
        return [
            over_all,
            *(_one_uncovered(train, target, found, int(row), space, severity) for row in rows[: self.most]),
        ]


def _one_uncovered(train: Dataset, target: Dataset, found: Reach, row: int, space: str, severity: float) -> Finding:
    near = [str(id) for id in train.ids[found.nearest[row][found.nearest[row] >= 0]]]
    named = np.flatnonzero(target.targets[row] > 0).tolist()
    label = label_text(target.schema, frozenset(named) if len(named) > 1 else named[0])
    evidence: dict[str, Any] = {"space": space, "nearest": near}
    if near:
        ratio = float(found.ratio[row])
        why = f"uncovered: even the nearest {label} of train is {ratio:.1f} times as far as usual ({space})."
        evidence |= {"ratio": round(ratio, 3), "distance": round(float(found.distance[row]), 4)}
    else:
        why = f"uncovered: train has no {label}."
    return Finding("coverage_gap", (str(target.ids[row]), *near), round(severity / 2, 4), why, evidence)


def _told_apart(findings: list[Finding]) -> list[Finding]:
    """Two findings about the same samples in the same order would be one to the ledger: the later one turns them round."""
    seen: set[tuple[str, ...]] = set()
    out = []
    for one in findings:
        ids = one.ids
        for turn in range(len(ids)):
            if ids not in seen:
                break
            ids = one.ids[turn + 1 :] + one.ids[: turn + 1]
        if ids in seen:
            continue  # the same few samples say it already, and more surely
        seen.add(ids)
        out.append(replace(one, ids=ids))
    return out


# -- one attribute --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """An attribute, over all or of one class: how surely it differs, and which values train lacks.

    rows  (r,) of the pool, those that can be compared
    """

    name: str
    of_class: int | None
    p: float
    distance: float
    region: Region
    rows: Array
    sides: Sides

    @property
    def column(self) -> Column:
        return COLUMNS[self.name]

    @property
    def excess(self) -> float:
        return self.region.target - self.region.train

    @property
    def matters(self) -> bool:
        """Whether one would see it, however sure it is."""
        return self.distance >= self.column.least and self.excess >= _LEAST_EXCESS

    def finding(self, pool: Dataset, values: Array, against: str) -> Finding:
        column = values[:, NAMES.index(self.name)]
        inside = self.region.holds(column[self.rows])
        rows = self.rows[inside & self.sides.target]
        evidence = {
            "attribute": self.name,
            "against": against,
            "region": [None if np.isinf(end) else round(end, 5) for end in (self.region.low, self.region.high)],
            "train": round(self.region.train, 4),
            "target": round(self.region.target, 4),
            "p": round(self.p, 5),
            "distance": round(self.distance, 5),
            **_histograms(column[self.rows], self.sides),
        }
        names = pool.schema.classes
        most = ""
        if self.of_class is not None:
            evidence["class"] = self.of_class
        elif pool.schema.task == "single-label":
            evidence["by_class"], most = self._by_class(pool, inside)
        of = f" of {names[self.of_class]}" if self.of_class is not None else ""
        why = (
            f"train lacks {_word(self.region, self.column)}{of}: {self.region.train:.0%} of train against "
            f"{self.region.target:.0%} of {against} have {self.column.said(self.region.low, self.region.high)}{most}."
        )
        ids = tuple(str(id) for id in pool.ids[_extremes(rows, column, self.region)])
        count = int(self.sides.target.sum())
        sure = 1.0 if self.of_class is None else count / (count + _STRENGTH)
        return Finding("coverage_gap", ids, round(min(1.0, sure * self.excess), 4), why, evidence)

    def _by_class(self, pool: Dataset, inside: Array) -> tuple[Mapping[str, list[float]], str]:
        """Class -> share of train, of the target, the latter shrunk, target samples; and the two that lack most."""
        held = np.unique(_groups(pool)[self.rows])
        table = two_sample.shares(inside, self.sides, strength=_STRENGTH)
        rows = {
            pool.schema.classes[c]: [round(float(one), 4) for one in row]
            for c, row in zip(held.tolist(), table, strict=True)
        }
        lack = {name: row[2] - row[0] for name, row in rows.items() if row[3] >= _LEAST_TARGET}
        worst = sorted(lack, key=lambda name: -lack[name])[:2]
        clear = [name for name in worst if lack[name] > 1.25 * self.excess]
        return rows, f", most of all {' and '.join(clear)}" if clear else ""


def _groups(pool: Dataset) -> Array:
    return by_class(pool.targets, several=pool.schema.task == "multi-label")


def _compared(
    pool: Dataset, values: Array, against: str, run: Run, permutations: int, of_class: int | None
) -> list[Compared]:
    """All attributes that are not the same in every sample."""
    target, groups = pool.splits == against, _groups(pool)
    wanted = np.ones(len(pool), bool) if of_class is None else groups == of_class
    ready: dict[bytes, tuple[Array, Sides, Array]] = {}
    found = []
    for name, column in zip(NAMES, values.T, strict=True):
        able = wanted & np.isfinite(column)
        if able.tobytes() not in ready:  # the attributes of drawings share one choice of rows, all others another
            sides, kept = two_sample.sides_of(target[able], groups[able])
            rng = run.rng("audit.coverage_gaps", -1 if of_class is None else of_class, int(able.sum()))
            drawn = two_sample.shuffled(sides, rng, permutations)
            ready[able.tobytes()] = np.flatnonzero(able)[kept], sides, drawn
        rows, sides, drawn = ready[able.tobytes()]
        seen = column[rows]
        if not len(rows) or not np.ptp(seen):
            continue
        _, p = two_sample.difference(seen, sides, drawn)
        region = two_sample.lacking(seen, sides)
        found.append(Compared(name, of_class, p, two_sample.distance(seen, sides), region, rows, sides))
    return found


def _extremes(rows: Array, column: Array, region: Region) -> Array:
    """The rows from the farthest within the region to the nearest to the rest."""
    inner = region.low if np.isinf(region.high) else region.high
    away = np.abs(column[rows] - inner) if np.isfinite(inner) else column[rows]
    return rows[np.argsort(-away, kind="stable")]


def _word(region: Region, column: Column) -> str:
    if np.isinf(region.low):
        return column.low
    return column.high if np.isinf(region.high) else f"the middle between {column.low} and {column.high}"


def _histograms(values: Array, sides: Sides) -> dict[str, list[float]]:
    """The shares of both sides by value, over the range of all but the outermost hundredths."""
    low, high = np.quantile(values, [0.01, 0.99])
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, _BINS - 1)
    tally = [np.bincount(place[side], sides.weights[side], minlength=_BINS) for side in (~sides.target, sides.target)]
    return {
        "edges": [round(float(edge), 5) for edge in edges],
        "train_shares": [round(float(one), 4) for one in tally[0]],
        "target_shares": [round(float(one), 4) for one in tally[1]],
    }
