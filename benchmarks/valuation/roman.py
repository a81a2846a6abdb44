"""Valuation with the fixed model of the 2021 competition on its own data, judged by the 52 pictures of the label book.

    python benchmarks/valuation/roman.py [--data PATH] [--work PATH] [--part detect] [--part rule] [--seeds 3]

detect  which of the reviewed train pictures are bad (mislabelled or a bad picture; ambiguous left out): AUROC, AP, F1 at
        the true rate for each valuator, with the seconds it took on top of the one training
rule    the rule of Augment & Valuate alone: the fixed model on untouched data, without what the rule drops, and without
        as many at random, in pairs of equal seeds, on the unanimously clean part of the official validation split;
        and how many a larger criterion would drop

The reviewers' verdicts measure, and choose the test pictures; no method sees them. A rerun goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import platform
import time
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import protocol

import tilth
from tilth.cleanse.influence import Influence
from tilth.prove.compare import random_deletion
from tilth.run.proof import RememberedHold
from tilth.run.voice import voice_for
from tilth.signal import Signal, Signals
from tilth.value.hydra import hydra
from tilth.value.influence import Influence as InfluenceStep
from tilth.value.influence import influence, own_influence
from tilth.value.sides import sides
from tilth.value.traced import traced
from tilth.value.tracin import self_influence, tracin

HERE = Path(__file__).resolve().parent


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    asked.add_argument("--work", type=Path, default=HERE / "work")
    asked.add_argument("--part", action="append", choices=["detect", "rule"])
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--out", type=Path, default=HERE / "roman.json")
    args = asked.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    ws = tilth.open(source(args), workspace=args.work / "roman.tilth", valid="label_book", workers=1, voice=voice_for())
    result = json.loads(args.out.read_text()) if args.out.exists() else {}
    for part in args.part or ["detect", "rule"]:
        result[part] = detect(ws, verdicts(args.data)) if part == "detect" else rule(ws, args, verdicts(args.data))
        result["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        result["versions"] = {name: version(name) for name in ("tilth", "torch", "numpy")}
        args.out.write_text(json.dumps(result, indent=1) + "\n")
        print(json.dumps(result[part], indent=1))


def source(args: argparse.Namespace) -> Path:
    """The same source as that of benchmarks/roman."""
    spec = importlib.util.spec_from_file_location("roman_run", HERE.parent / "roman" / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.prepared(args.data, args.work)


def verdicts(data: Path) -> dict[str, str]:
    with (data / "roman_numerals" / "reviewed.csv").open() as table:
        return {row["path"]: row["verdict"] for row in csv.DictReader(table)}


class Met:
    """What the network said of each sample as it met it: a Watch."""

    def __init__(self, course: Any) -> None:
        self.course, self.step = course, 0
        self.visits = np.full((-(-course.steps // course.per_epoch), len(course), 3), np.nan, np.float32)

    def look(self, net: Any, batch: Any, scales: Any, *, settled: bool) -> None:
        from tilth.learn.trainer import _met

        del scales, settled
        answers = self.course.answers(net, batch)
        losses = self.course.losses(answers, batch)
        (losses * batch.weights).mean().backward()
        met = _met(losses.detach(), answers.detach(), batch, multi=False)
        self.visits[self.step // self.course.per_epoch, batch.rows.numpy()] = met.numpy()
        self.step += 1

    def moved(self, factor: float) -> None:
        del factor


def detect(ws: Any, verdict: dict[str, str]) -> list[dict[str, Any]]:
    import torch

    from tilth.value.dynamics import scored
    from tilth.value.replay import walk

    torch.set_num_threads(1)
    data = ws.base.open
    run = replace(ws.run.within("benchmark"), threads=1, workers=1)
    trace = traced("benchmark", "cut-resnet50", {}, data, run, seed=0)
    course, pair = trace.course, sides(data, "valid", "benchmark")
    judges = trace.examine(pair.judges, run)
    paths = dict(zip(data.ids.tolist(), data.table.column("path").to_pylist(), strict=True))
    said = [verdict.get(paths[id], "") for id in trace.data.ids.tolist()]
    known = np.array([one not in ("", "ambiguous") for one in said])
    bad = np.array([one in ("mislabelled", "bad_image") for one in said])[known]
    dice, step, own = torch.Generator().manual_seed(0), InfluenceStep(), InfluenceStep(itself=True)
    met = Met(course)

    def visits(score: str) -> np.ndarray:
        if met.step == 0:
            walk(course, met, lambda steps: None)
        return scored(met.visits, score, early=10)

    def game(use: str) -> np.ndarray:
        embedding = ws.embed("embed.pixels", among=data)
        found = run.step(use).value(data, Signals({"embedding": embedding}), run)
        values = found.rows(trace.data.ids)
        return values if values.ndim == 1 else values.mean(1)

    ways = {
        "hydra-approximate": lambda: hydra(course, judges, mode="approximate")["values"],
        "hydra-matrix": lambda: hydra(course, judges, mode="matrix")["values"].mean(1),
        "hydra-exact": lambda: hydra(course, judges, mode="exact")["values"],
        "tracin": lambda: tracin(course, judges, checkpoints=10, each=False),
        "influence-ekfac": lambda: influence(course, judges, step._solve(course, dice, []), each=True).mean(1),
        "influence-ekfac-self": lambda: -own_influence(course, own._lengths(course, dice)),
        "self-influence": lambda: -np.abs(self_influence(course, checkpoints=10)),
        "dynamics-aum": lambda: visits("aum"),
        "dynamics-el2n": lambda: visits("el2n"),
        "knn-shapley": lambda: game("value.knn_shapley"),
        "data-oob": lambda: game("value.data_oob"),
    }
    rows = []
    for name, way in ways.items():
        level = protocol.peak_mb(reset=True)
        began = time.perf_counter()
        values = way()
        seconds, peak = time.perf_counter() - began, protocol.peak_mb() - level
        rows.append(
            {"method": name, **measured(values[known], bad), "seconds": round(seconds, 1), "peak_mb": round(peak)}
        )
        print(rows[-1], flush=True)
    facts = {"steps": course.steps, "reviewed": int(known.sum()), "bad": int(bad.sum())}
    return [facts, *rows]


def measured(values: np.ndarray, bad: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    lowest = np.argsort(values, kind="stable")[: int(bad.sum())]
    found = {
        "auroc": roc_auc_score(bad, -values),
        "ap": average_precision_score(bad, -values),
        "f1": bad[lowest].mean(),
    }
    return {name: round(float(value), 3) for name, value in found.items()}


def rule(ws: Any, args: argparse.Namespace, verdict: dict[str, str]) -> dict[str, Any]:
    data = ws.base.open
    run = replace(ws.run.within("benchmark"), threads=1, workers=1)
    found = run.keep(("matrix", data.version), lambda: _matrix(data, run))
    pair = sides(data, "valid", "benchmark")
    meta = {"judges": pair.judges.ids.tolist()}
    signals = Signals({"hydra": Signal("hydra", found["ids"].astype("U16"), found["values"], "nats", "higher", meta)})
    drops = Influence().cleanse(data, [], signals)
    if ws.data.version == ws.base.version:
        ws.apply(drops, by="tilth")
    counts = {c: len(Influence(criterion=c, most_share=1.0).cleanse(data, [], signals)) for c in (0.5, 1.0, 2.0, 3.0)}
    paths = dict(zip(data.ids.tolist(), data.table.column("path").to_pylist(), strict=True))
    verdicts_of = Counter(verdict[paths[drop.id]] for drop in drops if paths[drop.id] in verdict)
    hold, arms = RememberedHold(ws.store.folder.resolve() / "trials"), {}
    for seed in range(args.seeds):
        sets = {"untouched": ws.base, "rule": ws.data, "random": random_deletion(ws.base, ws.data, seed, ws.run)}
        for arm, chosen in sets.items():
            trial = hold("cut-resnet50", {}, chosen, seed, run)
            arms.setdefault(arm, []).append(round(trial.metrics["accuracy"], 4))
            print(arm, seed, arms[arm][-1], flush=True)
    gains = {
        arm: [round(a - b, 4) for a, b in zip(arms["rule"], arms[arm], strict=True)] for arm in ("untouched", "random")
    }
    return {
        "dropped": len(drops),
        "verdicts of the dropped that were reviewed": dict(verdicts_of),
        "dropped by criterion": counts,
        "accuracy": arms,
        "rule less": gains,
        "mean gain": {arm: round(float(np.mean(gain)), 4) for arm, gain in gains.items()},
        "standard error": {
            arm: round(float(np.std(gain, ddof=1) / np.sqrt(len(gain))), 4)
            for arm, gain in gains.items()
            if len(gain) > 1
        },
        "test pictures": len(ws.base.split("test")),
    }


def _matrix(data: Any, run: Any) -> dict[str, np.ndarray]:
    trace = traced("benchmark", "cut-resnet50", {}, data, run, seed=0)
    judges = trace.examine(sides(data, "valid", "benchmark").judges, run)
    return {"values": hydra(trace.course, judges, mode="matrix")["values"].astype(np.float32), "ids": trace.data.ids}


if __name__ == "__main__":
    main()
