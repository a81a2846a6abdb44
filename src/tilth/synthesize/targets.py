"""The target of those who write pictures: whose looks they draw from, and strokes that come out as wide as theirs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from tilth.dataset import Dataset, target_split
from tilth.errors import StepError
from tilth.numerics import attributes
from tilth.sample import TEST, TRAIN
from tilth.signal import Signals
from tilth.steps import Run
from tilth.synthesize.desk import Page, Pen, shown
from tilth.synthesize.ink.fit import Target, seen

_TUNED = [attributes.NAMES.index("stroke"), attributes.NAMES.index("edge")]
_TRIALS = 40  # pictures that are drawn to see how wide strokes come out: their median is off by 3 %
_NEAR = 0.03  # of what is wanted, as a share


def suffix_of(target: Target) -> str:
    """What most pictures of the target are."""
    jpegs = sum(one.jpeg for one in target.every)
    return ".jpg" if 2 * jpegs > len(target.every) else ".png"


def target_of(
    step: str, data: Dataset, signals: Signals, run: Run, *, against: str, looked_at: int, least: float = 0.0
) -> Target:
    """The looks to draw from. Raises StepError where the target has no drawing on plain ground.

    least  share (0..1) of its pictures that must be such drawings
    """
    pool = _pool(step, data, against, looked_at)
    rows = signals["attributes"].rows(pool.ids) if _told(signals, pool) else None
    pictures = run.images(pool)
    found = [
        seen(
            shown,
            attributes.of_pictures([shown])[0] if rows is None else rows[at],
            id=one.id,
            label=int(pool.labels[at]),
            jpeg=PurePosixPath(one.path).suffix.lower() in (".jpg", ".jpeg"),
        )
        for at, (one, shown) in enumerate(zip(pool, pictures, strict=True))
    ]
    looks = [one for one in found if one is not None]
    if not looks or len(looks) < least * len(pool):
        raise StepError(
            f"{step} takes its looks from drawings on plain ground: {len(looks) or 'none'} of the {len(pool)} pictures it looked "
            f'at are such, {max(1, math.ceil(least * len(pool)))} would do.\n  Name a split that has some:  against = "SPLIT"'
        )
    return Target.of(looks)


def _pool(step: str, data: Dataset, against: str, looked_at: int) -> Dataset:
    """The target's pictures that are looked at: raw ones, labelled ones where there are any."""
    split = against or target_split(data) or TRAIN
    pool = data.open.split(split)
    pool = pool.where(~pool.made)
    if split == TEST or not len(pool):
        there = ", ".join(np.unique(data.open.splits).tolist())
        raise StepError(
            f"{step} was to take the looks of {split!r}, and that has no open pictures (there is: {there})."
        )
    labelled = pool.where(pool.labels >= 0)
    pool = labelled if len(labelled) else pool
    rng = np.random.default_rng([len(pool), 7])
    return pool.only(rng.permutation(pool.ids)[:looked_at])


def _told(signals: Signals, pool: Dataset) -> bool:
    return "attributes" in signals and signals["attributes"].covers(pool.ids)


def tuned(target: Target, pen_of: Callable[[Target], Pen], labels: Sequence[int], *, rounds: int = 3) -> Target:
    """The same with a pen that draws strokes as wide and edges as soft as the target's, as they are measured in pictures.

    pen_of  who writes with the looks of a target
    labels  classes that can be written
    """
    wanted = {one.id: (one.pen_px, one.soft_px) for one in target.every}
    pages = [Page(labels[at % len(labels)], -1, f"trial {at}") for at in range(_TRIALS)]
    for _ in range(rounds):
        done = shown(pen_of(target), pages, 0)
        rows = (
            attributes.known(attributes.of_pictures([one.shown for one in done]))[:, _TUNED]
            if done
            else np.zeros((0, 2))
        )
        rows = rows * np.array([max(one.shown.shape) for one in done])[:, None]
        ratios = rows / np.array([wanted[one.evidence["looks_of"]] for one in done]).reshape(-1, 2)
        if not np.isfinite(ratios).all(axis=1).any():
            return target
        thicker, softer = (target.thicker, target.softer) / np.maximum(np.nanmedian(ratios, axis=0), 0.1)
        if max(abs(np.log((thicker / target.thicker, softer / target.softer)))) < _NEAR:
            return target
        target = replace(target, thicker=float(np.clip(thicker, 0.6, 2)), softer=float(np.clip(softer, 0.5, 3)))
    return target
