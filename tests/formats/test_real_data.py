"""The layouts on real data: the animals set in its time, odd files with reasons, texts with their columns."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tilth.dataset import Schema
from tilth.formats.archive import Archive
from tilth.formats.detect import detect
from tilth.formats.onehot import OneHot, check_paper4
from tilth.formats.table import Table

pytestmark = pytest.mark.data
DATA = Path(os.environ.get("TILTH_DATA") or Path(__file__).parents[3] / "shared" / "data")


def real(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not beside the project (TILTH_DATA)")
    return DATA / name


@pytest.mark.slow
def test_the_animals_are_read_whole(tmp_path: Path, kit) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    reading = kit.read(Archive(), real("animals/animals-training-set.tar"), unpack_to=tmp_path / "a")
    print(f"{time.perf_counter() - begun:.1f} s, {time.process_time() - cpu:.1f} s of CPU")
    assert len(reading.data) == 30_848 and not reading.aside and reading.format == "onehot"
    assert min(reading.data.counts().values()) > 1000 and len(reading.data.schema.classes) == 10
    assert time.process_time() - cpu < 60


def test_the_animals_valid_set_is_written_as_the_paper_wants(tmp_path: Path, kit) -> None:
    reading = kit.read(Archive(), real("animals/animals-validation-set.tar"), unpack_to=tmp_path / "a")
    root = Path(reading.facts["root"])
    out = tmp_path / "us-validation-set"
    OneHot().write(reading.data, out, kit.contents(reading), reading.facts)
    original = next(item.parent for item in (root, *root.rglob("*")) if item.name == "imgs")
    assert check_paper4(out, original=original, budget=1000) == []
    assert kit.tree(out / "imgs") == kit.tree(original / "imgs")


@pytest.mark.slow
def test_the_roman_numerals_come_back(tmp_path: Path, kit) -> None:
    from tilth.formats.folder import Folder

    reading = kit.read(Archive(), real("roman_numerals/roman_numerals.tar"), unpack_to=tmp_path / "r")
    assert {split: len(reading.data.split(split)) for split in ("train", "valid", "label_book")} == {
        "train": 2067, "valid": 813, "label_book": 52,
    }  # fmt: skip
    Folder().write(reading.data, tmp_path / "out", kit.contents(reading), reading.facts)
    root = Path(reading.facts["root"])
    assert kit.names(tmp_path / "out") == [name for name in kit.names(root) if not name.startswith(".")]


def test_the_odd_files_are_read_or_set_aside_with_a_reason(tmp_path: Path, kit) -> None:
    archive = real("odd_files/odd_files.zip")
    reading = kit.read(Archive(), archive, unpack_to=tmp_path / "odd")
    seen = {s.path for s in reading.data} | {one.path for one in reading.aside}
    assert all(one.why for one in reading.aside)
    folders = {f"imagededup/{name}" for name in ("base_images", "formats_images", "mixed_images")}
    assert folders <= seen  # deeper than class folders
    inner = kit.read(Archive(), archive, unpack_to=tmp_path / "odd").facts["root"]
    from tilth.formats.folder import Folder

    deeper = kit.read(Folder(), Path(inner) / "imagededup")
    why = kit.why(deeper)
    assert why["formats_images/mpo_image.MPO"] == "the file is empty (0 bytes)"
    assert "mixed_images/ukbench09268_corrupt.jpg" in why
    assert len(deeper.data) == len(kit.names(Path(inner) / "imagededup")) - len(why)


def test_trec_and_banking_are_found_by_looking(kit) -> None:
    text = real("text")
    assert detect(text)[0] == "table"
    reading = kit.read(Table(), text)
    assert reading.data.schema == Schema("text", "single-label", ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"))
    assert (len(reading.data.split("train")), len(reading.data.split("test"))) == (5452, 500)
    banking = kit.read(Table(), text / "nlupp_banking.jsonl")
    assert banking.data.schema.task == "multi-label" and len(banking.data.schema.classes) == 48


def test_trec_comes_back_byte_for_byte_in_its_columns(tmp_path: Path, kit) -> None:
    reading = kit.read(Table(), real("text/TREC_train.csv"))
    Table().write(reading.data, tmp_path / "out.csv", kit.contents(reading), reading.facts)
    import csv

    with (
        (DATA / "text/TREC_train.csv").open(encoding="utf-8-sig", newline="") as one,
        (tmp_path / "out.csv").open(newline="") as two,
    ):
        assert list(csv.reader(one)) == list(csv.reader(two))
