"""Rows of a table file: csv, tsv, jsonl or parquet, with what cannot be read set aside."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tilth.errors import SourceError
from tilth.steps import Aside

_HEAD_BYTES = 2**20  # enough to know the columns by
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Sheet:
    """A table: rows of values in order of `columns`; None where a value is missing.

    numbers    of the rows, from 1, for messages and names
    delimiter  of csv and tsv, else empty
    typed      whether values have types (jsonl, parquet); in csv and tsv all are texts
    """

    file: Path
    columns: tuple[str, ...]
    rows: list[list[Any]]
    numbers: list[int]
    aside: list[Aside]
    delimiter: str = ""

    @property
    def typed(self) -> bool:
        return not self.delimiter

    def values(self, column: str) -> list[Any]:
        """The values of a column."""
        at = self.columns.index(column)
        return [row[at] for row in self.rows]


def read_sheet(file: Path, *, head: bool = False) -> Sheet:
    """The table in a file, or (`head`) its first rows. Raises SourceError where it is none."""
    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            return _parquet(file, head)
        with file.open("rb") as stream:
            content = stream.read(_HEAD_BYTES if head else -1)
    except OSError as fault:
        raise SourceError(f"{file} cannot be read: {fault.strerror or fault}") from fault
    if head and len(content) == _HEAD_BYTES:
        content = content[: content.rfind(b"\n") + 1] or content
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:1000].count(0) > 200:
        raise SourceError(f"{file} is not UTF-8 text (it looks like UTF-16). Save it again as UTF-8.")
    return _lines(file, content) if suffix in (".jsonl", ".ndjson") else _delimited(file, content, head)


def count_rows(file: Path) -> int:
    """About how many rows a table has; cheap."""
    if file.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(file).num_rows)
    with file.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(2**20), b""))


# -- csv and tsv --------------------------------------------------------------------------------------------


def _delimited(file: Path, content: bytes, head: bool) -> Sheet:
    # Bytes that are not UTF-8 travel as lone surrogates, so that only their own rows are set aside.
    text = content.decode("utf-8-sig", "surrogateescape")
    with _any_length():
        delimiter = "\t" if file.suffix.lower() == ".tsv" else _sniff(text)
        rows = _parsed(file, text, delimiter, whole=not head)
    if not rows:
        raise SourceError(f"{file} is empty: it has no header line and no rows")
    header = tuple(name.strip() for name in rows[0])
    sheet = Sheet(file, header, [], [], [], delimiter)
    for number, row in enumerate(rows[1:], 1):
        if len(row) == len(header):
            sheet.rows.append(list(row))
            sheet.numbers.append(number)
        else:
            why = f"the row has {len(row)} values, and the header {len(header)}"
            sheet.aside.append(Aside(f"{file.name}:{number}", why))
    return sheet


def _parsed(file: Path, text: str, delimiter: str, *, whole: bool) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=whole) if row]
    except csv.Error as fault:
        if "unexpected end" in str(fault):
            raise SourceError(
                f'{file} ends within a quoted value: a " was opened and never closed. Mend the file; double every " '
                "that belongs to a text."
            ) from fault
        return _parsed(file, text, delimiter, whole=False)  # a stray quote within a value is read as it stands


@contextmanager
def _any_length() -> Iterator[None]:
    """A long text is no error."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _sniff(text: str) -> str:
    """The delimiter that gives the first rows the same number of values, and most of them."""
    start = "".join(line for _, line in zip(range(20), io.StringIO(text, newline=""), strict=False))
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in csv.reader(io.StringIO(start, newline=""), delimiter=delimiter) if row]
        alike = sum(width == widths[0] for width in widths) / max(len(widths), 1)
        if widths and widths[0] > most and alike > 0.6:
            best, most = delimiter, widths[0]
    return best


# -- jsonl and parquet --------------------------------------------------------------------------------------


def _lines(file: Path, content: bytes) -> Sheet:
    found: list[tuple[int, dict[str, Any]]] = []
    aside: list[Aside] = []
    lines = [line for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    for number, line in enumerate(lines, 1):
        row, why = _object(line)
        if row is None:
            aside.append(Aside(f"{file.name}:{number}", why))
        else:
            found.append((number, row))
    if not found:
        raise SourceError(f"{file} holds no rows: no line of {len(lines)} is a JSON object" + _first(aside))
    columns = tuple(dict.fromkeys(key for _, row in found for key in row))
    return Sheet(file, columns, [[row.get(c) for c in columns] for _, row in found], [n for n, _ in found], aside)


def _object(line: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError:
        return None, "not UTF-8 text"
    except (ValueError, RecursionError) as fault:
        return None, f"not JSON ({fault})"
    return (row, "") if isinstance(row, dict) else (None, "not a JSON object")


def _first(aside: list[Aside]) -> str:
    return f" (the first: {aside[0].why})" if aside else ""


def _parquet(file: Path, head: bool) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as parquet:
            batches = parquet.iter_batches(1000) if head else [parquet.read()]
            table = next(iter(batches), None)
            names = parquet.schema_arrow.names
    except pa.ArrowException as fault:
        raise SourceError(f"{file} is no parquet file that can be read: {str(fault).splitlines()[0]}") from fault
    columns = [_plain(table.column(at)) for at in range(len(names))] if table is not None else []
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Sheet(file, tuple(names), rows, list(range(1, len(rows) + 1)), [])


def _plain(column: Any) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_map(column.type):
        return [None if value is None else dict(value) for value in column.to_pylist()]
    if pa.types.is_struct(column.type):
        return [
            None if value is None else {k: v for k, v in value.items() if v is not None} for value in column.to_pylist()
        ]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in _raw(column)]
    return column.to_pylist()


def _raw(column: Any) -> Iterable[bytes | None]:
    import pyarrow as pa

    return column.cast(pa.large_binary()).to_pylist()


# -- writing ------------------------------------------------------------------------------------------------


def write_sheet(file: Path, columns: list[str], rows: Iterator[list[Any]], *, delimiter: str) -> None:
    """Rows as a csv, tsv, jsonl or parquet file, by the ending; lists and shares become JSON in csv and tsv."""
    suffix = file.suffix.lower().removesuffix(".partial")
    if suffix == ".parquet":
        _write_parquet(file, columns, list(rows))
        return
    with file.open("w", encoding="utf-8", newline="") as sink:
        if suffix in (".jsonl", ".ndjson"):
            for row in rows:
                sink.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")
        else:
            _write_delimited(sink, columns, rows, "\t" if suffix == ".tsv" else delimiter or ",")


def _write_delimited(sink: IO[str], columns: list[str], rows: Iterator[list[Any]], delimiter: str) -> None:
    plain = csv.writer(sink, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(sink, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(columns)
    for row in rows:
        cells = [_cell(value) for value in row]
        # A lone carriage return ends a line for readers, and the writer leaves it bare.
        (quoted if any("\r" in cell for cell in cells if isinstance(cell, str)) else plain).writerow(cells)


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _write_parquet(file: Path, columns: list[str], rows: list[list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: _array([row[at] for row in rows]) for at, name in enumerate(columns)})
    pq.write_table(table, os.fspath(file))


def _array(values: list[Any]) -> Any:
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds == {dict} and all(isinstance(share, float) for value in values for share in (value or {}).values()):
        entries = [None if value is None else list(value.items()) for value in values]
        return pa.array(entries, pa.map_(pa.string(), pa.float64()))
    if len(kinds) > 1 and kinds != {int, float}:
        values = [
            value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
            for value in values
        ]
    return pa.array(values, pa.string()) if not kinds else pa.array(values)
