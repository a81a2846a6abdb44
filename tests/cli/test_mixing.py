"""Mixing in whole recipes: soft labels go through audit, learning, cleansing, values, proof, report and export; lineage holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth.cli.main import run
from tilth.dataset import Dataset
from tilth.formats.table import Table
from tilth.testing.worlds import photos
from voices import Heard

RECIPE = """
name = "mixed"
folds = 3

[[step]]
use = "embed.fingerprint"
[[step]]
use = "embed.pixels"
[[step]]
use = "audit.duplicates"
[[step]]
use = "cleanse.duplicates"
[[step]]
use = "learn.linear"
[[step]]
use = "audit.label_noise"
[[step]]
use = "cleanse.labels"
[[step]]
use = "augment.cutmix"
room = 0.4

[[round]]
times = 2
  [[round.step]]
  use = "augment.mixup"
  room = 0.7
  [[round.step]]
  use = "embed.pixels"
  [[round.step]]
  use = "learn.linear"
  [[round.step]]
  use = "value.knn_shapley"
  [[round.step]]
  use = "audit.balance"
  [[round.step]]
  use = "audit.outliers"
  [[round.step]]
  use = "audit.label_noise"
  [[round.step]]
  use = "audit.neighbors"
  [[round.step]]
  use = "cleanse.labels"
  [[round.step]]
  use = "cleanse.neighbors"
  [[round.step]]
  use = "cleanse.effective_number"

[[step]]
use = "augment.saliency_mix"
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of pictures, some of whose labels were soft from the start, also in the test split."""
    world = photos(90, wrong=8, copies=3, near=2, leaks=2, valid_share=0.15, side_px=16, seed=3)
    soft = {"train": 4, "valid": 2, "test": 2}
    rows = []
    for sample in world.data:
        if soft.get(sample.split, 0) and isinstance(sample.label, int):
            soft[sample.split] -= 1
            other = (sample.label + 1) % 4
            sample = replace(sample, label=tuple(sorted(((sample.label, 0.75), (other, 0.25)))))  # noqa: PLW2901
        rows.append(sample)
    where = tmp_path_factory.mktemp("soft")
    data = Dataset.from_samples(rows, world.data.schema)
    Table().write(data, where / "shapes", world.run(seed=0).contents, {})
    (where / "mixed.toml").write_text(RECIPE)
    return where


@pytest.fixture(scope="module")
def done(table: Path) -> tilth.Workspace:
    ws = tilth.open(table / "shapes", workspace=table / "ws", seed=1, workers=1)
    ws.improve(str(table / "mixed.toml"), learner="linear", seeds=2, budget=130)
    return ws


@pytest.mark.slow
def test_a_whole_recipe_makes_mixtures_and_proves_them(done: tilth.Workspace) -> None:
    made = [sample for sample in done.data if sample.parents]
    techniques = {sample.maker for sample in made}
    assert techniques == {"augment.cutmix:cutmix", "augment.mixup:mixup", "augment.saliency_mix:saliency-mix"}
    assert len(done.data.open) <= 130 and sum(isinstance(sample.label, tuple) for sample in made) > 10
    assert all(len(sample.parents) == 2 for sample in made)
    evidence = done.evidence()
    assert evidence is not None and evidence.verdict in ("better", "worse", "not shown")


@pytest.mark.slow
def test_the_same_again_is_the_same_to_the_byte(done: tilth.Workspace, table: Path) -> None:
    ws = tilth.open(table / "shapes", workspace=table / "again", seed=1, workers=1)
    ws.improve(str(table / "mixed.toml"), learner="linear", prove=False, budget=130)
    assert ws.data.version == done.data.version


@pytest.mark.slow
def test_why_names_both_parents_and_undo_takes_mixtures_back(
    done: tilth.Workspace, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = next(sample for sample in done.data if isinstance(sample.label, tuple) and len(sample.parents) == 2)
    where = ["--workspace", str(table / "ws")]
    capsys.readouterr()
    assert run(["why", one.id, "--json", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parents"] == list(one.parents)
    assert run(["why", one.id, *where]) == 0
    assert "% of " in capsys.readouterr().out
    for parent in one.parents:
        if parent in done.data:
            assert run(["why", parent, "--json", *where]) == 0
            assert one.id in capsys.readouterr().out
    assert run(["diff", "--json", *where]) == 0
    assert any(row["id"] == one.id for row in json.loads(capsys.readouterr().out))
    assert run(["report", "-o", str(table / "report.html"), *where]) == 0
    assert one.id in (table / "report.html").read_text()


@pytest.mark.slow
def test_a_table_takes_what_class_folders_refuse(done: tilth.Workspace, table: Path, capsys: Any) -> None:
    where = ["--workspace", str(table / "ws")]
    assert run(["export", str(table / "out"), *where]) == 0
    again = tilth.open(table / "out", workspace=table / "third", options={"classes": list(done.data.schema.classes)})
    assert sum(again.base.targets.max(axis=1) < 1) == sum(done.data.targets.max(axis=1) < 1)
    capsys.readouterr()
    assert run(["export", str(table / "folders"), "--export-layout", "folder", *where]) == 2
    said = capsys.readouterr().err
    assert "soft label" in said and "--export-layout table" in said and not (table / "folders").exists()


def test_what_is_undone_is_gone_and_what_was_made_of_it_too(table: Path) -> None:
    recipe = table / "small.toml"
    recipe.write_text('name = "small"\n[[step]]\nuse = "augment.mixup"\n')
    ws = tilth.open(table / "shapes", workspace=table / "undone", seed=1, workers=1)
    ws.improve(str(recipe), learner="linear", prove=False, budget=90)
    before = ws.base.version
    assert any(sample.parents for sample in ws.data)
    ws.undo("augment.mixup", by="me")
    assert ws.data.version == before


def test_class_folders_get_mixtures_within_classes_and_the_log_says_so(table: Path) -> None:
    photos(40, side_px=16, valid_share=0.1, seed=5).write(table / "plain")
    voice = Heard()
    ws = tilth.open(table / "plain", workspace=table / "ws2", workers=1, voice=voice)
    recipe = table / "one.toml"
    recipe.write_text('name = "one"\n[[step]]\nuse = "augment.mixup"\n')
    ws.improve(str(recipe), learner="linear", seeds=2, budget=60)
    made = [sample for sample in ws.data if sample.parents]
    assert made and all(isinstance(sample.label, int) for sample in made)
    assert any("mixes within classes" in line and "--export-layout table" in line for line in voice.lines)
    ws.export(table / "plain-out")
    names = [file.name for file in (table / "plain-out").rglob("*_mixup*.png")]
    assert len(names) == len(made)
