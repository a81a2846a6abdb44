"""The commands. Each opens a workspace, asks it one thing and prints the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tilth.cli import groups, say, selftest, tables, targets, worth
from tilth.cli import options as o
from tilth.errors import SettingError

app = typer.Typer(
    name="tilth",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="A better dataset for the model you may not change: wrong labels mended, junk and contradicting copies settled, "
    "gaps filled, every change with its reason, all of it undoable, and proof that the model now does better.",
    epilog="Begin with  `tilth demo`,  then  `tilth improve YOUR_DATA`.",
)

OutOpt = Annotated[
    Path | None, typer.Option("--out", "-o", help="Where the better dataset goes.  [default: NAME-improved]")
]
ReportOpt = Annotated[Path | None, typer.Option("--report", help="Where the report goes.  [default: NAME-report.html]")]
LayoutOpt = Annotated[
    str | None,
    typer.Option(
        "--export-layout", help="folder, animals (imgs/ + data-labels.json) or table; default: as the source."
    ),
]
SetOpt = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the learner: --set epochs=20. Repeatable.")
]


def _open(source: Path | None, workspace: Path | None, quiet: bool, **more: Any) -> Any:
    import tilth
    from tilth.run.voice import voice_for

    return tilth.open(source, workspace=workspace, voice=voice_for(quiet=quiet), **more)


def _known(workspace: Path | None, quiet: bool = False) -> Any:
    """A workspace that is there, as it was made."""
    return _open(None, workspace, quiet)


@app.command()
def improve(
    source: o.SourceArg = None,
    out: OutOpt = None,
    learner: o.LearnerOpt = None,
    train_command: o.TrainCommandOpt = None,
    set_: SetOpt = None,
    budget: o.BudgetOpt = None,
    recipe: o.RecipeOpt = None,
    valid: o.ValidOpt = None,
    test: o.TestOpt = None,
    holdout: o.HoldoutOpt = None,
    seeds: o.SeedsOpt = 3,
    metric: o.MetricOpt = None,
    embedder: o.EmbedderOpt = None,
    least_severity: o.LeastOpt = None,
    export_layout: LayoutOpt = None,
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
    ws = _open(
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
    page = _write_report(ws, report)
    say.improved(ws, improved, written, page, json)


@app.command()
def audit(
    source: o.SourceArg = None,
    recipe: o.RecipeOpt = None,
    valid: o.ValidOpt = None,
    test: o.TestOpt = None,
    holdout: o.HoldoutOpt = None,
    embedder: o.EmbedderOpt = None,
    least_severity: o.LeastOpt = None,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with 1 where something was found: for CI.")] = False,
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
    """Look and change nothing: wrong labels, copies, contradictions, leaks, outliers, balance, unreadable files."""
    least = selftest.least(least_severity)
    columns = o.columns(label_column, text_column, path_column, split_column, task)
    ws = _open(
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
    outcome = ws.audit(recipe, embedder=embedder, least_severity=least)
    say.findings(ws, outcome.findings, json)
    if strict and (outcome.findings or ws.store.ledger.asides()):
        raise typer.Exit(1)


@app.command(name="selftest")
def self_test(
    source: o.SourceArg = None,
    recipe: o.RecipeOpt = None,
    share: Annotated[
        float,
        typer.Option("--share", min=0.001, max=0.25, help="Of the train samples, planted for each kind of finding."),
    ] = 0.05,
    detectors: Annotated[
        str | None,
        typer.Option(
            "--detectors", help="Which detectors, with commas: label_noise,outliers.  [default: the recipe's]"
        ),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            "--precision",
            min=0.01,
            max=1.0,
            help="Find the severity from which on each kind of finding is right so often, and write it to --out.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="With --precision: where thresholds go.  [default: WORKSPACE/selftest.toml]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the planting: the same seed, the same answer.")] = 0,
    valid: o.ValidOpt = None,
    test: o.TestOpt = None,
    holdout: o.HoldoutOpt = None,
    embedder: o.EmbedderOpt = None,
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
    """How far to trust each detector on your own data: known faults are planted in a copy, and sought.

    Wrong labels, junk, copies, contradictions, leaks. Your files and your versions stay as they are; it takes about two
    audits. With `--precision .9` it tells from which severity on findings are right nine times in ten, and
    `tilth improve --least-severity FILE` acts on those alone.
    """
    if out and precision is None:
        raise SettingError("--out is for thresholds, which need a precision to reach: add  --precision 0.9")
    columns = o.columns(label_column, text_column, path_column, split_column, task)
    ws = _open(
        source,
        workspace,
        quiet,
        valid=valid,
        test=test,
        holdout=holdout,
        options=columns,
        device=device,
        workers=workers,
        fresh=fresh,
    )
    names = [name.strip() for name in (detectors or "").split(",") if name.strip()]
    result = ws.selftest(recipe, share=share, seed=seed, detectors=names, precision=precision, embedder=embedder)
    selftest.told(ws, result, out, json)


@app.command()
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
    What was found stays on record for `tilth why` and `tilth report`, until the data change.
    """
    if list_:
        say.steps(json, role="valuators")
        return
    if out:
        worth.check_table(out)
    _, settings = o.fixed_model(None, None, set_)
    columns = o.columns(label_column, text_column, path_column, split_column, task)
    ws = _open(
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


@app.command("validation-set")
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
    export_layout: LayoutOpt = None,
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
    ws = _open(
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


@app.command()
def embed(
    source: o.SourceArg = None,
    use: Annotated[
        str | None, typer.Option("--use", help="An embedder by name, package.module:factory or .onnx file.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it here as Parquet (id, value).")] = None,
    workspace: o.WorkspaceOpt = None,
    quiet: o.QuietOpt = False,
    json: o.JsonOpt = False,
) -> None:
    """Samples to vectors, kept in the workspace, and on request written as Parquet."""
    ws = _open(source, workspace, quiet)
    signal = ws.embed(use)
    if out:
        ws.write_signal(signal, out)
    say.data(
        {
            "kind": signal.kind,
            "rows": len(signal),
            "dims": int(signal.values.shape[1]),
            "out": str(out or ""),
        },
        json,
    )


@app.command()
def components(
    source: o.SourceArg = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=0.0, help="Distance within which two samples are near.  [default: by the data]"
        ),
    ] = None,
    metric: Annotated[str, typer.Option("--metric", help="cosine (1 - cos) or euclidean.")] = "cosine",
    linkage: Annotated[
        str, typer.Option("--linkage", help="complete: every two are near; mutual: what hangs together, chains too.")
    ] = "complete",
    neighbors: Annotated[int, typer.Option("--neighbors", min=1, help="Nearest others that are looked at.")] = 16,
    embedder: Annotated[
        str | None, typer.Option("--embedder", help="Whose vectors: a name, package.module:factory or a .onnx file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the table here, a row per sample: .parquet.")
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="Components shown.")] = 12,
    valid: o.ValidOpt = None,
    test: o.TestOpt = None,
    holdout: o.HoldoutOpt = None,
    seed: o.SeedOpt = None,
    workspace: o.WorkspaceOpt = None,
    device: o.DeviceOpt = "auto",
    fresh: o.FreshOpt = False,
    json: o.JsonOpt = False,
    quiet: o.QuietOpt = False,
    label_column: o.LabelColumn = None,
    text_column: o.TextColumn = None,
    path_column: o.PathColumn = None,
    split_column: o.SplitColumn = None,
    task: o.TaskOpt = None,
) -> None:
    """Groups of near-duplicates, and those whose labels do not agree: frames of a video, one person seen twice.

    Nothing is changed. The table has a row per sample and is open to pandas and DuckDB.
    """
    columns = o.columns(label_column, text_column, path_column, split_column, task)
    ws = _open(
        source,
        workspace,
        quiet,
        valid=valid,
        test=test,
        holdout=holdout,
        seed=seed,
        options=columns,
        device=device,
        fresh=fresh,
    )
    settings = {"threshold": threshold, "metric": metric, "linkage": linkage, "neighbors": neighbors}
    groups.told(ws, ws.components(out, embedder=embedder, **settings), out, worst, json)


@app.command()
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
    ws = _open(source, workspace, quiet)
    outcome = ws.propose(recipe, budget=budget, embedder=embedder, least_severity=least)
    say.edits(ws, outcome.edits, json, "To apply:  tilth apply" + say.where(ws))


@app.command()
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
    ws = _known(workspace)
    data = ws.apply(only=only or (), skip=skip or (), by=by)
    say.data({"version": data.version, "samples": len(data), **ws.tally(), "open": len(ws.proposals())}, json)


@app.command()
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
    set_: SetOpt = None,
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
    ws = _open(None, workspace, quiet, device=device, workers=workers)
    model, settings = o.fixed_model(learner, train_command, set_)
    how = {"learner": model, "settings": settings, "seeds": seeds, "metric": metric}
    if ablate:
        tables.ablation(ws, ws.ablate(rows, budget=budget, **how), json)
    else:
        tables.proved(ws, ws.prove(before, after, **how, robustness=robustness), json)


@app.command()
def versions(workspace: o.WorkspaceOpt = None, json: o.JsonOpt = False) -> None:
    """The table of datasets: each version with its classes, equal or not, how large they are, and how it came about."""
    tables.versions(_known(workspace), json)


@app.command()
def report(
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The HTML file.  [default: NAME-report.html]")] = None,
    train: Annotated[
        bool,
        typer.Option("--train", help="Train again what a proof or an ablation lacks; else it is left out, and named."),
    ] = False,
    workspace: o.WorkspaceOpt = None,
) -> None:
    """One self-contained HTML file: what was found, what was changed and why, and the proof."""
    print(_write_report(_known(workspace), out, train=train))


@app.command()
def export(
    where: Annotated[Path, typer.Argument(help="A folder that is not there yet, or is empty.")],
    export_layout: LayoutOpt = None,
    version: Annotated[str, typer.Option(help="base, head or a digest.")] = "head",
    name: Annotated[str | None, typer.Option(help="animals layout: NAME-training-set.")] = None,
    workspace: o.WorkspaceOpt = None,
) -> None:
    """Write a version of the dataset, in the layout of its source or another."""
    print(_known(workspace).export(where, layout=export_layout, version=version, name=name))


@app.command()
def log(workspace: o.WorkspaceOpt = None, json: o.JsonOpt = False) -> None:
    """What was done here, in order, and the versions it gave."""
    say.log(_known(workspace), json)


@app.command()
def why(
    id: Annotated[str, typer.Argument(help="A sample: its id, the first digits of it, or its path.")],
    workspace: o.WorkspaceOpt = None,
    json: o.JsonOpt = False,
) -> None:
    """All that is known of one sample: findings, edits and who decided, parents and children."""
    say.why(_known(workspace).why(id), json)


@app.command()
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
    ws = _known(workspace)
    say.undone(ws, ws.undo(*(names or ()), by=by, why=because), json)


@app.command()
def diff(
    before: Annotated[str, typer.Option(help="A version: base, head or its digest.")] = "base",
    after: Annotated[str, typer.Option(help="The other one.")] = "head",
    workspace: o.WorkspaceOpt = None,
    json: o.JsonOpt = False,
) -> None:
    """What is different between two versions, with the reasons."""
    ws = _known(workspace)
    say.diff(ws, ws.diff(before, after), json)


@app.command()
def steps(json: o.JsonOpt = False) -> None:
    """Every step there is, ours and of installed plugins: role, what it needs and gives, source, cost, settings."""
    say.steps(json)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo may write.")] = Path("demo"),
    seed: o.SeedOpt = None,
    quiet: o.QuietOpt = False,
) -> None:
    """Improve real handwritten digits with planted faults, and count what was found of what was planted."""
    from tilth.cli.demo import run_demo

    run_demo(folder, seed=seed or 0, quiet=quiet)


def _write_report(ws: Any, where: Path | None, *, train: bool = False) -> Path:
    import tilth

    return tilth.write_report(ws, targets.report_of(ws, where), train=train)
