"""Tables are read by the right columns or not at all, and written with the columns they had."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Add, Relabel, Weigh
from tilth.errors import ExportError, SourceError
from tilth.formats.table import Table
from tilth.sample import Sample, made_id
from tilth.testing.contract import check_declarations
from tilth.testing.worlds import multi_label, utterances

CSV = "text,label,split\nhello there,greet,train\nbye now,part,val\nsee you,part,test\n"


def read_text(kit, tmp_path: Path, content: str | bytes, name: str = "data.csv", /, **options):
    return kit.read(Table(), kit.lay(tmp_path, {name: content}) / name, **options)


def labels(reading) -> dict[str, object]:
    from tilth.formats.labels import told_of

    return {s.text or s.path: told_of(s.label, reading.data.schema.classes) for s in reading.data}


def test_keeps_the_contract() -> None:
    check_declarations(Table())


def test_reads_text_label_and_split(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, CSV)
    assert reading.data.schema == Schema("text", "single-label", ("greet", "part"))
    assert {s.text: s.split for s in reading.data} == {"hello there": "train", "bye now": "valid", "see you": "test"}
    assert {s.path for s in reading.data} == {"data:1", "data:2", "data:3"} and {s.home for s in reading.data} == {
        "text"
    }
    assert "text from 'text', label from 'label', split from 'split'" in reading.layout


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_finds_the_delimiter(tmp_path: Path, kit, delimiter: str) -> None:
    assert len(read_text(kit, tmp_path, CSV.replace(",", delimiter)).data) == 3


def test_takes_the_usual_names_and_says_what_was_left(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, "coarse,fine,question\nA,A:x,who is it\nB,B:y,where is it\n")
    assert "label from 'coarse' (not 'fine', which stays as it is)" in reading.layout
    chosen = read_text(kit, tmp_path, "coarse,fine,question\nA,A:x,who is it\nB,B:y,where is it\n", label="fine")
    assert chosen.data.schema.classes == ("A:x", "B:y")


def test_looks_where_names_say_nothing(tmp_path: Path, kit) -> None:
    rows = "".join(f"{'xy'[n % 2]},this is the text number {n}\n" for n in range(10))
    reading = read_text(kit, tmp_path, "kind,words\n" + rows)
    assert reading.data.schema.classes == ("x", "y") and len(reading.data) == 10


def test_unclear_columns_are_listed_with_the_way_to_name_them(tmp_path: Path, kit) -> None:
    rows = "".join(f"{'xy'[n % 2]},{'pq'[n % 2]},this is the text number {n}\n" for n in range(10))
    with pytest.raises(
        SourceError, match=r"kind, sort could all be it.\n  Its columns are: kind, sort, words\n.*--label-column NAME"
    ):
        read_text(kit, tmp_path, "kind,sort,words\n" + rows)
    with pytest.raises(SourceError, match="--text-column NAME"):
        read_text(kit, tmp_path, "label,number\nx,1\ny,2\n")


@pytest.mark.parametrize("option", ["text", "label", "split", "path"])
def test_a_missing_column_is_named(tmp_path: Path, kit, option: str) -> None:
    with pytest.raises(SourceError, match=rf"no column 'lable' \(--{option}-column\); did you mean 'label'"):
        read_text(kit, tmp_path, CSV, **{option: "lable"})


@pytest.mark.parametrize(
    "text",
    ["good day,greet\nbye now,part\nhello,greet\n", "1,3\n2,4\n", "x,\nz,a\n"],
    ids=["a label that comes again", "a number", "an empty name"],
)
def test_a_csv_without_a_header_is_refused(tmp_path: Path, kit, text: str) -> None:
    with pytest.raises(SourceError, match="seems to have no header"):
        read_text(kit, tmp_path, text)


def test_a_first_line_that_names_a_file_is_no_header(tmp_path: Path, kit) -> None:
    kit.lay(tmp_path, {"a.png": 1, "b.png": 2})
    with pytest.raises(SourceError, match=r"'a.png' is a file"):
        read_text(kit, tmp_path, "a.png,cat\nb.png,dog\n")


def test_bad_rows_are_set_aside_with_their_number(tmp_path: Path, kit) -> None:
    text = b"text,label\nfine,a\n\xff\xfe,a\n,a\nno label,\ntoo,many,values\ncaf\xe9,b\nok,b\n"
    reading = read_text(kit, tmp_path, text)
    assert set(labels(reading)) == {"fine", "ok"}
    assert kit.why(reading) == {
        "data.csv:2": "not UTF-8 text",
        "data.csv:3": "the text is empty",
        "data.csv:4": "it has no label",
        "data.csv:5": "the row has 3 values, and the header 2",
        "data.csv:6": "not UTF-8 text",
    }


def test_bad_lines_of_jsonl_are_set_aside(tmp_path: Path, kit) -> None:
    lines = [
        b'{"text": "fine", "label": 3}',
        b"{",
        b"[1]",
        b'{"text": "\xff", "label": 1}',
        b'{"text": null, "label": 1}',
        b'{"text": 7, "label": 1}',
        b'{"text": "x"}',
    ]
    reading = read_text(kit, tmp_path, b"\n".join(lines), "data.jsonl")
    assert labels(reading) == {"fine": "3"}
    assert [why.split(" (")[0] for _, why in sorted(kit.why(reading).items())] == [
        "not JSON",
        "not a JSON object",
        "not UTF-8 text",
        "the text is empty",
        "its text is a int",
        "it has no label",
    ]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("d.csv", b"", "is empty"),
        ("d.csv", b"text,label\n", "no sample could be read"),
        ("d.csv", "text,label\nä,b\n".encode("utf-16"), "UTF-16"),
        ("d.csv", b'text,label\n"never closed,a\nb,c\n', "opened and never closed"),
        ("d.csv", b"text,text,label\na,b,c\n", "two columns called 'text'"),
        ("d.jsonl", b"", "holds no rows"),
        ("d.jsonl", b"no\nno\n", "no line of 2 is a JSON object"),
        ("d.parquet", b"PAR1 but no more", "no parquet file"),
        ("d.parquet", b"", "no parquet file"),
    ],
)
def test_a_file_that_is_no_table_says_so(tmp_path: Path, kit, name: str, content: bytes, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        read_text(kit, tmp_path, content, name)


def test_a_very_long_text_and_quotes_and_lines_are_read(tmp_path: Path, kit) -> None:
    long = "word " * 60_000
    reading = read_text(kit, tmp_path, f'text,label\n"{long}",a\n"two ""quoted""\nlines",b\n')
    assert set(labels(reading)) == {long, 'two "quoted"\nlines'}


def test_several_labels_are_found_however_they_are_spelled(tmp_path: Path, kit) -> None:
    want = {"one": ("a",), "two": ("a", "b"), "three": ("b",)}
    spelled = {
        "p.csv": "text,labels\none,a\ntwo,a|b\nthree,b\n",
        "s.csv": "text,labels\none,a\ntwo,a; b\nthree,b\n",
        "j.csv": 'text,labels\none,"[""a""]"\ntwo,"[""a"", ""b""]"\nthree,"[""b""]"\n',
        "py.csv": "text,labels\none,['a']\ntwo,\"['a', 'b']\"\nthree,['b']\n",
        "l.jsonl": "\n".join(json.dumps({"text": text, "labels": list(told)}) for text, told in want.items()),
    }
    for name, text in spelled.items():
        reading = read_text(kit, tmp_path, text, name)
        assert reading.data.schema.task == "multi-label" and labels(reading) == want, name
    columns = "text,a,b\none,1,0\ntwo,1,1\nthree,0,1\n"
    assert labels(read_text(kit, tmp_path, columns, "c.csv", label="a,b")) == want
    bad = read_text(kit, tmp_path, columns + "four,2,0\n", "c.csv", label="a,b")
    assert kit.why(bad) == {"c.csv:4": "its label holds '2', which is neither 0 nor 1"}


def test_a_separator_is_not_seen_where_the_task_is_told(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, "text,label\none,a|b\ntwo,a|b\nthree,a\n", task="single-label")
    assert reading.data.schema.classes == ("a", "a|b")


def test_shares_make_soft_labels(tmp_path: Path, kit) -> None:
    rows = [
        {"text": "one", "label": {"a": 0.25, "b": 0.75}},
        {"text": "two", "label": "b"},
        {"text": "three", "label": {"a": 0.5}},
    ]
    reading = read_text(kit, tmp_path, "\n".join(map(json.dumps, rows)), "d.jsonl")
    assert {s.text: s.label for s in reading.data} == {"one": ((0, 0.25), (1, 0.75)), "two": 1}
    assert kit.why(reading) == {"d:3": "the shares of its label add up to 0.5, not to 1"}


def test_paths_lead_to_pictures_and_never_out(tmp_path: Path, kit) -> None:
    kit.lay(tmp_path / "outside", {"secret.png": 5})
    root = kit.lay(tmp_path / "root", {"images/1.png": 1, "images/2.png": 2, "bad.png": b"rubbish"})
    (root / "link.png").symlink_to(tmp_path / "outside/secret.png")
    paths = [
        "images/1.png",
        "images\\2.png",
        "../outside/secret.png",
        "/etc/passwd",
        "link.png",
        "gone.png",
        "",
        "bad.png",
        "x" * 5000,
    ]
    (root / "d.csv").write_text("path,label\n" + "".join(f"{path},a\n" for path in paths))
    reading = kit.read(Table(), root / "d.csv")
    assert {s.path for s in reading.data} == {"images/1.png", "images/2.png"} and {s.home for s in reading.data} == {
        "source"
    }
    why = kit.why(reading)
    assert why["d.csv:3"].endswith("leads out of the source") and why["d.csv:4"].endswith("leads out of the source")
    assert why["d.csv:5"] == "link.png is a link out of the source" and why["d.csv:6"] == "there is no file gone.png"
    assert why["d.csv:7"] == "it has no path" and "d.csv:9" in why and "no known image format" in why["bad.png"]


def test_paths_may_be_told_from_a_folder_beside_the_table(tmp_path: Path, kit) -> None:
    root = kit.lay(
        tmp_path / "in", {"pictures/1.png": 1, "pictures/2.png": 2, "d.csv": "file,label\n1.png,a\n2.png,b\n"}
    )
    reading = kit.read(Table(), root)
    assert {s.path for s in reading.data} == {
        "pictures/1.png",
        "pictures/2.png",
    } and "below pictures/" in reading.layout
    Table().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert (tmp_path / "out/d.csv").read_text() == (root / "d.csv").read_text()
    assert kit.names(tmp_path / "out") == ["d.csv", "pictures/1.png", "pictures/2.png"]


def test_one_file_under_two_labels_makes_two_samples_and_one_file(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path / "in", {"1.png": 1, "d.csv": "path,label,note\n1.png,a,x\n1.png,b,y\n1.png,b,z\n"})
    reading = kit.read(Table(), root)
    assert {s.path: s.label for s in reading.data} == {"1.png": 0, "./1.png": 1, "././1.png": 1}
    Table().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert (tmp_path / "out/d.csv").read_text() == (root / "d.csv").read_text()
    assert kit.names(tmp_path / "out") == ["1.png", "d.csv"]


def test_tables_named_after_splits_are_one_source(tmp_path: Path, kit) -> None:
    files = {
        "T_train.csv": "text,label\none,a\ntwo,b\n",
        "T_test.csv": "text,label\nthree,a\n",
        "other.csv": "x,y\n1,2\n",
    }
    root = kit.lay(tmp_path / "in", files)
    reading = kit.read(Table(), root)
    assert {s.path: s.split for s in reading.data} == {"T_train:1": "train", "T_train:2": "train", "T_test:1": "test"}
    Table().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert {n: (tmp_path / "out" / n).read_text() for n in kit.names(tmp_path / "out")} == {
        n: files[n] for n in ("T_train.csv", "T_test.csv")
    }


def test_several_tables_of_no_split_are_not_guessed_at(tmp_path: Path, kit) -> None:
    with pytest.raises(SourceError, match=r"holds 2 tables \(a.csv, b.csv\)"):
        kit.read(Table(), kit.lay(tmp_path, {"a.csv": CSV, "b.csv": CSV}))


def test_an_id_column_names_the_samples(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, "id,text,label\nq7,one,a\nq8,two,b\n")
    assert {s.path for s in reading.data} == {"data:q7", "data:q8"}
    Table().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert (tmp_path / "out/data.csv").read_text() == (tmp_path / "data.csv").read_text()


# -- writing ----------------------------------------------------------------------------------------------------


def made(data: Dataset, parent: str, content: bytes) -> Add:
    first = data[parent]
    text = content.decode() if data.schema.modality == "text" else None
    sample = Sample(
        made_id((parent,), "swap", 0),
        digest_bytes(content),
        f"{Path(first.path).stem}_swap" + ("" if text else ".png"),
        first.label,
        first.split,
        parents=(parent,),
        maker="augment.text:swap",
        home="text" if text else "blob",
        text=text,
    )
    return Add(sample, "to fill the class", content=content)


def test_an_improved_table_keeps_order_columns_and_other_values(tmp_path: Path, kit) -> None:
    source = "note;words;label\nn1;one here now;a\nn2;two here now;b\nn3;three here now;b\n"
    reading = read_text(kit, tmp_path / "in", source, "d.csv", text="words")
    before = kit.tree(tmp_path / "in")
    ids = {s.path: s.id for s in reading.data}
    add = made(reading.data, ids["d:1"], b"one now here")
    data = reading.data.apply([add, Relabel(ids["d:2"], 1, 0, "seen")])
    Table().write(data, tmp_path / "out.csv", kit.contents(reading), reading.facts)
    want = "note;words;label\nn1;one here now;a\nn2;two here now;a\nn3;three here now;b\n;one now here;a\n"
    assert (tmp_path / "out.csv").read_text() == want
    Table().write(data, tmp_path / "out", kit.contents(reading), {**reading.facts, "lineage": True})
    assert (tmp_path / "out/d.csv").read_text().splitlines()[-1] == f";one now here;a;augment.text:swap;{ids['d:1']}"
    assert kit.tree(tmp_path / "in") == before


def test_weights_have_a_column_where_they_differ(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, "text,label\none here,a\ntwo here,b\n")
    lighter = reading.data.apply([Weigh(str(reading.data.ids[0]), 0.25, "doubted")])
    Table().write(lighter, tmp_path / "out.csv", kit.contents(reading), reading.facts)
    told = {s.text: s.weight for s in lighter}
    want = f"text,label,weight\none here,a,{told['one here']}\ntwo here,b,{told['two here']}\n"
    assert (tmp_path / "out.csv").read_text() == want
    heavy = read_text(kit, tmp_path, "text,label,weight\none here,a,70\ntwo here,b,80\n", "kilos.csv", label="label")
    lighter = heavy.data.apply([Weigh(str(heavy.data.ids[0]), 0.25, "doubted")])
    Table().write(lighter, tmp_path / "again.csv", kit.contents(heavy), heavy.facts)
    assert (tmp_path / "again.csv").read_text().startswith("text,label,weight,tilth_weight\none here,a,70,")


def test_made_pictures_lie_with_the_others(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path / "in", {"p/1.jpg": 1, "p/2.jpg": 2, "d.csv": "path,label\np/1.jpg,a\np/2.jpg,b\n"})
    reading = kit.read(Table(), root)
    add = made(reading.data, str(reading.data.ids[0]), kit.picture(9))
    Table().write(
        reading.data.apply([add]), tmp_path / "out", kit.contents(reading, {add.id: add.content or b""}), reading.facts
    )
    assert len(kit.names(tmp_path / "out/p")) == 3 and len(kit.read(Table(), tmp_path / "out").data) == 3
    with pytest.raises(ExportError, match="pictures need a folder"):
        Table().write(reading.data, tmp_path / "out.csv", kit.contents(reading), reading.facts)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", ["single", "multi", "soft", "mixed"])
def test_every_kind_of_label_comes_back(tmp_path: Path, kit, suffix: str, kind: str) -> None:
    data = multi_label(30, seed=2).data if kind == "multi" else utterances(30, seed=2).data
    if kind in ("soft", "mixed"):
        soft = [replace(s, label=((0, 0.25), (2, 0.75))) if kind == "soft" or n % 2 else s for n, s in enumerate(data)]
        data = Dataset.from_samples(soft, data.schema)
    contents = lambda rows: ((s.text or "").encode() for s in rows)  # noqa: E731
    Table().write(data, tmp_path / f"d{suffix}", contents, {})
    reading = kit.read(Table(), tmp_path / f"d{suffix}", classes=data.schema.classes)
    assert kit.bag(reading.data) == kit.bag(data) and reading.data.schema == data.schema
    Table().write(reading.data, tmp_path / "again", kit.contents(reading), reading.facts)
    assert kit.bag(kit.read(Table(), tmp_path / "again", classes=data.schema.classes).data) == kit.bag(data)


def test_numbers_stay_numbers(tmp_path: Path, kit) -> None:
    pq.write_table(pa.table({"text": ["a b", "c d"], "label": [10, 2], "score": [0.5, 1.5]}), tmp_path / "d.parquet")
    reading = kit.read(Table(), tmp_path / "d.parquet")
    assert reading.data.schema.classes == ("2", "10")
    Table().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert pq.read_table(tmp_path / "out/d.parquet").equals(pq.read_table(tmp_path / "d.parquet"))


def test_rows_without_a_split_are_set_aside(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, CSV + "who knows,greet,\n")
    assert kit.why(reading) == {"data.csv:4": "it has no value in the column 'split'"}
    Table().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert (tmp_path / "out/data.csv").read_text() == CSV


def test_facts_are_plain_json(tmp_path: Path, kit) -> None:
    reading = read_text(kit, tmp_path, CSV)
    assert json.loads(json.dumps(reading.facts)) == reading.facts
