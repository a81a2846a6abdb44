"""Values on record: what each valuator last said of the present version, sample by sample and judge by judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from tilth.dataset import Dataset, label_text
from tilth.digest import digest
from tilth.errors import WorkspaceError
from tilth.signal import Array, Signal
from tilth.store import history
from tilth.store.shelf import Store
from tilth.store.tables import read_schema
from tilth.value.sides import mean_value

_KIND = "value"  # of the rows of the memo


@dataclass(frozen=True)
class Valued:
    """What one valuator said of one version.

    use       name of the step: `value.hydra`
    signal    a row per valued sample: (n,), or (n, m) with a column per judge
    settings  those that differed from the defaults
    file      of the signal, relative to the workspace
    """

    use: str
    signal: Signal
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seconds: float = 0.0
    file: str = ""

    @property
    def name(self) -> str:
        """`hydra`; the full name of a third party's step that does not begin with `value.`"""
        return self.use.removeprefix("value.")

    @property
    def against(self) -> str:
        """Whose verdict it is: a split, or nothing where the valuator does not say."""
        return str(self.signal.meta.get("against", ""))

    @cached_property
    def means(self) -> Array:
        """(n,) float64, the mean over judges; NaN where the valuator has no answer."""
        return np.asarray(mean_value(self.signal), np.float64)

    @cached_property
    def ranks(self) -> Array:
        """(n,) int: 1 for the most harmful, 0 where there is no value. What ties is told apart by id."""
        order = np.lexsort((self.signal.ids, self.means))
        order = order[~np.isnan(self.means[order])]
        ranks = np.zeros(len(self.means), np.int64)
        ranks[order] = np.arange(1, len(order) + 1)
        return ranks

    @property
    def among(self) -> int:
        """How many samples have a value."""
        return int((self.ranks > 0).sum())

    @property
    def judges(self) -> list[str]:
        """Ids of the columns; none where each sample has one value only."""
        return list(self.signal.meta.get("judges", ())) if self.signal.values.ndim == 2 else []

    def worst(self, most: int) -> list[int]:
        """Rows of the most harmful samples, the worst first."""
        return self._ranked()[:most].tolist()

    def best(self, most: int) -> list[int]:
        """Rows of the most helpful samples, the best first."""
        return self._ranked()[::-1][:most].tolist()

    def _ranked(self) -> Array:
        order = np.argsort(self.ranks, kind="stable")
        return order[self.ranks[order] > 0]


# -- the record -----------------------------------------------------------------------------------------------


def record(
    store: Store, use: str, version: str, *, signal: str, settings: Mapping[str, Any], seconds: float
) -> Mapping[str, Any] | None:
    """Write down that `signal` (its key in the store) is the last word of this valuator on this version; returns the settings
    of other values by it whose place it takes, None where it takes none.

    One word each: `why`, the report and the table speak of a valuator by its name.
    """
    value = {"signal": signal, "version": version, "settings": dict(settings)}
    key = digest("valued", version, use)
    former = store.ledger.memo(key)
    store.ledger.remember(key, use, _KIND, value, seconds)
    return former["settings"] if former is not None and former["signal"] != signal else None


def on_record(store: Store, uses: Sequence[str] = ()) -> list[Valued]:
    """The last word of each valuator on the present version: of these, in their order, or of all by name."""
    version = history.head(store)
    found: dict[str, Valued] = {}
    for _, use, value, seconds in store.ledger.remembered(_KIND):
        if value["version"] != version or (uses and use not in uses):
            continue
        signal = store.signal(value["signal"])
        if signal is not None:
            file = f"signals/{value['signal']}.parquet"
            found[use] = Valued(use, signal, value["settings"], seconds, file)
    return [found[use] for use in uses or sorted(found) if use in found]


def required(store: Store, uses: Sequence[str] = ()) -> list[Valued]:
    """As `on_record`. Raises WorkspaceError, saying what there is, where one of these is missing."""
    found = on_record(store, uses)
    missing = [use for use in uses if use not in {one.use for one in found}]
    if missing or not found:
        present = {one.use for one in on_record(store)}
        older = {use for _, use, _, _ in store.ledger.remembered(_KIND)} - present
        there = ", ".join([*sorted(present), *(f"{use} (of another version)" for use in sorted(older))]) or "none"
        by = f" by {missing[0]}" if missing else ""
        raise WorkspaceError(
            f"there are no values{by} of the present version (on record: {there}).\n"
            f"  First:  tilth value --by {(missing or ['knn_shapley'])[0].removeprefix('value.')}"
        )
    return found


def table_of(data: Dataset, records: Sequence[Valued]) -> pa.Table:
    """A row for each sample that somebody valued, the most harmful by the first record on top.

    Columns: id, path, label, split; for each valuator the mean value by its name and its rank (1: the most harmful).
    """
    valued = data.where(np.isin(data.ids, np.concatenate([one.signal.ids for one in records])))
    columns: dict[str, Any] = {
        "id": valued.ids.tolist(),
        "path": valued.table.column("path"),
        "label": [label_text(data.schema, sample.label) for sample in valued],
        "split": valued.table.column("split"),
    }
    for one in records:
        at = {id: row for row, id in enumerate(one.signal.ids.tolist())}
        rows = np.array([at.get(id, -1) for id in columns["id"]])
        ranks = np.where(rows >= 0, one.ranks[rows], 0)
        columns[one.name] = pa.array(one.means[rows], mask=ranks == 0)
        columns[f"{one.name}_rank"] = pa.array(ranks, mask=ranks == 0)
    return pa.table(columns).sort_by([(f"{records[0].name}_rank", "ascending"), ("id", "ascending")])


@dataclass(frozen=True)
class ClassWorth:
    """The values of one class: how many samples, their mean, and the share (0..1) below zero."""

    name: str
    samples: int
    mean: float
    harmful: float


def by_class(data: Dataset, one: Valued) -> list[ClassWorth]:
    """The classes in their order; a sample with several labels counts in each. Classes without a value are left out."""
    present = np.isin(one.signal.ids, data.ids) & (one.ranks > 0)
    ids, means = one.signal.ids[present], one.means[present]
    order = np.argsort(ids)  # the rows of a dataset are in the order of their ids
    means, belongs = means[order], data.only(ids[order]).targets > 0
    rows = []
    for at, name in enumerate(data.schema.classes):
        own = means[belongs[:, at]]
        if len(own):
            rows.append(ClassWorth(name, len(own), float(own.mean()), float((own < 0).mean())))
    return rows


# -- who helps and harms whom ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effect:
    """The other side of a value: a judge, or a train sample; `text` where it is one."""

    id: str
    path: str
    label: str
    text: str
    value: float


@dataclass(frozen=True)
class Influence:
    """What one valuator says of one sample.

    value, rank         of a train sample, the mean over judges and its place among `among` (1: the most harmful)
    helps, harms        judges that this train sample helps and harms, the most affected first
    helped_by, harmed_by  train samples that help and harm this judge, the most responsible first
    """

    use: str
    unit: str
    value: float | None
    rank: int | None
    among: int
    helps: tuple[Effect, ...] = ()
    harms: tuple[Effect, ...] = ()
    helped_by: tuple[Effect, ...] = ()
    harmed_by: tuple[Effect, ...] = ()

    @property
    def name(self) -> str:
        return self.use.removeprefix("value.")


def extremes(values: Array, most: int) -> tuple[list[int], list[int]]:
    """Places of the largest values above zero and of the smallest below it, the strongest first."""
    order = np.argsort(values, kind="stable")
    order = order[~np.isnan(values[order])]
    above = [int(at) for at in order[::-1][:most] if values[at] > 0]
    return above, [int(at) for at in order[:most] if values[at] < 0]


def influence(store: Store, id: str, *, most: int = 5, uses: Sequence[str] = ()) -> list[Influence]:
    """What each valuator on record says of a sample; nothing of one that is neither valued nor a judge."""
    return [said for one in on_record(store, uses) if (said := influence_of(store, one, id, most=most))]


def influence_of(store: Store, one: Valued, id: str, *, most: int = 5) -> Influence | None:
    """What this valuator says of a sample; None where it is neither valued nor a judge."""
    row = next(iter(np.flatnonzero(one.signal.ids == id)), None)
    judges = one.judges
    gives = _pairs(judges, one.signal.values[row], most) if row is not None and judges else ([], [])
    gets = _pairs(one.signal.ids.tolist(), one.signal.values[:, judges.index(id)], most) if id in judges else ([], [])
    if row is None and id not in judges:
        return None
    rank = int(one.ranks[row]) if row is not None else 0
    told = told_of(store, (other for pairs in (*gives, *gets) for other, _ in pairs))
    helps, harms, helped_by, harmed_by = (_effects(pairs, told) for pairs in (*gives, *gets))
    value = float(one.means[row]) if row is not None and rank else None
    return Influence(one.use, one.signal.unit, value, rank or None, one.among, helps, harms, helped_by, harmed_by)


Pairs = list[tuple[str, float]]


def _pairs(ids: Sequence[str], values: Array, most: int) -> tuple[Pairs, Pairs]:
    above, below = extremes(values, most)
    return [(ids[at], float(values[at])) for at in above], [(ids[at], float(values[at])) for at in below]


def _effects(pairs: Pairs, told: Mapping[str, tuple[str, str, str]]) -> tuple[Effect, ...]:
    return tuple(Effect(id, *told.get(id, ("", "", "")), value) for id, value in pairs)


def told_of(store: Store, ids: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """id -> (path, label in words, text or nothing) of samples of the present version."""
    version, wanted = history.head(store), sorted(set(ids))
    if not wanted:
        return {}
    schema = read_schema(store.version_file(version))
    rows = store.rows_of(version, wanted)
    return {sample.id: (sample.path, label_text(schema, sample.label), sample.text or "") for sample in rows}
