"""The door: a source on disk becomes the base version, with its roots, its seal and what was set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tilth.dataset import Dataset, Schema
from tilth.errors import SourceError
from tilth.run.plugins import make_step
from tilth.run.voice import Voice, advancing
from tilth.sample import TEST, TRAIN, VALID, raw_id
from tilth.signal import Array
from tilth.steps import Aside, Reading

# Below this many train samples a sealed fifth is too small to show anything, and its loss is felt.
LEAST_FOR_HOLDOUT = 50


@dataclass(frozen=True)
class Entrance:
    """What came in.

    roots     home -> folder of raw files
    held_out  whether the test split was drawn from train by us; an export puts it back
    """

    data: Dataset
    aside: tuple[Aside, ...]
    layout: str
    format: str
    facts: Mapping[str, Any]
    roots: Mapping[str, Path]
    held_out: bool


def enter(
    source: Path,
    *,
    unpack_to: Path,
    options: Mapping[str, Any],
    valid: str | None,
    test: str | None,
    holdout: float,
    rng: np.random.Generator,
    voice: Voice,
) -> Entrance:
    """Read a source.

    valid, test  a split as the source names it, or the path of another source that holds nothing else
    holdout      share (0..1) of train to seal where there is no test split; 0: none
    """
    splits, others = _assigned(source, valid=valid, test=test)
    reading, root = _read(source, {**options, "splits": splits}, unpack_to / "source", voice)
    data, aside, roots = reading.data, list(reading.aside), {"source": root}
    for number, (split, path) in enumerate(others.items(), 2):
        home = f"source-{number}"
        extra, root = _read(path, options, unpack_to / home, voice)
        data = _joined(data, extra, split, home)
        aside += [Aside(f"{path.name}/{one.path}", one.why) for one in extra.aside]
        roots[home] = root
    for asked, split in ((valid, VALID), (test, TEST)):
        if asked and not len(data.split(split)):
            raise SourceError(
                f"--{split} {asked}: no sample went there.\n  The splits found: {', '.join(sorted(set(data.splits.tolist())))}"
            )
    held_out = not len(data.split(TEST)) and holdout > 0 and len(data.train) >= LEAST_FOR_HOLDOUT
    if held_out:
        data = _sealed(data, holdout, rng)
    return Entrance(data, tuple(aside), reading.layout, reading.format, reading.facts, roots, held_out)


def _assigned(source: Path, *, valid: str | None, test: str | None) -> tuple[dict[str, str], dict[str, Path]]:
    """Names of splits -> roles, and splits that come from another path."""
    names: dict[str, str] = {}
    paths: dict[str, Path] = {}
    for given, split in ((valid, VALID), (test, TEST)):
        if not given:
            continue
        elsewhere = Path(given)
        if elsewhere.exists() and (elsewhere.is_absolute() or not (source / given).exists()):
            paths[split] = elsewhere
        else:
            names[given] = split
    # A split that was validation by its name makes room for the one that was asked for: its pictures are for training.
    if VALID in {**names, **paths}.values() or VALID in paths:
        for usual in ("val", "valid", "validation"):
            names.setdefault(usual, TRAIN)
    return names, paths


def _read(source: Path, options: Mapping[str, Any], unpack_to: Path, voice: Voice) -> tuple[Reading, Path]:
    from tilth.formats.detect import detect

    if not source.exists():
        raise SourceError(
            f"there is nothing at {source}. Give a folder, a table (csv, tsv, jsonl, parquet), a zip or a tar."
        )
    name, seen = detect(source)
    voice.log(f"Reading {source}: {seen}")
    reader = make_step(name)
    total = reader.count(source) if hasattr(reader, "count") else 0
    with advancing(voice, "reading", total) as advance:
        reading = reader.read(source, {**options, "unpack_to": unpack_to}, advance)
    root = Path(reading.facts.get("root", source if source.is_dir() else source.parent))
    return reading, root


def _joined(data: Dataset, extra: Reading, split: str, home: str) -> Dataset:
    """The data and another source's samples, all of them in this split and from this home."""
    ours, theirs = data.schema, extra.data.schema
    if set(theirs.classes) - set(ours.classes) or theirs.modality != ours.modality or theirs.task != ours.task:
        raise SourceError(
            f"the source for {split} does not fit: it holds {theirs.task} {theirs.modality}s of the classes "
            f"{', '.join(theirs.classes)}; the main source {ours.task} {ours.modality}s of {', '.join(ours.classes)}"
        )
    samples = [
        replace(
            sample,
            split=split,
            home=home if sample.home != "text" else "text",
            id=raw_id(sample.content, f"{home}/{sample.path}"),
            label=_translated(sample.label, theirs, ours),
        )
        for sample in extra.data
    ]
    return Dataset.from_samples([*data, *samples], ours)


def _translated(label: Any, theirs: Schema, ours: Schema) -> Any:
    to = {index: ours.classes.index(name) for index, name in enumerate(theirs.classes)}
    if label is None:
        return None
    if isinstance(label, int):
        return to[label]
    if isinstance(label, frozenset):
        return frozenset(to[index] for index in label)
    return tuple(sorted((to[index], share) for index, share in label))


def _sealed(data: Dataset, share: float, rng: np.random.Generator) -> Dataset:
    """The data with a share of train moved to test, class by class; copies of one content stay on one side."""
    train = np.flatnonzero(data.splits == TRAIN)
    content = data.table.column("content").to_numpy(zero_copy_only=False)
    chosen = np.zeros(len(data), bool)
    for label in np.unique(data.labels[train]):
        rows = train[data.labels[train] == label]
        groups = np.unique(content[rows].astype(str))
        chosen |= np.isin(content.astype(str), rng.permutation(groups)[: int(len(groups) * share)]) & _among(
            len(data), train
        )
    splits = np.where(chosen, TEST, data.splits)
    at = data.table.schema.get_field_index("split")
    table = data.table.set_column(at, data.table.schema.field("split"), pa.array(splits.tolist(), pa.string()))
    return replace(data, table=table, _trusted=True)


def _among(n: int, rows: Array) -> Array:
    mask = np.zeros(n, bool)
    mask[rows] = True
    return mask


def put_back(data: Dataset) -> Dataset:
    """The data with what was held out from train by us in train again: for an export."""
    splits = np.where(data.splits == TEST, TRAIN, data.splits)
    at = data.table.schema.get_field_index("split")
    table = data.table.set_column(at, data.table.schema.field("split"), pa.array(splits.tolist(), pa.string()))
    return replace(data, table=table, _trusted=True)
