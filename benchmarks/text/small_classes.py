"""Small classes beside large ones: may two witnesses mend the labels of ten texts?

    python benchmarks/text/small_classes.py [--data PATH] [--sizes 10 15 20 30] [--noise 0 0.15] [--seeds 0 1] [--show]

30 intents of CLINC150; every other one keeps so many texts, the others their hundred. Labels are right, or this share of them is
any other. The recipe `text` with `fewest = 1`: every class is mended. What of it hit right labels
and wrong ones, told by the class that the sample was given; and the accuracy of `learn.text-linear` on the clean sealed
test: as it was, with the edits of the small classes alone, with all. Resumable.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from reading import classes_of, keep, kept, rows
from recipe import opened, uneven

from tilth.dataset import Dataset
from tilth.edit import Weigh
from tilth.run.plan import load_recipe

HERE = Path(__file__).parent


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--sizes", type=int, nargs="+", default=[10, 15, 20, 30])
    asked.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.15])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    asked.add_argument("--show", action="store_true", help="print the table and end")
    args = asked.parse_args()
    file = HERE / "small_classes.json"
    results = kept(file)
    done = {tuple(row["case"]) for row in results["rows"]}
    for size in [] if args.show else args.sizes:
        for noise in args.noise:
            for seed in args.seeds:
                if (size, noise, seed) not in done:
                    results["rows"].append({"case": [size, noise, seed], **measured(args.data, size, noise, seed)})
                    keep(file, results)
    show(results["rows"])


def measured(where: Path, size: int, noise: float, seed: int) -> dict[str, Any]:
    train, test, _ = rows("CLINC30", where)
    classes, rng = classes_of(train), np.random.default_rng(seed)
    true = uneven(train, classes, rng, few=size)
    given = []
    for text, label in true:
        other = (classes.index(label) + int(rng.integers(1, len(classes)))) % len(classes)
        given.append((text, classes[other] if rng.random() < noise else label, "train"))
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder, "every-class.toml")
        recipe.write_text(every_class())
        ws = opened([*given, *((text, label, "test") for text, label in test)], Path(folder), seed)
        improved = ws.improve(str(recipe), prove=False)
        base: Dataset = ws.base
        asked = base.split("test")

        def accuracy(edits: list[Any]) -> float:
            model = ws.run.step("learn.text-linear").fit(base.apply(edits).train, None, ws.run, seed=0)
            return round(float((model.predict(asked, ws.run).argmax(1) == asked.labels).mean()), 4)

        right = {one.id: classes.index(true[int(one.path.rsplit(":", 1)[-1]) - 1][1]) for one in base.train}
        label = {one.id: one.label for one in base.train}
        edits = [e for use, e in improved.outcome.edits if use == "cleanse.labels" and not isinstance(e, Weigh)]
        small = [e for e in edits if label[e.id] % 2 == 0]
        told: dict[str, Any] = {"wrong": sum(label[id] != right[id] for id in right)}
        for name, own in (("small", small), ("large", [e for e in edits if e not in small])):
            told[f"{name}_right_labels"] = sum(label[e.id] == right[e.id] for e in own)
            told[f"{name}_wrong_labels"] = sum(label[e.id] != right[e.id] for e in own)
        return {**told, "before": accuracy([]), "small_mended": accuracy(small), "all_mended": accuracy(edits)}


def every_class() -> str:
    """The recipe `text` with labels of all classes mended."""
    text = load_recipe("text")[1]
    if "fewest = 20" not in text:
        raise SystemExit("the recipe `text` is another one now: this benchmark takes its `fewest` away")
    return text.replace("fewest = 20", "fewest = 1")


def show(done: list[dict[str, Any]]) -> None:
    print(
        "| texts of a small class | wrong labels | edits of small classes: right labels, wrong ones | of large ones | before | small mended | all mended |"
    )
    print("|---|---|---|---|---|---|---|")
    for size, noise in dict.fromkeys(tuple(row["case"][:2]) for row in done):
        own = [row for row in done if row["case"][:2] == [size, noise]]
        line = [f"{size}", f"{noise:.0%}"]
        line += [
            ", ".join(f"{row[f'{name}_right_labels']} and {row[f'{name}_wrong_labels']}" for row in own)
            for name in ("small", "large")
        ]
        line += [
            ", ".join(f"{100 * row[what]:.1f}" for row in own) for what in ("before", "small_mended", "all_mended")
        ]
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
