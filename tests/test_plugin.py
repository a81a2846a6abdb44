"""The example of a third party's package, installed by `make test`, is found like a step of ours."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tilth.cli.main import run

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


@pytest.fixture(autouse=True)
def _installed() -> None:
    assert importlib.util.find_spec("tilth_faint"), (
        "make test installs examples/plugin; by hand: pip install -e examples/plugin"
    )


def test_it_is_listed_with_its_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["steps"]) == 0
    out = capsys.readouterr().out
    assert "faint.pictures" in out and "tilth-faint" in out


def test_its_recipe_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tilth.testing.worlds import photos

    source = photos(20).write(tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    assert run(["audit", str(source), "--recipe", str(PLUGIN / "faint.toml"), "-q"]) == 0
    assert "nothing was found" in capsys.readouterr().out
