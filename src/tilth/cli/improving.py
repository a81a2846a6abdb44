"""`tilth improve`: the whole job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilth.cli import options as o
from tilth.cli import say, selftest, targets
from tilth.cli.opened import opened

OutOpt = Annotated[
    Path | None, typer.Option("--out", "-o", help="Where the better dataset goes.  [default: NAME-improved]")
]
ReportOpt = Annotated[Path | None, typer.Option("--report", help="Where the report goes.  [default: NAME-report.html]")]


def improve(
    source: o.SourceArg = None,
    out: OutOpt = None,
    learner: o.LearnerOpt = None,
    train_command: o.TrainCommandOpt = None,
    set_: o.SetOpt = None,
    budget: o.BudgetOpt = None,
    recipe: o.RecipeOpt = None,
    valid: o.ValidOpt = None,
    test: o.TestOpt = None,
    holdout: o.HoldoutOpt = None,
    seeds: o.SeedsOpt = 3,
    metric: o.MetricOpt = None,
    embedder: o.EmbedderOpt = None,
    least_severity: o.LeastOpt = None,
    export_layout: o.LayoutOpt = None,
    report: ReportOpt = None,
    prove: Annotated[bool, typer.Option("--prove/--no-prove", help="Train before and after, or do not.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and the proposed edits; change nothing.")
    ] = False,
    seed: o.SeedOpt = None,
    workspace: o.WorkspaceOpt = None,
    device: o.DeviceOpt = "auto",
    workers: o.WorkersOpt = None,
    fresh: o.FreshOpt = False,
    json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    label_column: o.LabelColumn = None,
    text_column: o.TextColumn = None,
    path_column: o.PathColumn = None,
    split_column: o.SplitColumn = None,
    task: o.TaskOpt = None,
) -> None:
    """The whole job: audit, mend, fill to the budget, prove, export, report.

    Run it again after Ctrl-C or a crash: it goes on where it was. `tilth undo` takes any of it back.
    """
    model, settings = o.fixed_model(learner, train_command, set_)
    least = selftest.least(least_severity)
    columns = o.columns(label_column, text_column, path_column, split_column, task)
    ws = opened(
        source,
        workspace,
        quiet,
        valid=valid,
        test=test,
        holdout=holdout,
        seed=seed,
        options=columns,
        device=device,
        workers=workers,
        fresh=fresh,
    )
    if dry_run:
        asked = {
            "learner": model,
            "settings": settings,
            "budget": budget,
            "embedder": embedder,
            "least_severity": least,
        }
        say.dry_run(ws, recipe, embedder, ws.foresee(recipe, **asked).edits, json)
        return
    place, instead = targets.dataset_of(ws, out, export_layout), out is None
    ws.target(place, layout=export_layout, instead=instead)  # what cannot be written is told before the work
    improved = ws.improve(
        recipe,
        learner=model,
        settings=settings,
        budget=budget,
        seeds=seeds,
        metric=metric,
        embedder=embedder,
        prove=prove,
        least_severity=least,
    )
    written = targets.written(ws, place, layout=export_layout, instead=instead)
    page = targets.write_report(ws, report)
    say.improved(ws, improved, written, page, json)
