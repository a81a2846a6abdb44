"""Every shipped recipe runs whole, from the dry run to the report, on a world of a hundred samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth.cli.main import run
from tilth.recipe import parse_recipe
from tilth.run.plan import shipped_recipes
from whole import LEARNER, quick, write_world

BUDGET = 150
FILLS = {"augment-and-valuate", "iterative-sampling", "competition", "animals", "tilth", "quick", "contrastive"}


def asked(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    capsys.readouterr()
    assert run([*args, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_a_shipped_recipe_runs_whole_and_does_what_its_dry_run_foretold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_world(tmp_path / "source", name).name
    (tmp_path / "quick.toml").write_text(quick(name))
    learner = ["--learner", "text-linear"] if name.startswith("text") else LEARNER
    words = [source, "--recipe", "quick.toml", "--budget", str(BUDGET), "--workers", "1", "-q", *learner]
    foretold = asked(capsys, "improve", *words, "--dry-run")["edits"]
    assert (foretold or name == "components") and not list(tmp_path.glob("source-*"))

    done = asked(capsys, "improve", *words, "--seeds", "1")
    ws = tilth.open(workspace=".tilth")
    assert [edit["id"] for edit in foretold] == [change.edit.id for _, change in ws.changes()]
    assert done["open"] <= BUDGET and done["evidence"]["verdict"] in ("better", "worse", "not shown")
    if name in FILLS:
        assert done["edits"]["add"] and done["open"] >= BUDGET - 15, "but for what was turned away or is a wrong label"
    assert Path(done["out"]).exists() and Path(done["report"]).stat().st_size > 10_000
    assert parse_recipe(ws.fact("recipe")).name == name
    assert asked(capsys, "improve", *words, "--seeds", "1")["stood"], "again: nothing is left to do"


def uneven_texts(folder: Path, *, classes: int = 3) -> Path:
    """A table of a class of thirty texts and others of eight, with a test split."""
    things = "train ferry bus plane tram bike van cart canoe truck".split()
    topics = (("book", "ticket"), ("rain", "weather"), ("cook", "supper"))[:classes]
    rows = ["text,label,split"]
    for which, (verb, noun) in enumerate(topics):
        for number in range(40 if which == 0 else 18):
            split = "test" if number % 4 == 3 and number < 32 else "train"
            rows.append(f"please {verb} a {noun} with {things[number % 10]} number {number},{noun},{split}")
    file = folder / "texts.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


def test_texts_of_small_classes_are_made_as_far_as_growth_allows(tmp_path: Path) -> None:
    file = uneven_texts(tmp_path)
    ws = tilth.open(file, workspace=tmp_path / "w.tilth", workers=1)
    raw = ws.base.counts("train")
    foretold = ws.foresee("text-balanced")
    done = ws.improve("text-balanced", prove=False)
    sizes = done.after.counts("train")
    assert sizes["ticket"] <= raw["ticket"] and sizes["weather"] > raw["weather"] and sizes["supper"] > raw["supper"]
    assert len(done.after.open) <= 2 * len(done.before.open)
    made = done.after.train.where(done.after.train.made)
    assert {sample.label for sample in made} <= {ws.base.schema.classes.index(one) for one in ("weather", "supper")}
    assert len(foretold.edits) == len(done.outcome.edits), "the dry run has the same room"
    ws.undo("all")
    bound = ws.improve("text-balanced", prove=False, budget=len(ws.base.open) + 2)
    assert len(bound.after.open) <= len(ws.base.open) + 2, "a budget that a person names goes before"
