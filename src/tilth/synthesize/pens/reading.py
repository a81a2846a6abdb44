"""Reading what people wrote with pens, whichever of the known kinds of file it comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tilth.errors import SourceError
from tilth.synthesize.pens.iam_ondb import read_iam_ondb
from tilth.synthesize.pens.inkml import read_inkml
from tilth.synthesize.pens.letters import read_letters
from tilth.synthesize.pens.unipen import read_unipen
from tilth.synthesize.pens.written import Written, text_of


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


def _reader(file: Path) -> Callable[[Path], list[Written]] | None:
    """Who reads this file; None for one that holds no strokes."""
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
