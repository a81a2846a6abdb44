"""Tilth: a better dataset for the model you may not change. The public names, a list and nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.dataset import Dataset, Schema
    from tilth.edit import Add, Drop, Edit, Move, Relabel, Weigh
    from tilth.errors import TilthError
    from tilth.finding import Finding
    from tilth.recipe import Recipe
    from tilth.report import write_report
    from tilth.sample import Sample
    from tilth.signal import Signal, Signals
    from tilth.trial import Evidence, Trial
    from tilth.workspace import Workspace, open

__all__ = [
    "Add",
    "Dataset",
    "Drop",
    "Edit",
    "Evidence",
    "Finding",
    "Move",
    "Recipe",
    "Relabel",
    "Sample",
    "Schema",
    "Signal",
    "Signals",
    "TilthError",
    "Trial",
    "Weigh",
    "Workspace",
    "open",
    "write_report",
]

# A name is fetched when it is first asked for: numpy and pyarrow would make `import tilth` four times as long.
_HOMES = {
    "dataset": ("Dataset", "Schema"),
    "edit": ("Add", "Drop", "Edit", "Move", "Relabel", "Weigh"),
    "errors": ("TilthError",),
    "finding": ("Finding",),
    "recipe": ("Recipe",),
    "report": ("write_report",),
    "sample": ("Sample",),
    "signal": ("Signal", "Signals"),
    "trial": ("Evidence", "Trial"),
    "workspace": ("Workspace", "open"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"tilth has no public name {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"tilth.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
