"""The check of made texts: are they still known for what they shall be, and are they written as real ones are?

Asked is a witness that saw none of the texts a made one comes from. The measure is the real texts themselves, as the same
witness answers about them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tilth.numerics.made_check import faintest
from tilth.numerics.text_linear import fitted_texts
from tilth.numerics.text_witness import Models, Witness, folds_of, unseen

Array = npt.NDArray[Any]

FOLDS = 3
"""Models: each sees two thirds of the real texts."""

_LEAST = 2 * FOLDS  # real texts of a class, under which nobody can say what it looks like
_LEVELS = 1_000  # real texts that tell what is usual: the share of 1 % is then known to a third of its size
_USUAL = 0.99  # share of the real texts that are written less strangely than the bound
_STRANGE = 0.5  # the bound at least: a text with a new name in it is no gibberish, though real ones be all alike
_FEWEST = 10  # real texts under which nobody can say what is strange
_STRENGTH = 0.3  # of the models: not searched for, the check must be quick
_PIECE = (3, 4)  # letters of the pieces by which writing is compared


@dataclass(frozen=True)
class Checked:
    """What the check says of one made text.

    passed       whether it may come in
    probability  of its label (the least of several), by who saw none of its parents; NaN where too few real texts of its
                 class are known to say
    strange      share of its pieces of three and four letters that no real text has
    why          one sentence where it did not pass, else empty
    """

    passed: bool
    probability: float
    strange: float
    why: str

    @property
    def evidence(self) -> dict[str, float]:
        """The numbers that are known, for the edit that brings the text in."""
        both = {"probability": self.probability, "strange": self.strange}
        return {name: value for name, value in both.items() if not np.isnan(value)}


UNCHECKED = Checked(True, float("nan"), float("nan"), "")
"""Where no check is asked for."""


@dataclass
class TextCheck:
    """What real texts measure up to.

    witness  None where there is nothing to learn
    real     the texts by their keys, (n, k) labels and rows
    faint    probability of the label under which a text whose parents are answered right has left its class
    weakest  the same for any text
    fold     real text's key -> its fold
    pieces   per fold the pieces of the texts outside of it, (2^18,) bool
    usual    share of strange pieces that all but 1 % of the real texts keep under, at least a half
    judged   (k,) bool, classes of which enough is known
    right    real text's key -> whether the witness answers it right, as far as it was asked
    """

    witness: Witness | None
    real: Mapping[str, tuple[str, Array]]
    faint: float
    weakest: float
    fold: Mapping[str, int]
    pieces: Array
    usual: float
    judged: Array
    multi: bool
    right: dict[str, bool] = field(default_factory=dict[str, bool])

    def of(self, texts: Sequence[str], targets: Array, parents: Sequence[Sequence[str]]) -> list[Checked]:
        """What it says of made texts, with labels (b, k) 0..1, made from the real texts of these keys (none, often)."""
        if not len(texts):
            return []
        own, best = self._answers(texts, targets > 0, parents)
        strange = self._strangeness(texts, parents)
        sound = self._sound(parents, np.flatnonzero(own < max(self.faint, self.weakest)))
        return [self._verdict(own[at], best[at], strange[at], sound[at]) for at in range(len(texts))]

    def _answers(self, texts: Sequence[str], given: Array, parents: Sequence[Sequence[str]]) -> tuple[Array, Array]:
        """(b,) probability of the label, NaN where nobody can say; (b,) int of a class that is said with more, or -1."""
        own, best = np.full(len(texts), np.nan), np.full(len(texts), -1)
        known = (self.judged | ~given).all(axis=1) & given.any(axis=1)
        if self.witness is None or not known.any():
            return own, best
        said = self.witness.answers(texts, parents)
        own = np.where(known, own_of(said, given, multi=self.multi), np.nan)
        top = said.argmax(axis=1)
        return own, np.where(given[np.arange(len(top)), top], -1, top)

    def _strangeness(self, texts: Sequence[str], parents: Sequence[Sequence[str]]) -> Array:
        found = _pieces(texts)
        total = np.maximum(np.asarray(found.sum(axis=1)).ravel(), 1)
        counts = np.stack([found @ ~known for known in self.pieces], axis=1)  # (b, folds) pieces not known
        outside = np.stack([unseen(keys, self.fold, len(self.pieces)) for keys in parents])
        return np.where(outside, counts, np.inf).min(axis=1) / total

    def _sound(self, parents: Sequence[Sequence[str]], asked: Array) -> Array:
        """(b,) bool: whether a text of these `asked` rows has no real parent, or one that is known for its own label."""
        mine = [[key for key in keys if key in self.real] for keys in parents]
        wanted = sorted({key for row in asked.tolist() for key in mine[row]} - self.right.keys())
        if wanted and self.witness is not None:
            targets = np.stack([self.real[key][1] for key in wanted])
            said = self.witness.answers([self.real[key][0] for key in wanted], [(key,) for key in wanted])
            self.right.update(zip(wanted, answered_right(said, targets > 0, multi=self.multi).tolist(), strict=True))
        return np.array([not keys or any(self.right.get(key, False) for key in keys) for keys in mine])

    def _verdict(self, own: float, best: int, strange: float, sound: bool) -> Checked:
        lost = own < (self.faint if sound else self.weakest) and (self.multi or best >= 0)
        odd = strange > self.usual
        why = ""
        if lost:
            why = f"for its label it is taken with a probability of {own:.2%} alone"
        elif odd:
            why = f"{strange:.0%} of its pieces of words stand in no real text; of real ones it is {self.usual:.0%} at most"
        return Checked(not lost and not odd, round(float(own), 4), round(float(strange), 4), why)


def text_check(
    texts: Sequence[str], targets: Array, keys: Sequence[str], *, multi: bool, seed: int, witness: Witness | None = None
) -> TextCheck:
    """The check by these real texts.

    targets  (n, k) 0..1
    keys     their names, by which parents are told
    witness  who is asked; default: linear models of words and pieces, one for each fold that does not see it
    """
    given = targets > 0
    parts = folds_of(texts, targets, folds=FOLDS, seed=seed)
    fold = dict(zip(keys, parts.tolist(), strict=True))
    judged = np.stack([given[parts == part].any(axis=0) for part in range(FOLDS)]).all(axis=0)
    judged &= given.sum(axis=0) >= _LEAST
    pieces, usual = _writing(texts, parts)
    real = dict(zip(keys, zip(texts, targets, strict=True), strict=True))
    if judged.sum() < (1 if multi else 2):
        return TextCheck(None, real, 0.0, 0.0, fold, pieces, usual, judged, multi)
    asked = Models(linear_models(texts, targets, parts, multi=multi), fold) if witness is None else witness
    rows = np.arange(0, len(texts), max(1, len(texts) // _LEVELS))
    said = asked.answers([texts[row] for row in rows.tolist()], [(keys[row],) for row in rows.tolist()])
    own, right = own_of(said, given[rows], multi=multi), answered_right(said, given[rows], multi=multi)
    known = {keys[row]: bool(its) for row, its in zip(rows.tolist(), right, strict=True)}
    return TextCheck(asked, real, faintest(own[right]), faintest(own), fold, pieces, usual, judged, multi, known)


def linear_models(texts: Sequence[str], targets: Array, parts: Array, *, multi: bool) -> tuple[Any, ...]:
    """One a fold, taught on the texts of the others."""
    models = []
    for part in range(FOLDS):
        rest = [text for text, its in zip(texts, parts.tolist(), strict=True) if its != part]
        fitted = fitted_texts(rest, targets[parts != part], multi=multi, strength=_STRENGTH)
        models.append(fitted.probabilities)
    return tuple(models)


def own_of(said: Array, given: Array, *, multi: bool) -> Array:
    """(n,) what is said for the label: the least of several; of one class its own."""
    if multi:
        return np.where(given, said, np.inf).min(axis=1, initial=1.0)
    return np.where(given, said, 0).sum(axis=1)


def answered_right(said: Array, given: Array, *, multi: bool) -> Array:
    """(n,) bool, whether the label is what is answered; of several labels, whether each is more probable than not."""
    if multi:
        return own_of(said, given, multi=True) >= 0.5
    return given[np.arange(len(said)), said.argmax(axis=1)]


def _writing(texts: Sequence[str], parts: Array) -> tuple[Array, float]:
    """(folds, 2^18) bool, pieces of the texts outside of each fold; and the share of strange ones that is usual."""
    pieces = _pieces(texts)
    known = np.stack([np.asarray(pieces[parts != part].sum(axis=0)).ravel() > 0 for part in range(FOLDS)])
    if len(texts) < _FEWEST:
        return known, 1.0
    total = np.maximum(np.asarray(pieces.sum(axis=1)).ravel(), 1)
    strange = np.stack([pieces @ ~one for one in known], axis=1)[np.arange(len(texts)), parts] / total
    return known, max(float(np.quantile(strange, _USUAL)), _STRANGE)


def _pieces(texts: Sequence[str]) -> Any:
    """(n, 2^18) bool sparse: the pieces of three and four letters within words, by their hash."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer

    if not len(texts):
        return csr_matrix((0, 2**18), dtype=np.float32)
    settings: Any = {"analyzer": "char_wb", "ngram_range": _PIECE, "n_features": 2**18, "binary": True, "norm": None}
    reader = HashingVectorizer(alternate_sign=False, dtype=np.float32, **settings)  # pyright: ignore[reportArgumentType]
    return reader.transform(texts)
