"""Who can say something about a label: the learner that did not see it, and neighbours in one or two spaces.

    probabilities   of a learner, out of sample: needed
    features        of that learner, from the same folds: neighbours as the model sees them, none of whom it saw
    fold            which network looked at a sample: neighbours are sought among those that it did not see either
    embedding       of an embedder: neighbours among all

What is heard is pooled into one opinion, each witness weighted by how well it foretells the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics import confident, transition
from tilth.numerics.pool import multi_pooled, pooled
from tilth.numerics.votes import Votes, neighbor_votes
from tilth.signal import Array, Signals

SPACES = ("features", "embedding")
"""Where neighbours are sought, the more telling one first. Features come from several models, one a fold: crossfit has
turned them onto each other."""


@dataclass(frozen=True, eq=False)
class Opinions:
    """What the witnesses say about the judged samples.

    data           the judged samples (n)
    probabilities  (n, k) of the learner, out of sample
    votes          space (`features`, `embedding`) -> votes of the neighbours (n)
    neighbors      space -> (n, m) ids of those who voted, empty where there were fewer
    carried        space -> (n, m) int class of each of those, -1 where there were fewer
    pooled         (n, k) all in one
    """

    data: Dataset
    probabilities: Array
    votes: Mapping[str, Votes]
    neighbors: Mapping[str, Array]
    carried: Mapping[str, Array]
    pooled: Array

    @property
    def multi(self) -> bool:
        return self.data.schema.task == "multi-label"

    @cached_property
    def usual(self) -> Mapping[str, Array]:
        """Witness (`probabilities` or a space) -> (k,) mean share that the samples labelled with each class get for it: how
        much it believes on the whole."""
        k, labels = len(self.data.schema.classes), self.data.labels
        sizes, own = np.maximum(np.bincount(labels, minlength=k), 1), (np.arange(len(labels)), labels)
        said = {"probabilities": self.probabilities, **{space: votes.shares for space, votes in self.votes.items()}}
        return {name: np.bincount(labels, weights=shares[own], minlength=k) / sizes for name, shares in said.items()}

    @cached_property
    def truths(self) -> Array:
        """(n, k) how probable each class truly is so: the pooled opinion, where the given label and how often labels are
        wrong are heard too. Rows add up to 1 where labels are single."""
        if self.multi:
            joint = confident.multi_confident_joint(self.data.targets, self.probabilities)
            return confident.multi_truths(self.data.targets, self.pooled, joint)
        joint = confident.confident_joint(self.data.labels, self.probabilities)
        return confident.truths(self.data.labels, self.pooled, joint)

    @property
    def class_noise(self) -> Array | None:
        """(k,) estimated share 0..1 of each class that belongs to another, from how often neighbours agree in the first
        space they voted in; None for sets of labels, for many classes, or where nobody voted."""
        k = len(self.data.schema.classes)
        first = next(iter(self.carried.values()), None)
        if self.multi or first is None or first.shape[1] < 2 or k > transition.MOST_CLASSES:
            return None
        triples = np.column_stack([self.data.labels, first[:, :2]])
        return transition.noisy_shares(*transition.transition(triples, k))

    @property
    def doubt(self) -> Array:
        """(n,) 0..1, 1 - pooled probability of the given label; several classes are drawn into one score."""
        if self.multi:
            return 1 - confident.multi_self_confidence(self.data.targets, self.pooled)
        return 1 - confident.self_confidence(self.data.labels, self.pooled)


def judgeable(data: Dataset) -> Array:
    """(n,) bool, whether a sample can bear witness or be judged: it has a label, of whole classes, and no step made it.

    A made sample has its parent's label and looks, so it would only repeat the parent; and a learner that saw the
    parent is no witness about it."""
    labelled = ~np.asarray(data.table.column("classes").combine_chunks().is_null())
    whole = np.isin(data.targets, (0, 1)).all(axis=1)
    return labelled & whole & ~data.made


def hear(data: Dataset, signals: Signals, *, neighbors: int, splits: tuple[str, ...]) -> Opinions:
    """What the signals say about the judgeable samples of these splits.

    Raises StepError where the probabilities do not cover the judged samples.
    """
    able = data.where(judgeable(data))
    judged = np.isin(able.splits, splits)
    part = able.where(judged)
    p = signals["probabilities"].rows(part.ids).astype(np.float64)
    votes, names, carried = {}, {}, {}
    for space, found in ballots_of(able, signals, neighbors).items():
        votes[space] = Votes(found.shares[judged], found.neighbors[judged], found.weights[judged])
        who = votes[space].neighbors
        names[space] = np.where(who >= 0, able.ids[who], "")
        carried[space] = np.where(who >= 0, able.labels[who], -1)
    heard = [p, *(each.shares for each in votes.values())]
    q, _ = multi_pooled(heard, part.targets) if data.schema.task == "multi-label" else pooled(heard, part.labels)
    return Opinions(part, p, votes, names, carried, q)


def ballots_of(data: Dataset, signals: Signals, neighbors: int) -> dict[str, Votes]:
    """Space -> votes about every row of the data; spaces that do not cover the data are left out."""
    contents = data.table.column("content").to_numpy(zero_copy_only=False).astype(str)
    found = {}
    for space in SPACES:
        if space in set(signals) and signals[space].covers(data.ids):
            rows = signals[space].rows(data.ids)
            parts = _one_space(data, signals, neighbors) if space == "features" else np.zeros(len(data), np.int64)
            found[space] = _within(parts, rows, data.targets, neighbors, contents)
    return found


_VOTERS = 2
"""Times as many samples of a class as votes are cast must lie in a fold for it to vote by itself."""


def _one_space(data: Dataset, signals: Signals, neighbors: int) -> Array:
    """(n,) int, the parts within which features are of one network: its fold, where that is large enough, else all.

    Networks agree up to a turn, and not quite; and those that saw a sample put it where its label says.
    """
    if "fold" not in signals or not signals["fold"].covers(data.ids):
        return np.zeros(len(data), np.int64)
    fold = signals["fold"].rows(data.ids)
    smallest = np.unique(fold, return_counts=True)[1].min(initial=len(fold))
    large = smallest >= _VOTERS * neighbors * max(len(data.schema.classes), 1)
    return fold if large else np.zeros(len(fold), np.int64)


def _within(parts: Array, rows: Array, targets: Array, neighbors: int, contents: Array) -> Votes:
    """Votes of the neighbours within each part, as rows of the whole."""
    shares, who = np.zeros(targets.shape), np.full((len(rows), neighbors), -1)
    weights = np.zeros((len(rows), neighbors))
    for part in np.unique(parts):
        own = np.flatnonzero(parts == part)
        votes = neighbor_votes(rows[own], targets[own], neighbors=neighbors, contents=contents[own])
        shares[own], weights[own] = votes.shares, votes.weights
        who[own] = np.where(votes.neighbors >= 0, own[votes.neighbors], -1)
    return Votes(shares, who, weights)
