"""`tilth validation-set`: a folder in the layout of the source, proposals that wait, and no copy left in train."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth.cli.main import run
from tilth.dataset import Dataset
from tilth.formats.folder import Folder
from tilth.formats.onehot import OneHot, check_paper4
from tilth.testing.worlds import World, photos, utterances


@pytest.fixture(scope="module")
def world() -> World:
    return photos(220, wrong=20, copies=12, near=6, junk=4, channels=3)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the world as class folders and as paper 4 has it."""
    folder = tmp_path_factory.mktemp("data")
    world.write(folder / "shapes")
    data = world.data.train
    contents = lambda part: (world.contents[id] for id in part.ids.tolist())  # noqa: E731
    OneHot().write(data, folder / "zoo-training-set", contents, {"class_names": "numbers"})
    return folder


def asked(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    capsys.readouterr()
    assert run([*args, "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_set_is_written_and_applied_with_no_copy_left_behind(folder: Path, tmp_path: Path, capsys, world) -> None:
    where = ["-w", str(tmp_path / "ws")]
    words = ["validation-set", str(folder / "shapes"), "--per-class", "6", "--recipe", "quick"]
    told = asked(capsys, *words, "--out", str(tmp_path), *where)
    assert told["counts"] == dict.fromkeys(world.data.schema.classes, 6) and told["short"] == {}
    assert told["purity"][0] > 0.8 and len(told["ids"]) == 24
    assert len([file for file in Path(told["out"]).rglob("*.png")]) == 24
    assert Path(told["out"]).name == "shapes-validation-set"
    ws = tilth.open(workspace=tmp_path / "ws")
    assert len(ws.data.valid) == 0 and len(ws.proposals()) == sum(told["edits"].values())
    assert run(["apply", *where]) == 0
    splits = dict(zip(ws.data.ids.tolist(), ws.data.splits.tolist(), strict=True))
    assert {id for id, split in splits.items() if split == "valid"} == set(told["ids"])
    for pair in world.copies | world.near:
        assert {splits.get(id) for id in pair} != {"train", "valid"}
    right = [world.data[id].label == world.truth.get(id) for id in told["ids"]]
    assert sum(right) >= 23
    assert not [pair for pair in combinations(told["ids"], 2) if pair in world.copies]


def test_in_the_layout_of_paper_4_it_is_what_the_paper_takes(folder: Path, tmp_path: Path, capsys) -> None:
    source = folder / "zoo-training-set"
    words = ["validation-set", str(source), "--per-class", "3", "--recipe", "quick", "--holdout", "0"]
    told = asked(capsys, *words, "--out", str(tmp_path), "-w", str(tmp_path / "ws"), "--copies", "move")
    assert Path(told["out"]) == tmp_path / "zoo-validation-set"
    assert check_paper4(Path(told["out"]), original=source) == []


def test_what_was_proposed_before_is_replaced_in_so_many_words(folder: Path, tmp_path: Path, capsys) -> None:
    where = ["-w", str(tmp_path / "ws")]
    ws = tilth.open(folder / "shapes", workspace=tmp_path / "ws")
    ws.propose("quick")
    before = len(ws.proposals())
    assert before
    words = ["validation-set", str(folder / "shapes"), "--per-class", "6", "--recipe", "quick", "-q", *where]
    assert run([*words, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"They replace {before} edits that were proposed before and not applied: these are withdrawn." in said
    assert {batch.use for batch, _ in ws.proposals()} == {"cleanse.validation_set"}
    assert asked(capsys, *words, "--out", str(tmp_path / "again"))["replaced"] == 0  # proposed anew, none is lost


def test_a_proposal_says_how_many_others_it_withdraws_and_counts_none_that_is_made_anew(
    folder: Path, tmp_path: Path, capsys
) -> None:
    words = ["propose", str(folder / "shapes"), "-w", str(tmp_path / "ws"), "--recipe", "quick"]
    assert run([*words, "--budget", "1000"]) == 0
    made = [one for _, one in tilth.open(workspace=tmp_path / "ws").proposals() if isinstance(one.edit, tilth.Add)]
    capsys.readouterr()
    assert run([*words, "--budget", "1000"]) == 0
    assert "withdrawn" not in capsys.readouterr().err
    assert run([*words, "--budget", "10"]) == 0  # no room: the same drops and relabels, and nothing new
    said = capsys.readouterr().err
    assert made and f"{len(made)} edits that were proposed before and not applied: withdrawn." in said


def test_where_none_can_be_chosen_what_was_proposed_before_still_waits(world: World, tmp_path: Path, capsys) -> None:
    alone = world.data.train.where(world.data.train.labels == 0)
    alone = Dataset(alone.table, replace(alone.schema, classes=alone.schema.classes[:1]))
    Folder().write(alone, tmp_path / "one", lambda part: (world.contents[id] for id in part.ids.tolist()), {})
    ws = tilth.open(tmp_path / "one", workspace=tmp_path / "ws")
    ws.propose("quick")
    before = ws.proposals()
    assert before
    words = ["validation-set", str(tmp_path / "one"), "--recipe", "quick", "-q", "-w", str(tmp_path / "ws")]
    assert run([*words, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "nothing could be proposed" in said and f"{len(before)} edits that were proposed before still wait" in said
    assert ws.proposals() == before


def test_a_class_without_enough_is_named_in_words(folder: Path, tmp_path: Path, capsys) -> None:
    words = ["validation-set", str(folder / "shapes"), "--per-class", "100", "--recipe", "quick", "-q"]
    assert run([*words, "--out", str(tmp_path), "-w", str(tmp_path / "ws")]) == 0
    said = capsys.readouterr().out
    assert "Fewer than the 100 that were asked for in" in said and "tilth apply" in said and "expected right" in said


def test_a_folder_that_is_there_is_told_before_the_work(folder: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "shapes-validation-set").mkdir()
    (tmp_path / "shapes-validation-set" / "mine.txt").write_text("x")
    words = ["validation-set", str(folder / "shapes"), "-q", "--out", str(tmp_path), "-w", str(tmp_path / "ws")]
    assert run(words) == 2 and "is not empty" in capsys.readouterr().err


def test_texts_with_another_witness(tmp_path: Path) -> None:
    world = utterances(240, wrong=12)
    lines = [f"{one.text},{world.data.schema.classes[one.label]},{one.split}" for one in world.data]  # type: ignore[index]
    (tmp_path / "talk.csv").write_text("text,label,split\n" + "\n".join(lines) + "\n")
    ws = tilth.open(tmp_path / "talk.csv", workspace=tmp_path / "ws")
    made = ws.validation_set(5, learner="text-linear")
    assert made.data.counts() == dict.fromkeys(made.data.schema.classes, 5)
    assert 0.5 < made.purity[0] <= made.purity[1] <= 1 and set(made.data.splits.tolist()) == {"valid"}
