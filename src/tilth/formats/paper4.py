"""Whether a folder keeps the rules of paper 4 for what is handed in.

Source   DS801 term project plan (2024), "File Format", "Part II" and "What to Submit and Prepare"
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tilth.errors import ContentError
from tilth.formats.keys import NAME
from tilth.formats.listing import LABELS
from tilth.numerics import picture

_SHOWN = 10  # problems of one kind that are spelled out; the rest are counted


def check_paper4(folder: Path, *, original: Path | None = None, budget: int = 50_000) -> list[str]:
    """What is wrong with a set folder (`imgs/` and `data-labels.json`); empty: it is accepted.

    Every name is `img_KEY.jpg` or `img_KEY_TECHNIQUE.jpg`, every picture has a one-hot row and every row a picture,
    all rows have one length, every picture is a JPEG of the originals' size, and there are at most `budget`.

    original  the set that was handed out: no key may be new, and the size and number of classes are its own
    """
    if not (folder / "imgs").is_dir() or not (folder / LABELS).is_file():
        return [f"{folder} must hold imgs/ and {LABELS}"]
    labels: dict[str, Any] = json.loads((folder / LABELS).read_bytes())
    files = sorted((folder / "imgs").iterdir())
    before = _Original.of(original) if original else None
    problems = [f"{len(files):,} images are more than the budget of {budget:,}"] if len(files) > budget else []
    problems += [
        f"{item.name} lies beside imgs/" for item in sorted(folder.iterdir()) if item.name not in ("imgs", LABELS)
    ]
    problems += _cut(_names(files, before), "more names")
    problems += _cut(_rows(files, labels, before), "more labels")
    return problems + _cut(_pictures(files, before), "more pictures")


class _Original:
    """Keys, length of the rows and size of the pictures that were handed out."""

    def __init__(self, keys: frozenset[str], k: int, size: tuple[int, int]) -> None:
        self.keys, self.k, self.size = keys, k, size

    @classmethod
    def of(cls, folder: Path) -> _Original:
        labels = json.loads((folder / LABELS).read_bytes())
        keys = frozenset(key.removeprefix("img_").split("_")[0] for key in labels)
        first = next(file for file in sorted((folder / "imgs").iterdir()))
        height, width = picture.decode(first.read_bytes()).shape[:2]
        return cls(keys, len(next(iter(labels.values()))), (height, width))


def _names(files: list[Path], before: _Original | None) -> Iterator[str]:
    for file in files:
        match = NAME.fullmatch(file.name)
        if match is None:
            yield f"imgs/{file.name} is not named img_KEY.jpg or img_KEY_TECHNIQUE.jpg"
        elif before and match["key"] not in before.keys:
            yield f"imgs/{file.name} has the key {match['key']}, which the original set has not"


def _rows(files: list[Path], labels: dict[str, Any], before: _Original | None) -> Iterator[str]:
    stems = {file.stem for file in files}
    yield from (f"imgs/{file.name} has no label" for file in files if file.stem not in labels)
    yield from (f"the label {key} has no picture" for key in labels if key not in stems)
    k = before.k if before else len(next(iter(labels.values()), []))
    for key, row in labels.items():
        if not isinstance(row, list) or len(row) != k:
            yield f"the label of {key} is not a list of {k} values"
        elif sorted(row) != [0] * (k - 1) + [1]:
            yield f"the label of {key} is not one-hot"


def _pictures(files: list[Path], before: _Original | None) -> Iterator[str]:
    for file in files:
        content = file.read_bytes()
        try:
            height, width = picture.decode(content).shape[:2]
        except ContentError as fault:
            yield f"imgs/{file.name}: {fault}"
            continue
        if not content.startswith(b"\xff\xd8\xff"):
            yield f"imgs/{file.name} is no JPEG"
        if before and (height, width) != before.size:
            yield f"imgs/{file.name} has {width}x{height} px, the originals {before.size[1]}x{before.size[0]}"


def _cut(problems: Iterator[str], more: str) -> list[str]:
    found = list(problems)
    return found[:_SHOWN] + ([f"{len(found) - _SHOWN:,} {more} have such problems"] if len(found) > _SHOWN else [])
