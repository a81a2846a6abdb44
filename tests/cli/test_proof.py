"""What `tilth prove` says of test samples that lay in train too."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tilth.cli.main import run


def source(where: Path, *, leaked: int) -> str:
    """A table of two topics; so many of its test texts lie in train too."""
    topics = {"rain": "weather wind cloud storm".split(), "food": "soup bread cheese apple".split()}
    rows = [(f"the {word} of day {n}", label) for label, words in topics.items() for n, word in enumerate(words * 6)]
    test = [(f"a {word} at night {n}", label) for label, words in topics.items() for n, word in enumerate(words * 2)]
    with (where / "texts.csv").open("w", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(("text", "label", "split"))
        writer.writerows((*row, "train") for row in [*rows, *test[:leaked]])
        writer.writerows((*row, "test") for row in test)
    return "texts.csv"


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    capsys.readouterr()
    assert run([*args]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("leaked", "words"),
    [
        (0, ""),
        (5, "without 5 leaked test samples (11 are left): accuracy"),
        (16, "16 of 16 test samples lie in train too and flatter: without them none is left"),
    ],
)
def test_leaked_test_samples_are_told(
    leaked: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "leaks.toml"
    recipe.write_text(
        '[[step]]\nuse = "embed.fingerprint"\n[[step]]\nuse = "embed.text"\n[[step]]\nuse = "audit.leaks"\n[[step]]\nuse = "cleanse.leaks"\n'
    )
    out = said(capsys, "improve", source(tmp_path, leaked=leaked), "--recipe", "leaks.toml", "--seeds", "1", "-q")
    assert words in out and ("leaked" in out or "flatter" in out) == bool(leaked)
    rows = said(capsys, "prove", "--ablate", "--seeds", "1", "-q")
    assert ("leaked test samples (11 are left)" in rows) == (leaked == 5)
    assert ("without them none is left" in rows) == (leaked == 16)
    found = json.loads(said(capsys, "prove", "--ablate", "--seeds", "1", "-q", "--json"))
    assert found["taught"] == leaked and all(bool(row["unseen"]) == (leaked == 5) for row in found["rows"])
    told: dict[str, Any] = json.loads(said(capsys, "prove", "--seeds", "1", "--json"))
    assert told["taught"] == leaked and bool(told["unseen"]) == (0 < leaked < 16)
    if told["unseen"]:
        assert told["unseen"]["metric"] == "accuracy" and told["unseen"]["verdict"] in ("better", "worse", "not shown")
