"""The options that commands share, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

SourceArg = Annotated[
    Path | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="A folder, a table (csv, tsv, jsonl, parquet), a zip or a tar. Left out: the source of the workspace.",
        show_default=False,
    ),
]
WorkspaceOpt = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Where versions and the ledger live.  [default: ./.tilth]"),
]
ValidOpt = Annotated[
    str | None,
    typer.Option(help="Which split picks the epoch and judges values: a name in the source, or another source's path."),
]
TestOpt = Annotated[
    str | None,
    typer.Option(help="Which split is sealed for the proof: a name in the source, or another source's path."),
]
HoldoutOpt = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=0.9,
        help="Share of train to seal where there is no test split; 0: none, no proof.  [default: 0.2]",
    ),
]
SeedOpt = Annotated[
    int | None,
    typer.Option(help="All randomness derives from it: the same seed, the same dataset.  [default: 0]"),
]
DeviceOpt = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
WorkersOpt = Annotated[int | None, typer.Option(min=1, help="Processes side by side.  [default: one per core]")]
FreshOpt = Annotated[bool, typer.Option("--fresh", help="Pass the memo by and make everything again.")]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print plain data (JSON) on stdout.")]
QuietOpt = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no talk on stderr.")]


def _known_recipe(name: str | None) -> str | None:
    """Read before the source is: a mistyped name is told at once, not after a large folder."""
    if name is not None:
        from tilth.run.plan import load_recipe

        load_recipe(name)
    return name


RecipeOpt = Annotated[
    str | None,
    typer.Option("--recipe", callback=_known_recipe, help="A shipped recipe or a .toml file; default by the data."),
]
BudgetOpt = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Most train and valid samples of the result.  [default: what the recipe says, else as many as the source has]",
    ),
]
LearnerOpt = Annotated[
    str | None,
    typer.Option(
        help="The fixed model: convnet, resnet34, cut-resnet50, linear, text-linear or package.module:factory.",
    ),
]
EmbedderOpt = Annotated[
    str | None,
    typer.Option(help="Stands in for the recipe's embedder: a name, package.module:factory or a .onnx file."),
]
SeedsOpt = Annotated[int, typer.Option(min=1, max=50, help="Trainings on each side of the proof.")]
MetricOpt = Annotated[str | None, typer.Option(help="Headline: accuracy, balanced_accuracy, macro_f1, micro_f1...")]
TrainCommandOpt = Annotated[
    str | None,
    typer.Option(
        "--train-command",
        help='Your own script as the fixed model: "python train.py --train {train} --val {val} --test {test} --out {out}". '
        "It writes predictions.csv or metrics.json into {out}.",
    ),
]
LeastOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--least-severity",
        help="Act only on findings of this severity and above: label_noise=0.9, or the file that "
        "`tilth selftest --precision .9` wrote. Repeatable.",
    ),
]
LabelColumn = Annotated[str | None, typer.Option("--label-column", help="Table: column(s) of the label, with commas.")]
TextColumn = Annotated[str | None, typer.Option("--text-column", help="Table: column of the text.")]
PathColumn = Annotated[str | None, typer.Option("--path-column", help="Table: column of the image's path.")]
SplitColumn = Annotated[str | None, typer.Option("--split-column", help="Table: column of the split.")]
TaskOpt = Annotated[str | None, typer.Option(help="single-label or multi-label, where it cannot be seen.")]
LayoutOpt = Annotated[
    str | None,
    typer.Option(
        "--export-layout", help="folder, animals (imgs/ + data-labels.json) or table; default: as the source."
    ),
]
SetOpt = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the learner: --set epochs=20. Repeatable.")
]


def columns(
    label: str | None, text: str | None, path: str | None, split: str | None, task: str | None
) -> dict[str, Any]:
    """What a format is told, without what nobody said."""
    said = {"label": label, "text": text, "path": path, "split": split, "task": task}
    return {key: value for key, value in said.items() if value is not None}


def fixed_model(
    learner: str | None, command: str | None, settings: list[str] | None
) -> tuple[str | None, dict[str, Any]]:
    """The learner and its settings, from `--learner`, `--train-command` and `--set name=value`."""
    import tomllib

    from tilth.errors import SettingError

    given: dict[str, Any] = {}
    for pair in settings or ():
        name, mark, value = pair.partition("=")
        if not mark:
            raise SettingError(f"--set takes name=value, found {pair!r}; say  --set epochs=20")
        try:
            given[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            given[name.strip()] = value
    if command:
        if learner not in (None, "command"):
            raise SettingError(f"--train-command is the fixed model itself; it goes without --learner {learner}")
        return "command", {"command": command, **given}
    return learner, given
