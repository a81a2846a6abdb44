"""Templates: how many texts a second, and what they are worth where few real ones are there.

    python benchmarks/text/templates.py [--data PATH] [--seeds 0 1 2] [--per 10 50]

`speed`: one template with six slots, 10,000 texts, on one core; with and without the check. `found`: templates found in the train
texts of TREC and of 30 intents of CLINC150, at so many texts a class, doubled at most; the fixed model on the clean test, in pairs of
seeds (which texts are kept). `written`: 14 templates written by hand for 5 intents of CLINC150 by somebody who read the intents' names
and none of their texts (written.toml), with 0, 2 and 5 real texts of these intents beside all other intents. Resumable.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from reading import classes_of, dataset, few, keep, kept, rows

from tilth.signal import Signals
from tilth.synthesize.grammar.book import book_of, read_book
from tilth.synthesize.grammar.drawing import texts
from tilth.synthesize.templates import Templates
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
BOOK = HERE / "written.toml"
FEW = (0, 2, 5)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--parts", nargs="+", default=["speed", "found", "written"])
    asked.add_argument("--sets", nargs="+", default=["TREC", "CLINC30"])
    asked.add_argument("--per", type=int, nargs="+", default=[10, 50])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = asked.parse_args()
    file = HERE / "templates.json"
    results = kept(file)
    done = {tuple(row["case"]) for row in results["rows"]}
    cases: list[tuple[Any, ...]] = [("speed", seed) for seed in args.seeds] if "speed" in args.parts else []
    if "found" in args.parts:
        cases += [("found", name, per, seed) for name in args.sets for per in args.per for seed in args.seeds]
    if "written" in args.parts:
        cases += [("written", count, seed) for count in FEW for seed in args.seeds]
    for case in cases:
        if case not in done:
            row = {
                "case": list(case),
                **{"speed": speed, "found": found, "written": written}[case[0]](args.data, *case[1:]),
            }
            print(row, flush=True)
            results["rows"].append(row)
            keep(file, results)


def speed(where: Path, seed: int) -> dict[str, Any]:
    del where
    table = {"slots": SLOTS, "template": [{"text": RESTAURANT, "label": "food"}]}
    book, rng = book_of(table, where="speed"), np.random.default_rng(seed)
    began = time.process_time()
    made = texts(book, book.templates[0], 10_000, rng)
    drawing = time.process_time() - began
    data = dataset(
        [("what is the weather", "weather"), ("find me a place to eat", "food")], [("eat", "food")], ("food", "weather")
    )
    step = Templates(book=table, fill=True, check=False)
    began = time.process_time()
    edits = list(step.augment(data.open, Signals(), MemoryRun(seed=seed), budget=len(data.open) + 10_000))
    return {
        "texts": len(made), "different": len(set(made)), "texts_a_cpu_second": round(len(made) / drawing),
        "edits_a_cpu_second": round(len(edits) / (time.process_time() - began)),
    }  # fmt: skip


RESTAURANT = "find me {a cuisine} restaurant within {n} {n|mile} of {place}[ on {day}] at {clock} for {sum}"
SLOTS = {
    "cuisine": ["Thai", "Ethiopian", "Mexican", "Italian", "Indian", "Korean"],
    "place": ["home", "the station", "the office", "Times Square"],
    "n": {"kind": "number", "from": 1, "to": 30},
    "clock": {"kind": "time", "from": "11:00", "to": "23:00", "format": "%I:%M %p"},
    "sum": {"kind": "money", "from": 5, "to": 60, "step": 5},
    "day": {"kind": "date", "from": "2024-01-01", "to": "2024-12-31"},
}


def found(where: Path, name: str, per: int, seed: int) -> dict[str, Any]:
    every, test, _ = rows(name, where)
    train = few(every, per, seed)
    data = dataset(train, test, classes_of(every))
    run = MemoryRun(seed=seed)
    adds = list(Templates(fill=True).augment(data.open, Signals(), run, budget=2 * len(data.open)))
    return {"real": len(train), "made": len(adds), **pair(data, data.apply(adds), run)}


def written(where: Path, count: int, seed: int) -> dict[str, Any]:
    """So many real texts of the intents that templates are written for; all other intents whole."""
    every, test, _ = rows("CLINC30", where)
    book = read_book(BOOK)
    asked = {label for one in book.templates for label in one.labels} & set(classes_of(every))
    own = [row for row in every if row[1] in asked]
    some = few(own, count, seed) if count else []
    train = [row for row in every if row[1] not in asked] + some
    data = dataset(train, test, classes_of(every))
    run = MemoryRun(seed=seed)
    adds = list(Templates(templates=str(BOOK)).augment(data.open, Signals(), run, budget=2 * len(data.open)))
    rare = np.isin(np.array(data.schema.classes)[data.split("test").labels], sorted(asked))
    return {"intents": len(asked), "real": len(some), "made": len(adds), **pair(data, data.apply(adds), run, rare)}


def pair(before: Any, after: Any, run: MemoryRun, of: Any = None) -> dict[str, float]:
    learner, told = run.step("learn.text-linear"), {}
    for name, version in (("before", before), ("after", after)):
        test = version.split("test")
        right = learner.fit(version.train, None, run, seed=0).predict(test, run).argmax(1) == test.labels
        told[name] = round(float(right.mean()), 4)
        if of is not None:
            told[f"{name}_of_these"] = round(float(right[of].mean()), 4)
    return told


if __name__ == "__main__":
    main()
