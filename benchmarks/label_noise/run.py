"""Label noise, side by side: one run prints a table and writes results.json.

    python benchmarks/label_noise/run.py [--data PATH] [--seeds 0 1 2] [--folds 5]

PATH holds `roman_numerals/{roman_numerals.tar,reviewed.csv}`; without it the planted part runs alone.
The verdicts of the reviewers are read here, to measure, and nowhere else.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import tarfile
import time
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tilth.audit.label_noise import LabelNoise, noise_scores
from tilth.cleanse.labels import MendLabels
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.edit import Drop, Relabel
from tilth.numerics.votes import neighbor_votes
from tilth.sample import Sample, raw_id
from tilth.signal import Array, Signal, Signals
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
CLASSES = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
SPLITS = {"train": "train", "val": "valid", "label_book": "label_book"}
CLEAN, BAD = ("clean_unanimous", "clean_majority"), ("mislabelled", "bad_image")
JUDGED = ("train", "valid")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked.add_argument("--folds", type=int, default=5)
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    results: dict[str, Any] = {"machine": machine(), "seeds": args.seeds, "folds": args.folds}
    results["planted"] = [planted(share, seed) for share in (0.1, 0.2) for seed in args.seeds]
    if (args.data / "roman_numerals" / "roman_numerals.tar").exists():
        results["roman"] = roman(args.data / "roman_numerals", args.seeds, args.folds)
    else:
        print(f"no roman_numerals below {args.data}: the reviewed part is left out")
    args.out.write_text(json.dumps(results, indent=1) + "\n")
    show(results)


def machine() -> dict[str, Any]:
    import os

    names = ("tilth", "numpy", "torch", "scikit-learn", "cleanlab")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


# -- the reviewed half of the Roman numerals -------------------------------------------------------------------


def roman(where: Path, seeds: list[int], folds: int) -> dict[str, Any]:
    data, contents = read_roman(where / "roman_numerals.tar")
    verdicts = read_verdicts(where / "reviewed.csv", data)
    run = MemoryRun(contents)
    began = time.perf_counter()
    embedding = run.embed("embed.pixels", data)
    embed_s = time.perf_counter() - began
    began = time.perf_counter()
    svm = svm_probabilities(embedding.values, data, folds)
    svm_s = time.perf_counter() - began
    votes = neighbor_votes(embedding.values, data.targets, neighbors=10).shares
    rankings: dict[str, list[dict[str, float]]] = {}
    flags: dict[str, list[dict[str, float]]] = {}
    edits, seconds, heard = [], [], []
    for seed in seeds:
        began = time.perf_counter()
        signals = Signals({"embedding": embedding}).with_(*crossfitted(contents, data, folds, seed))
        seconds.append(round(time.perf_counter() - began, 1))
        heard.append(signals)
        p = signals["probabilities"].rows(data.ids).astype(np.float64)
        for name, scores in {
            "tilth: model, its neighbours and pixels": noise_scores(data, signals),
            "tilth: model and pixels": noise_scores(data, without(signals, "features")),
            "tilth: model alone": noise_scores(data, without(signals, "features", "embedding")),
            "cleanlab self-confidence, same probabilities": 1 - cleanlab_scores(data, p, "self_confidence"),
            "cleanlab margin, same probabilities": 1 - cleanlab_scores(data, p, "normalized_margin"),
            "cleanlab self-confidence, HOG+SVM": 1 - cleanlab_scores(data, svm, "self_confidence"),
            "HOG+SVM and pixels, tilth": noise_scores(data, with_probabilities(signals, data, svm)),
            "10-NN votes on pixels": 1 - votes[np.arange(len(data)), data.labels],
        }.items():
            rankings.setdefault(name, []).append(precision(scores, verdicts))
        findings = LabelNoise().detect(data, signals, run)
        for name, mask in {
            "tilth": np.isin(data.ids, [finding.ids[0] for finding in findings]),
            "tilth, confident only": np.isin(data.ids, [f.ids[0] for f in findings if f.evidence["confident"]]),
            "cleanlab, same probabilities": cleanlab_flags(data, p),
            "cleanlab, HOG+SVM": cleanlab_flags(data, svm),
        }.items():
            flags.setdefault(name, []).append(flag_quality(mask & np.isin(data.splits, JUDGED), verdicts))
        edits.append(edit_quality(MendLabels(splits=JUDGED).cleanse(data, findings, signals), data, verdicts))
    all_of_them = averaged(heard, data)
    rankings[f"tilth: {len(seeds)} crossfits averaged"] = [precision(noise_scores(data, all_of_them), verdicts)]
    found = LabelNoise().detect(data, all_of_them, run)
    mask = np.isin(data.ids, [finding.ids[0] for finding in found])
    flags[f"tilth, {len(seeds)} crossfits averaged"] = [flag_quality(mask, verdicts)]
    edits.append(edit_quality(MendLabels(splits=JUDGED).cleanse(data, found, all_of_them), data, verdicts))
    return {
        "samples": len(data),
        "reviewed": dict(Counter(verdict for verdict, _ in verdicts if verdict)),
        "rankings": rankings,
        "flags": flags,
        "edits": edits,
        "seconds": {"embed": round(embed_s, 1), "svm": round(svm_s, 1), "crossfit": seconds},
    }


def read_roman(tar: Path) -> tuple[Dataset, dict[str, bytes]]:
    samples, contents = [], {}
    with tarfile.open(tar) as archive:
        for member in archive:
            parts = Path(member.name).parts[-3:]
            if not member.isfile() or len(parts) != 3 or parts[1] not in CLASSES:
                continue
            file = archive.extractfile(member)
            assert file is not None
            content, path = file.read(), "/".join(parts)
            key = digest_bytes(content)
            sample = Sample(raw_id(key, path), key, path, CLASSES.index(parts[1]), SPLITS[parts[0]])
            samples.append(sample)
            contents[sample.id] = content
    return Dataset.from_samples(samples, Schema("image", "single-label", CLASSES)), contents


def read_verdicts(file: Path, data: Dataset) -> list[tuple[str, int]]:
    """(verdict, true class or -1) for each row of the data; empty where it was not reviewed."""
    with file.open(newline="") as lines:
        said = {row["path"]: (row["verdict"], row["true_label"]) for row in csv.DictReader(lines)}
    found = [said.get(sample.path, ("", "")) for sample in data]
    return [(verdict, CLASSES.index(true) if true in CLASSES else -1) for verdict, true in found]


def crossfitted(contents: dict[str, bytes], data: Dataset, folds: int, seed: int) -> list[Signal]:
    from tilth.learn.crossfit import crossfit

    run = MemoryRun(contents, seed=seed)
    found = crossfit(run.step("learn.convnet"), data, run, folds=folds, seed=seed)
    return [signal for signal in found if signal is not None]


def svm_probabilities(features: Array, data: Dataset, folds: int) -> Array:
    """What a plain baseline would hand to cleanlab: an SVM on HOG, out of sample."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.svm import SVC

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # SVC(probability=True) is on its way out of scikit-learn
        return cross_val_predict(
            SVC(C=10, probability=True, random_state=0),
            features,
            data.labels,
            cv=StratifiedKFold(folds, shuffle=True, random_state=0),
            method="predict_proba",
        )


def averaged(heard: list[Signals], data: Dataset) -> Signals:
    """Several crossfits as one: mean probabilities, features side by side."""
    p = np.mean([signals["probabilities"].rows(data.ids) for signals in heard], axis=0)
    merged = without(heard[0], "features").with_(Signal("probabilities", data.ids, p))
    if all("features" in set(signals) for signals in heard):
        side_by_side = np.concatenate([signals["features"].rows(data.ids) for signals in heard], axis=1)
        merged = merged.with_(Signal("features", data.ids, side_by_side))
    return merged


def without(signals: Signals, *kinds: str) -> Signals:
    return Signals({kind: signal for kind, signal in signals.items() if kind not in kinds})


def with_probabilities(signals: Signals, data: Dataset, p: Array) -> Signals:
    return without(signals, "features").with_(Signal("probabilities", data.ids, p))


# -- measures ---------------------------------------------------------------------------------------------------


def precision(scores: Array, verdicts: list[tuple[str, int]]) -> dict[str, float]:
    """Average precision of the ranking: bad against clean, and each kind of bad against clean. Ambiguous left out."""
    from sklearn.metrics import average_precision_score

    verdict = np.array([verdict for verdict, _ in verdicts])
    clean = np.isin(verdict, CLEAN)
    found = {}
    for name, kinds in (("bad", BAD), ("mislabelled", BAD[:1]), ("bad_image", BAD[1:])):
        among = clean | np.isin(verdict, kinds)
        found[name] = round(float(average_precision_score(~clean[among], scores[among])), 4)
    return found


def flag_quality(mask: Array, verdicts: list[tuple[str, int]]) -> dict[str, float]:
    verdict = np.array([verdict for verdict, _ in verdicts])
    bad, clean = np.isin(verdict, BAD), np.isin(verdict, CLEAN)
    return {
        "flagged": int(mask.sum()),
        "precision": round(float(bad[mask & (bad | clean)].mean()), 4),
        "recall": round(float(mask[bad].mean()), 4),
        "recall_mislabelled": round(float(mask[verdict == "mislabelled"].mean()), 4),
    }


def edit_quality(edits: list[Any], data: Dataset, verdicts: list[tuple[str, int]]) -> dict[str, Any]:
    """How the applied edits stand beside the reviewers, on the reviewed half."""
    said = dict(zip(data.ids.tolist(), verdicts, strict=True))
    relabels = [(edit, *said[edit.id]) for edit in edits if isinstance(edit, Relabel)]
    drops = [said[edit.id][0] for edit in edits if isinstance(edit, Drop)]
    touched = Counter(said[edit.id][0] for edit in edits)
    total = Counter(verdict for verdict, _ in verdicts)
    known = [(edit, true) for edit, verdict, true in relabels if verdict != "ambiguous" and true >= 0]
    rated = [verdict for verdict in drops if verdict in CLEAN + BAD]
    return {
        "relabels": len(relabels),
        "relabels_reviewed": dict(Counter(verdict for _, verdict, _ in relabels if verdict)),
        "relabels_right": round(sum(edit.new == true for edit, true in known) / max(len(known), 1), 4),
        "mislabelled_relabelled": sum(v == "mislabelled" for _, v, _ in relabels),
        "mislabelled_relabelled_right": sum(v == "mislabelled" and e.new == t for e, v, t in relabels),
        "drops": len(drops),
        "drops_reviewed": dict(Counter(verdict for verdict in drops if verdict)),
        "drops_bad": round(sum(verdict in BAD for verdict in rated) / max(len(rated), 1), 4),
        "mislabelled_touched": round(touched["mislabelled"] / total["mislabelled"], 4),
        "bad_image_touched": round(touched["bad_image"] / total["bad_image"], 4),
        "clean_unanimous_touched": round(touched["clean_unanimous"] / total["clean_unanimous"], 4),
    }


def cleanlab_scores(data: Dataset, p: Array, method: str) -> Array:
    from cleanlab.rank import get_label_quality_scores

    return get_label_quality_scores(data.labels, p, method=method)


def cleanlab_flags(data: Dataset, p: Array) -> Array:
    from cleanlab.filter import find_label_issues

    return find_label_issues(data.labels, p, n_jobs=1)


# -- planted flips, where the answer is known -------------------------------------------------------------------


def planted(share: float, seed: int) -> dict[str, Any]:
    """scikit-learn's digits with labels flipped to any other class; logistic regression, out of sample."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    pixels, truth = load_digits(return_X_y=True)
    flipped = rng.random(len(truth)) < share
    labels = np.where(flipped, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
    samples = [
        Sample(raw_id(f"{row:032x}", str(row)), f"{row:032x}", str(row), int(label)) for row, label in enumerate(labels)
    ]
    data = Dataset.from_samples(samples, Schema("image", "single-label", tuple("0123456789")))
    order = np.array([int(sample.path) for sample in data])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    p = cross_val_predict(model, pixels[order], data.labels, cv=folds, method="predict_proba")
    signals = Signals(
        {
            "probabilities": Signal("probabilities", data.ids, p),
            "embedding": Signal("embedding", data.ids, (pixels - pixels.mean(0))[order].astype(np.float32)),
        }
    )
    wrong = flipped[order]
    found = LabelNoise().detect(data, signals, MemoryRun())
    edits = MendLabels().cleanse(data, found, signals)
    at = dict(zip(data.ids.tolist(), order.tolist(), strict=True))
    relabels = [edit for edit in edits if isinstance(edit, Relabel)]
    ours = np.isin(data.ids, [finding.ids[0] for finding in found])
    return {
        "flipped": share,
        "seed": seed,
        "tilth": _rates(ours, noise_scores(data, signals), wrong),
        "cleanlab": _rates(cleanlab_flags(data, p), 1 - cleanlab_scores(data, p, "self_confidence"), wrong),
        "relabels": len(relabels),
        "relabels_right": round(float(np.mean([edit.new == truth[at[edit.id]] for edit in relabels] or [0])), 4),
        "share_of_flips_relabelled": round(sum(flipped[at[edit.id]] for edit in relabels) / flipped.sum(), 4),
        "drops": len(edits) - len(relabels),
    }


def _rates(mask: Array, scores: Array, wrong: Array) -> dict[str, float]:
    from sklearn.metrics import average_precision_score

    found = {
        "ap": average_precision_score(wrong, scores),
        "precision": wrong[mask].mean(),
        "recall": mask[wrong].mean(),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


# -- print ------------------------------------------------------------------------------------------------------


def show(results: dict[str, Any]) -> None:
    def mean(rows: list[dict[str, float]], key: str) -> str:
        values = [row[key] for row in rows]
        return f"{np.mean(values):.3f}" + (f" ±{np.std(values):.3f}" if len(values) > 1 else "")

    if "roman" in results:
        found = results["roman"]
        print(f"\nreviewed half: {found['reviewed']}")
        print("\n| ranking | AP bad | AP mislabelled | AP bad image |\n|---|---|---|---|")
        for name, rows in found["rankings"].items():
            print(f"| {name} | {mean(rows, 'bad')} | {mean(rows, 'mislabelled')} | {mean(rows, 'bad_image')} |")
        print("\n| flags | how many | precision | recall | recall of mislabelled |\n|---|---|---|---|---|")
        for name, rows in found["flags"].items():
            keys = ("flagged", "precision", "recall", "recall_mislabelled")
            print(f"| {name} | " + " | ".join(mean(rows, key) for key in keys) + " |")
        print("\nedits by default:", json.dumps(found["edits"], indent=1))
        print("seconds:", found["seconds"])
    print("\n| planted | detector | AP | precision | recall |\n|---|---|---|---|---|")
    for share in sorted({row["flipped"] for row in results["planted"]}):
        rows = [row for row in results["planted"] if row["flipped"] == share]
        for name in ("tilth", "cleanlab"):
            some = [row[name] for row in rows]
            print(f"| {share:.0%} | {name} | {mean(some, 'ap')} | {mean(some, 'precision')} | {mean(some, 'recall')} |")
        right, done = mean(rows, "relabels_right"), mean(rows, "share_of_flips_relabelled")
        print(f"\n{share:.0%}: relabels right {right}, flips relabelled {done}\n")


if __name__ == "__main__":
    main()
