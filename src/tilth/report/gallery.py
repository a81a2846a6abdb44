"""Galleries: the worst of each kind of finding and a fair choice of the changes, as cards with pictures or texts.

First what to show is chosen, then the pictures of all of it are asked for at once, then the cards are made.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tilth.dataset import Dataset, Schema, label_text
from tilth.edit import Add, Drop, Edit, Move, Relabel
from tilth.errors import ContentError
from tilth.finding import Finding
from tilth.numerics import picture
from tilth.report import charts
from tilth.report.story import Change, Story
from tilth.report.words import EDITS
from tilth.sample import Label, Sample

WORST = 24  # findings shown of each kind: two screens; all of them are in the ledger
CHOSEN = 36  # changes shown of each sort of edit
MEMBERS = 6  # samples shown of one group
MOST_ROWS = 2_000  # of the table of changes: 0.6 MB; a browser still filters them at once
MOST_TEXT = 280  # characters of a text on a card
HEAVY = 6_000  # bytes: a thumbnail above this is encoded again


@dataclass(frozen=True, slots=True)
class Tile:
    """One sample: its picture as a data URI or its text, its label and what became of it."""

    id: str
    name: str
    picture: str
    text: str
    label: str
    split: str
    mark: str


@dataclass(frozen=True, slots=True)
class FindingCard:
    tiles: tuple[Tile, ...]
    more: int
    step: str
    severity: float
    why: str
    given: str
    suggested: str
    chances: str
    classes: str
    chart: charts.Histogram | None = None
    against: str = ""


@dataclass(frozen=True, slots=True)
class ChangeCard:
    tiles: tuple[Tile, ...]
    step: str
    why: str
    old: str
    new: str
    classes: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A line of the table of all changes."""

    fate: str
    id: str
    name: str
    old: str
    new: str
    step: str
    why: str
    classes: str


# -- choosing -------------------------------------------------------------------------------------------------


def worst(findings: Iterable[tuple[str, Finding]], kind: str, most: int = WORST) -> list[tuple[str, Finding]]:
    """The findings of this kind with the highest severity; the first found where they tie."""
    of_kind = [pair for pair in findings if pair[1].kind == kind]
    return sorted(of_kind, key=lambda pair: -pair[1].severity)[:most]


def chosen(changes: Iterable[Change], fate: str, severity: Mapping[str, float], most: int = CHOSEN) -> list[Change]:
    """Changes of one sort: of each step (and technique) in turn, the ones with the worst findings first."""
    piles: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if fate_of(change.edit) == fate:
            maker = change.edit.sample.maker if isinstance(change.edit, Add) else ""
            piles.setdefault((change.step, maker), []).append(change)
    for pile in piles.values():
        pile.sort(key=lambda change: -severity.get(change.edit.id, 0.0))
    in_turn = (change for layer in zip_longest(*piles.values()) for change in layer if change is not None)
    return [change for _, change in zip(range(most), in_turn, strict=False)]


def fate_of(edit: Edit) -> str:
    return EDITS[type(edit).__name__][0]


def severities(findings: Iterable[tuple[str, Finding]]) -> dict[str, float]:
    """id -> the highest severity of the findings that name it."""
    highest: dict[str, float] = {}
    for _, finding in findings:
        for id in finding.ids:
            highest[id] = max(highest.get(id, 0.0), finding.severity)
    return highest


def ids_of(edit: Edit) -> tuple[str, ...]:
    """The samples that a card of this edit shows: the parents of a made one come first."""
    return (*edit.sample.parents[:2], edit.id) if isinstance(edit, Add) else (edit.id,)


# -- what is known of the samples -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Album:
    """The samples that are shown, with their pictures or texts."""

    schema: Schema
    samples: Mapping[str, Sample]
    pictures: Mapping[str, str]
    texts: Mapping[str, str]
    fates: Mapping[str, str]
    names: Callable[[str], str] | None

    def tile(self, id: str, mark: str | None = None) -> Tile:
        sample = self.samples.get(id)
        text = self.texts.get(id, "")
        return Tile(
            id=id,
            name=self.name(id),
            picture=self.pictures.get(id, ""),
            text=text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…",
            label=label_text(self.schema, sample.label) if sample else "",
            split=sample.split if sample else "",
            mark=self.fates.get(id, "") if mark is None else mark,
        )

    def name(self, id: str) -> str:
        return name_of(id, self.names, self.samples)


def name_of(id: str, names: Callable[[str], str] | None, samples: Mapping[str, Sample]) -> str:
    """What the caller calls the sample, else its path; empty for one that nobody knows any more."""
    if names is not None:
        with suppress(KeyError):  # a sample that was made and dropped again is in neither version
            return str(names(id))
    return samples[id].path if id in samples else ""


def album(story: Story, ids: Iterable[str], fates: Mapping[str, str]) -> Album:
    """Look up these samples, as they were before or as they came to be."""
    wanted = sorted(set(ids))
    samples = rows_of(story, wanted)
    schema = story.before.schema
    if schema.modality == "text":
        texts = {id: sample.text for id, sample in samples.items() if sample.text is not None}
        texts |= dict(story.texts([id for id in wanted if id not in texts]))
        return Album(schema, samples, {}, texts, fates, story.names)
    pictures = {id: uri for id, content in story.thumbs(wanted).items() if (uri := data_uri(content))}
    return Album(schema, samples, pictures, {}, fates, story.names)


def rows_of(story: Story, ids: Sequence[str]) -> dict[str, Sample]:
    """id -> its row: before the changes where it was there, else as it was added or is now."""
    samples = {sample.id: sample for sample in _only(story.after, ids)}
    samples |= {sample.id: sample for sample in _only(story.before, ids)}
    missing = set(ids) - set(samples)
    added = (change.edit for change in story.changes if isinstance(change.edit, Add) and change.edit.id in missing)
    return samples | {edit.id: edit.sample for edit in added}


def _only(data: Dataset, ids: Sequence[str]) -> Dataset:
    return data.only(ids) if len(data) and len(ids) else data.where(data.ids == "")


_MAGIC = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}


def data_uri(content: bytes) -> str:
    """A thumbnail as a data URI; empty for what is no picture. A heavy one is shrunk: the report stays small."""
    if len(content) > HEAVY:
        try:
            content = picture.encode(picture.shrink(picture.decode(content), 96), suffix=".jpg", quality=80)
        except ContentError:
            return ""
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), "")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}" if kind else ""


# -- cards ----------------------------------------------------------------------------------------------------


def finding_card(step: str, finding: Finding, album: Album) -> FindingCard:
    facts, schema = finding.evidence, album.schema
    shown = finding.ids[:MEMBERS]
    known = [album.samples[id].label for id in shown if id in album.samples]
    given, suggested = _label(facts.get("given"), schema), _label(facts.get("suggested"), schema)
    return FindingCard(
        tiles=tuple(album.tile(id) for id in shown),
        more=len(finding.ids) - len(shown),
        step=step,
        severity=finding.severity,
        why=finding.why,
        given=label_text(schema, given) if given is not None else "",
        suggested=label_text(schema, suggested) if suggested is not None else "",
        chances=_chances(facts),
        classes=class_keys(given, suggested, *known),
        chart=charts.two_histograms(facts),
        against=str(facts.get("against", "")),
    )


def change_card(change: Change, album: Album) -> ChangeCard:
    edit, schema = change.edit, album.schema
    if isinstance(edit, Add):
        # The child wears its maker, the parents their place: each tile says which is which.
        marks = {**dict.fromkeys(edit.sample.parents, "parent"), edit.id: edit.sample.maker.rpartition(":")[2]}
        tiles = tuple(album.tile(id, marks[id]) for id in ids_of(edit))
    else:
        tiles = tuple(album.tile(id, "") for id in ids_of(edit))
    old, new = _labels(edit, album)
    return ChangeCard(
        tiles=tiles,
        step=change.step,
        why=edit.because,
        old="" if old is None else label_text(schema, old),
        new=_new(edit, new, schema),
        classes=class_keys(old, new),
    )


def change_row(change: Change, album: Album) -> ChangeRow:
    edit, schema = change.edit, album.schema
    old, new = _labels(edit, album)
    return ChangeRow(
        fate=fate_of(edit),
        id=edit.id,
        name=album.name(edit.id),
        old="" if old is None else label_text(schema, old),
        new=_new(edit, new, schema),
        step=change.step,
        why=edit.because,
        classes=class_keys(old, new),
    )


def _labels(edit: Edit, album: Album) -> tuple[Label, Label]:
    """The label before and after the edit; None where there is none."""
    if isinstance(edit, Relabel):
        return edit.old, edit.new
    if isinstance(edit, Add):
        return None, edit.sample.label
    sample = album.samples.get(edit.id)
    label = sample.label if sample else None
    return label, None if isinstance(edit, Drop) else label


def _new(edit: Edit, new: Label, schema: Schema) -> str:
    if isinstance(edit, Move):
        return f"to {edit.split}"
    if isinstance(edit, (Relabel, Add)):
        return label_text(schema, new)
    return "" if isinstance(edit, Drop) else f"weight {edit.weight:.3g}"


def _label(value: Any, schema: Schema) -> Label:
    """A label from plain evidence: a class index, or a list of them where the task is multi-label."""
    if value is None or isinstance(value, (str, bool)):
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        return frozenset(int(index) for index in value)
    return frozenset({int(value)}) if schema.task == "multi-label" else int(value)


def _chances(facts: Mapping[str, Any]) -> str:
    given, suggested = facts.get("given_probability"), facts.get("suggested_probability")
    if not isinstance(given, (int, float)) or not isinstance(suggested, (int, float)):
        return ""
    return f"the model gives the label {100 * given:.0f} %, the other {100 * suggested:.0f} %"


def class_keys(*labels: Label) -> str:
    """The class indices in these labels, between blanks: what the filter by class looks for."""
    found: set[int] = set()
    for label in labels:
        if isinstance(label, int):
            found.add(label)
        elif label is not None:
            found.update(part if isinstance(part, int) else part[0] for part in label)
    return " ".join(str(index) for index in sorted(found))
