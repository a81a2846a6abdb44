"""Letters or words as JSON lines: `{"char": "v", "donor": "ann", "strokes": [[[x, y], ...], ...]}`, y down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tilth.errors import SourceError
from tilth.synthesize.pens.written import Written, points_of, text_of


def read_letters(file: Path) -> list[Written]:
    """One written text for each line; `text` may stand for `char`, `writer` for `donor`. Empty lines are passed over.

    Raises SourceError, with file and line, for a line that is no such object.
    """
    found: list[Written] = []
    for number, line in enumerate(text_of(file).splitlines(), 1):
        if line.strip():
            found.append(_written(line, f"{file}:{number}"))
    return found


def _written(line: str, where: str) -> Written:
    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise SourceError(f"{where}: not a JSON object ({error.msg})") from None
    text = row.get("text", row.get("char")) if isinstance(row, dict) else None
    if not isinstance(text, str) or not text:
        raise SourceError(f'{where}: an object with "char" (or "text") and "strokes" was expected')
    strokes = row.get("strokes")
    if not isinstance(strokes, list) or not strokes:
        raise SourceError(f'{where}: "strokes" is a list of lists of [x, y], found {strokes!r:.60}')
    lines = tuple(points_of(stroke, where) for stroke in strokes if stroke)
    if not lines:
        raise SourceError(f"{where}: none of the strokes has a point")
    return Written(text, lines, str(row.get("writer", row.get("donor", ""))), where)
