"""The texts that are measured on: TREC's questions, CLINC150's requests, and bank customers' sentences with several labels."""

from __future__ import annotations

import csv
import gzip
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.sample import TEST, TRAIN, Label, Sample, raw_id

Row = tuple[str, Any]
"""A text and the name of its class, or the names of its classes."""


def rows(name: str, where: Path) -> tuple[list[Row], list[Row], list[str]]:
    """Train, test, and texts of no class (CLINC150 alone has them). `banking` has folds: the last two are the test."""
    folder = where / "text"
    if name == "TREC":
        parts = []
        for part in ("train", "test"):
            with (folder / f"TREC_{part}.csv").open(newline="", encoding="utf-8") as table:
                parts.append([(row["text"], row["coarse"]) for row in csv.DictReader(table)])
        return parts[0], parts[1], []
    if name.startswith("CLINC"):
        with gzip.open(folder / "clinc150_full.json.gz", "rt", encoding="utf-8") as file:
            raw = json.load(file)
        intents = sorted({intent for _, intent in raw["train"]})[: int(name.removeprefix("CLINC"))]
        own = [[(text, intent) for text, intent in raw[part] if intent in intents] for part in ("train", "test")]
        return own[0], own[1], [text for part in ("oos_train", "oos_val", "oos_test") for text, _ in raw[part]]
    lines = [json.loads(line) for line in (folder / "nlupp_banking.jsonl").read_text(encoding="utf-8").splitlines()]
    labelled = [(one["fold"], (one["text"], tuple(one["intents"]))) for one in lines if one["intents"]]
    last = sorted({fold for fold, _ in labelled})[-2:]
    return [row for fold, row in labelled if fold not in last], [row for fold, row in labelled if fold in last], []


def few(train: list[Row], per: int, seed: int) -> list[Row]:
    """At most so many texts of each class, drawn at random; of several classes the first counts. 0: all."""
    order, counts, kept = np.random.default_rng(seed).permutation(len(train)), dict[Any, int](), []
    for at in order.tolist() if per else []:
        first = train[at][1] if isinstance(train[at][1], str) else train[at][1][0]
        if counts.get(first, 0) < per:
            counts[first] = counts.get(first, 0) + 1
            kept.append(at)
    return [train[at] for at in sorted(kept)] if per else train


def classes_of(*parts: Sequence[Row]) -> tuple[str, ...]:
    names = {name for part in parts for _, label in part for name in ([label] if isinstance(label, str) else label)}
    return tuple(sorted(names))


def dataset(train: Sequence[Row], test: Sequence[Row], classes: tuple[str, ...]) -> Dataset:
    """Both as one dataset, the test sealed."""
    multi = not isinstance((train or test)[0][1], str)
    samples = []
    for split, part in ((TRAIN, train), (TEST, test)):
        for number, (text, label) in enumerate(part):
            content, path = digest_bytes(text.encode()), f"{split}-{number}"
            own: Label = frozenset(classes.index(one) for one in label) if multi else classes.index(label)
            samples.append(Sample(raw_id(content, path), content, path, own, split, home="text", text=text))
    return Dataset.from_samples(samples, Schema("text", "multi-label" if multi else "single-label", classes))


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(), "system": platform.platform(terse=True), "python": platform.python_version(),
        **{name: version(name) for name in ("tilth", "numpy", "scipy", "scikit-learn")},
    }  # fmt: skip


def kept(file: Path) -> dict[str, Any]:
    """What an earlier call found: rows that are there are not made again."""
    return json.loads(file.read_text()) if file.exists() else {"rows": []}


def keep(file: Path, results: dict[str, Any]) -> None:
    draft = file.with_suffix(".part")
    draft.write_text(
        json.dumps({"machine": machine(), **{k: v for k, v in results.items() if k != "machine"}}, indent=1) + "\n"
    )
    draft.replace(file)
