"""200,000 rows: seconds for the version digest, applying 10,000 edits, `why` and `undo`; and the import."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Edit, Relabel
from tilth.sample import Sample, raw_id
from tilth.store import history
from tilth.store.shelf import Store
from tilth.workspace import Workspace

N, EDITS, REPEATS = 200_000, 10_000, 5


def best(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The least of several wall-clock times, in seconds: other work on the machine only adds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def rows() -> list[Sample]:
    rng = np.random.default_rng(0)
    contents = [f"{a:016x}{b:016x}" for a, b in rng.integers(0, 2**62, (N, 2))]
    names = [f"train/{k}/{c[:12]}.png" for k, c in enumerate(contents)]
    return [Sample(raw_id(c, p), c, p, k % 10) for k, (c, p) in enumerate(zip(contents, names, strict=True))]


def measure(folder: Path) -> dict[str, float]:
    samples = rows()
    data = Dataset.from_samples(samples, Schema("image", "single-label", tuple("0123456789")))
    edits: list[Edit] = [Relabel(s.id, s.label, (int(s.label) + 1) % 10, "x") for s in samples[: EDITS // 2]]  # type: ignore[arg-type]
    edits += [Drop(s.id, "x") for s in samples[EDITS // 2 : EDITS]]
    store = Store(folder)
    store.keep_version(data)
    for key, value in {"base": data.version, "seed": 0, "roots": {}, "source_format": "formats.folder"}.items():
        store.ledger.set_fact(key, value)
    history.add_batch(store, data, edits, place="1", use="cleanse.labels", key="k")
    taken = iter(samples)

    def fresh() -> Workspace:
        return Workspace(Store(folder))

    return {
        "version digest": best(lambda: replace(data).version),
        "apply 10,000 edits": best(lambda: data.apply(edits)),
        "why, fresh process state": best(lambda: fresh().why(samples[3].id)),
        "undo one edit, fresh process state": best(lambda: fresh().undo(next(taken).id)),
        "undo the last step, fresh process state": best(lambda: fresh().undo(), repeats=1),
    }


def imported() -> float:
    code = "import time; t = time.perf_counter(); import tilth; print(time.perf_counter() - t)"
    return min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(REPEATS))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds = {**measure(Path(folder)), "import tilth": imported()}
    result = {
        "rows": N,
        "edits": EDITS,
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("tilth", "pyarrow", "numpy")},
    }
    Path(__file__).with_name("results.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
