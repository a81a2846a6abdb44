"""Planted image faults, side by side with cleanvision, imagededup and fastdup: one run prints tables and results.json.

    python benchmarks/quality/run.py --data FOLDER --photos FOLDER... [--peer NAME=PYTHON]...

FOLDER  below it lie pictures of 64 x 64 px in which faults are planted; two more such folders may be named by `--plain`,
        whose rates of findings are counted as they are
photos  folders with the photographs that `plant.EVERYDAY` names (those that come with scikit-image, scikit-learn and
        matplotlib), for the set of 224 px
PYTHON  of an environment in which the peer is installed, e.g. --peer cleanvision=/envs/peers/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import plant
from PIL import Image

import tilth
from tilth.audit.duplicates import Duplicates
from tilth.audit.quality import Quality
from tilth.dataset import Dataset, Schema
from tilth.numerics import quality
from tilth.sample import Sample, raw_id
from tilth.signal import Signal, Signals

HERE = Path(__file__).parent
KIND = {"blur": "blurred", "noise": "noisy", "static": "noisy", "dark": "dark", "bright": "bright", "white": "bright"}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--photos", type=Path, nargs="+", required=True)
    asked.add_argument("--plain", type=Path, nargs="*", default=[])
    asked.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    peers = dict(one.split("=", 1) for one in args.peer)
    results: dict[str, Any] = {"machine": machine(), "seed": args.seed, "sets": {}, "plain": {}}
    with tempfile.TemporaryDirectory() as scratch:
        for side in (64, 224):
            pictures = (
                plant.small(args.data, 1_650, seed=args.seed)
                if side == 64
                else plant.large(args.photos, 1_000, seed=args.seed)
            )
            folder = Path(scratch) / str(side) / "all"
            truth = plant.write(pictures, folder, seed=args.seed)
            results["sets"][str(side)] = compared(folder, truth, peers, Path(scratch))
            results["sets"][str(side)]["weaker"] = weaker(pictures, args.seed)
    for folder in args.plain:
        results["plain"][folder.name] = plain(folder, args.seed)
    args.out.write_text(json.dumps(results, indent=1) + "\n")
    show(results)


def machine() -> dict[str, Any]:
    packages = ("numpy", "pillow", "scipy")
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
        **{name: version(name) for name in packages},
    }


# -- side by side ---------------------------------------------------------------------------------------------


def compared(
    folder: Path, truth: Sequence[Mapping[str, str]], peers: Mapping[str, str], scratch: Path
) -> dict[str, Any]:
    """Ours is run before and after the peers: where others work on the machine, the two times tell how much."""
    answers: dict[str, Any] = {"tilth": ours(folder, scratch / f"{folder.parent.name}-first")}
    for name, python in peers.items():
        out = scratch / "answer.json"
        out.unlink(missing_ok=True)
        command = [python, str(HERE / "peers.py"), name, str(folder), str(out)]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        answers[name] = json.loads(out.read_text()) if out.exists() else {"failed": " ".join(said)}
    again = ours(folder, scratch / f"{folder.parent.name}-second")["parts"]
    first = answers["tilth"]["parts"]
    answers["tilth"]["parts_again"] = again
    best = {part: (first[part] + again[part]) / 2 for part in first}
    answers["tilth"]["seconds_quality"] = best["quality"]
    answers["tilth"]["seconds_copies"] = best["copies"]
    answers["tilth"]["seconds_both"] = best["both"]
    return {
        "pictures": len(truth),
        "planted": dict(Counter(row["fault"] for row in truth if row["fault"])),
        "tools": {name: scored(answer, truth) for name, answer in answers.items()},
    }


def ours(folder: Path, workspace: Path) -> dict[str, Any]:
    """Both audits through a workspace, as a user runs them; opening (every file is read, checked and digested) apart."""
    begun = time.perf_counter()
    work = tilth.open(folder.parent, workspace=workspace, holdout=0.0)
    opened = time.perf_counter()
    data, run = work.data, work.run
    found = Quality().detect(data, Signals({"quality": run.embed("embed.quality", data)}), run)
    judged = time.perf_counter()
    signals = {kind: run.embed(f"embed.{step}", data) for kind, step in _COPIES.items()}
    copies = Duplicates().detect(data, Signals(signals), run)
    done = time.perf_counter()
    name = {sample.id: Path(sample.path).name for sample in data}
    flags = {fault: [name[one.ids[0]] for one in found if one.kind == kind] for fault, kind in KIND.items()}
    groups = [[name[id] for id in one.ids] for one in copies if one.kind in ("exact_duplicate", "near_duplicate")]
    pairs = [pair for group in groups for pair in combinations(group, 2)]
    parts = {
        "open": opened - begun,
        "quality": judged - opened,
        "copies": done - judged,
        "both": _both(folder, workspace),
    }
    return {"version": version("tilth"), "flags": flags, "pairs": pairs, "parts": parts}


def _both(folder: Path, workspace: Path) -> float:
    """Seconds of one audit for quality and copies, in a workspace that has seen nothing yet; opening apart."""
    recipe = workspace.with_suffix(".toml")
    steps = [*(f"embed.{step}" for step in ("quality", *_COPIES.values())), "audit.quality", "audit.duplicates"]
    recipe.write_text('name = "both"\n' + "".join(f'[[step]]\nuse = "{step}"\n' for step in steps))
    work = tilth.open(folder.parent, workspace=workspace.with_name(workspace.name + "-both"), holdout=0.0)
    begun = time.perf_counter()
    work.audit(str(recipe))
    return time.perf_counter() - begun


_COPIES = {"fingerprint": "fingerprint", "embedding": "pixels"}


def scored(answer: Mapping[str, Any], truth: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Recall and precision of each fault. A picture under another fault counts as wrong for this one, except that noise
    of both sorts is noise, and bright of both sorts is bright; among copies, a pair that was not planted is wrong."""
    if "failed" in answer:
        return dict(answer)
    fault = {row["name"]: row["fault"] for row in truth}
    found: dict[str, Any] = {
        key: value for key, value in answer.items() if key not in ("flags", "pairs", "ranked", "tool")
    }
    for kind, names in answer["flags"].items():
        found[kind] = _rates(set(names), {n for n, f in fault.items() if f == kind}, _alike(fault, kind))
    for kind, names in answer.get("ranked", {}).items():
        wanted = {name for name, f in fault.items() if f == kind}
        found[kind] = _rates(set(names[: len(wanted)]), wanted, _alike(fault, kind)) | {"ranked": True}
    pairs = {tuple(sorted(pair)) for pair in answer["pairs"]}
    family = _families(truth)
    wrong = sum(family.get(a, a) != family.get(b, b) for a, b in pairs)
    if pairs:
        for kind in plant.COPIES:
            wanted_pairs = {tuple(sorted((row["name"], row["of"]))) for row in truth if row["fault"] == kind}
            found[kind] = {"recall": len(pairs & wanted_pairs) / len(wanted_pairs)}
        found["pairs"] = {"found": len(pairs), "precision": 1 - wrong / len(pairs)}
    return found


def _alike(fault: Mapping[str, str], kind: str) -> set[str]:
    return {name for name, f in fault.items() if f and KIND.get(f) == KIND[kind]}


def _rates(found: set[str], wanted: set[str], right: set[str]) -> dict[str, Any]:
    precision = len(found & right) / len(found) if found else None
    return {"found": len(found), "recall": len(found & wanted) / len(wanted), "precision": precision}


def _families(truth: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {row["name"]: row["of"] for row in truth if row["of"]}


# -- ours alone -----------------------------------------------------------------------------------------------


def weaker(pictures: Sequence[Image.Image], seed: int) -> dict[str, float]:
    """Recall of lesser faults, each planted alone in 40 of 600 pictures."""
    rng = np.random.default_rng(seed)
    chosen = [pictures[at] for at in rng.permutation(len(pictures))[:600]]
    plain_rows = quality.of_pictures([np.asarray(image) for image in chosen])
    recall = {}
    for name, change in plant.WEAKER.items():
        rows = plain_rows.copy()
        rows[:40] = quality.of_pictures([np.asarray(change(image, rng)) for image in chosen[:40]])
        kind = KIND[name.removeprefix("grey ").split()[0]]
        hit = {number for number, found in _judged(rows) if found == kind}
        recall[name] = len(hit & set(range(40))) / 40
    return recall


def _judged(rows: np.ndarray) -> list[tuple[int, str]]:
    contents = [f"{number:032x}" for number in range(len(rows))]
    samples = [Sample(raw_id(one, one), one, one, 0) for one in contents]
    at = {sample.id: number for number, sample in enumerate(samples)}
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a",)))
    signal = Signal("quality", np.array([sample.id for sample in samples]), rows)
    found = Quality().detect(data, Signals({"quality": signal}), None)  # type: ignore[arg-type]
    return [(at[one.ids[0]], one.kind) for one in found]


def plain(folder: Path, seed: int) -> dict[str, Any]:
    """Findings by kind in pictures as they are, 6,000 of them at most."""
    from tilth.numerics.picture import decode

    files = sorted(file for file in folder.rglob("*") if file.suffix in (".jpg", ".png"))
    chosen = np.random.default_rng(seed).permutation(len(files))[:6_000]
    parts = [
        [decode(files[at].read_bytes()) for at in chosen[start : start + 256]] for start in range(0, len(chosen), 256)
    ]
    rows = np.concatenate([quality.of_pictures(part) for part in parts])
    found = _judged(rows)
    return {"pictures": len(chosen), "findings": dict(Counter(kind for _, kind in found))}


# -- words ----------------------------------------------------------------------------------------------------


def show(results: Mapping[str, Any]) -> None:
    for side, found in results["sets"].items():
        print(f"\n{side} px, {found['pictures']:,} pictures; recall / precision")
        tools = found["tools"]
        print("| | " + " | ".join(tools) + " |\n|---" * 1 + "|---" * len(tools) + "|")
        for kind in [*plant.FAULTS, *plant.COPIES, "pairs"]:
            print(f"| {kind} | " + " | ".join(_cell(tool.get(kind)) for tool in tools.values()) + " |")
        for what in ("seconds_quality", "seconds_copies", "seconds_both", "seconds"):
            cells = [f"{found['pictures'] / tool[what]:.0f}" if what in tool else "" for tool in tools.values()]
            print(f"| pictures a second ({what}) | " + " | ".join(cells) + " |")
        print("weaker:", found["weaker"])
    print("plain:", results["plain"])


def _cell(rates: Mapping[str, Any] | None) -> str:
    if not rates:
        return ""
    parts = [
        f"{rates[name]:.2f}" if rates.get(name) is not None else "-"
        for name in ("recall", "precision")
        if name in rates
    ]
    return " / ".join(parts) + (" (as ranked)" if rates.get("ranked") else "")


if __name__ == "__main__":
    sys.exit(main())
