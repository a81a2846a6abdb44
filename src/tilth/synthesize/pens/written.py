"""Written: something a person wrote with a pen, and what it says. What the readers of pen files share."""

from __future__ import annotations

import gzip
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
