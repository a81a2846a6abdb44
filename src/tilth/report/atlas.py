"""The map: every sample a dot, near to what resembles it; coloured by finding, by change or by class.

One SVG path per colour holds all its dots (a dot is a line of no length with a round end), so five thousand of them
weigh 60 kB and need no script; the script adds the picture under the pointer, cut from one sheet of thumbnails, and lets
each line of the legend be switched off and on. A few samples that stand for their class lie on the map as pictures.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from tilth.errors import ContentError
from tilth.finding import Finding
from tilth.numerics import picture
from tilth.report.gallery import data_uri, name_of, rows_of
from tilth.report.story import Story
from tilth.report.words import KINDS, title_of
from tilth.signal import Array

WIDTH, HEIGHT, RIM = 1000, 640, 16  # of the drawing, in its own units
MOST_PICTURES = 3_000  # dots that show a picture: a sheet of about 2 MB
MOST_TEXTS = 1_500  # dots that show a text: 0.3 MB
HUES = 8  # colours that stay apart for the colour-blind (Okabe and Ito 2008); classes beyond take square dots
SHAPES = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend and the dots of its colour. `tone` is a class of the style sheet."""

    name: str
    count: int
    tone: str
    dots: Markup


@dataclass(frozen=True, slots=True)
class Atlas:
    """layers: what to colour by -> its legend. sheet: the thumbnails as a data URI, `side_px` each. stands: samples that
    stand for their class."""

    points: int
    whole: int
    layers: Mapping[str, tuple[Entry, ...]]
    data: Markup
    sheet: str
    side_px: int
    columns: int
    stands: tuple[Stand, ...]


@dataclass(frozen=True, slots=True)
class Stand:
    """A sample that stands for its class: its picture (empty for a text) and its place in per cent of the drawing."""

    label: str
    name: str
    picture: str
    left: float
    top: float
    tone: str
    first: bool


def atlas(story: Story, fates: Mapping[str, str]) -> Atlas | None:
    """None where the workspace made no map."""
    if story.map is None or not len(story.map[0]):
        return None
    ids = [str(id) for id in story.map[0]]
    xy = placed(np.asarray(story.map[1], dtype=np.float64))
    samples = rows_of(story, ids)
    labels = _classes(story, ids)
    kinds, told = _kinds(story, ids)
    fate = [fates.get(id, "unchanged") for id in ids]
    tones = _class_tones(story.before.schema.classes, labels)
    layers = {
        "finding": _layer(xy, kinds, _kind_tones(kinds)),
        "change": _layer(xy, fate, _FATE_TONES),
        "class": _layer(xy, labels, tones),
    }
    order = sorted(range(len(ids)), key=lambda at: (kinds[at] == NOTHING and fate[at] == "unchanged", at))
    is_text = story.before.schema.modality == "text"
    sheet, side, columns, slots = ("", 0, 1, {}) if is_text else _sheet(story, [ids[at] for at in order])
    texts = _texts(story, [ids[at] for at in order][:MOST_TEXTS]) if is_text else {}
    names = [name_of(id, story.names, samples) for id in ids]
    rows = [
        [int(x), int(y), id, name, label, kind, what, slots.get(id, -1), texts.get(id, ""), told.get(id, "")]
        for (x, y), id, name, label, kind, what in zip(xy, ids, names, labels, kinds, fate, strict=True)
    ]
    whole = max(len(story.before), len(story.after))
    stands = _stands(story, dict(zip(ids, xy.tolist(), strict=True)), dict(zip(ids, labels, strict=True)), tones)
    return Atlas(len(ids), whole, layers, as_json(rows), sheet, side, columns, stands)


NOTHING = "nothing found"
_FATE_TONES = {
    "unchanged": "none",
    "relabelled": "hue-0",
    "dropped": "hue-1",
    "added": "hue-2",
    "moved": "hue-3",
    "weighted": "hue-4",
}


def placed(xy: Array) -> Array:
    """(n, 2) any -> (n, 2) int within the drawing, centred; an axis with room to spare is stretched by up to 1.4, for the
    size of a gap says nothing.

    What is not finite goes to the middle.
    """
    xy = np.where(np.isfinite(xy), xy, np.nan)
    low, high = np.nanmin(xy, axis=0, initial=np.inf), np.nanmax(xy, axis=0, initial=-np.inf)
    middle = np.where(np.isfinite(low + high), (low + high) / 2, 0.0)
    span = np.where(np.isfinite(high - low), np.maximum(high - low, 1e-9), 1.0)
    fits = (np.array([WIDTH, HEIGHT]) - 2 * RIM) / span
    scale = np.minimum(fits, 1.4 * fits.min())
    scaled = np.nan_to_num((xy - middle) * scale) + np.array([WIDTH, HEIGHT]) / 2
    return np.clip(np.rint(scaled), 0, [WIDTH, HEIGHT]).astype(int)


def _classes(story: Story, ids: Sequence[str]) -> list[str]:
    """The class of each dot, now where it is still there, else before."""
    names = story.before.schema.classes
    found: dict[str, str] = {}
    for data in (story.before, story.after):
        part = data.only(ids) if len(data) else data
        said = [names[label] if label >= 0 else "(none)" for label in part.labels.tolist()]
        found |= dict(zip(part.ids.tolist(), said, strict=True))
    return [found.get(id, "(none)") for id in ids]


MOST_TOLD = 1_500  # dots that tell why something was found: 0.3 MB
_LONG = 150  # characters of a reason


def _kinds(story: Story, ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Of each dot the kind of its worst finding; and of each that has any, all kinds and the worst reason."""
    wanted, found = set(ids), dict[str, list[Finding]]()
    for _, finding in story.findings:
        for id in finding.ids:
            if id in wanted:
                found.setdefault(id, []).append(finding)
    worst = {id: max(reversed(some), key=lambda one: one.severity) for id, some in found.items()}  # the last, if equal
    told = {id: _told(some, worst[id]) for id, some in list(found.items())[:MOST_TOLD]}
    return [title_of(worst[id].kind) if id in worst else NOTHING for id in ids], told


def _told(some: Sequence[Finding], worst: Finding) -> str:
    titles = list(dict.fromkeys(title_of(one.kind) for one in sorted(some, key=lambda one: -one.severity)))
    why = worst.why if len(worst.why) <= _LONG else worst.why[: _LONG - 1] + "…"
    return f"{', '.join(titles)}: {why}"


def _kind_tones(kinds: Sequence[str]) -> dict[str, str]:
    known = [title for title, _ in KINDS.values()]
    rest = sorted(set(kinds) - set(known) - {NOTHING})
    return {NOTHING: "none"} | {title: _tone(at) for at, title in enumerate(known + rest)}


def _tone(at: int) -> str:
    return f"hue-{at % HUES}{' square' if at // HUES % SHAPES else ''}"


def _class_tones(classes: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """The largest classes take a colour and a shape each, the rest are grey."""
    order = {name: at for at, name in enumerate(classes)}
    largest = [name for name, _ in Counter(labels).most_common(HUES * SHAPES) if name in order]
    ranked = sorted(largest, key=order.__getitem__)
    return {name: _tone(at) for at, name in enumerate(ranked)}


def _layer(xy: Array, values: Sequence[str], tones: Mapping[str, str]) -> tuple[Entry, ...]:
    """Entries in the order of the tones, what has none last; grey is drawn first, below the colours."""
    piles: dict[str, list[int]] = {}
    for at, value in enumerate(values):
        piles.setdefault(value if value in tones else "others", []).append(at)
    names = [name for name in [*tones, "others"] if name in piles]
    entries = [Entry(name, len(piles[name]), tones.get(name, "none"), _dots(xy[piles[name]])) for name in names]
    return tuple(sorted(entries, key=lambda entry: entry.tone != "none"))


def _dots(xy: Array) -> Markup:
    return Markup("".join(f"M{x} {y}h0" for x, y in xy.tolist()))


def _sheet(story: Story, ids: Sequence[str]) -> tuple[str, int, int, dict[str, int]]:
    """One JPEG of thumbnails -> data URI, side of a cell, cells in a row, id -> number of its cell."""
    wanted = list(ids[:MOST_PICTURES])
    side = 64 if len(wanted) <= 600 else 48 if len(wanted) <= 1_500 else 32
    cells: list[tuple[str, Any]] = []
    for id, content in story.thumbs(wanted).items():
        try:
            cells.append((id, picture.to_channels(picture.shrink(picture.decode(content), side), 3)))
        except ContentError:
            continue
    if not cells:
        return "", side, 1, {}
    side = max(max(cell.shape[:2]) for _, cell in cells)  # tiny pictures need no large cells
    columns = int(np.ceil(np.sqrt(len(cells))))
    rows = -(-len(cells) // columns)
    sheet = np.full((rows * side, columns * side, 3), 255, dtype=np.uint8)
    for at, (_, cell) in enumerate(cells):
        (row, column), (height, width) = divmod(at, columns), cell.shape[:2]
        top, left = row * side + (side - height) // 2, column * side + (side - width) // 2
        sheet[top : top + height, left : left + width] = cell
    content = picture.encode(sheet, suffix=".jpg", quality=78)
    slots = {id: at for at, (id, _) in enumerate(cells)}
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", side, columns, slots


_APART = 46  # of the drawing's units: pictures nearer to each other than this would cover one another


def _stands(
    story: Story, places: Mapping[str, Sequence[int]], labels: Mapping[str, str], tones: Mapping[str, str]
) -> tuple[Stand, ...]:
    """The medoids that have room, the first of each class before the others."""
    of_class: dict[str, int] = {}
    ranked: list[tuple[int, str]] = []
    for id in story.medoids:
        if id in places:
            ranked.append((of_class.setdefault(labels[id], 0), id))
            of_class[labels[id]] += 1
    ranked.sort(key=lambda one: one[0])
    pictures = story.thumbs([id for _, id in ranked])
    samples, found = rows_of(story, [id for _, id in ranked]), list[Stand]()
    taken: list[Sequence[int]] = []
    for turn, id in ranked:
        x, y = places[id]
        if turn and any(max(abs(x - a), abs(y - b)) < _APART for a, b in taken):
            continue
        taken.append((x, y))
        uri = data_uri(pictures[id]) if id in pictures else ""
        name, label = name_of(id, story.names, samples), labels[id]
        if uri or not turn:  # of texts only the name of the class, once
            left, top = 100 * x / WIDTH, 100 * y / HEIGHT
            found.append(Stand(label, name, uri, round(left, 2), round(top, 2), tones.get(label, "none"), not turn))
    return tuple(found)


def _texts(story: Story, ids: Sequence[str], most: int = 160) -> dict[str, str]:
    own = {id: sample.text for id, sample in rows_of(story, ids).items() if sample.text is not None}
    texts = own | dict(story.texts([id for id in ids if id not in own]))
    return {id: text if len(text) <= most else text[: most - 1] + "…" for id, text in texts.items()}


def as_json(value: Any) -> Markup:
    """JSON that can stand inside a script element: no `<` of the data may end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for bad in "<>&\u2028\u2029":
        text = text.replace(bad, f"\\u{ord(bad):04x}")
    return Markup(text)
