"""Commands that look and change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilth.cli import groups, say, selftest
from tilth.cli import options as o
from tilth.cli.opened import opened
from tilth.errors import SettingError


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
    outcome = ws.audit(recipe, embedder=embedder, least_severity=least)
    say.findings(ws, outcome.findings, json)
    if strict and (outcome.findings or ws.store.ledger.asides()):
        raise typer.Exit(1)


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
    ws = opened(
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
    ws = opened(source, workspace, quiet)
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
        fresh=fresh,
    )
    settings = {"threshold": threshold, "metric": metric, "linkage": linkage, "neighbors": neighbors}
    groups.told(ws, ws.components(out, embedder=embedder, **settings), out, worst, json)
