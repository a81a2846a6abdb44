"""Writing a table: the columns of the source, its rows in their order, made ones behind, pictures beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tilth.dataset import Dataset
from tilth.errors import ExportError
from tilth.formats import splits
from tilth.formats.cells import cell_of
from tilth.formats.labels import hard_instead, told_of
from tilth.formats.listing import TABLES
from tilth.formats.naming import fitted, place, safe
from tilth.formats.sheet import write_sheet
from tilth.formats.staging import staged_file, staged_folder
from tilth.sample import TRAIN, Sample

_LINEAGE = ("maker", "parents")
_WEIGHT = ("weight", "tilth_weight")
"""What a column of weights is called; the second where the source has a column of the first name."""


@dataclass(frozen=True)
class _Plan:
    """What goes where.

    columns  names, in order
    weight   name of the column of weights; empty where every sample weighs the same
    table    {sample id: stem of its table}
    files    {sample id: relative path}, empty for texts
    suffix   of the tables
    """

    columns: list[str]
    weight: str
    table: Mapping[str, str]
    files: Mapping[str, str]
    suffix: str
    facts: Mapping[str, Any]


def write_table(
    data: Dataset, where: Path, contents: Callable[[Dataset], Iterator[bytes]], facts: Mapping[str, Any]
) -> None:
    """Write a dataset as one table, or as one for each split where the source had that.

    Raises ExportError where pictures are asked for in a lone file, or `where` cannot be written.
    """
    alone = where.suffix.lower() in TABLES and not where.is_dir()
    plan = _planned(data, facts, where.suffix if alone else None)
    places = _places(facts)
    samples = sorted(data, key=lambda s: (places.get(s.path, len(places)), bool(s.maker), s.path, s.id))
    if not alone:
        with staged_folder(where) as stage:
            texts = _write_contents(data, contents, stage, plan)
            for stem in dict.fromkeys([*_stems(facts), *plan.table.values()]):
                mine = [sample for sample in samples if plan.table[sample.id] == stem]
                _write(stage / f"{safe(stem)}{plan.suffix}", mine, data, texts, plan)
        return
    if data.schema.modality == "image":
        raise ExportError(f"{where} is one file, and pictures need a folder beside the table. Name a folder.")
    with staged_file(where) as stage:
        named = stage.with_suffix(f".partial{where.suffix}")
        try:
            _write(named, samples, data, _write_contents(data, contents, stage, plan), plan)
            named.replace(stage)
        finally:
            named.unlink(missing_ok=True)


def _planned(data: Dataset, facts: Mapping[str, Any], suffix: str | None) -> _Plan:
    content = "path" if data.schema.modality == "image" else "text"
    tables: Mapping[str, str] = facts.get("tables") or {}
    by_split = len(tables) > 1 and suffix is None
    columns: list[str] = list(facts.get("columns") or (content, "label"))
    if not by_split and not facts.get("split") and set(data.splits.tolist()) - {TRAIN}:
        columns.append("split")
    if facts.get("lineage"):
        columns += [name for name in _LINEAGE if name not in columns]
    weight = next((name for name in _WEIGHT if name not in columns), "") if _uneven(data) else ""
    columns += [weight] if weight else []
    stem = next(iter(tables), "data")
    table = {sample.id: _table(sample, tables) if by_split else stem for sample in data}
    soft = data.table.column("shares").null_count < len(data)
    default = ".jsonl" if soft or data.schema.task == "multi-label" else ".csv"
    files = _files(data, facts) if content == "path" else {}
    return _Plan(columns, weight, table, files, suffix or facts.get("table_suffix") or default, facts)


def _uneven(data: Dataset) -> bool:
    return bool((data.table.column("weight").to_numpy() != 1).any())


def _stems(facts: Mapping[str, Any]) -> list[str]:
    tables: Mapping[str, str] = facts.get("tables") or {}
    return list(tables) if len(tables) > 1 else []


def _table(sample: Sample, tables: Mapping[str, str]) -> str:
    """The table a row came from where it is still in that split, else the first of its split."""
    head = sample.path.split(":")[0]
    if not sample.maker and tables.get(head) == sample.split:
        return head
    return splits.as_found(tables, sample.split, sample.split)


def _files(data: Dataset, facts: Mapping[str, Any]) -> dict[str, str]:
    """Where the pictures go: originals of a table where they were, others into the folder that most of them are in."""
    ours = facts.get("layout") == "table"
    kept = {s.id: _folder(s) for s in data if ours and not s.maker and s.home == "source"}
    common = Counter(kept.values()).most_common(1)
    default = common[0][0] if common else facts.get("base") or "images"
    first: dict[tuple[str, str], str] = {}
    for sample in data:  # a file that is listed twice is written once
        first.setdefault(_file_key(sample, kept), sample.id)
    names = place(data.only(first.values()), lambda s: kept.get(s.id, default), facts.get("suffix", ""))
    return {sample.id: names[first[_file_key(sample, kept)]] for sample in data}


def _file_key(sample: Sample, kept: Mapping[str, str]) -> tuple[str, str]:
    return (str(PurePosixPath(sample.path)), sample.content) if sample.id in kept else ("", sample.id)


def _folder(sample: Sample) -> str:
    return "/".join(part for part in PurePosixPath(sample.path).parent.parts if part not in ("/", ".."))


def _places(facts: Mapping[str, Any]) -> dict[str, int]:
    """{path: row in the source}."""
    order: list[str] = facts.get("order") or []
    return {path: number for number, path in enumerate(order)}


def _place(sample: Sample, places: Mapping[str, int]) -> int | None:
    """The row of the source that a sample was, or None for one that came from elsewhere."""
    ours = not sample.maker and sample.home in ("source", "text")
    return places.get(sample.path) if ours else None


def _write_contents(
    data: Dataset, contents: Callable[[Dataset], Iterator[bytes]], stage: Path, plan: _Plan
) -> dict[str, str]:
    """The texts by id; pictures are written on the way."""
    texts: dict[str, str] = {}
    for sample, content in zip(data, contents(data), strict=True):
        if not plan.files:
            texts[sample.id] = content.decode()
            continue
        file = stage / plan.files[sample.id]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(fitted(content, sample, file.name))
    return texts


def _write(file: Path, samples: list[Sample], data: Dataset, texts: Mapping[str, str], plan: _Plan) -> None:
    places = _places(plan.facts)
    rows = (_row(sample, data, texts, plan, places) for sample in samples)
    write_sheet(file, plan.columns, rows, delimiter=plan.facts.get("delimiter") or ",")


def _row(sample: Sample, data: Dataset, texts: Mapping[str, str], plan: _Plan, places: Mapping[str, int]) -> list[Any]:
    facts = plan.facts
    told = told_of(sample.label, data.schema.classes)
    at = _place(sample, places)
    values: dict[str, Any] = {
        name: column[at] for name, column in (facts.get("others") or {}).items() if at is not None
    }
    labels: list[str] = facts.get("label") or ["label"]
    if len(labels) > 1:
        if isinstance(told, dict):
            raise ExportError(
                f"{sample.path} has a soft label, which columns of 0s and 1s cannot hold. Give the source one column of "
                f"labels, or give the sample whole classes.{hard_instead(sample)}"
            )
        chosen = (told,) if isinstance(told, str) else told or ()
        values |= {name: int(name in chosen) for name in labels}
    else:
        kind, separator = facts.get("label_kind", "str"), facts.get("separator", "")
        values[labels[0]] = cell_of(told, kind=kind, separator=separator)
    if plan.files:
        base = facts.get("base") or ""
        values[facts.get("path") or "path"] = plan.files[sample.id].removeprefix(f"{base}/" if base else "")
    else:
        values[facts.get("text") or "text"] = texts[sample.id]
    if facts.get("id"):
        values[facts["id"]] = sample.id if sample.maker else sample.path.partition(":")[2]
    values[facts.get("split") or "split"] = splits.as_found(facts.get("splits") or {}, sample.split, sample.split)
    values |= {"maker": sample.maker, "parents": " ".join(sample.parents)} if facts.get("lineage") else {}
    values |= {plan.weight: sample.weight} if plan.weight else {}
    return [values.get(name) for name in plan.columns]
