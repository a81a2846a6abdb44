"""Datasets and signals as Parquet files; whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tilth.dataset import COLUMNS, Dataset, Schema
from tilth.signal import Signal

FORMAT = 1
# Sorted ids and small row groups: one sample is found by the statistics without reading the rest.
_ROW_GROUP = 20_000


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary neighbour of `path` that takes its place at the end: a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_dataset(data: Dataset, path: Path) -> None:
    """A version as Parquet, its schema in the file's metadata."""
    meta = {
        "format": FORMAT,
        "modality": data.schema.modality,
        "task": data.schema.task,
        "classes": data.schema.classes,
    }
    table = data.table.replace_schema_metadata({b"tilth": json.dumps(meta).encode()})
    with written_whole(path) as draft:
        # Not compressed: ids and digests hardly shrink, and a version is written at every undo (benchmarks/scale).
        options: dict[str, Any] = {"use_dictionary": ["split", "maker", "home"], "write_statistics": ["id", "path"]}
        pq.write_table(table, draft, row_group_size=_ROW_GROUP, compression="none", **options)


def read_dataset(path: Path) -> Dataset:
    """The version that `write_dataset` wrote."""
    table = pq.read_table(path)
    return Dataset(
        table.select(COLUMNS.names).replace_schema_metadata(None).combine_chunks(),
        read_schema(path),
        _trusted=True,
    )


def read_schema(path: Path) -> Schema:
    """Modality, task and classes of a version, without reading its rows."""
    meta = json.loads((pq.read_schema(path).metadata or {})[b"tilth"])
    return Schema(meta["modality"], meta["task"], tuple(meta["classes"]))


def read_rows(path: Path, column: str, values: list[str]) -> Dataset:
    """The few rows with these values, by the statistics of the row groups."""
    table = pq.read_table(path, filters=pc.field(column).isin(values))
    return Dataset(table.replace_schema_metadata(None), read_schema(path))


def write_signal(signal: Signal, path: Path) -> None:
    """A signal as Parquet: `id` and `value`, a number or a list of numbers of fixed length."""
    meta = {
        "format": FORMAT,
        "kind": signal.kind,
        "unit": signal.unit,
        "better": signal.better,
        "meta": dict(signal.meta),
    }
    table = pa.table({"id": pa.array(signal.ids.tolist(), pa.string()), "value": column_of(signal.values)})
    with written_whole(path) as draft:
        pq.write_table(
            table.replace_schema_metadata({b"tilth": json.dumps(meta).encode()}), draft, use_dictionary=False
        )


def read_signal(path: Path) -> Signal:
    """The signal that `write_signal` wrote."""
    table = pq.read_table(path)
    meta = json.loads((table.schema.metadata or {})[b"tilth"])
    ids = table.column("id").to_numpy(zero_copy_only=False)
    return Signal(meta["kind"], ids, array_of(table.column("value")), meta["unit"], meta["better"], meta["meta"])


def column_of(values: np.ndarray[Any, Any]) -> pa.Array:
    """(n,) or (n, d) numbers as an Arrow column."""
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


def array_of(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """The inverse of `column_of`."""
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy()
    flat = column.combine_chunks()
    flat = flat if isinstance(flat, pa.Array) else pa.concat_arrays(flat.chunks)
    return flat.flatten().to_numpy(zero_copy_only=False).reshape(-1, column.type.list_size)
