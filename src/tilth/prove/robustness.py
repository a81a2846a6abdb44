"""Robustness before and after: how much of its accuracy the fixed model keeps when its pictures are changed against it.

Each model is attacked itself, on the sealed test pictures as it sees them; the labels stay. White-box attacks on a model that
was never trained against them leave little: what counts is the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.bootstrap import RESAMPLES
from tilth.numerics.metrics import SINGLE_LABEL, score
from tilth.perturb.against import require_exposed, require_pictures
from tilth.perturb.looks import eps_for
from tilth.prove.compare import comparable, judged
from tilth.prove.trial import examined
from tilth.signal import Array
from tilth.steps import Run
from tilth.trial import Measure, Trial

ATTACKS = ("noise", "fgsm", "pgd", "one_pixel")

PICTURES = 300
"""Of the test split that are attacked, evenly: accuracy of one model to 3 points."""

EVOLVED, AGENTS, GENERATIONS = 100, 100, 10
"""Pictures, agents and generations of one_pixel: 1,100 looks at each. Su et al. take 40,400; the order of two models shows
earlier than the depth of their fall."""

STEPS, STEP = 10, 0.25  # of pgd; a step is a share of eps
_BATCH = 100

HoldUnder: TypeAlias = Callable[[str, Mapping[str, Any], Dataset, int, Run, float], Mapping[str, Trial]]


def hold_under(
    learner: str, settings: Mapping[str, Any], data: Dataset, seed: int, run: Run, eps: float
) -> dict[str, Trial]:
    """One training, and one examination under each attack.

    eps  most that a pixel moves; the deviation of the noise

    Raises StepError where a picture may have several labels, or the model's answers cannot be followed back to the pixels.
    """
    require_pictures("robustness", data)
    test = examined(data)
    model = run.step(learner, settings).fit(data.train, data.valid if len(data.valid) else None, run, seed=seed)
    require_exposed("robustness", learner, model)
    found: dict[str, Trial] = {}
    with run.progress(f"attacking {learner}", len(ATTACKS)) as advance:
        for attack in ATTACKS:
            some = _evenly(test, EVOLVED if attack == "one_pixel" else PICTURES)
            probabilities = _asked(model, attack, some, run, eps)
            found[attack] = Trial(
                learner={"use": learner, "settings": dict(settings)},
                version=data.version,
                seal=data.seal,
                seed=seed,
                ids=some.ids,
                targets=some.targets,
                probabilities=probabilities,
                metrics={name: score(one, some.targets, probabilities) for name, one in SINGLE_LABEL.items()},
            )
            advance(1)
    return found


def robustness(
    before: Dataset,
    after: Dataset,
    *,
    learner: str,
    settings: Mapping[str, Any] | None = None,
    seeds: Sequence[int],
    run: Run,
    hold_under: HoldUnder = hold_under,
    resamples: int = RESAMPLES,
) -> tuple[Measure, ...]:
    """`accuracy_under_noise`, `_fgsm`, `_pgd` and `_one_pixel` of the fixed model trained on both versions, seeds in pairs.

    hold_under  makes the trials of one training; a caller that remembers them hands in its own
    Raises what `compare` raises, and StepError for a model that cannot be attacked.
    """
    comparable(before, after, seeds)
    require_pictures("robustness", before)
    eps = eps_for("auto", before, run)  # of one of the two: both are asked the same
    pairs = list({(data.version, seed): (data, seed) for data in (before, after) for seed in seeds}.values())
    one = partial(_held, hold_under, learner, dict(settings or {}), run, eps)
    trials = run.map(one, pairs, cpus=1, gpus=int(run.device != "cpu"), what="trials under attack")
    found = {(data.version, seed): one for (data, seed), one in zip(pairs, trials, strict=True)}
    sides = [[found[data.version, seed] for seed in seeds] for data in (before, after)]
    measures = []
    for attack in ATTACKS:
        ours, theirs = ([trial[attack] for trial in side] for side in sides)
        told = judged(before.schema, ours, theirs, run, headline="accuracy", resamples=resamples).headline
        measures.append(replace(told, metric=f"accuracy_under_{attack}"))
    return tuple(measures)


def _held(
    hold: HoldUnder, learner: str, settings: Mapping[str, Any], run: Run, eps: float, pair: tuple[Dataset, int]
) -> Mapping[str, Trial]:
    return hold(learner, settings, *pair, run, eps)


def _evenly(test: Dataset, most: int) -> Dataset:
    """At most so many, as many of each class as of the others as far as they go; the same ones for both versions."""
    places = np.zeros(len(test), np.int64)
    for label in np.unique(test.labels):
        rows = np.flatnonzero(test.labels == label)
        places[rows] = np.arange(len(rows))
    chosen = np.zeros(len(test), bool)
    chosen[np.lexsort((np.arange(len(test)), places))[:most]] = True
    return test.where(chosen)


def _asked(model: Any, attack: str, test: Dataset, run: Run, eps: float) -> Array:
    """(m, k) what the model says of the pictures that were changed against it."""
    found = []
    for start in range(0, len(test), _BATCH):
        rows = np.arange(len(test))
        some = test.where((rows >= start) & (rows < start + _BATCH))
        found.append(_of_batch(model, attack, list(run.images(some)), some, run, eps))
    return np.concatenate(found)


def _of_batch(model: Any, attack: str, pictures: list[Array], test: Dataset, run: Run, eps: float) -> Array:
    import torch

    from tilth.perturb import gradient
    from tilth.perturb.noise import gaussian
    from tilth.perturb.one_pixel import one_pixel

    dice = [run.rng("robustness", attack, id) for id in test.ids.tolist()]
    if attack == "noise":
        pictures = [gaussian(one, rng, eps) for one, rng in zip(pictures, dice, strict=True)]
    with model.expose(pictures) as (pixels, answers):
        labels, shown = torch.from_numpy(test.labels).to(pixels.device), pixels
        if attack == "fgsm":
            shown = gradient.fgsm(answers, pixels, labels, eps=eps)
        elif attack == "pgd":
            start = gradient.box_start(pixels, dice, eps=eps)
            shown = gradient.pgd(answers, pixels, labels, start, eps=eps, step=STEP * eps, steps=STEPS)
        elif attack == "one_pixel":
            shown, _ = one_pixel(answers, pixels, labels, dice, agents=AGENTS, generations=GENERATIONS)
        with torch.no_grad():
            return torch.softmax(answers(shown), 1).cpu().numpy()
