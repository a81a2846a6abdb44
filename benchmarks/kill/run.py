"""kill -9 at random moments during `tilth improve`: every resumed run must end in the version of an undisturbed one."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tilth.testing.worlds import photos

TILTH = str(Path(sys.executable).with_name("tilth"))


def improve(source: Path, folder: Path, *, seconds: float | None = None) -> str | None:
    """One `tilth improve`, killed with its children after so many seconds; gives its version, or None where killed."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    command = [TILTH, "improve", str(source), "-w", str(folder / "ws"), "--out", str(folder / "out"), "--json", "-q"]
    command += ["--learner", "linear", "--seeds", "1", "--report", str(folder / "report.html")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        try:
            out, _ = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(running.pid, signal.SIGKILL)  # the parent only: its workers must end by themselves
            running.wait()
            return None
    return json.loads(out)["version"] if running.returncode == 0 else f"exit code {running.returncode}"


def sealed(folder: Path) -> list[str]:
    """Every file of an export with its size: what a person gets."""
    return sorted(f"{file.relative_to(folder)} {file.stat().st_size}" for file in folder.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = photos(120, wrong=8, copies=5, near=4, junk=4, leaks=3, imbalance=0.4).write(folder / "shapes")
        began = time.monotonic()
        whole = improve(source, folder / "whole")
        span = time.monotonic() - began
        files = sealed(folder / "whole" / "out")
        rows = []
        for number in range(asked.kills):
            place = folder / f"run-{number}"
            after = [round(float(rng.uniform(0.2, span * 0.95)), 2)]
            found = improve(source, place, seconds=after[0])
            if rng.random() < 0.3 and found is None:  # some are killed twice
                after.append(round(float(rng.uniform(0.2, span * 0.6)), 2))
                found = improve(source, place, seconds=after[1])
            found = found or improve(source, place)
            rows.append(
                {"killed_after_s": after, "same_version": found == whole, "same_files": sealed(place / "out") == files}
            )
            print(rows[-1], flush=True)
            shutil.rmtree(place)
    same = sum(row["same_version"] and row["same_files"] for row in rows)
    result = {
        "claim": "a run that is killed and started again ends in the version of an undisturbed one",
        "undisturbed": {"version": whole, "seconds": round(span, 1)},
        "kills": asked.kills,
        "same": same,
        "rows": rows,
        "seed": asked.seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": {"tilth": version("tilth")},
    }
    Path(__file__).with_name("results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{same} of {asked.kills} the same as undisturbed")
    sys.exit(same != asked.kills)


if __name__ == "__main__":
    main()
