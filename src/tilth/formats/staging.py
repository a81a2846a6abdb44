"""Writing so that a kill or a full disk leaves nothing half-done: into a hidden sibling, renamed at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tilth.errors import ExportError


@contextmanager
def staged_folder(where: Path) -> Iterator[Path]:
    """A folder that becomes `where` when the block ends well, and vanishes when it does not.

    Raises ExportError where `where` is a file or holds something, or cannot be written (read-only, full).
    """
    _refuse_taken(where)
    with _in_words(where):
        stage = _beside(where)
        shutil.rmtree(stage, ignore_errors=True)  # left by a run that was killed
        stage.mkdir(parents=True)
        try:
            yield stage
            _settle(stage, where)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def staged_file(where: Path) -> Iterator[Path]:
    """As `staged_folder`, for one file."""
    if where.exists() or where.is_symlink():
        raise ExportError(f"{where} exists already. Name a file that does not, or remove it first.")
    with _in_words(where):
        where.parent.mkdir(parents=True, exist_ok=True)
        stage = where.with_name(f".{where.name}.partial")
        try:
            yield stage
            stage.replace(where)
        finally:
            with suppress(OSError):
                stage.unlink(missing_ok=True)


def _refuse_taken(where: Path) -> None:
    if where.is_symlink() and not where.exists():
        raise ExportError(f"{where} is a broken link. Name a folder that does not exist or is empty.")
    if where.exists() and not where.is_dir():
        raise ExportError(f"{where} is a file. Name a folder that does not exist or is empty.")
    try:
        taken = where.is_dir() and any(where.iterdir())
    except OSError as fault:
        raise ExportError(f"{where} cannot be looked into: {fault.strerror}. Name another folder.") from fault
    if taken:
        raise ExportError(f"{where} is not empty. Name a folder that does not exist or is empty; nothing was written.")


def _beside(where: Path) -> Path:
    # A mounted volume cannot be renamed over, and its parent is often not ours: stage inside it then.
    inside = where.is_dir() and (where.is_symlink() or os.path.ismount(where) or not os.access(where.parent, os.W_OK))
    return where / ".tilth.partial" if inside else where.parent / f".{where.name}.partial"


def _settle(stage: Path, where: Path) -> None:
    if stage.parent != where:
        stage.replace(where)
        return
    for item in sorted(stage.iterdir()):
        item.replace(where / item.name)


@contextmanager
def _in_words(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise ExportError(
            f"{where} cannot be written: {reason}. Nothing was left behind; "
            "choose a folder that can be written and has room, and export again."
        ) from fault
