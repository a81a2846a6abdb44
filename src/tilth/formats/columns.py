"""Which columns of a table hold the path or text, the label and the split: by option, by name, by looking; or an error
that lists the columns and says how to name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tilth.errors import SourceError, did_you_mean
from tilth.formats.sheet import Sheet
from tilth.formats.splits import role

PATHS = "path file filename file_name filepath file_path image image_path img img_path picture".split()
TEXTS = "text sentence utterance question query content review document message body".split()
LABELS = ("label labels class classes category categories target targets intent intents tag tags y coarse fine").split()
SPLITS = "split set subset partition".split()
IDS = "id uid uuid key idx index row_id".split()
"""Usual names, the most telling first; case does not matter."""

_SAMPLED = 200  # rows that are looked at


@dataclass(frozen=True)
class Columns:
    """What was found.

    label  one column, or several of 0s and 1s
    left   columns that could have been meant as well, and were not taken
    base   folder below the root that the paths are relative to
    """

    label: tuple[str, ...]
    text: str | None
    path: str | None
    split: str | None
    id: str | None
    left: tuple[str, ...] = ()
    base: str = ""

    def in_words(self) -> str:
        """`text from 'text', label from 'coarse' (not 'fine', which stays as it is), split from 'split'`."""
        content = f"path from {self.path!r}" if self.path else f"text from {self.text!r}"
        label = " + ".join(repr(name) for name in self.label)
        words = f"{content}{f' (below {self.base}/)' if self.base else ''}, label from {label}"
        stays = "which stays as it is" if len(self.left) == 1 else "which stay as they are"
        words += f" (not {', '.join(repr(name) for name in self.left)}, {stays})" if self.left else ""
        return words + (f", split from {self.split!r}" if self.split else "")


def find(sheet: Sheet, options: Mapping[str, Any], root: Path) -> Columns:
    """The columns of a table that lies in `root`. Raises SourceError where one is missing or unclear."""
    _check_named(sheet, options)
    _check_header(sheet, options, root)
    split = options.get("split") or _split(sheet)
    label = _given_labels(sheet, options)
    taken = {*label, split}
    path, base = _path(sheet, options, root, taken)
    text = None if path else options.get("text") or _text(sheet, taken)
    label = label or (_label(sheet, {*taken, path, text}),)
    others = [name for name in _by_name(sheet.columns, LABELS if not options.get("label") else []) if name not in label]
    left = tuple(name for name in others if name not in (path, text, split))
    id = next(
        (name for name in _by_name(sheet.columns, IDS) if name not in label and _is_key(sheet.values(name))), None
    )
    return replace(Columns(label, text, path, split, id), left=left, base=base)


# -- by option ----------------------------------------------------------------------------------------------


def _check_named(sheet: Sheet, options: Mapping[str, Any]) -> None:
    for option in ("path", "text", "split"):
        name = options.get(option)
        if name and name not in sheet.columns:
            raise _missing(sheet, name, option)
    twice = [name for name in sheet.columns if sheet.columns.count(name) > 1]
    if twice:
        raise SourceError(f"{sheet.file} has two columns called {twice[0]!r}; rename one")


def _given_labels(sheet: Sheet, options: Mapping[str, Any]) -> tuple[str, ...]:
    given = options.get("label")
    if not given:
        return ()
    if isinstance(given, str):
        given = [given] if given in sheet.columns else [name.strip() for name in given.split(",")]
    for name in given:
        if name not in sheet.columns:
            raise _missing(sheet, name, "label")
    return tuple(given)


def _missing(sheet: Sheet, name: str, option: str) -> SourceError:
    return SourceError(
        f"{sheet.file} has no column {name!r} (--{option}-column){did_you_mean(name, sheet.columns)}\n"
        f"  {_listed(sheet)}"
    )


def _listed(sheet: Sheet) -> str:
    return f"Its columns are: {', '.join(sheet.columns)}"


def _unclear(sheet: Sheet, what: str, option: str, candidates: Sequence[str]) -> SourceError:
    seen = f"{', '.join(candidates)} could all be it" if candidates else "no column looks like it"
    return SourceError(
        f"it is unclear which column of {sheet.file} holds the {what}: {seen}.\n  {_listed(sheet)}\n"
        f"  Say which:  --{option}-column NAME"
    )


# -- by name and by looking ---------------------------------------------------------------------------------


def _check_header(sheet: Sheet, options: Mapping[str, Any], root: Path) -> None:
    """SourceError where the first line of a csv looks like data: a header is names, and no name is used below it."""
    known = {*PATHS, *TEXTS, *LABELS, *SPLITS, *IDS}
    given = {str(options.get(option)) for option in ("path", "text", "split")} | set(_given_labels(sheet, options))
    if sheet.typed or any(name.lower() in known or name in given for name in sheet.columns):
        return
    why = ""
    for at, name in enumerate(sheet.columns):
        if not name or name.replace(".", "", 1).lstrip("-").isdecimal():
            why = f"{name!r} is no name of a column"
        elif (root / name).is_file():
            why = f"{name!r} is a file"
        elif any(row[at] == name for row in sheet.rows):
            why = f"{name!r} comes again below it"
    if why:
        raise SourceError(
            f"{sheet.file} seems to have no header: in its first line, {why}.\n"
            f"  The line is: {', '.join(sheet.columns)}\n"
            "  Put a line with the names of the columns first, for example: path,label"
        )


def _by_name(columns: Iterable[str], usual: Sequence[str]) -> list[str]:
    found = [name for name in columns if name.lower() in usual]
    return sorted(found, key=lambda name: usual.index(name.lower()))


def _split(sheet: Sheet) -> str | None:
    """A column of a usual name whose values name splits."""
    for name in _by_name(sheet.columns, SPLITS):
        if any(isinstance(value, str) and role(value) for value in _some(sheet, name)):
            return name
    return None


def _path(sheet: Sheet, options: Mapping[str, Any], root: Path, taken: set[Any]) -> tuple[str | None, str]:
    """The column of paths and the folder they are relative to; None where the table holds texts."""
    given = options.get("path")
    if options.get("text") and not given:
        return None, ""
    free = [name for name in sheet.columns if name not in taken]
    named = [given] if given else _by_name(free, PATHS)
    for name in named + ([] if given else [name for name in free if name not in named]):
        base, share = _base(_some(sheet, name), root)
        if share > 0 and (name in named or share >= 0.5):
            return name, base
    # No file is there at all: the column is meant all the same, unless there are texts to read instead.
    return (named[0], "") if named and (given or not _by_name(free, TEXTS)) else (None, "")


def _base(values: Sequence[Any], root: Path) -> tuple[str, float]:
    names = [value for value in values if isinstance(value, str) and value and len(value) < 1000 and "\0" not in value]
    if not names:
        return "", 0.0
    inner = sorted(item.name for item in root.iterdir() if item.is_dir() and not item.name.startswith("."))
    best, most = "", 0.0
    for base in ["", *inner[:50]]:
        share = sum(_is_file(root / base / name) for name in names) / len(values)
        if share > most:
            best, most = base, share
        if most == 1:
            break
    return best, most


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _text(sheet: Sheet, taken: set[Any]) -> str:
    free = [name for name in sheet.columns if name not in taken]
    if named := _by_name(free, TEXTS):
        return named[0]
    wordy = [name for name in free if _wordy(_some(sheet, name))]
    if len(wordy) != 1:
        raise _unclear(sheet, "texts or the paths", "text", wordy)
    return wordy[0]


def _wordy(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values) or not texts:
        return False
    return sum(len(text.split()) for text in texts) / len(texts) >= 3 and len(set(texts)) > len(texts) / 2


def _label(sheet: Sheet, taken: set[Any]) -> str:
    free = [name for name in sheet.columns if name not in taken]
    if named := _by_name(free, LABELS):
        return named[0]
    few = free if len(free) == 1 else [name for name in free if _few(_some(sheet, name))]
    if len(few) != 1:
        raise _unclear(sheet, "labels", "label", few)
    return few[0]


def _few(values: Sequence[Any]) -> bool:
    """Whether values repeat as names of classes do."""
    names = [str(value) for value in values if value not in (None, "")]
    return bool(names) and len(set(names)) <= max(2, len(names) / 2) and not any(len(name) > 100 for name in names)


def _is_key(values: Sequence[Any]) -> bool:
    keys = {str(value) for value in values if isinstance(value, (str, int)) and str(value).strip()}
    return len(keys) == len(values)


def _some(sheet: Sheet, column: str) -> list[Any]:
    at = sheet.columns.index(column)
    return [row[at] for row in sheet.rows[:_SAMPLED]]
