"""Commands that answer questions and write versions out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilth.cli import options as o
from tilth.cli import say
from tilth.cli.opened import known


def export(
    where: Annotated[Path, typer.Argument(help="A folder that is not there yet, or is empty.")],
    export_layout: o.LayoutOpt = None,
    version: Annotated[str, typer.Option(help="base, head or a digest.")] = "head",
    name: Annotated[str | None, typer.Option(help="animals layout: NAME-training-set.")] = None,
    workspace: o.WorkspaceOpt = None,
) -> None:
    """Write a version of the dataset, in the layout of its source or another."""
    print(known(workspace).export(where, layout=export_layout, version=version, name=name))


def log(workspace: o.WorkspaceOpt = None, json: o.JsonOpt = False) -> None:
    """What was done here, in order, and the versions it gave."""
    say.log(known(workspace), json)


def why(
    id: Annotated[str, typer.Argument(help="A sample: its id, the first digits of it, or its path.")],
    workspace: o.WorkspaceOpt = None,
    json: o.JsonOpt = False,
) -> None:
    """All that is known of one sample: findings, edits and who decided, parents and children."""
    say.why(known(workspace).why(id), json)


def diff(
    before: Annotated[str, typer.Option(help="A version: base, head or its digest.")] = "base",
    after: Annotated[str, typer.Option(help="The other one.")] = "head",
    workspace: o.WorkspaceOpt = None,
    json: o.JsonOpt = False,
) -> None:
    """What is different between two versions, with the reasons."""
    ws = known(workspace)
    say.diff(ws, ws.diff(before, after), json)


def steps(
    name: Annotated[str, typer.Argument(help="One step alone, or one role, such as learners.")] = "",
    json: o.JsonOpt = False,
) -> None:
    """Every step there is, ours and of installed plugins: role, what it needs and gives, source, cost, settings."""
    say.steps(json, name=name)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo may write.")] = Path("demo"),
    seed: o.SeedOpt = None,
    quiet: o.QuietOpt = False,
) -> None:
    """Improve real handwritten digits with planted faults, and count what was found of what was planted."""
    from tilth.cli.demo import run_demo

    run_demo(folder, seed=seed or 0, quiet=quiet)
