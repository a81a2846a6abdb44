"""Answers: what an external training command wrote of the samples it was asked about."""

from __future__ import annotations

import csv
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest_bytes
from tilth.errors import LearnerError
from tilth.signal import Array

_TABLES = (".csv", ".json", ".jsonl", ".tsv", ".parquet")


@dataclass(frozen=True)
class Items:
    """The samples in the order and under the names in which the command found them.

    rows   (n,) int, row of the dataset of each item
    names  name -> row: path below `{test}`, file name, its stem, id, text; only where it names one sample
    """

    rows: Array
    names: Mapping[str, int]


def listed(where: Path, data: Dataset) -> Items:
    """What was exported to `where`: files in order of their path, or the lines of a table in their order."""
    files = sorted(file for file in where.rglob("*") if file.is_file() and file.suffix.lower() not in _TABLES)
    paths = [file.relative_to(where).as_posix() for file in files]
    texts: list[str | None] = data.table.column("text").to_pylist()
    if len(files) == len(data):
        rows = _by_content([digest_bytes(file.read_bytes()) for file in files], data)
    else:
        # Texts in a table: originals before made ones, each in order of path.
        sources = data.table.column("path").to_pylist()
        rows = np.lexsort((data.ids, np.array(sources), data.made))
        paths = [sources[row] for row in rows]
    names: dict[str, int] = {}
    twice: set[str] = set()
    for path, row in zip(paths, rows.tolist(), strict=True):
        known = {path, PurePosixPath(path).name, PurePosixPath(path).stem, str(data.ids[row]), texts[row] or path}
        twice |= {name for name in known if names.get(name, row) != row}
        names |= dict.fromkeys(known, row)
    return Items(rows, {name: row for name, row in names.items() if name not in twice})


def _by_content(digests: Sequence[str], data: Dataset) -> Array:
    """(n,) row of each file: that of its content; copies in their order."""
    waiting: dict[str, list[int]] = {}
    for row, content in enumerate(data.table.column("content").to_pylist()):
        waiting.setdefault(content, []).append(row)
    found = [waiting.get(one, []) for one in digests]
    if not all(found):
        raise LearnerError("the exported test samples were changed by the training command")
    return np.array([rows.pop(0) if len(rows) > 1 else rows[0] for rows in found])


def read_metrics(out: Path) -> dict[str, float]:
    """The numbers of `metrics.json`; empty where there is none. Raises LearnerError where it holds anything else."""
    file = out / "metrics.json"
    if not file.exists():
        return {}
    try:
        found: Any = json.loads(file.read_text())
    except (OSError, ValueError) as fault:
        raise LearnerError(f"the training command wrote a metrics.json that is no JSON: {fault}") from fault
    plain = isinstance(found, dict) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        for value in found.values()
    )
    if not plain or not found:
        raise LearnerError('metrics.json must be names with numbers, say {"accuracy": 0.87}')
    return {str(name): float(value) for name, value in found.items()}


def read_probabilities(out: Path, data: Dataset, items: Items) -> Array | None:
    """(n, k) float32 in the order of the rows of `data`, or None where there are no predictions.

    Raises LearnerError where samples are missing, twice or unknown, or the numbers are no probabilities.
    """
    if (file := out / "predictions.csv").exists():
        return _checked(_from_csv(file, data, items), data, file.name)
    if (file := out / "predictions.npy").exists():
        values = _by_schema(_checked(_loaded(file), data, file.name), sorted(data.schema.classes), data, file.name)
        return _ordered(values, items.rows, len(data), file.name)
    if (file := out / "predictions.npz").exists():
        found = _loaded(file)
        if "probabilities" not in found:
            raise LearnerError(f"{file.name} must hold `probabilities`; found {', '.join(found) or 'nothing'}")
        rows = items.rows
        if "paths" in found:
            rows = np.array([_row(str(name), items, file.name) for name in found["paths"]])
        named = [str(name) for name in found.get("classes", sorted(data.schema.classes))]
        values = _by_schema(_checked(found["probabilities"], data, file.name), named, data, file.name)
        return _ordered(values, rows, len(data), file.name)
    return None


def _by_schema(values: Array, named: Sequence[str], data: Dataset, name: str) -> Array:
    """The columns, which stand in the order `named`, in that of the classes."""
    if sorted(named) != sorted(data.schema.classes):
        raise LearnerError(f"{name} has the classes {', '.join(named)}; asked were {', '.join(data.schema.classes)}")
    return values[:, [list(named).index(one) for one in data.schema.classes]]


def _loaded(file: Path) -> Any:
    """The array of a `.npy` file, or {name: array} of a `.npz` one."""
    try:
        found = np.load(file, allow_pickle=False)
        return {name: found[name] for name in found.files} if isinstance(found, np.lib.npyio.NpzFile) else found
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as fault:
        raise LearnerError(f"the training command wrote a {file.name} that numpy cannot read: {fault}") from fault


def _ordered(values: Array, rows: Array, n: int, name: str) -> Array:
    if len(values) != len(rows) or len(rows) != n:
        raise LearnerError(f"{name} has {len(values)} rows; {n} samples were asked")
    if len(np.unique(rows)) != n:
        raise LearnerError(f"{name} names a sample twice")
    ordered = np.empty_like(values)
    ordered[rows] = values
    return ordered


def _row(name: str, items: Items, file: str) -> int:
    if name in items.names:
        return items.names[name]
    path = PurePosixPath(name.strip())
    # An absolute path, or one below another root: its tail is tried from long to short.
    tails = ["/".join(path.parts[at:]) for at in range(len(path.parts))]
    for tail in tails:
        if tail in items.names:
            return items.names[tail]
    raise LearnerError(f"{file} speaks of {name!r}, which is not among the samples asked, or names several of them")


def _from_csv(file: Path, data: Dataset, items: Items) -> Array:
    try:
        with file.open(newline="", encoding="utf-8-sig") as source:
            lines = list(csv.DictReader(source))
    except (OSError, ValueError, csv.Error) as fault:
        raise LearnerError(f"the training command wrote a {file.name} that cannot be read: {fault}") from fault
    columns = list(lines[0]) if lines else []
    key = next((name for name in ("path", "name", "id", "file", "filename", "text") if name in columns), None)
    classes = list(data.schema.classes)
    said = next((name for name in ("prediction", "label", "class") if name in columns), None)
    whole = all(name in columns for name in classes)
    if not lines or (not whole and said is None):
        known = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
        raise LearnerError(
            f"{file.name} must have a column path, name, id or text, and a column for each class ({known}) or "
            f"`prediction`; found {', '.join(columns) or 'no line'}"
        )
    rows = items.rows if key is None else np.array([_row(line[key] or "", items, file.name) for line in lines])
    read = [_shares(line, classes) if whole else _named(line[said or ""], data, file.name) for line in lines]
    return _ordered(np.array(read, np.float32), rows, len(data), file.name)


def _shares(line: Mapping[str, str], classes: Sequence[str]) -> list[float]:
    try:
        return [float(line[name]) for name in classes]
    except (TypeError, ValueError) as fault:
        raise LearnerError(f"predictions.csv has a line that is no row of numbers: {dict(line)}") from fault


def _named(answer: str | None, data: Dataset, file: str) -> list[float]:
    """1 for the class that was said, by name or index; several, with `|` between them, where multi-label."""
    classes = data.schema.classes
    words = (answer or "").split("|") if data.schema.task == "multi-label" else [answer or ""]
    shares = [0.0] * len(classes)
    for word in (word.strip() for word in words if word.strip() or data.schema.task == "single-label"):
        if word in classes:
            shares[classes.index(word)] = 1.0
        elif word.isdecimal() and int(word) < len(classes):
            shares[int(word)] = 1.0
        else:
            raise LearnerError(f"{file} predicts {word!r}, which is not among the {len(classes)} classes")
    return shares


def _checked(values: Array, data: Dataset, name: str) -> Array:
    wanted = (len(data), len(data.schema.classes))
    if values.shape != wanted or not np.issubdtype(values.dtype, np.number):
        raise LearnerError(
            f"{name} holds {values.dtype} {values.shape}; numbers {wanted} (samples, classes) are needed"
        )
    values = values.astype(np.float32)
    if not np.isfinite(values).all() or (values < 0).any() or (values > 1 + 1e-3).any():
        raise LearnerError(f"{name} must hold probabilities from 0 to 1 (after softmax); it holds others")
    if data.schema.task == "single-label":
        sums = values.sum(1, keepdims=True)
        if (abs(sums - 1) > 0.02).any():
            raise LearnerError(f"the rows of {name} must add up to 1; one adds up to {float(sums.min()):.3f}")
        values = values / sums
    return values
