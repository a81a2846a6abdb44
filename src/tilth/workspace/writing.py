"""Versions written out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tilth.run import building, exports
from tilth.signal import Signal
from tilth.store.tables import write_signal
from tilth.workspace.ground import Ground

if TYPE_CHECKING:
    pass


class Writing(Ground):
    """Exports, and where they may go."""

    def export(
        self, where: str | Path, *, layout: str | None = None, version: str = "head", name: str | None = None
    ) -> Path:
        """Write a version to a folder or file, in the layout of the source or another (`folder`, `animals`, `table`). What
        lies there already, as it was written, is not written again."""
        data, where = self._as_read(self.version(version)), Path(where)
        if exports.there(self.store, where, data, layout, name):
            self.voice.log(f"{where} holds this version already")
            return where
        exports.write(self.run, data, where, layout=layout, name=name)
        exports.remember(self.store, where, data, layout, name)
        return where

    def target(self, where: str | Path, *, layout: str | None = None, instead: bool = False) -> Path:
        """Where an export of the present version may go: there; where an earlier export of this workspace lies and is of
        another version, beside it. Raises ExportError where it could not be written: told before the work, not after.

        instead  beside it, too, where something else lies there
        """
        where, data = Path(where), self._as_read(self.data)
        if instead or exports.ours(self.store, where):
            where = exports.place(self.store, where, data, layout)
        if not exports.there(self.store, where, data, layout, None):
            exports.check(self.run, data, where, layout=layout)
        return where

    def check_target(self, where: Path, *, layout: str | None = None) -> None:
        """Raises ExportError where an export to this folder could not be written: told before the work, not after."""
        exports.check(self.run, self._as_read(self.data), where, layout=layout)

    def export_validation_set(
        self, made: building.ValidationSet, where: str | Path, *, layout: str | None = None
    ) -> Path:
        """Write a validation set to the folder `where`/NAME-validation-set, in the layout of the source or another."""
        return exports.write(
            self.run, made.data, self.check_validation_target(where, layout=layout), layout=layout, name=None
        )

    def check_validation_target(self, where: str | Path, *, layout: str | None = None) -> Path:
        """The folder `where`/NAME-validation-set. Raises ExportError where it could not be written in this layout."""
        folder = Path(where) / f"{str(self.fact('name')).removesuffix('-training-set')}-validation-set"
        self.check_target(folder, layout=layout)
        return folder

    def write_signal(self, signal: Signal, where: Path) -> None:
        """A signal as Parquet: `id` and `value`."""
        write_signal(signal, where)
