"""Tables: csv, tsv, jsonl or parquet with a path or text column, labels and maybe a split; one file, or one a split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.dataset import Dataset, Schema
from tilth.errors import ContentError, SourceError
from tilth.formats import splits
from tilth.formats.cells import is_several, kind_of_labels, separator_of, told_by, told_by_columns
from tilth.formats.columns import Columns, find
from tilth.formats.intake import Entry, checked, reading
from tilth.formats.labels import Told, classes_of, task_of
from tilth.formats.listing import TABLES, look, shown
from tilth.formats.sheet import Sheet, count_rows, read_sheet
from tilth.formats.tabulate import write_table
from tilth.sample import TRAIN
from tilth.steps import Aside, Reading

MOST_CARRIED = 32 * 2**20
"""Characters of other columns that are carried along, so that an export has them again."""


@dataclass(frozen=True)
class Table:
    """A table of texts, or of paths of pictures, with their labels."""

    modality = ("image", "text")

    def sees(self, where: Path) -> str | None:
        """`a table (.csv)` or `tables ...`, or None."""
        if where.is_file():
            return f"a table ({where.suffix.lower()})" if where.suffix.lower() in TABLES else None
        if not where.is_dir() or not _names(where):
            return None
        try:
            files = _files(where)
            find(read_sheet(files[0], head=True), {}, where.resolve())
        except SourceError:
            # A folder with nothing else in it is meant as tables: reading it says what is wrong.
            return None if look(where, where.resolve()).folders else f"tables ({', '.join(_names(where)[:5])})"
        return f"tables ({', '.join(file.name for file in files)})"

    def count(self, where: Path) -> int:
        """About how many rows there are to read."""
        return sum(count_rows(file) for file in _files(where))

    def read(self, where: Path, options: Mapping[str, Any], advance: Callable[[int], None]) -> Reading:
        """All rows with a label and a text, or a picture below the folder of the table.

        Raises SourceError, with the columns and how to name them, where one is missing or unclear.
        """
        root = (where if where.is_dir() else where.parent).resolve()
        sheets = [read_sheet(file) for file in _files(where)]
        columns = find(sheets[0], options, root)
        for sheet in sheets[1:]:
            _check_same(sheet, sheets[0], columns)
        tables = splits.assign([s.file.stem for s in sheets], options, within=True) if len(sheets) > 1 else {}
        names = _split_values(sheets, columns, {} if tables else options)
        labels = _Labels.of(sheets, columns, options)
        rows = _Rows([], [aside for sheet in sheets for aside in sheet.aside], [], [])
        for sheet in sheets:
            _take(sheet, columns, labels, tables.get(sheet.file.stem, TRAIN), names, root, rows)
        task = task_of(options, several=labels.several or any(_count(e.told) != 1 for e in rows.entries))
        told = [entry.told for entry in rows.entries]
        classes = classes_of(told, {"classes": columns.label if len(columns.label) > 1 else None, **_given(options)})
        facts = _facts(sheets, columns, labels, tables, names, rows, root)
        return reading(
            where, rows.entries, Schema("image" if columns.path else "text", task, classes), advance,
            aside=rows.aside, layout=_in_words(sheets, columns, labels, tables, names, rows, task),
            format="table", facts=facts,
        )  # fmt: skip

    def write(
        self, data: Dataset, where: Path, contents: Callable[[Dataset], Iterator[bytes]], facts: Mapping[str, Any]
    ) -> None:
        """The same columns, names and kind of file; pictures beside it under their relative paths.

        `where` is a folder, or (texts) a file that ends as a table does. Raises ExportError where it cannot be written.
        """
        write_table(data, where, contents, facts)


# -- which files --------------------------------------------------------------------------------------------


def _names(where: Path) -> list[str]:
    return [name for name in look(where, where.resolve()).files if Path(name).suffix.lower() in TABLES]


def _files(where: Path) -> list[Path]:
    """The table, or those that are named after splits. Raises SourceError where it is unclear which are meant."""
    if where.is_file():
        return [where]
    names = _names(where) if where.is_dir() else []
    named = [name for name in names if splits.role_within(Path(name).stem)] if len(names) > 1 else names
    stems = [Path(name).stem for name in named]
    if not named or len(set(stems)) < len(stems):
        raise SourceError(
            f"{where} holds {len(names)} tables ({', '.join(names[:8])}), and it is unclear which is meant. "
            "Hand in one of them, or name them after splits (train, val, test)."
        )
    return [where / name for name in named]


def _check_same(sheet: Sheet, first: Sheet, columns: Columns) -> None:
    needed = [name for name in (*columns.label, columns.text, columns.path, columns.split) if name]
    if absent := [name for name in needed if name not in sheet.columns]:
        raise SourceError(
            f"{sheet.file} has no column {absent[0]!r}, which {first.file.name} has.\n"
            f"  Its columns are: {', '.join(sheet.columns)}"
        )


# -- rows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Labels:
    """How the labels are spelled."""

    separator: str
    several: bool
    kind: str

    @classmethod
    def of(cls, sheets: Sequence[Sheet], columns: Columns, options: Mapping[str, Any]) -> _Labels:
        if len(columns.label) > 1:
            return cls("", False, "int")
        values = [value for sheet in sheets for value in sheet.values(next(iter(columns.label)))]
        separator = separator_of(values) if options.get("task") != "single-label" else ""
        return cls(separator, bool(separator) or any(map(is_several, values)), kind_of_labels(values))


@dataclass(frozen=True)
class _Rows:
    """Entries, what was set aside, and for each entry its sheet and its values."""

    entries: list[Entry]
    aside: list[Aside]
    sheets: list[Sheet]
    values: list[list[Any]]


def _split_values(sheets: Sequence[Sheet], columns: Columns, options: Mapping[str, Any]) -> dict[str, str]:
    if not columns.split:
        return {}
    values = {
        str(value).strip() for sheet in sheets for value in sheet.values(columns.split) if value not in (None, "")
    }
    return splits.assign([value for value in values if value and shown_safely(value)], options)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def shown_safely(value: str) -> bool:
    """Whether a value is text that can be stored."""
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _take(
    sheet: Sheet, columns: Columns, labels: _Labels, split: str, names: Mapping[str, str], root: Path, rows: _Rows
) -> None:
    content = sheet.columns.index(columns.path or str(columns.text))
    at = [sheet.columns.index(name) for name in columns.label]
    split_at = sheet.columns.index(columns.split) if columns.split else None
    id_at = sheet.columns.index(columns.id) if columns.id in sheet.columns and columns.id else None
    for number, row in zip(sheet.numbers, sheet.rows, strict=True):
        try:
            told = _told([row[i] for i in at], columns, labels)
            mine = split if split_at is None else names.get(str(row[split_at] or "").strip(), "")
            if not mine:
                raise ContentError(f"it has no value in the column {columns.split!r}")
            if columns.path:
                path, file = _located(row[content], root, columns.base)
            else:
                file = _text(row[content])
                path = f"{sheet.file.stem}:{number if id_at is None else str(row[id_at]).strip()}"
                checked(path)
        except ContentError as fault:
            rows.aside.append(Aside(f"{sheet.file.name}:{number}", str(fault)))
            continue
        rows.entries.append(Entry(path, file, told, mine))
        rows.sheets.append(sheet)
        rows.values.append(row)


def _told(values: list[Any], columns: Columns, labels: _Labels) -> Told:
    if len(columns.label) > 1:
        return told_by_columns(values, columns.label)
    return told_by(next(iter(values)), labels.separator)


def _text(value: Any) -> str:
    if value is None:
        raise ContentError("the text is empty")
    if not isinstance(value, str):
        raise ContentError(f"its text is a {type(value).__name__}")
    return checked(value)


def _located(value: Any, root: Path, base: str) -> tuple[str, Path]:
    """The path relative to the root, and the file. Raises ContentError where it leads out, or nowhere."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ContentError("it has no path")
    name = value.strip()
    file = Path(os.path.normpath(root / base / name))
    if "\\" in name and not file.exists():
        file = Path(os.path.normpath(root / base / name.replace("\\", "/")))
    if not file.is_relative_to(root) or file == root:
        raise ContentError(f"its path {shown(name)!r} leads out of the source")
    path = file.relative_to(root).as_posix()
    checked(path)
    try:
        real = file.resolve()
        there = file.exists()
    except OSError as fault:
        raise ContentError(f"its path {name[:80]!r} cannot be followed: {fault.strerror}") from fault
    if not real.is_relative_to(root):
        raise ContentError(f"{path} is a link out of the source")
    if not there:
        raise ContentError(f"there is no file {path}")
    return path, file


# -- what is said and kept ----------------------------------------------------------------------------------


def _count(told: Told) -> int:
    return 1 if not isinstance(told, tuple) else len(told)


def _in_words(
    sheets: Sequence[Sheet], columns: Columns, labels: _Labels, tables: Mapping[str, str], names: Mapping[str, str],
    rows: _Rows, task: str,
) -> str:  # fmt: skip
    words = "tables " + splits.in_words(tables) if tables else f"the table {sheets[0].file.name}"
    words += f": {columns.in_words()}; {len(rows.entries):,} rows, {task}"
    if labels.separator:
        words += f", several labels separated by {labels.separator!r}"
    if names:
        words += f", splits {splits.in_words(names)}"
    return words


def _facts(
    sheets: Sequence[Sheet], columns: Columns, labels: _Labels, tables: Mapping[str, str], names: Mapping[str, str],
    rows: _Rows, root: Path,
) -> dict[str, Any]:  # fmt: skip
    first = sheets[0]
    used = {columns.path, columns.text, columns.split, *columns.label}
    if columns.text:
        used.add(columns.id)
    others = [name for name in first.columns if name not in used]
    size = sum(len(str(value)) for row in rows.values for value in row) if others else 0
    carried = {name: _plain(rows, name) for name in others} if size <= MOST_CARRIED else {}
    return {
        "layout": "table", "table_suffix": first.file.suffix, "delimiter": first.delimiter, "typed": first.typed,
        "columns": [name for name in first.columns if name in used or name in carried],
        "tables": dict(tables) or {first.file.stem: ""}, "splits": dict(names),
        "label": list(columns.label), "text": columns.text, "path": columns.path, "split": columns.split,
        "id": columns.id if columns.text else None, "base": columns.base,
        "label_kind": labels.kind, "separator": labels.separator,
        "order": _order(rows.entries), "others": carried, "root": str(root),
    }  # fmt: skip


def _order(entries: Sequence[Entry]) -> list[str]:
    """The paths of the samples in order of the rows: one that comes again has `./` before it, as in the samples."""
    often: Counter[str] = Counter()
    order = []
    for entry in entries:
        order.append("./" * often[entry.path] + entry.path)
        often[entry.path] += 1
    return order


def _plain(rows: _Rows, name: str) -> list[Any]:
    values = []
    for sheet, row in zip(rows.sheets, rows.values, strict=True):
        value = row[sheet.columns.index(name)] if name in sheet.columns else None
        plain = value is None or isinstance(value, (str, int, float, bool, list, dict))
        values.append((shown(value) if isinstance(value, str) else value) if plain else str(value))
    return values
