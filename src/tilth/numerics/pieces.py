"""Pieces of words, counted and weighed by how rare they are.

The same table as scikit-learn's `TfidfVectorizer(analyzer="char_wb", sublinear_tf=True)`, which cuts up every word of every text
in Python. Here each word is cut up once, all words at a time, and the counts of the texts are a product: words of texts times
pieces of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class PieceCounter:
    """Counts pieces of words: so many letters in a row, with a space for either end of the word.

    letters  the shortest and the longest piece; a word that is shorter than the shortest is a piece itself
    least    texts that a piece must come in to count
    common   texts that it may come in; None: any number
    most     pieces that count, the most frequent; of equally frequent ones the first in the alphabet; None: all
    """

    def __init__(
        self, letters: tuple[int, int], *, least: int = 1, common: int | None = None, most: int | None = None
    ) -> None:
        self.letters, self.least, self.common, self.most = letters, least, common, most
        self._spelling = Spelling(np.zeros(0, np.int32), ())
        self._column = np.zeros(0, np.int32)  # of each piece that was seen; -1: it does not count
        self._weigh: Any = None

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """(n, pieces) sparse float32, rows of length 1; pieces in the order of the alphabet.

        Raises ValueError where no piece counts.
        """
        from sklearn.feature_extraction.text import TfidfTransformer

        words, held = _words(texts)
        letters = Letters.of(words)
        self._spelling = Spelling.learned(letters, self.letters[1])
        size = self._spelling.size
        places = self._places(letters)
        ranked = self._spelling.alphabetical()
        stay = ranked[self._counting(held @ _table(*places, shape=(len(words), size)), ranked)]
        if not len(stay):
            raise ValueError("no piece of a word is in as many texts as asked")
        self._column = np.full(size, -1, np.int32)
        self._column[stay] = np.arange(len(stay))
        self._weigh = TfidfTransformer(sublinear_tf=True)
        return self._weigh.fit_transform(self._counts(held, places))

    def transform(self, texts: Sequence[str]) -> Any:
        """(n, pieces) sparse float32, rows of length 1 or of nothing; pieces that were not learned do not count."""
        words, held = _words(texts)
        return self._weigh.transform(self._counts(held, self._places(Letters.of(words))))

    def _places(self, letters: Letters) -> tuple[Array, Array]:
        """The word and the number of every piece that these words have of those that were seen."""
        rows, pieces = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        shortest, _ = self.letters
        for length, at, piece in self._spelling.read(letters):
            own = letters.word[at]
            counts = slice(None) if length >= shortest else letters.lengths[own] == length
            rows.append(own[counts])
            pieces.append(piece[counts])
        return np.concatenate(rows), np.concatenate(pieces)

    def _counts(self, held: Any, places: tuple[Array, Array]) -> Any:
        rows, columns = places[0], self._column[places[1]]
        known = columns >= 0
        shape = (held.shape[1], int(self._column.max()) + 1)
        counts = held @ _table(rows[known], columns[known], shape=shape)
        counts.sort_indices()
        return counts

    def _counting(self, counts: Any, ranked: Array) -> Array:
        """(pieces,) bool, which of the pieces in this order count."""
        seen = np.bincount(counts.indices, minlength=counts.shape[1])[ranked]
        fits = seen >= self.least
        if self.common is not None:
            fits &= seen <= self.common
        if self.most is not None and fits.sum() > self.most:
            total = np.where(fits, np.asarray(counts.sum(axis=0)).ravel()[ranked], 0)
            fits[np.argsort(-total, kind="stable")[self.most :]] = False
        return fits


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
    """Numbers for pieces of words, longest first told by what they begin with: a piece is a shorter one and a letter more.

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
