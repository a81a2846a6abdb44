"""The animals of paper 4 (30,848 noisy pictures): time and memory of `tilth audit`, and an export that paper 4 accepts."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tarfile
import time
from importlib.metadata import version
from pathlib import Path

TILTH = str(Path(sys.executable).with_name("tilth"))


def unpacked(data: Path, work: Path) -> Path:
    source = work / "animals-training-set"
    if not source.exists():
        with tarfile.open(data / "animals" / "animals-training-set.tar") as archive:
            archive.extractall(work, filter="data")
    return source


def timed(command: list[str]) -> tuple[str, float, float, float]:
    """stdout, wall seconds, CPU seconds of it and its children, peak MB of the largest process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return out, time.monotonic() - began, cpu, after.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("animals-benchmark"))
    parser.add_argument("--export", action="store_true", help="also improve to 50,000 and check the export")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    source = unpacked(asked.data, asked.work)
    shutil.rmtree(asked.work / "w", ignore_errors=True)
    out, wall, cpu, peak = timed([TILTH, "audit", str(source), "--holdout", "0", "-w", str(asked.work / "w"), "--json"])
    found = json.loads(out)["findings"]
    kinds: dict[str, int] = {}
    for finding in found:
        kind = finding["kind"]
        if kind == "contradiction":
            kind = "contradiction, exact" if finding["evidence"].get("exact", True) else "contradiction, near"
        kinds[kind] = kinds.get(kind, 0) + 1
    result = {
        "audit": {"found": kinds, "wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "peak_mb": round(peak)},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("tilth", "numpy", "faiss-cpu", "scikit-learn")},
    }
    print(json.dumps(result, indent=1), flush=True)
    if asked.export:
        result["export"] = exported(source, asked.work)
    Path(__file__).with_name("results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def exported(source: Path, work: Path) -> dict[str, object]:
    from tilth.formats.paper4 import check_paper4

    target = work / "improved"
    shutil.rmtree(target, ignore_errors=True)
    command = [TILTH, "improve", str(source), "--no-prove", "--budget", "50000", "--export-layout", "animals"]
    command += ["--out", str(target), "-w", str(work / "w"), "--report", str(work / "report.html"), "--json"]
    out, wall, cpu, peak = timed(command)
    told = json.loads(out)
    (folder,) = (path for path in target.iterdir() if path.name.endswith("-training-set"))
    problems = check_paper4(folder, original=source, budget=50_000)
    return {
        "edits": told["edits"],
        "images": sum(1 for _ in (folder / "imgs").iterdir()),
        "problems": problems,
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "peak_mb": round(peak),
    }


if __name__ == "__main__":
    main()
