"""Outliers, side by side with cleanlab on the same arrays: one run prints a table and writes results.json.

    python benchmarks/outliers/run.py [--data PATH] [--intents 30 150] [--seeds 0 1] [--cache FOLDER]

PATH holds `text/{clinc150_full.json.gz,TREC_train.csv}` and `strokes/unipen_roman_letters.jsonl.gz`. A crossfit on all 150
intents takes a quarter of an hour on one core: `--cache` keeps the signals, and results.json says how long they took.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import platform
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tilth.audit.outliers import Outliers, outlier_scores
from tilth.cleanse.outliers import DropOutliers
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.learn.crossfit import crossfit
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Array, Signal, Signals
from tilth.testing.digits import digits
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
SHARE = 0.05  # outliers planted, of the number of inliers


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--intents", type=int, nargs="+", default=[30, 150])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    asked.add_argument("--cache", type=Path)
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    names = ("tilth", "numpy", "scikit-learn", "cleanlab")
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    results: dict[str, Any] = {"machine": machine | {name: version(name) for name in names}, "cases": []}
    for case in cases(args):
        results["cases"].append(measured(*case, args.cache))
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        show(results["cases"][-1])


def cases(args: argparse.Namespace) -> Any:
    """(name, seed, data, contents, ids of outliers, embedder, learner)"""
    for seed in args.seeds:
        yield ("digits with letters", seed, *with_letters(args.data, seed), "embed.pixels", "linear")
        yield ("digits with scribbles", seed, *with_scribbles(seed), "embed.pixels", "linear")
        yield ("digits, nothing planted", seed, *with_scribbles(seed, junk=0, wrong=0), "embed.pixels", "linear")
    yield ("TREC, nothing planted", 0, *trec(args.data), "embed.text", "text-linear")
    for intents in args.intents:
        for seed in args.seeds if intents < 100 else args.seeds[:1]:
            yield (f"CLINC150, {intents} intents", seed, *clinc(args.data, intents, seed), "embed.text", "text-linear")


# -- the data -------------------------------------------------------------------------------------------------


def clinc(data: Path, intents: int, seed: int) -> tuple[Dataset, dict[str, bytes], set[str]]:
    """The train texts of some intents, and out-of-scope texts under an intent drawn at random."""
    raw = json.load(gzip.open(data / "text" / "clinc150_full.json.gz"))
    names = sorted({label for _, label in raw["train"]})
    rng = np.random.default_rng(seed)
    chosen = [names[at] for at in np.sort(rng.permutation(len(names))[:intents])]
    rows = [(text, chosen.index(label), False) for text, label in raw["train"] if label in chosen]
    outside = [text for key in ("oos_train", "oos_val", "oos_test") for text, _ in raw[key]]
    many = int(len(rows) * SHARE)
    rows += [(outside[at], int(rng.integers(intents)), True) for at in rng.permutation(len(outside))[:many]]
    samples = [text_sample(text, label, number) for number, (text, label, _) in enumerate(rows)]
    planted = {sample.id for sample, row in zip(samples, rows, strict=True) if row[2]}
    return Dataset.from_samples(samples, Schema("text", "single-label", tuple(chosen))), {}, planted


def trec(data: Path) -> tuple[Dataset, dict[str, bytes], set[str]]:
    with (data / "text" / "TREC_train.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = sorted({row["coarse"] for row in rows})
    samples = [text_sample(row["text"], names.index(row["coarse"]), at) for at, row in enumerate(rows)]
    return Dataset.from_samples(samples, Schema("text", "single-label", tuple(names))), {}, set()


def text_sample(text: str, label: int, number: int) -> Sample:
    content = digest_bytes(text.encode())
    return Sample(raw_id(content, str(number)), content, str(number), label, home="text", text=text)


def with_scribbles(seed: int, junk: int = 30, wrong: int = 240) -> tuple[Dataset, dict[str, bytes], set[str]]:
    world = digits(seed=seed, junk=junk, wrong=wrong)
    return world.data.open, dict(world.contents), set(world.junk)


def with_letters(data: Path, seed: int) -> tuple[Dataset, dict[str, bytes], set[str]]:
    """Handwritten v and x of 20 people among handwritten digits, in the same ink and resolution."""
    world = digits(seed=seed, junk=0, wrong=0)
    rng = np.random.default_rng(seed)
    with gzip.open(data / "strokes" / "unipen_roman_letters.jsonl.gz", "rt") as lines:
        letters = [one for one in map(json.loads, lines) if one["char"] in "vxVX"]
    samples, contents, planted = list(world.data.open), dict(world.contents), set()
    for at in rng.permutation(len(letters))[: int(len(samples) * SHARE)]:
        content = picture.encode(drawn(letters[at]["strokes"]))
        path = f"train/{rng.integers(16**8):08x}.png"
        sample = Sample(raw_id(digest_bytes(content), path), digest_bytes(content), path, int(rng.integers(10)))
        samples.append(sample)
        contents[sample.id] = content
        planted.add(sample.id)
    return Dataset.from_samples(samples, world.data.schema), contents, planted


def drawn(strokes: list[Any]) -> Array:
    """Strokes on 8 x 8 cells of 0..16 as scikit-learn's digits have them, then enlarged to 32 x 32 in the same way."""
    ink = np.zeros((32, 32))
    flat = np.concatenate([np.array(one, float)[:, :2] for one in strokes if len(one)])
    low, size = flat.min(0), max(float(np.ptp(flat, axis=0).max()), 1.0)
    for one in strokes:
        points = (np.array(one, float)[:, :2] - low) / size * 27 + 2 + (27 - np.ptp(flat, axis=0) / size * 27) / 2
        for a, b in pairwise(points):
            for t in np.linspace(0, 1, 2 + int(np.linalg.norm(b - a) * 2)):
                x, y = (a + (b - a) * t).astype(int)
                ink[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 1
    cells = ink.reshape(8, 4, 8, 4).sum(axis=(1, 3))  # 0..16, as NIST's preprocessing counts
    return picture.resize((255 - cells / 16 * 235).astype(np.uint8)[:, :, None], 32, 32)


# -- measuring ------------------------------------------------------------------------------------------------


def measured(
    name: str, seed: int, data: Dataset, contents: dict[str, bytes], planted: set[str], embedder: str, learner: str,
    cache: Path | None,
) -> dict[str, Any]:  # fmt: skip
    signals, seconds = signals_of(name, seed, data, contents, embedder, learner, cache)
    truth = np.isin(data.ids, sorted(planted))
    p, features = signals["probabilities"].rows(data.ids), signals["embedding"].rows(data.ids)
    rankings = {
        "tilth, all witnesses": lambda: outlier_scores(data, signals),
        "tilth, embedding alone": lambda: outlier_scores(data, Signals({"embedding": signals["embedding"]})),
        "cleanlab, features": lambda: cleanlab(features=features),
        "cleanlab, probabilities": lambda: cleanlab(pred_probs=p.astype(np.float64), labels=data.labels),
    }
    rows = {}
    for title, score in rankings.items():
        began = time.perf_counter()
        scores = score()
        rows[title] = quality(truth, scores) | {"seconds": round(time.perf_counter() - began, 2)}
    cuts = {}
    for rate in (0.1, 0.2):
        found = Outliers(false_discovery=rate).detect(data, signals, MemoryRun())
        drops = DropOutliers().cleanse(data, found, signals)
        cuts[f"false discovery {rate}"] = flagged({one.ids[0] for one in found}, planted)
        cuts[f"false discovery {rate}, dropped"] = flagged({one.id for one in drops}, planted)
    cuts["cleanlab Datalab's rule on features"] = flagged(set(data.ids[datalab(features)].tolist()), planted)
    return {
        "case": name, "seed": seed, "samples": len(data), "planted": len(planted), "rankings": rows, "cuts": cuts,
        "crossfit_seconds": seconds,
    }  # fmt: skip


def signals_of(
    name: str, seed: int, data: Dataset, contents: dict[str, bytes], embedder: str, learner: str, cache: Path | None
) -> tuple[Signals, float]:
    file = cache / f"{name}-{seed}-{data.version}.npz".replace(" ", "_").replace(",", "") if cache else None
    if file and file.exists():
        kept = dict(np.load(file))
    else:
        run = MemoryRun(contents, seed=seed)
        embedding = run.embed(embedder, data)
        began = time.perf_counter()
        probabilities, *_ = crossfit(run.step(learner), data, run, folds=5, seed=seed)
        seconds = time.perf_counter() - began
        kept = {"e": embedding.values, "p": probabilities.rows(data.ids), "seconds": np.array(seconds)}
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, **kept)
    made = {kind: Signal(kind, data.ids, kept[key]) for kind, key in (("embedding", "e"), ("probabilities", "p"))}
    return Signals(made), round(float(kept["seconds"]), 1)


def cleanlab(**given: Array) -> Array:
    from cleanlab.outlier import OutOfDistribution

    return 1 - OutOfDistribution().fit_score(**given, verbose=False)


def datalab(features: Array) -> Array:
    """(n,) bool, its rule for `outlier`: mean distance to 10 others above the third quartile by 1.7 spreads."""
    from cleanlab.internal.neighbor.knn_graph import features_to_knn

    far = features_to_knn(features, n_neighbors=10).kneighbors()[0].mean(axis=1)
    low, high = np.quantile(far, [0.25, 0.75])
    return far > high + (1 / 0.37037 - 1) * (high - low)


def quality(truth: Array, scores: Array) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    if not truth.any():
        return {}
    return {
        "auroc": round(float(roc_auc_score(truth, scores)), 4),
        "ap": round(float(average_precision_score(truth, scores)), 4),
    }


def flagged(found: set[str], planted: set[str]) -> dict[str, Any]:
    hits = len(found & planted)
    rates = {"precision": round(hits / len(found), 3)} if found and planted else {}
    return {"flagged": len(found), "planted": hits} | rates


def show(case: dict[str, Any]) -> None:
    print(f"\n{case['case']}, seed {case['seed']}: {case['samples']:,} samples, {case['planted']} planted")
    for name, row in case["rankings"].items():
        print(f"  {name:<28} {row}")
    for name, row in case["cuts"].items():
        print(f"  {name:<38} {row}")


if __name__ == "__main__":
    main()
