"""UNIPEN files: components of pen-down and pen-up points, and segments that say what they write.

Source: Guyon et al. 1994, the UNIPEN 1.0 definition. Components are counted from 0, pen-down and pen-up alike; a segment
names them as `0-2`, `0,4` or, cut at points, `0:12-1:5`. y points up there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tilth.errors import SourceError
from tilth.signal import Array
from tilth.synthesize.pens.written import Written, text_of

_KEYWORD = re.compile(r"^\s*\.([A-Z_]+)(?:\s+(.*))?$")
_SEGMENT = re.compile(r'^(\S+)\s+(\S+)(?:\s+([^\s"]+))?(?:\s+"((?:[^"\\]|\\.)*)")?\s*$')
_PLACE = re.compile(r"^(\d+)(?::(\d+))?$")
_DEEPEST = 16  # files that include each other


@dataclass
class _Session:
    """What has been read so far.

    parts  components: whether the pen was down, and the points (n, 2)
    """

    columns: list[str] = field(default_factory=lambda: ["X", "Y"])
    per_inch: dict[str, float] = field(default_factory=dict[str, float])
    writer: str = ""
    parts: list[tuple[bool, Array]] = field(default_factory=list[tuple[bool, Array]])
    segments: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


def read_unipen(file: Path) -> list[Written]:
    """The segments of a UNIPEN file that have a label and ink. Files that it includes are looked for beside it, and in a
    folder `include` of it or of those above.

    Raises SourceError, with file and line.
    """
    session = _Session()
    _read(file, session, 0)
    found: list[Written] = []
    for places, label, where in session.segments:
        lines = _cut(session, places, where)
        if label and lines:
            found.append(Written(label, lines, session.writer, where))
    return found


def _read(file: Path, session: _Session, depth: int) -> None:
    if depth > _DEEPEST:
        raise SourceError(f"{file} is included by itself, or by {_DEEPEST} files one in another")
    for keyword, words, body, number in _entries(file):
        where = f"{file}:{number}"
        if keyword == "COORD":
            session.columns = words.upper().split()
            if not {"X", "Y"} <= set(session.columns):
                raise SourceError(f"{where}: .COORD names the columns, X and Y among them; found {words!r}")
        elif keyword in ("X_POINTS_PER_INCH", "Y_POINTS_PER_INCH", "X_POINTS_PER_MM", "Y_POINTS_PER_MM"):
            session.per_inch[keyword[0]] = _number(words, where)
        elif keyword == "WRITER_ID":
            session.writer = words.strip()
        elif keyword in ("PEN_DOWN", "PEN_UP"):
            session.parts.append((keyword == "PEN_DOWN", _points(words, body, session, where)))
        elif keyword == "SEGMENT":
            session.segments.append(_segment(words, where))
        elif keyword == "INCLUDE":
            _read(_included(file, words.strip(), where), session, depth + 1)


def _entries(file: Path) -> Iterator[tuple[str, str, list[tuple[int, str]], int]]:
    """Keyword, what stands behind it, the lines below it with their numbers, and its own number."""
    keyword, words, body, at = "", "", [], 0
    for number, line in enumerate(text_of(file).splitlines(), 1):
        match = _KEYWORD.match(line)
        if match is None:
            body.append((number, line))
            continue
        if keyword:
            yield keyword, words, body, at
        keyword, words, body, at = match[1], match[2] or "", [], number
    if keyword:
        yield keyword, words, body, at


def _points(words: str, body: list[tuple[int, str]], session: _Session, where: str) -> Array:
    """(n, 2) with y down and in units of x."""
    width = len(session.columns)
    rows: list[list[float]] = []
    file = where.rpartition(":")[0]
    for number, line in [(int(where.rpartition(":")[2]), words), *body]:
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            raise SourceError(
                f"{file}:{number}: numbers were expected below .PEN_DOWN, found {line.strip()!r}"
            ) from None
        if len(values) % width:
            raise SourceError(
                f"{file}:{number}: .COORD names {width} columns ({' '.join(session.columns)}), found {line.strip()!r}"
            )
        rows += [values[start : start + width] for start in range(0, len(values), width)]
    table = np.asarray(rows, np.float64).reshape(-1, width)
    points = table[:, [session.columns.index("X"), session.columns.index("Y")]]
    if not np.isfinite(points).all():
        raise SourceError(f"{where}: a point is not finite")
    ratio = session.per_inch.get("X", 1.0) / session.per_inch.get("Y", session.per_inch.get("X", 1.0))
    return points * (1.0, -ratio)


def _segment(words: str, where: str) -> tuple[str, str, str]:
    match = _SEGMENT.match(words)
    if match is None:
        raise SourceError(f'{where}: a segment is written `.SEGMENT WORD 0-3 ? "text"`, found {words!r}')
    return match[2], re.sub(r"\\(.)", r"\1", match[4] or ""), where


def _cut(session: _Session, places: str, where: str) -> tuple[Array, ...]:
    """The pen-down lines that `0-2,4` or `0:12-1:5` stand for."""
    lines: list[Array] = []
    for part in places.split(","):
        first, _, last = part.partition("-")
        start, end = _PLACE.match(first), _PLACE.match(last or first)
        if start is None or end is None:
            raise SourceError(f"{where}: {part!r} is no range of components such as 0-2 or 0:12-1:5")
        low, high = int(start[1]), int(end[1])
        if not low <= high < len(session.parts):
            raise SourceError(f"{where}: components {part} of {len(session.parts)}")
        for at in range(low, high + 1):
            down, points = session.parts[at]
            begin = int(start[2]) if at == low and start[2] else 0
            stop = int(end[2]) + 1 if at == high and end[2] else len(points)
            if down and len(points[begin:stop]):
                lines.append(points[begin:stop])
    return tuple(lines)


def _included(file: Path, name: str, where: str) -> Path:
    for folder in (file.parent, *file.resolve().parents):
        for place in (folder / name, folder / "include" / name):
            if place.is_file():
                return place
    raise SourceError(f"{where}: {name} is included and was found neither beside the file nor in a folder `include`")


def _number(words: str, where: str) -> float:
    try:
        value = float(words.split(maxsplit=1)[0])
    except (ValueError, IndexError):
        value = 0.0
    if not value > 0:
        raise SourceError(f"{where}: a number above 0 was expected, found {words!r}")
    return value
