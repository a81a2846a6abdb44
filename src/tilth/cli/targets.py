"""Where results go when nobody says where: names of the dataset, and of the workspace where it is not the usual one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_USUAL = ".tilth"


@dataclass(frozen=True)
class Written:
    """Where the better dataset lies.

    asked  where it was to lie: other than `where` if something is there already
    stood  whether it lay there before
    """

    where: Path
    asked: Path
    stood: bool

    @property
    def told(self) -> str:
        """What is to be said of it, after its path."""
        if self.stood:
            return "   (it stood there already: nothing was left to do)"
        return f"   ({self.asked} is there already and stays as it is)" if self.where != self.asked else ""


def dataset_of(ws: Any, out: Path | None, layout: str | None = None) -> Path:
    """The folder, or the archive, of the better dataset."""
    from tilth.run.exports import suffix_of

    return out or Path(f"{_name(ws)}-improved{suffix_of(ws.run, layout)}")


def written(ws: Any, place: Path, *, layout: str | None, instead: bool) -> Written:
    """The present version, at its place or beside it, as `Workspace.target` says."""
    from tilth.run.exports import taken

    target = ws.target(place, layout=layout, instead=instead)
    stood = taken(target)
    return Written(ws.export(target, layout=layout), place, stood)


def report_of(ws: Any, out: Path | None) -> Path:
    """The file of the report."""
    return out or Path(f"{_name(ws)}-report.html")


def write_report(ws: Any, out: Path | None, *, train: bool = False) -> Path:
    """The report, written; train: as of `tilth.write_report`."""
    import tilth

    return tilth.write_report(ws, report_of(ws, out), train=train)


def _name(ws: Any) -> str:
    """`photos`; `photos-runs-a` for the workspace `runs/a`: two workspaces on one source write beside each other."""
    parts = Path(os.path.relpath(ws.store.folder)).parts
    told = [part.strip(".") for part in parts if part not in (_USUAL, "..", ".")]
    return "-".join([str(ws.fact("name")), *told])
