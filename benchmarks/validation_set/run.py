"""A validation set out of noisy train data: how clean, how covering, and as clean as it was said to be?

    python benchmarks/validation_set/run.py [--data PATH] [--seeds 0 1 2] [--learner learn.linear] [--keep FOLDER]

PATH holds `roman_numerals/{roman_numerals.tar,reviewed.csv}`; without it the planted part runs alone. The verdicts of the
reviewers are read here, to measure, and by no step. FOLDER keeps the crossfits between runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import tarfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tilth.audit.label_noise import noise_scores
from tilth.audit.validation_set import ValidationSet
from tilth.cleanse.validation_set import BuildValidationSet
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Move
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Array, Signal, Signals
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
CLASSES = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
CLEAN, BAD = ("clean_unanimous", "clean_majority"), ("mislabelled", "bad_image")
SIZES = (10, 30)
DRAWS = 50  # random sets a size


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--learner", nargs="+", default=["learn.linear"])
    asked.add_argument("--keep", type=Path)
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    results: dict[str, Any] = {"machine": machine(), "seeds": args.seeds}
    results["digits"] = [row for seed in args.seeds for row in digits(seed, share=0.2)]
    tar = args.data / "roman_numerals" / "roman_numerals.tar"
    if tar.exists():
        results["roman"] = [row for one in args.learner for row in roman(tar, one, args.seeds[0], args.keep)]
    else:
        print(f"no roman_numerals below {args.data}: the reviewed part is left out")
    args.out.write_text(json.dumps(results, indent=1) + "\n")
    show(results)


def machine() -> dict[str, Any]:
    names = ("tilth", "numpy", "torch", "scikit-learn")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


# -- the reviewed half of the Roman numerals, train only --------------------------------------------------------


def roman(tar: Path, learner: str, seed: int, keep: Path | None) -> list[dict[str, Any]]:
    data, contents = read_roman(tar)
    said = read_verdicts(tar.with_name("reviewed.csv"), data)
    run = MemoryRun(contents, seed=seed)
    signals, seconds = crossfitted(run, data, learner, seed, keep)
    clean, bad = np.isin(said, CLEAN), np.isin(said, BAD)
    rows = compared(data, signals, run, clean=clean, bad=bad, targets=said == "clean_unanimous")
    mislabelled = said == "mislabelled"
    for row in rows:
        row |= {"learner": learner, "crossfit_s": seconds}
        chosen = np.isin(data.ids, row.pop("ids"))
        if row["way"] != "random":  # of which only one draw is at hand here
            row["labels_right"] = share(clean | (said == "bad_image"), mislabelled, chosen)
    return rows


def read_roman(tar: Path) -> tuple[Dataset, dict[str, bytes]]:
    samples, contents = [], {}
    with tarfile.open(tar) as archive:
        for member in archive:
            parts = Path(member.name).parts[-3:]
            if not member.isfile() or len(parts) != 3 or parts[0] != "train" or parts[1] not in CLASSES:
                continue
            file = archive.extractfile(member)
            assert file is not None
            content, path = file.read(), "/".join(parts)
            key = digest_bytes(content)
            samples.append(Sample(raw_id(key, path), key, path, CLASSES.index(parts[1])))
            contents[samples[-1].id] = content
    return Dataset.from_samples(samples, Schema("image", "single-label", CLASSES)), contents


def read_verdicts(file: Path, data: Dataset) -> Array:
    with file.open(newline="") as lines:
        said = {row["path"]: row["verdict"] for row in csv.DictReader(lines)}
    return np.array([said.get(sample.path, "") for sample in data])


# -- digits with planted wrong labels ---------------------------------------------------------------------------


def digits(seed: int, share: float) -> list[dict[str, Any]]:
    """scikit-learn's digits, this share of labels turned to any other class."""
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    loaded: Any = load_digits()
    truth = loaded.target
    wrong = rng.random(len(truth)) < share
    labels = np.where(wrong, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
    samples, contents, right = [], {}, {}
    for row, pixels in enumerate(loaded.images):
        content = picture.encode(np.kron(pixels / 16 * 255, np.ones((4, 4))).astype(np.uint8)[..., None])
        key = digest_bytes(content)
        samples.append(Sample(raw_id(key, f"{row}.png"), key, f"{row}.png", int(labels[row])))
        contents[samples[-1].id], right[samples[-1].id] = content, not wrong[row]
    data = Dataset.from_samples(samples, Schema("image", "single-label", tuple("0123456789")))
    clean = np.array([right[id] for id in data.ids.tolist()])
    run = MemoryRun(contents, seed=seed)
    signals, _ = crossfitted(run, data, "learn.linear", seed, None)
    rows = compared(data, signals, run, clean=clean, bad=~clean, targets=clean)
    for row in rows:
        del row["ids"]
        row["seed"] = seed
    return rows


# -- what is compared -------------------------------------------------------------------------------------------


def crossfitted(run: MemoryRun, data: Dataset, learner: str, seed: int, keep: Path | None) -> tuple[Signals, float]:
    from tilth.learn.crossfit import crossfit

    embedding = run.embed("embed.pixels", data)
    prints = Signal("fingerprint", data.ids, run.describe("embed.fingerprint", data))
    file = keep / f"{learner}-{seed}-{data.version}.npz" if keep else None
    began = time.perf_counter()
    if file is None or not file.exists():
        found = {one.kind: one.values for one in crossfit(run.step(learner), data, run, folds=5, seed=seed) if one}
        found["seconds"] = np.array(time.perf_counter() - began)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, **found)
    else:
        found = dict(np.load(file))
    seconds = round(float(found.pop("seconds")), 1)
    signals = Signals({kind: Signal(kind, data.ids, values) for kind, values in found.items()})
    return signals.with_(embedding, prints), seconds


def compared(
    data: Dataset, signals: Signals, run: MemoryRun, *, clean: Array, bad: Array, targets: Array
) -> list[dict[str, Any]]:
    """Three ways to take so many of each class: purity among those whose truth is known, and how far the clean samples of
    a class lie from the nearest chosen one (unit vectors of the embedding)."""
    doubt, rows = noise_scores(data, signals), []
    for size in SIZES:
        began = time.perf_counter()
        found = ValidationSet(per_class=size).detect(data, signals, run)
        edits = BuildValidationSet().cleanse(data, found, signals)
        seconds = round(time.perf_counter() - began, 2)
        ids = [edit.id for edit in edits if isinstance(edit, Move)]
        rows.append(
            {
                "size": size,
                "way": "tilth",
                "expected": found[0].evidence["purity"],
                "seconds": seconds,
                "dropped_copies": len(edits) - len(ids),
                **measured(data, signals, np.isin(data.ids, ids), clean, bad, targets),
            }
        )
        surest = np.zeros(len(data), bool)
        for c in range(len(data.schema.classes)):
            own = np.flatnonzero(data.labels == c)
            surest[own[np.argsort(doubt[own], kind="stable")][:size]] = True
        rows.append({"size": size, "way": "most confident", **measured(data, signals, surest, clean, bad, targets)})
        rows.append({"size": size, "way": "random", **at_random(data, signals, size, clean, bad, targets)})
    return rows


def measured(
    data: Dataset, signals: Signals, chosen: Array, clean: Array, bad: Array, targets: Array
) -> dict[str, Any]:
    return {
        "chosen": int(chosen.sum()),
        "known": int((chosen & (clean | bad)).sum()),
        "purity": share(clean, bad, chosen),
        "distance": round(distance(data, signals, chosen, targets), 4),
        "ids": data.ids[chosen].tolist(),
    }


def share(good: Array, bad: Array, among: Array) -> float:
    return round(float((good & among).sum() / max(((good | bad) & among).sum(), 1)), 4)


def distance(data: Dataset, signals: Signals, chosen: Array, targets: Array) -> float:
    values = signals["embedding"].rows(data.ids)
    values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    apart = []
    for c in range(len(data.schema.classes)):
        here, there = values[targets & (data.labels == c)], values[chosen & (data.labels == c)]
        if len(there):
            apart += np.linalg.norm(here[:, None] - there[None], axis=2).min(axis=1).tolist()
    return float(np.mean(apart))


def at_random(data: Dataset, signals: Signals, size: int, clean: Array, bad: Array, targets: Array) -> dict[str, Any]:
    found = []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        chosen = np.zeros(len(data), bool)
        for c in range(len(data.schema.classes)):
            chosen[rng.choice(np.flatnonzero(data.labels == c), size, replace=False)] = True
        found.append(measured(data, signals, chosen, clean, bad, targets))
    mean = {key: round(float(np.mean([one[key] for one in found])), 4) for key in ("known", "purity", "distance")}
    return {"chosen": found[0]["chosen"], **mean, "ids": found[0]["ids"]}


def show(results: dict[str, Any]) -> None:
    head = "| data | a class | way | purity | distance to the nearest | expected |\n|---|---|---|---|---|---|"
    print(head)
    for row in results.get("roman", []):
        told = f"{row['purity']:.3f} ({row['known']:.0f} reviewed)"
        expected = " to ".join(f"{bound:.3f}" for bound in row.get("expected", []))
        print(
            f"| Roman, {row['learner']} | {row['size']} | {row['way']} | {told} | {row['distance']:.3f} | {expected} |"
        )
    for size in SIZES:
        for way in ("tilth", "most confident", "random"):
            some = [row for row in results["digits"] if (row["size"], row["way"]) == (size, way)]
            purity, apart = (np.mean([row[key] for row in some]) for key in ("purity", "distance"))
            spread = np.std([row["purity"] for row in some])
            expected = [np.mean([row["expected"][at] for row in some]) for at in (0, 1)] if way == "tilth" else []
            told = " to ".join(f"{bound:.3f}" for bound in expected)
            print(f"| digits, 20 % wrong | {size} | {way} | {purity:.3f} ±{spread:.3f} | {apart:.3f} | {told} |")


if __name__ == "__main__":
    main()
