"""A linear classifier of words and letters: the default for texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.errors import SettingError
from tilth.learn.crossfit import groups_of
from tilth.learn.teaching import required
from tilth.numerics.text_linear import TextClassifier, fitted_texts
from tilth.signal import Array
from tilth.steps import Run


@dataclass(frozen=True)
class TextLinear:
    """Fit a linear classifier to weighted counts (TF-IDF) of words, pairs of words and 2 to 5 letters, with probabilities that
    are as often right as they say.

    Letters within words make it hold for misspelt words and for languages without spaces. The seed changes nothing.
    """

    strength: float = 0.0  # scikit-learn's C of a linear SVM; less draws the weights to zero; 0: cross-validated
    most_terms: int = 200_000  # of words and of letters each; the most frequent are kept
    balanced: bool = False  # every class counts alike, however few texts it has: better recall of small ones

    version = 3
    gives = ("probabilities",)
    modality = ("text",)
    source = "Joachims 1998 (SVM on texts); LIBLINEAR, Fan et al. 2008; Guo et al. 2017, arXiv:1706.04599 (temperature)"
    cost = "O(letters) and four to ten fits of a linear SVM a class: 0.4 s for 5,000 questions in 6 classes"

    def __post_init__(self) -> None:
        if not 0 <= self.strength < math.inf:
            raise SettingError(
                f"learn.text-linear: strength is a number from 0 up, 0 for cross-validated; found {self.strength}"
            )
        if self.most_terms < 1:
            raise SettingError(f"learn.text-linear: most_terms is at least 1, found {self.most_terms}")

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> TextLinearModel:
        """Fit it."""
        del valid, seed
        lesson = required(train, "learn.text-linear", ("text",))
        found = fitted_texts(
            run.texts(lesson.data),
            lesson.targets.astype(np.float64),
            multi=lesson.multi,
            weights=lesson.weights,
            groups=groups_of(lesson.data),
            strength=self.strength or None,
            most_terms=self.most_terms,
            balanced=self.balanced,
            threads=run.threads,
        )
        record = {"terms": found.terms, "strength": found.strength, "slope": round(found.slope, 4)}
        return TextLinearModel(found, (), record)


@dataclass(frozen=True)
class TextLinearModel:
    """A fitted classifier of texts."""

    classifier: TextClassifier
    curves: tuple[Mapping[str, float], ...]
    record: Mapping[str, Any]

    def predict(self, data: Dataset, run: Run) -> Array:
        """(n, k) float32."""
        return self.classifier.probabilities(run.texts(data))

    def features(self, data: Dataset, run: Run) -> None:
        """None. Neighbours by how far a text lies from each class only say once more what the model says: with them half as
        many relabels again are made of TREC's wrong labels, and twice as many right ones are touched (benchmarks/text)."""
        del data, run
