"""The self-test: known faults are planted in a copy of the data, the audit is run on it, and what was found is counted.

The copy lives in a folder of its own below the workspace. Neither the source nor the line of the workspace is touched; what was
done is found again by its memo, so a stopped self-test goes on where it was, and another `precision` costs nothing.
"""

from __future__ import annotations

import os
import shutil
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import RecipeError, SettingError, StepError, did_you_mean
from tilth.finding import Finding
from tilth.numerics import reliability
from tilth.numerics.neighbors import directions
from tilth.run.local import LocalRun
from tilth.run.plan import Place
from tilth.run.plugins import known_steps
from tilth.run.runner import Outcome, run_plan
from tilth.sample import Sample
from tilth.signal import Array, Signals
from tilth.store.shelf import Store
from tilth.testing.faults import FAULTS, Fault, Planted, plant

_LOOKING = ("embedders", "learners", "detectors")
_DOUBTED = ("label_noise", "outlier", "out_of_class", "contradiction", "exact_duplicate", "leak")
"""Kinds that keep a sample from being planted upon: a wrong label put over a wrong one may be right."""


@dataclass(frozen=True)
class Met:
    """One fault: how many were planted, and how many a finding of its kind named."""

    fault: str
    by: str
    kind: str
    planted: int
    found: int

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the recall."""
        return reliability.interval(self.found, self.planted)


@dataclass(frozen=True)
class Trust:
    """One kind of finding on the copy, from a severity on: how many there were, and how many are right.

    least    the severity from which on findings are counted; inf where none is trusted
    right    findings that name a planted fault
    before   of the others, those that the untouched data gave too: faults of the data's own, or false alarms
    own      of the others, how many are likely right (`reliability.likely_own`)
    recall   of the planted faults of this kind, the share found from this severity on
    """

    by: str
    kind: str
    least: float
    findings: int
    right: int
    before: int
    own: float
    recall: float

    @property
    def low(self) -> float:
        """Precision if every finding that was not planted is a false alarm."""
        return self.right / self.findings if self.findings else 0.0

    @property
    def high(self) -> float:
        """Precision if everything that was found before anything was planted is right."""
        return (self.right + self.before) / self.findings if self.findings else 0.0

    @property
    def likely(self) -> float:
        """Precision if the data's own faults are found as well as the planted ones."""
        return (self.right + min(self.own, self.before)) / self.findings if self.findings else 0.0

    @property
    def yours_likely(self) -> float:
        """The same of the findings that nobody planted: what to expect of the findings in the data themselves."""
        others = self.findings - self.right
        return min(self.own, self.before) / others if others else 0.0

    @property
    def yours_high(self) -> float:
        """At most so many of those are right: what appeared only in the copy is a false alarm."""
        others = self.findings - self.right
        return self.before / others if others else 0.0


@dataclass(frozen=True)
class SelfTest:
    """What each detector can be trusted with on this dataset.

    met        per fault, what was found of it
    trust      per kind of finding, all of them
    trusted    per kind, from the severity on that reaches the precision asked for; empty where none was asked for
    untested   detector -> why nothing could be planted for it
    """

    version: str
    recipe: str
    seed: int
    share: float
    samples: int
    met: tuple[Met, ...]
    trust: tuple[Trust, ...]
    trusted: tuple[Trust, ...]
    untested: Mapping[str, str]
    precision: float | None
    seconds: float

    @property
    def least_severity(self) -> dict[str, float]:
        """kind -> severity under which a finding is not trusted: what `improve` and `audit` take."""
        return {one.kind: one.least for one in self.trusted}


@dataclass(frozen=True)
class Asked:
    """What a self-test is asked for.

    share      of the train samples, for each kind of finding
    detectors  names of steps, whole or after the dot; none: every detector of the recipe
    precision  0..1 that the thresholds must reach; None: no thresholds
    """

    recipe: str
    folds: int
    share: float = 0.05
    seed: int = 0
    detectors: tuple[str, ...] = ()
    precision: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 0.25:
            raise SettingError(f"--share lies above 0 and up to 0.25, found {self.share}: more would change the data")
        if self.precision is not None and not 0 < self.precision <= 1:
            raise SettingError(f"--precision lies above 0 and up to 1, found {self.precision}")


def self_test(store: Store, run: LocalRun, places: Sequence[Place], start: str, asked: Asked) -> SelfTest:
    """Plant, audit, count. Raises RecipeError for an unknown detector, StepError where nothing can be planted."""
    began = time.monotonic()
    places = _chosen(places, asked.detectors)
    data = store.version(start)
    # What steps made is left out: it would repeat the planted faults.
    plain = data.raw
    folder = store.folder / "selftest" / digest(plain.version, asked.share, asked.seed)
    scratch = Store(folder)
    _share_rows(store.folder, folder)
    home = store if not data.made.any() else scratch
    home.keep_version(plain)
    run.log(f"Self-test of {asked.recipe} on {len(plain.open):,} samples: first the audit of the data as they are")
    before = _audited(home, _in(run, home), places, plain, asked.folds)
    faults, untested = _to_plant(places, plain)
    planted = _planted(run, plain, faults, before, asked)
    if not any(planted.faults.values()):
        why = (
            f"{len(plain.train):,} train samples of {len(data.schema.classes)} classes are too few to plant faults in"
            if faults
            else f"no fault is known that {', '.join(untested) or 'a recipe without detectors'} should find"
        )
        raise StepError(f"the self-test of {asked.recipe} has nothing to plant: {why}")
    for content in planted.contents.values():
        scratch.blobs.keep(content)
    scratch.keep_version(planted.data)
    seconds = sum(done.seconds for done in before.done) * len(planted.data) / max(len(plain), 1)
    total = sum(map(len, planted.faults.values()))
    run.log(
        f"{total:,} faults of {len(planted.faults)} sorts are planted in a copy; its audit takes about {seconds:.0f} s"
    )
    after = _audited(scratch, _in(run, scratch), places, planted.data, asked.folds)
    met, trust, trusted = _counted(faults, planted, before, after, asked.precision)
    return SelfTest(
        plain.version, asked.recipe, asked.seed, asked.share, len(plain.open), met, trust, trusted,
        untested | {f.by: _NOWHERE[f.name] for f in faults if not planted.faults[f.name] and f.name in _NOWHERE},
        asked.precision, time.monotonic() - began,
    )  # fmt: skip


_NOWHERE = {"copy in valid or test": "there is no valid and no test split to leak into"}


def _chosen(places: Sequence[Place], names: Sequence[str]) -> list[Place]:
    looking = [one for one in places if one.role in _LOOKING]
    present = {one.use: one for one in looking if one.role == "detectors"}
    wanted: set[str] = set()
    for name in names:
        full = name if name in present else f"audit.{name}"
        if full not in present:
            there = ", ".join(one.removeprefix("audit.") for one in present)
            known = "" if full not in known_steps() else f' (add it to a recipe:  use = "{full}")'
            short = [one.removeprefix("audit.") for one in present]
            raise RecipeError(
                f"the recipe has no detector {name!r}{did_you_mean(name, short)}{known}\n  There are: {there}"
            )
        wanted.add(full)
    return [one for one in looking if one.role != "detectors" or not wanted or one.use in wanted]


def _to_plant(places: Sequence[Place], data: Dataset) -> tuple[list[Fault], dict[str, str]]:
    """The faults that the detectors of the plan should find, and why there is none for the others."""
    detectors = [one.use for one in places if one.role == "detectors"]
    faults = [one for one in FAULTS if one.by in detectors and data.schema.modality in one.modality]
    tested = {one.by for one in faults}
    return faults, {use: "no fault is known that it should find" for use in detectors if use not in tested}


def _in(run: LocalRun, store: Store) -> LocalRun:
    return run if store.folder.resolve() == run.folder.resolve() else replace(run, folder=store.folder.resolve())


def _audited(store: Store, run: LocalRun, places: Sequence[Place], data: Dataset, folds: int) -> Outcome:
    return run_plan(store, run, places, start=data.version, folds=folds, budget=0, commit=False)


def _share_rows(source: Path, target: Path) -> None:
    """What embedders said of contents is the same here: linked where the disk can, copied where it cannot. The blobs of
    made samples are not needed."""
    for file in source.glob("rows/*/[!.]*.parquet"):
        place = target / file.relative_to(source)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, place)
            except OSError:
                shutil.copyfile(file, place)


def _planted(run: LocalRun, data: Dataset, faults: Sequence[Fault], before: Outcome, asked: Asked) -> Planted:
    spare = {id for _, one in before.findings if one.kind in _DOUBTED for id in one.ids}
    return plant(
        data,
        faults,
        read=_reader(run, data),
        share=asked.share,
        rng=np.random.default_rng(int(digest("selftest", data.version, asked.seed), 16)),
        likeness=_likeness(data, before.signals),
        spare=frozenset(spare),
    )


def _reader(run: LocalRun, data: Dataset) -> Callable[[Sample], bytes]:
    def read(sample: Sample) -> bytes:
        return next(iter(run.contents(data.only([sample.id])))) if sample.text is None else sample.text.encode()

    return read


def _likeness(data: Dataset, signals: Signals) -> Array | None:
    """(n, k) cosine of each sample with the mean of each class; the rows of the sealed split are zeros."""
    if "embedding" not in set(signals):
        return None
    rows = data.open
    values = signals["embedding"].rows(rows.ids)
    units = directions(values)
    means = directions(rows.targets.T @ units)
    likeness = np.zeros((len(data), len(data.schema.classes)))
    likeness[np.isin(data.ids, rows.ids)] = units @ means.T
    return likeness


# -- counting -------------------------------------------------------------------------------------------------


def _counted(
    faults: Sequence[Fault], planted: Planted, before: Outcome, after: Outcome, precision: float | None
) -> tuple[tuple[Met, ...], tuple[Trust, ...], tuple[Trust, ...]]:
    named = _severities(finding for _, finding in after.findings)
    met = []
    for fault in faults:
        ids = planted.faults[fault.name]
        found = sum((fault.kind, id) in named for id in ids)
        if ids:
            met.append(Met(fault.name, fault.by, fault.kind, len(ids), found))
    known = {finding.key for _, finding in before.findings}
    trust, trusted = [], []
    for kind, by in dict.fromkeys((one.kind, one.by) for one in faults if planted.faults[one.name]):
        sought = [id for one in faults if one.kind == kind for id in planted.faults[one.name]]
        right = {id for one in faults if kind in (one.kind, *one.also) for id in planted.faults[one.name]}
        found = [one for use, one in after.findings if one.kind == kind and use == by]
        scale = _Scale(by, kind, np.array([named.get((kind, id), 0.0) for id in sought]), found, right, known)
        trust.append(scale.above(0.0))
        if precision is not None:
            trusted.append(scale.reaching(precision))
    return tuple(met), tuple(trust), tuple(trusted)


def _severities(findings: Iterable[Finding]) -> dict[tuple[str, str], float]:
    """(kind, id) -> the highest severity with which it is named."""
    named: dict[tuple[str, str], float] = {}
    for one in findings:
        for id in one.ids:
            named[one.kind, id] = max(named.get((one.kind, id), 0.0), one.severity)
    return named


class _Scale:
    """The findings of one kind, by severity."""

    def __init__(
        self, by: str, kind: str, sought: Array, found: Sequence[Finding], right: set[str], known: set[str]
    ) -> None:
        self.by, self.kind, self.sought = by, kind, sought
        self.severity = np.array([one.severity for one in found])
        self.hit = np.array([bool(right & set(one.ids)) for one in found], bool)
        self.known = np.array([one.key in known for one in found], bool) & ~self.hit
        self.steps = np.unique(self.severity)
        self.own = reliability.likely_own(self.steps, sought, self.severity[self.known])

    def above(self, least: float) -> Trust:
        over = self.severity >= least
        recall = float((self.sought >= max(least, 1e-12)).mean()) if len(self.sought) else 0.0
        return Trust(
            self.by, self.kind, least, int(over.sum()), int((over & self.hit).sum()), int((over & self.known).sum()),
            round(self.own * recall, 2), round(recall, 4),
        )  # fmt: skip

    def reaching(self, precision: float) -> Trust:
        """From the lowest severity on that reaches it; from infinity on where none does."""
        every = [self.above(float(least)) for least in self.steps]
        good = [one for one in every if one.findings >= reliability.FEWEST and one.likely >= precision]
        return good[0] if good else self.above(float("inf"))


# -- thresholds as a file -------------------------------------------------------------------------------------


def write_least(result: SelfTest, where: Path) -> Path:
    """The thresholds as TOML: what `--least-severity FILE` reads."""
    from tilth.store.tables import written_whole

    lines = [
        f"# Least severity by kind of finding for a precision of {result.precision}, by `tilth selftest`",
        f"# recipe {result.recipe}, version {result.version}, seed {result.seed}; inf: no severity reaches it",
        "",
        "[least_severity]",
    ]
    lines += [f"{kind} = {value}" for kind, value in result.least_severity.items()]
    with written_whole(where) as draft:
        draft.write_text("\n".join(lines) + "\n")
    return where


def read_least(words: Sequence[str]) -> dict[str, float]:
    """Thresholds from `kind=value` and from files of `tilth selftest --precision`; a later word wins.

    Raises SettingError for what is neither."""
    found: dict[str, float] = {}
    for word in words:
        kind, mark, value = word.partition("=")
        if mark and not Path(word).exists():
            found[kind.strip()] = _number(value, word)
        else:
            found |= {kind: _number(value, word) for kind, value in _table(Path(word)).items()}
    return found


def _number(value: Any, word: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SettingError(f"--least-severity {word}: {value!r} is no number; say  label_noise=0.9") from None
    if not number >= 0:
        raise SettingError(
            f"--least-severity {word}: {number} is no severity; it lies in 0..1, or is inf for none at all"
        )
    return number


def _table(file: Path) -> Mapping[str, Any]:
    try:
        table = tomllib.loads(file.read_text()).get("least_severity")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SettingError(
            f"--least-severity takes kind=value, or a file that `tilth selftest --precision .9` wrote; {file}: {fault}"
        ) from fault
    if not isinstance(table, dict):
        raise SettingError(f"{file} has no table [least_severity]; `tilth selftest --precision .9` writes one")
    return table
