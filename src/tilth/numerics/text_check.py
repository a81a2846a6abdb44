"""The check of made texts: are they still known for what they shall be, and are they written as real ones are?

Asked is a model that saw none of the texts a made one comes from. The measure is the real texts themselves, as models
answer that never saw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.made_check import faintest
from tilth.numerics.text_linear import TextClassifier, fitted_texts

Array = npt.NDArray[Any]

_FOLDS = 3  # models: each sees two thirds of the real texts
_LEAST = 2 * _FOLDS  # real texts of a class, under which nobody can say what it looks like
_USUAL = 0.99  # share of the real texts that are written less strangely than the bound
_STRANGE = 0.5  # the bound at least: a text with a new name in it is no gibberish, though real ones be all alike
_STRENGTH = 0.3  # of the models: not searched for, the check must be quick
_PIECE = (3, 4)  # letters of the pieces by which writing is compared


@dataclass(frozen=True)
class Checked:
    """What the check says of one made text.

    passed       whether it may come in
    probability  of its label (the least of several), by models that saw none of its parents; NaN where too few real texts
                 of its class are known to say
    strange      share of its pieces of three and four letters that no real text has
    why          one sentence where it did not pass, else empty
    """

    passed: bool
    probability: float
    strange: float
    why: str


@dataclass(frozen=True)
class TextCheck:
    """What real texts measure up to.

    models   one a fold, which did not see the texts of it; none where there is nothing to learn
    fold     real text's key -> its fold
    right    keys of the real texts that are answered right
    faint    probability of the label under which a text whose parents are answered right has left its class
    weakest  the same for any text
    usual    share of strange pieces that all but 1 % of the real texts keep under, at least a half
    pieces   per fold the pieces of the texts outside of it, (2^18,) bool
    judged   (k,) bool, classes of which enough is known
    """

    models: tuple[TextClassifier, ...]
    fold: dict[str, int]
    right: frozenset[str]
    faint: float
    weakest: float
    usual: float
    pieces: Array
    judged: Array
    multi: bool

    def of(self, texts: Sequence[str], targets: Array, parents: Sequence[Sequence[str]]) -> list[Checked]:
        """What it says of made texts, with labels (b, k) 0..1, made from the real texts of these keys (none, often)."""
        if not len(texts):
            return []
        unseen = np.stack([self._unseen(keys) for keys in parents])  # (b, folds)
        own, best = self._answers(texts, targets > 0, unseen)
        strange = self._strangeness(texts, unseen)
        return [self._verdict(own[at], best[at], strange[at], parents[at]) for at in range(len(texts))]

    def _unseen(self, keys: Sequence[str]) -> Array:
        """(folds,) bool, the models that saw none of these texts; those that saw fewest where there is none."""
        counts = np.bincount([self.fold[key] for key in keys if key in self.fold], minlength=len(self.pieces))
        return counts == counts.max()

    def _answers(self, texts: Sequence[str], given: Array, unseen: Array) -> tuple[Array, Array]:
        """(b,) probability of the label, NaN where nobody can say; (b,) int of a class that is said with more, or -1."""
        own, best = np.full(len(texts), np.nan), np.full(len(texts), -1)
        known = (self.judged | ~given).all(axis=1) & given.any(axis=1)
        if not self.models or not known.any():
            return own, best
        weights = unseen / unseen.sum(axis=1, keepdims=True)
        each = [model.probabilities(texts) * weights[:, [at]] for at, model in enumerate(self.models)]
        said = np.sum(each, axis=0)
        own = np.where(known, _own(said, given, multi=self.multi), np.nan)
        top = said.argmax(axis=1)
        best = np.where(given[np.arange(len(top)), top], -1, top)
        return own, best

    def _strangeness(self, texts: Sequence[str], unseen: Array) -> Array:
        found = _pieces(texts)
        total = np.maximum(np.asarray(found.sum(axis=1)).ravel(), 1)
        counts = np.stack([found @ ~known for known in self.pieces], axis=1)  # (b, folds) pieces not known
        return np.where(unseen, counts, np.inf).min(axis=1) / total

    def _verdict(self, own: float, best: int, strange: float, parents: Sequence[str]) -> Checked:
        sound = not parents or any(key in self.right for key in parents)
        lost = own < (self.faint if sound else self.weakest) and (self.multi or best >= 0)
        odd = strange > self.usual
        why = ""
        if lost:
            why = f"for its label it is taken with a probability of {own:.2%} alone"
        elif odd:
            why = f"{strange:.0%} of its pieces of words stand in no real text; of real ones it is {self.usual:.0%} at most"
        return Checked(not lost and not odd, round(float(own), 4), round(float(strange), 4), why)


def text_check(texts: Sequence[str], targets: Array, keys: Sequence[str], *, multi: bool, seed: int) -> TextCheck:
    """The check by these real texts.

    targets  (n, k) 0..1
    keys     their names, by which parents are told
    """
    parts = _parts(texts, seed)
    given = targets > 0
    judged = np.stack([given[parts == part].any(axis=0) for part in range(_FOLDS)]).all(axis=0)
    judged &= given.sum(axis=0) >= _LEAST
    pieces = _pieces(texts)
    known = np.stack([np.asarray(pieces[parts != part].sum(axis=0)).ravel() > 0 for part in range(_FOLDS)])
    total = np.maximum(np.asarray(pieces.sum(axis=1)).ravel(), 1)
    strange = np.stack([pieces @ ~one for one in known], axis=1)[np.arange(len(texts)), parts] / total
    usual = max(float(np.quantile(strange, _USUAL)), _STRANGE) if len(texts) else 1.0
    fold = dict(zip(keys, parts.tolist(), strict=True))
    if judged.sum() < (1 if multi else 2):
        return TextCheck((), fold, frozenset(), 0.0, 0.0, usual, known, judged, multi)
    models, said = [], np.zeros(targets.shape)
    for part in range(_FOLDS):
        rest = [text for text, its in zip(texts, parts.tolist(), strict=True) if its != part]
        models.append(fitted_texts(rest, targets[parts != part], multi=multi, strength=_STRENGTH))
        held = [text for text, its in zip(texts, parts.tolist(), strict=True) if its == part]
        said[parts == part] = models[-1].probabilities(held)
    own = _own(said, given, multi=multi)
    right = (own >= 0.5) if multi else given[np.arange(len(said)), said.argmax(axis=1)]
    sure = frozenset(key for key, its in zip(keys, right.tolist(), strict=True) if its)
    return TextCheck(tuple(models), fold, sure, faintest(own[right]), faintest(own), usual, known, judged, multi)


def _own(said: Array, given: Array, *, multi: bool) -> Array:
    """(n,) what is said for the label: the least of several; of one class its own."""
    if multi:
        return np.where(given, said, np.inf).min(axis=1, initial=1.0)
    return np.where(given, said, 0).sum(axis=1)


def _parts(texts: Sequence[str], seed: int) -> Array:
    """(n,) int, the fold of each text; equal texts lie in one."""
    _, group = np.unique(np.asarray(texts, dtype=object).astype(str), return_inverse=True)
    turn = np.random.default_rng(seed).permutation(int(group.max(initial=0)) + 1)
    return turn[group.ravel()] % _FOLDS


def _pieces(texts: Sequence[str]) -> Any:
    """(n, 2^18) bool sparse: the pieces of three and four letters within words, by their hash."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer

    if not len(texts):
        return csr_matrix((0, 2**18), dtype=np.float32)
    settings: Any = {"analyzer": "char_wb", "ngram_range": _PIECE, "n_features": 2**18, "binary": True, "norm": None}
    reader = HashingVectorizer(alternate_sign=False, dtype=np.float32, **settings)  # pyright: ignore[reportArgumentType]
    return reader.transform(texts)
