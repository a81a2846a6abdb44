"""New texts by translating there and back, with translators that a person has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.augment.pipelines import is_folder, pipeline_of, said
from tilth.augment.rewriting import Given, Rewriting, checked_settings
from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.edit import Add
from tilth.numerics.outside import asked, weights_of
from tilth.signal import Signals
from tilth.steps import Run


@dataclass(frozen=True)
class BackTranslation:
    """Makes new train texts by handing texts to a translator and its answer to another one that translates back.

    A translator is a function `module:function` (a list of texts in, a list of texts out; a pipeline of transformers will
    do), a command that reads a text a line and writes a text a line, or a folder with a translation model of transformers.
    Nothing is downloaded. Each batch of answers is kept: a killed run asks no text twice.
    """

    there: str = ""  # into the other language
    back: str = ""  # and back again
    most_s: float = 600.0  # seconds after which a command is ended
    label_words: float = 0.05  # share of a class's words: those that tell it best must come back
    balance: bool = True  # smallest classes first; False: every text is used alike
    fill: bool = False  # go on past the size of the largest class, up to the budget
    most_per_parent: int = 1  # most translators say a thing one way; more for one that draws
    check: bool = True  # ask models of the real texts whether it is still known for its label

    version = 3
    modality = ("text",)
    source = "Sennrich et al. 2016, arXiv:1511.06709; Yu et al. 2018, arXiv:1804.09541 (as augmentation)"
    cost = "that of the translators"

    def __post_init__(self) -> None:
        checked_settings("augment.back_translation", self.label_words, self.most_per_parent)

    @property
    def weights(self) -> str:
        """Digest of the files that a command names: what a changed script says is asked for anew."""
        return weights_of(self.there, self.back)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train texts. Raises SettingError for a translator that cannot be found, StepError for one that fails."""
        there = self._translator("there", self.there)
        back = self._translator("back", self.back)
        key = digest(self, self.weights)

        def rewrite(given: Sequence[Given]) -> list[str | None]:
            texts = [one.text for one in given]
            # The draw is part of the key: a translator that draws says another thing when it is asked a second time.
            draws = [int(one.rng.integers(2**31)) if self.most_per_parent > 1 else 0 for one in given]
            kept = run.keep(
                ("translated", key, list(texts), draws), lambda: {"texts": np.array(back(there(texts)), dtype=str)}
            )
            return [str(text) or None for text in kept["texts"].tolist()]

        how = Rewriting(
            "augment.back_translation", "back-translation", key, "translated there and back", self.label_words,
            self.balance, self.fill, self.most_per_parent, self.check,
        )  # fmt: skip
        yield from how.made(data, signals, run, rewrite, budget=budget)

    def _translator(self, which: str, name: str) -> Callable[[Sequence[str]], list[str]]:
        setting = f"augment.back_translation.{which}"
        if is_folder(name):
            model = pipeline_of(name, "translation", setting=setting)
            return lambda texts: [said(one, setting) or "" for one in model(list(texts))]
        ask = asked(name, setting=setting, most_s=self.most_s)
        return lambda texts: [said(one, setting) or "" for one in ask(texts)]
