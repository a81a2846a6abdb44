"""Dataset: frozen rows of samples plus a schema. `Dataset.apply` is the only place where data changes.

Arrow columns inside, rows (`Sample`) at the doors. The table is always sorted by id, so two machines that read the same
files in another order agree on the version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as _compute

from tilth.edit import Add, Drop, Edit, Move, Relabel, Weigh
from tilth.errors import EditRefused, SealBroken
from tilth.sample import TEST, TRAIN, VALID, Label, Sample
from tilth.signal import Array

Modality = Literal["image", "text"]
Task = Literal["single-label", "multi-label"]

COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.string()),
        ("path", pa.string()),
        ("classes", pa.list_(pa.int32())),  # null: not labelled
        ("shares", pa.list_(pa.float64())),  # null: a hard label
        ("split", pa.string()),
        ("weight", pa.float64()),
        ("parents", pa.list_(pa.string())),
        ("maker", pa.string()),
        ("home", pa.string()),
        ("text", pa.string()),
    ]
)
pc: Any = _compute  # its functions are made at run time: no type checker knows them

# `path` and `home` say where content lies, not what it is: the id already holds both for a raw sample.
_VERSIONED = ("id", "content", "classes", "shares", "split", "weight", "parents", "maker")


@dataclass(frozen=True)
class Schema:
    """What the rows mean: modality, task and the names of the classes, in order of their index."""

    modality: Modality
    task: Task
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have one name")


@dataclass(frozen=True)
class Refusal:
    """An edit that does not fit, and why."""

    edit: Edit
    why: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """An immutable version of a labelled dataset.

    table   Arrow table with `COLUMNS`, sorted by id
    schema  modality, task and class names
    sealed  whether the test split may not be edited or handed to steps (it may be counted and exported)
    """

    table: pa.Table
    schema: Schema
    sealed: bool = True
    _trusted: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if self._trusted:
            return
        table = self.table.select(COLUMNS.names).cast(COLUMNS)
        ids = table.column("id").to_numpy(zero_copy_only=False).astype("U16")
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        if len(ids) > 1 and (ids[1:] == ids[:-1]).any():
            twice = ids[1:][ids[1:] == ids[:-1]][0]
            raise ValueError(f"two samples have the id {twice}")
        object.__setattr__(self, "table", table.take(pa.array(order)).combine_chunks())

    # -- doors ------------------------------------------------------------------------------------------------

    @classmethod
    def from_samples(cls, samples: Iterable[Sample], schema: Schema) -> Dataset:
        """A dataset of these rows."""
        return cls(_table_of(list(samples)), schema)

    def __len__(self) -> int:
        return self.table.num_rows

    def __iter__(self) -> Iterator[Sample]:
        for start in range(0, len(self), 4096):
            for row in self.table.slice(start, 4096).to_pylist():
                yield _sample_of(row, self.schema.task)

    def __getitem__(self, id: str) -> Sample:
        return _sample_of(self.table.slice(self._at(id), 1).to_pylist()[0], self.schema.task)

    def __contains__(self, id: object) -> bool:
        at = int(np.searchsorted(self.ids, str(id)))
        return at < len(self) and self.ids[at] == str(id)

    def _at(self, id: str) -> int:
        if id not in self:
            raise KeyError(f"no sample {id!r} in version {self.version}")
        return int(np.searchsorted(self.ids, id))

    # -- columns ----------------------------------------------------------------------------------------------

    @cached_property
    def ids(self) -> Array:
        """(n,) ids in order of the rows."""
        return self.table.column("id").to_numpy(zero_copy_only=False).astype("U16")

    @cached_property
    def labels(self) -> Array:
        """(n,) int, class of each sample: the only class, the first of a multi-label, the largest share of a soft one;
        -1 where there is none. For the whole label see `targets` and `Sample.label`."""
        starts, flat, shares = self._label_parts()
        counts = np.diff(starts)
        labels = np.full(len(self), -1, dtype=np.int64)
        has = counts > 0
        labels[has] = flat[starts[:-1][has]]
        if shares is not None:
            for row in np.flatnonzero(counts > 1):
                part = shares[starts[row] : starts[row + 1]]
                labels[row] = flat[starts[row] + int(part.argmax())]
        return labels

    @cached_property
    def targets(self) -> Array:
        """(n, k) float32: one-hot, multi-hot or shares; zeros where there is no label."""
        starts, flat, shares = self._label_parts()
        targets = np.zeros((len(self), len(self.schema.classes)), dtype=np.float32)
        rows = np.repeat(np.arange(len(self)), np.diff(starts))
        targets[rows, flat] = 1.0 if shares is None else shares
        return targets

    @cached_property
    def splits(self) -> Array:
        """(n,) names of splits."""
        return self.table.column("split").to_numpy(zero_copy_only=False).astype(str)

    @cached_property
    def made(self) -> Array:
        """(n,) bool, whether a sample was made by a step."""
        return np.asarray(pc.greater(pc.binary_length(self.table.column("maker")), 0))

    def _label_parts(self) -> tuple[Array, Array, Array | None]:
        """Starts (n+1,), class indices in a row, and their shares (1 where hard) or None if all are hard."""
        classes = self.table.column("classes").combine_chunks()
        counts = pc.fill_null(pc.list_value_length(classes), 0).to_numpy(zero_copy_only=False)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        flat = classes.flatten().to_numpy(zero_copy_only=False)
        column = self.table.column("shares").combine_chunks()
        if column.null_count == len(column):
            return starts, flat, None
        shares = np.ones(len(flat))
        soft = np.repeat(~np.asarray(column.is_null()), counts)
        shares[soft] = column.flatten().to_numpy(zero_copy_only=False)
        return starts, flat, shares

    # -- views ------------------------------------------------------------------------------------------------

    def where(self, mask: Array) -> Dataset:
        """The rows of this mask (n,) bool, as a dataset of its own."""
        return replace(self, table=self.table.filter(pa.array(mask)).combine_chunks(), _trusted=True)

    def split(self, *names: str) -> Dataset:
        """The rows of these splits."""
        return self.where(np.isin(self.splits, names))

    def merged(self, other: Dataset) -> Dataset:
        """The rows of both, which have no id in common."""
        if not len(other):
            return self
        # Both are sorted: each row of the other has one place between ours, and the columns are cut there and joined.
        places = np.searchsorted(self.ids, other.ids)
        pieces, begun = [], 0
        for place in np.unique(places):
            first, last = np.searchsorted(places, [place, place + 1])
            pieces += [self.table.slice(begun, place - begun), other.table.slice(first, last - first)]
            begun = int(place)
        table = pa.concat_tables([*pieces, self.table.slice(begun)]).combine_chunks()
        return replace(self, table=table, _trusted=True)

    def only(self, ids: Iterable[str] | Array) -> Dataset:
        """The rows of these ids."""
        return self.where(np.isin(self.ids, np.asarray(list(ids), dtype="U16")))

    @property
    def open(self) -> Dataset:
        """All but the sealed test split: what steps are handed."""
        return self.where(self.splits != TEST)

    @property
    def train(self) -> Dataset:
        return self.split(TRAIN)

    @property
    def valid(self) -> Dataset:
        return self.split(VALID)

    @property
    def raw(self) -> Dataset:
        """The rows that came with the source."""
        return self.where(~self.made)

    @property
    def labelled(self) -> Dataset:
        """The rows that are of a class, or of several."""
        return self.where(self.targets.sum(axis=1) > 0)

    @cached_property
    def seal(self) -> str:
        """Version of the test split: trials with different seals must not be compared. Empty where there is none."""
        test = self.split(TEST)
        return test.version if len(test) else ""

    def counts(self, split: str | None = None) -> dict[str, int]:
        """How many samples each class has; a multi-label sample counts in each of its classes."""
        data = self if split is None else self.split(split)
        _, flat, _ = data._label_parts()
        tally = (
            np.bincount(flat, minlength=len(self.schema.classes)) if len(flat) else np.zeros(len(self.schema.classes))
        )
        return {name: int(count) for name, count in zip(self.schema.classes, tally, strict=True)}

    # -- identity ---------------------------------------------------------------------------------------------

    @cached_property
    def version(self) -> str:
        """Digest over the sorted columns, 16 hex digits. Same data, same version, whoever made it."""
        sink = hashlib.blake2b(digest_size=8)
        schema = [self.schema.modality, self.schema.task, list(self.schema.classes)]
        sink.update(json.dumps(schema).encode())
        for name in _VERSIONED:
            sink.update(name.encode())
            for piece in _bytes_of(self.table.column(name).combine_chunks()):
                sink.update(len(piece).to_bytes(8, "little"))
                sink.update(piece)
        return sink.hexdigest()

    # -- change -----------------------------------------------------------------------------------------------

    def apply(self, edits: Sequence[Edit], *, break_seal: bool = False) -> Dataset:
        """The next version: this one with these edits. The order of the edits does not matter.

        Raises EditRefused for an unknown or doubly edited sample, a label that is not the expected one, a class or a
        parent that does not exist, a made sample in another split than its parents; SealBroken for an edit to the
        sealed test split, unless `break_seal` (which makes a new benchmark).
        """
        refusals = self.refusals(edits, break_seal=break_seal)
        if refusals:
            first = refusals[0].why
            more = f" ({len(refusals) - 1} more were refused)" if len(refusals) > 1 else ""
            raise (SealBroken if "sealed" in first else EditRefused)(first + more)
        if not edits:
            return self
        return replace(self, table=_applied(self, edits), _trusted=True)

    def refusals(self, edits: Sequence[Edit], *, break_seal: bool = False) -> list[Refusal]:
        """Which of these edits `apply` would refuse, and why."""
        return list(_refusals(self, edits, guard_test=self.sealed and not break_seal))


def target_split(data: Dataset) -> str | None:
    """The split that stands for what the model will meet, where nobody named one: the only one under a name of its own (a
    label book), else valid; None where there is neither."""
    labelled = set(data.splits[data.targets.sum(axis=1) > 0].tolist())
    own = labelled - {TRAIN, VALID, TEST}
    if len(own) == 1:
        return own.pop()
    return VALID if VALID in labelled else None


def _refusals(data: Dataset, edits: Sequence[Edit], *, guard_test: bool) -> Iterator[Refusal]:
    ids = np.array([edit.id for edit in edits], dtype="U16")
    at = np.minimum(np.searchsorted(data.ids, ids), max(len(data) - 1, 0))
    known = data.ids[at] == ids if len(data) else np.zeros(len(ids), bool)
    splits = data.splits
    present = _labels_at(data, at[[isinstance(edit, Relabel) for edit in edits]] if len(edits) else at)
    added = {edit.id: edit.sample for edit in edits if isinstance(edit, Add)}
    dropped = {edit.id for edit in edits if isinstance(edit, Drop)}
    seen: set[str] = set()
    labels = iter(present)
    for number, edit in enumerate(edits):
        old = next(labels) if isinstance(edit, Relabel) else None
        if edit.id in seen:
            yield Refusal(edit, f"{edit.id} has two edits in one batch; a batch holds one edit per sample")
            continue
        seen.add(edit.id)
        if isinstance(edit, Add):
            if why := _why_not_add(data, edit.sample, known[number], added, dropped, guard_test):
                yield Refusal(edit, why)
            continue
        if not known[number]:
            yield Refusal(
                edit,
                f"{type(edit).__name__} names the sample {edit.id}, which version {data.version} has not",
            )
        elif guard_test and (splits[at[number]] == TEST or (isinstance(edit, Move) and edit.split == TEST)):
            yield Refusal(edit, f"{type(edit).__name__} {edit.id} touches the sealed test split")
        elif isinstance(edit, Relabel):
            if old != edit.old:
                expected, found = _named(data.schema, edit.old), _named(data.schema, old)
                yield Refusal(edit, f"Relabel {edit.id} expects label {expected}, found {found}. Review it again.")
            elif why := _bad_label(data.schema, edit.new):
                yield Refusal(edit, f"Relabel {edit.id}: {why}")
        elif isinstance(edit, Weigh) and not (np.isfinite(edit.weight) and edit.weight >= 0):
            yield Refusal(edit, f"Weigh {edit.id}: {edit.weight} is no weight; give a number from 0 up")


def _why_not_add(
    data: Dataset, sample: Sample, known: bool, added: dict[str, Sample], dropped: set[str], guard_test: bool
) -> str:
    if known:
        return f"Add {sample.id}: version {data.version} has this sample already"
    if not sample.maker:
        return f"Add {sample.id}: a made sample names its maker, and its parents where it has some"
    if guard_test and sample.split == TEST:
        return f"Add {sample.id} touches the sealed test split"
    if why := _bad_label(data.schema, sample.label):
        return f"Add {sample.id}: {why}"
    for parent in sample.parents:
        if parent in added:
            split = added[parent].split
        elif parent in data and parent not in dropped:
            split = str(data.splits[data._at(parent)])
        else:
            return f"Add {sample.id}: its parent {parent} is not in the dataset"
        if split != sample.split:
            return f"Add {sample.id} goes to {sample.split}, but its parent {parent} is in {split}: that would leak"
    return ""


def _bad_label(schema: Schema, label: Label) -> str:
    if label is None:
        return ""
    if isinstance(label, int):
        kind, classes = "single", [label]
    elif isinstance(label, frozenset):
        kind, classes = "multi", sorted(label)
    else:
        kind, classes = "soft", [index for index, _ in label]
        if any(share <= 0 for _, share in label) or classes != sorted(set(classes)):
            return "a soft label has positive shares in order of class"
    if kind == "single" and schema.task == "multi-label":
        return "a multi-label dataset takes sets of classes, not one class"
    if kind == "multi" and schema.task == "single-label":
        return "a single-label dataset takes one class, not a set"
    outside = [index for index in classes if not 0 <= index < len(schema.classes)]
    return f"class {outside[0]} is not among the {len(schema.classes)} classes" if outside else ""


def _named(schema: Schema, label: Label) -> str:
    return repr(label_text(schema, label))


def label_text(schema: Schema, label: Label) -> str:
    """A label in words: `cat`, `red + round`, `cat 0.7, lynx 0.3`."""
    names = schema.classes
    if label is None:
        return "(none)"
    if isinstance(label, int):
        return names[label] if 0 <= label < len(names) else f"class {label}"
    if isinstance(label, frozenset):
        return " + ".join(names[index] for index in sorted(label)) or "(no class)"
    return ", ".join(f"{names[index]} {share:.2g}" for index, share in label)


# -- columns of labels ----------------------------------------------------------------------------------------


def _parts(label: Label) -> tuple[list[int] | None, list[float] | None]:
    if label is None:
        return None, None
    if isinstance(label, (int, np.integer)):
        return [int(label)], None
    if isinstance(label, frozenset):
        return sorted(label), None
    return [index for index, _ in label], [share for _, share in label]


def _label_of(classes: list[int] | None, shares: list[float] | None, task: Task) -> Label:
    if classes is None:
        return None
    if shares is not None:
        return tuple(zip(classes, shares, strict=True))
    return frozenset(classes) if task == "multi-label" else classes[0]


def _labels_at(data: Dataset, rows: Array) -> list[Label]:
    if not len(rows) or not len(data):
        return [None] * len(rows)
    taken = data.table.select(["classes", "shares"]).take(pa.array(rows))
    pairs = zip(taken.column("classes").to_pylist(), taken.column("shares").to_pylist(), strict=True)
    return [_label_of(classes, shares, data.schema.task) for classes, shares in pairs]


def _sample_of(row: dict[str, Any], task: Task) -> Sample:
    classes, shares = row.pop("classes"), row.pop("shares")
    row["parents"] = tuple(row["parents"])
    return Sample(label=_label_of(classes, shares, task), **row)


def _table_of(samples: Sequence[Sample]) -> pa.Table:
    parts = [_parts(sample.label) for sample in samples]
    columns: dict[str, list[Any]] = {
        "classes": [classes for classes, _ in parts],
        "shares": [shares for _, shares in parts],
        "parents": [list(sample.parents) for sample in samples],
    }
    for name in COLUMNS.names:
        if name not in columns:
            columns[name] = [getattr(sample, name) for sample in samples]
    return pa.table({name: pa.array(columns[name], COLUMNS.field(name).type) for name in COLUMNS.names})


def _bytes_of(column: Any) -> Iterator[bytes | memoryview]:
    """The content of an Arrow array without offsets or padding, so that slices and copies agree."""
    yield np.packbits(np.asarray(column.is_null())).tobytes() if column.null_count else b""
    if pa.types.is_list(column.type):
        yield (pc.fill_null(pc.list_value_length(column), -1).to_numpy(zero_copy_only=False).astype("<i4").tobytes())
        yield from _bytes_of(column.flatten())
    elif pa.types.is_string(column.type):
        lengths = pc.fill_null(pc.binary_length(column), -1).to_numpy(zero_copy_only=False).astype("<i4")
        yield lengths.tobytes()
        joined = pa.array(pc.drop_null(column) if column.null_count else column)
        _, offsets, values = joined.buffers()
        if len(joined) and values is not None:
            bounds = np.frombuffer(offsets, dtype="<i4")[joined.offset : joined.offset + len(joined) + 1]
            yield memoryview(values)[int(bounds[0]) : int(bounds[-1])]
    else:
        kind = "<i4" if pa.types.is_int32(column.type) else "<f8"
        yield pc.drop_null(column).to_numpy(zero_copy_only=False).astype(kind, copy=False).tobytes()


def _applied(data: Dataset, edits: Sequence[Edit]) -> pa.Table:
    """The table with the edits in it. New values are appended behind the old column and picked by one `take`."""
    table, n = data.table, len(data)
    drops = np.array([edit.id for edit in edits if isinstance(edit, Drop)], dtype="U16")
    for kind, names in ((Relabel, ("classes", "shares")), (Weigh, ("weight",)), (Move, ("split",))):
        chosen = [edit for edit in edits if isinstance(edit, kind)]
        if not chosen:
            continue
        pick = np.arange(n)
        pick[np.searchsorted(data.ids, np.array([edit.id for edit in chosen], dtype="U16"))] = n + np.arange(
            len(chosen)
        )
        for name, values in _new_values(kind, chosen, names):
            joined = pa.concat_arrays([table.column(name).combine_chunks(), pa.array(values, COLUMNS.field(name).type)])
            table = table.set_column(
                table.schema.get_field_index(name), COLUMNS.field(name), joined.take(pa.array(pick))
            )
    ids = data.ids
    if len(drops):
        kept = ~np.isin(ids, drops)
        table, ids = table.filter(pa.array(kept)), ids[kept]
    adds = [edit.sample for edit in edits if isinstance(edit, Add)]
    if adds:
        table = pa.concat_tables([table, _table_of(adds)])
        ids = np.concatenate([ids, np.array([sample.id for sample in adds], dtype="U16")])
        table = table.take(pa.array(np.argsort(ids, kind="stable")))
    return table.combine_chunks()


def _new_values(kind: type, edits: list[Any], names: tuple[str, ...]) -> Iterator[tuple[str, list[Any]]]:
    if kind is Relabel:
        parts = [_parts(edit.new) for edit in edits]
        yield "classes", [classes for classes, _ in parts]
        yield "shares", [shares for _, shares in parts]
    else:
        yield names[0], [getattr(edit, names[0]) for edit in edits]
