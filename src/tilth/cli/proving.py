"""Commands that prove, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilth.cli import options as o
from tilth.cli import tables, targets
from tilth.cli.opened import known, opened


def prove(
    rows: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="With --ablate: whose rows; a recipe or a file. Left out: the recipe that was applied.",
            show_default=False,
        ),
    ] = None,
    before: Annotated[str, typer.Option(help="A version: base, head or its digest.")] = "base",
    after: Annotated[str, typer.Option(help="The other one.")] = "head",
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Prove a recipe part by part: which of its steps bring what.")
    ] = False,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also ask about test pictures that were changed against each model.")
    ] = False,
    budget: o.BudgetOpt = None,
    learner: o.LearnerOpt = None,
    train_command: o.TrainCommandOpt = None,
    set_: o.SetOpt = None,
    seeds: o.SeedsOpt = 3,
    metric: o.MetricOpt = None,
    workspace: o.WorkspaceOpt = None,
    device: o.DeviceOpt = "auto",
    workers: o.WorkersOpt = None,
    quiet: o.QuietOpt = False,
    json: o.JsonOpt = False,
) -> None:
    """Train the fixed model on both versions, seeds in pairs, and compare on the sealed test split.

    With `--ablate [RECIPE]` it is trained on every row of an ablation: the untouched data, then a part of the recipe more in
    each row. Your versions stay as they are. Run it again after Ctrl-C: it goes on with the next training.
    """
    tables.check_asked(ablate, rows, before, after, budget, robustness)
    ws = opened(None, workspace, quiet, device=device, workers=workers)
    model, settings = o.fixed_model(learner, train_command, set_)
    how = {"learner": model, "settings": settings, "seeds": seeds, "metric": metric}
    if ablate:
        tables.ablation(ws, ws.ablate(rows, budget=budget, **how), json)
    else:
        tables.proved(ws, ws.prove(before, after, **how, robustness=robustness), json)


def versions(workspace: o.WorkspaceOpt = None, json: o.JsonOpt = False) -> None:
    """The table of datasets: each version with its classes, equal or not, how large they are, and how it came about."""
    tables.versions(known(workspace), json)


def report(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The HTML file.  [default: NAME-report.html]")] = None,
    train: Annotated[
        bool,
        typer.Option("--train", help="Train again what a proof or an ablation lacks; else it is left out, and named."),
    ] = False,
    workspace: o.WorkspaceOpt = None,
) -> None:
    """One self-contained HTML file: what was found, what was changed and why, and the proof."""
    print(targets.write_report(known(workspace), out, train=train))
