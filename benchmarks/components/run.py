"""Components: what each rule does to planted contradictions, and seconds and memory up to 100,000 vectors."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
DIMS = 256
SIZES = (10_000, 30_000, 100_000)


# -- scale ----------------------------------------------------------------------------------------------------


def vectors(n: int, kind: str) -> np.ndarray:
    """Groups of 1 to 32 near copies (three on average) around random centres; or frames: tracks of 200 that drift, each a
    short step from the one before, the ends as far apart as strangers."""
    rng = np.random.default_rng(0)
    if kind == "frames":
        tracks = -(-n // 200)
        ends = rng.normal(size=(tracks, 2, DIMS)).astype(np.float32)
        along = np.linspace(0, 1, 200, dtype=np.float32)[None, :, None]
        moving = (ends[:, :1] * (1 - along) + ends[:, 1:] * along).reshape(-1, DIMS)[:n]
        return moving + rng.normal(0, 0.05, moving.shape).astype(np.float32)
    owner = np.repeat(np.arange(n), np.minimum(rng.geometric(0.35, n), 32))[:n]
    centres = rng.normal(size=(owner[-1] + 1, DIMS)).astype(np.float32)
    return centres[owner] + rng.normal(0, 0.15, (n, DIMS)).astype(np.float32)


def one(n: int, kind: str, linkage: Any) -> dict[str, Any]:
    """Seconds and peak memory of this process."""
    from tilth.numerics.components import components

    points = vectors(n, kind)
    began, worked = time.perf_counter(), time.process_time()
    # Of tracks of 200 the usual threshold knows nothing (it counts on fewer than 32): frames up to some 14 apart are near.
    found = components(points, linkage=linkage, threshold=2.0 if kind == "frames" else None)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "n": n,
        "vectors": kind,
        "linkage": linkage,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),  # on a machine that others work on too, the wall clock measures them
        "load": round(os.getloadavg()[0], 1),
        "peak_gb": round(peak / 1e9, 2),
        "components": found.count,
        "largest": int(found.sizes.max()),
        "threshold": round(found.threshold, 3),
    }


def scale(sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Each in a process of its own, so that the peak is its own."""
    asked = [(n, "groups", "complete") for n in sizes]
    asked += [(sizes[min(1, len(sizes) - 1)], "frames", linkage) for linkage in ("complete", "mutual")]
    rows = []
    for words in asked:
        command = [sys.executable, __file__, "--one", *map(str, words)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        print(rows[-1], flush=True)
    return rows


def figure(rows: list[dict[str, Any]]) -> str:
    """Seconds against n, both in powers of ten, with a line of slope 2."""
    points = [(row["n"], row["seconds"], row["peak_gb"]) for row in rows if row["vectors"] == "groups"]
    x = lambda n: 70 + (log10(n) - 4) * 400  # noqa: E731
    y = lambda s: 250 - (log10(s) + 0.0) * 90  # noqa: E731
    line = " ".join(f"{x(n):.0f},{y(s):.0f}" for n, s, _ in points)
    n, s, _ = points[-1]
    square = f"{x(10_000):.0f},{y(s * (10_000 / n) ** 2):.0f} {x(n):.0f},{y(s):.0f}"
    marks = "".join(
        f'<circle cx="{x(n):.0f}" cy="{y(s):.0f}" r="4" fill="#1d5c3a"/>'
        f'<text x="{x(n) + (8 if n < 90_000 else -10):.0f}" y="{y(s) - 10:.0f}" '
        f'text-anchor="{"start" if n < 90_000 else "end"}">{n:,}: {s:g} s, {gb:g} GB</text>'
        for n, s, gb in points
    )
    ticks = "".join(
        f'<line x1="60" x2="520" y1="{y(s):.0f}" y2="{y(s):.0f}" stroke="#ddd"/><text x="54" y="{y(s) + 4:.0f}" text-anchor="end">{s} s</text>'
        for s in (1, 10, 100)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 560 300" font-family="sans-serif" font-size="12">'
        f'<rect width="560" height="300" fill="white"/><text x="20" y="20">Components of n vectors of {DIMS} numbers, one thread: seconds</text>{ticks}'
        f'<line x1="60" x2="520" y1="{y(180):.0f}" y2="{y(180):.0f}" stroke="#b03a2e" stroke-dasharray="5 4"/>'
        f'<text x="64" y="{y(180) - 4:.0f}" fill="#b03a2e">3 minutes</text>'
        f'<polyline points="{square}" fill="none" stroke="#999" stroke-dasharray="2 3"/>'
        f'<polyline points="{line}" fill="none" stroke="#1d5c3a" stroke-width="2"/>{marks}'
        f'<text x="70" y="280">10,000</text><text x="470" y="280" text-anchor="end">100,000</text></svg>\n'
    )


# -- all of it ------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=["rules", "scale"])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--one", nargs=3, metavar=("N", "KIND", "LINKAGE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one(int(given.one[0]), given.one[1], given.one[2])))
        return
    file = HERE / "results.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    results["machine"] = (
        f"{platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}"
    )
    results["versions"] = {name: version(name) for name in ("tilth", "numpy", "scikit-learn", "faiss-cpu")}
    if given.only != "scale":
        results["rules"] = rules(given.data / "text" / "nlupp_banking.jsonl", given.seeds)
    if given.only != "rules":
        results["scale"] = scale(tuple(given.sizes))
        (HERE / "scale.svg").write_text(figure(results["scale"]))
    file.write_text(json.dumps(results, indent=1) + "\n")


def rules(banking: Path, seeds: list[int]) -> dict[str, Any]:
    import rules as planted

    said: dict[str, Any] = {"seeds": seeds}
    for seed in seeds:
        worlds = {"digit pairs": planted.digit_pairs(seed)}
        if banking.exists():
            worlds["banking"] = planted.banking(banking, seed)
        else:
            print(f"{banking} is not there: the texts are left out (--data)")
        for name, world in worlds.items():
            began = time.perf_counter()
            said.setdefault(name, []).append(planted.measured(world, seed))
            print(f"{name}, seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    for name in ("digit pairs", "banking"):
        if name in said:
            print(f"\n{name}\n" + "\n".join(lines(said[name])))
    return said


def lines(runs: list[dict[str, Any]]) -> list[str]:
    """Rows for the README: means over seeds; of F1 the mean of the paired differences and their deviation too."""
    mean = lambda values: float(np.mean(list(values)))  # noqa: E731
    base = [run["before"] for run in runs]
    planted = mean(run["planted"] for run in runs)
    out = [f"planted {planted:.0f}, right {mean(run['right'] for run in runs):.0f}; "]
    out[0] += ", ".join(f"{key} {mean(run['components'][key] for run in runs):.3g}" for key in runs[0]["components"])
    out.append(
        "| none | | | | "
        + " | ".join(f"{mean(b[on][f] for b in base):.3f}" for on in ("test",) for f in ("micro", "macro"))
        + f" | A {mean(b['A']['micro'] for b in base):.3f} | | |"
    )
    for side in ("singletons keep", "singletons drop"):
        for rule in runs[0][side]:
            rows = [run[side][rule] for run in runs]
            gains = [
                np.array([row["test"][f] - b["test"][f] for row, b in zip(rows, base, strict=True)])
                for f in ("micro", "macro")
            ]
            told = " | ".join(f"{g.mean():+.3f} ±{g.std(ddof=1) if len(g) > 1 else 0:.3f}" for g in gains)
            abcd = " | ".join(f"{mean(row[on]['micro'] for row in rows):.3f}" for on in "BCD")
            removed, lost = mean(row["removed"] for row in rows), mean(row["right lost"] for row in rows)
            out.append(
                f"| {rule} ({side[11:]}) | {removed / planted:.0%} | {lost / mean(run['right'] for run in runs):.0%} | "
                f"{mean(row['samples'] for row in rows):+.0f} | {told} | {abcd} |"
            )
    return out


if __name__ == "__main__":
    main()
