"""Class folders are read with or without split folders, and written as they were."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Add, Drop, Relabel
from tilth.errors import ExportError, SourceError
from tilth.formats.folder import Folder
from tilth.sample import Sample, made_id, raw_id
from tilth.testing.contract import check_declarations


def test_keeps_the_contract() -> None:
    check_declarations(Folder())


def test_the_folder_is_the_label(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {"cat/1.png": 1, "cat/2.png": 2, "dog/1.png": 3}))
    assert reading.data.schema == Schema("image", "single-label", ("cat", "dog"))
    assert {(s.path, s.label, s.split, s.home) for s in reading.data} == {
        ("cat/1.png", 0, "train", "source"),
        ("cat/2.png", 0, "train", "source"),
        ("dog/1.png", 1, "train", "source"),
    }
    assert reading.format == "folder" and "ROOT/CLASS/*: 2 classes, 3 files" in reading.layout and not reading.aside


def test_ids_hold_for_any_place_of_the_folder(tmp_path: Path, kit) -> None:
    files = {"cat/1.png": 1, "dog/1.png": 3}
    one, two = (kit.read(Folder(), kit.lay(tmp_path / name, files)).data for name in ("a", "b"))
    assert one.version == two.version
    assert set(one.ids) == {raw_id(digest_bytes((tmp_path / "a" / path).read_bytes()), path) for path in files}


def test_split_folders_get_the_usual_names(tmp_path: Path, kit) -> None:
    files = {
        f"{split}/{name}/1.png": n for n, split in enumerate(["train", "val", "test", "label_book"]) for name in "ab"
    }
    reading = kit.read(Folder(), kit.lay(tmp_path, files))
    assert {s.path.split("/")[0]: s.split for s in reading.data} == {
        "train": "train",
        "val": "valid",
        "test": "test",
        "label_book": "label_book",
    }
    assert "label_book, test, train, val as valid" in reading.layout


def test_splits_can_be_told(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {"train/a/1.png": 1, "val/a/1.png": 2, "label_book/a/1.png": 3})
    reading = kit.read(Folder(), root, splits={"val": "test", "label_book": "valid"})
    assert {s.path.split("/")[0]: s.split for s in reading.data} == {
        "train": "train",
        "val": "test",
        "label_book": "valid",
    }
    with pytest.raises(SourceError, match="did you mean 'label_book'"):
        kit.read(Folder(), root, splits={"label_bok": "valid"})


def test_equal_class_folders_make_splits_without_a_usual_name(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {"2019/a/1.png": 1, "2019/b/1.png": 2, "2020/a/1.png": 3, "2020/b/1.png": 4})
    assert sorted(set(kit.read(Folder(), root).data.splits.tolist())) == ["2019", "2020"]


def test_a_class_may_be_called_train(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {"train/1.png": 1, "bus/1.png": 2, "car/1.png": 3}))
    assert reading.data.schema.classes == ("bus", "car", "train") and set(reading.data.splits) == {"train"}


def test_folders_two_deep_that_differ_are_not_guessed_at(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {"x/a/1.png": 1, "y/b/1.png": 2})
    assert Folder().sees(root) is None
    with pytest.raises(SourceError, match="unclear whether they are splits or classes"):
        kit.read(Folder(), root)


def test_files_right_in_split_folders_have_no_labels(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {"train/1.png": 1, "test/1.png": 2})
    with pytest.raises(SourceError, match="so they have no labels"):
        kit.read(Folder(), root)


def test_an_unlabelled_test_folder_is_set_aside(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {"train/a/1.png": 1, "train/b/1.png": 2, "test/9.png": 3}))
    assert len(reading.data) == 2
    assert kit.why(reading) == {"test/9.png": "lies in a split folder, but in no class folder"}


def test_classes_named_by_number_are_in_order_of_number(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {f"{n}/1.png": n for n in (10, 2, 1)}))
    assert reading.data.schema.classes == ("1", "2", "10")


def test_an_empty_class_is_kept_and_told(tmp_path: Path, kit) -> None:
    kit.lay(tmp_path, {"cat/1.png": 1, "dog/1.png": 2})
    (tmp_path / "eel").mkdir()
    reading = kit.read(Folder(), tmp_path)
    assert reading.data.counts() == {"cat": 1, "dog": 1, "eel": 0}
    assert "empty: eel" in reading.layout
    kit.read(Folder(), tmp_path)
    Folder().write(reading.data, tmp_path.parent / "out-eel", kit.contents(reading), reading.facts)
    assert (tmp_path.parent / "out-eel/eel").is_dir()


@pytest.mark.parametrize("files", [{"cat/1.png": 1}, {"cat/1.png": 1, "dog/2.png": 2}], ids=["one class", "one each"])
def test_one_sample_and_one_class_are_read(tmp_path: Path, kit, files: dict[str, int]) -> None:
    assert len(kit.read(Folder(), kit.lay(tmp_path, files)).data) == len(files)


def test_no_sample_at_all_says_what_was_found(tmp_path: Path, kit) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(SourceError, match=r"no class folders with files: found 1 folders \(cat\)"):
        kit.read(Folder(), tmp_path)
    kit.lay(tmp_path, {"cat/1.png": b"rubbish"})
    with pytest.raises(SourceError, match=r"no sample could be read .*cat/1.png \(not a readable image"):
        kit.read(Folder(), tmp_path)


def test_a_label_that_is_not_among_the_classes_is_set_aside(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {"cat/1.png": 1, "dog/1.png": 2}), classes=["cat", "lynx"])
    assert reading.data.schema.classes == ("cat", "lynx") and len(reading.data) == 1
    assert kit.why(reading) == {"dog/1.png": "its label 'dog' is not among the 2 classes"}


def test_the_same_content_under_two_labels_makes_two_samples(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {"cat/1.png": 1, "dog/1.png": 1}))
    assert sorted(s.label for s in reading.data) == [0, 1] and len({s.content for s in reading.data}) == 1


def test_what_systems_leave_behind_is_passed_over_and_other_files_are_set_aside(tmp_path: Path, kit) -> None:
    noise = {
        "cat/.DS_Store": b"x",
        "cat/Thumbs.db": b"x",
        "__MACOSX/cat/1.png": b"x",
        ".git/x/1.png": b"x",
        "cat/._1.png": b"x",
    }
    reading = kit.read(
        Folder(), kit.lay(tmp_path, {"cat/1.png": 1, "cat/notes.md": "hello", "README.md": "hi", **noise})
    )
    assert kit.why(reading) == {"cat/notes.md": "not an image", "README.md": "lies outside of the class folders"}


def test_a_picture_needs_no_ending(tmp_path: Path, kit) -> None:
    assert len(kit.read(Folder(), kit.lay(tmp_path, {"cat/without-ending": kit.picture(1)})).data) == 1


def test_links_pipes_and_deeper_folders_are_set_aside(tmp_path: Path, kit) -> None:
    outside = kit.lay(tmp_path / "outside", {"secret.png": 1})
    root = kit.lay(tmp_path / "root", {"cat/1.png": 1, "cat/deeper/2.png": 2, "dog/3.png": 3})
    (root / "cat/out.png").symlink_to(outside / "secret.png")
    (root / "cat/broken.png").symlink_to(root / "nowhere.png")
    (root / "cat/inside.png").symlink_to(root / "dog/3.png")
    (root / "eel").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "cat/pipe.png")
    reading = kit.read(Folder(), root)
    assert {s.path for s in reading.data} == {"cat/1.png", "cat/inside.png", "dog/3.png"}
    assert kit.why(reading) == {
        "cat/out.png": "a link out of the source",
        "cat/broken.png": "a broken link",
        "eel": "a link out of the source",
        "loop": "a link to a folder of the source: its files would be read twice",
        "cat/pipe.png": "neither a file nor a folder (a pipe, socket or device)",
        "cat/deeper": "a folder within a class folder, with 1 files",
    }


def test_names_that_are_not_utf8_are_set_aside(tmp_path: Path, kit) -> None:
    kit.lay(tmp_path, {"cat/1.png": 1})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "cat") + b"/\xff.png")).write_bytes(kit.picture(2))
    except OSError:
        pytest.skip("this file system takes no such names")
    reading = kit.read(Folder(), tmp_path)
    assert kit.why(reading) == {"cat/\\xff.png": "its name is not UTF-8; rename it"}


def test_texts_in_class_folders(tmp_path: Path, kit) -> None:
    files = {
        "good/1.txt": "fine",
        "bad/1.txt": "awful\nindeed\n",
        "bad/2.txt": b"\xff\xfe\x00",
        "bad/3.txt": " \n",
        "bad/x.md": "x",
    }
    reading = kit.read(Folder(), kit.lay(tmp_path / "in", files))
    assert {s.text for s in reading.data} == {"fine", "awful\nindeed\n"} and reading.data.schema.modality == "text"
    assert kit.why(reading) == {
        "bad/2.txt": "not UTF-8 text (byte 0)",
        "bad/3.txt": "the text is empty",
        "bad/x.md": "not a text file",
    }
    Folder().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert kit.names(tmp_path / "out") == ["bad/1.txt", "good/1.txt"]


def made(data: Dataset, parent: str, technique: str, content: bytes, split: str = "train") -> Add:
    first = data[parent]
    stem = Path(first.path).stem
    sample = Sample(
        made_id((parent,), technique, 0),
        digest_bytes(content),
        f"{stem}_{technique}.png",
        first.label,
        split,
        parents=(parent,),
        maker=f"augment.geometric:{technique}",
        home="blob",
    )
    return Add(sample, "to fill the class", content=content)


def test_an_improved_dataset_keeps_the_layout(tmp_path: Path, kit) -> None:
    root = kit.lay(
        tmp_path / "in", {"train/cat/1.jpg": 1, "train/dog/1.jpg": 2, "train/dog/2.jpg": 3, "val/cat/5.jpg": 4}
    )
    before = kit.tree(root)
    reading = kit.read(Folder(), root)
    ids = {s.path: s.id for s in reading.data}
    add = made(reading.data, ids["train/cat/1.jpg"], "shear", kit.picture(9))
    edits = [Relabel(ids["train/dog/1.jpg"], 1, 0, "it is a cat"), Drop(ids["train/dog/2.jpg"], "junk"), add]
    better = reading.data.apply(edits)
    out = tmp_path / "out"
    Folder().write(better, out, kit.contents(reading, {add.id: add.content or b""}), reading.facts)
    moved = f"train/cat/1-{ids['train/dog/1.jpg'][:6]}.jpg"  # 1.jpg was taken there
    assert kit.names(out) == sorted(["train/cat/1.jpg", moved, "train/cat/1_shear.jpg", "val/cat/5.jpg"])
    assert (out / "train/cat/1.jpg").read_bytes() == (root / "train/cat/1.jpg").read_bytes()
    assert (out / moved).read_bytes() == (root / "train/dog/1.jpg").read_bytes()
    assert (out / "train/cat/1_shear.jpg").read_bytes()[:3] == b"\xff\xd8\xff"  # it takes the encoding of the others
    assert (out / "train/dog").is_dir() and kit.tree(root) == before


def test_soft_labels_are_refused_with_a_way_out(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path, {"cat/1.png": 1, "dog/1.png": 2}))
    soft = [replace(s, label=((0, 0.5), (1, 0.5))) for s in reading.data]
    data = Dataset.from_samples(soft, reading.data.schema)
    with pytest.raises(ExportError, match="Choose the table layout"):
        Folder().write(data, tmp_path / "out", kit.contents(reading), {})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../../up", "/abs", "..", "a/b", ".hidden", "x" * 400, "nul\0l", ""])
def test_no_class_name_leads_out_of_the_folder(tmp_path: Path, kit, name: str) -> None:
    content = kit.picture(1)
    samples = [
        Sample(raw_id("a", "a"), digest_bytes(content), "a.png", 0),
        Sample(raw_id("b", "b"), digest_bytes(content), "../../b.png", 1),
    ]
    data = Dataset.from_samples(samples, Schema("image", "single-label", (name, "fine")))
    where = tmp_path / "deep/out"
    Folder().write(data, where, lambda d: iter([content] * len(d)), {})
    assert len(kit.names(where)) == 2 and kit.names(tmp_path) == [f"deep/out/{name}" for name in kit.names(where)]
    assert len(kit.read(Folder(), where).data) == 2


def test_several_splits_get_split_folders_though_the_source_had_none(tmp_path: Path, kit) -> None:
    reading = kit.read(Folder(), kit.lay(tmp_path / "in", {"cat/1.png": 1, "dog/1.png": 2}))
    held = [replace(s, split="test") if s.label else s for s in reading.data]
    data = Dataset.from_samples(held, reading.data.schema)
    Folder().write(data, tmp_path / "out", kit.contents(reading), reading.facts)
    assert kit.names(tmp_path / "out") == ["test/dog/1.png", "train/cat/1.png"]


def test_progress_tells_every_file(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {f"cat/{n}.png": n for n in range(70)})
    seen: list[int] = []
    Folder().read(root, {}, seen.append)
    assert sum(seen) == Folder().count(root) == 70
