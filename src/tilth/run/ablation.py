"""Ablation through the memo: rows are made beside the line, trainings are kept one by one, the result is found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from tilth.prove.ablate import Ablated, ablate
from tilth.prove.trial import examined
from tilth.run.local import LocalRun
from tilth.run.proof import RememberedHold, learner_of
from tilth.run.rows import RowPlan
from tilth.run.runner import run_plan
from tilth.run.versions import Described, described, edits_in_words
from tilth.store import history
from tilth.store.shelf import Store

FACT = "ablation"


@dataclass(frozen=True)
class Question:
    """What every row is asked: the fixed model, its settings, seeds, the headline, and the budget that each row had."""

    recipe: str
    learner: str
    settings: Mapping[str, Any]
    seeds: int
    metric: str | None
    budget: int


@dataclass(frozen=True)
class Ablation:
    """The rows of an ablation, each as a dataset and as its trials.

    steps     of each row, those that change data
    left_out  names of rows whose trainings are not on record
    """

    question: Question
    rows: tuple[Ablated, ...]
    datasets: tuple[Described, ...]
    steps: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The headline."""
        return self.rows[0].against_first.headline.metric


def ablated(
    store: Store, run: LocalRun, plans: Sequence[RowPlan], question: Question, *, least: Mapping[str, float]
) -> Ablation:
    """Make the version of each row, train the fixed model on all of them, and put the result on record.

    least  as of `run_plan`
    Raises StepError where there is no test split, before anything is made.
    """
    start = history.base(store)
    examined(store.version(start))
    datasets = []
    for number, plan in enumerate(plans, 1):
        run.log(f"row {number} of {len(plans)}: {plan.name}")
        datasets.append(_made(store, run, plan, start, question.budget, least))
    _tell_time(store, run, datasets, question)
    steps = [plan.changing for plan in plans]
    found = _ablated(store, run, datasets, steps, question)
    kept = [{**asdict(row), "steps": list(names)} for row, names in zip(datasets, steps, strict=True)]
    store.ledger.set_fact(FACT, {"question": asdict(question), "rows": kept})
    told = [f"{row.name} {row.against_first.headline.after:.4f}" for row in found.rows]
    store.ledger.say(f"ablation of {question.recipe}, {found.metric}: {', '.join(told)}")
    return found


def _made(store: Store, run: LocalRun, plan: RowPlan, start: str, budget: int, least: Mapping[str, float]) -> Described:
    """The version of a row: kept in the store, and not put on the line."""
    outcome = run_plan(
        store, run, plan.places, start=start, folds=plan.folds, budget=budget, commit=False, least=least, aside=True
    )
    store.keep_version(outcome.data)
    if not plan.changing:
        return described(plan.name, outcome.data, "the data as they were read")
    told = edits_in_words(edit for _, edit in outcome.edits)
    return described(plan.name, outcome.data, f"{told}: {', '.join(dict.fromkeys(plan.changing))}")


def last_ablation(store: Store, run: LocalRun, *, train: bool = False) -> Ablation | None:
    """The ablation that was made last, from its versions and trials; None where there is none.

    train  whether trainings that are not on record are made again; else their rows are left out, and without the first
           row there is nothing to stand the others against
    """
    kept = store.ledger.fact(FACT)
    if not kept:
        return None
    question, rows = Question(**kept["question"]), [dict(row) for row in kept["rows"]]
    named = [(Described(**row), steps) for row, steps in ((row, row.pop("steps")) for row in rows)]
    known = [one for one in named if train or _trained(store, run, one[0], question)]
    if not known or known[0] is not named[0]:
        return None
    found = _ablated(store, run, [row for row, _ in known], [steps for _, steps in known], question)
    return replace(found, left_out=tuple(row.name for row, _ in named if row not in [one for one, _ in known]))


def _trained(store: Store, run: LocalRun, row: Described, question: Question) -> bool:
    use, settings = _model(question)
    hold, data = _hold(store, run), store.version(row.version)
    return all(hold.on_record(use, settings, data, seed) is not None for seed in range(question.seeds))


def _ablated(
    store: Store, run: LocalRun, datasets: Sequence[Described], steps: Sequence[Sequence[str]], question: Question
) -> Ablation:
    use, settings = _model(question)
    rows = ablate(
        [(row.name, store.version(row.version)) for row in datasets],
        learner=use,
        settings=settings,
        seeds=range(question.seeds),
        run=run,
        hold=_hold(store, run),
        metric=question.metric,
    )
    return Ablation(question, rows, tuple(datasets), tuple(tuple(names) for names in steps))


def _model(question: Question) -> tuple[str, dict[str, Any]]:
    use, given = learner_of(question.learner)
    return use, {**given, **question.settings}


def _hold(store: Store, run: LocalRun) -> RememberedHold:
    return RememberedHold(store.folder.resolve() / "trials", run.fresh)


# -- how long it takes ----------------------------------------------------------------------------------------


def _tell_time(store: Store, run: LocalRun, datasets: Sequence[Described], question: Question) -> None:
    """Say how many trainings are to come and about how long they take. Where none was timed before, the first one is."""
    use, settings = _model(question)
    hold = _hold(store, run)
    data = {row.version: store.version(row.version) for row in datasets}
    wanted = [(version, seed) for seed in range(question.seeds) for version in data]
    trials = {(version, seed): hold.on_record(use, settings, data[version], seed) for version, seed in wanted}
    todo = [one for one in wanted if trials[one] is None]
    rates = [trial.seconds / max(len(data[version].train), 1) for (version, _), trial in trials.items() if trial]
    if not todo:
        run.log(f"{len(wanted)} trainings, all of them on record")
        return
    if not rates:
        version, seed = todo.pop(0)
        run.log(f"{len(wanted)} trainings; the first one is timed")
        trial = hold(use, settings, data[version], seed, run)
        rates.append(trial.seconds / max(len(data[version].train), 1))
    seconds = median(rates) * sum(len(data[version].train) for version, _ in todo)
    run.log(time_in_words(len(todo), len(wanted), seconds, side_by_side(run, len(todo))))


def side_by_side(run: LocalRun, trainings: int) -> int:
    """How many trainings run at once: one on an accelerator, else one per worker."""
    return 1 if run.device != "cpu" else max(1, min(run.workers, trainings))


def time_in_words(todo: int, wanted: int, seconds: float, at_once: int) -> str:
    """`14 of 18 trainings to go, about 12 minutes`."""
    left = seconds / at_once
    about = (
        f"{left:.0f} seconds"
        if left < 100
        else f"{left / 60:.0f} minutes"
        if left < 6000
        else f"{left / 3600:.1f} hours"
    )
    return f"{todo} of {wanted} trainings to go, about {about}"
