"""Readers of pen strokes: tiny files of each kind, by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tilth.errors import SourceError
from tilth.synthesize.pens.reading import read_written
from tilth.synthesize.pens.written import Written

UNIPEN = """\
.VERSION 1.0
.COORD X Y T
.X_POINTS_PER_INCH 100
.Y_POINTS_PER_INCH 200
.WRITER_ID ann
.COMMENT drawn for the tests
  over two lines
.SEGMENT CHARACTER 0 ? "i"
.SEGMENT CHARACTER 2-4 ? "x"
.SEGMENT CHARACTER 0:1-2:0 ? "cut"
.SEGMENT CHARACTER 1 ? "up"
.SEGMENT PAGE 0-4 ?
.PEN_DOWN
 0 20 1
 0 10 2
 0 0 3
.PEN_UP
 3 3 4
.PEN_DOWN
 0 10 5   10 0 6
.PEN_UP
.PEN_DOWN
 10 10 7
 0 0 8
"""

IAM = """<?xml version="1.0" encoding="ISO-8859-1"?>
<WhiteboardCaptureSession>
  <General writerID="10042"/>
  <StrokeSet>
    <Stroke colour="black"><Point x="1" y="2" time="0.1"/><Point x="3" y="4" time="0.2"/></Stroke>
    <Stroke colour="black"><Point x="5" y="6" time="0.3"/></Stroke>
  </StrokeSet>{more}
</WhiteboardCaptureSession>
"""

INKML = """<?xml version="1.0" encoding="UTF-8"?>
<ink xmlns="http://www.w3.org/2003/InkML">
  <traceFormat>
    <channel name="T" type="integer"/><channel name="X" type="decimal"/>
    <channel name="Y" type="decimal" orientation="-ve"/>
    <intermittentChannels><channel name="F"/></intermittentChannels>
  </traceFormat>
  <annotation type="writer">bea</annotation>
  <annotation type="truth">the whole</annotation>
  <trace xml:id="t0">0 1 2, 1 3 4 .5</trace>
  <trace xml:id="t1" type="penUp">0 9 9, 1 8 8</trace>
  <trace xml:id="t2">0 10 0, '1'2'3, 1-1-1, "0"2"0, 0 0 0, !9!0!0</trace>
  <traceGroup>
    <annotation type="truth">Segmentation</annotation>
    <traceGroup><annotation type="truth">v</annotation><traceView traceDataRef="t0"/></traceGroup>
    <traceGroup><annotation type="truth">x</annotation><traceView traceDataRef="#t2"/></traceGroup>
  </traceGroup>
</ink>
"""


def found(tmp_path: Path, name: str, content: str) -> list[Written]:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return read_written(file)


def fails(tmp_path: Path, name: str, content: str) -> str:
    with pytest.raises(SourceError) as caught:
        found(tmp_path, name, content)
    return str(caught.value)


# -- UNIPEN ---------------------------------------------------------------------------------------------------


def test_unipen_segments_name_components_counted_pen_up_too(tmp_path: Path) -> None:
    written = {one.text: one for one in found(tmp_path, "page.dat", UNIPEN)}
    assert set(written) == {"i", "x", "cut"}  # no label, or no ink: nothing was written
    assert written["i"].writer == "ann"
    assert written["i"].where.endswith("page.dat:8")
    # y points up in the file and down here, and a unit of it is half as long as one of x.
    assert [line.tolist() for line in written["i"].lines] == [[[0, -10], [0, -5], [0, 0]]]
    assert [line.tolist() for line in written["x"].lines] == [[[0, -5], [10, 0]], [[10, -5], [0, 0]]]


def test_unipen_ranges_may_be_cut_at_points(tmp_path: Path) -> None:
    written = {one.text: one for one in found(tmp_path, "page.upn", UNIPEN)}
    assert [line.tolist() for line in written["cut"].lines] == [[[0, -5], [0, 0]], [[0, -5]]]


def test_unipen_files_that_are_included_are_found_in_a_folder_above(tmp_path: Path) -> None:
    head, _, body = UNIPEN.partition(".PEN_DOWN")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "pen.doc").write_text(".PEN_DOWN" + body)
    assert {one.text for one in found(tmp_path, "deep/er/page.dat", head + ".INCLUDE pen.doc\n")} == {"i", "x", "cut"}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        (" 3 3 4", " 3 three 4", 18, "numbers were expected"),
        (" 0 10 2", " 0 10", 15, "3 columns (X Y T)"),
        ("2-4 ?", "2-9 ?", 9, "components 2-9 of 5"),
        ("2-4 ?", "2;4 ?", 9, "no range of components"),
        (".COORD X Y T", ".COORD X P T", 2, "X and Y among them"),
        (".X_POINTS_PER_INCH 100", ".X_POINTS_PER_INCH no", 3, "a number above 0"),
        (".WRITER_ID ann", ".INCLUDE lost.doc", 5, "lost.doc is included"),
        ('0 ? "i"', '0 ? "i', 8, "a segment is written"),
    ],
)
def test_unipen_errors_tell_the_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    told = fails(tmp_path, "page.dat", UNIPEN.replace(old, new, 1))
    assert f"page.dat:{line}: " in told and says in told


def test_a_unipen_file_that_includes_itself_is_told(tmp_path: Path) -> None:
    assert "included by itself" in fails(tmp_path, "page.upn", ".INCLUDE page.upn\n")


# -- IAM-OnDB -------------------------------------------------------------------------------------------------


def test_iam_lines_take_their_text_from_the_file(tmp_path: Path) -> None:
    (one,) = found(tmp_path, "a.xml", IAM.format(more='<Transcription><TextLine text="By hand"/></Transcription>'))
    assert (one.text, one.writer) == ("By hand", "10042")
    assert [line.tolist() for line in one.lines] == [[[1, 2], [3, 4]], [[5, 6]]]


def test_iam_lines_take_their_text_from_a_file_beside_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("in words\n")
    assert found(tmp_path, "a.xml", IAM.format(more=""))[0].text == "in words"


def test_iam_lines_take_their_text_from_the_tree_of_the_database(tmp_path: Path) -> None:
    listed = tmp_path / "ascii" / "a01" / "a01-000"
    listed.mkdir(parents=True)
    (listed / "a01-000u.txt").write_text("OCR:\n\nno\n\nCSR:\n\nfirst line\nsecond line\n")
    name = "lineStrokes/a01/a01-000/a01-000u-{:02d}.xml"
    assert found(tmp_path, name.format(2), IAM.format(more=""))[0].text == "second line"
    assert "line 3 was asked for, and 2 stand" in fails(tmp_path, name.format(3), IAM.format(more=""))


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('x="3"', "", 5, "numbers x and y"),
        ("</StrokeSet>", "", 8, "not well-formed"),
        ("StrokeSet", "Strokes", 2, "a StrokeSet was expected"),
        ("Stroke colour", "Line colour", 5, "not well-formed"),
    ],
)
def test_iam_errors_tell_the_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    told = fails(tmp_path, "a.xml", IAM.format(more="").replace(old, new))
    assert f"a.xml:{line}: " in told and says in told


def test_an_iam_line_without_a_text_is_told(tmp_path: Path) -> None:
    assert "what it says is told neither" in fails(tmp_path, "a.xml", IAM.format(more=""))


# -- InkML ----------------------------------------------------------------------------------------------------


def test_inkml_innermost_groups_are_read_by_reference_and_by_their_channels(tmp_path: Path) -> None:
    v, x = found(tmp_path, "a.inkml", INKML)
    assert (v.text, x.text, v.writer) == ("v", "x", "bea")
    assert [line.tolist() for line in v.lines] == [[[1, -2], [3, -4]]]


def test_inkml_numbers_may_be_differences_and_differences_of_differences(tmp_path: Path) -> None:
    _, x = found(tmp_path, "a.inkml", INKML)
    # 10 0, then by (2, 3), by (-1, -1); the speed changes by (2, 0) and is (1, -1), goes on; and an explicit 0 0.
    assert x.lines[0].tolist() == [[10, 0], [12, -3], [11, -2], [12, -1], [13, 0], [0, 0]]


def test_inkml_without_groups_is_one_text(tmp_path: Path) -> None:
    content = '<ink><annotation type="truth">iv</annotation><trace>0 0, 1 1</trace><trace>2 2</trace></ink>'
    (one,) = found(tmp_path, "a.inkml", content)
    assert one.text == "iv" and [line.tolist() for line in one.lines] == [[[0, 0], [1, 1]], [[2, 2]]]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("1 3 4 .5", "1 3", 10, "a point of 3 values"),
        ("1 3 4 .5", "1 3 four", 10, "a point of 3 values"),
        ('name="X"', 'name="Z"', 10, "X and Y were expected"),
        ('traceDataRef="t0"', 'traceDataRef="t7"', 15, "no trace 't7'"),
        ('type="truth"', 'type="remark"', 2, "no traces with an annotation"),
        ("<ink ", "<inkling ", 18, "not well-formed"),
    ],
)
def test_inkml_errors_tell_the_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    told = fails(tmp_path, "a.inkml", INKML.replace(old, new))
    assert f"a.inkml:{line}: " in told and says in told


def test_xml_that_declares_entities_is_not_read(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE ink [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><ink>&b;</ink>'
    assert "declares entities" in fails(tmp_path, "a.inkml", bomb)


# -- JSON lines -----------------------------------------------------------------------------------------------


def test_json_lines_are_read_gzipped_or_not(tmp_path: Path) -> None:
    rows = [
        {"char": "v", "donor": "ann", "strokes": [[[0, 0], [1, 2], [2, 0]], []]},
        {"text": "iv", "writer": "bea", "strokes": [[[0, 0, 17]]]},
    ]
    content = "\n\n".join(map(json.dumps, rows))
    plain = found(tmp_path, "a.jsonl", content)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(content.encode()))
    packed = read_written(tmp_path / "b.jsonl.gz")
    for one in (plain, packed):
        assert [(w.text, w.writer) for w in one] == [("v", "ann"), ("iv", "bea")]
        assert one[0].lines[0].tolist() == [[0, 0], [1, 2], [2, 0]] and one[1].lines[0].tolist() == [[0, 0]]
    assert plain[1].where.endswith("a.jsonl:3")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not a JSON object"),
        ("[1]", 'an object with "char"'),
        ('{"char": "v"}', '"strokes" is a list'),
        ('{"char": "v", "strokes": [[]]}', "none of the strokes has a point"),
        ('{"char": "v", "strokes": [[[1]]]}', "a list of [x, y]"),
        ('{"char": "v", "strokes": [[[1, "a"]]]}', "a list of [x, y]"),
        ('{"char": "v", "strokes": [[[1, NaN]]]}', "all finite"),
    ],
)
def test_errors_in_json_lines_tell_the_line(tmp_path: Path, line: str, says: str) -> None:
    told = fails(tmp_path, "a.jsonl", '{"char": "i", "strokes": [[[0, 0], [0, 1]]]}\n' + line)
    assert "a.jsonl:2: " in told and says in told


# -- folders --------------------------------------------------------------------------------------------------


def test_a_folder_gives_what_all_its_files_hold_and_passes_over_others(tmp_path: Path) -> None:
    found(tmp_path, "one/page.dat", UNIPEN)
    found(tmp_path, "two/a.inkml", INKML)
    (tmp_path / "README.md").write_text("not ink")
    (tmp_path / "other.xml").write_text("<html/>")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    assert [one.text for one in read_written(tmp_path)] == ["i", "x", "cut", "v", "x"]


def test_what_is_not_there_or_holds_no_strokes_is_told(tmp_path: Path) -> None:
    for place in (tmp_path / "lost", tmp_path):
        with pytest.raises(SourceError, match=r"no such file|no text with pen strokes"):
            read_written(place)
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    with pytest.raises(SourceError, match="no file of pen strokes"):
        read_written(tmp_path / "photo.png")
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(SourceError, match="cannot be read"):
        read_written(tmp_path / "a.jsonl.gz")


@pytest.mark.data
def test_the_letters_of_unipen_donors_are_read(real_data: Path) -> None:
    written = read_written(real_data / "strokes" / "unipen_roman_letters.jsonl.gz")
    assert len(written) == 8040 and {one.text for one in written} == set("ivxIVX")
    assert len({one.writer for one in written}) == 20
    assert all(np.isfinite(np.concatenate(one.lines)).all() for one in written)
