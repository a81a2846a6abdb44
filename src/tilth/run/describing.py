"""What embedders say of each sample by itself: worked out once for each content, and kept in rows that outlive a kill.

Embedders that are asked one after the other look together: a picture is read and decoded once for all of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tilth.dataset import Dataset
from tilth.signal import Array
from tilth.steps import declared
from tilth.store.tables import array_of, column_of, written_whole

if TYPE_CHECKING:
    from tilth.run.local import LocalRun

_BATCH = 256  # contents an embedder sees at once
_CHUNK = 4096  # rows of a file: what a kill may lose


def describe(run: LocalRun, steps: Mapping[str, Any], data: Dataset) -> dict[str, float]:
    """Have these embedders describe the contents that they have not seen before.

    steps    key -> embedder with `describe`
    returns  key -> seconds it took: its own, and as much of the decoding as of the pictures it asked for
    """
    spent = dict.fromkeys(steps, 0.0)
    missing = {key: _missing(run, key, data) for key in steps}
    wanted = np.any(list(missing.values()), axis=0) if steps else np.zeros(len(data), bool)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return spent
    names = ", ".join((*declared(step, "gives"), "embedding")[0] for step in steps.values())
    with run.progress(f"{names} of {len(rows):,}", len(rows)) as advance:
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            asked = {key: where[chunk] for key, where in missing.items() if where[chunk].any()}
            part = data.where(np.isin(np.arange(len(data)), chunk))
            found: dict[str, list[Array]] = {key: [] for key in asked}
            for at, batch, decoding in _batches(run, part):
                here = {key: where[at : at + len(batch)] for key, where in asked.items()}
                for key, where in here.items():
                    if where.any():
                        began = time.monotonic()
                        some = [one for one, its in zip(batch, where, strict=True) if its]
                        found[key].append(np.asarray(steps[key].describe(some, run.within(key))))
                        share = where.sum() / sum(each.sum() for each in here.values())
                        spent[key] += time.monotonic() - began + decoding * share
                advance(len(batch))
            for key, pieces in found.items():
                _keep(run, key, part.where(asked[key]), np.concatenate(pieces))
    return spent


def rows_of(run: LocalRun, key: str, data: Dataset) -> Array:
    """(n, d) what the embedder of this key said of each sample; all of them have been described."""
    wanted = _contents(data)
    if not len(wanted):
        return np.zeros((0, 1), np.float32)
    known, values = _kept(run, key)
    order = np.argsort(known)
    return values[order[np.searchsorted(known[order], wanted)]]


def _missing(run: LocalRun, key: str, data: Dataset) -> Array:
    """(n,) bool: contents without a row, one sample of each: exact copies of files are described once."""
    wanted = _contents(data)
    first = np.zeros(len(wanted), bool)
    first[np.unique(wanted, return_index=True)[1]] = True
    return first & ~np.isin(wanted, _kept(run, key)[0])


def _contents(data: Dataset) -> Array:
    return data.table.column("content").to_numpy(zero_copy_only=False).astype("U32")


def _batches(run: LocalRun, data: Dataset) -> Iterator[tuple[int, list[Any], float]]:
    """Place of the first, contents, and the seconds they took to be read and decoded."""
    contents: Iterator[Any] = iter(run.texts(data)) if data.schema.modality == "text" else run.images(data)
    at, began = 0, time.monotonic()
    while batch := list(islice(contents, _BATCH)):
        yield at, batch, time.monotonic() - began
        at, began = at + len(batch), time.monotonic()


def _kept(run: LocalRun, key: str) -> tuple[Array, Array]:
    """Contents and rows that are kept under a key."""
    files = sorted(file for file in (run.folder / "rows" / key).glob("[!.]*.parquet") if not run.stale(file))
    if not files:
        return np.array([], "U32"), np.zeros((0, 1), np.float32)
    table = pa.concat_tables([pq.read_table(file) for file in files])
    return table.column("content").to_numpy(zero_copy_only=False).astype("U32"), array_of(table.column("value"))


def _keep(run: LocalRun, key: str, data: Dataset, values: Array) -> None:
    table = pa.table({"content": data.table.column("content"), "value": column_of(values)})
    with written_whole(run.folder / "rows" / key / f"{data.version}.parquet") as draft:
        pq.write_table(table, draft, use_dictionary=False)
