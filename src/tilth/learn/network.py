"""From a dataset to a trained network, and from the network to probabilities: what all network learners share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from tilth.dataset import Dataset, Schema
from tilth.digest import digest
from tilth.errors import LearnerError, SettingError
from tilth.learn import preprocess
from tilth.learn.course import Course, Lesson
from tilth.learn.exposure import answering, pixels_of
from tilth.learn.plan import Plan, checked
from tilth.learn.preprocess import Inputs
from tilth.learn.probe import probe
from tilth.learn.setting import Setting
from tilth.learn.teaching import Teaching, judging, required
from tilth.learn.trainer import Trained, architecture, seeded, train
from tilth.numerics.picture import Picture
from tilth.signal import Array
from tilth.steps import Run

_ASK = 512  # pictures looked at together when the network is asked
Views = Callable[[torch.Tensor], Iterator[torch.Tensor]]
Look = Literal["caffe", "square", "content", "tidied"]
_LOOKS = {"square": preprocess.square, "content": preprocess.content, "tidied": preprocess.tidied}


def _as_it_is(batch: torch.Tensor) -> Iterator[torch.Tensor]:
    yield batch


@dataclass(frozen=True)
class Blueprint:
    """A network and how it is trained.

    build      number of classes, of channels -> network whose answer is (b, k), not yet softmax
    look       how pictures are brought to `size_px`: see `preprocess`
    grey       whether one channel is enough where all pictures are grey
    precision  `auto`, `fp32` or `bf16`
    course     how a training goes, made of (net, lesson, plan, setting, seed)
    asked      batch -> the views of it that the network is asked about; the answer is their mean
    """

    name: str
    build: Callable[[int, int], nn.Module]
    plan: Plan
    size_px: int
    look: Look = "square"
    grey: bool = False
    precision: str = "auto"
    course: Callable[..., Course] = Course
    asked: Views = _as_it_is

    def __post_init__(self) -> None:
        """Raises SettingError for a value outside its range."""
        checked(self.name, self.plan)
        if self.precision not in ("auto", "fp32", "bf16"):
            raise SettingError(f"{self.name}: precision is auto, fp32 or bf16, found {self.precision!r}")
        if self.size_px < 1:
            raise SettingError(f"{self.name}: size_px must be at least 1, found {self.size_px}")


@dataclass(frozen=True)
class NetworkModel:
    """A trained network that is asked about pictures."""

    net: nn.Module
    setting: Setting
    schema: Schema
    see: Callable[[Picture], torch.Tensor]
    shift: torch.Tensor | None
    scale: torch.Tensor | None
    curves: tuple[Mapping[str, float], ...]
    record: Mapping[str, Any]
    asked: Views = _as_it_is
    look: Look = "square"

    def predict(self, data: Dataset, run: Run) -> Array:
        """(n, k) float32 probabilities; rows add up to 1 where single-label."""
        return self.ask(data, run)[0]

    def features(self, data: Dataset, run: Run) -> Array | None:
        """(n, d) float32 what enters the last linear layer, or None where there is no such layer."""
        return self.ask(data, run)[1]

    def ask(self, data: Dataset, run: Run) -> tuple[Array, Array | None]:
        """Both at once: the pictures are decoded once."""
        k = len(self.schema.classes)
        answers, features = [np.zeros((0, k), np.float32)], []
        with self.setting.active(), torch.no_grad(), tapped(self.net, k) as tap:
            for block in _blocks(run.images(data), self.see):
                inputs = Inputs(block, self.shift, self.scale)
                batch = inputs.on(self.setting.device, channels_last=self.setting.channels_last).batch(slice(None))
                said = [self._probabilities(self.net(view).float()) for view in self.asked(batch)]
                answers.append(np.mean(said, axis=0))
                if tap:
                    features.append(torch.stack([part.flatten(1).float() for part in tap]).mean(0).cpu().numpy())
                    tap.clear()
        return np.concatenate(answers), np.concatenate(features) if features else None

    @contextmanager
    def expose(
        self, pictures: Sequence[Picture]
    ) -> Iterator[tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]]:
        """The pictures as the network sees them, and its answers as a function of their pixels: see `steps.Exposed`."""
        channels = self.see(pictures[0]).shape[0] if pictures else 1
        with self.setting.active():
            pixels = pixels_of(pictures, self.see, self.look).to(self.setting.device)
            yield pixels, answering(self.net, self.look, self.shift, self.scale, channels, self.setting)

    def _probabilities(self, answers: torch.Tensor) -> Array:
        multi = self.schema.task == "multi-label"
        return (torch.sigmoid(answers) if multi else torch.softmax(answers, 1)).cpu().numpy()


@dataclass(frozen=True)
class Trace:
    """A training that can be gone through again, and what it is of.

    data    the labelled train samples, in the order of the course's rows
    course  see `learn.course`
    visits  (epochs, n, 3) what was recorded: see `learn.trainer.Trained`
    """

    data: Dataset
    course: Course
    visits: Array | None
    see: Callable[[Picture], torch.Tensor]

    def examine(self, data: Dataset, run: Run) -> Lesson | None:
        """The labelled samples of other data as the network of this training sees them; None where there are none."""
        judges = judging(data)
        if judges is None:
            return None
        ours = self.course.lesson.inputs
        lesson = _lesson(judges, _inputs(judges, self.see, None, None, run)).on(self.course.setting)
        return replace(lesson, inputs=replace(lesson.inputs, shift=ours.shift, scale=ours.scale))


class Networked:
    """What learners of networks have in common: a blueprint, and two ways to go by it."""

    def blueprint(self) -> Blueprint:
        raise NotImplementedError

    def check(self) -> None:
        """Raises SettingError or LearnerError for settings with which nothing could be trained: told before the work that
        comes before it."""
        self.blueprint()

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> NetworkModel:
        """Train it; where `valid` is given and the plan says so, the best epoch is kept, otherwise the last one."""
        return fit_network(self.blueprint(), train, valid, run, seed=seed)

    def trace(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int, record: bool = False) -> Trace:
        """The same training, to be gone through again: what valuation by trajectory asks for."""
        return trace_network(self.blueprint(), train, valid, run, seed=seed, record=record)


@dataclass(frozen=True)
class _Prepared:
    """A blueprint brought to a dataset, ready to be trained."""

    lesson: Teaching
    judges: Teaching | None
    see: Callable[[Picture], torch.Tensor]
    inputs: Inputs
    net: nn.Module
    setting: Setting
    record: Mapping[str, Any]
    key: str

    def train(self, blueprint: Blueprint, run: Run, *, seed: int, record: bool = False) -> Trained:
        steps = blueprint.plan.steps_per_epoch(len(self.inputs)) * blueprint.plan.epochs_for(len(self.inputs))
        shift, scale = self.inputs.shift, self.inputs.scale
        judges = self.judges
        with run.progress(f"training {blueprint.name}", steps) as advance:
            return train(
                self.net,
                _lesson(self.lesson, self.inputs),
                _lesson(judges, _inputs(judges, self.see, shift, scale, run)) if judges is not None else None,
                blueprint.plan,
                setting=self.setting,
                seed=seed,
                folder=run.checkpoints("train", self.key, record),
                advance=advance,
                record=record,
                kind=blueprint.course,
            )


def fit_network(
    blueprint: Blueprint, train_data: Dataset, valid: Dataset | None, run: Run, *, seed: int
) -> NetworkModel:
    """Train the network of this blueprint. Unlabelled samples and those of weight 0 are left out.

    Raises LearnerError where no labelled sample is left, where the data are no pictures, where the pictures do not fit
    into memory, or where the network does not answer (b, k).
    """
    ready = _prepared(blueprint, train_data, valid, run, seed)
    trained = ready.train(blueprint, run, seed=seed)
    shift, scale = ready.inputs.shift, ready.inputs.scale
    return NetworkModel(
        trained.net,
        ready.setting,
        train_data.schema,
        ready.see,
        shift,
        scale,
        trained.curves,
        ready.record,
        blueprint.asked,
        blueprint.look,
    )


def trace_network(
    blueprint: Blueprint, train_data: Dataset, valid: Dataset | None, run: Run, *, seed: int, record: bool
) -> Trace:
    """As `fit_network`, and the way there. A finished training is kept: it is not done again after a kill."""
    ready = _prepared(blueprint, train_data, valid, run, seed)

    def trained() -> Mapping[str, Array]:
        done = ready.train(blueprint, run, seed=seed, record=record)
        final = {f"final {name}": value.cpu().numpy() for name, value in (done.course.final or {}).items()}
        visits = {"visits": done.visits} if done.visits is not None else {}
        return {"kept": np.array(done.course.steps), **visits, **final}

    found = run.keep(("trace", ready.key, record), trained)
    lesson = _lesson(ready.lesson, ready.inputs).on(ready.setting)
    final = {name[6:]: torch.from_numpy(np.array(found[name])) for name in found if name.startswith("final ")}
    course = Course(ready.net, lesson, blueprint.plan, ready.setting, seed, int(found["kept"]), final)
    return Trace(ready.lesson.data, course, found.get("visits"), ready.see)


def _prepared(blueprint: Blueprint, train_data: Dataset, valid: Dataset | None, run: Run, seed: int) -> _Prepared:
    lesson = required(train_data, blueprint.name, ("image",))
    k = len(train_data.schema.classes)
    see, block = _seen(blueprint, lesson.data, run)
    shift, scale = preprocess.spread(block) if blueprint.look != "caffe" else (None, None)
    with seeded(seed):
        net = blueprint.build(k, block.shape[1])
    _check_answer(net, block, k, blueprint.name)
    setting, record = probe(
        net, tuple(block.shape[1:]), k, blueprint.plan, run, precision=blueprint.precision, kind=blueprint.course
    )
    key = _key(blueprint, net, setting, train_data, valid, seed)
    return _Prepared(lesson, judging(valid), see, Inputs(block, shift, scale), net, setting, record, key)


def _seen(blueprint: Blueprint, data: Dataset, run: Run) -> tuple[Callable[[Picture], torch.Tensor], torch.Tensor]:
    """How pictures are looked at, and the train pictures looked at so."""
    if blueprint.look == "caffe":
        see = partial(preprocess.caffe, side_px=blueprint.size_px)
        return see, preprocess.stacked(see, run.images(data), len(data))
    # Small colour pictures first; where no channel differs from another, one of them is all there is to see.
    look = _LOOKS[blueprint.look]
    colour = partial(look, side_px=blueprint.size_px, channels=3)
    block = preprocess.stacked(colour, run.images(data), len(data))
    if blueprint.grey and bool((block == block[:, :1]).all()):
        return partial(look, side_px=blueprint.size_px, channels=1), block[:, :1].contiguous()
    return colour, block


def _inputs(
    lesson: Teaching,
    see: Callable[[Picture], torch.Tensor],
    shift: torch.Tensor | None,
    scale: torch.Tensor | None,
    run: Run,
) -> Inputs:
    block = preprocess.stacked(see, run.images(lesson.data), len(lesson.data))
    return Inputs(block, shift, scale)


def _lesson(lesson: Teaching, inputs: Inputs) -> Lesson:
    return Lesson(inputs, torch.from_numpy(lesson.targets), torch.from_numpy(lesson.weights), lesson.multi)


def _check_answer(net: nn.Module, block: torch.Tensor, k: int, name: str) -> None:
    net.eval()
    try:
        with torch.no_grad():
            answer = net(torch.zeros((2, *block.shape[1:])))
    except Exception as fault:  # a user's network may raise anything
        raise LearnerError(f"{name}: the network fails on a batch of 2 x {tuple(block.shape[1:])}: {fault}") from fault
    shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
    if shape != (2, k):
        raise LearnerError(
            f"{name}: the network answers {shape} for 2 pictures and {k} classes; it must answer (2, {k})"
        )


def _key(
    blueprint: Blueprint, net: nn.Module, setting: Setting, data: Dataset, valid: Dataset | None, seed: int
) -> str:
    asked = (
        blueprint.name,
        blueprint.plan,
        blueprint.look,
        blueprint.size_px,
        architecture(net),
        vars(setting),
        _told(blueprint.course),
    )
    return digest(asked, data.version, valid.version if valid is not None else None, seed, torch.__version__)


def _told(course: Callable[..., Course]) -> Mapping[str, Any]:
    """The settings of a course that are no part of the plan."""
    return course.keywords if isinstance(course, partial) else {}


def _blocks(found: Iterator[Picture], see: Callable[[Picture], torch.Tensor]) -> Iterator[torch.Tensor]:
    while part := [see(picture) for picture in islice(found, _ASK)]:
        yield torch.stack(part)


@contextmanager
def tapped(net: nn.Module, k: int) -> Iterator[list[torch.Tensor]]:
    """What enters the last linear layer with k answers, batch by batch, in a list to be emptied by the reader."""
    found: list[torch.Tensor] = []
    heads = [layer for layer in net.modules() if isinstance(layer, nn.Linear) and layer.out_features == k]
    taps = [heads[-1].register_forward_pre_hook(lambda _, given: found.append(given[0]))] if heads else []
    try:
        yield found
    finally:
        for tap in taps:
            tap.remove()
