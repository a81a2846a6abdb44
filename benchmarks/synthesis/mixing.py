"""Mixing: does it generalize, and does it keep a network from learning wrong labels by heart?

    python benchmarks/synthesis/mixing.py [--data PATH] [--tasks digits roman] [--seeds 5] [--steps 500]
    python benchmarks/synthesis/mixing.py --table

digits  scikit-learn's: 800 for training, 599 sealed as test, 16 px
roman   the train pictures of the 2021 competition, shrunk to 64 px for mixing and to 32 for training; the test is the unanimously
        clean part of its validation split. PATH holds `roman_numerals/{roman_numerals.tar,reviewed.csv}`

In both, one label in five of train is planted wrong. Each way of mixing makes two mixtures for each train picture; the same
small network is trained for the same number of steps on what comes of it, with no augmentation and no smoothing of labels, by
the trainer of the learners. What is done already stands in mixing.json and is not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Relabel
from tilth.learn import preprocess
from tilth.learn.convnet import Net
from tilth.learn.course import Lesson
from tilth.learn.plan import Plan
from tilth.learn.preprocess import Inputs
from tilth.learn.setting import Setting
from tilth.learn.trainer import seeded, train
from tilth.numerics import picture
from tilth.sample import TEST, TRAIN, Sample, raw_id
from tilth.signal import Array, Signals
from tilth.testing.digits import digits
from tilth.testing.memory import MemoryRun

WRONG = 0.2  # share of the train labels that is planted
TIMES = 2  # mixtures for each train picture
BINS = 15  # of the calibration error
FILE = Path(__file__).with_suffix(".json")
CLASSES = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")

MIXES = {
    f"{name}, {within}": (f"augment.{step}", within)
    for name, step in (("mixup", "mixup"), ("CutMix", "cutmix"), ("SaliencyMix", "saliency_mix"))
    for within in ("any", "class")
    if within == "any" or name != "SaliencyMix"
}
KINDS = {"mixup, any": ("soft", "hard", "soft alone"), "CutMix, any": ("soft", "hard", "soft alone")}
ARMS: Mapping[str, tuple[str, str]] = {
    "none": ("", ""),
    **{f"{mix}, {kind}": (mix, kind) for mix in MIXES for kind in KINDS.get(mix, ("soft",)) if mix.endswith("any")},
    **{mix: (mix, "soft") for mix in MIXES if mix.endswith("class")},
}
"""Arm -> (mixtures, what is made of them). `soft`: beside the train pictures; `hard`: the same with the class of the larger share
alone; `soft alone`: in place of the train pictures."""


@dataclass(frozen=True)
class Task:
    """Train pictures with planted labels, and clean ones to be asked about.

    given, true  of the train pictures, in the order of their rows
    """

    name: str
    data: Dataset
    test: Dataset
    true: Array
    size_px: int
    contents: Mapping[str, bytes] = field(repr=False)


def planted(name: str, data: Dataset, test: Dataset, size_px: int, contents: Mapping[str, bytes], seed: int) -> Task:
    rng = np.random.default_rng([seed, 3])
    k, rows = len(data.schema.classes), rng.permutation(len(data))[: round(WRONG * len(data))]
    edits = []
    for row in rows.tolist():
        old = int(data.labels[row])
        edits.append(Relabel(str(data.ids[row]), old, int((old + rng.integers(1, k)) % k), "planted"))
    return Task(name, data.apply(edits), test, data.labels, size_px, contents)


def digit_task(seed: int) -> Task:
    world = digits(wrong=0, junk=0, copies=0, near=0, leaks=0, scarce=0)
    train_ = world.data.train
    few = train_.only(np.random.default_rng([seed, 1]).choice(train_.ids, 800, replace=False))
    small = {id: picture.encode(picture.shrink(picture.decode(one), 16)) for id, one in world.contents.items()}
    return planted("digits", few, world.data.split("test"), 16, small, seed)


def roman_task(where: Path, seed: int) -> Task:
    samples, small = [], {}
    with (where / "reviewed.csv").open(newline="") as lines:
        clean = {row["path"] for row in csv.DictReader(lines) if row["verdict"] == "clean_unanimous"}
    with tarfile.open(where / "roman_numerals.tar") as archive:
        for member in archive:
            parts = Path(member.name).parts[-3:]
            path = "/".join(parts)
            if not member.isfile() or len(parts) != 3 or parts[1] not in CLASSES:
                continue
            if parts[0] != "train" and not (parts[0] == "val" and path in clean):
                continue
            file = archive.extractfile(member)
            assert file is not None
            content = picture.encode(picture.shrink(picture.decode(file.read()), 64))
            key, split = digest_bytes(content), TRAIN if parts[0] == "train" else TEST
            samples.append(Sample(raw_id(key, path), key, path, CLASSES.index(parts[1]), split))
            small[samples[-1].id] = content
    data = Dataset.from_samples(samples, Schema("image", "single-label", CLASSES))
    return planted("roman", data.train, data.split(TEST), 32, small, seed)


# -- one training -----------------------------------------------------------------------------------------------


def mixtures(task: Task, mix: str, seed: int) -> tuple[Dataset, Mapping[str, bytes]]:
    """The train pictures with mixtures of them, and all their contents."""
    use, within = MIXES[mix]
    run = MemoryRun(task.contents, seed=seed)
    run.threads = 1
    step = run.step(use, {"within": within, "balance": False})
    adds = list(step.augment(task.data, Signals(), run, budget=(1 + TIMES) * len(task.data)))
    return task.data.apply(adds), {**task.contents, **{add.id: add.content or b"" for add in adds}}


def pixels(data: Dataset, contents: Mapping[str, bytes], size_px: int) -> torch.Tensor:
    """(n, 1, side, side) uint8."""
    return torch.stack([preprocess.square(picture.decode(contents[id]), size_px, 1) for id in data.ids.tolist()])


@dataclass(frozen=True)
class Shown:
    """Pictures as the network sees them, and what is taught of them."""

    data: Dataset
    seen: torch.Tensor


def taught(shown: Shown, kind: str) -> tuple[torch.Tensor, Array]:
    """What an arm trains on: pictures, and targets (n, k)."""
    data, targets = shown.data, shown.data.targets
    if kind == "hard":
        targets = np.eye(targets.shape[1], dtype=np.float32)[data.labels]
    kept = data.made if kind == "soft alone" else np.ones(len(data), bool)
    return shown.seen[torch.from_numpy(np.array(kept))], targets[kept]


def trained(task: Task, shown: Shown, kind: str, seed: int, steps: int, test: torch.Tensor) -> dict[str, float]:
    seen, targets = taught(shown, kind)
    shift, scale = preprocess.spread(seen)
    plan = Plan(
        epochs=1, batch=64, optimizer="adamw", rate=2e-3, weight_decay=0.02, schedule="cosine", least_steps=steps
    )
    plan = replace(plan, warmup_share=0.1)
    lesson = Lesson(Inputs(seen, shift, scale), torch.from_numpy(targets), torch.ones(len(seen)), multi=False)
    with seeded(seed):
        net = Net(targets.shape[1], 1)
    with tempfile.TemporaryDirectory() as scratch:
        done = train(net, lesson, None, plan, setting=Setting(), seed=seed, folder=Path(scratch))

    def asked(values: torch.Tensor) -> Array:
        with torch.no_grad():
            return torch.softmax(done.net(Inputs(values, shift, scale).batch(slice(None))), 1).numpy()

    raw = torch.from_numpy(np.array(~shown.data.made))
    return measured(asked(test), task.test.labels) | remembered(asked(shown.seen[raw]), task)


def measured(chances: Array, true: Array) -> dict[str, float]:
    """Accuracy, expected calibration error and log loss on clean pictures."""
    sure, right = chances.max(1), chances.argmax(1) == true
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    loss = -np.log(np.maximum(chances[np.arange(len(true)), true], 1e-12)).mean()
    return {"accuracy": float(right.mean()), "calibration_error": float(sum(gaps)), "log_loss": float(loss)}


def remembered(chances: Array, task: Task) -> dict[str, float]:
    """Of the train pictures with a planted label, the shares that are answered by it and by the true one; and of the others
    the share that is answered by its label."""
    said, given = chances.argmax(1), task.data.labels
    wrong = given != task.true
    return {
        "memorised": float((said == given)[wrong].mean()),
        "seen_through": float((said == task.true)[wrong].mean()),
        "right_learned": float((said == given)[~wrong].mean()),
    }


# -- all of them ------------------------------------------------------------------------------------------------


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    asked.add_argument("--tasks", nargs="+", default=["digits", "roman"], choices=["digits", "roman"])
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--steps", type=int, default=500)
    asked.add_argument("--out", type=Path, default=FILE)
    asked.add_argument("--table", action="store_true", help="print the tables of what is done, and do nothing")
    args = asked.parse_args()
    if not args.table:
        torch.set_num_threads(1)
        for name in args.tasks:
            folder = args.data / "roman_numerals"
            if name == "roman" and not (folder / "reviewed.csv").exists():
                print(f"roman: no data below {args.data}, left out")
                continue
            for seed in range(args.seeds):
                hold(name, folder, seed, args.steps, args.out)
    for name in args.tasks:
        print("\n".join(table(read(args.out)["rows"], name, args.steps)))


def hold(name: str, folder: Path, seed: int, steps: int, out: Path) -> None:
    """All arms of one task and seed that are not done yet."""
    done = {(row["task"], row["seed"], row["arm"], row["steps"]) for row in read(out)["rows"]}
    missing = {arm: how for arm, how in ARMS.items() if (name, seed, arm, steps) not in done}
    if not missing:
        return
    task = digit_task(seed) if name == "digits" else roman_task(folder, seed)
    test = pixels(task.test, task.contents, task.size_px)
    for mix in dict.fromkeys(mix for mix, _ in missing.values()):
        began = time.process_time()
        data, contents = mixtures(task, mix, seed) if mix else (task.data, task.contents)
        shown = Shown(data, pixels(data, contents, task.size_px))
        spent = time.process_time() - began
        for arm in [arm for arm, (own, _) in missing.items() if own == mix]:
            began = time.process_time()
            row = trained(task, shown, ARMS[arm][1] or "soft", seed, steps, test)
            rounded = {key: round(value, 4) for key, value in row.items()}
            cost = {"mixing_cpu_s": round(spent, 1), "training_cpu_s": round(time.process_time() - began, 1)}
            keep(out, {"task": name, "seed": seed, "arm": arm, "steps": steps, **rounded, **cost})


def read(out: Path) -> dict[str, Any]:
    return json.loads(out.read_text()) if out.exists() else {"rows": []}


def keep(out: Path, row: dict[str, Any]) -> None:
    print(row, flush=True)
    rows = [*read(out)["rows"], row]
    draft = out.with_suffix(".partial")
    draft.write_text(json.dumps({"machine": machine(), "wrong": WRONG, "times": TIMES, "rows": rows}, indent=1) + "\n")
    draft.replace(out)


def machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        **{name: version(name) for name in ("tilth", "numpy", "torch", "scikit-learn")},
    }


SHOWN = {"accuracy": 100, "memorised": 100, "seen_through": 100, "calibration_error": 100, "log_loss": 1}


def table(rows: Sequence[dict[str, Any]], name: str, steps: int) -> list[str]:
    """Means over the seeds, and differences to no mixing in pairs with the standard error of their mean."""
    own = {(row["arm"], row["seed"]): row for row in rows if row["task"] == name and row["steps"] == steps}
    seeds = sorted({seed for _, seed in own})
    lines = [f"\n{name}, {steps} steps, seeds {seeds}", "", "| arm | " + " | ".join(SHOWN) + " |", "|---" * 6 + "|"]
    for arm in ARMS:
        pairs = [(own[arm, seed], own["none", seed]) for seed in seeds if (arm, seed) in own and ("none", seed) in own]
        if not pairs:
            continue
        cells = []
        for key, scale in SHOWN.items():
            here = np.array([scale * one[key] for one, _ in pairs])
            apart = here - np.array([scale * none[key] for _, none in pairs])
            digits_ = 1 if scale == 100 else 2
            error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else float("nan")
            told = f" ({apart.mean():+.{digits_}f} +- {error:.{digits_}f})" if arm != "none" else ""
            cells.append(f"{here.mean():.{digits_}f}{told}")
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    main()
