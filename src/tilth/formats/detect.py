"""Which layout a source has: found by looking, never by guessing."""

from __future__ import annotations

from pathlib import Path

from tilth.errors import SourceError
from tilth.formats.archive import Archive
from tilth.formats.folder import Folder
from tilth.formats.listing import summary
from tilth.formats.onehot import OneHot
from tilth.formats.table import Table
from tilth.steps import Format


def detect(where: Path) -> tuple[str, str]:
    """Name of the only format that fits (`folder`, `onehot`, `table`, `archive`), and one sentence of what was seen.

    Raises SourceError, with what was looked for and what was found, where none fits, or more than one.
    """
    if not where.exists():
        raise SourceError(
            f"there is nothing at {where}. Give a folder, a table (csv, tsv, jsonl, parquet), a zip or a tar."
        )
    seen = {name: sentence for name, format in _FORMATS.items() if (sentence := format.sees(where))}
    if len(seen) == 1:
        return next(iter(seen.items()))
    if not seen:
        raise SourceError(
            f"no known layout at {where}. Found: {summary(where)}.\n  Looked for:\n{_looked()}{_near(where)}"
        )
    fits = "; ".join(f"{name}: {sentence}" for name, sentence in seen.items())
    raise SourceError(
        f"more than one layout fits {where} ({fits}).\n"
        "  Hand in the part that is meant: the table file itself, or a folder that holds only class folders."
    )


def _looked() -> str:
    return "".join(f"    {name:8} {what}\n" for name, what in _LOOKED.items())


def _near(where: Path) -> str:
    """What the nearest miss has to say: a folder layout that is unclear tells why."""
    if not where.is_dir():
        return ""
    try:
        Folder().read(where, {}, lambda _: None)
    except SourceError as fault:
        return f"  {fault}"
    return ""


# The order in which they are tried, and told of.
_FORMATS: dict[str, Format] = {"archive": Archive(), "onehot": OneHot(), "table": Table(), "folder": Folder()}
_LOOKED = {
    "archive": "a .zip, .tar, .tar.gz of one of the others",
    "onehot": "imgs/ with data-labels.json, or folders of these",
    "table": ".csv, .tsv, .jsonl or .parquet with a path or text column and a label column",
    "folder": "ROOT/CLASS/* or ROOT/{train,val,test,...}/CLASS/*",
}
