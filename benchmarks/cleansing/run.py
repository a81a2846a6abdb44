"""Cleansing, side by side with cleanlab: reviewed handwriting, planted noise, and a noisy photo set.

    python benchmarks/cleansing/run.py [--data PATH] [--parts roman planted animals] [--seeds 0] [--out results.json]
    python benchmarks/cleansing/run.py --parts applied --workspaces FOLDER.tilth...     what `tilth improve` did to the numerals
    python benchmarks/cleansing/run.py --parts whole --work SCRATCH --seeds 0 1 2       `tilth improve` on all of them, and that

PATH holds `roman_numerals/{roman_numerals.tar,reviewed.csv}`, `text/TREC_{train,test}.csv` and `animals/*.tar`; a part
whose data are absent is left out and said so. Verdicts of reviewers and true labels are read to measure, and nowhere else.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tarfile
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "label_noise"))
import run as label_noise  # noqa: E402 - the reviewed numerals and how they are measured
import tilth  # noqa: E402
from tilth.audit.label_noise import LabelNoise, noise_scores  # noqa: E402
from tilth.cleanse.labels import MendLabels  # noqa: E402
from tilth.dataset import Dataset, Schema  # noqa: E402
from tilth.digest import digest_bytes  # noqa: E402
from tilth.edit import Drop, Relabel  # noqa: E402
from tilth.learn.crossfit import crossfit  # noqa: E402
from tilth.numerics import picture  # noqa: E402
from tilth.numerics.votes import neighbor_votes  # noqa: E402
from tilth.recipe import Round  # noqa: E402
from tilth.run.plan import load_recipe  # noqa: E402
from tilth.run.voice import voice_for  # noqa: E402
from tilth.sample import Sample, raw_id  # noqa: E402
from tilth.signal import Array, Signal, Signals  # noqa: E402
from tilth.testing.memory import MemoryRun  # noqa: E402

COPIES = ("cleanse.leaks", "cleanse.duplicates")  # they drop one of two, bad or not


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=HERE.parents[2] / "shared" / "data")
    asked.add_argument("--parts", nargs="+", default=["roman", "planted"])
    asked.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked.add_argument("--written", type=int, default=0, help="roman: witnesses learn from so many written numerals")
    asked.add_argument("--workspaces", type=Path, nargs="+", default=[], help="applied: improved ones of all 2,932")
    asked.add_argument(
        "--work", type=Path, default=Path("cleansing-benchmark"), help="whole: a folder; a rerun goes on"
    )
    asked.add_argument("--out", type=Path, default=HERE / "results.json")
    args = asked.parse_args()
    if "applied" in args.parts and not args.workspaces:
        asked.error("--parts applied needs --workspaces: those that `tilth improve` made of the tar's three splits")
    results = json.loads(args.out.read_text()) if args.out.exists() else {}
    results |= {"machine": label_noise.machine()}
    for part in args.parts:
        work = {"roman": partial(roman, written=args.written), "planted": planted, "animals": animals}
        work["applied"] = partial(applied, workspaces=args.workspaces)
        work["whole"] = partial(whole, work=args.work)
        found = work[part](args.data, args.seeds)
        if found is None:
            print(f"{part}: no data below {args.data}, left out")
            continue
        name = f"{part}, {args.written} written" if part == "roman" and args.written else part
        results[name] = {"seeds": args.seeds} | found
        args.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


# -- the reviewed half of the Roman numerals --------------------------------------------------------------------


def roman(where: Path, seeds: list[int], written: int = 0) -> dict[str, Any] | None:
    folder = where / "roman_numerals"
    if not (folder / "reviewed.csv").exists():
        return None
    data, contents = label_noise.read_roman(folder / "roman_numerals.tar")
    verdicts = label_noise.read_verdicts(folder / "reviewed.csv", data)
    run = MemoryRun(contents)
    embedding = run.embed("embed.pixels", data)
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        began, work = time.perf_counter(), time.process_time()
        taught, at = with_written(data, contents, written, seed)
        found = crossfit(run.step("learn.contrastive"), taught, at, folds=5, seed=seed)
        spent = {"wall_s": round(time.perf_counter() - began), "cpu_s": round(time.process_time() - work)}
        signals = Signals({"embedding": embedding}).with_(*(one for one in found if one is not None))
        p = signals["probabilities"].rows(data.ids).astype(np.float64)
        own = np.arange(len(data)), data.labels
        seen = neighbor_votes(signals["features"].rows(data.ids), data.targets, neighbors=10).shares
        hog = neighbor_votes(embedding.values, data.targets, neighbors=10).shares
        findings = LabelNoise().detect(data, signals, run)
        edits = MendLabels(splits=label_noise.JUDGED).cleanse(data, findings, signals)
        flagged = label_noise.cleanlab_flags(data, p) & np.isin(data.splits, label_noise.JUDGED)
        rankings = {
            "tilth": noise_scores(data, signals),
            "cleanlab self-confidence, same probabilities": 1 - label_noise.cleanlab_scores(data, p, "self_confidence"),
            "10-NN votes, same features": 1 - seen[own],
            "10-NN votes on HOG": 1 - hog[own],
        }
        row = {
            "seed": seed,
            **spent,
            "average_precision": {name: label_noise.precision(s, verdicts) for name, s in rankings.items()},
            "flags": {
                "tilth": label_noise.flag_quality(np.isin(data.ids, [f.ids[0] for f in findings]), verdicts),
                "cleanlab, same probabilities": label_noise.flag_quality(flagged, verdicts),
            },
            "edits": label_noise.edit_quality(edits, data, verdicts),
        }
        print(json.dumps(row, indent=1), flush=True)
        rows.append(row)
    return {"reviewed": dict(Counter(verdict for verdict, _ in verdicts if verdict)), "rows": rows}


def whole(where: Path, seeds: list[int], work: Path) -> dict[str, Any] | None:
    """`tilth improve` by default on the numerals as one dataset, train and validation both to be mended, beside the label
    book; and what it applied."""
    folder = where / "roman_numerals"
    if not (folder / "reviewed.csv").exists():
        return None
    source, places = work / "numerals", []
    if not source.exists():
        raw, draft = work / "raw", work / ".numerals"
        with tarfile.open(folder / "roman_numerals.tar") as archive:
            archive.extractall(raw, filter="data")
        for split, name in (("train", "train"), ("val", "train"), ("label_book", "label_book")):  # no name is in both
            shutil.copytree(raw / split, draft / name, dirs_exist_ok=True)
        draft.rename(source)
    for seed in seeds:
        place = work / f"seed-{seed}.tilth"
        ws = tilth.open(source, workspace=place, valid="label_book", holdout=0.0, seed=seed, voice=voice_for())
        ws.improve(learner="cut-resnet50", budget=10_000, prove=False)
        places.append(place)
    return applied(where, seeds, places)


def applied(where: Path, seeds: list[int], workspaces: list[Path]) -> dict[str, Any] | None:
    """What was applied by default in workspaces of the tar's three splits, beside the reviewers: what was mended, and the copies
    apart. `benchmarks/pipeline` makes one (`--parts clock`); `seeds` are those of the workspaces and stand in them."""
    folder = where / "roman_numerals"
    if not (folder / "reviewed.csv").exists():
        return None
    data, _ = label_noise.read_roman(folder / "roman_numerals.tar")
    verdicts, rows = label_noise.read_verdicts(folder / "reviewed.csv", data), []
    mine = {_name(sample): sample.id for sample in data}
    for place in workspaces:
        ws = tilth.open(workspace=place)
        classes, known = ws.base.schema.classes, {sample.id: mine.get(_name(sample)) for sample in ws.base}
        numbers = {name: at for at, name in enumerate(data.schema.classes)}
        done: dict[str, dict[str, Any]] = {"copies": {}, "mended": {}}
        for batch, change in ws.changes():
            edit = change.edit
            if isinstance(edit, (Drop, Relabel)) and (id := known.get(edit.id)):
                edit = replace(edit, new=numbers[classes[edit.new]]) if isinstance(edit, Relabel) else edit
                edit = replace(edit, id=id)
                done["copies" if batch.use in COPIES else "mended"][id] = edit  # of several the last one
        row = {"seed": ws.run.seed}
        row |= {what: label_noise.edit_quality(list(edits.values()), data, verdicts) for what, edits in done.items()}
        print(json.dumps(row, indent=1), flush=True)
        rows.append(row)
    return {"rows": rows}


def _name(sample: Sample) -> str:
    """Class folder and file: what a picture is called, whatever split it was put into."""
    return "/".join(Path(sample.path).parts[-2:])


def with_written(data: Dataset, contents: dict[str, bytes], written: int, seed: int) -> tuple[Dataset, MemoryRun]:
    """These and so many numerals by the motor model, in the looks of the label book: what the witnesses learn from."""
    run = MemoryRun(contents, seed=seed)
    if not written:
        return data, run
    step = run.step("synthesize.handwriting", {"against": "label_book", "balance": False})
    adds = list(step.augment(data, Signals(), run, budget=len(data) + written))
    more = {one: add.content for add in adds for one in (add.sample.id, add.sample.content)}
    both = Dataset.from_samples([*data, *(add.sample for add in adds)], data.schema)
    return both, MemoryRun({**contents, **more}, seed=seed)


# -- planted noise ----------------------------------------------------------------------------------------------


def planted(where: Path, seeds: list[int]) -> dict[str, Any] | None:
    rows = []
    for name, (data, contents, test) in worlds(where):
        for kind in ("symmetric", "class-dependent"):
            for share in (0.1, 0.2, 0.4):
                for seed in seeds:
                    row = {"data": name, "noise": kind, "share": share, "seed": seed}
                    row |= beside(noisy(data, kind, share, seed), data, contents, test, seed)
                    print(json.dumps(row), flush=True)
                    rows.append(row)
    return {"rows": rows}


def worlds(where: Path) -> Any:
    """name, (clean train data, contents, clean test data)."""
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    order = np.random.default_rng(0).permutation(len(loaded.target))
    files = [picture.encode((loaded.images[row] * 15.9).astype(np.uint8)[:, :, None]) for row in order]
    yield "digits", _split(files, loaded.target[order], "image", tuple("0123456789"), 1200)
    if (where / "text" / "TREC_train.csv").exists():
        with (
            (where / "text" / "TREC_train.csv").open(newline="") as one,
            (where / "text" / "TREC_test.csv").open() as two,
        ):
            train, test = list(csv.DictReader(one)), list(csv.DictReader(two))
        classes = tuple(sorted({row["coarse"] for row in train}))
        labels = np.array([classes.index(row["coarse"]) for row in train + test])
        texts = [row["text"].encode() for row in train + test]
        yield "TREC", _split(texts, labels, "text", classes, len(train))


def _split(contents: list[bytes], labels: Array, modality: Any, classes: tuple[str, ...], n: int) -> Any:
    kept, parts = {}, []
    for rows in (range(n), range(n, len(labels))):
        samples = []
        for row in rows:
            key = digest_bytes(contents[row])
            text = contents[row].decode() if modality == "text" else None
            sample = Sample(raw_id(key, str(row)), key, str(row), int(labels[row]), text=text)
            samples.append(sample)
            kept[sample.id] = contents[row]
        parts.append(Dataset.from_samples(samples, Schema(modality, "single-label", classes)))
    return parts[0], kept, parts[1]


def noisy(data: Dataset, kind: str, share: float, seed: int) -> Dataset:
    """The data with this share of the labels wrong: to any other class, or to the next one."""
    rng, k = np.random.default_rng(seed), len(data.schema.classes)
    wrong = rng.random(len(data)) < share
    step = rng.integers(1, k, len(data)) if kind == "symmetric" else np.ones(len(data), int)
    new = (data.labels + step) % k
    edits = [
        Relabel(str(id), int(old), int(to), "planted")
        for id, old, to, hit in zip(data.ids, data.labels, new, wrong, strict=True)
        if hit
    ]
    return data.apply(edits)


def beside(data: Dataset, truth: Dataset, contents: dict[str, bytes], test: Dataset, seed: int) -> dict[str, Any]:
    """Our default and cleanlab's, by what they find and by what one model is worth afterwards."""
    run = MemoryRun(contents, seed=seed)
    text = data.schema.modality == "text"
    learner = run.step("learn.text-linear" if text else "learn.linear")
    embedding = run.embed("embed.text" if text else "embed.pixels", data)
    began = time.perf_counter()
    versions, ours = mended(data, "text" if text else "quick", learner, embedding, run, seed)
    seconds = time.perf_counter() - began
    wrong = data.labels != truth.labels
    last = versions[-1].open
    drops = ~np.isin(data.ids, last.ids)
    given = dict(zip(data.ids.tolist(), data.labels.tolist(), strict=True))
    relabels = [(id, new) for id, new in zip(last.ids.tolist(), last.labels.tolist(), strict=True) if new != given[id]]
    right = dict(zip(truth.ids.tolist(), truth.labels.tolist(), strict=True))

    def worth(version: Dataset) -> float:
        model = learner.fit(version, None, run, seed=seed)
        return round(float((model.predict(test, run).argmax(1) == test.labels).mean()), 4)

    began = time.perf_counter()
    flagged = cleanlab_default(data, run, seed)
    cleanlab_seconds = time.perf_counter() - began
    return {
        "tilth": _quality(ours, wrong)
        | {
            "seconds": round(seconds, 2),
            "accuracy_after": worth(last),
            "rounds": len(versions),
            "after_one_round": worth(versions[0].open),
        },
        "cleanlab": _quality(flagged, wrong)
        | {"seconds": round(cleanlab_seconds, 2), "accuracy_after": worth(data.where(~flagged))},
        "relabels": len(relabels),
        "relabels_right": round(sum(new == right[id] for id, new in relabels) / max(len(relabels), 1), 4),
        "drops": int(drops.sum()),
        "drops_wrong": round(float(wrong[drops].mean()), 4) if drops.any() else None,
        "accuracy_noisy": worth(data),
        "accuracy_clean": worth(truth),
    }


def mended(
    data: Dataset, recipe: str, learner: Any, embedding: Any, run: MemoryRun, seed: int
) -> tuple[list[Dataset], Array]:
    """The data after each round of a recipe's mending of labels, and which samples (n,) were flagged at first."""
    chosen, _ = load_recipe(recipe)
    rounds = [block for block in chosen.steps if isinstance(block, Round)]
    times, least = (rounds[0].times, rounds[0].worth) if rounds else (1, 0.0)
    settings = next(call.settings for _, call in chosen.unrolled() if call.use == "cleanse.labels")
    versions: list[Dataset] = []
    flagged = np.zeros(len(data), bool)
    for turn in range(times):
        now = versions[-1].open if versions else data
        found = crossfit(learner, now, run, folds=5, seed=seed)
        seen = Signal("embedding", now.ids, embedding.rows(now.ids))
        signals = Signals({"embedding": seen}).with_(*(one for one in found if one is not None))
        findings = LabelNoise().detect(now, signals, run)
        if not turn:
            flagged = np.isin(data.ids, [finding.ids[0] for finding in findings])
        edits = MendLabels(**settings).cleanse(now, findings, signals)
        versions.append(now.apply(edits))
        if sum(isinstance(edit, Relabel) for edit in edits) < least * len(versions[-1].open):
            break
    return versions, flagged


def cleanlab_default(data: Dataset, run: MemoryRun, seed: int) -> Array:
    """What CleanLearning flags with its defaults: logistic regression, on TF-IDF or pixels, five folds."""
    from cleanlab.classification import CleanLearning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if data.schema.modality == "text":
        features: Any = TfidfVectorizer().fit_transform(run.texts(data))
    else:
        features = np.stack([image.ravel() for image in run.images(data)]) / 255.0
    finder = CleanLearning(LogisticRegression(max_iter=500), seed=seed, find_label_issues_kwargs={"n_jobs": 1})
    return finder.find_label_issues(features, data.labels)["is_label_issue"].to_numpy()


def _quality(mask: Array, wrong: Array) -> dict[str, float]:
    return {
        "flagged": int(mask.sum()),
        "precision": round(float(wrong[mask].mean()), 4) if mask.any() else 1.0,
        "recall": round(float(mask[wrong].mean()), 4),
    }


# -- animals ----------------------------------------------------------------------------------------------------


def animals(where: Path, seeds: list[int]) -> dict[str, Any] | None:
    """The 30,848 pictures of paper 4 and its 300 hand-checked ones, through the workspace as a user would."""
    if not (where / "animals" / "animals-training-set.tar").exists():
        return None
    from photos import measured

    return measured(where / "animals", seeds)


if __name__ == "__main__":
    main()
