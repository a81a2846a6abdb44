"""Commands that propose edits, apply them and take them back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilth.cli import options as o
from tilth.cli import say, selftest
from tilth.cli.opened import known, opened


def propose(
    source: o.SourceArg = None,
    recipe: o.RecipeOpt = None,
    budget: o.BudgetOpt = None,
    embedder: o.EmbedderOpt = None,
    least_severity: o.LeastOpt = None,
    workspace: o.WorkspaceOpt = None,
    quiet: o.QuietOpt = False,
    json: o.JsonOpt = False,
) -> None:
    """What the recipe would change. Nothing is applied: `tilth apply` does that, all of it or what you name."""
    least = selftest.least(least_severity)
    ws = opened(source, workspace, quiet)
    outcome = ws.propose(recipe, budget=budget, embedder=embedder, least_severity=least)
    say.edits(ws, outcome.edits, json, "To apply:  tilth apply" + say.where(ws))


def apply(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Sample id, step or kind (drop, relabel, add). Repeatable."),
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", help="The same, to decline. Repeatable.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who decides: a name for the ledger.")] = "person",
    workspace: o.WorkspaceOpt = None,
    json: o.JsonOpt = False,
) -> None:
    """Apply what `tilth propose` proposed: all of it, or what you name; the rest stays open."""
    ws = known(workspace)
    data = ws.apply(only=only or (), skip=skip or (), by=by)
    say.data({"version": data.version, "samples": len(data), **ws.tally(), "open": len(ws.proposals())}, json)


def undo(
    names: Annotated[
        list[str] | None, typer.Argument(help="Samples, steps, kinds or `all`; nothing: the last step.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who decides: a name for the ledger.")] = "person",
    because: Annotated[str, typer.Option("--because", help="Why: a sentence for the ledger.")] = "",
    workspace: o.WorkspaceOpt = None,
    json: o.JsonOpt = False,
) -> None:
    """Take edits back. What was built on them goes too, and is named; a later run does not propose them again."""
    ws = known(workspace)
    say.undone(ws, ws.undo(*(names or ()), by=by, why=because), json)


def validation_set(
    source: o.SourceArg = None,
    per_class: Annotated[int, typer.Option("--per-class", min=1, help="Samples of each class.")] = 30,
    out: Annotated[Path, typer.Option("--out", "-o", help="NAME-validation-set is written into this folder.")] = Path(),
    copies: Annotated[
        str, typer.Option("--copies", help="What becomes of copies of what is chosen: drop, or move along with it.")
    ] = "drop",
    learner: Annotated[
        str | None, typer.Option("--learner", help="The witness, out of sample.  [default: that of the recipe]")
    ] = None,
    embedder: o.EmbedderOpt = None,
    recipe: o.RecipeOpt = None,
    export_layout: o.LayoutOpt = None,
    valid: o.ValidOpt = None,
    test: o.TestOpt = None,
    holdout: o.HoldoutOpt = None,
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
    """A clean, balanced, diverse validation set out of noisy train data, for a person to confirm.

    Samples that all witnesses agree on, chosen to cover their class. They are written to NAME-validation-set; `tilth apply`
    takes them, and copies of them, out of train.
    """
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
    ws.check_validation_target(out, layout=export_layout)
    made = ws.validation_set(per_class, recipe=recipe, learner=learner, embedder=embedder, copies=copies)
    where = ws.export_validation_set(made, out, layout=export_layout) if len(made.data) else None
    say.validation_set(ws, made, where, json)
