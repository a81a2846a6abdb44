"""Witnesses: networks each of which never saw one part of the pictures, and which are asked about that part, changed.

Beside the pictures they are taught copies of them, each after one operation that leaves a picture's meaning to its looks
(all but the flips). So a witness that moves a changed picture to another class does not do so because the change is
strange to it: where an operation only makes a picture look odd, the witness has learned that; where it leads onto the
ground of another class, the real pictures of that class outvote the copies. Flips are never taught: what they make must
be known for what it is by real pictures alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tilth.augment.operation import Move, Operation
from tilth.dataset import Dataset, Schema
from tilth.digest import digest
from tilth.errors import StepError
from tilth.numerics import copies, picture
from tilth.numerics.folds import fold_of, linked
from tilth.shown import Shown, rows_of
from tilth.signal import Array
from tilth.steps import Model, Run

_BITS = 6  # of 64 in the hash, as in audit.duplicates: near copies stay in one fold
_FAINTEST = 0.3  # of the full strength: below, a copy is what it was
_BLOCK = 256  # pictures that are changed at once


@dataclass(frozen=True)
class Teaching:
    """How witnesses are taught.

    learner   name of a registered learner
    settings  of the learner
    folds     parts, and so networks
    side_px   longer side that pictures are brought to; the rest of the square is ground
    copies    changed copies of each picture that are taught beside it
    most      pictures at most, a fair draw of each class
    """

    learner: str
    settings: Mapping[str, Any]
    folds: int
    side_px: int
    copies: int
    most: int


@dataclass(frozen=True)
class Witnesses:
    """Networks, and the real pictures they know.

    models    one for each fold, which did not see it
    ids       (n,) of the real samples
    labels    (n,) int
    parts     (n,) int, the fold of each
    pictures  (n, side, side, c) uint8
    """

    models: tuple[Model, ...]
    schema: Schema
    ids: Array
    labels: Array
    parts: Array
    pictures: Array

    def ask(self, pictures: Array, parts: Array, run: Run) -> tuple[Array, Array | None]:
        """(b, k) probabilities and (b, d) features of pictures (b, side, side, c), each by the witness that did not see
        its fold. Features of different folds lie in different spaces; None where the learner has none."""
        chances = np.zeros((len(pictures), len(self.schema.classes)), np.float32)
        features: Array | None = None
        for number, model in enumerate(self.models):
            mine = np.flatnonzero(parts == number)
            if not len(mine):
                continue
            rows, shown = rows_of([None] * len(mine), self.schema), Shown(run, pictures[mine], "asked")
            both = model.ask(rows, shown) if hasattr(model, "ask") else None  # ours look once for both  # pyright: ignore
            chances[mine] = both[0] if both is not None else model.predict(rows, shown)
            found = both[1] if both is not None else model.features(rows, shown)
            if found is not None:
                features = np.zeros((len(pictures), found.shape[1]), np.float32) if features is None else features
                features[mine] = found
        return chances, features

    def part_of(self, ids: Sequence[str]) -> Array:
        """(b,) the fold whose witness saw none of these samples; a fold drawn by id for one that no witness saw."""
        at = np.minimum(np.searchsorted(self.ids, ids), max(len(self.ids) - 1, 0))
        known = self.ids[at] == np.asarray(ids, dtype=self.ids.dtype)
        free = np.array([int(digest("part", id), 16) % len(self.models) for id in ids], np.int64)
        return np.where(known, self.parts[at], free)


def square(original: Array, side_px: int, channels: int) -> Array:
    """(side, side, channels) uint8, the ratio kept, in the middle of a square of its own ground."""
    small = picture.shrink(picture.to_channels(original, channels), side_px)
    if max(small.shape[:2]) < side_px:
        scale = side_px / max(small.shape[:2])
        small = picture.resize(small, *(max(1, round(side * scale)) for side in small.shape[:2]))
    out = np.empty((side_px, side_px, channels), np.uint8)
    out[:] = picture.background(small)
    top, left = (side_px - small.shape[0]) // 2, (side_px - small.shape[1]) // 2
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


def changed(pictures: Array, moves: Sequence[Sequence[Move]], seeds: Sequence[str]) -> Array:
    """Pictures (b, h, w, c) uint8 after their moves. The dice of each come from its own seed."""
    from tilth.augment.operations import operate
    from tilth.augment.operations.paint import as_floats, as_pixels

    out = np.empty_like(pictures)
    for at in range(0, len(pictures), _BLOCK):
        part = slice(at, at + _BLOCK)
        block = as_floats(pictures[part])
        dice = [np.random.default_rng(int(seed, 16)) for seed in seeds[part]]
        done = operate(block, moves[part], dice=dice)
        out[part] = as_pixels(done)
    return out


_HELD: dict[str, Witnesses] = {}  # the last ones of this process: the guard and what asks it after need not teach twice


def witnesses(data: Dataset, run: Run, teaching: Teaching, taught: Sequence[Operation]) -> Witnesses:
    """Teach them on the raw, labelled train samples of the data.

    taught  operations whose copies they are taught

    The same data, seed and teaching give the same witnesses, whoever asks. Raises StepError where the data are no
    pictures of one class each, or fewer than two samples or classes are labelled.
    """
    if data.schema.modality != "image" or data.schema.task != "single-label":
        what = f"{data.schema.modality}s, {data.schema.task}"
        raise StepError(
            f"augment.guard judges pictures of one class each; these data are {what}.\n  Write rules instead."
        )
    known = _drawn(data.train, teaching.most, run.seed)
    if len(known) < 2 or len(np.unique(known.labels)) < 2:
        raise StepError(
            f"augment.guard needs labelled train samples of two classes, and found {len(known)} samples.\n"
            "  Leave the step out, or write rules."
        )
    key = digest(known.version, run.seed, run.device, vars(teaching), [one.name for one in taught])
    if key not in _HELD:
        found = _taught(known, run, teaching, taught, key)
        _HELD.clear()
        _HELD[key] = found
    return _HELD[key]


def _drawn(train: Dataset, most: int, seed: int) -> Dataset:
    """The raw labelled samples of weight; of too many, as many of each class."""
    usable = (train.labels >= 0) & (train.table.column("weight").to_numpy() > 0) & ~train.made
    found = train.where(usable)
    if len(found) <= most:
        return found
    rng = np.random.default_rng([seed, 11])
    places = np.zeros(len(found), np.int64)
    for label in np.unique(found.labels):
        rows = np.flatnonzero(found.labels == label)
        places[rows] = rng.permutation(len(rows))
    taken = np.zeros(len(found), bool)
    taken[np.lexsort((found.labels, places))[:most]] = True
    return found.where(taken)


def _taught(data: Dataset, run: Run, teaching: Teaching, taught: Sequence[Operation], key: str) -> Witnesses:
    originals = list(run.images(data))
    channels = max(one.shape[2] for one in originals)
    pictures = np.stack([square(one, teaching.side_px, channels) for one in originals])
    parts = fold_of(_groups(data, run), data.targets, folds=teaching.folds, seed=run.seed)
    moves, seeds = _lessons(data, teaching, taught, run.seed)
    rows = np.tile(np.arange(len(data)), teaching.copies)
    lessons = np.concatenate([pictures, changed(pictures[rows], moves, seeds)])
    of = np.concatenate([np.arange(len(data)), rows])
    fit = partial(_fitted, data.schema, data.labels[of], lessons, parts[of], teaching, key, run)
    models = run.map(fit, range(int(parts.max()) + 1), what="witnesses of the label guard")
    return Witnesses(tuple(models), data.schema, data.ids, data.labels, parts, pictures)


def _fitted(
    schema: Schema, labels: Array, pictures: Array, parts: Array, teaching: Teaching, key: str, run: Run, part: int
) -> Model:
    rows = np.flatnonzero(parts != part)
    lesson = rows_of(labels[rows].tolist(), schema)
    learner = run.step(teaching.learner, teaching.settings)
    return learner.fit(lesson, None, Shown(run, pictures[rows], f"{key} {part}"), seed=run.seed * 1000 + part)


def _groups(data: Dataset, run: Run) -> Array:
    """(n,) int: near copies of each other have one number."""
    prints = run.describe("embed.fingerprint", data)
    looks = np.asarray(run.describe("embed.pixels", data), np.float32)
    near = copies.near_pictures(prints, looks, bits=_BITS, rng=np.random.default_rng([run.seed, 13]))
    return linked(len(data), near.a, near.b)


def _lessons(
    data: Dataset, teaching: Teaching, taught: Sequence[Operation], seed: int
) -> tuple[list[list[Move]], list[str]]:
    """For each changed copy its moves and the seed of its dice."""
    moves: list[list[Move]] = []
    seeds: list[str] = []
    for number in range(teaching.copies):
        for id in data.ids.tolist():
            own = digest("lesson", seed, id, number)
            rng = np.random.default_rng(int(own, 16))
            moves.append([drawn(taught[int(rng.integers(len(taught)))], rng)] if taught else [])
            seeds.append(own)
    return moves, seeds


def drawn(operation: Operation, rng: np.random.Generator, strength: float | None = None) -> Move:
    """The operation at this strength, or at one that shows, to either side where it has two."""
    share = strength if strength is not None else float(rng.uniform(_FAINTEST, 1))
    if not operation.graded:
        share = 1.0
    return Move(operation.name, round(share if not operation.signed or rng.random() < 0.5 else -share, 3))
