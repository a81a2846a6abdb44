"""Before against after: the same fixed model, the same seeds, the same sealed test split."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.errors import SealBroken, SettingError, StepError, did_you_mean
from tilth.numerics.bootstrap import RESAMPLES, paired_interval, unpaired_interval
from tilth.numerics.metrics import class_f1, class_f1_multi, unit_weights
from tilth.prove.taught import taught, without
from tilth.prove.trial import examined, hold, metrics_of
from tilth.sample import TRAIN
from tilth.signal import Array
from tilth.steps import Run
from tilth.trial import Evidence, Measure, Trial

Hold: TypeAlias = Callable[[str, Mapping[str, Any], Dataset, int, Run], Trial]


def compare(
    before: Dataset,
    after: Dataset,
    *,
    learner: str,
    settings: Mapping[str, Any] | None = None,
    seeds: Sequence[int],
    run: Run,
    hold: Hold = hold,
    metric: str | None = None,
    baseline: bool = True,
    resamples: int = RESAMPLES,
) -> Evidence:
    """Whether the fixed model does better with `after` than with `before`.

    Both are trained once per seed and asked about one sealed test split. Beside them stands random deletion: `before`
    less as many train samples as `after` dropped, drawn at random without regard to class.

    hold      makes one trial; a caller that remembers trials hands in its own. It, the datasets and the run are pickled
              where `run.map` uses processes
    metric    the headline; None: accuracy, or macro_f1 for multi-label
    baseline  whether to train the random deletion too
    Raises SealBroken for different test splits, StepError where there is none.
    """
    comparable(before, after, seeds)
    headline = headline_of(metric, before.schema.task)
    thinned = (
        [random_deletion(before, after, seed, run) for seed in seeds] if baseline and dropped(before, after) else []
    )
    pairs = [
        *((before, seed) for seed in seeds),
        *((after, seed) for seed in seeds),
        *zip(thinned, seeds, strict=False),
    ]
    trials = held([Asked(hold, learner, dict(settings or {}), data, seed, run) for data, seed in pairs], run)
    s = len(seeds)
    first, second, third = trials[:s], trials[s : 2 * s], trials[2 * s :]
    seen = taught((before, after))
    return judged(before.schema, first, second, run, headline=headline, thinned=third, resamples=resamples, seen=seen)


def judged(
    schema: Schema,
    before: Sequence[Trial],
    after: Sequence[Trial],
    run: Run,
    *,
    headline: str | None = None,
    thinned: Sequence[Trial] = (),
    resamples: int = RESAMPLES,
    seen: Collection[str] = (),
) -> Evidence:
    """What trials of two versions say of each other; seeds in pairs, in the same order.

    thinned  trials of the random deletion, with the same seeds
    seen     ids of test samples that lie in train too: the headline is told without them as well
    """
    trials = (*before, *after, *thinned)
    old, new = before[0].version, after[0].version
    ask = _Question(schema.task, schema.classes, resamples)
    names = _names(headline, trials)
    flattering = int(np.isin(before[0].ids, list(seen)).sum())
    fair = without((*before, *after), seen) if flattering else []
    sides = fair[: len(before)], fair[len(before) :]
    return Evidence(
        before=old,
        after=new,
        seal=before[0].seal,
        learner=before[0].learner,
        seeds=tuple(trial.seed for trial in before),
        measures=ask.measures(before, after, names, run.rng("prove.compare", old, new)),
        per_class=ask.per_class(before, after, run.rng("prove.classes", old, new)),
        baseline=ask.measures(before, thinned, names[:1], run.rng("prove.baseline", old, new))[0] if thinned else None,
        unseen=ask.measures(*sides, names[:1], run.rng("prove.unseen", old, new))[0] if fair else None,
        taught=flattering,
        trials=tuple({(trial.version, trial.seed): trial for trial in trials}.values()),
    )


def dropped(before: Dataset, after: Dataset) -> int:
    """How many train samples of `before` are gone from `after`."""
    return int((~np.isin(before.train.ids, after.ids)).sum())


def random_deletion(before: Dataset, after: Dataset, seed: int, run: Run) -> Dataset:
    """`before` less as many train samples as `after` dropped, at random and blind to class."""
    rows = np.flatnonzero(before.splits == TRAIN)
    rng = run.rng("prove.random_deletion", before.version, seed)
    keep = np.ones(len(before), dtype=bool)
    keep[rng.choice(rows, size=dropped(before, after), replace=False)] = False
    return before.where(keep)


# -- what is asked ---------------------------------------------------------------------------------------------


def comparable(before: Dataset, after: Dataset, seeds: Sequence[int]) -> None:
    """Raises SealBroken for different test splits, StepError where there is none, SettingError for seeds twice."""
    examined(before)
    if before.seal != after.seal or before.schema != after.schema:
        raise SealBroken(
            f"versions {before.version} and {after.version} have different test splits (seals {before.seal} and "
            f"{after.seal or 'none'}): their trials say nothing about each other.\n"
            "  Compare versions of one benchmark; an edit to the test split makes a new one."
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise SettingError(f"seeds must be one or more different numbers, found {list(seeds)}")


def headline_of(metric: str | None, task: str) -> str | None:
    """The metric, as it was named. Raises SettingError for one that the task does not know."""
    known = metrics_of(task)
    if metric is not None and metric not in known:
        raise SettingError(
            f"no metric {metric!r} for a {task} dataset{did_you_mean(metric, known)} (there is {', '.join(known)})"
        )
    return metric


def _names(headline: str | None, trials: Sequence[Trial]) -> list[str]:
    """The metrics that every trial has, the headline first."""
    common = [name for name in trials[0].metrics if all(name in trial.metrics for trial in trials)]
    if not common or (headline is not None and headline not in common):
        raise StepError(
            f"the headline metric {headline or ''!r} is not among those that the trials gave "
            f"({', '.join(trials[0].metrics) or 'none'}). Let the training command report it, or name another."
        )
    return common if headline is None else [headline, *(name for name in common if name != headline)]


# -- trials ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One trial that is to be held."""

    hold: Hold
    learner: str
    settings: Mapping[str, Any]
    data: Dataset
    seed: int
    run: Run


def _answer(asked: Asked) -> Trial:
    return asked.hold(asked.learner, asked.settings, asked.data, asked.seed, asked.run)


def held(asked: Sequence[Asked], run: Run) -> list[Trial]:
    """The trials in the order asked, side by side, each version and seed once."""
    once = {(one.data.version, one.seed): one for one in asked}
    trials = run.map(_answer, list(once.values()), cpus=1, gpus=int(run.device != "cpu"), what="trials")
    found = dict(zip(once, trials, strict=True))
    return [found[one.data.version, one.seed] for one in asked]


# -- what they say ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Question:
    task: str
    classes: tuple[str, ...]
    resamples: int

    def measures(
        self, before: Sequence[Trial], after: Sequence[Trial], names: Sequence[str], rng: np.random.Generator
    ) -> tuple[Measure, ...]:
        """The metrics of these names, with intervals over test samples and seeds."""
        if any(trial.probabilities is None for trial in (*before, *after)):
            return tuple(_unpaired(name, before, after) for name in names)
        metrics = [metrics_of(self.task)[name] for name in names]

        def rated(trial: Trial, weights: Array) -> Array:
            return np.stack([metric(trial.targets, trial.probabilities, weights) for metric in metrics], axis=1)  # type: ignore[arg-type]

        return tuple(self._paired(rated, list(names), before, after, rng))

    def per_class(
        self, before: Sequence[Trial], after: Sequence[Trial], rng: np.random.Generator
    ) -> dict[str, Measure]:
        """F1 of each class that the test split holds; nothing where the trials gave metrics only."""
        if any(trial.probabilities is None for trial in (*before, *after)):
            return {}
        held = np.flatnonzero((before[0].targets > 0).any(axis=0))
        f1 = class_f1_multi if self.task == "multi-label" else class_f1

        def rated(trial: Trial, weights: Array) -> Array:
            return f1(trial.targets, trial.probabilities, weights)[:, held]  # type: ignore[arg-type]

        names = ["f1"] * len(held)
        found = self._paired(rated, names, before, after, rng)
        return {self.classes[index]: measure for index, measure in zip(held.tolist(), found, strict=True)}

    def _paired(
        self,
        rated: Callable[[Trial, Array], Array],
        names: list[str],
        before: Sequence[Trial],
        after: Sequence[Trial],
        rng: np.random.Generator,
    ) -> list[Measure]:
        def gains(weights: Array) -> Array:
            return np.stack([rated(b, weights) - rated(a, weights) for a, b in zip(before, after, strict=True)])

        m = len(before[0].ids)
        point, low, high = paired_interval(gains, samples=m, rng=rng, resamples=self.resamples)
        one = unit_weights(m)
        means = [np.mean([rated(trial, one)[0] for trial in side], axis=0) for side in (before, after)]
        rows = zip(names, *(values.tolist() for values in (*means, point, low, high)), strict=True)
        return [Measure(*row) for row in rows]


def _unpaired(name: str, before: Sequence[Trial], after: Sequence[Trial]) -> Measure:
    sides = [np.array([trial.metrics[name] for trial in side]) for side in (before, after)]
    point, low, high = unpaired_interval(*sides, samples=len(before[0].ids))
    return Measure(name, float(sides[0].mean()), float(sides[1].mean()), point, low, high)
