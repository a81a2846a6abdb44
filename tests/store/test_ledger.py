"""The ledger keeps everything that was said, and gives it back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from strategies import datasets_with_edits
from tilth.dataset import Dataset
from tilth.edit import Drop, Edit, Relabel
from tilth.errors import WorkspaceBusy, WorkspaceError
from tilth.finding import Finding
from tilth.store.ledger import FORMAT, Ledger
from tilth.store.plain import edit_from_plain, edit_to_plain, kind_of
from tilth.store.shelf import Store
from tilth.store.tables import read_dataset, read_rows, write_dataset


@given(datasets_with_edits())
def test_an_edit_comes_back_as_it_was(both: tuple[Dataset, list[Edit]]) -> None:
    for edit in both[1]:
        again = edit_from_plain(kind_of(edit), edit.id, edit_to_plain(edit), edit.because, dict(edit.evidence))
        assert again == edit


@given(datasets_with_edits())
def test_a_version_comes_back_as_it_was(both: tuple[Dataset, list[Edit]]) -> None:
    import tempfile

    data = both[0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "v.parquet"
        write_dataset(data, file)
        again = read_dataset(file)
        assert (again.version, again.schema, list(again)) == (data.version, data.schema, list(data))
        assert [len(read_rows(file, "id", [id])) for id in data.ids.tolist()] == [1] * len(data)


def test_the_last_decision_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.add_batch([Drop("a", "junk")], place="1", use="u", key="k", before="v", after="w", state="line", by="tilth")
    (change,) = ledger.changes()
    ledger.decide([(change.number, "reject", "ana", "it is fine")])
    (change,) = ledger.changes()
    assert (change.verdict, change.by, change.why) == ("reject", "ana", "it is fine")


def test_findings_are_found_by_every_sample_they_speak_of(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    pair = Finding("exact_duplicate", ("a", "b"), 0.5, "they are the same", {"keep": "a"})
    ledger.add_findings("key", "audit.duplicates", "v", [pair])
    ledger.add_findings("key", "audit.duplicates", "v", [pair])
    assert ledger.findings(sample="a") == ledger.findings(sample="b") == [("audit.duplicates", pair)]
    assert ledger.findings(sample="c") == []


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    with pytest.raises(RuntimeError), ledger.transaction():
        ledger.set_fact("a", 1)
        raise RuntimeError
    assert ledger.fact("a") is None


def test_a_workspace_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").set_fact("format", FORMAT + 1)
    with pytest.raises(WorkspaceError, match="Update tilth"):
        Ledger(tmp_path / "ledger.db")


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(WorkspaceError, match="not a ledger"):
        Ledger(tmp_path / "ledger.db")


def test_a_second_writer_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    import subprocess
    import sys

    store = Store(tmp_path)
    code = (
        "import sys; from pathlib import Path; from tilth.store.shelf import Store\n"
        f"s = Store(Path({str(tmp_path)!r}))\nwith s.writing():\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdin
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WorkspaceBusy, match=f"process {other.pid}"), store.writing():
            pass
        other.kill()
        other.wait()
    with store.writing():  # the lock ended with its process, although that was killed
        pass


def test_reads_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.writing():
        assert Store(tmp_path).ledger.fact("format") == FORMAT


def test_relabel_evidence_with_numpy_numbers_is_kept(tmp_path: Path) -> None:
    import numpy as np

    ledger = Ledger(tmp_path / "ledger.db")
    edit = Relabel("a", 0, 1, "seen", {"p": np.float32(0.5), "ids": ("x",), "n": np.int64(3)})
    ledger.add_batch([edit], place="1", use="u", key="k", before="v", after="w", state="line", by="tilth")
    assert ledger.changes()[0].edit.evidence == {"p": 0.5, "ids": ["x"], "n": 3}
