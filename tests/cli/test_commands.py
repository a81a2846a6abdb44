"""The commands, as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth.cli.main import run
from tilth.edit import Add
from tilth.testing.worlds import World, photos


@pytest.fixture(scope="module")
def world() -> World:
    return photos(160, wrong=10, copies=4, near=3, junk=4, leaks=3, imbalance=0.5, seed=1)


@pytest.fixture(scope="module")
def done(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tilth improve shapes` has run."""
    folder = tmp_path_factory.mktemp("done")
    world.write(folder / "shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["improve", "shapes", "--learner", "linear", "--seeds", "2", "-q"]) == 0
    return folder


@pytest.fixture
def inside(done: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(done)
    return done


def asked(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    capsys.readouterr()
    assert run([*args, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_improve_leaves_a_better_dataset_a_report_and_a_workspace(inside: Path) -> None:
    assert (inside / "shapes-report.html").read_text().lower().startswith("<!doctype html>")
    assert {folder.name for folder in (inside / "shapes-improved").iterdir()} == {"train", "test"}
    assert (inside / ".tilth" / "ledger.db").exists()


def test_the_source_is_not_touched(inside: Path, world: World) -> None:
    found = {
        file.relative_to(inside / "shapes").as_posix(): file.read_bytes() for file in (inside / "shapes").rglob("*.png")
    }
    assert found == {sample.path: world.contents[sample.id] for sample in world.data}


def test_most_planted_faults_are_settled(inside: Path, world: World) -> None:
    from tilth import open as open_workspace

    after = open_workspace(workspace=".tilth").data
    assert all(copy not in after or original not in after for original, copy in world.copies)
    assert all(copy not in after for copy, _ in world.leaks)
    # By name: the classes of the world are not in the order of the alphabet, those of its folders are.
    names = [after.schema.classes, world.data.schema.classes]
    mended = [id for id in world.wrong if id not in after or names[0][after[id].label] == names[1][world.truth[id]]]  # type: ignore[index]
    assert len(mended) >= 8


def test_workspaces_on_one_source_write_beside_each_other(inside: Path) -> None:
    from tilth import open as open_workspace
    from tilth.cli.targets import dataset_of, report_of

    ours = open_workspace(workspace=".tilth")
    assert report_of(ours, None) == Path("shapes-report.html") and report_of(ours, Path("x")) == Path("x")
    other = open_workspace("shapes", workspace="runs/a")
    assert report_of(other, None) == Path("shapes-runs-a-report.html")
    assert dataset_of(other, None) == Path("shapes-runs-a-improved")


IMPROVE = ["improve", "shapes", "--learner", "linear", "--seeds", "2", "-q"]


def test_improving_again_does_nothing_and_says_so(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    version = asked(capsys, "log")["line"][-1]["after"]
    before = {file: file.stat().st_mtime_ns for file in Path("shapes-improved").rglob("*")}
    again = asked(capsys, *IMPROVE)
    assert (again["version"], again["out"], again["stood"]) == (version, "shapes-improved", True)
    assert {file: file.stat().st_mtime_ns for file in Path("shapes-improved").rglob("*")} == before
    assert run(IMPROVE) == 0 and "nothing was left to do" in capsys.readouterr().out


def test_another_result_is_written_beside_the_first_and_found_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.write(tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    words = ["improve", "shapes", "--recipe", "quick", "--no-prove", "-q"]
    assert asked(capsys, *words)["out"] == "shapes-improved"
    for stood in (False, True):
        told = asked(capsys, *words, "--budget", "140")
        assert (told["out"], told["stood"]) == ("shapes-improved-2", stood)
    # What a person changed in it is theirs, and is not taken for what was written.
    next(Path("shapes-improved-2").rglob("*.png")).unlink()
    assert asked(capsys, *words, "--budget", "140")["out"] == "shapes-improved-3"
    assert asked(capsys, *words, "--out", "shapes-improved", "--budget", "140")["out"] == "shapes-improved-3"
    Path("own").mkdir()
    (Path("own") / "file").touch()
    assert run([*words, "--out", "own"]) == 2 and "is not empty" in capsys.readouterr().err


def test_why_tells_what_was_found_and_done(inside: Path, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    id = next(iter(world.leaks))[0]
    told = asked(capsys, "why", id)
    assert not told["present"]
    assert {finding["kind"] for finding in told["findings"]} >= {"leak"}
    assert [edit["kind"] for edit in told["edits"]] == ["drop"]
    assert asked(capsys, "why", told["path"])["id"] == id
    assert run(["why", id[:8]]) == 0
    assert "leak" in capsys.readouterr().out


def test_diff_and_log_and_report(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asked(capsys, "diff")
    assert {row["kind"] for row in rows} >= {"dropped", "added"}
    assert all(row["because"] for row in rows)
    assert run(["diff"]) == run(["log"]) == 0
    assert "cleanse.leaks" in capsys.readouterr().out
    assert run(["report", "-o", "again.html"]) == 0


def test_prove_answers_from_the_memo(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "prove", "--learner", "linear", "--seeds", "2", "-q")
    assert told["verdict"] in ("better", "worse", "not shown")
    assert told["measures"][0]["metric"] == "accuracy"


def test_export_in_another_layout(inside: Path, tmp_path: Path) -> None:
    assert run(["export", str(tmp_path / "t"), "--export-layout", "table"]) == 0
    assert run(["export", str(tmp_path / "a"), "--export-layout", "animals", "--name", "us"]) == 0
    assert (tmp_path / "a" / "us-training-set" / "data-labels.json").exists()


def test_undo_and_the_next_run_respect_a_person(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    world.write(tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    improve = ["improve", "shapes", "--no-prove", "-q", "--out"]
    assert run([*improve, "one"]) == 0
    id = next(iter(world.leaks))[0]
    assert asked(capsys, "undo", id, "--by", "ana", "--because", "we need it")["undone"] == [id]
    assert asked(capsys, "why", id)["present"]
    assert run([*improve, "two"]) == 0
    assert asked(capsys, "why", id)["present"]
    before = asked(capsys, "log")["line"][-1]["after"]
    changes = tilth.open(workspace=".tilth").changes()
    made = next(one.edit.sample for _, one in changes if isinstance(one.edit, Add))
    asked(capsys, "undo", "augment.geometric")
    asked(capsys, "undo", "all")
    told = asked(capsys, "why", made.path)  # in no version now, and still told of
    assert told["id"] == made.id and not told["present"]
    assert asked(capsys, "diff") == []
    assert before != asked(capsys, "log")["line"][-1]["after"]
    assert run(["undo"]) == 2


def test_dry_run_changes_nothing_and_propose_waits_for_apply(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.write(tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    assert run(["improve", "shapes", "--dry-run", "-q"]) == 0
    out = capsys.readouterr().out
    assert "audit.leaks" in out and "Nothing was changed" in out
    assert not (tmp_path / "shapes-improved").exists()
    assert "without --dry-run" in out and run(["apply"]) == 2, "nothing is proposed either"
    assert asked(capsys, "diff") == []
    edits = asked(capsys, "propose", "-q")["edits"]
    drops = [edit["id"] for edit in edits if edit["kind"] == "drop"]
    assert asked(capsys, "improve", "--dry-run", "-q")["edits"] == edits, "what was proposed stays so"
    told = asked(capsys, "apply", "--only", "drop", "--skip", drops[0], "--by", "ana")
    assert (told["drop"], told["open"]) == (len(drops) - 1, len(edits) - len(drops)) and told["open"]
    assert asked(capsys, "why", drops[0])["present"]
    rest = asked(capsys, "apply", "--by", "ana")
    assert (rest["drop"], rest["open"]) == (len(drops) - 1, 0) and len(rest) > len(told) - 1
    assert asked(capsys, "why", drops[0])["present"], "what was declined is not applied with the rest"
    assert run(["apply"]) == 2


def test_audit_under_strict_leaves_with_one(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    world.write(tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    assert run(["audit", "shapes", "--strict", "-q"]) == 1
    told = asked(capsys, "audit", "-q")
    assert {"leak", "exact_duplicate", "label_noise"} <= {finding["kind"] for finding in told["findings"]}
    capsys.readouterr()
    assert run(["embed", "--out", "vectors.parquet", "-q"]) == 0
    assert (tmp_path / "vectors.parquet").exists()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["improve", "nowhere"], "nothing at"),
        (["improve", "shapes", "--learner", "convnte"], "did you mean"),
        (["improve", "shapes", "--recipe", "tilht"], "there is no recipe"),
        (["improve", "shapes", "--set", "epochs"], "name=value"),
        (["improve", "shapes", "--out", "shapes"], "not empty"),
        (["improve", "shapes", "--valid", "nothing"], "nothing"),
        (["improve", "shapes", "--export-layout", "tabel"], "did you mean 'table'"),
        (["improve", "shapes", "--export-layout", "archive", "--out", "x"], "does not end in .zip"),
        (["improve", "shapes", "--metric", "accurcy"], "did you mean 'accuracy'"),
        (["validation-set", "shapes", "--export-layout", "tabel", "-q"], "did you mean 'table'"),
        (["improve", "shapes", "--train-command", "x {nonsense}"], "nonsense"),
        (["prove"], "no workspace"),
        (["why", "x"], "no workspace"),
        (["audit", "shapes", "--nonsense"], "No such option"),
        (["selftest", "shapes", "--share", "0.5"], "0.25"),
        (["components", "shapes", "--embedder", "embed.text", "-q"], "embed.text works on texts"),
        (["validation-set", "shapes", "--copies", "x", "-q"], "dropped or moved"),
        (["audit", "nowhere", "--least-severity", "labl_noise=0.9"], "did you mean 'label_noise'"),
    ],
)
def test_misuse_is_told_and_leaves_with_two(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, args: list[str], told: str
) -> None:
    world.write(tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    assert run([*args, "-q"] if args[0] == "improve" else args) == 2
    err = capsys.readouterr().err
    assert len(list(Path().glob(".tilth/versions/*"))) <= 1, "it is told before the work"
    assert told in err and "Traceback" not in err and "fault of tilth" not in err


def test_another_source_in_the_same_workspace_is_refused(inside: Path, tmp_path: Path, capsys: Any) -> None:
    photos(20).write(tmp_path / "other")
    assert run(["audit", str(tmp_path / "other"), "-q"]) == 2
    assert "--workspace" in capsys.readouterr().err


def test_a_workspace_can_be_moved_with_its_source(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    import shutil

    shutil.copytree(done, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert run(["export", str(tmp_path / "out")]) == 0
    assert run(["audit", "shapes", "-q"]) == 0


def test_ctrl_c_is_told_and_leaves_with_130(inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from tilth.workspace import Workspace

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "log", stop)
    assert run(["log"]) == 130
    assert "Nothing that was finished is lost" in capsys.readouterr().err


@pytest.mark.parametrize("args", [["steps"], ["log"]])
def test_a_reader_that_goes_away_is_no_fault(inside: Path, args: list[str]) -> None:
    # `steps` fills the pipe while it prints, `log` is so short that it is written when the program ends.
    command = [sys.executable, "-m", "tilth", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as going:
        assert going.stdout and going.stderr
        going.stdout.close()
        said = going.stderr.read()
    assert (going.returncode, said) == (0, "")


def test_steps_lists_every_step_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["name"] for row in asked(capsys, "steps", "learn.linear")] == ["learn.linear"]
    assert {row["role"] for row in asked(capsys, "steps", "selectors")} == {"selectors"}
    assert run(["steps", "learn.liner"]) == 2 and "did you mean 'learn.linear'" in capsys.readouterr().err
    rows = asked(capsys, "steps")
    assert {row["name"] for row in rows} >= {
        "audit.label_noise",
        "learn.cut-resnet50",
        "embed.pixels",
        "formats.folder",
    }
    assert all("cannot be loaded" not in row["about"] for row in rows)
    assert all(row["about"] for row in rows)


def test_a_mistyped_recipe_is_told_before_the_source_is_read(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["improve", "shapes", "--recipe", "tilt", "-w", "nowhere"]) == 2
    said = capsys.readouterr().err
    assert "there is no recipe 'tilt'" in said and "tilth" in said and "Reading" not in said
    assert not (inside / "nowhere").exists()


def test_what_was_done_before_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], world: World) -> None:
    world.write(tmp_path / "shapes")
    words = ["audit", str(tmp_path / "shapes"), "--recipe", "quick", "-w", str(tmp_path / "ws")]
    assert run(words) == 0
    first = capsys.readouterr().err
    assert run(words) == 0
    again = capsys.readouterr().err
    named = {line.split()[1]: "done before" in line for line in again.splitlines() if line.endswith(" s, done before)")}
    assert "done before" not in first
    assert {"audit.leaks", "audit.duplicates", "learn.linear", "audit.label_noise"} <= set(named)
