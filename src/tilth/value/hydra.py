"""HyDRA: what each train sample did to each judge over the whole training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.errors import SettingError, StepError
from tilth.signal import Array, Signal, Signals
from tilth.steps import Course, Run
from tilth.value.adjoint import exact
from tilth.value.gradients import blocks, room, trained
from tilth.value.passes import in_order, none_judges_itself
from tilth.value.replay import Along, Each, judge_directions, mean_direction, walk
from tilth.value.sides import Sides, sides, value_signal
from tilth.value.sketch import Sketch, SketchedDots
from tilth.value.traced import traced

MODES = ("matrix", "approximate", "exact")
_WHOLE_MB = 512  # of judges' gradients that are held as they are; beyond, sketches stand in
_MOST_PAIRS = 250_000_000  # of samples and judges: 1 GB
_BESIDE = 4  # judges for whom sketches are held against the gradients themselves, throughout


@dataclass(frozen=True)
class Hydra:
    """How much the loss of each judge would rise without the sample: the training is gone through again, and every
    visit of the sample is weighed by what it did to the end.

    `matrix` and `approximate` drop the Hessian, as the paper does; `exact` differentiates the whole training. A value is
    in nats: positive helps, negative harms.
    """

    version = 1
    source = "Chen et al. 2021, HyDRA, arXiv:2102.02515; exact by the adjoint of the training"
    cost = "a training, and its replay: about 1.5 (matrix), 2 (approximate), 5 (exact) trainings more"
    modality = ("image",)
    gives = ("hydra",)

    mode: str = "matrix"
    """`matrix`: a column for each judge. `approximate`: against the mean of the judges, by one forward-mode product a
    step, for any network. `exact`: with the Hessian; takes 3 times as long, and tells right where steps are long."""

    learner: str = "convnet"
    """A network: the fixed model, where its harm is what matters."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the learner, where they differ from its defaults."""

    against: str = "valid"
    """The split whose samples judge. Clean ones: values repeat their faults."""

    seeds: int = 1
    """Trainings that are averaged. The values of one training hang on its luck: 3 and more where they decide."""

    each_judge: bool = False
    """Whether `exact` gives a column for each judge too: as many sweeps' work as there are judges."""

    sketch: str = "auto"
    """`none`: judges' gradients as they are; `kronecker`: short stand-ins; `auto`: these beyond 512 MB of gradients."""

    sketch_side: int = 32
    """A weight's sketch is at most side x side. Twice as much halves the error and takes 4 times the memory."""

    memory_mb: int = 1024
    """Of states of the training that `exact` holds at once."""

    def value(self, data: Dataset, signals: Signals, run: Run) -> Signal:
        """(n, m) float32 for labelled train samples against judges, or (n,) against their mean."""
        del signals
        self._check()
        pair = sides(data, self.against, "value.hydra")
        if pair.itself and not self._each:
            raise SettingError(
                f'value.hydra: against = "train" needs a value per judge, so that none judges itself, and mode = {self.mode!r} '
                'values against their mean; take mode = "matrix", or mode = "exact" with each_judge = true'
            )
        if self._each and len(pair.valued) * len(pair.judges) > _MOST_PAIRS:
            raise SettingError(
                f"value.hydra: a value for each of {len(pair.valued):,} samples and {len(pair.judges):,} judges would take "
                f'{len(pair.valued) * len(pair.judges) * 4 / 2**30:.0f} GiB; take mode = "approximate", or fewer judges'
            )
        found = run.map(partial(_kept, self, data, pair, run), range(self.seeds), what="trainings gone through again")
        values = np.mean([one["values"] for one in found], axis=0)
        values = none_judges_itself(values, pair)
        if not np.isfinite(values).all():
            raise StepError("value.hydra: some values are not finite; the training goes astray. Choose a lower rate.")
        facts = {"mode": self.mode, "learner": self.learner, "seeds": self.seeds}
        facts |= {
            name: float(np.mean([one[name] for one in found])) for name in ("gap", "fidelity") if name in found[0]
        }
        if "fidelity" in facts:
            run.log(f"value.hydra: sketches rank the samples as gradients do with Spearman {facts['fidelity']:.3f}")
        return value_signal("hydra", pair, values, unit="nats", meta=facts)

    @property
    def _each(self) -> bool:
        """Whether each judge has a column."""
        return self.mode == "matrix" or (self.mode == "exact" and self.each_judge)

    def _check(self) -> None:
        if self.mode not in MODES:
            raise SettingError(f"value.hydra: mode is {', '.join(MODES)}; found {self.mode!r}")
        if self.sketch not in ("auto", "none", "kronecker"):
            raise SettingError(f"value.hydra: sketch is auto, none or kronecker; found {self.sketch!r}")
        for name in ("seeds", "sketch_side", "memory_mb"):
            if getattr(self, name) < 1:
                raise SettingError(f"value.hydra: {name} must be at least 1, found {getattr(self, name)}")


def _kept(step: Hydra, data: Dataset, pair: Sides, run: Run, number: int) -> dict[str, Array]:
    """The values by one training; found again after a kill."""
    return dict(run.keep((_named(step), data.version, number), lambda: _by_one(step, data, pair, run, number)))


def _named(step: Hydra) -> str:
    return digest("value.hydra", step.version, asdict(step))


def _by_one(step: Hydra, data: Dataset, pair: Sides, run: Run, number: int) -> dict[str, Array]:
    seed = run.seed * 1000 + number
    trace = traced("value.hydra", step.learner, step.settings, data, run, seed=seed)
    lesson = trace.examine(pair.judges, run)
    course = trace.course
    run.log(f"value.hydra: {course.steps:,} steps are gone through again ({step.mode})")
    with run.progress("going through it again", course.steps * (3 if step.mode == "exact" else 1)) as advance:
        found = hydra(
            course,
            lesson,
            mode=step.mode,
            advance=advance,
            each_judge=step.each_judge,
            sketch=step.sketch,
            sketch_side=step.sketch_side,
            memory_mb=step.memory_mb,
            rng=run.rng("sketch", number),
        )
    return {**found, "values": in_order(found["values"], trace, pair)}


def hydra(
    course: Course,
    judges: Any,
    *,
    mode: str = "matrix",
    advance: Callable[[int], None] = lambda steps: None,
    each_judge: bool = False,
    sketch: str = "auto",
    sketch_side: int = 32,
    memory_mb: int = 1024,
    rng: np.random.Generator | None = None,
) -> dict[str, Array]:
    """HyDRA of a course against a lesson of judges: for trainings that are no dataset of Tilth.

    `values` (n, m) or (n,); `gap`: how far the second training ended from the first, relative; with sketches
    `fidelity`: Spearman correlation of their values with those of the gradients themselves, mean over four judges.
    """
    judges = judges.on(course.setting) if hasattr(judges, "on") else judges
    if mode == "approximate":
        watch = Along(course, mean_direction(course, judges))
        gap = walk(course, watch, advance)
        return {"values": watch.values, "gap": np.array(gap)}
    if mode == "exact":
        return _exact(course, judges, advance, each_judge, memory_mb)
    m = len(judges.targets)
    net = course.finished()
    numel = sum(weight.numel() for weight in trained(net).values())
    slices = list(blocks(m, room(net)))
    if sketch == "none" or (sketch == "auto" and m * numel * 4 <= _WHOLE_MB << 20):
        each = Each(course, judge_directions(course, judges, slices), m)
        gap = walk(course, each, advance)
        return {"values": each.values, "gap": np.array(gap)}
    short = Sketch.of(net, sketch_side, rng or np.random.default_rng(0))
    parts = [short.shortened(judge_directions(course, judges, [rows])) for rows in slices]
    directions = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    watch = Sketched(course, short, directions, m, judges)
    gap = walk(course, watch, advance)
    return {"values": watch.values, "gap": np.array(gap), "fidelity": np.array(watch.fidelity)}


def _exact(
    course: Course, judges: Any, advance: Callable[[int], None], each_judge: bool, memory_mb: int
) -> dict[str, Array]:
    if not each_judge:
        ends = {name: one.flatten()[None] for name, one in mean_direction(course, judges).items()}
        values, gap = exact(course, ends, 1, advance, memory_mb=memory_mb)
        return {"values": values[:, 0], "gap": np.array(gap)}
    parts, gap = [], 0.0
    for rows in blocks(len(judges.targets), room(course.finished(), mb=max(1, memory_mb // 8))):
        ends = judge_directions(course, judges, [rows])
        values, gap = exact(course, ends, rows.stop - rows.start, advance, memory_mb=memory_mb)
        parts.append(values)
    return {"values": np.concatenate(parts, axis=1), "gap": np.array(gap)}


class Sketched(Each):
    """As `Each`, between sketches; for the first few judges with the gradients themselves beside them."""

    def __init__(
        self,
        course: Course,
        sketch: Sketch,
        short: Mapping[str, torch.Tensor],
        m: int,
        judges: Any,
    ) -> None:
        super().__init__(course, short, m)
        whole = judge_directions(course, judges, [slice(0, _BESIDE)])
        self._judges = judges
        self._sketch, self._whole = sketch, whole
        self._beside = np.zeros((len(course), len(next(iter(whole.values())))))

    def direction(self, judge: int) -> Mapping[str, torch.Tensor]:
        """The whole gradient of one judge, made anew: only sketches are held."""
        found = judge_directions(self._course, self._judges, [slice(judge, judge + 1)])
        return {name: rows[0] for name, rows in found.items()}

    def alike(self, scales: Any) -> torch.Tensor:
        """(m, m) products of the sketches: nothing is held that a step could scale."""
        del scales
        return torch.stack([rows @ rows.T for rows in self._directions.values()]).sum(0)

    def reader(self, scales: Any) -> Any:
        return _Beside(SketchedDots(self._sketch, self._directions, scales), self._whole)

    def moved(self, factor: float) -> None:
        super().moved(factor)
        np.add.at(self._beside, self._rows, self.reader_now.whole.cpu().numpy() * factor)

    @property
    def fidelity(self) -> float:
        """Mean over those judges of the Spearman correlation between both values of the samples."""
        from scipy.stats import spearmanr

        found: list[Any] = [
            spearmanr(short, whole)[0] for short, whole in zip(self.values.T, self._beside.T, strict=False)
        ]
        return float(sum(found)) / len(found)


@dataclass
class _Beside:
    """Sketched products, and those of the gradients themselves with the first judges."""

    short: SketchedDots
    directions: Mapping[str, torch.Tensor]
    whole: Any = 0.0

    @property
    def sums(self) -> Any:
        return self.short.sums

    def take(self, name: str, each: torch.Tensor) -> None:
        self.short.take(name, each)
        scale = self.short.scale[name] if self.short.scale is not None else 1.0
        self.whole = self.whole + (each * scale) @ self.directions[name].T
