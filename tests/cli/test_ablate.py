"""`tilth prove --ablate` and `tilth versions`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tilth.cli.main import run
from tilth.testing.worlds import photos


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tilth improve shapes` and `tilth prove --ablate` have run."""
    folder = tmp_path_factory.mktemp("done")
    photos(140, wrong=20, copies=4, imbalance=0.5, seed=1).write(folder / "shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["improve", "shapes", "--recipe", "quick", "--learner", "linear", "--seeds", "1", "-q"]) == 0
        assert run(["prove", "--ablate", "--seeds", "1", "-q", "--workers", "1"]) == 0
    return folder


@pytest.fixture
def inside(done: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(done)
    return done


def said(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[str, str]:
    capsys.readouterr()
    assert run(list(args)) == 0
    read = capsys.readouterr()
    return read.out, read.err


def asked(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    return json.loads(said(capsys, *args, "--json")[0])


def test_an_ablation_tells_rows_datasets_and_classes_and_how_long_it_takes(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = said(capsys, "prove", "--ablate", "--seeds", "1")
    assert "ablation of quick: accuracy on the sealed test split" in out
    assert all(
        row in out for row in ("baseline", "+ cleansing", "+ augmentation", "weighted mean", "against the first")
    )
    assert "trainings, all of them on record" in err
    _, more = said(capsys, "prove", "--ablate", "--seeds", "2", "--workers", "1")
    assert "3 of 6 trainings to go, about" in more


def test_an_ablation_as_json_has_all_of_it(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "prove", "--ablate", "--seeds", "1", "-q")
    assert [row["name"] for row in found["rows"]] == ["baseline", "+ cleansing", "+ augmentation"]
    assert found["rows"][0]["against_last"] is None and found["rows"][2]["against_last"][0]["metric"] == "accuracy"
    row = found["rows"][1]
    assert {"version", "equal", "train", "valid", "description", "steps", "classes", "trials"} <= set(row)
    assert row["classes"][-1]["name"] == "weighted mean"
    head = asked(capsys, "log")["line"][-1]["after"]
    assert found["rows"][2]["version"] == head, "the last row is what was applied"


def test_versions_are_a_table_of_datasets(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asked(capsys, "versions")
    line = [batch["after"] for batch in asked(capsys, "log")["line"] if batch["before"] != batch["after"]]
    assert [row["version"] for row in rows[1:]] == line
    assert rows[0]["name"] == "base" and not rows[0]["equal"]
    assert rows[0]["train"] > 0 and rows[0]["valid"] is None
    assert "added" in rows[-1]["description"] and "shear" in rows[-1]["description"]
    out, _ = said(capsys, "versions")
    assert "average samples of a class" in out and "augment.geometric" in out


def test_a_proof_tells_the_classes_of_both_sides(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "prove", "--seeds", "1", "-q")
    assert set(found["classes"]) == {"before", "after"} and found["classes"]["after"][0]["support"] > 0
    assert {trial["version"] for trial in found["trials"]} >= {found["before"], found["after"]}
    out, _ = said(capsys, "prove", "--seeds", "1", "-q")
    assert "precision" in out and "before (" in out and "after (" in out


def test_the_report_has_a_section_for_it(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "report", "--out", "story.html")
    page = (inside / "story.html").read_text()
    assert 'href="#ablation"' in page and "<h3>Datasets</h3>" in page and "Classification report" in page


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["prove", "quick"], "tilth prove --ablate quick"),
        (["prove", "--budget", "9"], "--budget is for rows"),
        (["prove", "--ablate", "--before", "head"], "without --before"),
        (["prove", "--ablate", "quik"], "did you mean 'quick'"),
        (["prove", "--ablate", "--metric", "acuracy"], "no metric 'acuracy'"),
    ],
)
def test_what_does_not_go_together_is_told(
    inside: Path, args: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run([*args, "-q"]) == 2
    assert why in capsys.readouterr().err
