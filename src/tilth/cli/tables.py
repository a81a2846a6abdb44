"""Trained models and datasets as tables on stdout: for `tilth prove`, `tilth prove --ablate` and `tilth versions`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tilth.cli.say import seeds_told, where
from tilth.errors import SettingError

if TYPE_CHECKING:
    from tilth.prove.classes import ClassScore
    from tilth.run.ablation import Ablation
    from tilth.run.versions import Described
    from tilth.trial import Evidence, Measure, Trial

_CLASSES = 30  # of a classification report on the screen; --json and the report have all


# -- a table --------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[int] = (0,)) -> list[str]:
    """Lines of a table, two spaces in; the columns of `words` are flush left, numbers flush right."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in every) for at in range(len(head))]
    sides = ["<" if at in words else ">" for at in range(len(head))]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in every
    ]
    return [f"  {line}".rstrip() for line in lines]


def check_asked(
    ablate: bool, rows: str | None, before: str, after: str, budget: int | None, robustness: bool = False
) -> None:
    """Raises SettingError for a proof of two versions that is given what an ablation takes, or the other way round."""
    if not ablate and rows is not None:
        raise SettingError(
            f"tilth prove compares two versions; to prove {rows} part by part:  tilth prove --ablate {rows}"
        )
    if not ablate and budget is not None:
        raise SettingError("--budget is for rows that are still to be made:  tilth prove --ablate --budget N")
    if ablate and robustness:
        raise SettingError("--robustness is told of two versions:  tilth prove --robustness")
    if ablate and (before, after) != ("base", "head"):
        raise SettingError("--ablate makes its own versions, from the base on; it goes without --before and --after")


# -- datasets -------------------------------------------------------------------------------------------------


def versions(ws: Any, as_json: bool) -> None:
    """The table of datasets of the line."""
    rows = ws.versions()
    if as_json:
        _dump([dataclasses.asdict(row) for row in rows])
        return
    print("\n".join(datasets(rows)))
    print(f"\nNext:  tilth prove{where(ws)}   |   tilth prove --ablate{where(ws)}")


def datasets(rows: Sequence[Described]) -> list[str]:
    """A line for each dataset: name, version, equal or not, average per class in train and valid, description."""
    head = ("dataset", "version", "equal", "train", "valid", "description")
    cells = [
        (row.name, row.version, "yes" if row.equal else "no", _average(row.train), _average(row.valid), row.description)
        for row in rows
    ]
    return ["average samples of a class", *table(head, cells, words=(0, 1, 2, 5))]


def _average(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


# -- trained models -------------------------------------------------------------------------------------------


def classes(scores: Sequence[ClassScore]) -> list[str]:
    """The lines of a classification report; means over the seeds."""
    means = [row for row in scores if row.name in ("macro mean", "weighted mean")]
    own = [row for row in scores if row not in means]
    shown = own if len(own) <= _CLASSES else sorted(own, key=lambda row: row.f1)[:_CLASSES]
    cells = [(row.name, *(f"{value:.3f}" for value in (row.precision, row.recall, row.f1)), f"{row.support:,}")
             for row in (*shown, *means)]  # fmt: skip
    lines = table(("class", "precision", "recall", "F1", "support"), cells)
    folded = len(own) - len(shown)
    return [*lines, *([f"  ... and {folded:,} classes with a higher F1 (--json has all)"] if folded else [])]


def proved(ws: Any, one: Evidence, as_json: bool) -> None:
    """The proof, and of each trained model its classification report and how its training went."""
    from tilth.cli import say
    from tilth.prove.classes import class_scores, course_in_words

    schema = ws.base.schema
    sides = {"before": one.before, "after": one.after}
    trials = {side: [trial for trial in one.trials if trial.version == version] for side, version in sides.items()}
    scores = {side: class_scores(some, schema.classes, schema.task) for side, some in trials.items()}
    if as_json:
        _dump(
            {
                **say.evidence_plain(one),
                "classes": {side: [dataclasses.asdict(row) for row in rows] for side, rows in scores.items()},
                "trials": [_trial_plain(trial) for trial in one.trials],
            }
        )
        return
    say.evidence(one, False)
    for side in sides if one.before != one.after else ("after",):
        went = course_in_words(trials[side])
        if scores[side] or went:
            print("\n".join([f"{side} ({sides[side]}){': ' + went if went else ''}", *classes(scores[side]), ""]))
    print(f"learning curves of every seed: tilth report{where(ws)}")


def _trial_plain(trial: Trial) -> dict[str, Any]:
    return {
        "version": trial.version,
        "seed": trial.seed,
        "metrics": dict(trial.metrics),
        "seconds": trial.seconds,
        "curves": [dict(row) for row in trial.curves],
    }


# -- an ablation ----------------------------------------------------------------------------------------------


def ablation(ws: Any, one: Ablation, as_json: bool, *, detailed: bool = True) -> None:
    """The rows with their differences, the table of datasets, and a classification report of each row."""
    if as_json:
        _dump(ablation_plain(one))
        return
    question, first = one.question, one.rows[0].against_first
    print(f"\nablation of {question.recipe}: {one.metric.replace('_', ' ')} on the sealed test split")
    head = ("row", "train", one.metric.replace("_", " "), "against the first", "", "against the row before", "")
    cells = [
        (
            row.name,
            f"{row.samples:,}",
            f"{row.against_first.headline.after:.4f}",
            *(_difference(row.against_first.headline) if row.against_last else ("", "")),
            *(_difference(row.against_last.headline) if row.against_last else ("", "")),
        )
        for row in one.rows
    ]
    print("\n".join(table(head, cells, words=(0, 4, 6))))
    if first.taught:
        print("\n" + "\n".join(_without_leaks(one)))
    use = first.learner.get("use", question.learner)
    print(
        f"  ({seeds_told(question.seeds)}, {use}, budget {question.budget:,}, 95 % intervals, sealed test {first.seal})"
    )
    print("\n" + "\n".join(datasets(one.datasets)))
    if detailed:
        _print_models(one)
    print(f"\nNext:  tilth report{where(ws)}   shows the curves, the classes and the rows side by side")


def _without_leaks(one: Ablation) -> list[str]:
    """The rows without the test samples that lie in train too."""
    from tilth.cli.say import leaked

    tops = [row.against_first.unseen for row in one.rows]
    if None in tops:
        return [f"  {leaked(one.rows[0].against_first)}"]
    asked = len(one.rows[0].trials[0].ids)
    count = one.rows[0].against_first.taught
    head = (f"without {count:,} leaked test samples ({asked - count:,} are left)", "", "against the first", "")
    cells = [
        (row.name, f"{top.after:.4f}", *(_difference(top) if row.against_last else ("", "")))
        for row, top in zip(one.rows, tops, strict=True)
        if top
    ]
    return table(head, cells, words=(0, 3))


def _difference(measure: Measure) -> tuple[str, str]:
    return f"{measure.difference:+.4f} [{measure.low:+.4f}, {measure.high:+.4f}]", measure.verdict


def _print_models(one: Ablation) -> None:
    from tilth.prove.classes import course_in_words

    for row in one.rows:
        went = course_in_words(row.trials)
        if row.classes or went:
            print("\n".join([f"\n{row.name}{': ' + went if went else ''}", *classes(row.classes)]))


def ablation_plain(one: Ablation) -> dict[str, Any]:
    """An ablation as JSON can hold it."""
    from tilth.cli.say import measure_plain

    def differences(evidence: Evidence | None) -> list[dict[str, Any]] | None:
        return [measure_plain(measure) for measure in evidence.measures] if evidence else None

    return {
        **dataclasses.asdict(one.question),
        "metric": one.metric,
        "seal": one.rows[0].against_first.seal,
        "taught": one.rows[0].against_first.taught,
        "rows": [
            {
                **dataclasses.asdict(data),
                "steps": list(steps),
                "metrics": {measure.metric: measure.after for measure in row.against_first.measures},
                "against_first": differences(row.against_first),
                "against_last": differences(row.against_last),
                "unseen": measure_plain(row.against_first.unseen) if row.against_first.unseen else None,
                "classes": [dataclasses.asdict(score) for score in row.classes],
                "trials": [_trial_plain(trial) for trial in row.trials],
            }
            for row, data, steps in zip(one.rows, one.datasets, one.steps, strict=True)
        ],
    }


def _dump(value: Any) -> None:
    from tilth.store.plain import dump

    json.dump(json.loads(dump(value)), sys.stdout, indent=1)
    print()
