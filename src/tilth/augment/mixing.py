"""Mixing: new pictures out of two. Laid over each other (mixup), or a box of one put into the other (CutMix, SaliencyMix)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilth.augment.mixture import Block, Mixed
from tilth.augment.pairs import mixtures
from tilth.dataset import Dataset
from tilth.edit import Add
from tilth.errors import SettingError, did_you_mean
from tilth.numerics import mixing
from tilth.signal import Array, Signals
from tilth.steps import Run

WITHIN = ("auto", "class", "any")


@dataclass(frozen=True)
class Mixup:
    """Makes each new train picture as the mean of two, weighted by a drawn share; its label is weighted alike."""

    within: str = "auto"  # who is mixed: class, any, or auto: any where the layout of the source holds soft labels
    alpha: float = 1.0  # of Beta(alpha, alpha): 1 draws shares evenly (CIFAR-10's), less makes near copies, more halves
    least: float = 0.1  # share of the partner at least: below, a new picture is a near copy and teaches nothing
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 20  # mixtures that are named after one picture

    version = 1
    modality = ("image",)
    source = "Zhang et al. 2018, arXiv:1710.09412"
    cost = "8 ms for a pair of 300 x 300, most of them for reading and writing"

    def __post_init__(self) -> None:
        _validate("augment.mixup", self)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        yield from mixtures("augment.mixup", "mixup", self, _overlaid, data, signals, run, budget)


@dataclass(frozen=True)
class CutMix:
    """Makes each new train picture from one whose box, anywhere, shows what another has there; the label goes by area."""

    within: str = "auto"  # who is mixed: class, any, or auto: any where the layout of the source holds soft labels
    alpha: float = 1.0  # of Beta(alpha, alpha), the paper's: shares are drawn evenly
    least: float = 0.1  # share of the partner at least, after the box is clipped to the frame
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 20  # mixtures that are named after one picture

    version = 1
    modality = ("image",)
    source = "Yun et al. 2019, arXiv:1905.04899"
    cost = "8 ms for a pair of 300 x 300, most of them for reading and writing"

    def __post_init__(self) -> None:
        _validate("augment.cutmix", self)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        yield from mixtures("augment.cutmix", "cutmix", self, _cut, data, signals, run, budget)


@dataclass(frozen=True)
class SaliencyMix:
    """As augment.cutmix, with the box around what stands out most in the picture that it is taken from.

    A box at random may bring in nothing but ground, and a share of a class with it. What stands out is told by the spectral
    residual, without a network.
    """

    within: str = "auto"  # who is mixed: class, any, or auto: any where the layout of the source holds soft labels
    alpha: float = 1.0  # of Beta(alpha, alpha), as in CutMix
    least: float = 0.1  # share of the partner at least, after the box is clipped to the frame
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 20  # mixtures that are named after one picture

    version = 1
    modality = ("image",)
    source = "Uddin et al. 2021, arXiv:2006.01791; Hou and Zhang 2007 (spectral residual)"
    cost = "9 ms for a pair of 300 x 300, most of them for reading and writing"

    def __post_init__(self) -> None:
        _validate("augment.saliency_mix", self)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        yield from mixtures("augment.saliency_mix", "saliency-mix", self, _cut_salient, data, signals, run, budget)


def _overlaid(block: Block) -> Mixed:
    return Mixed(mixing.blended(block.firsts, block.seconds, block.shares), block.shares)


def _cut(block: Block) -> Mixed:
    size = block.firsts.shape[1:3]
    return _boxed(block, np.array([[int(rng.integers(side)) for side in size] for rng in block.dice]))


def _cut_salient(block: Block) -> Mixed:
    from tilth.numerics.saliency import salient

    # Without the frame of ground: where a picture ends would stand out most.
    own = [one[a:c, b:d] for one, (a, b, c, d) in zip(block.seconds, block.places.tolist(), strict=True)]
    corners, spans = block.places[:, :2], block.places[:, 2:] - block.places[:, :2]
    return _boxed(block, (corners + salient(own) * spans).astype(np.int64))


def _boxed(block: Block, centres: Array) -> Mixed:
    height, width = block.firsts.shape[1:3]
    box = mixing.boxes(block.shares, centres, height, width)
    return Mixed(mixing.pasted(block.firsts, block.seconds, box), mixing.left_share(box, height, width), box)


def _validate(name: str, step: Any) -> None:
    if step.within not in WITHIN:
        hint = did_you_mean(str(step.within), WITHIN)
        raise SettingError(f"{name}: within is {', '.join(WITHIN)}; found {step.within!r}{hint}")
    if isinstance(step.alpha, bool) or not isinstance(step.alpha, (int, float)) or not 0 < step.alpha <= 1000:
        raise SettingError(f"{name}: alpha must lie above 0 and up to 1000, found {step.alpha!r}")
    if isinstance(step.least, bool) or not isinstance(step.least, (int, float)) or not 0 <= step.least <= 0.4:
        raise SettingError(f"{name}: least is a share within 0 and 0.4, found {step.least!r}")
    if isinstance(step.most_per_parent, bool) or not isinstance(step.most_per_parent, int) or step.most_per_parent < 1:
        raise SettingError(f"{name}: most_per_parent must be at least 1, found {step.most_per_parent!r}")
