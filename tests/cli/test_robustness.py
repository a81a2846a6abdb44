"""A recipe that leads astray, and `tilth prove --robustness`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tilth.cli.main import run
from tilth.testing.worlds import photos

RECIPE = """
name = "robust"

[[step]]
use = "augment.deepfool"
folds = 2
share = 0.1
"""
SMALL = ["--set", "size_px=24", "--set", "epochs=1", "--set", "least_steps=30", "--set", "precision=fp32"]


@pytest.mark.slow
def test_robustness_is_told_below_the_proof_kept_and_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(80, classes=2, side_px=24, test_share=0.3, seed=1).write(tmp_path / "shapes")
    (tmp_path / "robust.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    model = ["--learner", "convnet", *SMALL]
    how = ["--recipe", "robust.toml", "--budget", "90", "--no-prove", "-q"]
    assert run(["improve", "shapes", *how, *model]) == 0
    capsys.readouterr()
    asked = ["prove", "--robustness", "--seeds", "1", "-q", "--workers", "1", *model]
    assert run([*asked, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    names = [one["metric"] for one in first["measures"]]
    assert names[0] == "accuracy"
    assert names[-4:] == [f"accuracy_under_{name}" for name in ("noise", "fgsm", "pgd", "one_pixel")]
    assert first["before"] != first["after"]
    assert run(asked) == 0
    out = capsys.readouterr().out
    assert "accuracy under pgd" in out
    assert run(["report"]) == 0
    page = next(tmp_path.glob("*.html")).read_text()
    assert "accuracy under pgd" in page.lower()


def test_an_ablation_has_no_robustness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["prove", "--ablate", "--robustness"]) == 2
