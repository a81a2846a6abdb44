"""`tilth components`, `Workspace.components` and the recipe: one answer, in words, as JSON and as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import tilth
from tilth.cli.main import run
from tilth.errors import ExportError, SettingError
from tilth.testing.worlds import World, multi_label

PLANTED = 8


@pytest.fixture(scope="module")
def world() -> World:
    return multi_label(120, contradictions=PLANTED, seed=5)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("said")
    names = world.data.schema.classes
    rows = [
        {"text": one.text, "labels": [names[c] for c in sorted(one.label)], "split": one.split}  # type: ignore[arg-type]
        for one in world.data
    ]
    (where / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return where


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert run([*words]) == code
    out = capsys.readouterr()
    return out.out if code == 0 else out.err


ASKED = ("components", "said.jsonl", "-q", "--threshold", "0.0001")


def test_the_table_has_a_row_for_each_open_sample_and_the_planted_ones_are_told(inside: Path, capsys: Any) -> None:
    told = json.loads(said(capsys, *ASKED, "--out", "c.parquet", "--json"))
    assert told["at_odds"] == PLANTED and told["out"] == "c.parquet" and len(told["worst"]) == PLANTED
    table = pq.read_table(inside / "c.parquet")
    ws = tilth.open(workspace=".tilth")
    assert sorted(table.column("id").to_pylist()) == ws.data.open.ids.tolist()
    assert "test" not in set(table.column("split").to_pylist())
    ids = table.column("component_id").to_numpy()
    sizes = np.bincount(ids)
    assert (np.diff(ids) >= 0).all() and ids[-1] + 1 == len(sizes)
    assert (table.column("component_size").to_numpy() == sizes[ids]).all()
    assert (table.column("singleton").to_numpy() == (sizes[ids] == 1)).all()
    spread = table.column("disagreement").to_numpy()
    assert (spread > 0).sum() == 2 * PLANTED
    pairs = spread[(sizes[ids] == 2) & np.append(ids[1:] == ids[:-1], False)]  # the first row of each
    bad = table.column("is_bad_component_disagreement_80").to_numpy()
    assert bad.any() and (bad == (spread > np.percentile(pairs, 80))).all()
    for row in table.filter(spread > 0).to_pylist():
        assert row["component_size"] == 2 and set(dict(row["label_counts"]).values()) <= {1, 2}


def test_the_words_name_the_worst_and_say_where_the_table_is(inside: Path, capsys: Any) -> None:
    words = said(capsys, *ASKED, "--worst", "3")
    assert f"labels differ in {PLANTED} of them" in words and "Next:  tilth components --out" in words
    assert len([line for line in words.splitlines() if line.startswith("             ")]) == 3
    assert "table    c.parquet" in said(capsys, *ASKED, "--out", "c.parquet")


def test_python_gives_the_same_table(inside: Path, capsys: Any) -> None:
    said(capsys, *ASKED, "--out", "c.parquet")
    ws = tilth.open(workspace=".tilth")
    assert ws.components(threshold=0.0001).equals(pq.read_table(inside / "c.parquet"))
    assert ws.components(threshold=0.0001, linkage="mutual").num_rows == len(ws.data.open)


def test_what_cannot_be_done_is_told_before_the_work(inside: Path, capsys: Any) -> None:
    assert "written as .parquet" in said(capsys, *ASKED, "--out", "c.csv", code=2)
    assert "complete or mutual" in said(capsys, *ASKED, "--linkage", "single", code=2)
    ws = tilth.open(workspace=".tilth")
    with pytest.raises(SettingError, match="did you mean 'threshold'"):
        ws.components(treshold=0.1)
    with pytest.raises(ExportError, match="no folder"):
        ws.components("nowhere/c.parquet")


def test_the_recipe_finds_them_takes_them_out_and_can_be_undone(inside: Path) -> None:
    recipe = inside / "mine.toml"
    recipe.write_text(
        'name = "mine"\n[[step]]\nuse = "embed.text"\n[[step]]\nuse = "audit.components"\nthreshold = 0.0001\n'
        '[[step]]\nuse = "cleanse.label_intersection"\n'
    )
    ws = tilth.open("said.jsonl", workspace=".mine")
    done = ws.improve(str(recipe), prove=False)
    assert {one.kind for _, one in done.outcome.findings} == {"component"}
    assert len(done.outcome.findings) == PLANTED and done.after.version != done.before.version
    assert not [one for _, one in ws.audit(str(recipe)).findings]
    ws.undo("all")
    assert ws.data.version == ws.base.version
    page = tilth.write_report(ws, inside / "report.html")
    assert "Components at odds" in page.read_text()
