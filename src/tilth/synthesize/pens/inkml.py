"""InkML: traces, the channels they are written in, and annotations that say what they are.

Source: the W3C recommendation Ink Markup Language, 2011. Traces may hold differences (`'`), differences of differences
(`"`) and explicit values (`!`); a trace format names channels, which may be intermittent or point the other way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilth.errors import SourceError
from tilth.signal import Array
from tilth.synthesize.pens.marked_up import Element, read_xml
from tilth.synthesize.pens.written import Written

_TRUTHS = ("truth", "transcription", "label", "text", "normalizedtruth")
_TOKEN = re.compile(r"""([!'"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|\#[0-9A-Fa-f]+|[*?TF])""")


@dataclass(frozen=True)
class _Format:
    """Names of the channels, those that every point has and those that may be left out; 1 or -1 for x and for y."""

    channels: tuple[str, ...] = ("X", "Y")
    optional: tuple[str, ...] = ()
    signs: tuple[float, float] = (1.0, 1.0)


def read_inkml(file: Path) -> list[Written]:
    """The innermost groups of traces that have a truth, or the whole file where only that has one.

    Raises SourceError, with file and line.
    """
    root = read_xml(file)
    if root.name != "ink":
        raise SourceError(f"{file}:{root.line}: an element `ink` was expected, found `{root.name}`")
    formats = _formats(root)
    traces = [one for one in root.below("trace") if one.attributes.get("type", "penDown") == "penDown"]
    by_id = {one.attributes["id"]: one for one in traces if "id" in one.attributes}
    writer = next((a.text.strip() for a in root.below("annotation") if a.attributes.get("type") == "writer"), "")
    found: list[Written] = []
    for group, truth in _told(root):
        lines = tuple(_line(one, formats, file) for one in _within(group, by_id, file))
        lines = tuple(line for line in lines if len(line))
        if lines:
            found.append(Written(truth, lines, writer, f"{file}:{group.line}"))
    if not found:
        raise SourceError(f"{file}:{root.line}: no traces with an annotation of the type {' or '.join(_TRUTHS[:3])}")
    return found


def _told(element: Element) -> list[tuple[Element, str]]:
    """Groups with their truth, innermost ones only."""
    inner = [pair for child in element.children for pair in _told(child)]
    if inner:
        return inner
    told = [a.text.strip() for a in element.own("annotation") if a.attributes.get("type", "").lower() in _TRUTHS]
    return [(element, told[0])] if told and told[0] else []


def _within(group: Element, by_id: dict[str, Element], file: Path) -> list[Element]:
    """Its traces, by their own place or by reference."""
    found: list[Element] = []
    for one in (*group.below("trace"), *group.below("traceView")):
        if one.name == "trace":
            if one.attributes.get("type", "penDown") == "penDown":
                found.append(one)
        elif "traceDataRef" in one.attributes:
            name = one.attributes["traceDataRef"].lstrip("#")
            if name not in by_id:
                raise SourceError(f"{file}:{one.line}: there is no trace {name!r}")
            found.append(by_id[name])
    return found


def _formats(root: Element) -> dict[str, _Format]:
    """By the id of the format or of the context that holds it; the first one is the default, under an empty name."""
    found: dict[str, _Format] = {}
    for one in root.below("traceFormat"):
        found.setdefault("", _format(one))
        found[one.attributes.get("id", "")] = _format(one)
    for context in root.below("context"):
        inner = [_format(one) for one in context.below("traceFormat")]
        told = context.attributes.get("traceFormatRef", "").lstrip("#")
        if "id" in context.attributes and (inner or told in found):
            found[context.attributes["id"]] = inner[0] if inner else found[told]
    return found or {"": _Format()}


def _format(element: Element) -> _Format:
    channels = [one.attributes.get("name", "") for one in element.own("channel")]
    extra = [
        one.attributes.get("name", "") for two in element.own("intermittentChannels") for one in two.own("channel")
    ]
    against = {
        one.attributes.get("name") for one in element.own("channel") if one.attributes.get("orientation") == "-ve"
    }
    return _Format(tuple(channels), tuple(extra), (-1.0 if "X" in against else 1.0, -1.0 if "Y" in against else 1.0))


def _line(trace: Element, formats: dict[str, _Format], file: Path) -> Array:
    """(n, 2) of a trace."""
    where = f"{file}:{trace.line}"
    form = formats.get(trace.attributes.get("contextRef", "").lstrip("#"), formats.get("", _Format()))
    if not {"X", "Y"} <= set(form.channels):
        raise SourceError(f"{where}: its format has the channels {' '.join(form.channels)}, X and Y were expected")
    columns = (form.channels.index("X"), form.channels.index("Y"))
    number = len(form.channels)
    state = [_Channel() for _ in range(number)]
    rows: list[tuple[float, float]] = []
    for point in trace.text.split(","):
        tokens = _TOKEN.findall(point)
        if _TOKEN.sub("", point).strip() or not number <= len(tokens) <= number + len(form.optional):
            if not point.strip():
                continue
            raise SourceError(f"{where}: a point of {number} values was expected, found {point.strip()!r}")
        values = [channel.next(mark, word) for channel, (mark, word) in zip(state, tokens, strict=False)]
        rows.append((values[columns[0]], values[columns[1]]))
    points = np.asarray(rows, np.float64).reshape(-1, 2) * form.signs
    if not np.isfinite(points).all():
        raise SourceError(f"{where}: a point is not finite")
    return points


@dataclass
class _Channel:
    """What a channel's next number means: a value, a difference, or a difference of differences."""

    mark: str = "!"
    value: float = 0.0
    speed: float = 0.0

    def next(self, mark: str, word: str) -> float:
        self.mark = mark or self.mark
        number = _number(word)
        if number is None:  # a truth value or one not known: of no use to a line
            return self.value
        before = self.value
        if self.mark == "!":
            self.value = number
        elif self.mark == "'":
            self.value += number
        else:
            self.speed += number
            self.value += self.speed
            return self.value
        self.speed = self.value - before
        return self.value


def _number(word: str) -> float | None:
    if word in ("*", "?", "T", "F"):
        return None
    return float(int(word[1:], 16)) if word.startswith("#") else float(word)
