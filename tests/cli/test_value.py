"""`tilth value`, and what `tilth why` adds where values are on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth.cli.main import run
from tilth.testing.worlds import World, photos, utterances


@pytest.fixture(scope="module")
def world() -> World:
    return photos(120, wrong=8, valid_share=0.2, seed=2)


@pytest.fixture(scope="module")
def done(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tilth value shapes` has run."""
    folder = tmp_path_factory.mktemp("done")
    world.write(folder / "shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["value", "shapes", "-q"]) == 0
    return folder


@pytest.fixture
def inside(done: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(done)
    return done


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    capsys.readouterr()
    assert run([*args]) == 0
    return capsys.readouterr().out


def asked(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    return json.loads(said(capsys, *args, "--json"))


def test_the_most_harmful_come_first_and_are_the_planted_ones(inside: Path, world: World, capsys: Any) -> None:
    (told,) = asked(capsys, "value", "-q", "--worst", "8")
    assert told["valuator"] == "value.knn_shapley" and told["against"] == "valid"
    rows = told["harmful"]
    assert [row["rank"] for row in rows] == list(range(1, 9)) and rows[0]["value"] == min(row["value"] for row in rows)
    assert len(world.wrong & {row["id"] for row in rows}) >= 6
    assert all(row["harms"][0]["path"].startswith("valid/") and row["harms"][0]["value"] < 0 for row in rows)
    assert [row["rank"] for row in told["helpful"]] == [told["samples"] - at for at in range(8)]
    assert sum(one["samples"] for one in told["classes"]) == told["samples"]
    assert (inside / told["file"]).exists()


def test_the_words_name_both_ends_the_classes_and_the_file(inside: Path, capsys: Any) -> None:
    (told,) = asked(capsys, "value", "-q")
    out = said(capsys, "value", "-q", "--worst", "2")
    assert "most harmful" in out and "most helpful" in out and "share below zero" in out
    harmful = out.split("most helpful")[0]
    assert [row["path"] in harmful for row in told["harmful"][:3]] == [True, True, False]
    assert f"kept     {told['file']}" in out and "triangle" in out


def test_the_table_holds_every_valuator_on_record_and_begins_with_the_one_asked(inside: Path, capsys: Any) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    run(["value", "-q", "--by", "data_oob", "--set", "models=20", "--out", "values.csv"])
    table = pyarrow.csv.read_csv("values.csv")
    assert table.column_names[4:] == ["data_oob", "data_oob_rank", "knn_shapley", "knn_shapley_rank"]
    assert table.column("data_oob_rank")[0].as_py() == 1
    assert "values   values.parquet" in said(capsys, "value", "-q", "--out", "values.parquet")
    assert pyarrow.parquet.read_table("values.parquet").column("knn_shapley_rank")[0].as_py() == 1
    run(["value", "-q", "--out", "values.jsonl"])
    assert json.loads((inside / "values.jsonl").read_text().splitlines()[0])["knn_shapley_rank"] == 1


def test_values_with_other_settings_take_the_place_of_the_last_ones_and_it_is_said(inside: Path, capsys: Any) -> None:
    def told(*words: str) -> str:
        capsys.readouterr()
        assert run(["value", "--by", "knn_shapley", *words]) == 0
        return capsys.readouterr().err

    told()
    assert "take the place of those with the default settings" in told("--set", "neighbors=3")
    assert "take the place" not in told("--set", "neighbors=3")
    (record,) = [one for one in tilth.open(workspace=inside / ".tilth").valued() if one.name == "knn_shapley"]
    assert record.settings == {"neighbors": 3}
    assert "take the place of those with neighbors = 3" in told()


def test_why_tells_worth_and_whom(inside: Path, capsys: Any) -> None:
    (told,) = asked(capsys, "value", "-q", "--worst", "1")
    worst = told["harmful"][0]
    out = said(capsys, "why", worst["path"])
    assert f"knn_shapley {worst['value']:+.4g} share, rank 1 of {told['samples']} from the bottom" in out
    judge = worst["harms"][0]
    assert f"hurts    {judge['path']} ({judge['label']}, {judge['value']:+.4g})" in out
    assert "nothing was found" not in out
    out = said(capsys, "why", judge["path"])
    assert "hurt by " in out and "(knn_shapley share)" in out and "rank" not in out
    (row,) = [row for row in asked(capsys, "why", judge["id"])["values"] if row["use"] == "value.knn_shapley"]
    assert worst["id"] in [one["id"] for one in row["harmed_by"]]


def test_the_list_names_the_valuators_with_their_cost_and_asks_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = asked(capsys, "value", "--list")
    assert {row["role"] for row in rows} == {"valuators"} and {"value.knn_shapley"} <= {row["name"] for row in rows}
    assert "cost" in said(capsys, "value", "--list") and list(tmp_path.iterdir()) == []


def test_without_valid_samples_another_source_may_judge(
    world: World, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    photos(60, seed=5).write(tmp_path / "bare")
    monkeypatch.chdir(tmp_path)
    assert run(["value", "bare", "-q"]) == 2
    assert "--valid NAME-OR-PATH" in capsys.readouterr().err
    (told,) = asked(capsys, "value", "bare", "-q", "--against", "train")
    assert told["against"] == "train" and told["judges"] == told["samples"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--by", "knn_shaply"], "did you mean 'knn_shapley'"),
        (["--set", "neighbours=3"], "did you mean 'neighbors'"),
        (["--learner", "convnet"], "no use for --learner"),
        (["--out", "values.xlsx"], ".csv, .parquet, .jsonl"),
        (["--out", "nowhere/values.csv"], "no folder nowhere"),
        (["--against", "vaild"], "has no labelled samples"),
    ],
)
def test_misuse_is_told_and_leaves_with_two(inside: Path, capsys: Any, args: list[str], told: str) -> None:
    assert run(["value", "-q", *args]) == 2
    err = capsys.readouterr().err
    assert told in err and "Traceback" not in err


def test_the_report_shows_what_is_on_record(inside: Path) -> None:
    assert run(["report", "-o", "worth.html"]) == 0
    assert "What samples are worth" in (inside / "worth.html").read_text()


def test_texts_are_told_by_how_they_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    world = utterances(60, wrong=3, seed=1)
    names = world.data.schema.classes
    rows = [f'"{sample.text}",{names[sample.label]},{sample.split}' for sample in world.data]  # type: ignore[index]
    (tmp_path / "talk.csv").write_text("text,label,split\n" + "\n".join(rows))
    monkeypatch.chdir(tmp_path)
    (told,) = asked(capsys, "value", "talk.csv", "-q", "--against", "train", "--worst", "1")
    out = said(capsys, "value", "-q", "--against", "train", "--worst", "1")
    row = told["harmful"][0]
    assert row["text"] in {sample.text for sample in world.data} and f'{row["path"]} "{row["text"][:40]}' in out
    assert f'"{row["harms"][0]["text"][:40]}' in out


def test_where_nothing_lies_below_zero_nobody_is_called_harmful(inside: Path, capsys: Any) -> None:
    out = said(capsys, "value", "-q", "--by", "data_oob", "--set", "models=20", "--worst", "2")
    assert "lowest" in out and "harmful" not in out and "read the order" in out
