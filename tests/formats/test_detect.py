"""The layout is found by looking, and an unclear one is an error that says what was seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.errors import SourceError
from tilth.formats.detect import detect

LABELS = '{"img_a": [1, 0]}'


@pytest.mark.parametrize(
    ("files", "format"),
    [
        ({"cat/1.png": 1, "dog/1.png": 2}, "folder"),
        ({"train/cat/1.png": 1, "val/cat/1.png": 2}, "folder"),
        ({"imgs/img_a.jpg": 1, "data-labels.json": LABELS}, "onehot"),
        ({"t-training-set/imgs/img_a.jpg": 1, "t-training-set/data-labels.json": LABELS}, "onehot"),
        ({"d.csv": "text,label\na,b\n"}, "table"),
        ({"d.csv": "path,label\nimages/1.png,b\n", "images/1.png": 1}, "table"),
        ({"T_train.csv": "text,label\na,b\n", "T_test.csv": "text,label\na,b\n"}, "table"),
        ({"cat/1.png": 1, "dog/1.png": 2, "sizes.csv": "when,how much\nnow,3\n"}, "folder"),
    ],
)
def test_finds_the_only_layout_that_fits(tmp_path: Path, kit, files: dict[str, str | int], format: str) -> None:
    found, sentence = detect(kit.lay(tmp_path, files))
    assert found == format and sentence


def test_a_lone_table_file_is_a_table(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {"d.tsv": "text\tlabel\na\tb\n"})
    assert detect(root / "d.tsv") == ("table", "a table (.tsv)")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"notes.md": "x", "2.md": "y"}, "Found: 2 .md"),
        ({"a/b/c/d.png": 1}, "Found: 1 folders"),
        ({"x/a/1.png": 1, "y/b/1.png": 2}, "unclear whether they are splits or classes"),
        ({"train/1.png": 1, "test/1.png": 2}, "so they have no labels"),
    ],
)
def test_none_says_what_was_looked_for_and_found(tmp_path: Path, kit, files: dict[str, str | int], told: str) -> None:
    with pytest.raises(SourceError, match="no known layout") as fault:
        detect(kit.lay(tmp_path, files))
    assert told in str(fault.value) and "imgs/ with data-labels.json" in str(fault.value)


def test_two_that_fit_are_not_chosen_between(tmp_path: Path, kit) -> None:
    root = kit.lay(tmp_path, {"cat/1.png": 1, "dog/1.png": 2, "d.csv": "path,label\ncat/1.png,b\n"})
    with pytest.raises(SourceError, match=r"more than one layout fits .*table: .*folder: "):
        detect(root)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is nothing at"):
        detect(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Found: an empty folder"):
        detect(tmp_path)
