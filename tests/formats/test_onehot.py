"""Paper 4's layout is read with every odd row set aside, and written so that the paper's rules accept it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Add, Drop, Relabel
from tilth.errors import ExportError, SourceError
from tilth.formats.onehot import OneHot, check_paper4
from tilth.sample import Sample, made_id, raw_id
from tilth.testing.contract import check_declarations

KEYS = ("aa-1", "bb-2", "cc-3", "dd-4")


def a_set(kit, root: Path, labels: dict[str, object] | None = None, keys: tuple[str, ...] = KEYS) -> Path:
    """Pictures of these keys, one-hot in turn over two classes; or with these labels."""
    kit.lay(root, {f"imgs/img_{key}.jpg": number for number, key in enumerate(keys)})
    told = {f"img_{key}": [[1, 0], [0, 1]][n % 2] for n, key in enumerate(keys)} if labels is None else labels
    (root / "data-labels.json").write_text(json.dumps(told))
    return root


def test_keeps_the_contract() -> None:
    check_declarations(OneHot())


def test_reads_the_papers_layout(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path / "team-training-set")
    reading = kit.read(OneHot(), root)
    assert reading.data.schema == Schema("image", "single-label", ("0", "1"))
    assert {s.path: s.label for s in reading.data} == {f"imgs/img_{key}.jpg": n % 2 for n, key in enumerate(KEYS)}
    assert set(reading.data.splits) == {"train"} and not reading.aside and OneHot().count(root) == 4


def test_a_folder_of_sets_has_splits(tmp_path: Path, kit) -> None:
    for name in ("team-training-set", "team-validation-set", "team-test-set"):
        a_set(kit, tmp_path / name)
    reading = kit.read(OneHot(), tmp_path)
    assert {s.path.split("/")[0]: s.split for s in reading.data} == {
        "team-training-set": "train",
        "team-validation-set": "valid",
        "team-test-set": "test",
    }
    told = kit.read(OneHot(), tmp_path, splits={"validation": "train"})
    assert set(told.data.splits) == {"train", "test"}


def test_class_names_come_from_a_file_or_from_an_option(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path / "s")
    assert kit.read(OneHot(), root, classes=["cat", "lynx"]).data.schema.classes == ("cat", "lynx")
    for told in (["cat", "lynx"], {"0": "cat", "1": "lynx"}):
        (root / "class-names.json").write_text(json.dumps(told))
        assert kit.read(OneHot(), root).data.schema.classes == ("cat", "lynx")
    with pytest.raises(SourceError, match="3 class names are given for labels of 2 values"):
        kit.read(OneHot(), root, classes=["a", "b", "c"])


def test_every_odd_row_is_set_aside_with_its_reason(tmp_path: Path, kit) -> None:
    labels = {
        "img_aa-1": [1, 0],
        "img_bb-2": [0, 1, 0],
        "img_cc-3": [0.5, 0.5],
        "img_dd-4": "cat",
        "img_gone": [1, 0],
        "img_ee-5": None,
        "img_ff-6": [0, 1],
    }
    root = a_set(kit, tmp_path, labels, (*KEYS, "ee-5", "ff-6", "unlabelled"))
    kit.lay(root, {"imgs/img_aa-1.png": 7, "imgs/deeper/x.jpg": 3})
    reading = kit.read(OneHot(), root)
    assert {s.path for s in reading.data} == {"imgs/img_aa-1.jpg", "imgs/img_ff-6.jpg"}
    assert kit.why(reading) == {
        "imgs/img_bb-2.jpg": "its label has 3 values, and there are 2 classes",
        "imgs/img_cc-3.jpg": "its label holds 0.5, which is neither 0 nor 1",
        "imgs/img_dd-4.jpg": "its label is a string, not a list of 0s and 1s",
        "imgs/img_ee-5.jpg": "its label is a null, not a list of 0s and 1s",
        "imgs/img_unlabelled.jpg": "data-labels.json has no label for 'img_unlabelled'",
        "imgs/img_aa-1.png": "img_aa-1.jpg has the same key 'img_aa-1'",
        "imgs/deeper": "a folder within imgs/",
        "data-labels.json: img_gone": "there is no picture of this key in imgs/",
    }


def test_rows_of_other_sums_make_it_multi_label_unless_told(tmp_path: Path, kit) -> None:
    labels = {"img_aa-1": [1, 0, 0], "img_bb-2": [0, 1, 1], "img_cc-3": [0, 0, 0], "img_dd-4": [0, 0, 1]}
    root = a_set(kit, tmp_path, labels)
    reading = kit.read(OneHot(), root)
    assert reading.data.schema.task == "multi-label" and "2 rows have more or less than one 1" in reading.layout
    assert {s.path[9:13]: s.label for s in reading.data} == {
        "aa-1": frozenset({0}),
        "bb-2": frozenset({1, 2}),
        "cc-3": frozenset(),
        "dd-4": frozenset({2}),
    }
    told = kit.read(OneHot(), root, task="single-label")
    assert len(told.data) == 2 and set(kit.why(told).values()) == {
        "it has 2 labels, and the task is single-label",
        "it has 0 labels, and the task is single-label",
    }


def test_a_key_that_comes_twice_with_two_labels_is_told(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path)
    (root / "data-labels.json").write_text('{"img_aa-1": [1, 0], "img_bb-2": [0, 1], "img_aa-1": [0, 1]}')
    assert "comes twice" in kit.why(kit.read(OneHot(), root))["data-labels.json: img_aa-1"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON"),
        ("[1]", "must hold an object"),
        ("{}", "no picture"),
        ("\udcff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
    ids=["cut off", "a list", "empty", "not utf-8", "too deep"],
)
def test_a_json_that_is_none_says_so(tmp_path: Path, kit, text: str, why: str) -> None:
    root = a_set(kit, tmp_path)
    (root / "data-labels.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SourceError, match=why):
        kit.read(OneHot(), root)


# -- writing ----------------------------------------------------------------------------------------------------


def made(data: Dataset, parent: str, technique: str, ordinal: int, content: bytes) -> Add:
    parents = (parent,)
    first = data[parent]
    sample = Sample(
        made_id(parents, technique, ordinal),
        digest_bytes(content),
        f"{Path(first.path).stem}_{technique}.png",
        first.label,
        first.split,
        parents=parents,
        maker=f"augment.geometric:{technique}",
        home="blob",
    )
    return Add(sample, "to fill the class", content=content)


def improved(reading, kit) -> tuple[Dataset, dict[str, bytes]]:
    """Two oversampled copies and a sheared one of the first, one of a made one; a relabelled and a dropped one."""
    data = reading.data
    ids = {Path(s.path).stem: s.id for s in data}
    first = ids["img_aa-1"]
    adds = [made(data, first, "oversampling", n, kit.picture(90 + n)) for n in range(2)]
    adds.append(made(data, first, "shear", 0, kit.picture(95)))
    data = data.apply([*adds, Relabel(ids["img_bb-2"], 1, 0, "seen"), Drop(ids["img_cc-3"], "junk")])
    again = made(data, adds[2].id, "zoom", 0, kit.picture(96))
    data = data.apply([again])
    contents = {add.id: add.content or b"" for add in (*adds, again)}
    return data, contents


def test_the_paper_accepts_what_is_written(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path / "team-training-set")
    before = kit.tree(root)
    reading = kit.read(OneHot(), root)
    data, contents = improved(reading, kit)
    out = tmp_path / "better-training-set"
    OneHot().write(data, out, kit.contents(reading, contents), reading.facts)
    names = [name.removeprefix("imgs/img_") for name in kit.names(out)[1:]]
    assert names == [
        "aa-1.jpg",
        "aa-1_oversampling-1.jpg",
        "aa-1_oversampling-2.jpg",
        "aa-1_shear.jpg",
        "aa-1_zoom.jpg",
        "bb-2.jpg",
        "dd-4.jpg",
    ]
    assert check_paper4(out, original=root, budget=7) == []
    assert (out / "imgs/img_aa-1.jpg").read_bytes() == (root / "imgs/img_aa-1.jpg").read_bytes()
    labels = json.loads((out / "data-labels.json").read_text())
    assert labels["img_bb-2"] == [1, 0] and labels["img_aa-1_zoom"] == [1, 0]
    assert kit.tree(root) == before


def test_what_was_made_of_a_dropped_original_keeps_its_key(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path / "team-training-set")
    reading = kit.read(OneHot(), root)
    first = next(s.id for s in reading.data if "aa-1" in s.path)
    add = made(reading.data, first, "shear", 0, kit.picture(95))
    data = reading.data.apply([add]).apply([Drop(first, "near copy")])
    out = tmp_path / "x-training-set"
    OneHot().write(data, out, kit.contents(reading, {add.id: add.content or b""}), reading.facts)
    assert "imgs/img_aa-1_shear.jpg" in kit.names(out) and check_paper4(out, original=root) == []


def test_an_export_can_be_improved_again(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path / "team-training-set")
    first = kit.read(OneHot(), root)
    data, contents = improved(first, kit)
    OneHot().write(data, tmp_path / "once-training-set", kit.contents(first, contents), first.facts)
    second = kit.read(OneHot(), tmp_path / "once-training-set")
    ids = {Path(s.path).stem: s.id for s in second.data}
    adds = [
        made(second.data, ids["img_aa-1"], "shear", 0, kit.picture(70)),
        made(second.data, ids["img_aa-1_shear"], "turn", 0, kit.picture(71)),
    ]
    better = second.data.apply(adds)
    out = tmp_path / "twice-training-set"
    OneHot().write(better, out, kit.contents(second, {a.id: a.content or b"" for a in adds}), second.facts)
    assert check_paper4(out, original=root) == []
    assert {"imgs/img_aa-1_shear.jpg", "imgs/img_aa-1_shear-1.jpg", "imgs/img_aa-1_turn.jpg"} <= set(kit.names(out))


def test_splits_become_the_papers_folders(tmp_path: Path, kit) -> None:
    a_set(kit, tmp_path / "in/team-training-set")
    a_set(kit, tmp_path / "in/team-validation-set", keys=("ee-5", "ff-6"))
    reading = kit.read(OneHot(), tmp_path / "in")
    OneHot().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert sorted(item.name for item in (tmp_path / "out").iterdir()) == ["team-training-set", "team-validation-set"]
    again = kit.read(OneHot(), tmp_path / "out")
    assert again.data.version == reading.data.version
    OneHot().write(reading.data, tmp_path / "named", kit.contents(reading), {**reading.facts, "name": "us"})
    assert sorted(item.name for item in (tmp_path / "named").iterdir()) == ["us-training-set", "us-validation-set"]


def test_a_lone_set_lies_in_a_folder_of_its_name_or_is_it(tmp_path: Path, kit) -> None:
    reading = kit.read(OneHot(), a_set(kit, tmp_path / "team-training-set"))
    OneHot().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert [item.name for item in (tmp_path / "out").iterdir()] == ["team-training-set"]
    OneHot().write(reading.data, tmp_path / "us-training-set", kit.contents(reading), reading.facts)
    assert (tmp_path / "us-training-set/imgs").is_dir()


def test_pictures_of_another_layout_get_keys_and_jpeg(tmp_path: Path, kit) -> None:
    content = kit.picture(1, side_px=64)
    samples = [Sample(raw_id("c", f"{n}/a_b.png"), digest_bytes(content), f"{n}/a_b.png", n) for n in range(2)]
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("cat", "dog")))
    out = tmp_path / "x-training-set"
    OneHot().write(data, out, lambda d: iter([content] * len(d)), {})
    assert json.loads((out / "class-names.json").read_text()) == ["cat", "dog"]
    assert len(kit.names(out / "imgs")) == 2 and kit.names(out / "imgs")[1] == "img_a-b.jpg"
    assert len(kit.read(OneHot(), out).data) == 2


def test_what_the_layout_cannot_hold_is_refused(tmp_path: Path, kit) -> None:
    reading = kit.read(OneHot(), a_set(kit, tmp_path / "in"))
    for label, why in ((((0, 0.5), (1, 0.5)), "soft label"), (None, "no label")):
        data = Dataset.from_samples([replace(s, label=label) for s in reading.data], reading.data.schema)
        with pytest.raises(ExportError, match=why):
            OneHot().write(data, tmp_path / "out", kit.contents(reading), {})
    assert not (tmp_path / "out").exists()


def test_the_checker_finds_every_breach(tmp_path: Path, kit) -> None:
    root = a_set(kit, tmp_path / "team-training-set")
    out = a_set(kit, tmp_path / "bad", {"img_aa-1": [1, 0], "img_bb-2": [1, 1], "img_cc-3": [1], "img_zz-9": [0, 1]})
    kit.lay(
        out, {"imgs/img_new_shear.jpg": 3, "imgs/cat.jpg": 4, "imgs/img_bb-2_a.jpg": kit.picture(1), "notes.txt": "x"}
    )
    (out / "imgs/img_dd-4.jpg").write_bytes(b"rubbish")
    (out / "imgs/img_cc-3_big.jpg").write_bytes(kit.picture(1, ".jpg", side_px=9))
    problems = "\n".join(check_paper4(out, original=root, budget=3))
    for told in (
        "more than the budget of 3",
        "notes.txt lies beside",
        "cat.jpg is not named",
        "has the key new, which the original",
        "has no label",
        "img_zz-9 has no picture",
        "img_bb-2 is not one-hot",
        "img_cc-3 is not a list of 2",
        "img_dd-4.jpg: not a readable",
        "img_bb-2_a.jpg is no JPEG",
        "9x9 px, the originals 8x8",
    ):
        assert told in problems
    assert check_paper4(tmp_path / "nowhere") == [f"{tmp_path / 'nowhere'} must hold imgs/ and data-labels.json"]
