"""The section on the ablation: its rows side by side, and of each its curves and its classification report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tilth.prove.ablate import Ablated
from tilth.prove.classes import ClassScore
from tilth.report import charts, words
from tilth.run.ablation import Ablation
from tilth.run.versions import Described
from tilth.trial import Measure

MOST_CLASSES = 40  # lines of a classification report; beyond, those with the lowest F1


@dataclass(frozen=True, slots=True)
class ClassTable:
    """A classification report: classes, means, and how many classes are left out."""

    rows: tuple[ClassScore, ...]
    means: tuple[ClassScore, ...]
    folded: int


@dataclass(frozen=True, slots=True)
class RowPanel:
    """A row of the table and what unfolds below it. `first` and `last` are None in the first row."""

    name: str
    version: str
    samples: int
    steps: tuple[str, ...]
    headline: Measure
    first: Measure | None
    last: Measure | None
    classes: ClassTable | None
    curves: tuple[charts.Curves, ...]
    seconds: float


@dataclass(frozen=True)
class AblationPanel:
    """The whole section."""

    recipe: str
    metric: str
    share: bool
    most: float
    seeds: int
    budget: int
    learner: str
    scale: charts.Scale
    rows: tuple[RowPanel, ...]
    datasets: tuple[Described, ...]
    best: str
    leaks: str


def panel(ablation: Ablation | None) -> AblationPanel | None:
    """The section; None where nothing was ablated."""
    if ablation is None:
        return None
    tops = [row.against_first.headline for row in ablation.rows]
    share = all(words.is_share(top) for top in tops)
    return AblationPanel(
        recipe=ablation.question.recipe,
        metric=ablation.metric,
        share=share,
        most=1.0 if share else max(top.after for top in tops),
        seeds=ablation.question.seeds,
        budget=ablation.question.budget,
        learner=words.learner_name(ablation.rows[0].against_first.learner),
        scale=charts.scale_of([end for top in tops for end in (top.low, top.high)], zero=True),
        rows=tuple(
            _row(row, steps, ablation.rows[0]) for row, steps in zip(ablation.rows, ablation.steps, strict=True)
        ),
        datasets=ablation.datasets,
        best=_best(ablation.rows),
        leaks=_without_leaks(ablation.rows),
    )


def _row(row: Ablated, steps: tuple[str, ...], first: Ablated) -> RowPanel:
    is_first = row.against_last is None
    sided: list[tuple[charts.Side, charts.Trial]] = [("before", trial) for trial in first.trials]
    own: list[tuple[charts.Side, charts.Trial]] = [("after", trial) for trial in row.trials]
    return RowPanel(
        name=row.name,
        version=row.version,
        samples=row.samples,
        steps=tuple(dict.fromkeys(steps)),
        headline=row.against_first.headline,
        first=None if is_first else row.against_first.headline,
        last=row.against_last.headline if row.against_last else None,
        classes=class_table(row.classes),
        curves=tuple(charts.curves_of(sided if is_first else [*sided, *own])),
        seconds=sum(trial.seconds for trial in row.trials),
    )


def class_table(scores: Sequence[ClassScore]) -> ClassTable | None:
    """The lines of a classification report; None where there is none."""
    if not scores:
        return None
    own, means = tuple(scores[:-2]), tuple(scores[-2:])
    shown = own if len(own) <= MOST_CLASSES else tuple(sorted(own, key=lambda row: row.f1)[:MOST_CLASSES])
    return ClassTable(shown, means, len(own) - len(shown))


def _best(rows: Sequence[Ablated]) -> str:
    """Which row is the best, and whether it is shown to be better than the first."""
    best = max(rows, key=lambda row: row.against_first.headline.after)
    top = best.against_first.headline
    share = words.is_share(top)
    said = f"The best row is {best.name}, with {words.amount(top.after, share)}"
    if best.against_last is None:
        return f"{said}: no row is above the first."
    by = f"{words.signed(top.difference, share, unit=True)} against {rows[0].name}, 95 % interval {words.span(top)}"
    verdict = (
        "it is better than the first" if top.verdict == "better" else "that it is better than the first is not shown"
    )
    return f"{said} ({by}): {verdict}."


def _without_leaks(rows: Sequence[Ablated]) -> str:
    """The rows without the test samples that lie in train too; nothing where there are none, or nothing can be told."""
    found: list[str] = []
    for row in rows:
        top = row.against_first.unseen
        if top is None:
            return ""
        share = words.is_share(top)
        by = f" ({words.signed(top.difference, share, unit=True)}, {words.span(top)})" if row.against_last else ""
        found.append(f"{row.name} {words.amount(top.after, share)}{by}")
    leaked = words.counted(rows[0].against_first.taught, "leaked test sample")
    return f"Without {leaked}, which lie in the train split of a row too: {'; '.join(found)}."
