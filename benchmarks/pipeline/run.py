"""The whole pipeline on the Roman numerals: an ablation with the fixed network, and the default recipe against the clock.

    python benchmarks/pipeline/run.py --data DATA --work SCRATCH [--parts ablation seeds clock] [--seeds 3] [--budget 4000]
                                      [--schedule none --keep best]

DATA holds `roman_numerals/{roman_numerals.tar,reviewed.csv}`. A run that was killed goes on in SCRATCH. The reviewers' verdicts
choose the sealed test pictures and serve nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any

import tilth
from tilth.run.voice import voice_for

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    parser.add_argument("--work", type=Path, default=Path("pipeline-benchmark"))
    parser.add_argument("--parts", nargs="+", choices=("ablation", "seeds", "clock"), default=["ablation", "clock"])
    parser.add_argument("--rows", default=str(HERE / "rows.toml"), help="a recipe with rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=4_000)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument(
        "--schedule",
        default="cosine",
        choices=("cosine", "none"),
        help="none: a steady rate, as the competition had it",
    )
    parser.add_argument(
        "--keep", default="last", choices=("last", "best"), help="best: the weights that do best on the label book"
    )
    asked = parser.parse_args()
    if "seeds" in asked.parts and asked.seeds < 2:
        parser.error("--parts seeds compares datasets of several seeds: --seeds 2 or more")
    asked.work.mkdir(parents=True, exist_ok=True)
    file = HERE / "results.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for part in asked.parts:
        training = "" if part == "clock" or (asked.schedule, asked.keep) == ("cosine", "last") else "_steady"
        results[f"{part}{training}"] = PARTS[part](asked)
        results["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        results["versions"] = {name: version(name) for name in ("tilth", "torch", "numpy")}
        file.write_text(json.dumps(results, indent=1, default=str) + "\n")
    print(json.dumps(results, indent=1, default=str))


def ablation(asked: argparse.Namespace) -> dict[str, Any]:
    """Every row trained with the same seeds and asked about the same sealed test pictures."""
    settings = _training(asked)
    source = _beside("roman").prepared(asked.data, asked.work)
    ws = tilth.open(source, workspace=asked.work / "ablation.tilth", valid="label_book", voice=voice_for())
    began = time.monotonic()
    found = ws.ablate(asked.rows, learner="cut-resnet50", settings=settings, budget=asked.budget, seeds=asked.seeds)
    tilth.write_report(ws, asked.work / "ablation.html")
    return {
        "learner": "cut-resnet50",
        "settings": settings,
        "budget": asked.budget,
        "seeds": asked.seeds,
        "test": len(ws.data.split("test")),
        "seconds": round(time.monotonic() - began),
        "rows": [_row(row) for row in found.rows],
    }


def _training(asked: argparse.Namespace) -> dict[str, Any]:
    settings = {"epochs": asked.epochs, "batch": asked.batch, "rate": asked.rate, "keep": asked.keep}
    return settings | {"schedule": asked.schedule, "warmup_share": 0.0 if asked.schedule == "none" else 0.25}


def seeds(asked: argparse.Namespace) -> dict[str, Any]:
    """The default recipe from other seeds than the ablation's 0: what differs in the data, and what the data are worth."""
    source, found = _beside("roman").prepared(asked.data, asked.work), {}
    for seed in range(1, asked.seeds):
        folder = asked.work / f"seed-{seed}.tilth"
        ws = tilth.open(source, workspace=folder, valid="label_book", seed=seed, voice=voice_for())
        rows = ws.ablate(
            str(HERE / "seeds.toml"),
            learner="cut-resnet50",
            settings=_training(asked),
            budget=asked.budget,
            seeds=asked.seeds,
        )
        made = ws.store.version(rows.datasets[-1].version)
        found[str(seed)] = {
            "rows": [_row(row) for row in rows.rows],
            "train": len(made.train),
            "of_the_source": int((~made.train.made).sum()),
            "content": made.version,
        }
    return {"settings": _training(asked), "budget": asked.budget, "seeds": found}


def _row(row: Any) -> dict[str, Any]:
    def compared(evidence: Any) -> list[float] | None:
        if evidence is None:
            return None
        head = evidence.headline
        return [round(value, 4) for value in (head.after - head.before, head.low, head.high)]

    return {
        "name": row.name,
        "samples": row.samples,
        "accuracy": [round(trial.metrics["accuracy"], 4) for trial in row.trials],
        # Nothing is picked by it where the last weights are kept; one epoch on 52 pictures is a lottery.
        "label_book": [round(mean(line["valid_accuracy"] for line in trial.curves[-3:]), 4) for trial in row.trials],
        "against_first": compared(row.against_first),
        "against_before": compared(row.against_last),
    }


def clock(asked: argparse.Namespace) -> dict[str, Any]:
    """The default recipe on all 2,932 pictures, train and validation filled to 10,000, without the proof."""
    _beside("roman").prepared(asked.data, asked.work)  # unpacks
    source = asked.work / "raw"
    ws = tilth.open(source, workspace=asked.work / "clock.tilth", holdout=0.0, voice=voice_for())
    began = time.monotonic()
    done = ws.improve(learner="cut-resnet50", budget=10_000, prove=False)
    seconds = time.monotonic() - began
    spent = [(one.place.use, round(one.seconds, 1)) for one in done.outcome.done]
    (HERE / "time.svg").write_text(bars(spent, seconds))
    return {"seconds": round(seconds), "samples": len(ws.data), "edits": ws.tally(), "steps": spent}


def bars(spent: list[tuple[str, float]], whole: float) -> str:
    """Where the time goes: a bar for each step of at least a second."""
    rows = [(use, value) for use, value in spent if value >= 1]
    most = max(value for _, value in rows)
    lines = [f'<text x="8" y="20">seconds by step, {whole:.0f} in all</text>']
    for at, (use, value) in enumerate(rows):
        y = 34 + 22 * at
        wide = 380 * value / most
        lines.append(f'<text x="8" y="{y + 13}">{use}</text><rect x="190" y="{y}" width="{wide:.1f}" height="16"/>')
        lines.append(f'<text x="{196 + wide:.1f}" y="{y + 13}">{value:.1f}</text>')
    size = f'width="660" height="{44 + 22 * len(rows)}"'
    style = "<style>text{font:13px sans-serif}rect{fill:#4878a8}</style>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{"".join(lines)}</svg>\n'


def _beside(name: str) -> ModuleType:
    """The benchmark of this name: how its source is prepared."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", HERE.parent / name / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


PARTS = {"ablation": ablation, "seeds": seeds, "clock": clock}


if __name__ == "__main__":
    main()
