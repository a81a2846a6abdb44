"""Class folders: `ROOT/CLASS/*` or `ROOT/SPLIT/CLASS/*`, of pictures or of text files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from tilth.dataset import Dataset, Modality, Schema
from tilth.errors import ContentError, SourceError
from tilth.formats import splits
from tilth.formats.intake import Entry, bytes_of, reading, text_of
from tilth.formats.labels import classes_of, refuse_unwritable, task_of
from tilth.formats.listing import LABELS, PICTURES, TABLES, count_files, look, peek, summary
from tilth.formats.naming import fitted, place, unique
from tilth.formats.staging import staged_folder
from tilth.sample import TRAIN, Sample
from tilth.steps import Aside, Reading


@dataclass(frozen=True)
class Folder:
    """A folder of class folders, maybe within split folders; the name of the folder is the label."""

    modality = ("image", "text")

    def sees(self, where: Path) -> str | None:
        """`class folders: 10 of them` or `split folders: ...`, or None."""
        try:
            tops = _tops(where, {}) if where.is_dir() else None
        except SourceError:
            return None
        if tops is None:
            return None
        if tops:
            return f"split folders ({splits.in_words(tops)}) of class folders"
        return f"{len(look(where, where.resolve()).folders)} class folders"

    def count(self, where: Path) -> int:
        """How many files there are to read."""
        return count_files(where, depth=2)

    def read(self, where: Path, options: Mapping[str, Any], advance: Callable[[int], None]) -> Reading:
        """All files that lie in class folders. Raises SourceError where there are none, or the levels are unclear."""
        tops = _tops(where, options)
        if tops is None:
            raise SourceError(f"{where} holds no class folders with files: found {summary(where)}")
        found = _walk(where.resolve(), tops)
        entries, unread = _texts(found.entries) if found.modality == "text" else (found.entries, [])
        schema = Schema(found.modality, task_of(options, several=False), classes_of(found.classes, options))
        facts = {"layout": "folder", "splits": tops, "split_level": bool(tops), "root": str(where.resolve())}
        return reading(
            where, entries, schema, advance,
            aside=[*found.aside, *unread], layout=found.in_words(tops), format="folder", facts=facts,
        )  # fmt: skip

    def write(
        self,
        data: Dataset,
        where: Path,
        contents: Callable[[Dataset], Iterator[bytes]],
        facts: Mapping[str, Any],
    ) -> None:
        """`where/[SPLIT/]CLASS/NAME`: originals keep name and bytes, a relabelled one moves to its new class.

        Split folders are those of the source; where it had none, they are written if the data has several splits.
        Raises ExportError for soft labels or sets of classes, and where `where` cannot be written.
        """
        refuse_unwritable(data, "class-folder", several=False)
        homes = _homes(data, facts)
        plan = place(data, lambda sample: homes[_split_folder(sample, facts), _class(sample)], facts.get("suffix", ""))
        with staged_folder(where) as stage:
            for home in homes.values():
                (stage / home).mkdir(parents=True, exist_ok=True)
            for sample, content in zip(data, contents(data), strict=True):
                (stage / plan[sample.id]).write_bytes(fitted(content, sample, plan[sample.id]))


# -- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """What lies in the class folders; `classes` is by name, also of empty folders."""

    entries: list[Entry]
    classes: list[str]
    aside: list[Aside]

    @property
    def modality(self) -> Modality:
        endings = {Path(entry.path).suffix.lower() for entry in self.entries}
        return "text" if ".txt" in endings and not endings & PICTURES else "image"

    def in_words(self, tops: Mapping[str, str]) -> str:
        filled = {str(entry.told) for entry in self.entries}
        empty = sorted(set(self.classes) - filled)
        levels = f"ROOT/SPLIT/CLASS/* with the splits {splits.in_words(tops)}" if tops else "ROOT/CLASS/*"
        words = f"class folders, {levels}: {len(set(self.classes))} classes, {len(self.entries):,} files"
        return words + (f"; empty: {', '.join(empty)}" if empty else "")


def _tops(where: Path, options: Mapping[str, Any]) -> dict[str, str] | None:
    """{split folder: split}; empty where the top folders are classes; None where there are no class folders.

    The top folders are splits where they hold folders with files, and one of them is called train or the like, or all
    have the same folders, or the option `splits` names one. Raises SourceError where they hold folders but none of this
    holds.
    """
    tops = look(where, where.resolve()).folders if where.is_dir() else ()
    if not tops or _other_layout(where, tops):
        return None
    seen = {top: peek(where / top) for top in tops}
    nested = {top: inner for top, (_, folders) in seen.items() if (inner := _filled(where / top, folders))}
    flat = [top for top, (has_files, _) in seen.items() if has_files]
    told = set(options.get("splits") or {}) & set(nested)
    if not nested:
        return _as_classes(where, flat)
    alike = len(nested) > 1 and not flat and len({folders for _, folders in seen.values() if folders}) == 1
    if told or alike or any(splits.role(top) == TRAIN for top in nested):
        return splits.assign(nested, options)
    if flat:
        return {}
    raise SourceError(
        f"{where} has folders two deep ({_first(nested)}), but none of {', '.join(nested)} is called train, and their "
        "folders differ: it is unclear whether they are splits or classes. Hand in one of them, or say which is "
        "which, for example with --valid NAME."
    )


def _as_classes(where: Path, flat: list[str]) -> dict[str, str] | None:
    if flat and all(splits.role(top) for top in flat):
        raise SourceError(
            f"the files in {where} lie right in {', '.join(flat)}, not in class folders, so they have no labels. "
            "Put them into class folders, or write a table with a path, a label and a split column."
        )
    return {} if flat else None


def _other_layout(where: Path, tops: tuple[str, ...]) -> bool:
    """Whether a file at the top says that the folders are not classes."""
    if any((folder / LABELS).exists() for folder in (where, *(where / top for top in tops))):
        return True
    if len(tops) > 1:
        return False
    names = look(where, where.resolve()).files + look(where / next(iter(tops)), where.resolve()).files
    return any(Path(name).suffix.lower() in TABLES for name in names)


def _filled(folder: Path, inner: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in inner if peek(folder / name)[0])


def _first(nested: Mapping[str, tuple[str, ...]]) -> str:
    top, inner = next(iter(nested.items()))
    return f"{top}/{inner[0]}"


def _walk(root: Path, tops: Mapping[str, str]) -> _Found:
    found = _Found([], [], [])
    top_listing = look(root, root)
    found.aside.extend(top_listing.aside)
    found.aside.extend(Aside(name, "lies outside of the class folders") for name in top_listing.files)
    if not tops:
        _walk_classes(root, "", top_listing.folders, TRAIN, found)
        return found
    for top in top_listing.folders:
        listing = look(root / top, root)
        found.aside.extend(listing.aside)
        found.aside.extend(
            Aside(f"{top}/{name}", "lies in a split folder, but in no class folder") for name in listing.files
        )
        if top in tops:
            _walk_classes(root, f"{top}/", listing.folders, tops[top], found)
    return found


def _walk_classes(root: Path, above: str, classes: tuple[str, ...], split: str, found: _Found) -> None:
    for name in classes:
        listing = look(root / above / name, root)
        found.classes.append(name)
        found.aside.extend(listing.aside)
        for inner in listing.folders:
            count = count_files(root / above / name / inner, depth=8)
            found.aside.append(Aside(f"{above}{name}/{inner}", f"a folder within a class folder, with {count:,} files"))
        for file in listing.files:
            path = f"{above}{name}/{file}"
            found.entries.append(Entry(path, root / path, name, split))


def _texts(entries: list[Entry]) -> tuple[list[Entry], list[Aside]]:
    read: list[Entry] = []
    aside: list[Aside] = []
    for entry in entries:
        try:
            if not entry.path.lower().endswith(".txt"):
                raise ContentError("not a text file")
            read.append(replace(entry, file=text_of(bytes_of(Path(entry.file)))))
        except ContentError as fault:
            aside.append(Aside(entry.path, str(fault)))
    return read, aside


# -- writing ----------------------------------------------------------------------------------------------------


def _homes(data: Dataset, facts: Mapping[str, Any]) -> dict[tuple[str, int], str]:
    """(split folder, class index) -> folder; every class has one in every split that is written, also if empty."""
    several = facts.get("split_level") or len(set(data.splits.tolist())) > 1
    tops = sorted({_split_folder(sample, facts) for sample in data})
    folders = dict(zip(tops, unique(tops), strict=True))
    classes = unique(data.schema.classes)
    return {
        (top, index): f"{folders[top]}/{name}" if several else name
        for top in tops
        for index, name in enumerate(classes)
    }


def _split_folder(sample: Sample, facts: Mapping[str, Any]) -> str:
    """The split folder a sample came from where it is still in that split, else the first one of its split."""
    tops: Mapping[str, str] = facts.get("splits") or {}
    head = PurePosixPath(sample.path).parts[0]
    if sample.home == "source" and not sample.maker and tops.get(head) == sample.split:
        return head
    return splits.as_found(tops, sample.split, sample.split)


def _class(sample: Sample) -> int:
    assert sample.label is not None  # refused before
    return sample.label if isinstance(sample.label, int) else next(iter(sample.label))  # type: ignore[arg-type]
