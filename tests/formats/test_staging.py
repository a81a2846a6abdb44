"""What is written is there whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tilth.dataset import Dataset
from tilth.errors import ContentError, ExportError
from tilth.formats.archive import Archive
from tilth.formats.folder import Folder
from tilth.formats.onehot import OneHot
from tilth.formats.table import Table
from tilth.steps import Format
from tilth.testing.worlds import photos

WORLD = photos(12, seed=1)
WRITERS = [Folder(), OneHot(), Table()]


def contents(data: Dataset) -> Iterator[bytes]:
    return (WORLD.contents[id] for id in data.ids)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda w: type(w).__name__)
def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path: Path, writer: Format) -> None:
    (tmp_path / "out").mkdir()
    writer.write(WORLD.data, tmp_path / "out", contents, {})
    before = sorted((tmp_path / "out").rglob("*"))
    with pytest.raises(ExportError, match="is not empty"):
        writer.write(WORLD.data, tmp_path / "out", contents, {})
    assert sorted((tmp_path / "out").rglob("*")) == before
    with pytest.raises(ExportError, match="is a file"):
        writer.write(WORLD.data, before[-1], contents, {})


@pytest.mark.parametrize("writer", [*WRITERS, Archive()], ids=lambda w: type(w).__name__)
def test_a_source_that_fails_on_the_way_leaves_nothing(tmp_path: Path, writer: Format) -> None:
    def broken(data: Dataset) -> Iterator[bytes]:
        yield from list(contents(data))[:5]
        raise ContentError("the file has become unreadable")

    with pytest.raises(ContentError):
        writer.write(WORLD.data, tmp_path / "out.zip" if isinstance(writer, Archive) else tmp_path / "out", broken, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writer", WRITERS, ids=lambda w: type(w).__name__)
@pytest.mark.parametrize("where", ["/proc/tilth/out", "/proc/tilth-out", "/dev/null/out"])
def test_a_place_that_cannot_be_written_says_so(writer: Format, where: str) -> None:
    with pytest.raises(ExportError, match=r"cannot be (written|looked into)"):
        writer.write(WORLD.data, Path(where), contents, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(ExportError, match="permission denied"):
        Folder().write(WORLD.data, tmp_path / "locked/out", contents, {})


@contextmanager
def no_room(bytes_left: int) -> Iterator[None]:
    """No file may grow beyond this: the write fails as on a full disk, with an OSError from the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("writer", WRITERS, ids=lambda w: type(w).__name__)
def test_no_room_leaves_nothing_behind(tmp_path: Path, writer: Format) -> None:
    with no_room(200), pytest.raises(ExportError, match=r"cannot be written: file too large\. Nothing was left behind"):
        writer.write(WORLD.data, tmp_path / "out", contents, {})
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_no_half_and_the_next_run_clears_up(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tilth.formats.folder import Folder; from tilth.testing.worlds import photos\n"
        "world = photos(12, seed=1)\n"
        "def slow(data):\n"
        "    for number, id in enumerate(data.ids):\n"
        "        if number == 6: print('half', flush=True); time.sleep(60)\n"
        "        yield world.contents[id]\n"
        "Folder().write(world.data, Path(sys.argv[1]), slow, {})\n"
    )
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", script, str(out)], stdout=subprocess.PIPE) as running:
        assert running.stdout and running.stdout.readline() == b"half\n"
        running.kill()
    assert not out.exists() and len(list(tmp_path.iterdir())) == 1
    Folder().write(WORLD.data, out, contents, {})
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_a_link_to_an_empty_folder_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    Folder().write(WORLD.data, tmp_path / "link", contents, {})
    assert (tmp_path / "link").is_symlink() and sorted(p.name for p in (tmp_path / "real").iterdir()) == [
        "test",
        "train",
    ]
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExportError, match="broken link"):
        Folder().write(WORLD.data, tmp_path / "dead", contents, {})
