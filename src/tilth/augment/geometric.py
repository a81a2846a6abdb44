"""New pictures by small moves: shear, turn, shift, zoom, noise, one at a time or several at once.

They fill small classes up to the budget. What comes into the frame has the value of the picture's own ground, so
white paper stays white and a dark ground dark; there are no flips, for a mirrored numeral or letter is another one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

import numpy as np

from tilth.augment.turns import Names, demand_of, made_sample, plan
from tilth.dataset import Dataset, label_text
from tilth.digest import digest, digest_bytes
from tilth.edit import Add
from tilth.errors import SettingError, StepError, did_you_mean
from tilth.numerics import picture, warp
from tilth.sample import Sample, made_id
from tilth.signal import Array, Signals
from tilth.steps import Run

TECHNIQUES = ("shear", "rotate", "shift", "zoom", "noise")
MIX = "mix"

_LEAST = 0.3  # of the full magnitude: below, the new picture is a near copy and teaches nothing
_TRIES = 4  # draws before a picture that comes out as it was is given up (a shift of less than a pixel)


@dataclass(frozen=True)
class Geometric:
    """Makes new train pictures by shear, turn, shift, zoom and noise: classes become even, the budget full."""

    techniques: tuple[str, ...] = TECHNIQUES
    rotate_deg: float = 15.0  # degrees; a 6 stays a 6, and handwriting leans as much by itself
    shear: float = 0.2  # pixels sideways per pixel of height: 11 degrees of slant
    shift: float = 0.1  # share of the side
    zoom_out: float = 0.8  # smallest scale: a stroke of one pixel still shows
    zoom_in: float = 1.15  # largest scale
    noise: float = 0.05  # deviation as a share of black to white: visible, and no glyph drowns in it
    mixed: float = 0.5  # share of new pictures that get several techniques at once
    balance: bool = True  # smallest classes first; False: every picture is used alike
    most_per_parent: int = 50  # copies of one picture: a class of one must not fill the set with itself

    version = 1
    modality = ("image",)
    source = "Simard et al. 2003, doi:10.1109/ICDAR.2003.1227801"
    cost = "5 to 10 ms for a picture of 300 x 300, mostly for writing it"

    def __post_init__(self) -> None:
        object.__setattr__(self, "techniques", tuple(self.techniques))
        for name in self.techniques:
            if name not in TECHNIQUES:
                known = f"{did_you_mean(name, TECHNIQUES)} (there is {', '.join(TECHNIQUES)})"
                raise SettingError(f"augment.geometric has no technique {name!r}{known}")
        if not self.techniques or len(set(self.techniques)) < len(self.techniques):
            found = ", ".join(self.techniques) or "none"
            raise SettingError(f"augment.geometric: name one or more techniques, each once; found {found}")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                fault = f"{name} must lie within {low:g} and {high:g}, found {value!r}"
                raise SettingError(f"augment.geometric: {fault}")

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> Iterator[Add]:
        """New train pictures, so that the open part of the data holds at most `budget` samples."""
        if data.schema.modality != "image":
            raise StepError("augment.geometric works on images; this dataset holds texts. Use augment.text.")
        key = digest(self)
        room = budget - len(data.open)
        rng, most = run.rng(key, "turns"), self.most_per_parent
        turns = plan(data, room, rng, balance=self.balance, most=most, demand=demand_of(signals))
        parents = data.only(turns.parents)
        names = Names(data)
        tasks = []
        for parent, times in zip(parents, turns.times.tolist(), strict=True):
            ordinals = names.ordinals(parent.id, key, times)
            tasks.append([_Task(self, parent, n, *self._drawn(run, key, parent, n)) for n in ordinals])
        made = 0
        for group in _in_threads(tasks, run.images(parents), run, key):
            for one in group:
                made += 1
                yield _add(*one, names, data, key)
        if made < room:
            run.log(f"augment.geometric made {made} of {room} pictures that the budget has room for")

    def _drawn(self, run: Run, key: str, parent: Sample, ordinal: int) -> tuple[str, tuple[str, ...]]:
        """The technique of a new picture, and what it is made of."""
        rng = run.rng(key, parent.id, ordinal, "technique")
        moves = [name for name in self.techniques if name != "noise"]
        if len(moves) < 2 or rng.random() >= self.mixed:
            only = str(rng.choice(self.techniques))
            return only, (only,)
        chosen = rng.choice(moves, size=int(rng.integers(2, len(moves) + 1)), replace=False).tolist()
        # Noise joins at its own rate and no more: it makes a file ten times as large.
        grain = ["noise"] if "noise" in self.techniques and rng.random() < 1 / len(self.techniques) else []
        return MIX, tuple(sorted([*chosen, *grain], key=TECHNIQUES.index))


_RANGES = {
    "rotate_deg": (0, 180),
    "shear": (0, 1),
    "shift": (0, 0.5),
    "zoom_out": (0.1, 1),
    "zoom_in": (1, 4),
    "noise": (0, 1),
    "mixed": (0, 1),
    "most_per_parent": (1, 1_000_000),
}


@dataclass(frozen=True)
class _Task:
    step: Geometric
    parent: Sample
    ordinal: int
    technique: str
    parts: tuple[str, ...]


def moves(step: Geometric, parts: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Magnitudes, drawn evenly between a floor and the setting, to either side."""

    def share() -> float:
        return float(rng.uniform(_LEAST, 1) * rng.choice((-1, 1)))

    drawn: dict[str, float] = {}
    if "shear" in parts:
        drawn["shear"] = share() * step.shear
    if "rotate" in parts:
        drawn["rotate_deg"] = share() * step.rotate_deg
    if "shift" in parts:
        drawn["right"], drawn["down"] = share() * step.shift, share() * step.shift
    if "zoom" in parts:
        size = share()
        drawn["zoom"] = step.zoom_out**-size if size < 0 else step.zoom_in**size
    if "noise" in parts:
        drawn["noise"] = abs(share()) * step.noise
    return drawn


def moved(original: Array, amounts: dict[str, float], rng: np.random.Generator, *, ground: Array, ink: Array) -> Array:
    """The picture under these magnitudes: one resampling, and what ink lies free of the border stays in frame.

    ground, ink  of the original, as `picture.background` and `warp.ink_points` give them
    """
    out = original
    if amounts.keys() - {"noise"}:
        size = (original.shape[0], original.shape[1])
        matrix = warp.affine(
            size,
            rotate_deg=amounts.get("rotate_deg", 0.0),
            shear=amounts.get("shear", 0.0),
            zoom=amounts.get("zoom", 1.0),
            shift=(amounts.get("right", 0.0), amounts.get("down", 0.0)),
        )
        out = warp.warp(original, warp.keep_inside(matrix, ink, size), ground)
    if amounts.get("noise"):
        out = warp.noisy(out, amounts["noise"], rng)
    return out


_Made: TypeAlias = tuple[_Task, bytes, dict[str, float]]


def _in_threads(tasks: list[list[_Task]], pictures: Iterator[Array], run: Run, key: str) -> Iterator[list[_Made]]:
    """What came of each parent, in order. Pillow lets go of the interpreter's lock, so threads run side by side."""
    waiting: deque[Future[list[_Made]]] = deque()
    with ThreadPoolExecutor(max(run.threads, 1)) as pool:
        for group, original in zip(tasks, pictures, strict=True):
            waiting.append(pool.submit(_children, group, original, run, key))
            if len(waiting) > 2 * run.threads:  # so many pictures are held, no more
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _children(group: list[_Task], original: Array, run: Run, key: str) -> list[_Made]:
    ground = picture.background(original)
    ink = warp.ink_points(original, ground)
    made = (_made(task, original, run, key, ground, ink) for task in group)
    return [one for one in made if one is not None]


def _made(task: _Task, original: Array, run: Run, key: str, ground: Array, ink: Array) -> _Made | None:
    """The file and its magnitudes; None where it cannot be told from its parent (a picture of one colour)."""
    for attempt in range(_TRIES):
        rng = run.rng(key, task.parent.id, task.ordinal, attempt)
        amounts = moves(task.step, task.parts, rng)
        out = moved(original, amounts, rng, ground=ground, ink=ink)
        if not np.array_equal(out, original):
            return task, picture.encode(out, suffix=_suffix(task.parent)), amounts
    return None


def _suffix(parent: Sample) -> str:
    return ".jpg" if PurePosixPath(parent.path).suffix.lower() in (".jpg", ".jpeg") else ".png"


def _add(task: _Task, content: bytes, amounts: dict[str, float], names: Names, data: Dataset, key: str) -> Add:
    sample = made_sample(
        task.parent,
        id=made_id((task.parent.id,), key, task.ordinal),
        content=digest_bytes(content),
        path=names.path(task.parent, task.technique, _suffix(task.parent)),
        maker=f"augment.geometric:{task.technique}",
        home="blob",
    )
    words = ", ".join(_WORDS[name].format(value) for name, value in amounts.items())
    evidence = {"technique": task.technique, **{name: round(value, 4) for name, value in amounts.items()}}
    because = f"more of {label_text(data.schema, task.parent.label)}: a copy of {task.parent.path}, {words}"
    return Add(sample, because, evidence, content)


_WORDS = {
    "shear": "sheared by {:+.2f}",
    "rotate_deg": "turned by {:+.1f} degrees",
    "right": "shifted right by {:+.0%}",
    "down": "shifted down by {:+.0%}",
    "zoom": "zoomed to {:.0%}",
    "noise": "with noise of {:.1%}",
}
