"""Text: what a text is about, by its words and the pieces of its words."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.numerics.descriptor import unit
from tilth.numerics.pieces import PieceCounter
from tilth.sample import TEST
from tilth.signal import Array, Signal
from tilth.steps import Run


@dataclass(frozen=True)
class Text:
    """Describe texts by their words and pairs of words and by pieces of three to five letters, weighed by rarity and
    brought to few directions (latent semantic analysis). Words are counted in the open samples only."""

    dims: int = 128  # directions kept; the usual range is 100 to 300 (Landauer et al. 1998)
    most: int = 50_000  # words, and pieces of words, counted at most: the frequent ones; bounds the memory

    version = 2
    gives = ("embedding",)
    grain = "dataset"
    modality = ("text",)
    source = "Deerwester et al. 1990, Indexing by latent semantic analysis; Halko et al. 2011 (randomised SVD)"
    cost = "O(letters + n dims); about 1 s for 5,000 questions"

    def measure(self, data: Dataset, run: Run) -> Signal:
        """`embedding`: (n, dims) float32 of length 1; a text without any known word is a row of zeros."""
        texts = run.texts(data)
        seed = int(run.rng("embed.text").integers(2**31))
        values = described(texts, data.splits != TEST, dims=self.dims, most=self.most, seed=seed)
        return Signal("embedding", data.ids, values, meta={"embedder": "embed.text", "dims": values.shape[1]})


def described(texts: list[str], fit: Array, *, dims: int, most: int, seed: int) -> Array:
    """(n, d) float32 of length 1, d = dims or as many as the texts allow.

    fit  (n,) bool, texts in which words are counted and whose directions are taken
    """
    from sklearn.utils.extmath import randomized_svd

    counted = [text for text, open_ in zip(texts, fit, strict=True) if open_] or texts
    table = _weighed(counted, texts, most)
    if table is None:  # not one word in all the texts
        return np.zeros((len(texts), 1), np.float32)
    rows = fit if fit.any() else np.ones(len(texts), bool)
    count = min(dims, table.shape[1] - 1, int(rows.sum()) - 1)
    if count < 1:
        return unit(table[:, :1].toarray().astype(np.float32))
    # The same as TruncatedSVD, which divides by the variance and warns where all texts are alike.
    _, _, directions = randomized_svd(table[rows], count, n_iter=4, random_state=seed)  # pyright: ignore[reportArgumentType]
    return unit((table @ directions.T).astype(np.float32))


def _weighed(counted: list[str], texts: list[str], most: int) -> Any:
    """(n, words + pieces) sparse float32, or None where there is no word at all."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts: list[Any] = []
    least = 2 if len(counted) >= 100 else 1  # what comes once joins nothing
    common: dict[str, Any] = {"sublinear_tf": True, "min_df": least, "max_features": most, "dtype": np.float32}
    with suppress(ValueError):  # an empty vocabulary
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", **common)
        parts.append(words.fit(counted).transform(texts))
    with suppress(ValueError):
        pieces, _ = PieceCounter.learned(counted, (3, 5), least=least, most=most)
        parts.append(pieces.transform(texts))
    return hstack(parts).tocsr() if parts else None
