"""Where results go when nobody says where: names of the dataset, and of the workspace where it is not the usual one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_USUAL = ".tilth"


def dataset_of(ws: Any, out: Path | None) -> Path:
    """The folder of the better dataset."""
    return out or Path(f"{_name(ws)}-improved")


def report_of(ws: Any, out: Path | None) -> Path:
    """The file of the report."""
    return out or Path(f"{_name(ws)}-report.html")


def _name(ws: Any) -> str:
    """`photos`; `photos-runs-a` for the workspace `runs/a`: two workspaces on one source write beside each other."""
    parts = Path(os.path.relpath(ws.store.folder)).parts
    told = [part.strip(".") for part in parts if part not in (_USUAL, "..", ".")]
    return "-".join([str(ws.fact("name")), *told])
