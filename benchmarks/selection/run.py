"""Choosing from a pool: does it beat drawing at random?

    python benchmarks/selection/run.py [--data PATH] [--seeds 0 1 2 3 4]

PATH holds `roman_numerals/roman_numerals.tar`; without it the digits run alone. Each pool is made once: what came with the
source and two small moves of each. Each seed takes four fifths of it; every way of choosing sees the same part, and a tenth,
three tenths or all of it is trained on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tarfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tilth.augment.geometric import Geometric
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.learn.logistic import fitted
from tilth.learn.teaching import required
from tilth.numerics.class_budgets import rarest
from tilth.numerics.diversity import spread_of
from tilth.sample import Sample, raw_id
from tilth.select.at_random import Random
from tilth.select.coverage import Coverage
from tilth.select.facility_location import FacilityLocation
from tilth.select.herding import Herding
from tilth.select.iterative import Iterative
from tilth.select.k_center import KCenter
from tilth.select.moderate import Moderate
from tilth.select.near_errors import NearErrors
from tilth.signal import Array, Signal, Signals
from tilth.testing.digits import digits
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
CLASSES = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
SHARES = (0.1, 0.3, 1.0)
WAYS: dict[str, Any] = {
    "random": Random(raw=True),
    "iterative, paper": Iterative(raw=True),
    "iterative, pairs": Iterative(raw=True, form="pairs"),
    "k-centre": KCenter(raw=True),
    "herding": Herding(raw=True),
    "facility location": FacilityLocation(raw=True),
    "coverage": Coverage(raw=True),
    "moderate": Moderate(raw=True),
    "near errors": NearErrors(raw=True, budgets="equal"),
    "random, difficult classes": Random(raw=True, budgets="difficulty"),
}
STRENGTH = 0.01  # of the regression; the default of learn.linear


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    results: dict[str, Any] = {"machine": machine(), "seeds": args.seeds}
    world = digits(wrong=0, junk=0, copies=0, near=0, leaks=0, scarce=0, seed=0)
    results["digits"] = held("digits", world.data, dict(world.contents), args.seeds)
    tar = args.data / "roman_numerals" / "roman_numerals.tar"
    if tar.exists():
        results["roman"] = held("roman", *read_roman(tar), args.seeds)
    else:
        print(f"no roman_numerals below {args.data}: only digits")
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


def read_roman(tar: Path) -> tuple[Dataset, dict[str, bytes]]:
    """The official train split, and the official val split as the test."""
    samples, contents = [], {}
    with tarfile.open(tar) as archive:
        for member in archive:
            parts = Path(member.name).parts[-3:]
            if not member.isfile() or len(parts) != 3 or parts[0] not in ("train", "val") or parts[1] not in CLASSES:
                continue
            file = archive.extractfile(member)
            assert file is not None
            content, path = file.read(), "/".join(parts)
            key, split = digest_bytes(content), "train" if parts[0] == "train" else "test"
            samples.append(Sample(raw_id(key, path), key, path, CLASSES.index(parts[1]), split))
            contents[samples[-1].id] = content
    return Dataset.from_samples(samples, Schema("image", "single-label", CLASSES)), contents


# -- one pool ---------------------------------------------------------------------------------------------------


def held(name: str, data: Dataset, contents: dict[str, bytes], seeds: list[int]) -> list[dict[str, Any]]:
    pool, points = pool_of(name, data, contents)
    raw = pool.train.where(~pool.train.made)
    said = crossfitted(raw, points)
    rows = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        part = pool.where((pool.splits == "test") | (rng.random(len(pool)) < 0.8))
        probabilities = said(part.train)
        signals = Signals({"embedding": points, "probabilities": probabilities})
        for share in SHARES:
            for way, step in WAYS.items() if share < 1 else [("random", WAYS["random"])]:
                row = asked(part, signals, step, share, seed)
                rows.append({"way": way, "share": share, "seed": seed, **row})
                print(name, rows[-1], flush=True)
    return rows


def pool_of(name: str, data: Dataset, contents: dict[str, bytes]) -> tuple[Dataset, Signal]:
    began = time.perf_counter()
    run = MemoryRun(contents, seed=0)
    run.threads = 1
    adds = list(Geometric().augment(data.open, Signals(), run, budget=3 * len(data.train)))
    contents |= {add.id: add.content for add in adds if add.content}
    pool = data.apply(adds)
    points = MemoryRun(contents, seed=0).embed("embed.pixels", pool)
    print(f"{name}: a pool of {len(pool.train):,} in {time.perf_counter() - began:.0f} s", flush=True)
    return pool, points


def crossfitted(raw: Dataset, points: Signal) -> Callable[[Dataset], Signal]:
    """Probabilities of what came with the source, of five folds; of a made sample by the regression that did not see its
    parent."""
    fold = dict(
        zip(raw.ids.tolist(), np.random.default_rng(0).permutation(np.arange(len(raw)) % 5).tolist(), strict=True)
    )
    models = [regression(raw.where(np.array([fold[id] != f for id in raw.ids.tolist()])), points) for f in range(5)]

    def said(train: Dataset) -> Signal:
        of = np.array([fold[(sample.parents or (sample.id,))[0]] for sample in train])
        every = np.stack([model(points.rows(train.ids)) for model in models])
        return Signal("probabilities", train.ids, every[of, np.arange(len(train))])

    return said


def regression(train: Dataset, points: Signal) -> Callable[[Array], Array]:
    lesson = required(train, "learn.linear", ("image",))
    values = points.rows(lesson.data.ids)
    shift, scale = values.mean(0), 1 / values.std()
    model = fitted((values - shift) * scale, lesson, strength=STRENGTH)
    return lambda these: model.probabilities((these - shift) * scale)


def asked(part: Dataset, signals: Signals, step: Any, share: float, seed: int) -> dict[str, Any]:
    """What a linear model and a kernel machine learn from the choice, and how the choice lies in the pool."""
    from sklearn.svm import SVC

    train, test, points = part.train, part.split("test"), signals["embedding"]
    began = time.perf_counter()
    ids = step.select(part.open, signals, round(share * len(train)), np.random.default_rng(seed))
    seconds = time.perf_counter() - began
    kept = train.only(ids)
    spread, _ = spread_of(points.rows(train.ids), rarest(train.targets), np.isin(train.ids, ids))
    there = points.rows(test.ids)
    linear = regression(kept, points)(there).argmax(1)
    kernel = SVC(C=10).fit(points.rows(kept.ids), kept.labels).predict(there)
    return {
        "chosen": len(kept),
        "linear": float((linear == test.labels).mean()),
        "kernel": float((kernel == test.labels).mean()),
        "apart": spread.apart,
        "cover": spread.cover,
        "seconds": round(seconds, 3),
    }


# -- what is told -----------------------------------------------------------------------------------------------


def show(results: dict[str, Any]) -> None:
    print("| pool | share | way | linear | against random | kernel | against random | apart | cover | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in ("digits", "roman"):
        for share in SHARES:
            base = of(results.get(name, []), share, "random")
            for way in WAYS:
                rows = of(results.get(name, []), share, way)
                if rows:
                    told = [told_of(rows, base, key) for key in ("linear", "kernel")]
                    means = [np.mean([row[key] for row in rows]) for key in ("apart", "cover", "seconds")]
                    print(
                        f"| {name} | {share:.0%} | {way} | {' | '.join(told)} | {' | '.join(f'{m:.2f}' for m in means)} |"
                    )


def of(rows: list[dict[str, Any]], share: float, way: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["share"] == share and row["way"] == way]


def told_of(rows: list[dict[str, Any]], base: list[dict[str, Any]], key: str) -> str:
    """Mean accuracy, and the paired difference from random with its 95 % interval (Student's t)."""
    from scipy.stats import t

    values = np.array([row[key] for row in rows])
    gains = values - np.array([row[key] for row in base])
    n = len(gains)
    half = float(t.ppf(0.975, n - 1) * gains.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return f"{values.mean():.3f} | {'' if not gains.any() else f'{gains.mean():+.3f} ± {half:.3f}'}"


if __name__ == "__main__":
    main()
