"""New texts from templates: a person's, or found in the texts themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, SourceError, StepError, did_you_mean
from tilth.numerics.quota import multi_label_turns, proportional, water_fill
from tilth.numerics.text_check import UNCHECKED, Checked, TextCheck, text_check
from tilth.sample import TRAIN, Label, Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run
from tilth.synthesize.grammar.book import Book, Template, book_of, read_book
from tilth.synthesize.grammar.drawing import texts
from tilth.synthesize.grammar.every import ways
from tilth.synthesize.grammar.induced import induced

_ROUNDS = 3  # of asking the other templates for what one could not give
_TRIES = 4  # of drawing again what the check turned away
_SPARE = 1.1  # texts drawn for each one wanted, where there is a check: it turns some away


@dataclass(frozen=True)
class Templates:
    """Makes new train texts from templates with slots, until classes are even or the budget is full.

    A template, its fillers and its labels stand in a file, or are found in the train texts (`auto`). No text is made
    twice, nor one that is there; fillers are used evenly. A text that a model of the real ones does not know for its
    label, or that is written as none of them is, is left out.
    """

    templates: str = "auto"  # a TOML or JSON file; auto: found in the texts of each class
    book: Mapping[str, Any] = field(default_factory=dict[str, Any])  # the same written into the recipe
    balance: bool = True  # smallest classes first; False: templates are used by their weight alone
    fill: bool = False  # go on past the size of the largest class, up to the budget
    most_per_template: int = 10_000  # texts of one; more would drown what people wrote
    most_share: float = 0.5  # of a class, and of each way of asking, that found templates give; not of a person's own
    support: int = 3  # texts that a found template must stand for
    check: bool = True  # ask a model of the real texts; False where nothing real is there yet

    version = 3
    modality = ("text",)
    source = "Ribeiro et al. 2020, arXiv:2005.04118 (CheckList's templates); here with agreement, weights and a check"
    cost = "0.1 ms a text; with the check about 0.5 ms, and three linear models"

    def __post_init__(self) -> None:
        if self.most_per_template < 1 or self.support < 2 or not 0 < self.most_share <= 1:
            raise SettingError(
                "synthesize.templates: most_per_template is at least 1, support at least 2 and most_share within 0 and 1; "
                f"found {self.most_per_template}, {self.support} and {self.most_share}"
            )
        if self.book and self.templates != "auto":
            raise SettingError(
                f"synthesize.templates: templates = {self.templates!r} and a book in the recipe; name one of them"
            )

    @property
    def weights(self) -> str:
        """Digest of the file: a run is not remembered for templates that have changed."""
        file = Path(self.templates)
        return digest(digest_bytes(file.read_bytes())) if self.templates != "auto" and file.is_file() else ""

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train texts, and at most `budget` open samples in all. Raises SourceError for templates that cannot be used,
        naming file, template and slot."""
        if data.schema.modality != "text":
            raise StepError("synthesize.templates makes texts; this dataset holds images.")
        del signals
        book = self._book(data)
        targets = _targets(book, data, self.templates)
        if not book.templates:
            run.log("synthesize.templates: no template was found in these texts")
            return
        judge = _judge(data, run) if self.check and budget > len(data.open) else None
        page = _Page(book, targets, data, judge, digest(self, self.weights), set(run.texts(data)))
        left, sizes = self._most(book), (data.train.targets > 0).sum(axis=0)
        room = budget - len(data.open)
        for attempt in range(_ROUNDS):
            # What one template could not give is asked of the others.
            wanted = self._wanted(book, targets, sizes, left, room, data, run)
            made = np.zeros(len(wanted), np.int64)
            for at in np.flatnonzero(wanted).tolist():
                for add in page.adds(at, int(wanted[at]), run.rng(page.key, at, attempt)):
                    made[at] += 1
                    yield add
            left = np.where(made < wanted, 0, left - made)
            sizes, room = sizes + made @ (targets > 0), room - int(made.sum())
            if (made == wanted).all():
                break
        if page.away:
            run.log(f"synthesize.templates: {page.away:,} texts were left out: the real ones do not bear them out")

    def _book(self, data: Dataset) -> Book:
        if self.book:
            return book_of(self.book, where="the book of the recipe")
        if self._found:
            return induced(data, support=self.support)
        file = Path(self.templates)
        if not file.is_file():
            raise SourceError(f"synthesize.templates: there is no file {self.templates}")
        return read_book(file)

    def _most(self, book: Book) -> Array:
        """(templates,) int, how many texts each may give."""
        most = np.array([min(ways(book, one), self.most_per_template * (one.weight > 0)) for one in book.templates])
        if not self._found:
            return most
        # One way of asking must not outgrow the others: a thousand "What is the definition of {x}?" teach a model that
        # a plain "What is {x}?" asks for something else (benchmarks/text/operations.md).
        return np.minimum(most, self._share_of(np.array([one.stood for one in book.templates])))

    def _wanted(
        self, book: Book, targets: Array, sizes: Array, left: Array, room: int, data: Dataset, run: Run
    ) -> Array:
        """(templates,) int, how many texts each shall give, of the `left` that it may."""
        weights = np.array([one.weight for one in book.templates])
        rank = run.rng(digest(self), "turns").permutation(len(left))
        if room <= 0:
            return np.zeros(len(left), np.int64)
        if not self.balance:
            return _limited(weights, room, rank, left)
        level = np.inf if self.fill else float(sizes.max(initial=0))
        if data.schema.task == "multi-label":
            rows = multi_label_turns(rank, targets > 0, sizes, room, most=left, level=level, weights=weights)
            return np.bincount(rows, minlength=len(left))
        members = [np.flatnonzero(targets[:, c] > 0) for c in range(targets.shape[1])]
        caps = np.array([left[rows].sum() for rows in members])
        caps = caps if self.fill else np.minimum(caps, int(level) - sizes)
        if self._found:
            real = np.bincount(data.train.labels[~data.train.made & (data.train.labels >= 0)], minlength=len(sizes))
            caps = np.minimum(caps, np.maximum(self._share_of(real) + real - sizes, 0))
        wanted = np.zeros(len(left), np.int64)
        for rows, quota in zip(members, water_fill(sizes, room, caps=caps).tolist(), strict=True):
            wanted[rows] = _limited(weights[rows], quota, rank[rows], left[rows])
        return wanted

    @property
    def _found(self) -> bool:
        """Whether templates are found in the texts, and not a person's."""
        return self.templates == "auto" and not self.book

    def _share_of(self, sizes: Array) -> Array:
        """How many may come to so many, that they are the share that is allowed."""
        share = min(self.most_share, 0.999)
        return np.ceil(sizes * share / (1 - share)).astype(int)


@dataclass
class _Page:
    """What is being written: the texts that are there already, and how many were turned away."""

    book: Book
    targets: Array
    data: Dataset
    judge: TextCheck | None
    key: str
    known: set[str]
    away: int = 0
    paths: set[str] = field(default_factory=set[str])

    def adds(self, at: int, count: int, rng: np.random.Generator) -> Iterator[Add]:
        """Up to `count` texts of one template that pass."""
        template, label = self.book.templates[at], _label(self.targets[at], self.data)
        # Of a template found in texts only those still there are parents.
        parents = tuple(id for id in template.parents if id in self.data)
        self.paths = self.paths or set(self.data.table.column("path").to_pylist())
        for _ in range(_TRIES):
            drawn = texts(
                self.book, template, int(np.ceil(count * (_SPARE if self.judge else 1))), rng, known=self.known
            )
            self.known.update(drawn)
            for text, said in _judged(drawn, self.targets[at], parents, self.judge):
                self.away += not said.passed
                if said.passed and count:
                    count -= 1
                    yield _add(text, template, label, parents, said, self)
            if not drawn or not count:
                return


def _limited(weights: Array, total: int, rank: Array, most: Array) -> Array:
    """How many of `total` each template gives, by its weight and at most `most` (t,)."""
    given = np.zeros(len(weights), np.int64)
    while (left := total - int(given.sum())) > 0 and (open_ := np.flatnonzero(given < most)).size:
        more = proportional(weights[open_], left, rank=rank[open_], most=left)
        given[open_] = np.minimum(given[open_] + more, most[open_])
    return given


def _targets(book: Book, data: Dataset, where: str) -> Array:
    """(templates, k) 0 or 1. Raises SourceError for a class that the data do not have, or several where there is one."""
    classes = data.schema.classes
    targets = np.zeros((len(book.templates), len(classes)))
    for at, template in enumerate(book.templates):
        place = f"synthesize.templates, {where}, template {template.name!r}"
        for name in template.labels:
            if name not in classes:
                raise SourceError(f"{place}: the data have no class {name!r}{did_you_mean(name, classes)}")
            targets[at, classes.index(name)] = 1
        if data.schema.task == "single-label" and targets[at].sum() != 1:
            raise SourceError(f"{place} names {len(template.labels)} classes; a text of these data has one")
    return targets


def _label(targets: Array, data: Dataset) -> Label:
    named = np.flatnonzero(targets).tolist()
    return frozenset(named) if data.schema.task == "multi-label" else named[0]


def _judge(data: Dataset, run: Run) -> TextCheck:
    """The check by the labelled texts that came with the source."""
    real = data.where(~data.made & (data.targets.sum(axis=1) > 0))
    seed = int(run.rng("check").integers(2**31))
    multi = data.schema.task == "multi-label"
    return text_check(run.texts(real), real.targets, real.ids.tolist(), multi=multi, seed=seed)


def _judged(
    drawn: list[str], target: Array, parents: tuple[str, ...], judge: TextCheck | None
) -> list[tuple[str, Checked]]:
    if judge is None:
        return [(text, UNCHECKED) for text in drawn]
    return list(zip(drawn, judge.of(drawn, np.tile(target, (len(drawn), 1)), [parents] * len(drawn)), strict=True))


def _add(text: str, template: Template, label: Label, parents: tuple[str, ...], said: Checked, page: _Page) -> Add:
    content = text.encode()
    id = made_id(parents, digest(page.key, text), 0)  # no text is made twice: it is its own ordinal
    stem = f"template_{''.join(sign if sign.isalnum() else '-' for sign in template.name)}_{id[:8]}"
    path = stem if stem not in page.paths else f"{stem}-{id[8:]}"
    page.paths.add(path)
    sample = Sample(
        id, digest_bytes(content), path, label, TRAIN, parents=parents, maker=f"synthesize.templates:{template.name}",
        home="text", text=text,
    )  # fmt: skip
    evidence: dict[str, Any] = {"technique": "template", "template": template.text}
    evidence |= said.evidence
    because = (
        f"more of {label_text(page.data.schema, label)}: by the template {template.name!r}, {template.text[:80]!r}"
    )
    return Add(sample, because, evidence, content)
