"""The animals of paper 4: what cleansing changes, and what it is worth to a fixed model on 300 hand-checked pictures."""

from __future__ import annotations

import json
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tilth.audit.duplicates import Duplicates
from tilth.audit.label_noise import LabelNoise
from tilth.cleanse.duplicates import SettleDuplicates
from tilth.cleanse.labels import MendLabels
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Drop, Edit, Relabel
from tilth.learn.convnet import ConvNet
from tilth.learn.crossfit import crossfit
from tilth.numerics.votes import neighbor_votes
from tilth.sample import Sample, raw_id
from tilth.signal import Array, Signals
from tilth.testing.memory import MemoryRun

CLASSES = "Cat Lynx Wolf Coyote Jaguar Cheetah Chimpanzee Orangutan Hamster GuineaPig".split()
WITNESS = ConvNet(epochs=8)  # of three folds: what two cores do in a few minutes
FOLDS = 3
DRAWS = 2000


def measured(where: Path, seeds: list[int]) -> dict[str, Any]:
    data, contents = read(where / "animals-training-set.tar")
    test, more = read(where / "animals-validation-set.tar")
    run = MemoryRun(contents | more)
    began = time.perf_counter()
    clean, facts = cleansed(data, run)
    facts["cleansing_s"] = round(time.perf_counter() - began)
    print(json.dumps(facts, indent=1), flush=True)
    gone = len(data) - len(clean)
    rows = []
    for seed in seeds:
        kept = np.random.default_rng(seed).permutation(len(data))[gone:]
        at_random = data.where(np.isin(np.arange(len(data)), kept))
        answers = {}
        for name, version in (("untouched", data), ("cleansed", clean), ("as many dropped at random", at_random)):
            began = time.perf_counter()
            model = ConvNet().fit(version, None, run, seed=seed)
            answers[name] = model.predict(test, run).argmax(1)
            found = metrics_of(test.labels, answers[name])
            rows.append({"seed": seed, "train": name, **found, "seconds": round(time.perf_counter() - began)})
            print(json.dumps(rows[-1]), flush=True)
        rows.append({"seed": seed, "differences": differences(test.labels, answers)})
        print(json.dumps(rows[-1]), flush=True)
    return facts | {"rows": rows}


def read(tar: Path) -> tuple[Dataset, dict[str, bytes]]:
    labels: dict[str, list[int]] = {}
    files: dict[str, bytes] = {}
    with tarfile.open(tar) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            if member.name.endswith("data-labels.json"):
                labels = json.loads(file.read())
            elif member.name.endswith(".jpg"):
                files[Path(member.name).stem] = file.read()
    samples, contents = [], {}
    for key, content in files.items():
        digest = digest_bytes(content)
        path = f"imgs/{key}.jpg"
        sample = Sample(raw_id(digest, path), digest, path, int(np.argmax(labels[key])))
        samples.append(sample)
        contents[sample.id] = content
    return Dataset.from_samples(samples, Schema("image", "single-label", tuple(CLASSES))), contents


def cleansed(data: Dataset, run: MemoryRun) -> tuple[Dataset, dict[str, Any]]:
    """The data with copies settled and labels mended, by default settings; and what changed."""
    embedding = run.embed("embed.pixels", data)
    looks = Signals({"embedding": embedding, "fingerprint": run.embed("embed.fingerprint", data)})
    copies = Duplicates().detect(data, looks, run)
    found = [one for one in crossfit(WITNESS, data, run, folds=FOLDS) if one is not None]
    signals = looks.with_(*found)
    edits: list[Edit] = list(SettleDuplicates().cleanse(data, copies, signals))
    settled = data.apply(edits)
    noise = LabelNoise().detect(settled, signals, run)
    mending = MendLabels().cleanse(settled, noise, signals)
    clean = settled.apply(mending)
    relabels = sum(isinstance(edit, Relabel) for edit in mending)
    changed = {name: 0 for name in CLASSES}
    for edit in [*edits, *mending]:
        changed[CLASSES[int(data.labels[np.searchsorted(data.ids, edit.id)])]] += 1
    sizes = data.counts()
    left = Duplicates().detect(clean, looks, run)
    return clean, {
        "samples": len(data),
        "left": len(clean),
        "contradictions": sum(one.kind == "contradiction" and one.evidence["exact"] for one in copies),
        "contradictions_left": sum(one.kind == "contradiction" and one.evidence["exact"] for one in left),
        "copies_dropped": len(edits),
        "doubtful": len(noise),
        "relabelled": relabels,
        "dropped_for_their_label": sum(isinstance(edit, Drop) for edit in mending),
        "changed_share_by_class": {name: round(changed[name] / sizes[name], 4) for name in CLASSES},
        "knn_consistency": {
            "before": consistency(data, signals["features"].rows(data.ids)),
            "after": consistency(clean, signals["features"].rows(clean.ids)),
        },
    }


def consistency(data: Dataset, features: Array) -> float:
    """Share of the samples whose label is that of most of their ten nearest."""
    votes = neighbor_votes(features, data.targets, neighbors=10).shares
    return round(float((votes.argmax(1) == data.labels).mean()), 4)


def metrics_of(truth: Array, answers: Array) -> dict[str, float]:
    return {"balanced_accuracy": round(balanced(truth, answers), 4)}


def balanced(truth: Array, answers: Array) -> float:
    return float(np.mean([(answers[truth == c] == c).mean() for c in np.unique(truth)]))


def differences(truth: Array, answers: dict[str, Array]) -> dict[str, Any]:
    """Cleansed less each other, in balanced accuracy, with a 95 % interval by bootstrap over the pictures of each class."""
    rng = np.random.default_rng(0)
    of_class = [np.flatnonzero(truth == c) for c in np.unique(truth)]
    found = {}
    for other in ("untouched", "as many dropped at random"):
        gain = (answers["cleansed"] == truth).astype(float) - (answers[other] == truth)
        drawn = [np.mean([gain[rng.choice(rows, len(rows))].mean() for rows in of_class]) for _ in range(DRAWS)]
        low, high = np.quantile(drawn, [0.025, 0.975])
        mean = float(np.mean([gain[rows].mean() for rows in of_class]))
        found[other] = {"mean": round(mean, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return found
