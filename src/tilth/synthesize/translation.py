"""Translation: train pictures in the style of another domain, learned from the two sets of pictures without any pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tilth.dataset import Dataset
from tilth.edit import Add
from tilth.errors import SettingError, StepError
from tilth.signal import Signals
from tilth.steps import Run
from tilth.synthesize.translate.domains import asked, pair_of

NAME = "synthesize.translation"
METHODS = ("fastcut", "cut", "cyclegan")


def _learner_settings() -> Mapping[str, Any]:
    # As the label guard's witnesses: it keeps where things stand, which is what tells an I from a II. Two views are asked
    # about, not eight: three networks are asked about each picture.
    own = {"loss": "classes", "looks": ("content",), "side_px": 48, "epochs": 12, "asked": 2}
    return {**own, "precision": "fp32"}


@dataclass(frozen=True)
class Translation:
    """Makes train pictures anew in the style of the target: of the label book, of a class, or of pictures with some attribute.

    A network learns to draw pictures of the origin so that a critic takes them for pictures of the target; no two pictures
    need to show the same thing. What it draws comes in only where a judge of the target's style takes it for its class.
    """

    method: str = "fastcut"  # fastcut, cut or cyclegan: one generator, one and an identity, two of them and back
    origin: str = "split:train"  # split:NAME, class:NAME, COLUMN<VALUE of the attributes, joined by &
    target: str = ""  # likewise; none: the split that stands for what the model will meet
    side_px: int | None = None  # side it works at; None: 32, or 64 where pictures are larger, 128 on a GPU
    steps: int = 3000  # 7 minutes of one core at 32 px by fastcut
    batch: int = 16  # of either domain; published: 1, which leaves the cores idle at 32 px
    width: int = 16  # of the generator's first layer; published: 64, for 256 px
    blocks: int = 3  # of the generator; published: 6 or 9
    critic_width: int = 32  # of the critic's first layer; published: 64
    rate: float = 4e-4  # of Adam; falls to nothing over the second half
    critic_rate: float = 0.5  # of the rate, for the critic: at the whole rate it was sure within a hundred steps
    noise: float = 0.5  # deviation, on a scale of -1 to 1, of what the critic looks through at first; gone half-way
    meaning: float = 1.0  # of "a reader of the target's pictures takes it for its class", where labels are told
    content: float | None = None  # weight of PatchNCE; None: 10 for fastcut, 1 for cut, as published
    identity: float | None = None  # of "a target picture stays"; None: 0, 1 and 5, as published
    cycle: float = 10.0  # of "there and back", as published; for cyclegan alone
    patches: int = 64  # places of a layer that are compared; published: 256, of larger layers
    temperature: float = 0.07  # of PatchNCE, as published
    flips: bool = (
        False  # compares with a mirrored picture half of the time, as FastCUT for photographs; not for drawings
    )
    pool: int = 50  # drawn pictures that the critic meets again, as published; for cyclegan alone
    shift: float = 0.125  # of the side, by which pictures are moved before the critic looks at them
    average: float = 0.999  # of the weights that are kept, what stays at each step; 0: the last ones are kept
    labels: str = "auto"  # free, balanced (both domains show the same classes) or told (the critic is told the class)
    judge: str = "auto"  # what the judge is taught on: target, both or origin
    learner: str = "learn.contrastive"  # of the judge
    settings: Mapping[str, Any] = field(default_factory=_learner_settings)  # of that learner
    folds: int = 3  # networks of the judge; each judges what it did not see
    agree: float = 0.4  # least agreement of judge and labels beyond chance; below it nothing of what is drawn comes in
    guided: bool = True  # larger pictures keep the edges of their original where only tones change
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_seen: int = 4000  # pictures of a domain that are looked at in training
    precision: str = "auto"  # bf16 on a GPU, fp32 on a CPU, where it was up to 8 times as slow

    version = 2
    own_learner = True
    modality = ("image",)
    source = "Park et al. 2020, arXiv:2007.15651 (CUT, FastCUT); Zhu et al. 2017, arXiv:1703.10593 (CycleGAN)"
    cost = "O(steps): 0.15 s of one core for each at 32 px by fastcut, 0.4 s by cyclegan; and a training for each fold"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingError(f"{NAME}: {name} is {', '.join(choices)}; found {getattr(self, name)!r}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name in ("side_px", "content", "identity"):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise SettingError(f"{NAME}: {name} must lie within {low:g} and {high:g}, found {value!r}")
        if self.side_px is not None and self.side_px % 16:
            raise SettingError(f"{NAME}: side_px must be a multiple of 16, found {self.side_px!r}")
        asked(self.origin)
        if self.target:
            asked(self.target)

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """Each picture of the origin at most once in the target's style, so that the open part of the data holds at most `budget`
        samples. The second time it is a copy of what was found before: network and judge are not taught again."""
        if data.schema.modality != "image" or data.schema.task != "single-label":
            what = f"{data.schema.modality}s, {data.schema.task}"
            raise StepError(f"{NAME} works on pictures of one class each; these data are {what}.")
        pair = pair_of(data, signals, run, self.origin, self.target)
        room = budget - len(data.open)
        if room <= 0:
            return  # a training would be for nothing
        from tilth.synthesize.translating import translated

        yield from translated(self, data, pair, run, room)


_CHOICES = {
    "method": METHODS,
    "labels": ("auto", "free", "balanced", "told"),
    "judge": ("auto", "target", "both", "origin"),
    "precision": ("auto", "fp32", "bf16"),
}
_RANGES = {
    "side_px": (16, 512),
    "steps": (1, 10_000_000),
    "batch": (1, 4096),
    "width": (1, 512),
    "blocks": (1, 64),
    "critic_width": (1, 512),
    "rate": (1e-7, 1),
    "critic_rate": (0.01, 10),
    "noise": (0, 10),
    "meaning": (0, 1000),
    "content": (0, 1000),
    "identity": (0, 1000),
    "cycle": (0, 1000),
    "patches": (2, 65536),
    "temperature": (1e-3, 10),
    "pool": (0, 100_000),
    "shift": (0, 0.5),
    "average": (0, 0.999999),
    "folds": (2, 20),
    "agree": (0, 1),
    "most_seen": (8, 10_000_000),
}
