"""The self-test counts what was found of what it planted, touches nothing, and its thresholds hold in the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tilth
from tilth.cli.main import run
from tilth.errors import RecipeError, SettingError, StepError
from tilth.run.selftest import SelfTest, Trust, read_least, write_least
from tilth.run.voice import Silence
from tilth.testing.worlds import photos, utterances

WRONG = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selftest")
    photos(300, wrong=WRONG, copies=3, seed=5).write(folder / "shapes")
    return folder


@pytest.fixture(scope="module")
def done(folder: Path) -> tuple[Any, SelfTest]:
    ws = tilth.open(folder / "shapes", workspace=folder / "ws")
    return ws, ws.selftest("quick", precision=0.9)


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(one.relative_to(folder)): (one.stat().st_mtime_ns, one.read_bytes()) for one in folder.rglob("*.png")}


def test_what_is_planted_is_found_where_it_is_easy(done: tuple[Any, SelfTest]) -> None:
    met = {one.fault: one for one in done[1].met}
    assert set(met) == {
        "wrong label, any class", "wrong label, nearest class", "junk", "exact copy", "near copy",
        "copy with another label", "copy in valid or test", "dark", "bright", "blurred", "noisy", "empty",
    }  # fmt: skip
    for name in ("exact copy", "copy with another label", "copy in valid or test"):
        assert met[name].recall == 1 and met[name].interval[1] == 1 > met[name].interval[0] > 0.6
    assert met["wrong label, any class"].recall >= 0.7
    assert done[1].untested == {"audit.balance": "no fault is known that it should find"}


def test_precision_is_bracketed_and_own_faults_lie_between(done: tuple[Any, SelfTest]) -> None:
    for one in done[1].trust:
        assert 0 <= one.low <= one.likely <= one.high <= 1
    noise = next(one for one in done[1].trust if one.kind == "label_noise")
    assert noise.before >= WRONG * 0.7 and noise.low < 0.85 < noise.high
    copies = next(one for one in done[1].trust if one.kind == "exact_duplicate")
    assert copies.high == 1


def test_nothing_of_the_source_and_the_line_is_touched(folder: Path) -> None:
    before = files(folder / "shapes")
    ws = tilth.open(folder / "shapes", workspace=folder / "again")
    version = ws.data.version
    ws.selftest("quick", detectors=["duplicates"])
    assert files(folder / "shapes") == before
    assert ws.data.version == version and not ws.changes() and not ws.proposals()


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(folder: Path, done: tuple[Any, SelfTest]) -> None:
    plain = lambda one: (one.met, one.trust, one.trusted)  # noqa: E731
    other = tilth.open(folder / "shapes", workspace=folder / "other").selftest("quick", precision=0.9)
    assert plain(other) == plain(done[1])
    assert done[0].selftest("quick", precision=0.9, seed=1).trust != done[1].trust


def test_a_second_question_finds_the_work_done(done: tuple[Any, SelfTest]) -> None:
    ws, first = done

    class Heard(Silence):
        bars = 0

        def bar(self, what: str, total: int) -> Any:
            Heard.bars += "folds" in what
            return super().bar(what, total)

    again = tilth.open(workspace=ws.store.folder, voice=Heard()).selftest("quick", precision=0.5)
    assert Heard.bars == 0 and again.trust == first.trust
    low, high = ({one.kind: one.least for one in result.trusted} for result in (again, first))
    assert all(low[kind] <= high[kind] for kind in high)


def test_the_threshold_is_the_lowest_severity_that_reaches_the_precision(done: tuple[Any, SelfTest]) -> None:
    for one in done[1].trusted:
        assert np.isinf(one.least) or (one.likely >= 0.9 and one.findings >= 5)
        if np.isinf(one.least):
            assert one.findings == 0 and one.recall == 0


def test_texts_are_tested_too(tmp_path: Path) -> None:
    world = utterances(300, valid_share=0.1, seed=2)
    table = tmp_path / "questions.csv"
    rows = [f'"{one.text}",{world.data.schema.classes[one.label]},{one.split}' for one in world.data]  # type: ignore[index]
    table.write_text("text,label,split\n" + "\n".join(rows) + "\n")
    result = tilth.open(table, workspace=tmp_path / "ws").selftest(share=0.1)
    met = {one.fault: one for one in result.met}
    assert met["exact copy"].recall == 1 and met["copy in valid or test"].recall == 1
    assert met["wrong label, any class"].recall > 0.6 and met["junk"].planted >= 10


def test_a_detector_that_is_not_there_is_told_with_those_that_are(done: tuple[Any, SelfTest]) -> None:
    with pytest.raises(RecipeError, match="did you mean 'label_noise'"):
        done[0].selftest("quick", detectors=["label_nose"])
    with pytest.raises(StepError, match=r"nothing to plant: no fault is known that audit\.balance"):
        done[0].selftest("quick", detectors=["balance"])


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 0.5}, {"precision": 0.0}, {"precision": 1.5}])
def test_a_share_or_precision_out_of_range_is_told(done: tuple[Any, SelfTest], wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        done[0].selftest("quick", **wrong)


# -- thresholds -----------------------------------------------------------------------------------------------


def test_thresholds_are_read_from_words_and_from_the_file(done: tuple[Any, SelfTest], tmp_path: Path) -> None:
    file = write_least(done[1], tmp_path / "selftest.toml")
    assert read_least([str(file)]) == done[1].least_severity
    both = read_least([str(file), "label_noise=0.5", "outlier = inf"])
    assert both["label_noise"] == 0.5 and both["outlier"] == float("inf")


@pytest.mark.parametrize("word", ["label_noise=much", "label_noise=-1", "label_noise=nan", "nowhere.toml"])
def test_a_threshold_that_is_none_is_told(word: str) -> None:
    with pytest.raises(SettingError, match="--least-severity"):
        read_least([word])


def test_findings_under_the_threshold_are_not_acted_upon(folder: Path) -> None:
    ws = tilth.open(folder / "shapes", workspace=folder / "least")
    every = [one for _, one in ws.audit("quick").findings if one.kind == "label_noise"]
    middle = float(np.median([one.severity for one in every]))
    kept = [one for _, one in ws.audit("quick", least_severity={"label_noise": middle}).findings]
    assert {one.key for one in kept if one.kind == "label_noise"} == {o.key for o in every if o.severity >= middle}
    edits = {use for use, _ in ws.propose("quick").edits}
    none = {use for use, _ in ws.propose("quick", least_severity={"label_noise": float("inf")}).edits}
    assert "cleanse.labels" in edits and "cleanse.labels" not in none


# -- the command ----------------------------------------------------------------------------------------------


def test_the_command_prints_both_tables_and_writes_thresholds_that_improve_takes(
    folder: Path, done: tuple[Any, SelfTest], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert run(["selftest", "shapes", "-w", "ws", "--recipe", "quick", "-q"]) == 0
    said = capsys.readouterr().out
    assert "wrong label, nearest class" in said and "between" in said and "not tested: audit.balance" in said
    assert not (folder / "ws" / "selftest.toml").exists() and "tilth selftest --precision 0.9 -w ws" in said
    assert run(["selftest", "-w", "ws", "--recipe", "quick", "-q", "--precision", "0.9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["thresholds"] == "ws/selftest.toml" and len(told["met"]) == 12
    words = ["improve", "-w", "ws", "--recipe", "quick", "--dry-run", "-q", "--json"]
    assert run([*words, "--least-severity", "ws/selftest.toml", "--least-severity", "label_noise=inf"]) == 0
    assert not [one for one in json.loads(capsys.readouterr().out)["edits"] if one["step"] == "cleanse.labels"]


def test_thresholds_without_a_precision_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest", "--out", "here.toml"]) == 2
    assert "--precision" in capsys.readouterr().err


def test_bounds_of_nothing_are_nothing() -> None:
    empty = Trust("audit.outliers", "outlier", 0.0, 0, 0, 0, 0.0, 0.0)
    assert (empty.low, empty.likely, empty.high) == (0, 0, 0)
