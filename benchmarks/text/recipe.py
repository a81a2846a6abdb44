"""The recipe for texts, whole: planted wrong labels and texts of no class, before and after.

    python benchmarks/text/recipe.py [--data PATH] [--cases ...] [--seeds 0 1 2] [--recipe text]

Cases: `TREC symmetric`, `TREC class-dependent` (a fifth of the train labels wrong: to any other class, or to the next one),
`CLINC30 out-of-scope`, `CLINC150 out-of-scope` (one text in twenty of no class, under a label drawn at random). The table is handed to
`tilth` as a person would, the test split is clean and sealed, and the truth is read to measure alone. Resumable.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from reading import classes_of, keep, kept, rows

import tilth
from tilth.edit import Add, Drop, Relabel

HERE = Path(__file__).parent
CASES = ("TREC symmetric", "TREC class-dependent", "CLINC30 out-of-scope")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--cases", nargs="+", default=list(CASES))
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--recipe", default="text")
    asked.add_argument("--share", type=float, default=0.2, help="of wrong labels")
    args = asked.parse_args()
    file = HERE / "recipe.json"
    results = kept(file)
    done = {(row["case"], row["share"], row["seed"], row["recipe"]) for row in results["rows"]}
    for case in args.cases:
        for seed in args.seeds:
            share = args.share if "out" not in case else 0.05
            if (case, share, seed, Path(args.recipe).stem) in done:
                continue
            row = {"case": case, "share": share, "seed": seed, "recipe": Path(args.recipe).stem}
            row |= measured(case, share, seed, args.recipe, args.data)
            print(row, flush=True)
            results["rows"].append(row)
            keep(file, results)


def measured(case: str, share: float, seed: int, recipe: str, where: Path) -> dict[str, Any]:
    name, kind = case.split()
    train, test, strangers = rows(name, where)
    classes, rng = classes_of(train), np.random.default_rng(seed)
    table: list[tuple[str, str, str]] = []  # text, given label, split
    truth: list[str] = []
    for text, label in train:
        at, given = classes.index(label), label
        if kind != "out-of-scope" and rng.random() < share:
            step = int(rng.integers(1, len(classes))) if kind == "symmetric" else 1
            given = classes[(at + step) % len(classes)]
        truth.append(label)
        table.append((text, given, "train"))
    for at in rng.permutation(len(strangers))[: round(share * len(train))] if kind == "out-of-scope" else ():
        truth.append("")  # of no class
        table.append((strangers[at], classes[int(rng.integers(len(classes)))], "train"))
    ends = [(text, label, "test") for text, label in test]
    with tempfile.TemporaryDirectory() as folder:
        ws = opened([*table, *ends], Path(folder), seed)
        began = time.process_time()
        improved = ws.improve(recipe, seeds=1)
        spent = time.process_time() - began
        evidence = improved.evidence
        assert evidence is not None
        found = told(ws, improved, truth)
        ideal = [row for row, label in zip(table, truth, strict=True) if label]
        ideal = [(text, label, "train") for (text, _, _), label in zip(ideal, filter(None, truth), strict=True)]
        best = opened([*ideal, *ends], Path(folder) / "ideal", seed)
        one = evidence.headline
        return {
            "before": round(one.before, 4), "after": round(one.after, 4), "difference": round(one.difference, 4),
            "interval": [round(one.low, 4), round(one.high, 4)], "verdict": one.verdict, "clean": accuracy(best),
            **found, "cpu_s": round(spent, 1),
        }  # fmt: skip


def opened(table: list[tuple[str, str, str]], folder: Path, seed: int) -> Any:
    folder.mkdir(exist_ok=True)
    source = folder / "texts.csv"
    with source.open("w", newline="", encoding="utf-8") as sink:
        csv.writer(sink).writerows([("text", "label", "split"), *table])
    return tilth.open(source, workspace=folder / "w.tilth", seed=seed, workers=1)


def accuracy(ws: Any) -> float:
    """Of the fixed model taught by the truth."""
    model = ws.run.step("learn.text-linear").fit(ws.base.train, None, ws.run, seed=0)
    test = ws.base.split("test")
    return round(float((model.predict(test, ws.run).argmax(1) == test.labels).mean()), 4)


def told(ws: Any, improved: Any, truth: list[str]) -> dict[str, Any]:
    """What the edits did to samples that were wrong, of no class, and right; copies and leaks that went are told apart."""
    classes = ws.base.schema.classes
    train = {one.id: one for one in ws.base.train}
    number = {one.id: int(one.path.rsplit(":", 1)[-1]) - 1 for one in train.values()}
    true = {id: truth[at] for id, at in number.items()}
    given = {id: classes[one.label] for id, one in train.items()}
    bad = {id for id in train if given[id] != true[id]}
    label_edits = [e for use, e in improved.outcome.edits if use in ("cleanse.labels", "cleanse.outliers")]
    relabels = [e for e in label_edits if isinstance(e, Relabel)]
    drops = {e.id for e in label_edits if isinstance(e, Drop)}
    touched = drops | {e.id for e in relabels}
    right = {e.id for e in relabels if classes[e.new] == true[e.id]}  # type: ignore[index]
    after = {one.id: classes[one.label] for one in improved.after.train if one.id in train}
    return {
        "train": len(train), "wrong": len(bad), "relabels": len(relabels), "relabels_right": len(right), "drops": len(drops),
        "drops_wrong": len(drops & bad), "edits_precision": round(len(touched & bad) / max(len(touched), 1), 4),
        "edits_recall": round(len(touched & bad) / max(len(bad), 1), 4), "clean_touched": len(touched - bad),
        "left_wrong": sum(after[id] != true[id] for id in after), "made": sum(isinstance(e, Add) for _, e in improved.outcome.edits),
    }  # fmt: skip


if __name__ == "__main__":
    main()
