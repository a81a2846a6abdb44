"""Versions written out: in which layout, where, and what lies there from an earlier run."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import ExportError, did_you_mean
from tilth.run.local import LocalRun
from tilth.run.plugins import known_steps, make_step
from tilth.store.shelf import Store

_ALSO = {"animals": "onehot", "paper4": "onehot", "csv": "table"}
_RECORD = "exports"
_ENDINGS = (".zip", ".tar", ".csv", ".tsv", ".jsonl", ".parquet")


def write(run: LocalRun, data: Dataset, where: Path, *, layout: str | None, name: str | None) -> Path:
    """Write a dataset in the layout of its source, or in another by its name."""
    use, facts = _layout(run, layout)
    make_step(use).write(data, where, run.contents, {**facts, **({"name": name} if name else {})})
    return where


def check(run: LocalRun, data: Dataset, where: Path, *, layout: str | None, name: str | None = None) -> None:
    """Raises ExportError where data like these could not be written there in this layout: told before the work.

    A few samples, one of each kind of label, are written on trial, elsewhere.
    """
    _layout(run, layout)
    if taken(where):
        raise ExportError(f"{where} is there already and is not empty. Choose another (--out), or move it away.")
    parent = where.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise ExportError(f"{where} cannot be written: {parent} refuses. Choose another folder (--out).")
    with tempfile.TemporaryDirectory(prefix="tilth-") as folder:
        write(run, _few(data), Path(folder) / where.name, layout=layout, name=name)


def taken(where: Path) -> bool:
    """Whether something lies there that an export must not touch."""
    return where.exists() and (not where.is_dir() or any(where.iterdir()))


def suffix_of(run: LocalRun, layout: str | None) -> str:
    """How the name of what is written ends: an archive is a file."""
    return ".zip" if _layout(run, layout)[0] == "formats.archive" else ""


def _layout(run: LocalRun, layout: str | None) -> tuple[str, Mapping[str, Any]]:
    """The format of this name, and the facts of the source where it is the source's own."""
    if layout is None:
        return run.source_format, run.facts
    known = {one.removeprefix("formats."): one for one, step in known_steps().items() if step.role == "formats"}
    short = layout.removeprefix("formats.")
    use = known.get(_ALSO.get(short, short))
    if use is None:
        there = sorted({*known, *_ALSO})
        raise ExportError(f"there is no layout {layout!r}{did_you_mean(layout, there)}\n  There is {', '.join(there)}.")
    return use, run.facts if use == run.source_format else {}


def _few(data: Dataset) -> Dataset:
    """A sample of each number of classes, and one whose label is shares."""
    sizes = (data.targets > 0).sum(axis=1)
    soft = ~np.isin(data.targets, (0, 1)).all(axis=1)
    _, rows = np.unique(np.where(soft, -1, sizes), return_index=True)
    return data.where(np.isin(np.arange(len(data)), rows))


# -- what an earlier run wrote --------------------------------------------------------------------------------


def remember(store: Store, where: Path, data: Dataset, layout: str | None, name: str | None) -> None:
    """Put on record what lies there now."""
    record = {**store.ledger.fact(_RECORD, {}), _key(store, where): [data.version, layout, name, _found(where)]}
    with suppress(sqlite3.OperationalError):  # out of a workspace that cannot be written: then it is not on record
        store.ledger.set_fact(_RECORD, record)


def ours(store: Store, where: Path) -> bool:
    """Whether an export of this workspace wrote there."""
    return _key(store, where) in store.ledger.fact(_RECORD, {})


def there(store: Store, where: Path, data: Dataset, layout: str | None, name: str | None) -> bool:
    """Whether just this lies there already, as it was written."""
    known = store.ledger.fact(_RECORD, {}).get(_key(store, where))
    return bool(known) and taken(where) and known == [data.version, layout, name, _found(where)]


def place(store: Store, where: Path, data: Dataset, layout: str | None) -> Path:
    """The place itself, or `photos-improved-2` beside it and so on: the first where this lies already, or nothing."""
    ending = where.suffix if where.suffix.lower() in _ENDINGS else ""  # photos.v1-improved is a folder
    plain = where.name.removesuffix(ending)
    beside = (where.with_name(f"{plain}-{number}{ending}") for number in count(2))
    return next(one for one in chain([where], beside) if not taken(one) or there(store, one, data, layout, None))


def _key(store: Store, where: Path) -> str:
    return os.path.relpath(where, store.folder)  # a workspace may be moved, with what lies beside it


def _found(where: Path) -> str:
    """Digest of names and sizes: enough to see that somebody changed something."""
    files = sorted(one for one in where.rglob("*") if one.is_file()) if where.is_dir() else [where]
    return digest([[one.relative_to(where).as_posix(), one.stat().st_size] for one in files])
