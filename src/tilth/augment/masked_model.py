"""New texts in which a language model filled gaps: words that fit the sentence, not the dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.augment.pipelines import is_folder, pipeline_of
from tilth.augment.rewriting import Given, Rewriting, checked_settings
from tilth.augment.words import WORD, lower, negates, safe
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.errors import SettingError
from tilth.numerics.outside import asked, weights_of
from tilth.signal import Signals
from tilth.steps import Run

MASK = "[MASK]"


@dataclass(frozen=True)
class MaskedModel:
    """Makes new train texts by blanking words and letting a masked language model say what may stand there.

    The model is a folder with a fill-mask model of transformers, or a function `module:function`: a list of texts with one
    `[MASK]` each in, for each a list of words out, the likeliest first (or of pairs of word and probability). Negations,
    numbers, names, the first word and the words that carry the label are never blanked, nor put in. Nothing is downloaded.
    """

    model: str = ""  # a folder, or package.module:function
    share: float = 0.15  # of the words that are blanked, at least one: BERT's
    choices: int = 10  # likeliest words among which one is drawn
    least: float = 0.01  # probability of a word to be put in, where the model tells it
    label_words: float = 0.05  # share of a class's words: those that tell it best are not touched
    balance: bool = True  # smallest classes first; False: every text is used alike
    fill: bool = False  # go on past the size of the largest class, up to the budget
    most_per_parent: int = 9  # new texts of one
    check: bool = True  # ask models of the real texts whether it is still known for its label

    version = 3
    modality = ("text",)
    source = "Kobayashi 2018, arXiv:1805.06201 (contextual augmentation); Devlin et al. 2019, arXiv:1810.04805"
    cost = "one look of the model at each blanked word"

    def __post_init__(self) -> None:
        checked_settings("augment.masked_model", self.label_words, self.most_per_parent)
        if not 0 < self.share <= 1 or self.choices < 1 or not 0 <= self.least < 1:
            raise SettingError(
                "augment.masked_model: share is within 0 and 1, choices at least 1 and least within 0 and 1; "
                f"found {self.share}, {self.choices} and {self.least}"
            )

    @property
    def weights(self) -> str:
        """Digest of the files that a command names."""
        return weights_of(self.model)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train texts. Raises SettingError for a model that cannot be found, StepError for one that fails."""
        key, ask = digest(self, self.weights), self._model()

        def candidates(texts: Sequence[str]) -> list[list[str]]:
            def make() -> Mapping[str, np.ndarray[Any, Any]]:
                rows = [self._words(answer) for answer in ask(texts)]
                wide = max(map(len, rows), default=0)
                return {"words": np.array([[*row, *[""] * (wide - len(row))] for row in rows], dtype=str)}

            found = run.keep(("filled", key, list(texts)), make)["words"]
            return [[word for word in row if word] for row in found.reshape(len(texts), -1).tolist()]

        def rewrite(given: Sequence[Given]) -> list[str | None]:
            made: list[str | None] = [one.text for one in given]
            gaps = [self._gaps(one.text, one.stay, one.rng) for one in given]
            for turn in range(max(map(len, gaps), default=0)):
                # From the last gap to the first: what is filled does not move the places before it.
                rows = [at for at, places in enumerate(gaps) if turn < len(places)]
                blanked = [_blanked(made[at] or "", gaps[at][turn]) for at in rows]
                for at, words in zip(rows, candidates(blanked), strict=True):
                    made[at] = _filled(made[at] or "", gaps[at][turn], words, given[at].barred, given[at].rng)
            return [None if new == old else new for new, old in zip(made, (one.text for one in given), strict=True)]

        how = Rewriting(
            "augment.masked_model", "masked", key, "with words filled in by a language model", self.label_words,
            self.balance, self.fill, self.most_per_parent, self.check,
        )  # fmt: skip
        yield from how.made(data, signals, run, rewrite, budget=budget)

    def _model(self) -> Callable[[Sequence[str]], list[Any]]:
        setting = "augment.masked_model.model"
        if is_folder(self.model):
            pipeline = pipeline_of(self.model, "fill-mask", setting=setting)
            own = pipeline.tokenizer.mask_token
            return lambda texts: [
                [(one["token_str"].strip(), one["score"]) for one in _flat(pipeline(text, top_k=self.choices))]
                for text in (text.replace(MASK, own) for text in texts)
            ]
        return asked(self.model, setting=setting)

    def _words(self, answer: Any) -> list[str]:
        """The words of one answer that may stand in a gap, likely enough and whole."""
        if isinstance(answer, str):  # a command's line
            answer = answer.split()
        if not isinstance(answer, (list, tuple)):
            raise SettingError(
                f"augment.masked_model.model gave {type(answer).__name__} for a text; a list of words is needed"
            )
        words = [(one, 1.0) if isinstance(one, str) else (str(one[0]), float(one[1])) for one in answer]
        return [word for word, p in words if p >= self.least and WORD.fullmatch(word)][: self.choices]

    def _gaps(self, text: str, keep: frozenset[str], rng: np.random.Generator) -> list[tuple[int, int]]:
        """Where words are blanked, the last one first."""
        found, free = safe(text, keep)
        open_ = np.flatnonzero(free)
        if not len(open_):
            return []
        count = min(len(open_), max(1, round(self.share * len(found))))
        chosen = rng.choice(open_, size=count, replace=False)
        return [found[at].span() for at in sorted(chosen.tolist(), reverse=True)]


def _flat(answer: Any) -> list[Any]:
    return answer[0] if answer and isinstance(answer[0], list) else answer


def _blanked(text: str, gap: tuple[int, int]) -> str:
    return text[: gap[0]] + MASK + text[gap[1] :]


def _filled(
    text: str, gap: tuple[int, int], words: Sequence[str], barred: frozenset[str], rng: np.random.Generator
) -> str:
    """The text with another word in the gap; as it was where the model knows none that may stand there."""
    old = lower(text[gap[0] : gap[1]])
    fit = [word for word in words if lower(word) != old and not negates(word) and lower(word) not in barred]
    fit = [word for word in fit if not any(sign.isdigit() for sign in word)]
    if not fit:
        return text
    return text[: gap[0]] + fit[int(rng.integers(len(fit)))] + text[gap[1] :]
