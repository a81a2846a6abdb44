"""Uneven classes: what lifts those that have a tenth of the texts of the others?

    python benchmarks/text/uneven.py [--data PATH] [--sets CLINC30 TREC] [--arms none copies ...] [--seeds 0 1 2 3 4] [--show]

Every other class, by its name, keeps 10 texts, the others 100. An arm brings the small ones up to the size of the largest, or
weighs them, and `learn.text-linear` is trained; accuracy on the whole sealed test, on the small classes and on the large ones, and
what it would be on a test that is as uneven as train: the two weighed by their shares of train. Which texts are kept is drawn by the seed, the same in every arm: differences are in pairs. Resumable.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reading import Row, classes_of, dataset, few, keep, kept, rows

from tilth.augment.oversample import Oversample
from tilth.augment.text import Text
from tilth.augment.texts import Words
from tilth.cleanse.effective_number import EffectiveNumber
from tilth.dataset import Dataset
from tilth.learn.text_linear import TextLinear
from tilth.sample import TEST, TRAIN
from tilth.signal import Signals
from tilth.synthesize.templates import Templates
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
FEW, MANY = 10, 100
Arm = Callable[[Dataset, MemoryRun], tuple[Dataset, TextLinear]]


def by_adding(step: Any) -> Arm:
    def arm(train: Dataset, run: MemoryRun) -> tuple[Dataset, TextLinear]:
        adds = list(step.augment(train, Signals(), run, budget=10 * len(train)))
        return train.apply(adds), TextLinear()

    return arm


ARMS: dict[str, Arm] = {
    "none": lambda train, run: (train, TextLinear()),
    "copies": by_adding(Oversample()),
    "augment.text": by_adding(Text()),
    "augment.words": by_adding(Words()),
    **{
        f"augment.words: {name}": by_adding(Words(operations=(name,)))
        for name in ("synonym", "insert", "swap", "delete", "mask", "characters", "surface")
    },
    "synthesize.templates": by_adding(Templates()),
    "cleanse.effective_number": lambda train, run: (
        train.apply(EffectiveNumber().cleanse(train, [], Signals())),
        TextLinear(),
    ),
    "balanced learner": lambda train, run: (train, TextLinear(balanced=True)),
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--sets", nargs="+", default=["CLINC30", "TREC"])
    asked.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    asked.add_argument("--show", action="store_true", help="print the tables and end")
    asked.add_argument("--out", type=Path, default=HERE / "uneven.json")
    args = asked.parse_args()
    results = kept(args.out)
    done = {tuple(row["case"]) for row in results["rows"]}
    for seed in [] if args.show else args.seeds:  # outermost: a run that is cut off has every arm at some seeds
        for name in args.sets:
            for arm in args.arms:
                if (name, arm, seed) not in done:
                    row = {"case": [name, arm, seed], **measured(args.data, name, ARMS[arm], seed)}
                    print(row, flush=True)
                    results["rows"].append(row)
                    keep(args.out, results)
    show(results["rows"])


def measured(where: Path, name: str, arm: Arm, seed: int) -> dict[str, Any]:
    train, test, _ = rows(name, where)
    classes = classes_of(train)
    small = set(classes[1::2])
    part = cut_down(train, small, seed)
    data, run = dataset(part, test, classes), MemoryRun(seed=seed)
    given, learner = arm(data.where(data.splits == TRAIN), run)
    asked = data.where(data.splits == TEST)
    right = learner.fit(given, None, run, seed=seed).predict(asked, run).argmax(1) == asked.labels
    of_small = np.isin(asked.labels, [classes.index(one) for one in small])
    return {
        "train": len(part),
        "small_share": round(len(small) * FEW / len(part), 4),
        "made": len(given) - len(part),
        "accuracy": round(float(right.mean()), 5),
        "small": round(float(right[of_small].mean()), 5),
        "large": round(float(right[~of_small].mean()), 5),
    }


def cut_down(train: list[Row], small: set[str], seed: int) -> list[Row]:
    """Ten texts of each small class, a hundred of the others."""
    fewer = few([row for row in train if row[1] in small], FEW, seed)
    return fewer + few([row for row in train if row[1] not in small], MANY, seed)


def told(row: dict[str, Any], what: tuple[str, ...]) -> float:
    """Hundredths; of small and large classes together as their shares of train are."""
    if len(what) == 1:
        return 100 * row[what[0]]
    return 100 * (row["small_share"] * row["small"] + (1 - row["small_share"]) * row["large"])


def show(done: list[dict[str, Any]]) -> None:
    """For each set: what was made, and accuracy in hundredths; of the arms the difference to `none`, in pairs."""
    from scipy.stats import t

    found = {tuple(row["case"]): row for row in done}
    for name in dict.fromkeys(case[0] for case in found):
        print(
            f"\n| {name} | made | accuracy | small classes | large ones | on a test as uneven as train |\n|---|---|---|---|---|---|"
        )
        for arm in dict.fromkeys(case[1] for case in found if case[0] == name):
            seeds = sorted(case[2] for case in found if case[:2] == (name, arm))
            line = [arm, f"{np.mean([found[name, arm, one]['made'] for one in seeds]):,.0f}"]
            for what in (("accuracy",), ("small",), ("large",), ("small", "large")):
                values = np.array([told(found[name, arm, one], what) for one in seeds])
                if arm == "none":
                    line.append(f"{values.mean():.1f} (n={len(seeds)})")
                    continue
                apart = values - [told(found[name, "none", one], what) for one in seeds]
                half = (
                    t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / len(apart) ** 0.5 if len(apart) > 1 else np.nan
                )
                line.append(f"{apart.mean():+.1f} ({apart.mean() - half:+.1f} to {apart.mean() + half:+.1f})")
            print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
