"""Texts rewritten by somebody else's model: whose turn it is, what may not be lost, and what the real texts say of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

import numpy as np

from tilth.augment.judging import judge_of
from tilth.augment.turns import Names, demand_of, made_sample, plan
from tilth.augment.words import WORD, LabelWords, class_words, lower, negates
from tilth.dataset import Dataset, label_text
from tilth.digest import digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics.text_check import UNCHECKED, Checked, TextCheck
from tilth.sample import Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run


@dataclass(frozen=True, slots=True)
class Given:
    """A text that is to be rewritten.

    stay    words of it that carry its label
    barred  words that carry any label: none of them is brought in
    rng     its own
    """

    text: str
    stay: frozenset[str]
    barred: frozenset[str]
    rng: np.random.Generator


Rewrite: TypeAlias = Callable[[Sequence[Given]], "list[str | None]"]
"""Each text rewritten, or None where nothing could be done."""

BATCH = 64  # texts handed over at once: a fair batch for a model, and little lost when a run is killed
_ROUNDS = 3  # of handing turns on from texts that gave nothing to others of their class


@dataclass(frozen=True)
class Rewriting:
    """How texts are rewritten, whoever does it.

    maker        name of the step; technique: put behind it
    key          the step's key: part of the ids and of the randomness
    words        what was done, for the reason of the edit
    label_words  share of the words of a class that carry it and must not be lost
    check        whether models of the real texts are asked
    """

    maker: str
    technique: str
    key: str
    words: str
    label_words: float
    balance: bool
    fill: bool
    most_per_parent: int
    check: bool

    def made(self, data: Dataset, signals: Signals, run: Run, rewrite: Rewrite, *, budget: int) -> Iterator[Add]:
        """The edits that bring in the rewritten texts, at most `budget` open samples in all."""
        if data.schema.modality != "text":
            raise StepError(f"{self.maker} works on texts; this dataset holds images.")
        train, level = data.train, self.balance and not self.fill
        keep = class_words(run.texts(train), train.targets, share=self.label_words) if len(train) else LabelWords()
        judge = judge_of(data, run) if self.check else None
        known, spent, away = set(run.texts(data)), set[str](), Counter[str]()
        for attempt in range(_ROUNDS):
            turns = plan(
                data, budget - len(data.open), run.rng(self.key, "turns", attempt), balance=self.balance,
                most=self.most_per_parent, level=level, barred=spent, demand=demand_of(signals),
            )  # fmt: skip
            names, made = Names(data), list[Add]()
            asked = [
                (parent, ordinal)
                for parent, times in zip(data.only(turns.parents), turns.times.tolist(), strict=True)
                for ordinal in names.ordinals(parent.id, self.key, times)
            ]
            for at in range(0, len(asked), BATCH):
                for add in self._batch(
                    asked[at : at + BATCH], data, names, keep, known, spent, away, judge, run, rewrite
                ):
                    made.append(add)
                    yield add
            if len(made) == len(asked):
                break
            data = data.apply(made)
        if away:
            told = ", ".join(f"{count:,} {why}" for why, count in away.most_common())
            run.log(f"{self.maker}: left out {told}")

    def _batch(
        self, asked: Sequence[tuple[Sample, int]], data: Dataset, names: Names, keep: LabelWords, known: set[str],
        spent: set[str], away: Counter[str], judge: TextCheck | None, run: Run, rewrite: Rewrite,
    ) -> Iterator[Add]:  # fmt: skip
        given = [
            Given(parent.text or "", keep.told(target), keep.every, run.rng(self.key, parent.id, ordinal))
            for (parent, ordinal), target in zip(asked, _targets([parent for parent, _ in asked], data), strict=True)
        ]
        texts = rewrite(given)
        found: list[tuple[Sample, int, str]] = []
        for (parent, ordinal), one, text in zip(asked, given, texts, strict=True):
            said = " ".join((text or "").split())
            why = "as they were, or nothing" if not said or said in known else harm(one.text, said, one.stay)
            if why:
                away[why] += 1
                spent.add(parent.id)
            else:
                known.add(said)
                found.append((parent, ordinal, said))
        for (parent, ordinal, text), verdict in zip(found, _verdicts(found, data, judge), strict=True):
            if not verdict.passed:
                away["that the real texts do not bear out"] += 1
                spent.add(parent.id)
                continue
            yield self._add(parent, ordinal, text, verdict, names, data)

    def _add(self, parent: Sample, ordinal: int, text: str, said: Checked, names: Names, data: Dataset) -> Add:
        content = text.encode()
        sample = made_sample(
            parent, id=made_id((parent.id,), self.key, ordinal), content=digest_bytes(content),
            path=names.path(parent, self.technique, PurePosixPath(parent.path).suffix),
            maker=f"{self.maker}:{self.technique}", home="text", text=text,
        )  # fmt: skip
        evidence: dict[str, object] = {"technique": self.technique}
        evidence |= said.evidence
        because = f"more of {label_text(data.schema, parent.label)}: {parent.path} {self.words}"
        return Add(sample, because, evidence, content)


def checked_settings(step: str, label_words: float, most_per_parent: int) -> None:
    """Raises SettingError for what no rewriting can be told."""
    if not 0 <= label_words <= 1 or most_per_parent < 1:
        raise SettingError(
            f"{step}: label_words is a share within 0 and 1 and most_per_parent at least 1; "
            f"found {label_words!r} and {most_per_parent!r}"
        )


def harm(before: str, after: str, keep: frozenset[str]) -> str:
    """What was lost on the way from one text to the other, in words for a list; nothing where all that counts is there.

    Numbers must be the same, negations as many, and the words that carry the label must still stand.
    """
    old, new = WORD.findall(before), WORD.findall(after)
    if sorted(re.findall(r"\d+", before)) != sorted(re.findall(r"\d+", after)):
        return "with another number"
    if sum(map(negates, old)) != sum(map(negates, new)):
        return "with a negation more or less"
    if not {lower(word) for word in old} & keep <= {lower(word) for word in new}:
        return "without a word that carries the label"
    return ""


def _verdicts(found: Sequence[tuple[Sample, int, str]], data: Dataset, judge: TextCheck | None) -> list[Checked]:
    if judge is None or not found:
        return [UNCHECKED] * len(found)
    targets = _targets([parent for parent, _, _ in found], data)
    # A parent that was made itself stands for the real ones that it came from.
    parents = [(parent.id, *parent.parents) for parent, _, _ in found]
    return judge.of([text for _, _, text in found], targets, parents)


def _targets(samples: Sequence[Sample], data: Dataset) -> Array:
    """The row of targets of each of these samples, (n, k); one may come several times."""
    rows = {id: at for at, id in enumerate(data.ids.tolist())}
    return data.targets[[rows[one.id] for one in samples]]
