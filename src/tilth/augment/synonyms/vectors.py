"""Neighbours among vectors of words: learned from the texts themselves, or out of a file of a user's.

Vectors put words together that stand in like places. So do opposites (hot, cold) and words of one list (Monday, Tuesday):
a list of them and prefixes are barred, the rest is a danger that this source has and a dictionary has not. What is asked
of a neighbour: a high cosine, the other way round as well; the same ending; and a frequency that is not far off.

Source   Levy, Goldberg and Dagan 2015, doi:10.1162/tacl_a_00134 (PPMI, singular values, context smoothing)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tilth.augment.synonyms.inflect import PARTS, readings
from tilth.augment.synonyms.lexicon import Entry
from tilth.augment.words import FILLERS, WORD, lower
from tilth.digest import digest, digest_bytes
from tilth.errors import SettingError, SourceError
from tilth.numerics.neighbors import directions, nearest
from tilth.signal import Array

LEAST_TEXTS_WORDS = 20_000
"""Running words below which nothing is learned from texts: two thousand sentences of ten words."""

_LEAST_COUNT = 5  # of a word in the texts: below, its neighbours are chance
_WINDOW = 2  # words to either side; wide windows tell the topic, narrow ones the kind of word
_DIMS = 100  # the usual range is 50 to 300; the texts are few
_SMOOTH = 0.75  # power of the context counts (Levy et al. 2015): rare contexts do not win
_COSINE = 0.8  # TextAttack's bound for its embedding swap, of vectors that were trained on far more
_NEIGHBORS = 8
_RATIO = 20  # of the frequencies of a word and what stands for it
_FILE_WORDS = 100_000  # read of a file of vectors: they are sorted by frequency, and what comes later is rare


@dataclass(frozen=True)
class Neighbors:
    """The neighbours that were found, all at once."""

    name: str
    said: str
    key: str
    near: Mapping[str, tuple[str, ...]]

    def entry(self, word: str) -> Entry | None:
        """The nearest that pass; which part of speech they are is not known."""
        return Entry("", self.near[word]) if word in self.near else None


def of_texts(texts: Sequence[str], *, cosine: float = _COSINE) -> Neighbors:
    """Neighbours by the company that words keep in these texts; none where the texts are few."""
    counts, table = cooccurrence(texts)
    near: Mapping[str, tuple[str, ...]] = {}
    if sum(counts.values()) >= LEAST_TEXTS_WORDS and len(counts) > _DIMS:
        near = _near(list(counts), embedded(table, dims=_DIMS), cosine, counts)
    said = f"neighbours in {len(texts):,} texts, {len(near):,} words have some"
    return Neighbors("corpus", said, digest("corpus", cosine), near)


def of_file(file: Path, words: Mapping[str, int], *, cosine: float = _COSINE) -> Neighbors:
    """Neighbours by a file of word2vec, GloVe or fastText in text form: a word and its numbers a line.

    words  those that are asked for, with their counts
    """
    names, values = read_vectors(file)
    near = _near(names, values, cosine, dict.fromkeys(names, 1), asked=words)
    return Neighbors("vectors", f"the vectors of {file.name}", key_of(file), near)


def cooccurrence(texts: Sequence[str]) -> tuple[dict[str, int], Any]:
    """Words with their counts, frequent first, and how often each word stands at each place around each, (v, places v)
    sparse, places the two before and the two behind: words that may stand for one another have the same neighbours at the
    same places, and those that only go together (credit, limit) have not."""
    from scipy.sparse import coo_matrix, hstack

    split = [[lower(word) for word in WORD.findall(text)] for text in texts]
    counted = Counter(word for words in split for word in words)
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    counts = {word: count for word, count in ranked if count >= _LEAST_COUNT}
    place = {word: row for row, word in enumerate(counts)}
    gap = np.full(_WINDOW, -1)
    line = np.concatenate([np.r_[[place.get(word, -1) for word in words], gap] for words in split] or [gap]).astype(
        np.int64
    )
    tables: list[Any] = []
    for step in range(1, _WINDOW + 1):
        left, right = line[:-step], line[step:]
        both = (left >= 0) & (right >= 0)
        once = coo_matrix(
            (np.ones(int(both.sum())), (left[both], right[both])), shape=(len(counts), len(counts))
        ).tocsr()
        tables += [once, once.T]
    return counts, hstack(tables, format="csr")


def embedded(table: Any, *, dims: int) -> Array:
    """(v, dims) vectors of length 1: singular vectors, by the root of their values, of the positive pointwise mutual
    information of a table (v, c) of words and contexts."""
    from sklearn.utils.extmath import randomized_svd

    seen = table.tocoo()
    total = table.sum()
    rows, contexts = np.asarray(table.sum(1)).ravel(), np.asarray(table.sum(0)).ravel() ** _SMOOTH
    expected = rows[seen.row] * contexts[seen.col] / contexts.sum()
    seen.data = np.maximum(np.log(np.maximum(seen.data, 1e-12) / np.maximum(expected, 1e-12)), 0) * (total > 0)
    left, strengths, _ = randomized_svd(seen.tocsr(), dims, n_iter=4, random_state=0)  # pyright: ignore[reportArgumentType]
    return directions(left * np.sqrt(strengths))


def read_vectors(file: Path) -> tuple[list[str], Array]:
    """Words and (v, d) float32 vectors of length 1, of the first lines of a text file; word2vec's head line is passed over."""
    names: list[str] = []
    rows: list[Array] = []
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(islice(lines, _FILE_WORDS)):
                word, _, rest = line.rstrip().partition(" ")
                row = np.array(rest.split(), dtype=np.float32)
                if number == 0 and len(row) == 1:
                    continue
                names.append(word)
                rows.append(row)
        return names, directions(np.stack(rows))
    except OSError as error:
        raise SettingError(f"augment.words: the vectors {file} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        what = f"line {len(rows) + 1}: {error}"
        raise SourceError(f"{file} is no file of vectors, a word and its numbers a line ({what})") from error


def _near(
    names: list[str],
    values: Array,
    cosine: float,
    counts: Mapping[str, int],
    asked: Mapping[str, int] | None = None,
) -> dict[str, tuple[str, ...]]:
    plain = np.array([_plain(name) for name in names])
    rows = np.flatnonzero(plain & np.array([asked is None or name in asked for name in names]))
    pool = np.flatnonzero(plain)
    if not len(rows) or len(pool) < 2:
        return {}
    distances, found = nearest(values[rows], values[pool], _NEIGHBORS + 1)
    bound = np.sqrt(2 - 2 * cosine)
    close = {
        names[row]: [names[one] for one, distance in zip(ones, far, strict=True) if one != row and distance <= bound]
        for row, far, ones in zip(rows.tolist(), distances, pool[found].tolist(), strict=True)
    }
    near: dict[str, tuple[str, ...]] = {}
    for word, ones in close.items():
        mutual = (one for one in ones if one not in close or word in close[one])
        same = tuple(one for one in mutual if _alike(word, one) and _balanced(counts[word], counts[one]))
        if same:
            near[word] = same
    return near


def _plain(word: str) -> bool:
    return len(word) > 2 and word.isalpha() and word.islower() and word not in FILLERS


def _balanced(one: int, other: int) -> bool:
    return max(one, other) <= _RATIO * min(one, other)


def _alike(one: str, other: str) -> bool:
    """Whether two words have an ending in common, or none; and are not two forms of one word."""
    return _ending(one) == _ending(other) and not _kin(one, other)


def _ending(word: str) -> str:
    return next((ending for ending in ("ing", "ed", "ly", "est", "er", "s") if word.endswith(ending)), "")


def _kin(one: str, other: str) -> bool:
    bases = [{base for part in PARTS for base, _ in readings(word, part)} for word in (one, other)]
    return bool(bases[0] & bases[1])


def key_of(file: Path) -> str:
    """Changes where the file does: by its size and its first million bytes."""
    with file.open("rb") as content:
        head = content.read(1 << 20)
    return digest("vectors", file.stat().st_size, digest_bytes(head))
