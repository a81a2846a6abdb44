"""What a larger criterion does in the rule of Augment & Valuate: 52 judges, digits with 20 % flips, a small network.

    python benchmarks/valuation/criterion.py

The matrix of HyDRA (three trainings averaged) is read by the rule with criteria from 0.25 to 4; the network is trained anew without
what it drops, with three other seeds. Loss and accuracy are told on the 52 judges and on 445 test pictures that
nobody saw. Writes criterion.json beside this file.
"""

# ruff: noqa: N806 - X and y as in scikit-learn
from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np
import ours
import worlds

from tilth.cleanse.influence import under
from tilth.value.hydra import hydra

CRITERIA = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
JUDGES = 52


def main() -> None:
    import torch

    torch.set_num_threads(1)
    world = next(one for one in worlds.WORLDS if one.name == "digits-20")
    arrays = worlds.arrays(world, 0, worlds.DATA)
    X, y = arrays["X"], arrays["y"]
    judge_X, judge_y = arrays["X_valid"][:JUDGES], arrays["y_valid"][:JUDGES]
    make = worlds.factory(world.model, X, 10)
    settings = {name: getattr(world, name) for name in ("epochs", "batch", "lr", "weight_decay")}
    course = ours.Told(make, ours.lesson_of(X, y, 10), settings, 0)
    judges = ours.lesson_of(judge_X, judge_y, 10)
    values = np.mean([hydra(ours.trained(course, seed), judges)["values"] for seed in (1, 2, 3)], axis=0)
    rows = []
    for criterion in CRITERIA:
        gone = under(values, criterion).any(1) if criterion else np.zeros(len(y), bool)
        if gone.sum() > 0.95 * len(y):
            break
        row = {"criterion": criterion, "dropped": int(gone.sum()), "share wrong": None}
        if gone.any():
            row["share wrong"] = round(float(arrays["wrong"][gone].mean()), 3)
        nets = [worlds.train(make, X[~gone], y[~gone], **settings, seed=seed)[0] for seed in (11, 12, 13)]
        for name, X_of, y_of in (("judges", judge_X, judge_y), ("test", arrays["X_test"], arrays["y_test"])):
            row[f"{name} loss"] = round(float(np.mean([worlds.losses(net, X_of, y_of).mean() for net in nets])), 4)
            row[f"{name} accuracy"] = round(float(np.mean([worlds.accuracy(net, X_of, y_of) for net in nets])), 4)
        rows.append(row)
        print(row, flush=True)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )
    out = {"machine": machine, "seeds": {"values": [1, 2, 3], "trainings": [11, 12, 13]}, "rows": rows}
    Path(__file__).with_name("criterion.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
