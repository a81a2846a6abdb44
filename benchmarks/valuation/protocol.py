"""How a method is asked and how it answers, whatever environment it lives in.

    python FILE METHOD input.npz output.npz

The input is what `write_task` wrote: arrays, and beside them a .pt with the trained states. A method is a function
of a Task that returns a dict:

    values         (n,) higher = more helpful; or
    matrix         (n, m) what each train sample did for each valid sample; values default to its mean over m
    train_seconds  where the method trained networks of its own and can tell; else the valued run's
    seconds, peak_mb  where it knows better than the clock around it

Whether a label is wrong is not in the input.
"""

from __future__ import annotations

import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import worlds

Answer = dict[str, Any]
Method = Callable[["Task"], Answer]


@dataclass(frozen=True)
class Task:
    """The arrays, the trained network and its checkpoints, and how it came to be."""

    world: worlds.World
    seed: int
    X: np.ndarray  # (n, ...) float32
    y: np.ndarray  # (n,) int64, some wrong
    X_valid: np.ndarray  # (m, ...) float32
    y_valid: np.ndarray  # (m,) int64, clean
    classes: int
    states: list[dict[str, Any]]  # checkpoints, the last is the end of training
    rates: list[float]  # learning rate of the step that led to each
    train_seconds: float  # of the valued run

    @property
    def make(self) -> Callable[[], Any]:
        return worlds.factory(self.world.model, self.X, self.classes)

    def network(self, at: int = -1) -> Any:
        """The valued network at a checkpoint, in eval mode."""
        net = self.make()
        net.load_state_dict(self.states[at])
        return net.eval()

    @property
    def settings(self) -> dict[str, Any]:
        """Keywords of worlds.train that made the valued run."""
        names = ("epochs", "batch", "lr", "weight_decay")
        return {name: getattr(self.world, name) for name in names}


def write_task(file: Path, world: worlds.World, seed: int, data: Path) -> None:
    """Train the valued run and write all that a method may see; what it may not goes to <file>.truth.npz."""
    import torch

    arrays = worlds.arrays(world, seed, data)
    classes = int(arrays["y_valid"].max()) + 1
    make = worlds.factory(world.model, arrays["X"], classes)
    names = ("epochs", "batch", "lr", "weight_decay")
    settings = {name: getattr(world, name) for name in names}
    worlds.train(make, arrays["X"][:100], arrays["y"][:100], **settings | {"epochs": 1}, seed=0)  # torch wakes up
    began = time.perf_counter()
    net, states, rates = worlds.train(make, arrays["X"], arrays["y"], **settings, seed=seed, checkpoints=10)
    seconds = time.perf_counter() - began
    torch.save(states, file.with_suffix(".pt"))
    seen = ("X", "y", "X_valid", "y_valid")
    about = {"world": asdict(world), "seed": seed, "classes": classes, "rates": rates, "train_seconds": seconds}
    hidden = {name: arrays[name] for name in ("wrong", "X_test", "y_test")}
    accuracy = worlds.accuracy(net, arrays["X_test"], arrays["y_test"])
    np.savez(file.with_suffix(".truth.npz"), **hidden, accuracy=accuracy)
    np.savez(file, **{name: arrays[name] for name in seen}, about=json.dumps(about))


def read_task(file: Path) -> Task:
    import torch

    found = np.load(file)
    about = json.loads(str(found["about"]))
    states = torch.load(file.with_suffix(".pt"), weights_only=True)
    world = worlds.World(**about.pop("world"))
    return Task(world=world, states=states, **{k: found[k] for k in ("X", "y", "X_valid", "y_valid")}, **about)


def main(
    methods: dict[str, Method], packages: dict[str, str], loaders: dict[str, Callable[[], None]] | None = None
) -> None:
    """Run the method that the command line asks for.

    packages  the first word of a method's name -> the distribution whose version is noted
    loaders   the first word of a method's name -> its imports, kept out of the seconds and the memory
    """
    import torch

    name, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    task = read_task(source)
    np.random.seed(task.seed)  # noqa: NPY002 - some peers draw from the global state
    torch.manual_seed(task.seed)
    about = {"method": name, "versions": _versions(name, packages), "error": ""}
    found: dict[str, np.ndarray] = {}
    if loader := (loaders or {}).get(name.split(".")[0]):
        about["error"] = _caught(loader)
    level = peak_mb(reset=True)
    began = time.perf_counter()
    try:
        if not about["error"]:
            answer = methods[name](task)
            about["seconds"] = float(answer.pop("seconds", time.perf_counter() - began))
            about["train_seconds"] = float(answer.pop("train_seconds", task.train_seconds))
            about["peak_mb"] = float(answer.pop("peak_mb", peak_mb() - level))
            found = _checked(answer, task)
    except Exception as problem:
        traceback.print_exc()
        about["error"] = _said(problem)
        about["seconds"] = time.perf_counter() - began
    np.savez(target, about=json.dumps(about), **found)


def peak_mb(*, reset: bool = False) -> float:
    """Most memory this process has held so far, MiB; reset starts afresh from what it holds now."""
    status = Path("/proc/self/status")
    if not status.exists():  # no Linux: ru_maxrss cannot be reset, so imports count into the level
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    # VmHWM and not ru_maxrss, which a child inherits from the process that started it
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10


def _checked(answer: Answer, task: Task) -> dict[str, np.ndarray]:
    n, m = len(task.y), len(task.y_valid)
    found = {name: np.asarray(value, np.float64) for name, value in answer.items() if value is not None}
    if "matrix" in found and "values" not in found:
        found["values"] = found["matrix"].mean(1)
    if found["values"].shape != (n,) or ("matrix" in found and found["matrix"].shape != (n, m)):
        raise ValueError(f"asked for ({n},) and ({n}, {m}), got { {k: v.shape for k, v in found.items()} }")
    if bad := sum(int((~np.isfinite(value)).sum()) for value in found.values()):
        raise ValueError(f"{bad} numbers are not finite")
    return {name: value.astype(np.float32) if name == "matrix" else value for name, value in found.items()}


def _versions(name: str, packages: dict[str, str]) -> dict[str, str]:
    found = {}
    peer, _, _ = name.partition(".")
    for package in (packages.get(peer), "torch", "numpy", "scikit-learn"):
        try:
            found |= {package: version(package)} if package else {}
        except PackageNotFoundError:
            found[str(package)] = "absent"
    return found


def _caught(load: Callable[[], Any]) -> str:
    try:
        load()
    except Exception as problem:
        traceback.print_exc()
        return _said(problem)
    return ""


def _said(problem: Exception) -> str:
    first = (str(problem).strip().splitlines() or [""])[0]
    return f"{type(problem).__name__}: {re.sub(r'/[^ ]*/', '', first)[:200]}"
