"""`tilth value`: what each train sample is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilth.cli import options as o
from tilth.cli import say, worth
from tilth.cli.opened import opened


def value(
    source: o.SourceArg = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="A valuator: knn_shapley, hydra... Repeatable.  [default: knn_shapley]"),
    ] = None,
    learner: Annotated[
        str | None,
        typer.Option("--learner", help="The model that a valuator goes through: convnet, package.module:factory..."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the valuator or of its learner: --set mode=exact. Repeatable."),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="The split whose samples judge.  [default: the valuator's, valid]")
    ] = None,
    embedder: Annotated[
        str | None,
        typer.Option("--embedder", help="Where a valuator needs an embedding: a name, a factory or a .onnx file."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write a table of all values here, with ranks: .csv, .parquet or .jsonl."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="Samples shown at each end.")] = 20,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the valuators, what they need and cost; do nothing.")
    ] = False,
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
    """What each train sample is worth to the judges, the samples of a small clean split: who helps, who harms, and whom.

    `knn_shapley` answers in seconds; `hydra` goes through the training of your model. Nothing is changed.
    What each valuator said last stays on record for `tilth why` and `tilth report`, until the data change.
    """
    if list_:
        say.steps(json, name="valuators")
        return
    if out:
        worth.check_table(out)
    _, settings = o.fixed_model(None, None, set_)
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
    names = list(dict.fromkeys(by or ["knn_shapley"]))
    ws.value(names, learner=learner, settings=settings, against=against, embedder=embedder)
    if out:
        worth.write_table(ws, names, out)
    worth.told(ws, names, out, worst, json)
