"""What HyDRA costs: seconds beside those of the plain training, memory beside that of a vector for each sample.

    python benchmarks/valuation/cost.py [--device cpu] [--quick] [--work PATH]

Each line is measured in a process of its own, on one thread: the plain training and what is compared with it in turn,
three times, and the medians are taken; memory is the most the process held above what it held after imports and data.
Writes cost.json and scale.svg beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import protocol

HERE = Path(__file__).resolve().parent
RATIOS = ("cnn-8px", "convnet-48px", "cut-resnet50")
SIZES = (1_000, 3_000, 10_000, 30_000)
WIDTHS = (8, 16, 32, 64)
JUDGES = 52


def world(model: str, n: int, device: str, width: int = 16, epochs: int = 15) -> tuple[Any, Any]:
    """(course, judges): a finished training on made-up pictures of ten classes, and 52 judges."""
    import torch
    from torch import nn

    from tilth.learn.convnet import ConvNet
    from tilth.learn.convnet import Net as Convolutions
    from tilth.learn.course import lesson_of
    from tilth.learn.cut_resnet50 import CutResNet50
    from tilth.learn.cut_resnet50 import Net as Cut
    from tilth.learn.plan import Plan
    from tilth.learn.setting import Setting
    from tilth.learn.trainer import seeded, train

    shape = {"cnn-8px": (1, 8, 8), "convnet-48px": (1, 48, 48), "cut-resnet50": (3, 32, 32)}[model]
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n + JUDGES)
    middles = rng.normal(size=(10, *shape)).astype(np.float32)
    values = middles[labels] + rng.normal(size=(n + JUDGES, *shape)).astype(np.float32)
    if model == "cut-resnet50":
        values *= 50
    with seeded(0):
        if model == "cnn-8px":
            net: Any = nn.Sequential(
                nn.Conv2d(1, width, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(width, 2 * width, 3, padding=1),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(2),
                nn.Flatten(),
                nn.Linear(8 * width, 10),
            )
            plan = Plan(epochs, 50, "sgd", 0.05, weight_decay=5e-4, schedule="cosine")
        elif model == "convnet-48px":
            net, plan = Convolutions(10, 1), ConvNet(epochs=20, least_steps=0).blueprint().plan
        else:
            net, plan = Cut(10), CutResNet50(epochs=20).blueprint().plan
    setting = Setting(device=device)
    judges = lesson_of(values[n:], labels[n:], 10).on(setting)
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"tilth-cost-{os.getpid()}"
    folder.mkdir(exist_ok=True)

    def again() -> Any:
        folder.mkdir(exist_ok=True)  # a finished training takes it away
        return train(net, lesson_of(values[:n], labels[:n], 10), None, plan, setting=setting, seed=0, folder=folder)

    began = protocol.peak_mb(reset=True)
    course = again().course
    torch.set_num_threads(1)
    return (course, judges), (again, protocol.peak_mb() - began)


def classic(course: Any, judges: Any) -> np.ndarray:
    """HyDRA as it is printed, Hessian dropped: two vectors of the size of the network for each train sample."""
    import torch

    from tilth.value.gradients import Whole
    from tilth.value.replay import mean_direction, read_step
    from tilth.value.rule import group_of

    net, optimizer = course.begin()
    weights = {name: weight for name, weight in net.named_parameters() if weight.requires_grad}
    n = len(course)
    h = {name: torch.zeros(n, weight.numel()) for name, weight in weights.items()}
    v = {name: torch.zeros(n, weight.numel()) for name, weight in weights.items()}
    names = {id(weight): name for name, weight in weights.items()}
    for step in range(course.steps):
        course.set(optimizer, step)
        batch = course.batch(step)
        optimizer.zero_grad()
        whole, _, _ = read_step(course, net, batch, Whole)
        for group in optimizer.param_groups:
            own = group_of(group)
            for name in (names[id(weight)] for weight in group["params"]):
                v[name].mul_(own.momentum).add_(h[name], alpha=own.decay)
                v[name][batch.rows] += whole.found[name]
                h[name].sub_(v[name], alpha=own.rate)
        course.move(net, optimizer)
    q = mean_direction(course, judges)
    return -sum(h[name] @ q[name].flatten() for name in h).numpy()


def measured(model: str, n: int, device: str, width: int, what: list[str], turns: int, epochs: int) -> dict[str, Any]:
    """Seconds (median of turns, in turn with the plain training) and peak MiB of each way."""
    from scipy.stats import spearmanr

    from tilth.value.hydra import hydra

    (course, judges), (again, train_mb) = world(model, n, device, width, epochs)
    ways = {mode: (lambda mode=mode: hydra(course, judges, mode=mode)["values"]) for mode in what if mode != "classic"}
    ways |= {"classic": lambda: classic(course, judges)} if "classic" in what else {}
    seconds: dict[str, list[float]] = {name: [] for name in ("training", *ways)}
    memory: dict[str, float] = {"training": train_mb}
    found: dict[str, np.ndarray] = {}
    for _ in range(turns):
        began = time.perf_counter()
        again()
        seconds["training"].append(time.perf_counter() - began)
        for name, way in ways.items():
            level = protocol.peak_mb(reset=True)
            began = time.perf_counter()
            found[name] = way()
            seconds[name].append(time.perf_counter() - began)
            memory[name] = protocol.peak_mb() - level  # of the last turn: the first imports what torch loads late
    if turns > 1:  # the first one woke torch up
        seconds = {name: all_[1:] for name, all_ in seconds.items()}
    ratios = {
        name: float(np.median([mine / plain for mine, plain in zip(seconds[name], seconds["training"], strict=True)]))
        for name in ways
    }
    numel = sum(weight.numel() for weight in course.net.parameters())
    line: dict[str, Any] = {"model": model, "n": n, "weights": numel, "steps": course.steps, "judges": JUDGES}
    line |= {"seconds": {name: round(float(np.median(all_)), 3) for name, all_ in seconds.items()}}
    line |= {"times_training": {name: round(ratio, 2) for name, ratio in ratios.items()}}
    line |= {"peak_mb": {name: round(mb, 1) for name, mb in memory.items()}}
    if "classic" in found:
        rho = spearmanr(found["classic"], found["approximate"])[0]
        line["spearman_classic_approximate"] = round(float(rho), 6)
        line["classic_vectors_mb"] = round(2 * n * numel * 4 / 2**20, 1)
    return line


def jobs(quick: bool) -> list[dict[str, Any]]:
    every, first = ["approximate", "matrix", "exact"], ["approximate", "matrix"]
    sizes, widths = (SIZES[:2], WIDTHS[:2]) if quick else (SIZES, WIDTHS)
    found = [
        {"model": "cnn-8px", "n": 1000, "what": every, "epochs": 15},
        {"model": "convnet-48px", "n": 1280, "what": every, "turns": 2},
        {"model": "cut-resnet50", "n": 400, "what": every, "turns": 2},
        {"model": "cnn-8px", "n": 2000, "what": ["approximate", "classic"], "width": 32, "turns": 2},
    ]
    found += [{"model": "cnn-8px", "n": n, "what": first, "turns": 2, "figure": "n"} for n in sizes]
    found += [{"model": "cnn-8px", "n": 3000, "what": first, "turns": 2, "width": w, "figure": "w"} for w in widths]
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--device", default="cpu")
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--out", type=Path, default=HERE / "cost.json")
    asked.add_argument("--one", help=argparse.SUPPRESS)
    args = asked.parse_args()
    if args.one:
        import warnings

        import torch

        warnings.simplefilter("ignore", DeprecationWarning)
        torch.set_num_threads(1)
        job = json.loads(args.one)
        line = measured(
            job["model"],
            job["n"],
            args.device,
            job.get("width", 16),
            job["what"],
            job.get("turns", 4),
            job.get("epochs", 2),
        )
        print(json.dumps(line | {"figure": job.get("figure", "")}))
        return
    lines = []
    for job in jobs(args.quick):
        command = [sys.executable, __file__, "--device", args.device, "--one", json.dumps(job)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
        )
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            raise SystemExit(f"{job} ended with {done.returncode}")
        lines.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(lines[-1]), flush=True)
    import torch

    device = torch.cuda.get_device_name(0) if args.device.startswith("cuda") else "cpu"
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    args.out.write_text(json.dumps({"machine": machine, "device": device, "lines": lines}, indent=1) + "\n")
    if not args.device.startswith("cuda"):
        (HERE / "scale.svg").write_text(figure(lines))


# -- figure ---------------------------------------------------------------------------------------------------------

_COLOURS = {"training": "#888", "approximate": "#1f6f54", "matrix": "#b3541e"}


def figure(lines: list[dict[str, Any]]) -> str:
    """Four panels: seconds and memory, against samples and against weights; both axes in powers."""
    panels = []
    for row, (key, label) in enumerate((("seconds", "seconds"), ("peak_mb", "MiB above data"))):
        for column, (kind, by, name) in enumerate((("n", "n", "train samples"), ("w", "weights", "weights"))):
            chosen = [line for line in lines if line["figure"] == kind]
            series = {way: [(line[by], line[key][way]) for line in chosen] for way in _COLOURS if way in chosen[0][key]}
            panels.append(_panel(series, 20 + column * 330, 20 + row * 230, name, label))
    body = "".join(panels)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="480" font-family="sans-serif" font-size="11"><rect width="680" height="480" fill="white"/>{body}</svg>\n'


def _panel(series: dict[str, list[tuple[float, float]]], left: float, top: float, across: str, up: str) -> str:
    xs = np.log10([x for points in series.values() for x, _ in points])
    ys = np.log10([max(y, 0.1) for points in series.values() for _, y in points])
    low, high = np.floor(ys.min()), np.ceil(ys.max())
    x_of = lambda x: left + 40 + 260 * (np.log10(x) - xs.min()) / max(xs.max() - xs.min(), 1e-9)  # noqa: E731
    y_of = lambda y: top + 170 - 160 * (np.log10(max(y, 0.1)) - low) / max(high - low, 1)  # noqa: E731
    parts = [f'<rect x="{left + 40}" y="{top + 10}" width="260" height="160" fill="none" stroke="#bbb"/>']
    for power in range(int(low), int(high) + 1):
        parts.append(f'<text x="{left + 36}" y="{y_of(10.0**power) + 4:.0f}" text-anchor="end">{10.0**power:g}</text>')
    for x in sorted({x for points in series.values() for x, _ in points}):
        parts.append(f'<text x="{x_of(x):.0f}" y="{top + 184}" text-anchor="middle">{x:,}</text>')
    for at, (way, points) in enumerate(series.items()):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_COLOURS[way]}" stroke-width="2"/>')
        parts.append(f'<text x="{left + 48}" y="{top + 24 + 13 * at}" fill="{_COLOURS[way]}">{way}</text>')
    parts.append(f'<text x="{left + 170}" y="{top + 200}" text-anchor="middle">{across}</text>')
    parts.append(f'<text x="{left + 40}" y="{top + 4}">{up}</text>')
    return "".join(parts)


if __name__ == "__main__":
    main()
