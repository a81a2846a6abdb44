"""Logistic regression on words and letters: the default for texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.learn.logistic import Logistic, fitted
from tilth.learn.teaching import required
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class TextLinear:
    """Fit a logistic regression to weighted counts (TF-IDF) of words, pairs of words and 2 to 5 letters.

    Letters within words make it hold for misspelt words and for languages without spaces. The seed changes nothing.
    """

    strength: float = 10.0  # scikit-learn's C; less draws the weights to zero
    most_terms: int = 200_000  # of words and of letters each; the most frequent are kept

    version = 1
    gives = ("probabilities",)
    modality = ("text",)
    cost = "O(letters) and some 50 steps over the terms"

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> TextLinearModel:
        """Fit it."""
        del valid, seed
        if self.strength <= 0 or self.most_terms < 1:
            raise SettingError(
                f"learn.text-linear: strength {self.strength} and most_terms {self.most_terms} must be more than 0"
            )
        lesson = required(train, "learn.text-linear", ("text",))
        texts = run.texts(lesson.data)
        counters = tuple(counter for counter in _counters(self.most_terms) if _learned(counter, texts))
        values = _counted(counters, texts)
        regression = fitted(values, lesson, strength=self.strength)
        record = {"terms": int(values.shape[1]), "strength": self.strength}
        return TextLinearModel(counters, regression, (), record)


@dataclass(frozen=True)
class TextLinearModel:
    """A fitted regression on words and letters."""

    counters: tuple[Any, ...]
    regression: Logistic
    curves: tuple[Mapping[str, float], ...]
    record: Mapping[str, Any]

    def predict(self, data: Dataset, run: Run) -> Array:
        """(n, k) float32."""
        if not len(data):
            return np.zeros((0, self.regression.classes), np.float32)
        return self.regression.probabilities(_counted(self.counters, run.texts(data)))

    def features(self, data: Dataset, run: Run) -> None:
        """None: the counts are too many to hand on; `embed.text` gives a short embedding."""
        del data, run


def _counters(most: int) -> tuple[Any, ...]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    common: dict[str, Any] = {"sublinear_tf": True, "max_features": most, "dtype": np.float32}
    # Single letters count as words: "I" and Chinese characters say something.
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **common)
    return words, TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common)


def _learned(counter: Any, texts: list[str]) -> bool:
    """Whether these texts have anything that this counter counts; then it has learned what."""
    try:
        counter.fit(texts)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return False
    return True


def _counted(counters: tuple[Any, ...], texts: list[str]) -> Any:
    from scipy.sparse import csr_matrix, hstack

    if not counters:
        return csr_matrix((len(texts), 1), dtype=np.float32)
    return hstack([counter.transform(texts) for counter in counters], format="csr")
