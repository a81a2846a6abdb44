"""What train lacks beside its target, and whether steering augmentation there helps.

    python benchmarks/augmentation/gaps.py [--data FOLDER]

FOLDER holds `train` and `label_book`, a folder for each class in both. Without it only the planted worlds are measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Move
from tilth.numerics import attributes
from tilth.sample import TRAIN, VALID, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing.memory import MemoryRun
from tilth.testing.styles import OTHERS, styled

SEEDS = (0, 1, 2)
MADE = 600  # pictures made of 300 in each planted world
SMALL = {"size_px": 32, "epochs": 15, "least_steps": 200}
NULLS = 8  # draws of a target out of train itself


def signals_of(data: Dataset, run: MemoryRun) -> Signals:
    kinds = ("embed.attributes", "embed.pixels")
    return Signals({signal.kind: signal for signal in (run.embed(use, data) for use in kinds)})


# -- planted worlds -------------------------------------------------------------------------------------------


def planted(name: str, seed: int) -> dict[str, Any]:
    """Whether the gap is found and named, where the demand goes, and what three trainings make of it."""
    one = styled(name, n=300, test=500, seed=seed)
    data, run = one.world.data.open, one.world.run(seed=seed)
    signals = signals_of(data, run)
    found = run.step("audit.coverage_gaps").detect(data, signals, run)
    gaps = [finding.evidence for finding in found if "attribute" in finding.evidence and "class" not in finding.evidence]
    demand = run.step("value.coverage").value(data, signals, run)
    other = np.isin(demand.ids, list(one.other))
    said = {
        "world": name,
        "seed": seed,
        "named": OTHERS[name][1] in [gap["attribute"] for gap in gaps],
        "rank": [gap["attribute"] for gap in gaps].index(OTHERS[name][1]) + 1,
        "attributes_found": len(gaps),
        "demand_other": float(demand.values[other].mean()),
        "demand_plain": float(demand.values[~other].mean()),
    }
    arms = {"none": data, "unsteered": augmented(one.world, data, Signals(), seed)}
    arms["steered"] = augmented(one.world, data, Signals({"demand": demand}), seed)
    test = one.world.data.split("test")
    for arm, train in arms.items():
        said[f"accuracy_{arm}"] = accuracy(train, test, one.world.contents | dict(MADE_CONTENTS), seed)
    return said


MADE_CONTENTS: dict[str, bytes] = {}


def augmented(world: Any, data: Dataset, signals: Signals, seed: int) -> Dataset:
    run = world.run(seed=seed)
    adds = list(run.step("augment.geometric").augment(data, signals, run, budget=len(data) + MADE))
    MADE_CONTENTS.update({add.id: add.content for add in adds if add.content is not None})
    return data.apply(adds)


def accuracy(train: Dataset, test: Dataset, contents: dict[str, bytes], seed: int) -> float:
    run = MemoryRun(contents, seed=seed)
    run.threads = 1
    model = run.step("learn.convnet", SMALL).fit(train.train, None, run, seed=seed)
    return float((model.predict(test, run).argmax(1) == test.labels).mean())


# -- real data ------------------------------------------------------------------------------------------------


def read(folder: Path) -> tuple[Dataset, MemoryRun]:
    names = sorted(one.name for one in (folder / "train").iterdir())
    samples, contents = [], {}
    for place, split in (("train", TRAIN), ("label_book", VALID)):
        for file in sorted((folder / place).glob("*/*")):
            content = file.read_bytes()
            key, path = digest_bytes(content), f"{split}/{file.parent.name}/{file.name}"
            sample = Sample(raw_id(key, path), key, path, names.index(file.parent.name), split)
            samples.append(sample)
            contents[sample.id] = content
    return Dataset.from_samples(samples, Schema("image", "single-label", tuple(names))), MemoryRun(contents)


def real(folder: Path) -> dict[str, Any]:
    data, run = read(folder)
    pictures = list(run.images(data.train))
    began = time.process_time()
    attributes.of_pictures(pictures)
    each = 1000 * (time.process_time() - began) / len(pictures)
    signals = signals_of(data, run)
    detector, valuator = run.step("audit.coverage_gaps"), run.step("value.coverage")
    began = time.process_time()
    found = detector.detect(data, signals, run)
    seconds = time.process_time() - began
    demand = valuator.value(data, signals, run)
    return {
        "train": len(data.train),
        "target": len(data.valid),
        "ms_a_picture": round(each, 2),
        "seconds": round(seconds, 2),
        "findings": [{"severity": one.severity, "why": one.why} for one in found],
        "demand": {
            "slope": demand.meta["slope"],
            "quantiles_0_5_50_95_100": [round(float(one), 3) for one in np.quantile(demand.values, [0, 0.05, 0.5, 0.95, 1])],
        },
        "edge_cases": edge_cases(data, signals, run),
        "nulls": [null(data, signals, run, seed) for seed in range(NULLS)],
    }


def edge_cases(data: Dataset, signals: Signals, run: MemoryRun) -> int:
    return len(run.step("audit.edge_cases", {"signal": "embedding"}).detect(data, signals, run))


def null(data: Dataset, signals: Signals, run: MemoryRun, seed: int) -> dict[str, Any]:
    """As many of each class as the label book has, drawn from train: whatever is found is a mistake."""
    train = data.train
    rng = np.random.default_rng(seed)
    counts = np.bincount(data.valid.labels)
    chosen = np.concatenate(
        [rng.choice(train.ids[train.labels == c], count, replace=False) for c, count in enumerate(counts.tolist())]
    )
    drawn = train.apply([Move(str(id), VALID, because="drawn") for id in chosen])
    found = run.step("audit.coverage_gaps").detect(drawn, signals, run)
    demand: Signal = run.step("value.coverage").value(drawn, signals, run)
    return {
        "over_all": sum("attribute" in one.evidence and "class" not in one.evidence for one in found),
        "by_class": sum("class" in one.evidence for one in found),
        "uncovered": sum("share" in one.evidence for one in found),
        "demand_most": round(float(demand.values.max()), 3),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path)
    folder = asked.parse_args().data
    began = time.process_time()
    rows = [planted(name, seed) for name in OTHERS for seed in SEEDS]
    result = {
        "machine": platform.processor() or platform.machine(),
        "threads": 1,
        "seeds": list(SEEDS),
        "versions": {name: version(name) for name in ("tilth", "numpy", "scikit-learn", "torch")},
        "planted": rows,
        "real": real(folder) if folder else None,
        "cpu_seconds": round(time.process_time() - began, 1),
    }
    target = Path(__file__).with_name("gaps.json")
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
