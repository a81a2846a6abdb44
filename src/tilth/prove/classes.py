"""Classification report: of each class how often it was named rightly, and how often it was found; and a course in words.

Source   the table that scikit-learn's `classification_report` prints; a test holds ours to it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilth.numerics.metrics import any_of, one_of, tallies, unit_weights
from tilth.signal import Array
from tilth.trial import Trial


@dataclass(frozen=True, slots=True)
class ClassScore:
    """A class, or a mean over classes. All but `support` lie in 0..1 and are means over the seeds.

    precision  share of what was named so that is so; 0 where it was never named
    recall     share of what is so that was named so
    support    how many test samples carry it
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def class_scores(trials: Sequence[Trial], classes: Sequence[str], task: str) -> tuple[ClassScore, ...]:
    """A row per class that the test split holds or a model named, then `macro mean` and `weighted mean` (by support).

    trials  of one version, a seed each; nothing comes of those that gave metrics only
    """
    if not trials or any(trial.probabilities is None for trial in trials):
        return ()
    decided = any_of if task == "multi-label" else one_of
    scores = np.stack([_scores(decided(trial.targets), decided(_answers(trial))) for trial in trials])
    support = decided(trials[0].targets).sum(axis=0)
    named = np.any([decided(_answers(trial)).any(axis=0) for trial in trials], axis=0)
    rows = np.flatnonzero((support > 0) | named)
    mean = scores.mean(axis=0)
    found = [_row(classes[k], mean[:, k], int(support[k])) for k in rows.tolist()]
    total = int(support.sum())
    weighted = mean[:, rows] @ support[rows] / max(total, 1)
    return (*found, _row("macro mean", mean[:, rows].mean(axis=1), total), _row("weighted mean", weighted, total))


def _answers(trial: Trial) -> Array:
    assert trial.probabilities is not None  # the door above
    return trial.probabilities


def _scores(truths: Array, guesses: Array) -> Array:
    """(3, k) precision, recall and F1, 0 where there is nothing to count."""
    hits, there, said = (tally[0] for tally in tallies(truths, guesses, unit_weights(len(truths))))
    parts = [(hits, said), (hits, there), (2 * hits, there + said)]
    return np.stack([np.divide(a, b, out=np.zeros_like(a), where=b > 0) for a, b in parts])


def _row(name: str, scores: Array, support: int) -> ClassScore:
    precision, recall, f1 = scores.tolist()
    return ClassScore(name, precision, recall, f1, support)


def course_in_words(trials: Sequence[Trial]) -> str:
    """`20 epochs, loss 2.31 -> 0.04, valid accuracy 0.871 at best (epoch 14)`: of the first seed; nothing where the
    learner kept no record by epoch."""
    rows = trials[0].curves if trials else ()
    if not rows:
        return ""
    said = [f"{len(rows)} epoch{'s' if len(rows) != 1 else ''}"]
    losses = [row["loss"] for row in rows if "loss" in row]
    said += [f"loss {losses[0]:.3g} -> {losses[-1]:.3g}"] if losses else []
    valid = [(row["valid_accuracy"], row.get("epoch", at)) for at, row in enumerate(rows, 1) if "valid_accuracy" in row]
    if valid:
        best = max(value for value, _ in valid)
        epoch = next(epoch for value, epoch in valid if value == best)
        said.append(f"valid accuracy {best:.3f} at best (epoch {epoch:g})")
    return ", ".join(said)
