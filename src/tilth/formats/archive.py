"""A zip or tar of class folders, of paper 4's layout or of tables."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tilth.dataset import Dataset
from tilth.errors import ExportError, SourceError
from tilth.formats.folder import Folder
from tilth.formats.listing import look, summary
from tilth.formats.onehot import OneHot
from tilth.formats.staging import staged_file
from tilth.formats.table import Table
from tilth.formats.unpack import count_members, is_archive, unpack
from tilth.steps import Aside, Format, Reading

_DEEPEST = 4  # single folders within each other that are gone into
_DONE = ".unpacked.json"  # hidden: what was unpacked, and what was set aside


@dataclass(frozen=True)
class Archive:
    """A zip or tar (gz, bz2, xz); it is unpacked beside the workspace, safely, and then read as what it holds."""

    modality = ("image", "text")

    def sees(self, where: Path) -> str | None:
        """`an archive (.zip)`, or None."""
        return f"an archive ({''.join(where.suffixes[-2:])})" if where.is_file() and is_archive(where) else None

    def count(self, where: Path) -> int:
        """How many members there are to unpack and read, each counted twice; 0 where only unpacking would tell."""
        return 2 * count_members(where)

    def read(self, where: Path, options: Mapping[str, Any], advance: Callable[[int], None]) -> Reading:
        """What the archive holds; `options["unpack_to"]` is the folder it is unpacked to.

        A folder that this archive was unpacked to before is read as it is. The Reading has the format and facts of what
        is inside. Raises SourceError where no layout is found, or the archive is damaged or a bomb.
        """
        if not options.get("unpack_to"):
            raise SourceError(f"{where} is an archive: say where to unpack it (option unpack_to)")
        to = Path(options["unpack_to"])
        aside = _unpacked(where, to, advance)
        name, format, inside = _inside(where, to)
        reading = format.read(inside, options, advance)
        facts = {**reading.facts, "inner": name, "archive": where.name}
        return replace(
            reading,
            aside=(*aside, *reading.aside),
            layout=f"the archive {where.name} with {reading.layout}",
            facts=facts,
        )

    def write(
        self, data: Dataset, where: Path, contents: Callable[[Dataset], Iterator[bytes]], facts: Mapping[str, Any]
    ) -> None:
        """A zip of the layout that was inside (`facts["inner"]`), or of class folders (texts: a table)."""
        if where.suffix.lower() != ".zip":
            raise ExportError(f"{where} does not end in .zip; archives are written as zip")
        inner = facts.get("inner") or ("folder" if data.schema.modality == "image" else "table")
        with staged_file(where) as stage, tempfile.TemporaryDirectory(dir=where.parent, prefix=".zip-") as scratch:
            folder = Path(scratch) / where.stem
            _LAYOUTS[inner].write(data, folder, contents, facts)
            with zipfile.ZipFile(stage, "w", zipfile.ZIP_DEFLATED) as archive:
                for item in sorted(folder.rglob("*")):
                    # A fixed date: the same data give the same bytes.
                    info = zipfile.ZipInfo(item.relative_to(folder).as_posix() + ("/" if item.is_dir() else ""))
                    archive.writestr(info, b"" if item.is_dir() else item.read_bytes(), zipfile.ZIP_DEFLATED)


_LAYOUTS: Mapping[str, Format] = {"onehot": OneHot(), "table": Table(), "folder": Folder()}


def _unpacked(where: Path, to: Path, advance: Callable[[int], None]) -> list[Aside]:
    """Unpack, unless this very archive was unpacked there before; a kill leaves no half of it under this name."""
    with where.open("rb") as stream:
        key = hashlib.file_digest(stream, "sha256").hexdigest()
    if (to / _DONE).is_file():
        told = json.loads((to / _DONE).read_text(encoding="utf-8"))
        if told["key"] == key:
            return [Aside(*one) for one in told["aside"]]
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise SourceError(f"{where} cannot be unpacked to {to}: something else is there. Name an empty folder.")
    stage = to.with_name(f".{to.name}.partial")
    shutil.rmtree(stage, ignore_errors=True)
    try:
        aside = unpack(where, stage, advance)
        told = {"key": key, "aside": [[one.path, one.why] for one in aside]}
        (stage / _DONE).write_text(json.dumps(told), encoding="utf-8")
        stage.replace(to)
    except OSError as fault:
        raise SourceError(f"{where} cannot be unpacked to {to}: {fault.strerror}") from fault
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return aside


def _inside(where: Path, to: Path) -> tuple[str, Format, Path]:
    """The layout, in the unpacked folder or in the only folder it holds. Raises SourceError where there is none."""
    inside = to
    for _ in range(_DEEPEST):
        seen = [name for name, format in _LAYOUTS.items() if format.sees(inside)]
        if len(seen) == 1:
            return seen[0], _LAYOUTS[seen[0]], inside
        if seen:
            raise SourceError(
                f"more than one layout fits what {where} holds: {', '.join(seen)}. Unpack it and hand in a part."
            )
        listing = look(inside, to.resolve()) if inside.is_dir() else None
        if listing is None or len(listing.folders) != 1:
            break
        inside = inside / listing.folders[0]
    raise SourceError(
        f"no known layout in {where}. It holds: {summary(to)}. Looked for class folders, imgs/ with "
        "data-labels.json, and tables."
    )
