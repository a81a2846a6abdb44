"""What the machine is measured to be: once, for all workspaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tilth.learn.probe import Measured, of_machine


def measured(*values: float) -> Measured:
    return {"measured": np.array(values)}


def test_who_comes_first_measures_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_CACHE", str(tmp_path / "cache"))
    assert of_machine(("net", 8), lambda: measured(4, 2, 0.01))["measured"].tolist() == [4, 2, 0.01]
    again = of_machine(("net", 8), lambda: pytest.fail("measured twice"))
    assert again["measured"].tolist() == [4, 2, 0.01]
    assert of_machine(("net", 16), lambda: measured(1, 9, 0))["measured"].tolist() == [1, 9, 0]
    assert len(list((tmp_path / "cache" / "probes").iterdir())) == 2  # and no drafts


def test_what_is_damaged_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_CACHE", str(tmp_path))
    of_machine("net", lambda: measured(4, 2, 0))
    (file,) = (tmp_path / "probes").iterdir()
    file.write_text("[")
    assert of_machine("net", lambda: measured(3, 3, 0))["measured"].tolist() == [3, 3, 0]


def test_without_a_folder_to_keep_it_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TILTH_CACHE", str(tmp_path / "file"))
    assert of_machine("net", lambda: measured(4, 2, 0))["measured"].tolist() == [4, 2, 0]
