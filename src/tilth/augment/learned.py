"""New pictures by a learned policy: searched on the train pictures at a small size, followed at their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tilth.augment.filling import filled, require_images
from tilth.augment.operation import Move
from tilth.augment.operations.sets import AUTO, named
from tilth.augment.policy import Policy, load_policy, policy_of
from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.numerics import picture
from tilth.signal import Array, Signals
from tilth.steps import Run

GREY = ("shear_x", "shear_y", "shift_x", "shift_y", "rotate", "invert", "noise")
"""Of the paper on Roman numerals, and noise: few, for every one costs a warp for each stage of the search."""

COLOUR = (
    *("shear_x", "shear_y", "shift_x", "shift_y", "rotate", "hflip", "invert", "solarize", "posterize"),
    *("contrast", "saturation", "brightness", "sharpen", "autocontrast", "equalize"),
)
"""The fifteen of AutoAugment, with shifts along both axes."""

_TRIES = 16  # draws before a picture is given up that the policy leaves as it is each time


@dataclass(frozen=True)
class LearnedPolicy:
    """Makes new train pictures by a policy that is learned from the pictures themselves (Faster AutoAugment).

    A critic learns to tell augmented pictures from real ones, the policy learns to be taken for real.
    """

    operations: tuple[str, ...] = ()  # of the catalogue; none: the seven for grey pictures, the fifteen for colour
    forbid: tuple[str, ...] = ()  # operations that are left out: inversion where nothing is ever white on black
    policy: str = ""  # a JSON file to follow; none: search
    subpolicies: int = 10  # as published
    stages: int = 2  # operations in a row, as published
    steps: int = 1000  # 128,000 pictures seen; published: 80,000, twenty passes over 4,000 of CIFAR
    batch: int = 64  # pictures to augment, and as many to compare with
    chunks: int = 8  # of a batch; the pictures of one share a sub-policy
    softmax: float = 0.05  # temperature of the choice between operations
    bernoulli: float = 0.1  # temperature of "done or not"
    class_weight: float = 0.1  # of the classifier's loss beside the critic's
    penalty: float = 10.0  # weight of the critic's gradient penalty
    rate: float = 1e-3  # of Adam, for critic and policy
    search_px: int = 32  # side at which the search looks at pictures; they are made at their own size
    most_seen: int = 4000  # train pictures that the search looks at
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 50  # copies of one picture: a class of one must not fill the set with itself
    side_px: int | None = None  # longer side of the new pictures; None: as large as their parents
    keep_ink: bool = True  # ink that lies free of the border is not moved out of the frame

    version = 3
    files = ("policy",)
    modality = ("image",)
    source = "Hataya et al. 2020, arXiv:1911.06987"
    cost = "the search at 32 px some 150 s of one core with the grey operations, 300 s with those for colour"

    def __post_init__(self) -> None:
        for name in ("operations", "forbid"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                fault = f"{name} must lie within {low:g} and {high:g}, found {value!r}"
                raise SettingError(f"augment.policy: {fault}")
        if self.chunks > self.batch:
            raise SettingError(f"augment.policy: {self.chunks} chunks cannot be cut from a batch of {self.batch}")
        for usual in (GREY, COLOUR):
            self.allowed(usual)

    @cached_property
    def weights(self) -> str:
        """Digest of the policy's file: the identity of what is followed, which its path is not."""
        if not self.policy:
            return ""
        try:
            return digest_bytes(Path(self.policy).read_bytes())
        except OSError as fault:
            raise SettingError(f"augment.policy: the policy {self.policy} cannot be read ({fault.strerror})") from fault

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        require_images("augment.policy", data)
        if budget <= len(data.open):
            return  # a search would be for nothing
        from tilth.augment.operations import OPERATIONS

        policy = self.found(data, run)

        def moves(rng: np.random.Generator) -> tuple[Move, ...]:
            drawn = (policy.moves(rng, OPERATIONS) for _ in range(_TRIES))
            return next((one for one in drawn if one), ())

        key, most = digest(replace(self, policy=""), self.weights), self.most_per_parent
        yield from filled(
            "augment.policy", self, key, moves, data, signals, run, budget, balance=self.balance, most=most
        )

    def allowed(self, usual: tuple[str, ...]) -> tuple[str, ...]:
        """The operations that are asked for, or the usual ones, each once, without those that are forbidden."""
        return named("augment.policy", tuple(one for one in self.operations if one != AUTO) or usual, self.forbid)

    def found(self, data: Dataset, run: Run) -> Policy:
        """The policy of the file that is named, or the one that a search on the train pictures finds."""
        from tilth.augment.operations import OPERATIONS

        if self.policy:
            return load_policy(Path(self.policy), OPERATIONS).without(self.forbid)
        return searched(self, data, run)


_RANGES = {
    "subpolicies": (1, 1000),
    "stages": (1, 10),
    "steps": (1, 1_000_000),
    "batch": (2, 4096),
    "chunks": (1, 4096),
    "softmax": (1e-3, 10),
    "bernoulli": (1e-3, 10),
    "class_weight": (0, 1000),
    "penalty": (0, 1000),
    "rate": (1e-6, 1),
    "search_px": (16, 256),
    "most_seen": (2, 1_000_000),
    "most_per_parent": (1, 1_000_000),
}
_MAKING = ("policy", "balance", "most_per_parent", "side_px", "keep_ink")  # what a search does not hang on


def searched(step: LearnedPolicy, data: Dataset, run: Run) -> Policy:
    """The policy that a search finds. It is kept, and written as a file whose place is told."""
    seen = _looked_at(step, data, run)
    plain = {field.name: getattr(step, field.name) for field in fields(step) if field.name not in _MAKING}
    key = ("policy", digest(plain), step.version, seen.version, run.seed)
    kept = run.keep(key, lambda: _search(step, seen, run, key))
    policy = policy_of(
        kept["operations"].tolist(),
        *(kept[name] for name in ("chance", "p", "magnitude")),
        softmax=step.softmax,
        bernoulli=step.bernoulli,
        seed=run.seed,
        data=seen.version,
    )
    file = run.checkpoints(*key, "found") / "policy.json"
    file.write_text(policy.json(), encoding="utf-8")
    run.log(f"augment.policy found, for a picture on average: {policy.told()}")
    run.log(f"augment.policy: to read it, or to follow it again:  policy = {str(file)!r}")
    return policy


def _looked_at(step: LearnedPolicy, data: Dataset, run: Run) -> Dataset:
    """The train pictures of a search: raw, labelled, weighted; a draw of them where there are many."""
    train = data.train
    weights = train.table.column("weight").to_numpy()
    fit = train.where((train.targets.sum(axis=1) > 0) & (weights > 0) & ~train.made)
    if len(fit) < 2:
        raise StepError(
            f"augment.policy searches on train pictures that are labelled and not made by a step; there are {len(fit)}."
            "\n  Name a policy to follow (policy = PATH), or use augment.geometric."
        )
    if len(fit) <= step.most_seen:
        return fit
    return fit.only(fit.ids[run.rng("policy", "seen").choice(len(fit), step.most_seen, replace=False)])


def _search(step: LearnedPolicy, seen: Dataset, run: Run, key: tuple[object, ...]) -> dict[str, Array]:
    """What `policy_of` makes a policy of, and the losses on the way."""
    from tilth.augment.faster import Search, search
    from tilth.augment.operations import OPERATIONS

    pictures = _small(seen, run, step.search_px)
    names = step.allowed(GREY if pictures.shape[1] == 1 else COLOUR)
    settings = Search(
        subpolicies=step.subpolicies,
        stages=step.stages,
        steps=step.steps,
        batch=step.batch,
        chunks=step.chunks,
        softmax=step.softmax,
        bernoulli=step.bernoulli,
        class_weight=step.class_weight,
        penalty_weight=step.penalty,
        rate=step.rate,
        multi=seen.schema.task == "multi-label",
    )
    with run.progress("searching a policy", step.steps) as advance:
        found = search(
            pictures,
            seen.targets,
            [OPERATIONS[name] for name in names],
            settings,
            lambda *words: run.rng(key, *words),
            device=run.device,
            threads=run.threads,
            folder=run.checkpoints(*key, "search"),
            advance=advance,
        )
    return {**found, "operations": np.array(names)}


def _small(data: Dataset, run: Run, side_px: int) -> Array:
    """(n, c, side, side) uint8; one channel where no picture has colour."""
    small = [picture.resize(one, side_px, side_px) for one in run.images(data)]
    grey = all(bool((one == one[:, :, :1]).all()) for one in small)
    pictures = np.stack([one[:, :, :1] if grey else picture.to_channels(one, 3) for one in small])
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))
