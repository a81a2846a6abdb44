"""Written: something a person wrote with a pen, and what it says. Read from the files that pen strokes come in."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilth.errors import SourceError
from tilth.signal import Array


@dataclass(frozen=True)
class Written:
    """A text and the lines that wrote it.

    lines   each (points, 2) float64, x to the right, y **down**, in whatever unit the device had
    writer  who wrote it; empty where that is not told
    where   file and line, for messages
    """

    text: str
    lines: tuple[Array, ...]
    writer: str = ""
    where: str = ""


def read_written(place: Path) -> list[Written]:
    """Everything written that a file, or the files below a folder, hold: UNIPEN, IAM-OnDB, InkML, or JSON lines.

    Raises SourceError, with file and line, for what cannot be read, and where nothing is found.
    """
    if not place.exists():
        raise SourceError(f"there are no pen strokes at {place}: no such file or folder")
    if place.is_file():
        reader = _reader(place)
        if reader is None:
            raise SourceError(f"{place} is no file of pen strokes that is known here.\n  {_KNOWN}")
        found = reader(place)
    else:
        files = [(file, _reader(file)) for file in sorted(place.rglob("*")) if file.is_file()]
        found = [one for file, reader in files if reader is not None for one in reader(file)]
    if not found:
        raise SourceError(f"no text with pen strokes was found in {place}.\n  {_KNOWN}")
    return found


_KNOWN = (
    "Known are UNIPEN files with .SEGMENT lines, IAM-OnDB xml with its text, InkML with truth annotations, and JSON "
    'lines {"char": "v", "donor": "ann", "strokes": [[[x, y], ...], ...]}, gzipped or not.'
)


def text_of(file: Path) -> str:
    """What stands in a file, unpacked where it is gzipped. Raises SourceError where it cannot be read as text."""
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise SourceError(f"{file} cannot be read: {error}") from None
    for encoding in ("utf-8-sig", "latin-1"):  # files of the nineties are latin-1; every sequence of bytes is
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes everything")


def points_of(numbers: object, where: str) -> Array:
    """(points, 2) float64 from pairs of numbers. Raises SourceError for what is none."""
    try:
        points: Array = np.asarray(numbers, np.float64)
    except (TypeError, ValueError):
        points = np.zeros((0,))
    if points.ndim != 2 or points.shape[1] < 2 or not np.isfinite(points).all():
        raise SourceError(f"{where}: a stroke is a list of [x, y] points, all finite numbers")
    return points[:, :2]


def _reader(file: Path) -> Callable[[Path], list[Written]] | None:
    """Who reads this file; None for one that holds no strokes."""
    from tilth.synthesize.iam_ondb import read_iam_ondb
    from tilth.synthesize.inkml import read_inkml
    from tilth.synthesize.letters import read_letters
    from tilth.synthesize.unipen import read_unipen

    name = file.name.lower().removesuffix(".gz")
    by_name: Mapping[str, Callable[[Path], list[Written]]] = {
        ".jsonl": read_letters,
        ".inkml": read_inkml,
        ".upn": read_unipen,
        ".unp": read_unipen,
        ".unipen": read_unipen,
    }
    for ending, reader in by_name.items():
        if name.endswith(ending):
            return reader
    if not name.endswith((".xml", ".dat", ".lab", ".seg")) and "." in name:
        return None
    start = text_of(file)[:4000]
    if "<WhiteboardCaptureSession" in start:
        return read_iam_ondb
    if "<ink" in start:
        return read_inkml
    lines = [line.strip() for line in start.splitlines()]
    return (
        read_unipen if any(line.startswith((".COORD", ".VERSION", ".INCLUDE", ".SEGMENT")) for line in lines) else None
    )
