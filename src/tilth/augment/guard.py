"""The label guard: no operation may change what a picture means. A mirrored "vi" reads "iv".

What each operation does to each class is learned from the data: networks that never saw a picture are asked what it is
after the operation. What they say stands in the signal; `numerics.label_map` makes verdicts of it, a person's rules stand
above them, and `augment.fates` answers whoever makes pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tilth.augment.operation import Move, Operation
from tilth.augment.operations.sets import named, spelled
from tilth.augment.real import Real
from tilth.augment.witnesses import Teaching, Witnesses, changed, drawn, witnesses
from tilth.dataset import Dataset, Schema
from tilth.digest import digest
from tilth.errors import SettingError
from tilth.numerics import label_rules
from tilth.numerics.label_fates import PER_ANSWER
from tilth.signal import Array, Signal, Signals
from tilth.steps import Run

if TYPE_CHECKING:
    from tilth.augment.made_check import MadeCheck


def _learner_settings() -> Mapping[str, Any]:
    # One look, no contrast: half a minute a fold for 2,000 pictures. It keeps where things stand, which is what a flip
    # changes; learn.convnet, which averages over the picture, saw 38 % of mirrored iv as vi, this 88 %.
    return {"loss": "classes", "looks": ("content",), "side_px": 48, "epochs": 8, "precision": "fp32"}


@dataclass(frozen=True)
class Guard:
    """Learn what each operation makes of each class: whether it stays what it is, becomes another, or is spoilt.

    Rules are written `operation: class -> class`, with `<->` for both ways, `forbid` or `allow` for a class, and `*` for all
    of them; operations that are done together are joined by `+`.
    """

    rules: tuple[str, ...] = ()  # of a person, above what is learned: "hflip: iv <-> vi", "vflip: * -> forbid"
    operations: tuple[str, ...] = ()  # that are tried, or sets of them (auto: drawing or photo); none named: all
    strengths: tuple[float, ...] = (0.5, 1.0)  # of the full strength of each operation that has one
    learner: str = "learn.contrastive"  # any learner by its name
    settings: Mapping[str, Any] = field(default_factory=_learner_settings)  # of the learner
    folds: int = 3  # networks; each judges what it did not see
    side_px: int = 64  # longer side of the pictures that are judged; strokes of a glyph show
    copies: int = 1  # changed copies of each picture that the networks are taught
    per_class: int = 60  # samples of a class that each operation is tried on: an interval of 0.1; flips on 200
    most: int = 6000  # samples that are taught, a fair draw of each class: three minutes of one core

    version = 2
    gives = ("guard",)
    grain = "dataset"
    own_learner = True
    modality = ("image",)
    cost = "a training for each fold, and some 60 looks at 60 samples of each class"

    def __post_init__(self) -> None:
        for name in ("rules", "operations", "strengths"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        for name, least in (("folds", 2), ("side_px", 8), ("copies", 0), ("per_class", 1), ("most", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingError(f"augment.guard: {name} must be a whole number from {least} up, found {value!r}")
        if self.operations:
            named("augment.guard", self.operations)
        if not self.strengths or not all(0 < share <= 1 for share in self.strengths):
            raise SettingError(f"augment.guard: strengths lie above 0 and up to 1, found {self.strengths!r}")

    def measure(self, data: Dataset, run: Run) -> Signal:
        """`guard` (n, 3 (m + 1)) float32: what the witnesses answer to each sample untouched and after m changes, in threes
        as `label_fates.PER_ANSWER` says. The changes stand in `meta["changes"]`, each a list of (operation, strength)."""
        self.fits(data.schema)
        catalogue = _catalogue()
        tried = self.tried(data, run)
        changes = self.changes(catalogue, tried)
        jury = witnesses(data, run, self.teaching(), taught(catalogue, tried))
        values = np.zeros((len(data), 1 + len(changes), PER_ANSWER), np.float32)
        values[:, :, 0] = -1
        rows = np.searchsorted(data.ids, jury.ids)
        with run.progress("asking the label guard", 1 + len(changes)) as advance:
            real = Real.of(jury, run)
            every = np.arange(len(jury.ids))
            values[rows, 0] = answered(real, real.chances, real.features, every)
            advance(1)
            order = _order(jury, run.seed)
            for at, change in enumerate(changes, 1):
                asked = order < (self.per_class if graded(change, catalogue) else max(200, self.per_class))
                values[rows[asked], at] = _tried(real, np.flatnonzero(asked), change, catalogue, run)
                advance(1)
        meta = {
            "changes": [[[name, share] for name, share in change] for change in changes],
            "rules": list(self.rules),
            "own_inverse": [not graded(change, catalogue) for change in changes],
            "catalogue": list(catalogue),
            "mirrors": [name for name, operation in catalogue.items() if mirrors(operation)],
            "operations": list(tried),
            "teaching": {**vars(self.teaching()), "settings": dict(self.settings)},
        }
        return Signal("guard", data.ids, values.reshape(len(data), -1), meta=meta)

    def fits(self, schema: Schema) -> None:
        """Raises SettingError for a rule that speaks of an operation or of a class that there is not."""
        if self.rules:
            label_rules.parsed(self.rules, operations=tuple(_catalogue()), classes=schema.classes)

    def made_check(self, data: Dataset, signals: Signals, run: Run) -> MadeCheck:
        """What judges made pictures by the witnesses of the signal `guard`, for steps that do not augment."""
        from tilth.augment.made_check import made_check

        return made_check(data, signals, run)

    def teaching(self) -> Teaching:
        return Teaching(self.learner, dict(self.settings), self.folds, self.side_px, self.copies, self.most)

    def tried(self, data: Dataset, run: Run) -> tuple[str, ...]:
        """The operations that are asked about, in the order of the catalogue."""
        asked = spelled(self.operations, data, run)
        return named("augment.guard", asked or tuple(_catalogue()))

    def changes(self, catalogue: Mapping[str, Operation], tried: Sequence[str]) -> list[tuple[tuple[str, float], ...]]:
        """What is tried: each operation at each strength, and all flips at once."""
        found: list[tuple[tuple[str, float], ...]] = []
        for name in tried:
            found += [((name, share),) for share in (self.strengths if catalogue[name].graded else (1.0,))]
        flips = [change[0] for change in found if len(change) == 1 and mirrors(catalogue[change[0][0]])]
        return [*found, tuple(sorted(flips))] if len(flips) > 1 else found


def mirrors(operation: Operation) -> bool:
    """Whether it turns the sheet over: it has no small strength, and what it makes must be known without teaching."""
    return operation.family == "affine" and not operation.graded


def graded(change: Sequence[tuple[str, float]], catalogue: Mapping[str, Operation]) -> bool:
    return not all(mirrors(catalogue[name]) for name, _ in change)


def taught(catalogue: Mapping[str, Operation], tried: Sequence[str]) -> list[Operation]:
    """The operations of which witnesses are taught copies: all that are tried but the flips."""
    return [catalogue[name] for name in tried if not mirrors(catalogue[name])]


def answered(real: Real, chances: Array, features: Array | None, rows: Array) -> Array:
    """(b, 3) what the witness that did not see a sample says of it, as `PER_ANSWER` says.

    chances, features  (b, k) and (b, d), what it says and sees of the sample as it looks now
    rows               (b,) int, which of the jury's samples they are
    """
    answer = chances.argmax(axis=1)
    ranks = real.ranks(features, answer, real.jury.parts[rows], rows)
    return np.stack([answer, chances[np.arange(len(rows)), answer], ranks], axis=1).astype(np.float32)


def _tried(
    real: Real,
    rows: Array,
    change: Sequence[tuple[str, float]],
    catalogue: Mapping[str, Operation],
    run: Run,
) -> Array:
    jury = real.jury
    seeds = [digest("tried", run.seed, id, change) for id in jury.ids[rows].tolist()]
    moves: list[list[Move]] = []
    for seed in seeds:
        rng = np.random.default_rng(int(seed, 16))
        moves.append([drawn(catalogue[name], rng, share) for name, share in change])
    chances, features = jury.ask(changed(jury.pictures[rows], moves, seeds), jury.parts[rows], run)
    return answered(real, chances, features, rows)


def _order(jury: Witnesses, seed: int) -> Array:
    """(n,) int, the place of each sample among those of its class, drawn."""
    rng, order = np.random.default_rng([seed, 17]), np.zeros(len(jury.ids), np.int64)
    for label in np.unique(jury.labels):
        rows = np.flatnonzero(jury.labels == label)
        order[rows] = rng.permutation(len(rows))
    return order


def _catalogue() -> Mapping[str, Operation]:
    from tilth.augment.operations import OPERATIONS  # torch

    return OPERATIONS
