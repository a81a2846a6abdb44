"""The check of made texts: is it still known for what it shall be, and does it lie where real texts lie?

Asked are witnesses that do not know the parent: the real texts nearest by their letters, without the parent and its
copies, or learners of the folds that the parent was not in. The measure is what the same witnesses say of real texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics.folds import fold_of
from tilth.numerics.made_check import faintest
from tilth.sample import Sample
from tilth.signal import Array
from tilth.steps import Run

NEIGHBORS = 5
"""Real texts that are asked: the usual number; with ten texts a class more would reach into other classes."""

_LEVELS = 1_000  # real texts that tell what is usual: the share of 1 % is then known to a third of its size
_COMMON = 50  # texts that letters may always come in
_FOLDS = 3
_BLOCK = 512  # texts whose likeness to all real ones is held at once


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text may come in, and the evidence that goes with it where it does."""

    kept: bool
    evidence: Mapping[str, float]


class Witness(Protocol):
    def answers(self, texts: list[str], rows: Array) -> tuple[Array, Array]:
        """(b, k) probabilities of the classes, and (b,) distance to the nearest real text, for texts that were made from
        the real ones in these rows; -1 for one that is made from none."""
        ...


@dataclass
class TextCheck:
    """What real texts measure up to.

    targets   (n, k) labels of the real texts
    multi     whether a text may have several
    faintest  the probability of its label that all but 1 % of the real texts that are answered right reach
    far       the largest distance of a real text to its nearest
    """

    witness: Witness
    texts: list[str]
    targets: Array
    multi: bool
    faintest: float
    far: float
    _sound: dict[int, bool] = field(default_factory=dict[int, bool])

    def of(self, texts: list[str], targets: Array, rows: Array) -> list[Verdict]:
        """What it says of made texts with these labels (b, k), made from the real ones in these rows (b,).

        A text has lost its label where its parent is known for the label, it is not, and its probability is fainter than
        that of hardly any real text.
        """
        if not len(texts):
            return []
        chances, distances = self.witness.answers(texts, rows)
        own, right = said_of(chances, targets, multi=self.multi)
        lost = ~right & (own < self.faintest)
        lost[lost] = self._sounds(rows[lost])
        shares = distances / max(self.far, 1e-9)
        return [
            Verdict(
                not lost[at] and shares[at] <= 1,
                {"probability": round(float(own[at]), 4), "distance": round(float(shares[at]), 4)},
            )
            for at in range(len(texts))
        ]

    def _sounds(self, rows: Array) -> Array:
        """(b,) bool: whether each parent is known for its own label."""
        new = np.array(sorted({row for row in rows.tolist() if row >= 0} - set(self._sound)), dtype=np.int64)
        if len(new):
            chances, _ = self.witness.answers([self.texts[row] for row in new.tolist()], new)
            _, right = said_of(chances, self.targets[new], multi=self.multi)
            self._sound.update(zip(new.tolist(), right.tolist(), strict=True))
        return np.array([self._sound.get(row, False) for row in rows.tolist()], dtype=bool)


def said_of(chances: Array, targets: Array, *, multi: bool) -> tuple[Array, Array]:
    """(n,) probability of the label, with several of the faintest of them, and whether it is what is answered."""
    if multi:
        own = np.where(targets > 0, chances, np.inf).min(axis=1)
        return own, own >= 0.5
    label = targets.argmax(axis=1)
    return chances[np.arange(len(chances)), label], chances.argmax(axis=1) == label


def text_check(real: Dataset, how: str, learner: str, run: Run) -> TextCheck | None:
    """The check by these real labelled texts; None where they are too few to tell anything.

    how      `neighbors` or `learner`
    learner  name of the learner that is then cross-fitted
    """
    texts, targets = run.texts(real), real.targets.astype(np.float32)
    if len(real) < 2 * NEIGHBORS or not any(text.strip() for text in texts):
        return None
    witness = Neighborhood.of(texts, targets) if how == "neighbors" else Jury.of(real, learner, run)
    rows = np.arange(0, len(real), max(1, len(real) // _LEVELS))
    chances, distances = witness.answers([texts[row] for row in rows.tolist()], rows)
    multi = real.schema.task == "multi-label"
    own, right = said_of(chances, targets[rows], multi=multi)
    return TextCheck(witness, texts, targets, multi, faintest(own[right]), float(distances.max(initial=0)))


# -- neighbours -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Neighborhood:
    """Real texts as weighed counts of three and four letters; likeness is the cosine.

    table   (letters, n) sparse
    copies  for each text the rows of those that are the same but for capitals
    """

    counter: Any
    table: Any
    targets: Array
    copies: tuple[Array, ...]

    @classmethod
    def of(cls, texts: Sequence[str], targets: Array) -> Neighborhood:
        from sklearn.feature_extraction.text import TfidfVectorizer

        # What is in a twentieth of the texts tells none apart, and costs most of the time.
        common = max(_COMMON, len(texts) // 20)
        counter = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=(3, 4),
            max_df=min(common, len(texts)),
            sublinear_tf=True,
            dtype=np.float32,  # pyright: ignore[reportArgumentType]
        )
        weighed: Any = counter.fit_transform([*texts, "----"])[: len(texts)]  # never an empty vocabulary
        _, group = np.unique([text.lower() for text in texts], return_inverse=True)
        members = [np.flatnonzero(group == one) for one in range(group.max() + 1)]
        return cls(counter, weighed.T.tocsr(), targets, tuple(members[one] for one in group.tolist()))

    def answers(self, texts: list[str], rows: Array) -> tuple[Array, Array]:
        """The vote of the nearest, each by its likeness."""
        chances = np.zeros((len(texts), self.targets.shape[1]), np.float32)
        distances = np.zeros(len(texts), np.float32)
        for start in range(0, len(texts), _BLOCK):
            part = slice(start, start + _BLOCK)
            likeness = (self.counter.transform(texts[part]) @ self.table).toarray()
            for at, row in enumerate(rows[part].tolist()):
                if row >= 0:
                    likeness[at, self.copies[row]] = -1
            chances[part], distances[part] = self._voted(likeness)
        return chances, distances

    def _voted(self, likeness: Array) -> tuple[Array, Array]:
        count = min(NEIGHBORS, likeness.shape[1])
        near = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        votes = np.maximum(np.take_along_axis(likeness, near, 1), 1e-6)
        found = (votes[:, :, None] * self.targets[near]).sum(1) / votes.sum(1, keepdims=True)
        return found, np.sqrt(np.maximum(2 - 2 * votes.max(axis=1), 0))


# -- learners -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Jury:
    """Learners, each taught on all real texts but those of its part."""

    models: tuple[Any, ...]
    parts: Array
    schema: Schema
    run: Run

    @classmethod
    def of(cls, real: Dataset, learner: str, run: Run) -> Jury:
        _, groups = np.unique(real.table.column("content").to_pylist(), return_inverse=True)
        wanted = np.concatenate([real.targets, np.ones((len(real), 1), np.float32)], axis=1)
        parts = fold_of(groups.reshape(-1), wanted, folds=_FOLDS, seed=run.seed)
        teacher = run.step(learner)
        models = (
            teacher.fit(real.where(parts != one), None, run, seed=run.seed) for one in range(int(parts.max()) + 1)
        )
        return cls(tuple(models), parts, real.schema, run)

    def answers(self, texts: list[str], rows: Array) -> tuple[Array, Array]:
        """The answer of the one that did not see the parent; how far a text lies is not known."""
        chances = np.zeros((len(texts), len(self.schema.classes)), np.float32)
        mine = np.where(rows >= 0, self.parts[np.maximum(rows, 0)], 0)
        for part in np.unique(mine).tolist():
            at = np.flatnonzero(mine == part)
            chances[at] = self.models[part].predict(
                _dataset([texts[one] for one in at.tolist()], self.schema), self.run
            )
        return chances, np.zeros(len(texts), np.float32)


def _dataset(texts: Sequence[str], schema: Schema) -> Dataset:
    """The texts as samples without labels, in their order."""
    samples = []
    for number, text in enumerate(texts):
        content, path = digest_bytes(text.encode()), f"{number:08}"
        samples.append(Sample(f"{number:016}", content, path, None, home="text", text=text))
    return Dataset.from_samples(samples, schema)
