"""Perturbation: copies of train pictures that a network takes for another class, and people do not.

The network is of the kind that the recipe trains, and never saw the picture. The change is found at the size at which it
sees pictures, and carried back to the picture's own; the label stays, and is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tilth.augment.astray import Aim, Hit, led_astray, require_share
from tilth.dataset import Dataset
from tilth.edit import Add
from tilth.errors import SettingError
from tilth.perturb.looks import Eps, eps_for, require_eps
from tilth.signal import Signals
from tilth.steps import Run


@dataclass(frozen=True)
class Fgsm:
    """Makes copies in which each pixel is moved a little to the side that leads a network astray."""

    eps: Eps = "auto"  # most that a pixel moves, of black to white; auto: .1 on drawings, 8/255 on photographs
    learner: str = "convnet"  # the network that is led astray; default in a recipe: the fixed model
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the learner
    folds: int = 3  # networks; each never saw one part, and is led astray on that
    share: float = 0.1  # of train at most, with all other steps that lead astray; .15 is the most that can be set
    balance: bool = True  # smallest classes first
    astray_only: bool = True  # only those that still lead it astray as files; False: all that the label check lets in

    version = 1
    modality = ("image",)
    source = "Goodfellow et al. 2015, arXiv:1412.6572"
    cost = "a training for each fold"

    def __post_init__(self) -> None:
        require_eps("augment.fgsm", self.eps)
        _require("augment.fgsm", self)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, at most `share` of train and at most `budget` open samples in all."""
        eps = _eps("augment.fgsm", self.eps, data, run)

        def attack(aim: Aim) -> Sequence[Hit]:
            from tilth.perturb.gradient import fgsm

            return _carried(aim, fgsm(aim.answers, aim.pixels, aim.labels, eps=eps), limit=eps)

        what = f"each pixel moved by up to {eps:.3f} along the gradient of a network"
        yield from led_astray("augment.fgsm", self, attack, what, data, signals, run, budget)


@dataclass(frozen=True)
class Pgd:
    """Makes copies by many small steps along the gradient from a random start: the strongest within a distance."""

    eps: Eps = "auto"  # most that a pixel moves (linf), or all of them by root mean square (l2); auto as augment.fgsm
    norm: str = "linf"  # linf: no pixel moves farther; l2: all together do not
    steps: int = 10  # Madry et al. take 7 in training, 20 in the test
    step: float = 0.25  # length of a step, of eps
    learner: str = "convnet"  # the network that is led astray; default in a recipe: the fixed model
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the learner
    folds: int = 3  # networks; each never saw one part, and is led astray on that
    share: float = 0.1  # of train at most, with all other steps that lead astray
    balance: bool = True  # smallest classes first
    astray_only: bool = True  # only those that still lead it astray as files

    version = 1
    modality = ("image",)
    source = "Madry et al. 2018, arXiv:1706.06083"
    cost = "a training for each fold, and `steps` ways forth and back for each picture"

    def __post_init__(self) -> None:
        require_eps("augment.pgd", self.eps)
        _require("augment.pgd", self, steps=self.steps)
        if self.norm not in ("linf", "l2"):
            raise SettingError(f"augment.pgd: norm is linf or l2, found {self.norm!r}")
        if not 0 < self.step <= 2:
            raise SettingError(f"augment.pgd: step is a share of eps above 0 and up to 2, found {self.step!r}")

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, at most `share` of train and at most `budget` open samples in all."""
        eps = _eps("augment.pgd", self.eps, data, run)

        def attack(aim: Aim) -> Sequence[Hit]:
            from tilth.perturb import gradient

            if self.norm == "l2":
                length = eps * aim.pixels[0].numel() ** 0.5
                start = gradient.ball_start(aim.pixels, aim.dice, eps=length)
                how = {"eps": length, "step": self.step * length, "steps": self.steps}
                return _carried(aim, gradient.pgd_l2(aim.answers, aim.pixels, aim.labels, start, **how))
            start = gradient.box_start(aim.pixels, aim.dice, eps=eps)
            how = {"eps": eps, "step": self.step * eps, "steps": self.steps}
            return _carried(aim, gradient.pgd(aim.answers, aim.pixels, aim.labels, start, **how), limit=eps)

        what = f"moved within {eps:.3f} ({self.norm}) in {self.steps} steps against a network"
        yield from led_astray("augment.pgd", self, attack, what, data, signals, run, budget)


@dataclass(frozen=True)
class DeepFool:
    """Makes copies just beyond the border of their class, by about the shortest way there."""

    steps: int = 50  # at most; three to six are usual
    overshoot: float = 0.3  # of the whole change, added to it: at the papers' .02 rounding to a file undoes it
    candidates: int = 10  # classes whose borders are looked at, as published
    learner: str = "convnet"  # the network that is led astray; default in a recipe: the fixed model
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the learner
    folds: int = 3  # networks; each never saw one part, and is led astray on that
    share: float = 0.1  # of train at most, with all other steps that lead astray
    balance: bool = True  # smallest classes first
    astray_only: bool = True  # only those that still lead it astray as files

    version = 1
    modality = ("image",)
    source = "Moosavi-Dezfooli et al. 2016, arXiv:1511.04599"
    cost = "a training for each fold, and some 4 ways forth and 40 back for each picture"

    def __post_init__(self) -> None:
        _require("augment.deepfool", self, steps=self.steps)
        if self.candidates < 2 or not 0 <= self.overshoot <= 10:
            raise SettingError(
                "augment.deepfool: candidates are 2 or more and overshoot lies within 0 and 10, found "
                f"{self.candidates!r}, {self.overshoot!r}"
            )

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, at most `share` of train and at most `budget` open samples in all."""

        def attack(aim: Aim) -> Sequence[Hit]:
            from tilth.perturb.deepfool import deepfool

            how = {"steps": self.steps, "overshoot": self.overshoot, "candidates": self.candidates}
            return _carried(aim, deepfool(aim.answers, aim.pixels, aim.labels, **how).pixels)

        what = "carried just beyond the border at which a network takes it for another class"
        yield from led_astray("augment.deepfool", self, attack, what, data, signals, run, budget)


@dataclass(frozen=True)
class OnePixel:
    """Makes copies in which one pixel of what a network sees is another, found by evolution.

    Dear: tens of thousands of looks at a picture that does not give in. Where the network sees pictures smaller than they
    are, one of its pixels is a square of theirs.
    """

    agents: int = 400  # pixels that evolve side by side, as published
    generations: int = 100  # at most, as published
    factor: float = 0.5  # of the difference of two agents that moves a third, as published
    learner: str = "convnet"  # the network that is led astray; default in a recipe: the fixed model
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the learner
    folds: int = 3  # networks; each never saw one part, and is led astray on that
    share: float = 0.02  # of train at most: few pictures have such a pixel, and each is dear
    balance: bool = True  # smallest classes first
    astray_only: bool = True  # only those that still lead it astray as files

    version = 1
    modality = ("image",)
    source = "Su et al. 2019, arXiv:1710.08864"
    cost = "a training for each fold, and up to 40,400 looks at each picture"

    def __post_init__(self) -> None:
        _require("augment.one_pixel", self, generations=self.generations)
        if self.agents < 4 or not 0 < self.factor <= 2:
            raise SettingError(
                "augment.one_pixel: agents are 4 or more and factor lies above 0 and up to 2, found "
                f"{self.agents!r}, {self.factor!r}"
            )

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, at most `share` of train and at most `budget` open samples in all."""

        def attack(aim: Aim) -> Sequence[Hit]:
            from tilth.perturb.one_pixel import one_pixel

            how = {"agents": self.agents, "generations": self.generations, "factor": self.factor}
            shown, astray = one_pixel(aim.answers, aim.pixels, aim.labels, aim.dice, **how)
            return _pointed(aim, shown, astray)

        what = "with one pixel of what a network sees changed"
        yield from led_astray("augment.one_pixel", self, attack, what, data, signals, run, budget)


def _carried(aim: Aim, shown: Any, *, limit: float | None = None) -> list[Hit]:
    """Hits of changed pixels (b, c, H, W): the change of each, at the size of its picture."""
    import torch

    from tilth.perturb.carry import carried

    with torch.no_grad():
        astray = (aim.answers(shown).argmax(1) != aim.labels).tolist()
    changes = (shown - aim.pixels).cpu()
    lengths = (changes**2).flatten(1).mean(1).sqrt().tolist()
    return [
        Hit(carried(original, change, limit=limit), is_, {"rms": round(length, 5)})
        for original, change, is_, length in zip(aim.originals, changes, astray, lengths, strict=True)
    ]


def _pointed(aim: Aim, shown: Any, astray: Any) -> list[Hit]:
    from tilth.perturb.carry import pointed

    size = (int(shown.shape[2]), int(shown.shape[3]))
    hits: list[Hit] = []
    for original, before, after, is_ in zip(aim.originals, aim.pixels, shown, astray.tolist(), strict=True):
        row, column = divmod(int((after - before).abs().sum(0).argmax()), size[1])
        facts = {"row": round(row / size[0], 3), "column": round(column / size[1], 3)}
        hits.append(Hit(pointed(original, after[:, row, column], row, column, size), is_, facts))
    return hits


def _eps(name: str, eps: Eps, data: Dataset, run: Run) -> float:
    from tilth.perturb.against import require_pictures

    require_pictures(name, data)
    return eps_for(eps, data, run)


def _require(name: str, step: Any, **least_one: int) -> None:
    require_share(name, step.share)
    for setting, least in {**dict.fromkeys(least_one, 1), "folds": 2}.items():
        value = getattr(step, setting)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SettingError(f"{name}: {setting} must be a whole number from {least} up, found {value!r}")
