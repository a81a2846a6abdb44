"""Who can say what a text is about and saw none of the texts that it was made from: models of folds, or real texts near it.

Texts are named by keys, so that what a text was made from can be told. Who is asked about a text leaves out the texts with
the keys it came from, and what is the same as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tilth.numerics.folds import fold_of
from tilth.numerics.pieces import PieceCounter

Array = npt.NDArray[Any]
Model = Callable[[Sequence[str]], Array]
"""Texts -> (b, k) probabilities."""

NEIGHBORS = 5
"""Real texts that are asked: the usual number; with ten texts a class more would reach into other classes."""

_COMMON = 50  # texts that letters may always come in
_BLOCK = 512  # texts whose likeness to all real ones is held at once


class Witness(Protocol):
    def answers(self, texts: Sequence[str], parents: Sequence[Sequence[str]]) -> Array:
        """(b, k) probabilities of the classes of texts that were made from the real ones with these keys (none, often)."""
        ...


# -- models ---------------------------------------------------------------------------------------------------


def folds_of(texts: Sequence[str], targets: Array, *, folds: int, seed: int) -> Array:
    """(n,) int, the fold of each text; equal texts lie in one, and every fold has about as much of each class."""
    _, group = np.unique(np.asarray(texts, dtype=object).astype(str), return_inverse=True)
    content = np.column_stack([targets > 0, np.ones(len(targets))])
    return fold_of(group.ravel(), content, folds=folds, seed=seed)


@dataclass(frozen=True)
class Models:
    """Models, each taught on all real texts but those of its fold.

    each  one a fold
    fold  real text's key -> its fold
    """

    each: tuple[Model, ...]
    fold: Mapping[str, int]

    def answers(self, texts: Sequence[str], parents: Sequence[Sequence[str]]) -> Array:
        """The mean of the models that saw none of the parents; where all saw some, of those that saw fewest."""
        weights = np.stack([unseen(keys, self.fold, len(self.each)) for keys in parents]).astype(float)
        weights /= weights.sum(axis=1, keepdims=True)
        found = None
        for at, model in enumerate(self.each):
            asked = np.flatnonzero(weights[:, at])
            if len(asked):
                said = model([texts[row] for row in asked.tolist()])
                found = np.zeros((len(texts), said.shape[1])) if found is None else found
                found[asked] += said * weights[asked, at][:, None]
        assert found is not None
        return found


def unseen(keys: Sequence[str], fold: Mapping[str, int], folds: int) -> Array:
    """(folds,) bool, the folds' models that saw none of these texts; those that saw fewest where there is none."""
    inside = np.bincount([fold[key] for key in keys if key in fold], minlength=folds)
    return inside == inside.max()


# -- neighbours -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Neighborhood:
    """Real texts as weighed counts of three and four letters; likeness is the cosine.

    table   (letters, n) sparse
    copies  for each text the rows of those that are the same but for capitals
    row     real text's key -> its row
    """

    counter: PieceCounter
    table: Any
    targets: Array
    copies: tuple[Array, ...]
    row: Mapping[str, int]

    @classmethod
    def of(cls, texts: Sequence[str], targets: Array, keys: Sequence[str]) -> Neighborhood:
        # What is in a twentieth of the texts tells none apart, and costs most of the time.
        common = max(_COMMON, len(texts) // 20)
        some = [*texts, "----"]  # never an empty vocabulary
        counter, weighed = PieceCounter.learned(some, (3, 4), common=min(common, len(texts)))
        weighed = weighed[: len(texts)]
        _, group = np.unique([text.lower() for text in texts], return_inverse=True)
        members = [np.flatnonzero(group == one) for one in range(group.max() + 1)]
        copies = tuple(members[one] for one in group.tolist())
        return cls(counter, weighed.T.tocsr(), targets, copies, {key: row for row, key in enumerate(keys)})

    def answers(self, texts: Sequence[str], parents: Sequence[Sequence[str]]) -> Array:
        """The vote of the nearest, each by its likeness; parents and their copies have none."""
        chances = np.zeros((len(texts), self.targets.shape[1]))
        for start in range(0, len(texts), _BLOCK):
            part = slice(start, start + _BLOCK)
            likeness = (self.counter.transform(texts[part]) @ self.table).toarray()
            for at, keys in enumerate(parents[part]):
                for key in keys:
                    if key in self.row:
                        likeness[at, self.copies[self.row[key]]] = -1
            chances[part] = self._voted(likeness)
        return chances

    def _voted(self, likeness: Array) -> Array:
        count = min(NEIGHBORS, likeness.shape[1])
        near = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        votes = np.maximum(np.take_along_axis(likeness, near, 1), 1e-6)
        return (votes[:, :, None] * self.targets[near]).sum(1) / votes.sum(1, keepdims=True)
