"""Mend labels on the word of two witnesses: relabel where they agree, drop what neither believes, leave the rest, or let
it weigh less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tilth.cleanse.floors import within_caps
from tilth.dataset import Dataset, label_text
from tilth.edit import Drop, Edit, Relabel, Weigh
from tilth.errors import SettingError
from tilth.finding import Finding
from tilth.sample import TRAIN, Label, Sample
from tilth.signal import Array, Signals

_HALF = 0.5  # a class of which more is wrong is not known by its neighbours
_ERRORS = 1.645  # standard errors above an estimated noise that it may yet be: the upper end of 90 in 100


@dataclass(frozen=True)
class MendLabels:
    """Relabel where the cross-fitted model and the nearest neighbours agree on another class; drop where neither
    believes the given one and they do not agree; leave the rest for review.

    Reads findings of the kind `label_noise` with the ballots in their evidence: what was judged is what is mended, and
    no more. So a class never changes by more than the noise that was found in it. A finding without votes is left for
    review: one witness is none. Where neighbours voted in two spaces, those of the model's features decide; those of the
    embedding are heard in the pool, by how well they foretell labels.
    """

    version = 5
    source = "Northcutt et al. 2021, arXiv:1911.00068; Zhu et al. 2021, arXiv:2102.05291; 2022, arXiv:2110.06283; Liu and Tao 2016, arXiv:1411.7718"
    cost = "O(findings)"

    votes: float = 0.8
    """Share (0..1) of the neighbours' weight that the new class must have; of that weight which is right, where the noise
    of the new class is estimated."""

    margin: float = 0.3
    """By how much the model's probability of the new class must exceed that of the given one, and the pooled one too."""

    set_votes: float = 0.0
    set_margin: float = 0.0
    """The same two for each class of a set of labels; 0: as for one label. A class that a few samples in a hundred carry is
    easily outvoted, so sets want more of both: of 366 planted wrong classes of bank customers' texts 0.8 and 0.3 left 339, 0.9 and
    0.8 left 267."""

    sure: float = 0.0
    """How probable (0..1) the new class must be where the given label and how often labels are wrong are heard too; 0: this is
    not asked. It holds back where the data are clean, and lets weak neighbours speak where they are not."""

    weigh: bool = False
    """Whether a doubted label that stays weighs in training as much as it is probably right. Nothing is then lost by a
    mistake; of use to a learner that reads weights."""

    doubt: float = 0.1
    """Share and probability of the given class at and under which each witness counts as not believing it, as a part of
    what it gives that class on the whole."""

    most_share: float = 0.25
    """Most of a class (0..1) that may be changed at once: a class of which more is doubtful needs a person. Where the
    noise of a class is estimated (evidence `class_noise`), the most that it may be within the error of the estimate takes
    its place, up to a half: of 200 samples of which 5 in 100 seem wrong, 16 rather than 10."""

    least: int = 1
    """Fewest samples that a class keeps."""

    fewest: int = 1
    """Samples that a class must have for its labels to be doubted: the strangest of ten is no evidence (Vovk et al. 2005,
    chapter 2; benchmarks/text/small_classes.md). Findings in smaller classes stay in the list of findings."""

    splits: tuple[str, ...] = (TRAIN,)
    """Where labels are mended. Valid is left out: it is the yardstick by which the epoch is chosen, often checked by
    hand, and a pipeline that moves its own yardstick cannot be read. Add "valid" where it is as raw as train."""

    def __post_init__(self) -> None:
        if self.fewest < 1:
            raise SettingError(f"cleanse.labels: fewest is at least 1, found {self.fewest}")

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        """At most one edit per sample, the surest first where a cap cuts."""
        del signals  # they are in the evidence, as they were when the sample was judged
        named = [one for one in findings if one.kind == "label_noise" and len(one.ids) == 1 and one.ids[0] in data]
        latest = {one.ids[0]: one for one in named}
        rows = data.only(latest).split(*self.splits)
        few = np.count_nonzero(data.split(*self.splits).raw.targets, axis=0) < self.fewest
        of_many = rows.where(np.asarray((rows.targets[:, few] <= 0).all(axis=1)))
        several = data.schema.task == "multi-label"
        propose = partial(self._multi, few=frozenset(np.flatnonzero(few).tolist())) if several else self._single
        proposed = []
        for sample in rows if several else of_many:
            finding = latest[sample.id]
            edit = propose(sample, finding.evidence, data)
            if edit is not None:
                proposed.append((finding.severity, edit))
        both = _entangled(findings, {edit.id: edit.new for _, edit in proposed if isinstance(edit, Relabel)})
        proposed = [one for one in proposed if one[1].id not in both]
        proposed.sort(key=lambda item: (-item[0], item[1].id))
        noise = {one.evidence["given"]: one.evidence["class_noise"] for one in named if "class_noise" in one.evidence}
        edits = within_caps(data, (edit for _, edit in proposed), most=self._most(data, noise))
        if self.weigh:
            settled = {edit.id for edit in edits}
            left = [sample for sample in of_many if sample.id not in settled]
            edits += [edit for sample in left if (edit := _weighed(sample, latest[sample.id].evidence, data))]
        return edits

    def _single(self, sample: Sample, evidence: Mapping[str, Any], data: Dataset) -> Edit | None:
        given, new = evidence["given"], evidence["suggested"]
        spaces = {name: ballot for name, ballot in evidence.get("votes", {}).items() if ballot["neighbors"]}
        if sample.label != given or not spaces:  # changed since it was judged, or judged by one witness alone
            return None
        p_given, p_new = evidence["given_probability"], evidence["suggested_probability"]
        first = next(iter(spaces.values()))
        # Of neighbours whose labels are wrong here and there, fewer can vote for what is right.
        enough = self.votes * (1 - evidence.get("suggested_noise", 0.0))
        agreed = first["best"] == new and first["suggested"] >= enough and p_new - p_given >= self.margin
        # The others speak by their weight in the pool: one that foretells no labels cannot hold up what these two say.
        pooled = evidence.get("suggested_pooled", p_new) - evidence.get("given_pooled", p_given)
        if agreed and pooled >= self.margin and evidence.get("suggested_true", 1.0) >= self.sure:
            return Relabel(sample.id, given, new, _agreement(evidence, spaces, data), _kept(evidence))
        # A witness that believes no class much says little by not believing this one.
        unlikely = p_given <= self.doubt * evidence.get("usual_probability", 1.0)
        if not agreed and unlikely and first["given"] <= self.doubt * first.get("usual", 1.0):
            return Drop(sample.id, _disbelief(evidence, spaces, data), _kept(evidence))
        return None

    def _multi(self, sample: Sample, evidence: Mapping[str, Any], data: Dataset, *, few: frozenset[int]) -> Edit | None:
        """Turn over the classes on which both witnesses say the opposite. Nothing is dropped: the other labels of the
        sample may hold. None where no class would be left.

        few  classes of too few samples to be taken away from one
        """
        spaces = [ballot for ballot in evidence.get("votes", {}).values() if ballot["neighbors"]]
        given = frozenset(evidence["given"])
        if sample.label != given or not spaces:
            return None
        votes, margin = self.set_votes or self.votes, self.set_margin or self.margin
        turned = []
        for at, c in enumerate(evidence["doubted"]):
            against = [ballot["doubted"][at] for ballot in spaces] + [evidence["doubted_probability"][at]]
            truly = evidence["doubted_true"][at] if "doubted_true" in evidence else float(c not in given)
            against = [1 - share for share in against] if c in given else against
            truly = 1 - truly if c in given else truly
            if c in given and c in few:
                continue
            if min(against[:-1]) >= votes and against[-1] >= 0.5 + margin / 2 and truly >= self.sure:
                turned.append(c)
        new: Label = given ^ frozenset(turned)
        if not turned or not new:
            return None
        words = ", ".join(f"{data.schema.classes[c]} {'out' if c in given else 'in'}" for c in turned)
        given_words = label_text(data.schema, given)
        because = f"the cross-fitted model and the nearest neighbours agree: {words} of {given_words}"
        return Relabel(sample.id, given, new, because, _kept(evidence))

    def _most(self, data: Dataset, noise: Mapping[int, float]) -> Array:
        """(k,) how many samples each class may lose.

        noise  class -> how much of it is estimated to be wrong
        """
        sizes = np.count_nonzero(data.split(*self.splits).raw.targets, axis=0)  # made samples are not judged
        most = np.floor(sizes * self.most_share)
        for c, share in noise.items():
            error = np.sqrt(share * (1 - share) / max(sizes[c], 1))
            most[c] = np.ceil(min(share + _ERRORS * error, _HALF) * sizes[c])
        return np.minimum(most, np.maximum(sizes - self.least, 0))


def _entangled(findings: Sequence[Finding], new: Mapping[str, Label]) -> set[str]:
    """Samples of a contradiction that would contradict each other as much afterwards. Near copies with two labels mislead
    whoever saw the one about the other: both look wrong, and mended both ways they would swap their labels."""
    contradictions = [one.ids for one in findings if one.kind == "contradiction"]
    caught = [[id for id in ids if id in new] for ids in contradictions]
    return {id for ids in caught if len({new[one] for one in ids}) > 1 for id in ids}


def _weighed(sample: Sample, evidence: Mapping[str, Any], data: Dataset) -> Weigh | None:
    """What the sample weighs by how probably its label is right; None where that is not known, or it weighs nothing."""
    given = frozenset(evidence["given"]) if data.schema.task == "multi-label" else evidence["given"]
    right = evidence.get("given_true", 1.0)
    if sample.label != given or sample.weight == 0 or right >= 1:
        return None
    because = f"its label {label_text(data.schema, sample.label)} is right with a probability of {right:.2f}"
    return Weigh(sample.id, sample.weight * right, because, _kept(evidence))


def _agreement(evidence: Mapping[str, Any], spaces: Mapping[str, Any], data: Dataset) -> str:
    names = data.schema.classes
    given, new = names[evidence["given"]], names[evidence["suggested"]]
    ballots = [
        f"its {len(ballot['neighbors'])} nearest neighbours{_WHERE[name]} say {new} "
        f"({ballot['suggested_count']} of {len(ballot['neighbors'])})"
        for name, ballot in spaces.items()
        if ballot["best"] == evidence["suggested"]
    ]
    return (
        ", ".join(ballots) + f" and the cross-fitted model says {new} "
        f"({evidence['suggested_probability']:.2f} against {evidence['given_probability']:.2f} for {given})"
    )


def _disbelief(evidence: Mapping[str, Any], spaces: Mapping[str, Any], data: Dataset) -> str:
    name, ballot = next(iter(spaces.items()))
    given = data.schema.classes[evidence["given"]]
    voters = len(ballot["neighbors"])
    return (
        f"nobody says {given}: {ballot['given_count'] or 'none'} of its {voters} nearest neighbours{_WHERE[name]}, "
        f"and the cross-fitted model gives it {evidence['given_probability']:.2f}; "
        f"what else it is they do not say with one voice (the model {data.schema.classes[evidence['suggested']]} "
        f"{evidence['suggested_probability']:.2f}, the neighbours {data.schema.classes[ballot['best']]})"
    )


_WHERE = {"features": " in the model's features", "embedding": ""}


def _kept(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in evidence.items() if key not in ("rank", "of")}
