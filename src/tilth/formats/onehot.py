"""One-hot json: `imgs/` beside `data-labels.json`, the layout of paper 4; or a folder of several such sets.

Source   DS801 term project plan (2024), "File Format" and "What to Submit and Prepare"
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tilth.dataset import Dataset, Schema
from tilth.errors import ExportError, SourceError
from tilth.formats import splits
from tilth.formats.intake import Entry, reading
from tilth.formats.keys import names_of
from tilth.formats.labels import classes_of, hot, refuse_unwritable, task_of
from tilth.formats.listing import LABELS, count_files, look
from tilth.formats.naming import safe
from tilth.formats.paper4 import check_paper4
from tilth.formats.staging import staged_folder
from tilth.numerics import picture
from tilth.sample import TEST, TRAIN, VALID
from tilth.steps import Aside, Reading

__all__ = ["OneHot", "check_paper4"]

IMAGES = "imgs"
CLASS_NAMES = "class-names.json"
ENDINGS = {TRAIN: "training-set", VALID: "validation-set", TEST: "test-set"}


@dataclass(frozen=True)
class OneHot:
    """Pictures in `imgs/`, their labels as one-hot or multi-hot lists by key in `data-labels.json`."""

    modality = ("image",)

    def sees(self, where: Path) -> str | None:
        """`imgs/ with data-labels.json`, or None."""
        sets = _sets(where)
        if not sets:
            return None
        return f"{IMAGES}/ with {LABELS}" + ("" if sets == [""] else f" in {', '.join(sets)}")

    def count(self, where: Path) -> int:
        """How many files there are to read."""
        return sum(count_files(where / name / IMAGES, depth=0) for name in _sets(where))

    def read(self, where: Path, options: Mapping[str, Any], advance: Callable[[int], None]) -> Reading:
        """All pictures with a label.

        Set aside: a key without a file, a file without a key, a row of the wrong length or with other values than 0 and
        1. Raises SourceError where the json is none, or the sets differ in their number of classes.
        """
        root = where.resolve()
        sets = _sets(where)
        if not sets:
            raise SourceError(f"{where} holds no {IMAGES}/ with {LABELS}")
        roles = splits.assign([name for name in sets if name], options, within=True)
        found = _Found()
        for name in sets:
            split = roles[name] if name else splits.role_within(where.name) or TRAIN
            _read_set(root, name, split, found)
        k = _length(where, found.rows)
        names, names_from = _class_names(root, sets, k, options)
        several = [row for row in found.rows if len(row.hot) == k and sum(row.hot) != 1]
        task = task_of(options, several=bool(several))
        entries = [entry for row in found.rows if (entry := _entry(root, row, names, found.aside))]
        facts = {
            "layout": "onehot", "sets": roles, "set_name": _name(where.name), "class_names": names_from, "root": str(root),
        }  # fmt: skip
        words = _in_words(sets, roles, len(found.rows), names, names_from, len(several), task)
        schema = Schema("image", task, names)
        return reading(where, entries, schema, advance, aside=found.aside, layout=words, format="onehot", facts=facts)

    def write(
        self, data: Dataset, where: Path, contents: Callable[[Dataset], Iterator[bytes]], facts: Mapping[str, Any]
    ) -> None:
        """Paper 4's folders: `NAME-training-set/` with `imgs/` and `data-labels.json`, and `NAME-validation-set/`...

        A lone split goes right into `where` where that name ends as the set's does. Originals keep name and bytes;
        those that are no `.jpg` and all made ones are encoded as such; a made one is `img_KEY_TECHNIQUE.jpg`.
        Raises ExportError for texts, soft labels, and where `where` cannot be written.
        """
        if data.schema.modality != "image":
            raise ExportError(f"the {IMAGES}/ layout holds pictures, and the data are texts. Choose the table layout.")
        refuse_unwritable(data, "one-hot", several=True)
        folders = _set_folders(data, where, facts)
        names = names_of(data, keep=facts.get("layout") == "onehot")
        labels: dict[str, dict[str, list[int]]] = {folder: {} for folder in folders.values()}
        k = len(data.schema.classes)
        with staged_folder(where) as stage:
            for folder in labels:
                (stage / folder / IMAGES).mkdir(parents=True, exist_ok=True)
            for sample, content in zip(data, contents(data), strict=True):
                folder, name = folders[sample.split], names[sample.id]
                (stage / folder / IMAGES / name).write_bytes(_as_jpeg(content))
                labels[folder][Path(name).stem] = hot(sample.label, k)
            for folder, rows in labels.items():
                (stage / folder / LABELS).write_text(json.dumps(dict(sorted(rows.items()))), encoding="utf-8")
                if _writes_names(data.schema.classes, facts):
                    text = json.dumps(list(data.schema.classes), ensure_ascii=False)
                    (stage / folder / CLASS_NAMES).write_text(text, encoding="utf-8")


# -- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """A picture and its 0s and 1s."""

    path: str
    key: str
    hot: tuple[int, ...]
    split: str


@dataclass(frozen=True)
class _Found:
    rows: list[_Row] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)


def _sets(where: Path) -> list[str]:
    """`[""]` where `where` is a set itself, else the names of the sets in it."""
    if _is_set(where):
        return [""]
    if not where.is_dir():
        return []
    return [name for name in look(where, where.resolve()).folders if _is_set(where / name)]


def _is_set(folder: Path) -> bool:
    return (folder / LABELS).is_file() and (folder / IMAGES).is_dir()


def _read_set(root: Path, name: str, split: str, found: _Found) -> None:
    above = f"{name}/" if name else ""
    told = _json(root / above / LABELS, found, above + LABELS)
    if not isinstance(told, dict):
        raise SourceError(
            f"{root / above / LABELS} must hold an object {{key: [0, 1, ...]}}, and holds a {_kind(told)}"
        )
    listing = look(root / above / IMAGES, root)
    found.aside.extend(listing.aside)
    inside = f"{above}{IMAGES}/"
    found.aside.extend(Aside(inside + folder, f"a folder within {IMAGES}/") for folder in listing.folders)
    used: dict[str, str] = {}
    for file in listing.files:
        key = file if file in told else Path(file).stem
        if key not in told:
            found.aside.append(Aside(inside + file, f"{LABELS} has no label for {key!r}"))
        elif key in used:
            found.aside.append(Aside(inside + file, f"{used[key]} has the same key {key!r}"))
        else:
            used[key] = file
            values = told[key]
            if why := _not_hot(values):
                found.aside.append(Aside(inside + file, why))
            else:
                found.rows.append(_Row(inside + file, key, tuple(int(value) for value in values), split))
    found.aside.extend(
        Aside(f"{above}{LABELS}: {key}", f"there is no picture of this key in {IMAGES}/")
        for key in told
        if key not in used
    )


def _json(file: Path, found: _Found, path: str) -> Any:
    """The json; keys that come twice with different values are set aside, as their label is unknown."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for key, value in pairs:
            if key in told and told[key] != value:
                found.aside.append(
                    Aside(f"{path}: {key}", "the key comes twice, with different labels; the last is taken")
                )
            told[key] = value
        return told

    try:
        return json.loads(file.read_bytes(), object_pairs_hook=kept)
    except (ValueError, RecursionError) as fault:
        raise SourceError(f"{file} is not JSON ({fault}). It must hold {{key: [0, 1, ...]}}.") from fault
    except OSError as fault:
        raise SourceError(f"{file} cannot be read: {fault.strerror}") from fault


def _not_hot(values: Any) -> str:
    if not isinstance(values, list):
        return f"its label is a {_kind(values)}, not a list of 0s and 1s"
    wrong = [value for value in values if isinstance(value, (list, dict, str)) or value not in (0, 1)]
    return f"its label holds {wrong[0]!r}, which is neither 0 nor 1" if wrong else ""


def _kind(value: Any) -> str:
    return {"dict": "object", "str": "string", "NoneType": "null"}.get(type(value).__name__, type(value).__name__)


def _length(where: Path, rows: Sequence[_Row]) -> int:
    lengths = Counter(len(row.hot) for row in rows if row.hot)
    if not lengths:
        raise SourceError(f"{where}: no picture in {IMAGES}/ has a label in {LABELS} that is a list of 0s and 1s")
    (k, most), *others = lengths.most_common()
    if others and others[0][1] == most:
        raise SourceError(f"{where}: the labels have {k} values as often as {others[0][0]}; mend {LABELS}")
    return k


def _class_names(root: Path, sets: Sequence[str], k: int, options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The names, and where they are from: the option `classes`, class-names.json, or numbers."""
    if options.get("classes"):
        given, source = list(classes_of((), options)), "option"
    else:
        file = next((f for f in (root / CLASS_NAMES, *(root / s / CLASS_NAMES for s in sets)) if f.is_file()), None)
        if file is None:
            return tuple(str(index) for index in range(k)), "numbers"
        told, source = _json(file, _Found(), CLASS_NAMES), "file"
        listed = [told.get(str(index)) for index in range(len(told))] if isinstance(told, dict) else told
        given = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        if not given or len(given) != len(listed):
            raise SourceError(f"{file} must hold the names of the classes as a list, or as an object by index")
    if len(given) != k or len(set(given)) != k:
        raise SourceError(f"{len(set(given))} class names are given for labels of {k} values: {', '.join(given[:8])}")
    return tuple(given), source


def _entry(root: Path, row: _Row, names: Sequence[str], aside: list[Aside]) -> Entry | None:
    if len(row.hot) != len(names):
        aside.append(Aside(row.path, f"its label has {len(row.hot)} values, and there are {len(names)} classes"))
        return None
    told = tuple(name for name, chosen in zip(names, row.hot, strict=True) if chosen)
    return Entry(row.path, root / row.path, told, row.split)


def _name(folder: str) -> str:
    for ending in ENDINGS.values():
        if folder.endswith(f"-{ending}"):
            return folder.removesuffix(f"-{ending}")
    return folder


def _in_words(
    sets: Sequence[str],
    roles: Mapping[str, str],
    n: int,
    names: Sequence[str],
    names_from: str,
    several: int,
    task: str,
) -> str:
    where = "" if sets == [""] else f" in {splits.in_words(roles)}"
    words = f"{IMAGES}/ with {LABELS}{where}: {n:,} pictures with labels of {len(names)} values"
    words += {"numbers": ", classes named by number", "file": f", names from {CLASS_NAMES}"}.get(names_from, "")
    if several and task == "multi-label":
        words += f"; {several:,} rows have more or less than one 1, so it is taken as multi-label"
    return words


# -- writing ----------------------------------------------------------------------------------------------------


def _set_folders(data: Dataset, where: Path, facts: Mapping[str, Any]) -> dict[str, str]:
    """split -> folder below `where`; `.` where the only split goes right into it."""
    present = sorted(set(data.splits.tolist())) or [TRAIN]
    sets: Mapping[str, str] = facts.get("sets") or {}
    if len(present) == 1 and where.name.endswith(f"-{_ending(present[0])}"):
        return {present[0]: "."}
    if given := facts.get("name"):  # what the person who exports calls the set goes before what the source did
        return {split: safe(f"{given}-{_ending(split)}") for split in present}
    name = facts.get("set_name") or _name(where.name)
    return {split: splits.as_found(sets, split, safe(f"{name}-{_ending(split)}")) for split in present}


def _ending(split: str) -> str:
    return ENDINGS.get(split, f"{split}-set")


def _writes_names(classes: Sequence[str], facts: Mapping[str, Any]) -> bool:
    # The paper's folder holds no such file: it is written where the source had one, or its names would be lost.
    return facts.get("class_names", "file") == "file" and list(classes) != [str(index) for index in range(len(classes))]


def _as_jpeg(content: bytes) -> bytes:
    if content.startswith(b"\xff\xd8\xff"):
        return content
    return picture.encode(picture.decode(content), suffix=".jpg", quality=95)
