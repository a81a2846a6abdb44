"""The table of components: a row per sample, open to pandas and DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tilth.audit.components import Components, Judged
from tilth.dataset import Dataset, label_text
from tilth.errors import ExportError
from tilth.numerics.label_counts import STATISTICS
from tilth.run.plugins import make_step
from tilth.signal import Signal, Signals
from tilth.store.tables import written_whole

STEP = "audit.components"


def step_of(settings: Mapping[str, Any]) -> Components:
    """`audit.components` with these settings. Raises SettingError for one that it does not take or that is out of range."""
    step: Components = make_step(STEP, settings)
    step.check()
    return step


def judged(data: Dataset, embedding: Signal, step: Components) -> Judged:
    """The components of the open samples."""
    return step.judge(data.open, Signals({"embedding": embedding}))


def table_of(one: Judged) -> pa.Table:
    """A row per sample, in the order of components and then of ids; what is said of a component stands in each of its rows.

    Columns: id, path, label, split, component_id, component_size, singleton, labelled (samples of the component that have
    a label), label_counts (map of class name -> how many), the statistics, and the flags `is_bad_component_...`. The facts
    of the making are in the metadata of the schema.
    """
    order = np.lexsort((one.data.ids, one.found.ids))
    group = one.found.ids[order]
    rows = one.data.table.take(pa.array(order))
    labels = np.array([label_text(one.data.schema, sample.label) for sample in one.data], dtype=object)[order]
    columns: dict[str, Any] = {
        "id": rows.column("id"),
        "path": rows.column("path"),
        "label": pa.array(labels.tolist(), pa.string()),
        "split": rows.column("split"),
        "component_id": group,
        "component_size": one.found.sizes[order],
        "singleton": one.found.alone[order],
        "labelled": one.voters[group],
        "label_counts": _counts(one).take(pa.array(group)),
        **{name: one.statistics[name][group] for name in STATISTICS},
        **{name: values[group] for name, values in one.flags()},
    }
    return pa.table(columns).replace_schema_metadata(
        {"threshold": f"{one.threshold:.9g}", "components": str(one.found.count), "version": one.data.version}
    )


def write_table(table: pa.Table, where: Path) -> None:
    """The table as Parquet."""
    from pyarrow import parquet

    check_target(where)
    with written_whole(where) as draft:
        parquet.write_table(table, draft)


def check_target(where: Path) -> None:
    """Raises ExportError where the table could not be written: told before the work, not after."""
    if where.suffix.lower() != ".parquet":
        raise ExportError(
            f"the table of components is written as .parquet; found {where}. Say  --out components.parquet"
        )
    if where.is_dir() or not where.absolute().parent.is_dir():
        why = "it is a folder" if where.is_dir() else f"there is no folder {where.parent}"
        raise ExportError(f"{where} cannot be written: {why}. Choose another file (--out).")


def _counts(one: Judged) -> pa.Array:
    """(g,) map of class name -> count, of each component."""
    group, labels, counts = one.counts
    starts = np.searchsorted(group, np.arange(one.found.count + 1)).astype(np.int32)
    names = pa.array(one.data.schema.classes, pa.string()).take(pa.array(labels.astype(np.int64)))
    return pa.MapArray.from_arrays(pa.array(starts), names, pa.array(counts.astype(np.int32)))
