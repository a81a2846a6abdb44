"""Compiled loops are kept for the next process, and a fault there costs time, never the work."""

import errno
import os
from pathlib import Path

import pytest
from numba.core import caching

from tilth.numerics.compiled import kept
from tilth.numerics.compiled.kernels import kernel


def plus_one(value):
    return value + 1


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where kernels made in this test are kept."""
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def made_anew():
    """What a next process makes of the kernel, and how many times it was found as kept."""
    made = kernel(plus_one)
    assert made(2) == 3
    return sum(made.stats.cache_hits.values())


def test_a_kernel_is_kept(folder):
    assert [made_anew(), made_anew()] == [0, 1]
    assert {file.suffix for file in folder.rglob("*.nb?")} == {".nbi", ".nbc"}


@pytest.mark.parametrize("left", [0.0, 0.5])
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_a_damaged_file_is_taken_away_and_the_kernel_compiled(folder, suffix, left):
    made_anew()
    (file,) = folder.rglob(f"*.{suffix}")
    file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    assert [made_anew(), made_anew()] == [0, 1]


def test_a_kernel_is_compiled_again_when_any_module_beside_it_changes(folder, monkeypatch):
    made_anew()
    before = {file.name for file in folder.rglob("*.nb?")}
    with monkeypatch.context() as changed:
        changed.setattr(kept, "sources", lambda *_: "changed")
        assert [made_anew(), made_anew()] == [0, 1]
    after = {file.name for file in folder.rglob("*.nb?")}
    assert len(after) == len(before) == 2 and not after & before  # what nobody reads again does not pile up


def test_a_damaged_file_that_cannot_be_taken_away_does_not_stop_a_kernel(folder, monkeypatch):
    made_anew()
    (file,) = folder.rglob("*.nbi")
    file.write_bytes(b"")
    monkeypatch.setattr(Path, "unlink", refused)
    assert [made_anew(), made_anew()] == [0, 0]


def refused(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_does_not_stop_a_kernel(folder, monkeypatch):
    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", refused)
    assert [made_anew(), made_anew()] == [0, 0]
    monkeypatch.undo()
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(folder))
    assert [made_anew(), made_anew()] == [0, 1]


def test_where_no_folder_can_be_written_a_kernel_is_compiled_all_the_same(monkeypatch):
    monkeypatch.setattr(caching.FunctionCache._impl_class, "_locator_classes", [])
    assert [made_anew(), made_anew()] == [0, 0]
