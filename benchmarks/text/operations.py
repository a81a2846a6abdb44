"""Text operations: does any of them help a model that counts words, at 10, 50 and all samples a class?

    python benchmarks/text/operations.py --data PATH [--sets TREC TREC-dev banking] [--sizes 10 50] [--arms none copies ...]
        [--seeds 0 1 2 3 4] [--peer nlpaug=PYTHON] [--peer textattack=PYTHON] [--speed] [--show]

PATH holds `TREC_train.csv`, `TREC_test.csv`, `clinc150_full.json.gz` and `nlupp_banking.jsonl`. A cell is one set, size, arm
and seed; each is written when it is done, and one that is there is not run again. The same seed takes the same samples in
every arm: differences are in pairs. `NAME-dev` is the same set without its test, for choosing a default: a fifth of train is
held out. `--show` prints the tables of operations.md.

An arm is a function from (train part, run, copies) to a train part: add yours to `ARMS`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tilth.augment.oversample import Oversample
from tilth.augment.text import Text
from tilth.augment.texts import Words
from tilth.augment.writing import OPERATIONS, SETS
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.sample import TEST, TRAIN, Sample, made_id, raw_id
from tilth.signal import Signals
from tilth.steps import declared
from tilth.synthesize.templates import Templates
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
OUT = HERE / "operations.json"
SIZES = ("10", "50", "all")
COPIES = {"10": 4, "50": 2, "all": 1}  # new texts of each, as many as EDA advises or fewer where there are many
SEEDS = 5  # what a cell of the table should have; one of fewer says so
_SOME = 100  # questions that other libraries are timed on
DEV = "-dev"
Arm = Callable[[Dataset, MemoryRun, int], Dataset]


# -- arms -----------------------------------------------------------------------------------------------------


def by_step(step: Callable[[int], Any]) -> Arm:
    """What a step makes of the train part when it may make so many of each text."""

    def arm(train: Dataset, run: MemoryRun, copies: int) -> Dataset:
        adds = step(copies).augment(train, Signals(), run, budget=(1 + copies) * len(train))
        return train.apply(list(adds))

    return arm


def by_words(copies: int, **settings: Any) -> Words:
    return Words(balance=False, fill=True, most_per_parent=copies, **settings)


def nothing(train: Dataset, run: MemoryRun, copies: int) -> Dataset:
    return train


ARMS: dict[str, Arm] = {
    "none": nothing,
    "copies": by_step(lambda copies: Oversample(balance=False, fill=True, most_per_parent=copies)),
    "augment.text": by_step(lambda copies: Text(balance=False, fill=True, most_per_parent=copies)),
    **{name: by_step(partial(by_words, operations=(name,))) for name in OPERATIONS},
    **{name: by_step(partial(by_words, operations=(name,))) for name in SETS},
    **{
        "+".join(pool): by_step(partial(by_words, operations=pool))
        for pool in (
            ("delete", "characters"),
            ("delete", "characters", "mask"),
            ("delete", "characters", "synonym", "insert"),
        )
    },
    "eda, no check": by_step(partial(by_words, operations=("eda",), check="none")),
    "eda, strength 0.1": by_step(partial(by_words, operations=("eda",), strength=0.1)),
    "eda, strength 0.4": by_step(partial(by_words, operations=("eda",), strength=0.4)),
    "eda, two at once": by_step(partial(by_words, operations=("eda",), composed=1.0)),
    "synonym, corpus": by_step(partial(by_words, operations=("synonym",), synonyms="corpus")),
    "synonym, built-in": by_step(partial(by_words, operations=("synonym",), synonyms="built-in")),
    "templates": by_step(
        lambda copies: Templates(balance=False, fill=True)
    ),  # found in the train part, at most as many as the rest make
}

PEERS: Mapping[str, tuple[str, ...]] = {
    "nlpaug": ("keyboard", "ocr", "letter_swap", "swap", "delete", "spelling", "synonym"),
    "textattack": ("characters", "synonym", "eda", "delete", "swap"),
}


def by_peer(peer: str, python: str, method: str) -> Arm:
    """What another library makes of the train part; its seconds are told by the run."""

    def arm(train: Dataset, run: MemoryRun, copies: int) -> Dataset:
        answer = asked(peer, python, (method,), run.texts(train), copies, run.seed)[method]
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        samples, known = list(train), set(run.texts(train))
        for parent, made in zip(list(train), answer["texts"], strict=True):
            for number, text in enumerate(made):
                if text.strip() and text not in known:
                    known.add(text)
                    samples.append(_made(parent, text, f"{peer} {method}", number))
        return Dataset.from_samples(samples, train.schema)

    return arm


def asked(
    peer: str, python: str, methods: Sequence[str], texts: Sequence[str], copies: int, seed: int
) -> dict[str, dict[str, Any]]:
    """For each method its texts for each of ours, and the seconds it took; or `failed`."""
    with tempfile.TemporaryDirectory() as scratch:
        given, got = Path(scratch, "in.json"), Path(scratch, "out.json")
        given.write_text(json.dumps({"texts": list(texts), "copies": copies, "seed": seed}))
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        command = [python, str(HERE / "operations_peers.py"), peer, ",".join(methods), str(given), str(got)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=3600)
        if got.exists():
            return json.loads(got.read_text())
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        return {method: {"failed": " ".join(said)[:200]} for method in methods}


def _made(parent: Sample, text: str, maker: str, number: int) -> Sample:
    content, id = digest_bytes(text.encode()), made_id((parent.id,), maker, number)
    return Sample(
        id, content, f"{parent.path}_{maker}-{number}", parent.label, parents=(parent.id,), home="text", text=text
    )


# -- data -----------------------------------------------------------------------------------------------------


@cache
def loaded(root: Path, name: str) -> Dataset:
    """A set with its train and test split; `NAME-dev`: without the test, a fifth of train is held out in its place."""
    rows = {"TREC": _trec, "CLINC150": _clinc, "banking": _banking}[name.removesuffix(DEV)](root)
    rows = _held_out(rows) if name.endswith(DEV) else rows
    classes = sorted({label for _, labels, _ in rows for label in labels})
    multi = name.startswith("banking")
    samples = []
    for number, (text, labels, split) in enumerate(rows):
        content, path = digest_bytes(text.encode()), f"{split}-{number}"
        found = frozenset(classes.index(one) for one in labels)
        label = found if multi else next(iter(found))
        samples.append(Sample(raw_id(content, path), content, path, label, split, home="text", text=text))
    task = "multi-label" if multi else "single-label"
    return Dataset.from_samples(samples, Schema("text", task, tuple(classes)))


Rows = list[tuple[str, tuple[str, ...], str]]


def _held_out(rows: Rows) -> Rows:
    """The train rows, a fifth of them for the test; texts that come twice stay on one side."""
    train = [(text, labels) for text, labels, split in rows if split == TRAIN]
    texts = sorted({text for text, _ in train})
    held = set(np.random.default_rng(20).permutation(texts)[: len(texts) // 5].tolist())
    return [(text, labels, TEST if text in held else TRAIN) for text, labels in train]


def _trec(root: Path) -> Rows:
    rows: Rows = []
    for split, file in ((TRAIN, "TREC_train.csv"), (TEST, "TREC_test.csv")):
        with (root / file).open(newline="", encoding="utf-8") as lines:
            rows += [(row["text"], (row["coarse"],), split) for row in csv.DictReader(lines)]
    return rows


def _clinc(root: Path) -> Rows:
    parts = json.loads(gzip.decompress((root / "clinc150_full.json.gz").read_bytes()))
    return [
        (text, (label,), split) for part, split in (("train", TRAIN), ("test", TEST)) for text, label in parts[part]
    ]


def _banking(root: Path) -> Rows:
    """Five of its twenty folds are the test: whole conversations, as its authors divide it."""
    rows = [json.loads(line) for line in (root / "nlupp_banking.jsonl").read_text(encoding="utf-8").splitlines()]
    return [
        (row["text"], tuple(row["intents"]), TEST if row["fold"] % 4 == 3 else TRAIN) for row in rows if row["intents"]
    ]


def part_of(data: Dataset, size: str, seed: int) -> Dataset:
    """The train samples of this seed: so many of each class, with several labels until each class has as many."""
    train = data.where(data.splits == TRAIN)
    if size == "all":
        return train
    wanted = int(size)
    held = train.targets > 0
    order = np.random.default_rng(seed).permutation(len(train))
    counts, chosen = np.zeros(held.shape[1]), set[int]()
    for column in np.argsort(
        held.sum(axis=0), kind="stable"
    ):  # rare classes first: their samples hold frequent ones too
        for row in order[held[order, column]].tolist():
            if counts[column] >= wanted:
                break
            if row not in chosen:
                chosen.add(row)
                counts += held[row]
    return train.only(train.ids[sorted(chosen)].tolist())


# -- cells ----------------------------------------------------------------------------------------------------


def cell(data: Dataset, size: str, arm: Arm, seed: int) -> dict[str, Any]:
    """One training with one arm: what it made, and how right the model then is on the sealed test."""
    run = MemoryRun(seed=seed)
    part, test = part_of(data, size, seed), data.where(data.splits == TEST)
    begun = time.process_time()
    made = arm(part, run, COPIES[size])
    making = time.process_time() - begun
    begun = time.process_time()
    model = run.step("learn.text-linear").fit(made, None, run, seed=seed)
    chances = model.predict(test, run)
    found = measured(chances, test.targets > 0, multi=data.schema.task == "multi-label")
    return {
        "train": len(part),
        "made": len(made) - len(part),
        "seconds_making": round(making, 3),
        "seconds_training": round(time.process_time() - begun, 2),
        **found,
    }


def measured(chances: np.ndarray, truth: np.ndarray, *, multi: bool) -> dict[str, float]:
    """Accuracy, or micro and macro F1 where there may be several labels; macro over the classes that the test holds."""
    if not multi:
        return {"accuracy": round(float((chances.argmax(1) == truth.argmax(1)).mean()), 5)}
    said = chances >= 0.5
    hit, asked_, there = (said & truth).sum(0), said.sum(0), truth.sum(0)
    each = 2 * hit / np.maximum(asked_ + there, 1)
    micro = 2 * hit.sum() / max(asked_.sum() + there.sum(), 1)
    return {"micro_f1": round(float(micro), 5), "macro_f1": round(float(each[there > 0].mean()), 5)}


def main() -> None:
    asked_ = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked_.add_argument("--data", type=Path, required=True)
    asked_.add_argument("--sets", nargs="+", default=["TREC", "banking", "CLINC150"])
    asked_.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    asked_.add_argument("--arms", nargs="+")
    asked_.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    asked_.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    asked_.add_argument("--speed", action="store_true", help="measure sentences a second instead")
    asked_.add_argument("--show", action="store_true", help="print what is there and end")
    asked_.add_argument("--out", type=Path, default=OUT)
    args = asked_.parse_args()
    results = json.loads(args.out.read_text()) if args.out.exists() else {"cells": {}, "speed": {}}
    if not args.show and results["cells"] and results["machine"]["learner"] != learner_told():
        print(f"{args.out.name} was measured with {results['machine']['learner']}; it begins anew")
        results["cells"] = {}
    peers = dict(one.split("=", 1) for one in args.peer)
    if args.speed:
        results["speed"] = {**results["speed"], **speeds(loaded(args.data, "TREC"), peers)}
        kept(results, args.out)
    elif not args.show:
        arms = ARMS | {
            f"{peer}: {one}": by_peer(peer, python, one) for peer, python in peers.items() for one in PEERS[peer]
        }
        for seed in args.seeds:  # outermost: a run that is cut off has every arm at some seeds
            _all_cells(args, arms, seed, results)
    show(results)


def _all_cells(args: Any, arms: Mapping[str, Arm], seed: int, results: dict[str, Any]) -> None:
    for name in args.sets:
        for size in args.sizes:
            for arm in args.arms or arms:
                key = f"{name} | {size} | {arm} | {seed}"
                if key in results["cells"] or (size == "all" and seed and arm in ("none", "copies")):
                    continue  # all samples and nothing drawn: every seed is the same
                try:
                    results["cells"][key] = cell(loaded(args.data, name), size, arms[arm], seed)
                except RuntimeError as fault:
                    results["cells"][key] = {"failed": str(fault)}
                kept(results, args.out)


def learner_told() -> str:
    return f"learn.text-linear, version {declared(MemoryRun().step('learn.text-linear'), 'version')}"


def kept(results: dict[str, Any], out: Path) -> None:
    results["machine"] = {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "learner": learner_told(),
        **{name: version(name) for name in ("tilth", "numpy", "scikit-learn")},
    }
    whole = out.with_suffix(".part")
    whole.write_text(json.dumps(results, indent=1) + "\n")
    whole.replace(out)


# -- speed ----------------------------------------------------------------------------------------------------


def speeds(data: Dataset, peers: Mapping[str, str]) -> dict[str, float]:
    """New texts a second of one thread's own time on the train questions of TREC: the operation alone on texts that are
    split into words, the whole step without its check, the whole step; and other libraries, loading left out."""
    train = part_of(data, "all", 0)
    found: dict[str, float] = {}
    for name in OPERATIONS:
        found[name] = _operation_speed(train, name)
    for what, settings in (("step, no check", {"check": "none"}), ("step", {})):
        for pool in ("eda", "characters"):
            found[f"{what}: {pool}"] = _step_speed(train, by_words(1, operations=(pool,), **settings))
    some = MemoryRun().texts(train)[:_SOME]
    for peer, python in peers.items():
        for method, one in asked(peer, python, PEERS[peer], some, 1, 0).items():
            found[f"{peer}: {method}"] = one["failed"] if "failed" in one else len(some) / max(one["seconds"], 1e-9)
    return {name: value if isinstance(value, str) else round(value) for name, value in found.items()}


def _operation_speed(train: Dataset, name: str) -> float:
    from tilth.augment.writing.phrase import parsed

    drafting = by_words(1, operations=(name,), check="none")._drafting(train, MemoryRun())
    stay = map(drafting.keep.told, train.targets)
    phrases = [parsed(text, own) for text, own in zip(MemoryRun().texts(train), stay, strict=True)]
    dice = np.random.default_rng(0)
    for _ in range(2):  # the first fills what is remembered of each word
        begun = time.process_time()
        made = [OPERATIONS[name].apply(phrase, 0.1, dice, drafting.stock) for phrase in phrases]
        texts = [one.text for one in made if one is not None]
        seconds = time.process_time() - begun
    return len(texts) / seconds


def _step_speed(train: Dataset, step: Words) -> float:
    run = MemoryRun()
    begun = time.process_time()
    step._drafting(train, run)
    middle = time.process_time()
    made = sum(1 for _ in step.augment(train, Signals(), run, budget=2 * len(train)))
    return made / (time.process_time() - middle - (middle - begun))


# -- words ----------------------------------------------------------------------------------------------------


def show(results: Mapping[str, Any]) -> None:
    cells = results["cells"]
    parts = sorted({tuple(key.split(" | ")[:2]) for key in cells}, key=lambda one: (one[0], SIZES.index(one[1])))
    arms = list(dict.fromkeys(key.split(" | ")[2] for key in cells))
    for measure in ("accuracy", "micro_f1", "macro_f1"):
        columns = [
            part
            for part in parts
            if any(measure in one for key, one in cells.items() if key.startswith(" | ".join(part)))
        ]
        if not columns:
            continue
        print(f"\n{measure}, hundredths; below `none` the difference to it, in pairs, with its 95 % interval\n")
        print("| | " + " | ".join(f"{name} {size}" for name, size in columns) + " |")
        print("|---" * (1 + len(columns)) + "|")
        for arm in arms:
            print(f"| {arm} | " + " | ".join(_told(cells, column, arm, measure) for column in columns) + " |")
    print("\n| new texts a second | |\n|---|---|")
    for name, value in results["speed"].items():
        print(f"| {name} | {value if isinstance(value, str) else f'{value:,}'} |")


def _told(cells: Mapping[str, Any], part: tuple[str, ...], arm: str, measure: str) -> str:
    seeds = sorted({int(key.split(" | ")[3]) for key in cells if key.startswith(" | ".join((*part, arm)) + " | ")})
    got = {seed: cells[" | ".join((*part, arm, str(seed)))] for seed in seeds}
    if not got or any(measure not in one for one in got.values()):
        return "failed" if any("failed" in one for one in got.values()) else ""
    values = np.array([got[seed][measure] for seed in seeds]) * 100
    if arm == "none":
        return f"{values.mean():.1f} (n={len(values)})"
    base = [cells.get(" | ".join((*part, "none", str(seed if part[1] != "all" else 0)))) for seed in seeds]
    if any(one is None for one in base):
        return f"{values.mean():.1f}"
    apart = values - np.array([one[measure] for one in base if one]) * 100
    if len(apart) < 2:
        return f"{apart.mean():+.1f}"
    from scipy.stats import t

    half = float(t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart)))
    low, high = apart.mean() - half, apart.mean() + half
    few = f", n={len(apart)}" if len(apart) < SEEDS else ""
    return f"{apart.mean():+.1f} ({low:+.1f} to {high:+.1f}{few})"


if __name__ == "__main__":
    main()
