"""Data valuation, side by side: every world by every method, one process at a time on one thread.

    python benchmarks/valuation/run.py [--peers PYTHON ...] [--data PATH] [--work PATH] [--quick]
        [--worlds NAME ...] [--seeds 0 ...] [--only REGEX] [--again REGEX] [--removal REGEX] [--limit 120] [--collect]

Each PYTHON is the interpreter of an environment with some of the peers (README.md); a peer that none of them has is
left out and said so. PATH of the data holds text/TREC_train.csv and text/TREC_test.csv; without it the TREC world
is left out. What is finished lies in the work folder and is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import measures
import numpy as np
import ours
import peers
import protocol
import worlds

HERE = Path(__file__).resolve().parent
REMOVAL_SEEDS = (2001, 2002)
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}


def main() -> None:
    args = arguments()
    import torch

    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    homes = interpreters(args.peers)
    rows, references = [], {}
    for world, seed in asked(args):
        place = args.work / f"{world.name}-{seed}"
        place.mkdir(exist_ok=True)
        if not (place / "task.npz").exists():
            protocol.write_task(place / "task.npz", world, seed, args.data)
        judge = Judge(world, seed, place, args)
        references[place.name] = judge.reference
        for method, python, file in methods(homes, args.only):
            if args.collect and not (place / f"{method}.npz").exists():
                continue
            found = run(method, python, file, place, args)
            row = {"world": world.name, "seed": seed, "method": method} | judge.row(method, found)
            rows.append(row)
            print(line(row), flush=True)
    results = {"machine": machine(), "limit_s": args.limit, "worlds": [asdict(world) for world in worlds.WORLDS]}
    results |= {"references": references, "rows": rows}
    args.out.write_text(json.dumps(results, indent=1) + "\n")
    show(results)


def arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--peers", type=Path, nargs="*", default=[])
    asked.add_argument("--data", type=Path, default=worlds.DATA)
    asked.add_argument("--work", type=Path, default=HERE / "work")
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    asked.add_argument("--quick", action="store_true", help="one world only: digits-10")
    asked.add_argument("--worlds", nargs="+", default=[world.name for world in worlds.WORLDS])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked.add_argument("--only", default="", help="methods that this finds in their name")
    asked.add_argument("--again", default="(?!)", help="methods to run anew though finished")
    asked.add_argument("--removal", default="(?!)", help="methods whose removal curve is drawn: 16 retrains each")
    asked.add_argument("--collect", action="store_true", help="judge what is finished, run nothing")
    asked.add_argument("--limit", type=float, default=120, help="seconds that a method may take")
    return asked.parse_args()


def asked(args: argparse.Namespace) -> Iterator[tuple[worlds.World, int]]:
    names = ["digits-10"] if args.quick else args.worlds
    for world in worlds.WORLDS:
        if world.name not in names:
            continue
        if world.data == "trec" and not (args.data / "text" / "TREC_train.csv").exists():
            print(f"no text/TREC_train.csv below {args.data}: {world.name} is left out")
            continue
        for seed in args.seeds:
            yield world, seed


# -- running ----------------------------------------------------------------------------------------------------


def interpreters(pythons: list[Path]) -> dict[str, Path]:
    """For each peer, the first of the interpreters whose environment has it."""
    program = "import importlib.metadata as m; print(*(d.metadata['Name'].lower() for d in m.distributions()))"
    has = {}
    for python in pythons:
        done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
        has[python] = set(done.stdout.split())
    homes: dict[str, Path] = {}
    for peer, package in peers.PACKAGES.items():
        home = next((python for python in pythons if package.lower() in has[python]), None)
        if home is None:
            print(f"no environment has {package}: left out")
        else:
            homes[peer] = home
    return homes


def methods(homes: dict[str, Path], only: str) -> Iterator[tuple[str, Path, str]]:
    for method in ours.METHODS:
        if re.search(only, method):
            yield method, Path(sys.executable), "ours.py"
    for method in peers.METHODS:
        if re.search(only, method) and (home := homes.get(method.split(".")[0])):
            yield method, home, "peers.py"


def run(method: str, python: Path, file: str, place: Path, args: argparse.Namespace) -> dict[str, Any]:
    target, log = place / f"{method}.npz", place / f"{method}.log"
    if not target.exists() or (re.search(args.again, method) and not args.collect):
        command = [str(python), str(HERE / file), method, str(place / "task.npz"), str(target)]
        with log.open("w") as said:
            try:
                done = subprocess.run(
                    command,
                    stdout=said,
                    stderr=said,
                    timeout=args.limit,
                    env=os.environ | ONE_THREAD,
                    cwd=place,
                    check=False,
                )
                error = "" if done.returncode == 0 else f"ended with {done.returncode}"
            except subprocess.TimeoutExpired:
                error = f"took more than {args.limit:.0f} s"
        if error:
            np.savez(target, about=json.dumps({"method": method, "error": error, "versions": {}}))
    try:
        found = dict(np.load(target))
    except (OSError, zipfile.BadZipFile) as problem:
        return {"error": f"unreadable answer: {problem}"}
    return json.loads(str(found.pop("about"))) | found


class Judge:
    """Knows which labels are wrong and what the retrains gave; judges one answer after another."""

    def __init__(self, world: worlds.World, seed: int, place: Path, args: argparse.Namespace) -> None:
        self.world, self.place, self.args = world, place, args
        self.arrays = worlds.arrays(world, seed, args.data)
        self.reference: dict[str, Any] = {"accuracy": float(np.load(place / "task.truth.npz")["accuracy"])}
        self.truth = None
        if world.subsets:
            self.truth = measures.groundtruth(place / "subsets.npz", world, seed, args.data)
            self.reference |= {"ceiling": measures.ceiling(self.truth["losses"])}
            self.reference |= {"retrains_s": round(float(self.truth["seconds"]), 1)}
        if args.removal != "(?!)":
            made = place / "removal.json"
            if not made.exists():
                made.write_text(json.dumps(measures.removal_reference(self.arrays, world, REMOVAL_SEEDS)))
            self.reference |= {"removal": json.loads(made.read_text())}

    def row(self, method: str, found: dict[str, Any]) -> dict[str, Any]:
        kept = ("error", "seconds", "train_seconds", "peak_mb", "versions")
        row = {name: found[name] for name in kept if found.get(name) not in (None, "")}
        row |= {name: round(row[name], 2) for name in ("seconds", "train_seconds", "peak_mb") if name in row}
        if "values" not in found:
            return row
        values, matrix = found["values"], found.get("matrix")
        row |= measures.detection(values, self.arrays["wrong"])
        if self.truth is not None:
            row |= measures.datamodeling(values, matrix, self.truth["masks"], self.truth["losses"])
        if re.search(self.args.removal, method):
            row |= {"removal": self.curve(method, values)}
        return row

    def curve(self, method: str, values: np.ndarray) -> dict[str, Any]:
        made, answer = self.place / f"{method}.removal.json", self.place / f"{method}.npz"
        if not made.exists() or made.stat().st_mtime < answer.stat().st_mtime:
            made.write_text(json.dumps(measures.removal(values, self.arrays, self.world, REMOVAL_SEEDS)))
        return json.loads(made.read_text())


def machine() -> dict[str, Any]:
    found: dict[str, Any] = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    found |= {"threads": 1, "python": platform.python_version()}
    for name in ("tilth", "numpy", "torch", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


# -- print ------------------------------------------------------------------------------------------------------

COLUMNS = ("auroc", "ap", "f1_at_rate", "f1_2means", "lds", "lds_mean", "train_seconds", "seconds", "peak_mb")


def line(row: dict[str, Any]) -> str:
    said = " ".join(f"{name} {row[name]}" for name in COLUMNS if name in row)
    return f"{row['world']}-{row['seed']} {row['method']}: {row.get('error') or said}"


def show(results: dict[str, Any]) -> None:
    for name in dict.fromkeys(row["world"] for row in results["rows"]):
        rows = [row for row in results["rows"] if row["world"] == name]
        by_method = {method: [r for r in rows if r["method"] == method] for method in {r["method"]: 0 for r in rows}}
        columns = [column for column in COLUMNS if any(column in row for row in rows)]
        print(f"\n{name}\n\n| method | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
        for method, some in sorted(by_method.items(), key=lambda item: -_mean(item[1], "auroc", -1)):
            if error := next((row["error"] for row in some if row.get("error")), ""):
                print(f"| {method} | {error} |")
            else:
                print(f"| {method} | " + " | ".join(_cell(some, column) for column in columns) + " |")
    for row in results["rows"]:
        if "removal" in row:
            print(f"removal, {row['world']}-{row['seed']}, {row['method']}: {row['removal']}")
    print("\nreferences:", json.dumps(results["references"], indent=1))


def _mean(rows: list[dict[str, Any]], column: str, missing: float) -> float:
    return float(np.mean([row.get(column, missing) for row in rows]))


def _cell(rows: list[dict[str, Any]], column: str) -> str:
    values = [row[column] for row in rows if column in row]
    if not values:
        return ""
    if column in ("train_seconds", "seconds", "peak_mb"):
        return f"{np.mean(values):.1f}" if np.mean(values) < 100 else f"{np.mean(values):.0f}"
    return f"{np.mean(values):.3f}" + (f" ±{np.std(values):.3f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
