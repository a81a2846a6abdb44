"""Our methods and plain baselines: python ours.py METHOD input.npz output.npz

A method is a function of a protocol.Task that returns {"values": (n,)} and, where it has one, {"matrix": (n, m)};
higher = more helpful. Put it into METHODS and run.py measures it beside the peers.
"""

# ruff: noqa: N803, N806 - X and y as in scikit-learn
from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import protocol
import worlds
from protocol import Answer, Task

PACKAGES: dict[str, str] = {"tilth": "tilth"}  # first word of a method's name -> distribution whose version is noted


def random(task: Task) -> Answer:
    return {"values": np.random.default_rng([task.seed, 6]).random(len(task.y)), "train_seconds": 0}


def final_loss(task: Task) -> Answer:
    """Minus the loss of each sample at the end of training."""
    return {"values": -worlds.losses(task.network(), task.X, task.y)}


def mean_loss(task: Task) -> Answer:
    """Minus the loss of each sample, mean over the checkpoints."""
    nets = (task.network(at) for at in range(len(task.states)))
    return {"values": -np.mean([worlds.losses(net, task.X, task.y) for net in nets], axis=0)}


# -- a training of somebody else's, told as a course ----------------------------------------------------------------


class Setting:
    """How the machine is used: one thread, float32."""

    device = "cpu"

    @contextmanager
    def active(self) -> Iterator[None]:
        yield

    def precise(self) -> Any:
        return nullcontext()


@dataclass(frozen=True)
class Inputs:
    values: Any

    def batch(self, rows: Any) -> Any:
        return self.values[rows]


@dataclass(frozen=True)
class Lesson:
    inputs: Inputs
    targets: Any
    weights: Any
    multi: bool = False

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Batch:
    rows: Any
    inputs: Any
    targets: Any
    weights: Any
    dice: int = 0


def lesson_of(X: np.ndarray, y: np.ndarray, classes: int) -> Lesson:
    import torch

    targets = torch.nn.functional.one_hot(torch.from_numpy(y), classes).float()
    return Lesson(Inputs(torch.from_numpy(X)), targets, torch.ones(len(y)))


@dataclass(frozen=True)
class Told:
    """worlds.train as a tilth.steps.Course: whatever trains in steps that can be told again can be valued."""

    make: Callable[[], Any]
    lesson: Lesson
    settings: dict[str, Any]
    seed: int
    final: Any = None
    setting: Setting = Setting()  # noqa: RUF009 - it holds nothing

    def __len__(self) -> int:
        return len(self.lesson)

    @property
    def per_epoch(self) -> int:
        return math.ceil(len(self) / self.settings["batch"])

    @property
    def steps(self) -> int:
        return self.settings["epochs"] * self.per_epoch

    def begin(self) -> tuple[Any, Any]:
        import torch

        torch.manual_seed(self.seed)
        net = self.make().train()
        rest = {"momentum": 0.9, "weight_decay": self.settings["weight_decay"]}
        return net, torch.optim.SGD(net.parameters(), lr=self.settings["lr"], **rest)

    def finished(self) -> Any:
        net = self.make()
        net.load_state_dict(self.final)
        return net.eval()

    def set(self, optimizer: Any, step: int) -> None:
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        optimizer.param_groups[0]["lr"] = self.settings["lr"] * cosine

    def batch(self, step: int) -> Batch:
        epoch, at = divmod(step, self.per_epoch)
        size = self.settings["batch"]
        rows = _order(len(self), self.seed, epoch)[at * size : (at + 1) * size]
        lesson = self.lesson
        return Batch(rows, lesson.inputs.batch(rows), lesson.targets[rows], lesson.weights[rows])

    def answers(self, net: Callable[[Any], Any], batch: Any) -> Any:
        return net(batch.inputs)

    def losses(self, answers: Any, batch: Any) -> Any:
        import torch

        return torch.nn.functional.cross_entropy(answers, batch.targets, reduction="none")

    def move(self, net: Any, optimizer: Any) -> float:
        del net
        optimizer.step()
        return 1.0


@lru_cache(maxsize=2)
def _order(n: int, seed: int, epoch: int) -> Any:
    import torch

    return torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(n))


def course_of(task: Task) -> Told:
    """The valued training."""
    lesson = lesson_of(task.X, task.y, task.classes)
    return Told(task.make, lesson, task.settings, task.seed, task.states[-1])


def trained(course: Told, seed: int, rows: np.ndarray | None = None) -> Told:
    """Another training: another seed, some of the rows."""
    lesson = course.lesson
    if rows is not None:
        lesson = Lesson(Inputs(lesson.inputs.values[rows]), lesson.targets[rows], lesson.weights[rows])
    X, y = lesson.inputs.values.numpy(), lesson.targets.argmax(1).numpy()
    net, _, _ = worlds.train(course.make, X, y, **course.settings, seed=seed)
    return replace(course, lesson=lesson, seed=seed, final=copy.deepcopy(net.state_dict()))


def judges_of(task: Task) -> Lesson:
    return lesson_of(task.X_valid, task.y_valid, task.classes)


# -- by trajectory --------------------------------------------------------------------------------------------------


def hydra(task: Task, *, mode: str, each: bool = False, sketch: str = "none", more: int = 0) -> Answer:
    """more: trainings with other seeds, averaged with the valued one."""
    from tilth.value.hydra import hydra as valued

    course, seconds, parts = course_of(task), task.train_seconds, []
    for number in range(more + 1):
        if number:
            began = time.perf_counter()
            course = trained(course, task.seed * 1000 + 500 + number)
            seconds += time.perf_counter() - began
        rng = np.random.default_rng([task.seed, number])
        parts.append(valued(course, judges_of(task), mode=mode, each_judge=each, sketch=sketch, rng=rng)["values"])
    values = np.mean(parts, axis=0)
    return {"matrix" if values.ndim == 2 else "values": values, "train_seconds": seconds}


def self_influence(task: Task) -> Answer:
    from tilth.value.tracin import self_influence as valued

    return {"values": -np.abs(valued(course_of(task), checkpoints=10))}


def tracin(task: Task) -> Answer:
    from tilth.value.tracin import tracin as valued

    return {"matrix": valued(course_of(task), judges_of(task), checkpoints=10, each=True)}


def dynamics(task: Task, *, score: str) -> Answer:
    """What the training said as it met each sample; gone through once, as it would be if it had been asked to record."""
    import torch

    from tilth.value.dynamics import scored

    course = course_of(task)
    visits = np.full((course.settings["epochs"], len(course), 3), np.nan, np.float32)
    net, optimizer = course.begin()
    for step in range(course.steps):
        course.set(optimizer, step)
        batch = course.batch(step)
        answers = net(batch.inputs)
        losses = course.losses(answers, batch)
        optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        optimizer.step()
        with torch.no_grad():
            own = batch.targets.argmax(1, keepdim=True)
            others = answers.scatter(1, own, -torch.inf).max(1).values
            far = (torch.softmax(answers, 1) - batch.targets).norm(dim=1)
            met = torch.stack([losses, answers.gather(1, own).squeeze(1) - others, far], 1)
        visits[step // course.per_epoch, batch.rows.numpy()] = met.numpy()
    return {"values": scored(visits, score, early=10)}


# -- at the end -----------------------------------------------------------------------------------------------------


def influence(task: Task, *, inverse: str, itself: bool = False, damping: float = 0.1) -> Answer:
    from tilth.value.influence import Influence, own_influence
    from tilth.value.influence import influence as valued

    course = course_of(task)
    step = Influence(inverse=inverse, itself=itself, damping=damping)
    import torch

    dice = torch.Generator().manual_seed(task.seed)
    if itself:
        return {"values": -own_influence(course, step._lengths(course, dice))}
    told: list[Any] = []
    each = inverse in ("ekfac", "exact")
    found = valued(course, judges_of(task), step._solve(course, dice, told), each=each)
    return {"matrix" if each else "values": found}


def trak(task: Task, *, models: int) -> Answer:
    from tilth.value.trak import Projection, featured, linear_scores

    course, n = course_of(task), len(task.y)
    scores, doubts, seconds = 0.0, 0.0, 0.0
    for number in range(models):
        rng = np.random.default_rng([task.seed, 40 + number])
        began = time.perf_counter()
        one = trained(course, task.seed * 1000 + 700 + number, rng.permutation(n)[: n // 2])
        seconds += time.perf_counter() - began
        projection = Projection.of(one.finished(), min(2048, n // 2), rng)
        phi, doubt = featured(one, course.lesson, projection)
        ends, _ = featured(one, judges_of(task), projection)
        scores, doubts = scores + linear_scores(phi, ends, 1.0) / models, doubts + doubt / models
    return {"matrix": (scores * doubts[:, None]).numpy(), "train_seconds": seconds}


# -- without the network --------------------------------------------------------------------------------------------


def game(task: Task, *, step: str, **settings: Any) -> Answer:
    """A valuator that reads an embedding: the inputs as they are."""
    from tilth.dataset import Dataset, Schema
    from tilth.digest import digest_bytes
    from tilth.sample import Sample, raw_id
    from tilth.signal import Signal, Signals
    from tilth.testing.memory import MemoryRun

    rows, samples = [], []
    for split, X, y in (("train", task.X, task.y), ("valid", task.X_valid, task.y_valid)):
        for number, (x, label) in enumerate(zip(X, y, strict=True)):
            content, path = (
                digest_bytes(x.tobytes() + split.encode() + bytes([number % 256, number // 256])),
                f"{split}/{number:05}",
            )
            samples.append(Sample(raw_id(content, path), content, path, int(label), split, home="text", text=path))
            rows.append(x.ravel())
    classes = tuple(f"class {k}" for k in range(task.classes))
    data = Dataset.from_samples(samples, Schema("text", "single-label", classes))
    embedding = Signal("embedding", np.array([sample.id for sample in samples]), np.stack(rows))
    run = MemoryRun(seed=task.seed)
    began = time.perf_counter()
    found = run.step(step, settings).value(data, Signals({"embedding": embedding}), run)
    seconds = time.perf_counter() - began
    values = found.rows(np.array([sample.id for sample in samples[: len(task.y)]]))
    if values.ndim == 2:
        judges = {id: at for at, id in enumerate(found.meta["judges"])}
        values = values[:, [judges[sample.id] for sample in samples[len(task.y) :]]]
    return {"matrix" if values.ndim == 2 else "values": values, "seconds": seconds, "train_seconds": 0}


METHODS: dict[str, protocol.Method] = {
    "baseline.random": random,
    "baseline.final-loss": final_loss,
    "baseline.mean-loss": mean_loss,
    "tilth.hydra-approximate": partial(hydra, mode="approximate"),
    "tilth.hydra-matrix": partial(hydra, mode="matrix"),
    "tilth.hydra-matrix-sketched": partial(hydra, mode="matrix", sketch="kronecker"),
    "tilth.hydra-exact": partial(hydra, mode="exact"),
    "tilth.hydra-exact-each": partial(hydra, mode="exact", each=True),
    "tilth.hydra-exact-each-5": partial(hydra, mode="exact", each=True, more=4),
    "tilth.self-influence": self_influence,
    "tilth.tracin": tracin,
    "tilth.dynamics-aum": partial(dynamics, score="aum"),
    "tilth.influence-ekfac": partial(influence, inverse="ekfac"),
    "tilth.influence-ekfac-self": partial(influence, inverse="ekfac", itself=True),
    "tilth.trak-10": partial(trak, models=10),
    "tilth.knn-shapley": partial(game, step="value.knn_shapley"),
    "tilth.data-oob": partial(game, step="value.data_oob"),
    "tilth.lava": partial(game, step="value.lava"),
    "tilth.shapley": partial(game, step="value.shapley"),
}


def load() -> None:
    """What is imported before the clock starts, as the peers' packages are."""
    import sklearn.linear_model
    import torch.func

    import tilth.value.hydra
    import tilth.value.influence
    import tilth.value.tracin
    import tilth.value.trak

    del sklearn, torch, tilth


if __name__ == "__main__":
    protocol.main(METHODS, PACKAGES, {"tilth": load})
