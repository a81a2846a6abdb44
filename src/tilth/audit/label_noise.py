"""Which labels are wrong: confident learning, ranked by what all witnesses say together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.audit.witnesses import Opinions, hear, judgeable
from tilth.dataset import Dataset, label_text
from tilth.finding import Finding
from tilth.numerics import confident
from tilth.sample import TRAIN, VALID
from tilth.signal import Array, Signals
from tilth.steps import Run


def noise_scores(
    data: Dataset, signals: Signals, *, neighbors: int = 10, splits: tuple[str, ...] = (TRAIN, VALID)
) -> Array:
    """(n,) 0..1 in the order of the rows, how doubtful each label is; NaN for samples that are not judged.

    1 - pooled probability of the given label: high for a label that another class deserves, and for a picture of no
    class alike.
    """
    scores = np.full(len(data), np.nan)
    judged = judgeable(data) & np.isin(data.splits, splits)
    if judged.any():
        scores[judged] = hear(data, signals, neighbors=neighbors, splits=splits).doubt
    return scores


@dataclass(frozen=True)
class LabelNoise:
    """Labels that are probably wrong: those that confident learning flags, and those that all witnesses find unlikely.

    The learner's out-of-sample probabilities are needed; its features and an embedding, where they are there, add the
    votes of the nearest neighbours. Severity is 1 - the pooled probability of the given label.
    """

    version = 4
    needs = ("probabilities",)
    of_raw = ("probabilities",)
    source = "Northcutt et al. 2021, arXiv:1911.00068; Zhu et al. 2022, arXiv:2110.06283; HOC: Zhu et al. 2021, arXiv:2102.05291"
    cost = "O(n k), and a neighbour search where there are features or an embedding"

    neighbors: int = 10
    """How many neighbours vote: SimiFeat's 10."""

    unlikely: float = 0.1
    """Pooled probability of the given label (0..1) at and under which a sample is flagged without confident learning,
    which asks for a sure other class and so leaves out what is of no class: junk."""

    splits: tuple[str, ...] = (TRAIN, VALID)
    """Judged splits. Others (a hand-made `label_book`) bear witness and are not judged."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        """A finding per doubtful label, the most doubtful first."""
        splits = tuple(self.splits)
        judged = int((judgeable(data) & np.isin(data.splits, splits)).sum())
        if len(data.schema.classes) < 2 or judged < 2:
            run.log(f"label noise: {judged} labelled samples in {len(data.schema.classes)} classes, nothing to compare")
            return []
        said = hear(data, signals, neighbors=self.neighbors, splits=splits)
        doubt = said.doubt
        sure = flagged(said)
        order = np.lexsort((said.data.ids, -doubt))
        reason = _multi_reason if said.multi else _single_reason
        noise = said.class_noise
        likely = np.minimum(noise, _shares(sure, said)) if noise is not None else None
        found = []
        for rank, row in enumerate(order.tolist(), 1):
            if sure[row] or doubt[row] >= 1 - self.unlikely:
                why, evidence = reason(said, row)
                if noise is not None and likely is not None:
                    evidence["class_noise"] = _short(noise[evidence["given"]])
                    evidence["suggested_noise"] = _short(likely[evidence["suggested"]])
                evidence |= {"confident": bool(sure[row]), "rank": rank, "of": len(order)}
                found.append(Finding("label_noise", (str(said.data.ids[row]),), _short(doubt[row]), why, evidence))
        return found


def _shares(flags: Array, said: Opinions) -> Array:
    """(k,) share 0..1 of each class that is flagged: where neighbours seldom agree for another reason than noise, less
    than they tell."""
    k, labels = len(said.data.schema.classes), said.data.labels
    return np.bincount(labels[flags], minlength=k) / np.maximum(np.bincount(labels, minlength=k), 1)


def flagged(said: Opinions) -> Array:
    """(n,) bool, what confident learning flags by the learner's probabilities alone, as cleanlab would."""
    if said.multi:
        return np.asarray(confident.multi_flagged(said.data.targets, said.probabilities).any(axis=1))
    return confident.flagged(said.data.labels, said.probabilities)


def _single_reason(said: Opinions, row: int) -> tuple[str, dict[str, Any]]:
    """The sentence and the numbers behind it; `suggested` is the model's best class beside the given one."""
    names, p = said.data.schema.classes, said.probabilities[row]
    given = int(said.data.labels[row])
    suggested = int(_without(p, given).argmax())
    ballots = {space: _ballot(said, space, row, given, suggested) for space in said.votes}
    why = (
        f"labelled {names[given]}, but the model that did not see it gives {names[suggested]} {p[suggested]:.2f} "
        f"and {names[given]} {p[given]:.2f}"
    )
    for space, ballot in ballots.items():
        if ballot["neighbors"]:
            why += (
                f"; of its {len(ballot['neighbors'])} nearest {_WHERE[space]} {ballot['suggested_count']} are "
                f"{names[suggested]} and {ballot['given_count']} {names[given]}"
            )
    evidence = {
        "given": given,
        "suggested": suggested,
        "given_probability": _short(p[given]),
        "suggested_probability": _short(p[suggested]),
        "given_pooled": _short(said.pooled[row, given]),
        "suggested_pooled": _short(said.pooled[row, suggested]),
        "given_true": _short(said.truths[row, given]),
        "suggested_true": _short(said.truths[row, suggested]),
        "usual_probability": _short(said.usual["probabilities"][given]),
        "votes": ballots,
    }
    return why, evidence


_WHERE = {"features": "in the model's eyes", "embedding": "in the embedding"}


def _ballot(said: Opinions, space: str, row: int, given: int, suggested: int) -> dict[str, Any]:
    """What the neighbours in one space say: weighted shares (0..1), plain counts, and who they are. `best` is the
    class most voted for beside the given one: the neighbours may favour a third."""
    shares, carried = said.votes[space].shares[row], said.carried[space][row]
    return {
        "given": _short(shares[given]),
        "usual": _short(said.usual[space][given]),
        "suggested": _short(shares[suggested]),
        "best": int(_without(shares, given).argmax()),
        "given_count": int((carried == given).sum()),
        "suggested_count": int((carried == suggested).sum()),
        "neighbors": [str(id) for id in said.neighbors[space][row] if id],
    }


def _without(values: Array, index: int) -> Array:
    others = values.copy()
    others[index] = -1
    return others


def _multi_reason(said: Opinions, row: int) -> tuple[str, dict[str, Any]]:
    """Of several labels: which classes are doubted. `suggested` is the set with each of those turned over."""
    schema, p = said.data.schema, said.probabilities[row]
    carried = said.data.targets[row] > 0
    belief = np.where(carried, said.pooled[row], 1 - said.pooled[row])
    doubted = belief < 0.5
    doubted[belief.argmin()] = True  # confident learning may flag what the pool finds likely: name the least likely
    classes = np.flatnonzero(doubted).tolist()
    given, right = np.flatnonzero(carried).tolist(), np.where(carried, said.truths[row], 1 - said.truths[row])
    parts = [f"{schema.classes[c]} {'is given' if carried[c] else 'is missing'} ({p[c]:.2f})" for c in classes]
    why = (
        f"labelled {label_text(schema, frozenset(given))}; the model that did not see it says otherwise of "
        + ", ".join(parts)
    )
    evidence = {
        "given": given,
        "suggested": np.flatnonzero(carried ^ doubted).tolist(),
        "given_probability": _short(np.where(carried, p, 1 - p)[doubted].min()),
        "suggested_probability": _short(np.where(carried, 1 - p, p)[doubted].min()),
        "doubted": classes,
        "doubted_probability": [_short(p[c]) for c in classes],
        "doubted_true": [_short(said.truths[row, c]) for c in classes],
        "given_true": _short(right.min()),
        "votes": {
            space: {
                "doubted": [_short(votes.shares[row, c]) for c in classes],
                "neighbors": [str(id) for id in said.neighbors[space][row] if id],
            }
            for space, votes in said.votes.items()
        },
    }
    return why, evidence


def _short(value: Any) -> float:
    return round(float(np.clip(value, 0, 1)), 4)
