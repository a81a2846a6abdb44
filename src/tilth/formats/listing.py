"""Looking into folders without following anything out of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilth.errors import SourceError
from tilth.steps import Aside

PICTURES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm .mpo .tga .ico .jp2 .avif".split()
)
"""Endings of files that are meant to be pictures: one that does not decode is damaged, not "something else"."""

TABLES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
"""Endings of tables."""

LABELS = "data-labels.json"
"""The labels of paper 4's layout, beside `imgs/`."""

_NOISE = frozenset({"thumbs.db", "desktop.ini", "__macosx", "__pycache__"})
_ENOUGH = 2000  # entries after which a folder that holds files is known to hold files


@dataclass(frozen=True)
class Listing:
    """What a folder holds, by name, in order of name; `aside` is what may not be followed or named."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    aside: tuple[Aside, ...]


def noise(name: str) -> bool:
    """Whether a name is one that systems leave behind, and no one means."""
    return name.startswith(".") or name.lower() in _NOISE


def shown(name: str) -> str:
    """A name as it can be printed and stored: bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def look(folder: Path, root: Path) -> Listing:
    """The files and folders right inside `folder`. Links that leave `root` (resolved) and names that are not UTF-8 are
    set aside; hidden files and what systems leave behind are passed over."""
    files: list[str] = []
    folders: list[str] = []
    aside: list[Aside] = []
    for entry in _scan(folder):
        if noise(entry.name):
            continue
        if why := _unfit(entry, root):
            aside.append(Aside(shown(os.path.relpath(entry.path, root)).replace(os.sep, "/"), why))
        else:
            (folders if entry.is_dir() else files).append(entry.name)
    return Listing(tuple(sorted(files)), tuple(sorted(folders)), tuple(sorted(aside, key=lambda item: item.path)))


def peek(folder: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether a folder holds files, and its folders: cheap, for telling layouts apart."""
    has_files, folders = False, []
    for number, entry in enumerate(_scan(folder)):
        if noise(entry.name):
            continue
        if entry.is_dir():
            folders.append(entry.name)
        else:
            has_files = True
        if has_files and number > _ENOUGH:
            break
    return has_files, tuple(sorted(folders))


def count_files(folder: Path, depth: int) -> int:
    """How many files lie below a folder, at most so many folders deep."""
    total = 0
    for entry in _scan(folder):
        if noise(entry.name):
            continue
        if not entry.is_dir(follow_symlinks=False):
            total += 1
        elif depth > 0:
            total += count_files(Path(entry.path), depth - 1)
    return total


def summary(where: Path) -> str:
    """What lies at `where`, in a few words, for messages."""
    if not where.is_dir():
        return f"a file of {where.stat().st_size:,} bytes" if where.exists() else "nothing"
    listing = look(where, where.resolve())
    endings: dict[str, int] = {}
    for name in listing.files:
        endings[Path(name).suffix.lower() or "(no ending)"] = (
            endings.get(Path(name).suffix.lower() or "(no ending)", 0) + 1
        )
    words = [f"{count} {ending}" for ending, count in sorted(endings.items(), key=lambda item: -item[1])[:5]]
    if listing.folders:
        names = ", ".join(shown(name) for name in listing.folders[:6]) + (", ..." if len(listing.folders) > 6 else "")
        words.insert(0, f"{len(listing.folders)} folders ({names})")
    if listing.aside:
        words.append(f"{len(listing.aside)} that cannot be followed ({listing.aside[0].why})")
    return ", ".join(words) or "an empty folder"


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as fault:
        raise SourceError(f"{shown(str(folder))} cannot be listed: {fault.strerror}") from fault


def _unfit(entry: os.DirEntry[str], root: Path) -> str:
    if shown(entry.name) != entry.name:
        return "its name is not UTF-8; rename it"
    if entry.is_symlink():
        target = Path(entry.path).resolve()
        if not target.exists():
            return "a broken link"
        if not target.is_relative_to(root):
            return "a link out of the source"
        if target.is_dir():
            return "a link to a folder of the source: its files would be read twice"
    return "" if entry.is_dir() or entry.is_file() else "neither a file nor a folder (a pipe, socket or device)"
