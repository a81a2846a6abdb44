"""IAM-OnDB: lines written on a whiteboard, one XML file each, the text in it or in a file beside it.

Source: Liwicki and Bunke 2005. Its terms allow research that is not commercial; nothing of it comes with this package.
"""

from __future__ import annotations

from pathlib import Path

from tilth.errors import SourceError
from tilth.signal import Array
from tilth.synthesize.pens.marked_up import Element, read_xml
from tilth.synthesize.pens.written import Written, points_of, text_of


def read_iam_ondb(file: Path) -> list[Written]:
    """The line of a file. Its text is looked for in a `TextLine`, in a .txt file of the same name, and in the database's own
    tree: `lineStrokes/a01/a01-000/a01-000u-02.xml` has line 2 of `CSR:` in `ascii/a01/a01-000/a01-000u.txt`.

    Raises SourceError, with file and line.
    """
    root = read_xml(file)
    sets = list(root.below("StrokeSet"))
    if root.name != "WhiteboardCaptureSession" or not sets:
        raise SourceError(f"{file}:{root.line}: a WhiteboardCaptureSession with a StrokeSet was expected")
    lines = tuple(_points(stroke, file) for found in sets for stroke in found.own("Stroke") if stroke.own("Point"))
    if not lines:
        raise SourceError(f"{file}:{sets[0].line}: none of its strokes has a point")
    writer = next((one.attributes.get("writerID", "") for one in root.below("General") if one.attributes), "")
    writer = writer or file.stem.rstrip("0123456789").rstrip("-")
    return [Written(_text(root, file), lines, writer, f"{file}:{sets[0].line}")]


def _points(stroke: Element, file: Path) -> Array:
    rows: list[list[float]] = []
    for point in stroke.own("Point"):
        try:
            rows.append([float(point.attributes["x"]), float(point.attributes["y"])])
        except (KeyError, ValueError):
            raise SourceError(f"{file}:{point.line}: a Point has numbers x and y, found {point.attributes}") from None
    return points_of(rows, f"{file}:{stroke.line}")


def _text(root: Element, file: Path) -> str:
    lines = [one.attributes["text"] for one in root.below("TextLine") if one.attributes.get("text")]
    if len(lines) == 1:
        return lines[0]
    beside = file.with_suffix(".txt")
    if beside.is_file():
        return text_of(beside).strip()
    form, _, number = file.stem.rpartition("-")
    for folder in file.parents:
        if folder.name.lower().startswith("linestrokes") and number.isdigit():
            listed = folder.parent / "ascii" / file.parent.relative_to(folder) / f"{form}.txt"
            if listed.is_file():
                return _listed(listed, int(number))
    raise SourceError(
        f"{file}: what it says is told neither by one TextLine in it, nor by {beside.name}, nor in a folder `ascii` beside "
        "`lineStrokes`"
    )


def _listed(file: Path, number: int) -> str:
    """Line `number`, from 1, of those below `CSR:`."""
    rows = [line.strip() for line in text_of(file).splitlines()]
    if "CSR:" not in rows:
        raise SourceError(f"{file}: a line `CSR:` was expected, with the text below it")
    texts = [(at, row) for at, row in enumerate(rows, 1) if at > rows.index("CSR:") + 1 and row]
    if not 1 <= number <= len(texts):
        raise SourceError(f"{file}: line {number} was asked for, and {len(texts)} stand below `CSR:`")
    return texts[number - 1][1]
