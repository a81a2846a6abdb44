"""What the label guard finds by itself, on digits and on Roman numerals, against what a person knows of them.

    python benchmarks/augmentation/guard.py [--data FOLDER] [--all] [--wrong 0.2 0.4] [--out results_guard.json]

FOLDER holds train/CLASS/*.png of Roman numerals i to x; without it digits alone are measured. --all tries all operations, not
the flips alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.augment.fates import learned
from tilth.augment.guard import Guard
from tilth.augment.made_check import made_check
from tilth.augment.operation import Move
from tilth.augment.witnesses import changed
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.sample import TRAIN, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing.digits import digits
from tilth.testing.memory import MemoryRun

FLIPS = ("hflip", "vflip")
NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
# What a person knows: the class of the flipped glyph; "" where it is none. Digits in the writing of these data: a 1 has a
# flag or none, so its flips are left out.
KNOWN: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "roman": {
        "hflip": {
            **{c: c for c in ("i", "ii", "iii", "v", "x")},
            "iv": "vi",
            "vi": "iv",
            "vii": "",
            "viii": "",
            "ix": "",
        },
        "vflip": {
            **{c: c for c in ("i", "ii", "iii", "ix", "x")},
            **dict.fromkeys(("iv", "v", "vi", "vii", "viii"), ""),
        },
        "hflip+vflip": {
            **{c: c for c in ("i", "ii", "iii", "x")},
            **dict.fromkeys(("iv", "v", "vi", "vii", "viii", "ix"), ""),
        },
    },
    "digits": {
        "hflip": {"0": "0", "8": "8", **dict.fromkeys("234579", "")},
        "vflip": {"0": "0", "3": "3", "8": "8", **dict.fromkeys("24579", "")},
        "hflip+vflip": {"0": "0", "8": "8", "6": "9", "9": "6", **dict.fromkeys("2347", "")},
    },
}


def roman(folder: Path) -> tuple[Dataset, MemoryRun]:
    samples, contents = {}, {}
    for label, name in enumerate(NUMERALS):
        for file in sorted((folder / "train" / name).iterdir()):
            content = file.read_bytes()
            key, path = digest_bytes(content), f"{name}/{file.name}"
            sample = Sample(raw_id(key, path), key, path, label, TRAIN)
            samples[sample.id], contents[sample.id] = sample, content
    schema = Schema("image", "single-label", NUMERALS)
    return Dataset.from_samples(samples.values(), schema), MemoryRun(contents)


def plain_digits(wrong: int = 0) -> tuple[Dataset, MemoryRun]:
    world = digits(wrong=wrong, junk=0, copies=0, near=0, leaks=0, scarce=0)
    return world.data.open, world.run()


def table(data: Dataset, signal: Signal) -> dict[str, dict[str, str]]:
    """Operation -> class -> what the guard says, as it is to be read."""
    names, found = data.schema.classes, {}
    for (operation, label), fate in learned(data, Signals({"guard": signal})).items():
        reach = f" above {fate.reach:g}" if fate.word == "forbidden" and fate.reach else ""
        to = f" {names[fate.target]}" if fate.word == "becomes" else ""
        counts = f"{fate.word}{to}{reach} ({fate.moved}/{fate.asked}"
        most = f" > {names[fate.target]}" if fate.target >= 0 else ""
        found.setdefault(operation, {})[names[label]] = f"{counts}{most}, {fate.strange:.0%} strange)"
    return found


def score(said: Mapping[str, Mapping[str, str]], known: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """How often what may be used was used, and what must not be was kept out."""
    right, missed, harmful = [], [], []
    for operation, classes in known.items():
        for name, truth in classes.items():
            word, *rest = said[operation][name].split()
            used = name if word == "safe" else rest[0] if word == "becomes" else ""
            cell = f"{operation} {name}: {said[operation][name]}"
            (right if used == truth else missed if not used else harmful).append(cell)
    return {"right": len(right), "missed": missed, "harmful": harmful}


def checked(data: Dataset, run: MemoryRun, signal: Signal, known: Mapping[str, str]) -> dict[str, float]:
    """Shares of mirrored pictures that pass the check, by whether the label they carry is right."""
    judge = made_check(data, Signals({"guard": signal}), run)
    jury, names = judge.real.jury, data.schema.classes
    mirrored = changed(jury.pictures, [[Move("hflip", 1.0)]] * len(jury.ids), ["0"] * len(jury.ids))
    old = jury.labels.tolist()
    groups: dict[str, list[bool]] = {"untouched": [], "mirrored, label right": [], "mirrored, label wrong": []}
    groups["mirrored, no class at all"] = []
    same = judge.of(list(jury.pictures), old, jury.ids.tolist(), run)
    kept = judge.of(list(mirrored), old, jury.ids.tolist(), run)
    new = [names.index(known.get(names[one], "")) if known.get(names[one], "") else one for one in old]
    turned = judge.of(list(mirrored), new, jury.ids.tolist(), run)
    for at, label in enumerate(old):
        groups["untouched"].append(same[at].passed)
        truth = known.get(names[label])
        if truth is None or not judge.real.right[at]:
            continue
        if not truth:
            groups["mirrored, no class at all"].append(kept[at].passed)
        elif names.index(truth) == label:
            groups["mirrored, label right"].append(kept[at].passed)
        else:
            groups["mirrored, label wrong"].append(kept[at].passed)
            groups["mirrored, label right"].append(turned[at].passed)
    return {name: round(float(np.mean(passed)), 4) if passed else 0.0 for name, passed in groups.items()}


def measured(name: str, data: Dataset, run: MemoryRun, guard: Guard) -> dict[str, Any]:
    began, wall = time.process_time(), time.perf_counter()
    signal = guard.measure(data, run)
    seconds = {"cpu_s": round(time.process_time() - began, 1), "wall_s": round(time.perf_counter() - wall, 1)}
    return told(name, data, run, signal) | seconds


def told(name: str, data: Dataset, run: MemoryRun, signal: Signal) -> dict[str, Any]:
    said = table(data, signal)
    print(name, json.dumps(score(said, KNOWN[name]), indent=1))
    return {
        "samples": len(data),
        "right_untouched": round(float((signal.values[:, 0] == data.labels).mean()), 4),
        "score": score(said, KNOWN[name]),
        "passes_the_check": checked(data, run, signal, KNOWN[name]["hflip"]),
        "table": said,
    }


def machine() -> dict[str, Any]:
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": 1,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--wrong", type=float, nargs="*", default=[], help="shares of the digits' labels planted wrong")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results_guard.json")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    guard = Guard(operations=() if asked.all else FLIPS)
    results: dict[str, Any] = {"version": version("tilth"), "seed": 0, **machine()}
    results["digits"] = measured("digits", *plain_digits(), guard)
    for share in asked.wrong:
        data, run = plain_digits(round(share * len(plain_digits()[0])))
        results[f"digits, {share:g} wrong"] = measured("digits", data, run, guard)
    if asked.data:
        results["roman"] = measured("roman", *roman(asked.data), guard)
    asked.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
