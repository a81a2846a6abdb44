"""Does the self-test foretell the truth? What it expects beside what is so, where somebody knows.

    python benchmarks/selftest/run.py [--data PATH] [--seeds 0 1 2]

Digits with faults of their own, whose answer is known, and the reviewed half of the Roman numerals (PATH holds
`roman_numerals/{roman_numerals.tar,reviewed.csv}`; read here to measure, and nowhere else). Recipe `quick`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tilth
from tilth.testing.digits import digits

HERE = Path(__file__).parent


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    results: dict[str, Any] = {"machine": machine | {n: version(n) for n in ("tilth", "numpy", "scikit-learn")}}
    rows: list[dict[str, Any]] = []
    for wrong in (30, 120, 240):
        for seed in args.seeds:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(
                    {"case": f"digits, {wrong} wrong labels", "seed": seed, **on_digits(Path(folder), wrong, seed)}
                )
            show(rows[-1])
    if (args.data / "roman_numerals" / "roman_numerals.tar").exists():
        with tempfile.TemporaryDirectory() as folder:
            rows.append({"case": "Roman numerals", "seed": 0, **on_roman(Path(folder), args.data / "roman_numerals")})
        show(rows[-1])
    args.out.write_text(json.dumps(results | {"rows": rows}, indent=1) + "\n")


def on_digits(folder: Path, wrong: int, seed: int) -> dict[str, Any]:
    world = digits(wrong=wrong, seed=seed)
    world.write(folder / "digits")
    ws = tilth.open(folder / "digits", workspace=folder / "ws", seed=seed)
    kinds = {
        "label_noise": (set(world.wrong), set(world.wrong) | set(world.junk)),
        "outlier": (set(world.junk), set(world.junk)),
    }
    return compared(ws, kinds, {str(id) for id in world.data.ids.tolist()})


def on_roman(folder: Path, source: Path) -> dict[str, Any]:
    with tarfile.open(source / "roman_numerals.tar") as archive:
        archive.extractall(folder / "raw", filter="data")
    root = next(one.parent for one in (folder / "raw").rglob("train") if one.is_dir())
    ws = tilth.open(root, workspace=folder / "ws")
    with (source / "reviewed.csv").open(newline="") as lines:
        verdict = {row["path"]: row["verdict"] for row in csv.DictReader(lines)}
    named = {one.id: verdict.get(one.path, "") for one in ws.data.open}
    of = lambda *kinds: {id for id, said in named.items() if said in kinds}  # noqa: E731
    bad = of("mislabelled", "bad_image")
    judged = bad | of("clean_unanimous", "clean_majority")
    return compared(ws, {"label_noise": (of("mislabelled"), bad), "outlier": (of("bad_image"), bad)}, judged)


def compared(ws: Any, kinds: dict[str, tuple[set[str], set[str]]], judged: set[str]) -> dict[str, Any]:
    """kind -> (what it should find, what it is right about): expected and actual recall and precision."""
    result = ws.selftest("quick", precision=0.9)
    found = [one for _, one in ws.audit("quick").findings]
    rows = {}
    for kind, (sought, right) in kinds.items():
        trust = next(one for one in result.trust if one.kind == kind)
        least = next(one for one in result.trusted if one.kind == kind)
        named = {one.ids[0]: one.severity for one in found if one.kind == kind and one.ids[0] in judged}
        above = {id for id, severity in named.items() if severity >= least.least}
        met = [one for one in result.met if one.kind == kind]
        rows[kind] = {
            "recall_expected": {one.fault: [round(x, 3) for x in (one.recall, *one.interval)] for one in met},
            "recall_actual": share(set(named), sought),
            "precision_of_yours": [round(x, 3) for x in (trust.yours_likely, trust.yours_high)],
            "precision_actual": share(right, set(named)),
            "findings": len(named),
            "least": least.least if least.findings else None,
            "above_least": len(above),
            "precision_above_least": share(right, above),
            "recall_above_least": share(above, sought),
        }
    return {"seconds": round(result.seconds, 1), "kinds": rows}


def share(hits: set[str], of: set[str]) -> float | None:
    return round(len(hits & of) / len(of), 3) if of else None


def show(row: dict[str, Any]) -> None:
    print(f"\n{row['case']}, seed {row['seed']} ({row['seconds']} s)")
    for kind, facts in row["kinds"].items():
        print(f"  {kind}: {json.dumps(facts)}")


if __name__ == "__main__":
    main()
