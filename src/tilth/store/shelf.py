"""Store: the folder of a workspace. Versions and signals as Parquet, blobs, the ledger, one lock for writers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from tilth.dataset import Dataset
from tilth.errors import WorkspaceBusy, WorkspaceError
from tilth.signal import Signal
from tilth.store.blobs import Blobs
from tilth.store.ledger import Ledger
from tilth.store.tables import read_dataset, read_rows, read_signal, write_dataset, write_signal


class Store:
    """`.tilth/` of a workspace. Everything in it is relative to it: it can be moved whole.

    versions/ signals/   Parquet, named by version and memo key
    rows/ kept/          the memo of grain-sample rows and of arrays
    blobs/               contents of made samples
    trials/              trials as JSON
    ledger.db            SQLite (WAL)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise WorkspaceError(
                f"no workspace can be made at {folder}: {fault.strerror}. Choose another: --workspace"
            ) from fault
        self.blobs = Blobs(folder / "blobs")
        self._versions: dict[str, Dataset] = {}

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger.db")

    # -- versions ---------------------------------------------------------------------------------------------

    def version_file(self, version: str) -> Path:
        return self.folder / "versions" / f"{version}.parquet"

    def keep_version(self, data: Dataset) -> str:
        """Write a version unless it is there."""
        if not self.version_file(data.version).exists():
            write_dataset(data, self.version_file(data.version))
        self._versions[data.version] = data
        return data.version

    def version(self, version: str) -> Dataset:
        """A version that was kept."""
        if version not in self._versions:
            file = self.version_file(version)
            if not file.exists():
                raise WorkspaceError(f"version {version} is not in {self.folder}. `tilth log` lists those that are.")
            self._versions[version] = read_dataset(file)
        return self._versions[version]

    def rows(self, version: str, column: str, value: str) -> Dataset:
        """The rows of a version with this value, without reading the rest."""
        if version in self._versions:
            data = self._versions[version]
            return data.where(data.table.column(column).to_numpy(zero_copy_only=False) == value)
        return read_rows(self.version_file(version), column, [value])

    def rows_of(self, version: str, ids: Iterable[str]) -> Dataset:
        """The rows of these ids, as far as the version has them."""
        if version in self._versions:
            return self._versions[version].only(ids)
        return read_rows(self.version_file(version), "id", sorted(ids))

    # -- signals ----------------------------------------------------------------------------------------------

    def signal(self, key: str) -> Signal | None:
        file = self.folder / "signals" / f"{key}.parquet"
        return read_signal(file) if file.exists() else None

    def keep_signal(self, key: str, signal: Signal) -> None:
        write_signal(signal, self.folder / "signals" / f"{key}.parquet")

    # -- one writer -------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the workspace. Raises WorkspaceBusy, naming the holder, where another process does.

        The lock is the operating system's: it ends with its process, also under kill -9."""
        lock = FileLock(self.folder / "lock", timeout=0)
        note = self.folder / "holder"
        try:
            lock.acquire()
        except Timeout:
            holder = note.read_text() if note.exists() else "another process"
            raise WorkspaceBusy(
                f"the workspace {self.folder} is in use by {holder}.\n"
                "  Wait until it ends, or work in another one: --workspace PATH"
            ) from None
        except OSError as fault:
            raise WorkspaceError(f"the workspace {self.folder} cannot be written: {fault.strerror or fault}") from fault
        try:
            note.write_text(f"process {os.getpid()}")
            yield
        finally:
            lock.release()
