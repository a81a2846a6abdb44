"""The default recipe, whole: the same seed gives the same dataset byte for byte, with one worker or two; another seed another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth.cli.main import run
from tilth.digest import digest_bytes
from tilth.store.plain import edit_to_plain
from whole import LEARNER, quick, write_world


@dataclass(frozen=True)
class Result:
    """What `tilth improve` leaves: the files, what it says it did, and the proof."""

    files: dict[str, str]
    edits: list[Any]
    versions: list[str]
    told: dict[str, Any]


def improved(folder: Path, source: Path, capsys: pytest.CaptureFixture[str], *, seed: int, workers: int) -> Result:
    recipe = folder.with_suffix(".toml")
    recipe.write_text(quick("tilth"))
    words = [
        "improve",
        str(source),
        "--recipe",
        str(recipe),
        "--budget",
        "150",
        "--seeds",
        "1",
        "--json",
        "-q",
        *LEARNER,
    ]
    where = ["-w", str(folder / "ws"), "--out", str(folder / "out"), "--report", str(folder / "report.html")]
    capsys.readouterr()
    assert run([*words, *where, "--seed", str(seed), "--workers", str(workers)]) == 0, capsys.readouterr().err
    told = json.loads(capsys.readouterr().out)
    for own in ("out", "report"):
        del told[own]
    ws, out = tilth.open(workspace=folder / "ws"), folder / "out"
    return Result(
        {file.relative_to(out).as_posix(): digest_bytes(file.read_bytes()) for file in sorted(out.rglob("*.*"))},
        [
            [batch.use, one.edit.id, edit_to_plain(one.edit), one.edit.because, one.edit.evidence]
            for batch, one in ws.changes()
        ],
        [batch.after for batch in ws.store.ledger.batches()],
        told,
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_dataset_byte_for_byte(tmp_path: Path, capsys: Any) -> None:
    source = write_world(tmp_path / "source", "tilth")
    one = improved(tmp_path / "one", source, capsys, seed=3, workers=1)
    two = improved(tmp_path / "two", source, capsys, seed=3, workers=2)
    assert one.versions == two.versions
    assert one.edits == two.edits
    assert one.files == two.files and len(one.files) > 150
    assert one.told == two.told
    other = improved(tmp_path / "other", source, capsys, seed=4, workers=2)
    made = {name for name in one.files if "_" in Path(name).stem}
    assert made and other.files != one.files and other.told["version"] != one.told["version"]
    assert {name: digest for name, digest in other.files.items() if name in made} != {
        name: one.files[name] for name in made
    }
