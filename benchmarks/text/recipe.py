"""The recipe for texts, whole: planted wrong labels and texts of no class, before and after.

    python benchmarks/text/recipe.py [--data PATH] [--cases ...] [--seeds 0 1 2] [--recipe text]

Cases: `TREC symmetric`, `TREC class-dependent` (a fifth of the train labels wrong: to any other class, or to the next one),
`TREC clean` (as it is: what is mended there is mostly a mistake), `CLINC30 out-of-scope`, `CLINC150 out-of-scope` (one text in twenty of
no class, under a label drawn at random), `CLINC30 uneven` (every other class keeps ten texts). `TREC-dev ...` tests on three tenths of
train in place of the 500 test questions, which are unlike train and few. The table is handed to `tilth` as a person would, the test
split is clean and sealed, and the truth is read to measure alone. Resumable; a row is kept beside the digest of its recipe.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from reading import Row, classes_of, keep, kept, rows

import tilth
from tilth.digest import digest
from tilth.edit import Add, Drop, Relabel, Weigh
from tilth.run.plan import load_recipe
from tilth.trial import Measure

HERE = Path(__file__).parent
CASES = (
    "TREC symmetric", "TREC-dev symmetric", "TREC-dev class-dependent", "TREC-dev clean", "CLINC30 out-of-scope",
)  # fmt: skip
HELD = 0.3  # of the train texts, in a case `-dev`
FEW = 10  # texts that every other class keeps, in a case `uneven`


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
    which = digest(load_recipe(args.recipe)[1])
    done = {(row["case"], row["share"], row["seed"], row["recipe"], row["digest"]) for row in results["rows"]}
    for case in args.cases:
        for seed in args.seeds:
            share = {"out-of-scope": 0.05, "clean": 0.0, "uneven": 0.0}.get(case.split()[1], args.share)
            if (case, share, seed, args.recipe, which) in done:
                continue
            row = {"case": case, "share": share, "seed": seed, "recipe": args.recipe, "digest": which}
            row |= measured(case, share, seed, args.recipe, args.data)
            print(row, flush=True)
            results["rows"].append(row)
            keep(file, results)


def measured(case: str, share: float, seed: int, recipe: str, where: Path) -> dict[str, Any]:
    name, kind = case.split()
    train, test, strangers = rows(name.removesuffix("-dev"), where)
    classes, rng = classes_of(train), np.random.default_rng(seed)
    if name.endswith("-dev"):
        order = rng.permutation(len(train)).tolist()
        cut = round(HELD * len(train))
        train, test = [train[at] for at in sorted(order[cut:])], [train[at] for at in order[:cut]]
    if kind == "uneven":
        train = uneven(train, classes, rng)
    wrong = share if kind in ("symmetric", "class-dependent") else 0.0
    table: list[tuple[str, str, str]] = []  # text, given label, split
    truth: list[str] = []
    for text, label in train:
        at, given = classes.index(label), label
        if wrong and rng.random() < wrong:
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
            "interval": [round(one.low, 4), round(one.high, 4)], "verdict": one.verdict, "clean": accuracy(best), "test": len(test),
            "taught": evidence.taught, **(fair(evidence.unseen) if evidence.unseen else {}), **found, "cpu_s": round(spent, 1),
        }  # fmt: skip


def fair(one: Measure) -> dict[str, Any]:
    """On the test samples of which train held no copy."""
    return {
        "unseen_before": round(one.before, 4), "unseen_after": round(one.after, 4),
        "unseen_interval": [round(one.low, 4), round(one.high, 4)], "unseen_verdict": one.verdict,
    }  # fmt: skip


def uneven(train: list[Row], classes: tuple[str, ...], rng: np.random.Generator, *, few: int = FEW) -> list[Row]:
    """Every other class keeps a few texts."""
    kept = []
    for at, name in enumerate(classes):
        own = [row for row in train if row[1] == name]
        kept += own if at % 2 else [own[pick] for pick in rng.permutation(len(own))[:few].tolist()]
    return kept


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


def mean(values: Iterable[float]) -> float:
    found = list(values)
    return round(float(np.mean(found)), 3) if found else 1.0


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
    weights = {e.id: e.evidence["given_true"] for e in label_edits if isinstance(e, Weigh)}
    touched = drops | {e.id for e in relabels}
    right = {e.id for e in relabels if classes[e.new] == true[e.id]}  # type: ignore[index]
    after = {one.id: classes[one.label] for one in improved.after.train if one.id in train}
    return {
        "train": len(train), "wrong": len(bad), "relabels": len(relabels), "relabels_right": len(right), "drops": len(drops),
        "drops_wrong": len(drops & bad), "edits_precision": round(len(touched & bad) / max(len(touched), 1), 4),
        "edits_recall": round(len(touched & bad) / max(len(bad), 1), 4), "clean_touched": len(touched - bad),
        "weighed": len(weights), "weight_wrong": mean(weights[id] for id in weights if id in bad),
        "weight_right": mean(weights[id] for id in weights if id not in bad), "left_wrong": sum(after[id] != true[id] for id in after), "made": sum(isinstance(e, Add) for _, e in improved.outcome.edits),
    }  # fmt: skip


if __name__ == "__main__":
    main()
