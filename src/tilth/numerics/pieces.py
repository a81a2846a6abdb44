"""Pieces of words, counted and weighed by how rare they are.

The same table as that of scikit-learn's `TfidfVectorizer(analyzer="char_wb", sublinear_tf=True)`, but for which of equally
frequent pieces are left out where there are too many. That one cuts up every word of every text in Python. Here each word is
cut up once, all words at a time, and the counts of the texts are a product: words of texts times pieces of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PieceCounter:
    """Counts pieces of words: so many letters in a row, with a space for either end of the word.

    letters   the shortest and the longest piece; a word that is shorter than the shortest is a piece itself
    spelling  the pieces that count, and those that they begin with
    column    (pieces of the spelling,) int32, where each is counted; -1: it is not
    weigh     scikit-learn's TfidfTransformer
    """

    letters: tuple[int, int]
    spelling: Spelling
    column: Array
    weigh: Any

    @classmethod
    def learned(
        cls,
        texts: Sequence[str],
        letters: tuple[int, int],
        *,
        least: int = 1,
        common: int | None = None,
        most: int | None = None,
    ) -> tuple[PieceCounter, Any]:
        """A counter of the pieces of these texts; and (n, pieces) sparse float32, rows of length 1 or of nothing, pieces in
        the order of the alphabet.

        least   texts that a piece must come in to count
        common  texts that it may come in; None: any number
        most    pieces that count, the most frequent; of equally frequent ones the first in the alphabet; None: all

        Raises ValueError where no piece counts.
        """
        from sklearn.feature_extraction.text import TfidfTransformer

        words, held = _words(texts)
        cut = Letters.of(words)
        every = Spelling.learned(cut, letters[1])
        rows, pieces = _places(every, cut, letters[0])
        counts = held @ _table(rows, pieces, shape=(len(words), every.size))
        ranked = every.alphabetical()
        stay = ranked[_counting(counts, ranked, least, common, most)]
        if not len(stay):
            raise ValueError("no piece of a word comes in as many texts as asked")
        column = np.full(every.size, -1, np.int32)
        column[stay] = np.arange(len(stay))
        spelling, kept = every.pruned(column >= 0)
        made = cls(letters, spelling, column[kept], TfidfTransformer(sublinear_tf=True))
        return made, made.weigh.fit_transform(_counts(held, rows, column[pieces], len(stay)))

    def transform(self, texts: Sequence[str]) -> Any:
        """(n, pieces) sparse float32, rows of length 1 or of nothing; pieces that were not learned do not count."""
        words, held = _words(texts)
        rows, pieces = _places(self.spelling, Letters.of(words), self.letters[0])
        return self.weigh.transform(_counts(held, rows, self.column[pieces], int(self.column.max()) + 1))


@dataclass(frozen=True)
class Letters:
    """Words one after the other, each between two spaces.

    codes    (l,) int32 code points
    word     (l,) int32, the word of each
    room     (l,) int32, letters from here to the end of the word, this one included
    lengths  (words,) int32
    """

    codes: Array
    word: Array
    room: Array
    lengths: Array

    @classmethod
    def of(cls, words: Sequence[str]) -> Letters:
        lengths = np.fromiter((len(word) + 2 for word in words), np.int32, count=len(words))
        row = "".join(f" {word} " for word in words).encode("utf-32-le", "surrogatepass")
        word = np.repeat(np.arange(len(words), dtype=np.int32), lengths)
        room = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(word))
        return cls(np.frombuffer(row, np.int32), word, room.astype(np.int32), lengths)


@dataclass(frozen=True)
class Spelling:
    """Numbers for pieces of words, the shortest first; a piece is a shorter one and a letter more.

    alphabet  letters that were seen, ascending
    longer    for each length from 2 the pieces that were seen, ascending: number of the shorter one * letters + last letter
    """

    alphabet: Array
    longer: tuple[Array, ...]

    @classmethod
    def learned(cls, letters: Letters, longest: int) -> Spelling:
        alphabet = np.unique(letters.codes)
        last = np.searchsorted(alphabet, letters.codes)
        longer: list[Array] = []
        at, number = np.arange(len(last)), last
        for length in range(2, longest + 1):
            goes_on = letters.room[at] >= length
            at = at[goes_on]
            keys, number = np.unique(number[goes_on] * len(alphabet) + last[at + length - 1], return_inverse=True)
            longer.append(keys)
        return cls(alphabet, tuple(longer))

    @property
    def size(self) -> int:
        return len(self.alphabet) + sum(map(len, self.longer))

    def read(self, letters: Letters) -> Iterator[tuple[int, Array, Array]]:
        """For each length the places where a piece that was seen begins, and its number among all."""
        last = np.searchsorted(self.alphabet, letters.codes)
        last[last == len(self.alphabet)] = -1
        last[(last >= 0) & (self.alphabet[last] != letters.codes)] = -1
        at = np.flatnonzero(last >= 0)
        number, before = last[at], 0
        yield 1, at, number
        for length, keys in enumerate(self.longer, start=2):
            before += len(self.longer[length - 3]) if length > 2 else len(self.alphabet)
            goes_on = letters.room[at] >= length
            at, number = at[goes_on], number[goes_on]
            after = last[at + length - 1]
            asked = number * len(self.alphabet) + after
            found = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
            seen = (after >= 0) & (keys[found] == asked) if len(keys) else np.zeros(len(at), bool)
            at, number = at[seen], found[seen]
            yield length, at, number + before

    def pruned(self, wanted: Array) -> tuple[Spelling, Array]:
        """These pieces, what they begin with and all letters, numbered anew; and the numbers that they had.

        wanted  (pieces,) bool
        """
        stay = wanted.copy()
        ends = np.cumsum([len(self.alphabet), *map(len, self.longer)])
        starts = [0, *ends[:-1].tolist()]
        for level in range(len(self.longer), 0, -1):
            asked = np.flatnonzero(stay[starts[level] : ends[level]])
            stay[starts[level - 1] + self.longer[level - 1][asked] // len(self.alphabet)] = True
        stay[: len(self.alphabet)] = True
        longer: list[Array] = []
        for level, keys in enumerate(self.longer, start=1):
            anew = np.cumsum(stay[starts[level - 1] : ends[level - 1]]) - 1
            begun, last = np.divmod(keys[stay[starts[level] : ends[level]]], len(self.alphabet))
            longer.append(anew[begun] * len(self.alphabet) + last)
        return Spelling(self.alphabet, tuple(longer)), np.flatnonzero(stay)

    def alphabetical(self) -> Array:
        """(pieces,) their numbers in the order of the alphabet, a shorter one before what begins with it."""
        spelled = np.full((self.size, 1 + len(self.longer)), -1, np.int32)
        shorter, start = slice(0, len(self.alphabet)), len(self.alphabet)
        spelled[shorter, 0] = np.arange(len(self.alphabet))
        for length, keys in enumerate(self.longer, start=1):
            begun, last = np.divmod(keys, max(len(self.alphabet), 1))
            own = slice(start, start + len(keys))
            spelled[own, :length] = spelled[shorter, :length][begun]
            spelled[own, length] = last
            shorter, start = own, own.stop
        return np.lexsort(spelled.T[::-1])


def _places(spelling: Spelling, letters: Letters, shortest: int) -> tuple[Array, Array]:
    """The word and the number of every piece that these words have of those of the spelling."""
    rows, pieces = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for length, at, piece in spelling.read(letters):
        own = letters.word[at]
        counts = slice(None) if length >= shortest else letters.lengths[own] == length
        rows.append(own[counts])
        pieces.append(piece[counts])
    return np.concatenate(rows), np.concatenate(pieces)


def _counts(held: Any, rows: Array, columns: Array, width: int) -> Any:
    """(n, width) sparse, how often each text has each piece that counts.

    held           (n, words) sparse: how often each text has each word
    rows, columns  the word and the column of each piece of these words; -1: it does not count
    """
    counted = columns >= 0
    counts = held @ _table(rows[counted], columns[counted], shape=(held.shape[1], width))
    counts.sort_indices()
    return counts


def _counting(counts: Any, ranked: Array, least: int, common: int | None, most: int | None) -> Array:
    """(pieces,) bool, which of the pieces in this order count."""
    seen = np.bincount(counts.indices, minlength=counts.shape[1])[ranked]
    fits = seen >= least
    if common is not None:
        fits &= seen <= common
    if most is not None and fits.sum() > most:
        total = np.where(fits, np.asarray(counts.sum(axis=0)).ravel()[ranked], 0)
        fits[np.argsort(-total, kind="stable")[most:]] = False
    return fits


def _words(texts: Sequence[str]) -> tuple[list[str], Any]:
    """The words of these texts, each once, and (n, words) sparse: how often each text has each."""
    at: dict[str, int] = {}
    rows = [[at.setdefault(word, len(at)) for word in text.lower().split()] for text in texts]
    own = np.repeat(np.arange(len(rows)), np.fromiter(map(len, rows), np.int64, count=len(rows)))
    words = np.fromiter((word for row in rows for word in row), np.int64, count=len(own))
    return list(at), _table(own, words, shape=(len(rows), len(at)))


def _table(rows: Array, columns: Array, *, shape: tuple[int, int]) -> Any:
    """Sparse float32: how often each pair comes."""
    from scipy.sparse import coo_matrix

    return coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape).tocsr()
