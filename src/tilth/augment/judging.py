"""Who judges new texts: the check of made texts, asked of whom a step names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics.text_check import FOLDS, TextCheck, text_check
from tilth.numerics.text_witness import Models, Neighborhood, Witness, folds_of
from tilth.sample import Sample
from tilth.signal import Array
from tilth.steps import Run


def judge_of(data: Dataset, run: Run, *, asked: str = "linear", learner: str = "text-linear") -> TextCheck:
    """The check by the labelled texts that no step made.

    asked    `linear`: linear models of words, one a fold; `neighbors`: the real texts nearest by their letters; `learner`
    learner  that is then taught on the other folds
    """
    real = data.where(~data.made & (data.targets.sum(axis=1) > 0))
    texts, targets, keys = run.texts(real), real.targets, real.ids.tolist()
    seed, multi = int(run.rng("check").integers(2**31)), data.schema.task == "multi-label"
    witness: Witness | None = None
    if asked == "neighbors" and len(real):
        witness = Neighborhood.of(texts, targets, keys)
    elif asked == "learner" and len(real):
        witness = _jury(real, learner, run, folds_of(texts, targets, folds=FOLDS, seed=seed))
    return text_check(texts, targets, keys, multi=multi, seed=seed, witness=witness)


def _jury(real: Dataset, learner: str, run: Run, parts: Array) -> Models:
    teacher = run.step(learner)
    taught = [teacher.fit(real.where(parts != part), None, run, seed=run.seed) for part in range(int(parts.max()) + 1)]
    fold = dict(zip(real.ids.tolist(), parts.tolist(), strict=True))
    return Models(tuple(_Juror(model, real.schema, run) for model in taught), fold)


@dataclass(frozen=True)
class _Juror:
    """A taught learner, asked about bare texts."""

    model: Any
    schema: Schema
    run: Run

    def __call__(self, texts: Sequence[str]) -> Array:
        samples = []
        for number, text in enumerate(texts):
            content, path = digest_bytes(text.encode()), f"{number:08}"
            samples.append(Sample(f"{number:016}", content, path, None, home="text", text=text))
        return self.model.predict(Dataset.from_samples(samples, self.schema), self.run)
