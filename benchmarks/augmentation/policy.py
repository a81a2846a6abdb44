"""The learned policy beside augmentation at random and none: accuracy of one fixed small network, in pairs of seeds.

    python benchmarks/augmentation/policy.py [--data PATH] [--worlds digits roman] [--seeds 5] [--steps 600]

digits  400 of scikit-learn's handwritten digits, filled to 1,600; 599 others are the test
roman   the train pictures of the 2021 competition as they came, filled to twice as many; the test is the unanimously
        clean part of its validation split. PATH holds `roman_numerals/{roman_numerals.tar,reviewed.csv}`; without them
        this world is left out and said so. Verdicts choose the test pictures, and nothing else.

Every training has the same number of steps and the same pictures to begin with; a seed decides the search, the made
pictures and the training. The ways draw from the same seven operations, with inversion and without. A rerun goes on
where the last one stopped: each training lies in `--work`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "label_noise"))
import run as label_noise  # noqa: E402 - the reviewed numerals and how they are read
from tilth.augment.learned import GREY  # noqa: E402
from tilth.dataset import Dataset  # noqa: E402
from tilth.signal import Signals  # noqa: E402
from tilth.testing.digits import digits  # noqa: E402
from tilth.testing.memory import MemoryRun  # noqa: E402

PLAIN = tuple(name for name in GREY if name != "invert")
WAYS: Mapping[str, tuple[str, Mapping[str, Any]] | None] = {
    "nothing": None,
    "trivial": ("augment.trivial", {"operations": GREY}),
    "rand": ("augment.rand", {"operations": GREY}),
    "policy": ("augment.policy", {"operations": GREY}),
    "trivial, no inversion": ("augment.trivial", {"operations": PLAIN}),
    "rand, no inversion": ("augment.rand", {"operations": PLAIN}),
    "policy, no inversion": ("augment.policy", {"operations": PLAIN}),
}


@dataclass(frozen=True)
class Task:
    """Train pictures, what they are filled up to, and what the network is asked about."""

    name: str
    train: Dataset
    test: Dataset
    budget: int
    contents: Mapping[str, bytes] = field(repr=False)


def digit_task() -> Task:
    world = digits(wrong=0, junk=0, copies=0, near=0, leaks=0, scarce=0)
    train = world.data.train
    few = train.only(np.random.default_rng(0).choice(train.ids, 400, replace=False))
    return Task("digits", few, world.data.split("test"), 1600, world.contents)


def roman_task(where: Path) -> Task | None:
    folder = where / "roman_numerals"
    if not (folder / "reviewed.csv").exists():
        print(f"roman: no data below {where}, left out")
        return None
    data, contents = label_noise.read_roman(folder / "roman_numerals.tar")
    verdicts = label_noise.read_verdicts(folder / "reviewed.csv", data)
    clean = np.array([verdict == "clean_unanimous" for verdict, _ in verdicts])
    train, test = data.train, data.where(clean & (data.splits == "valid"))
    return Task("roman", train, test, 2 * len(train), contents)


def filled(task: Task, way: str, seed: int, more: Mapping[str, Any]) -> tuple[Dataset, MemoryRun, dict[str, Any]]:
    """The train set as this way fills it, a run that holds its contents, and what that cost."""
    run = MemoryRun(task.contents, seed=seed)
    run.threads = torch.get_num_threads()
    if WAYS[way] is None:
        return task.train, run, {}
    use, settings = WAYS[way]  # type: ignore[misc]
    extra = more if use == "augment.policy" else {}
    began, worked = time.perf_counter(), time.process_time()
    step = run.step(use, {**settings, **extra})
    adds = list(step.augment(task.train, Signals(), run, budget=task.budget))
    spent = {
        "wall_s": round(time.perf_counter() - began),
        "cpu_s": round(time.process_time() - worked),
        "made": len(adds),
    }
    told = [line for line in run.lines if "found" in line]
    contents = {**task.contents, **{add.id: add.content for add in adds}}
    return task.train.apply(adds), MemoryRun(contents, seed=seed), {**spent, **({"policy": told[0]} if told else {})}


def trained(task: Task, way: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Right answers on the test, of a network trained on what this way makes of the train pictures."""
    train, run, spent = filled(task, way, seed, {"steps": args.search_steps})
    run.threads = torch.get_num_threads()
    # The same number of steps for all: a larger set is not passed over longer.
    learner = run.step("learn.convnet", {"epochs": 1, "least_steps": args.steps, "size_px": args.size_px})
    model = learner.fit(train, None, run, seed=seed)
    right = model.predict(task.test, run).argmax(1) == task.test.labels
    return {"accuracy": round(float(right.mean()), 4), "n": len(train), **spent}


def kept(task: Task, way: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    name = f"{task.name}_{way}_{seed}_{args.steps}_{args.search_steps}_{args.size_px}.json".replace(", ", "-").replace(
        " ", "-"
    )
    file = args.work / name
    if not file.exists():
        one = trained(task, way, seed, args)
        file.write_text(json.dumps(one))
        print(task.name, way, seed, one, flush=True)
    return json.loads(file.read_text())


def interval(gains: np.ndarray) -> list[float]:
    """Mean gain and its 95 % interval by Student's t over the pairs of seeds; no interval for one."""
    from scipy import stats

    mean = float(gains.mean())
    if len(gains) < 2:
        return [round(mean, 4)]
    wide = float(stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
    return [round(mean, 4), round(mean - wide, 4), round(mean + wide, 4)]


def measured(task: Task, args: argparse.Namespace) -> dict[str, Any]:
    # Seed by seed: a run that is cut short has whole pairs.
    runs = {way: [] for way in args.ways}
    for seed in range(args.seeds):
        for way in args.ways:
            runs[way].append(kept(task, way, seed, args))
    accuracy = {way: np.array([one["accuracy"] for one in found]) for way, found in runs.items()}
    rows = {}
    for way, values in accuracy.items():
        rows[way] = {"accuracy": round(float(values.mean()), 4), "by_seed": values.tolist()}
        for other in ("nothing", way.replace("policy", "trivial"), way.replace("policy", "rand")):
            if other != way and other in accuracy and (other == "nothing" or "policy" in way):
                rows[way][f"gain over {other}"] = interval(values - accuracy[other])
        found = [one["policy"] for one in runs[way] if "policy" in one]
        costs = [one["cpu_s"] for one in runs[way] if "cpu_s" in one]
        rows[way] |= {"policies": found} if found else {}
        rows[way] |= {"cpu_s": costs} if costs else {}
    return {"train": len(task.train), "budget": task.budget, "test": len(task.test), "ways": rows}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=Path("data"))
    asked.add_argument("--work", type=Path, default=HERE / "work")
    asked.add_argument("--worlds", nargs="+", default=["digits", "roman"], choices=["digits", "roman"])
    asked.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--steps", type=int, default=600)
    asked.add_argument("--search-steps", type=int, default=1000)
    asked.add_argument("--size-px", type=int, default=32)
    asked.add_argument("--out", type=Path, default=HERE / "policy.json")
    args = asked.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    setting = {name: getattr(args, name) for name in ("seeds", "steps", "search_steps", "size_px")}
    results: dict[str, Any] = json.loads(args.out.read_text()) if args.out.exists() else {}
    results["machine"] = label_noise.machine() | {"load": round(os.getloadavg()[0], 1)}
    for name in args.worlds:
        task = digit_task() if name == "digits" else roman_task(args.data)
        if task is not None:
            results[name] = setting | measured(task, args)
            args.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps({name: found for name, found in results.items() if name != "machine"}, indent=1))


if __name__ == "__main__":
    main()
