"""Handwriting by the motor model: numerals a second, how near its pictures come to a target's, and what a model learns
from them.

    python benchmarks/synthesis/handwriting.py                                speed alone, on made looks
    python benchmarks/synthesis/handwriting.py --data FOLDER [--seeds 3]      everything; a rerun goes on where it stopped

FOLDER holds `roman_numerals/roman_numerals.tar` and `roman_numerals/reviewed.csv`. Looks are taken from the label book
alone. The reviewers' verdicts choose the test pictures (validation pictures that all six call clean, less those that are also
in train or the label book) and, for one arm that is named so, the real train pictures that are right; nothing else.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics import attributes, picture
from tilth.numerics.two_sample import difference, shuffled, sides_of
from tilth.sample import TEST, TRAIN, Sample, raw_id
from tilth.signal import Signals
from tilth.synthesize.hand.numerals import Form, forms
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.hand.writers import Writer, all_written, writer
from tilth.synthesize.ink.looks import Look
from tilth.synthesize.ink.render import placed, rendered
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
CLASSES = ("i", "ii", "iii", "iv", "ix", "v", "vi", "vii", "viii", "x")
BOOK = "label_book"
ROUNDS = 5  # the best counts: whatever else ran on the machine only ever takes time
PAGES = 128
STEPS = {"alone": 900, "filled": 1800}  # of 32 pictures, with every arm the same
COMPARED = 1000  # made pictures that are compared with the target


# -- speed ----------------------------------------------------------------------------------------------------------


@cache
def ways_of(text: str) -> tuple[Form, ...]:
    return (*forms(text), *forms(text.upper()))


def pages(numbers: Sequence[int]) -> tuple[list[Strokes], list[Look], list[np.random.Generator]]:
    """Numerals, in sizes that the competition's pictures have, black and white as they are."""
    rngs = [np.random.default_rng([number, 3]) for number in numbers]
    ways = [ways_of(CLASSES[int(rng.integers(len(CLASSES)))]) for rng in rngs]
    forms = [own[int(rng.integers(len(own)))] for own, rng in zip(ways, rngs, strict=True)]
    hands = [writer(rng) for rng in rngs]
    words = all_written(forms, hands, rngs, ["lognormal"] * len(rngs))
    return words, [look(hand, rng) for hand, rng in zip(hands, rngs, strict=True)], rngs


def look(hand: Writer, rng: np.random.Generator) -> Look:
    high, wide = (int(rng.integers(160, 420)) for _ in range(2))
    levels = ((0, 0.3), (64, 0.7))
    pen = float(rng.uniform(0.024, 0.05)) * max(high, wide)
    return Look(high, wide, scale=float(rng.uniform(0.35, 0.9)), pen_px=pen, levels=levels, flow=hand.flow)


def drawn(numbers: Sequence[int]) -> float:
    """Write and render these; returns the seconds of the processor that it took."""
    began = time.process_time()
    rendered(*pages(numbers))
    return time.process_time() - began


def by_pil(words: Sequence[Strokes], looks: Sequence[Look]) -> list[np.ndarray]:
    """The usual way: thick lines and discs at three times the size, shrunk."""
    found = []
    for word, look in zip(words, looks, strict=True):
        large = Image.new("L", (3 * look.width_px, 3 * look.height_px), 255)
        pen, half = ImageDraw.Draw(large), 1.5 * look.pen_px
        for line in placed(word, look):
            points = [(3 * x, 3 * y) for x, y in line.tolist()]
            pen.line(points, fill=0, width=round(2 * half), joint="curve")
            for x, y in (points[0], points[-1]):
                pen.ellipse((x - half, y - half, x + half, y + half), fill=0)
        found.append(np.asarray(large.reduce(3)))
    return found


def by_distance(words: Sequence[Strokes], looks: Sequence[Look]) -> list[np.ndarray]:
    """The exact distance of each pixel to the nearest point of a line, by scipy's transform."""
    from scipy.ndimage import distance_transform_edt

    found = []
    for word, look in zip(words, looks, strict=True):
        free = np.ones((look.height_px, look.width_px), bool)
        for line in placed(word, look):
            way = np.linspace(0, len(line) - 1, 8 * len(line))
            x, y = (np.interp(way, np.arange(len(line)), line[:, side]).astype(int) for side in (0, 1))
            free[np.clip(y, 0, len(free) - 1), np.clip(x, 0, free.shape[1] - 1)] = False
        off = distance_transform_edt(free)
        found.append(np.clip(look.pen_px / 2 - off + 0.5, 0, 1))
    return found


def per_second(
    work: Callable[[], Any], count: int, clock: Callable[[], float] = time.process_time, rounds: int = ROUNDS
) -> float:
    """Pictures a second of the processor's time, or of the clock's on the wall."""
    work()
    best = np.inf
    for _ in range(rounds):
        began = clock()
        work()
        best = min(best, clock() - began)
    return count / best


def speed() -> dict[str, Any]:
    numbers = range(PAGES)
    words, looks, _ = pages(numbers)
    dice = lambda: [np.random.default_rng(number) for number in numbers]  # noqa: E731
    shown = rendered(words, looks, dice())
    found = {
        "written and rendered, 1 process": per_second(lambda: drawn(numbers), PAGES),
        "rendered alone, with uneven ink and levels": per_second(lambda: rendered(words, looks, dice()), PAGES),
        "plain strokes by PIL at three times the size": per_second(lambda: by_pil(words, looks), PAGES),
        "plain strokes by a distance transform": per_second(lambda: by_distance(words, looks), PAGES),
        "encoding to PNG": per_second(lambda: [picture.encode(one) for one in shown], PAGES),
    }
    halves = [list(range(start, PAGES, 2)) for start in range(2)]
    with ProcessPoolExecutor(2) as pool:
        found["written and rendered, 2 processes, by the clock on the wall"] = per_second(
            lambda: list(pool.map(drawn, halves)), PAGES, time.perf_counter, 10 * ROUNDS
        )
        slower = min(max(pool.map(drawn, halves)) for _ in range(ROUNDS))
        found["written and rendered, 2 processes, by the processor's time of the slower one"] = PAGES / slower
    return {"per_second": {name: round(rate, 1) for name, rate in found.items()}, "load": os.getloadavg()[0]}


# -- data -----------------------------------------------------------------------------------------------------------


def read(data: Path) -> tuple[Dataset, dict[str, bytes], set[str]]:
    """train, the label book as a split of its own, clean validation pictures as test; and the ids of train pictures whose
    label all reviewers keep."""
    with (data / "roman_numerals" / "reviewed.csv").open() as table:
        said = {row["path"]: row for row in csv.DictReader(table)}
    with tarfile.open(data / "roman_numerals" / "roman_numerals.tar") as archive:
        files = {
            one.name.removeprefix("./"): archive.extractfile(one).read()  # type: ignore[union-attr]
            for one in archive.getmembers()
            if one.isfile() and one.name.endswith(".png") and "/._" not in one.name
        }
    looks = {path: digest_bytes(picture.decode(content).tobytes()) for path, content in files.items()}
    known = {looks[path] for path in files if not path.startswith("val/")}
    samples, contents, right = [], {}, set()
    for path, content in sorted(files.items()):
        place, label, _ = path.split("/")[-3:]
        verdict = said.get(path, {})
        if place == "val":
            if verdict.get("verdict") != "clean_unanimous" or looks[path] in known:
                continue
            label = verdict["true_label"]
        key = digest_bytes(content)
        split = {"train": TRAIN, "val": TEST}.get(place, BOOK)
        one = Sample(raw_id(key, path), key, path, CLASSES.index(label), split)
        samples.append(one)
        contents[one.id] = content
        if verdict.get("verdict") == "clean_unanimous":
            right.add(one.id)
    return Dataset.from_samples(samples, Schema("image", "single-label", CLASSES)), contents, right


def run_of(contents: dict[str, bytes], seed: int) -> MemoryRun:
    run = MemoryRun(contents, seed=seed)
    run.threads = 1
    return run


def made(use: str, data: Dataset, run: MemoryRun, count: int, settings: dict[str, Any]) -> list[Any]:
    """`count` samples that a step adds to these."""
    return list(run.step(use, settings).augment(data, Signals(), run, budget=len(data.open) + count))


# -- fit ------------------------------------------------------------------------------------------------------------


def fit(data: Dataset, run: MemoryRun) -> dict[str, Any]:
    """How far the attributes of made pictures lie from the label book's, beside how far those of train lie."""
    book = data.split(BOOK)
    target = attributes.known(attributes.of_pictures(list(run.images(book))))
    adds = made("synthesize.handwriting", data.open, run, COMPARED, {})
    ours = attributes.known(attributes.of_pictures([picture.decode(add.content) for add in adds]))
    train = attributes.known(attributes.of_pictures(list(run.images(data.train))))
    sets = {
        "made": (ours, np.array([add.sample.label for add in adds])),
        "train": (train, data.train.labels),
    }
    rows = []
    for column, name in enumerate(attributes.NAMES):
        row: dict[str, Any] = {"attribute": name}
        row["label_book"] = [round(float(one), 3) for one in np.nanpercentile(target[:, column], [25, 50, 75])]
        for who, (values, labels) in sets.items():
            both = np.concatenate([target[:, column], values[:, column]])
            side = np.arange(len(both)) < len(target)
            groups = np.concatenate([book.labels, labels])
            held = ~np.isnan(both)
            sides, kept = sides_of(side[held], groups[held])
            drawn = shuffled(sides, np.random.default_rng(0), 999)
            statistic, p = difference(both[held][kept], sides, drawn)
            row[who] = [round(float(one), 3) for one in np.nanpercentile(values[:, column], [25, 50, 75])]
            row[f"{who}_ks"] = round(_ks(target[:, column], values[:, column]), 3)
            row[f"{who}_distance"], row[f"{who}_p"] = round(statistic, 3), round(p, 3)
        rows.append(row)
    told = {who: told_apart(target, values) for who, (values, _) in sets.items()}
    return {"attributes": rows, "told_apart_auc": told, "made": len(adds), "target": len(book)}


def _ks(a: np.ndarray, b: np.ndarray) -> float:
    a, b = np.sort(a[~np.isnan(a)]), np.sort(b[~np.isnan(b)])
    at = np.concatenate([a, b])
    return float(np.abs(np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b)).max())


def told_apart(target: np.ndarray, others: np.ndarray) -> float:
    """Area under the curve of a forest that tells both apart by all attributes at once, cross-validated; 0.5: it cannot."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    values = np.nan_to_num(np.concatenate([target, others]), nan=-9)
    side = np.arange(len(values)) < len(target)
    forest = RandomForestClassifier(200, class_weight="balanced_subsample", min_samples_leaf=3, random_state=0)
    chances = cross_val_predict(forest, values, side, cv=5, method="predict_proba")[:, 1]
    return round(float(roc_auc_score(side, chances)), 3)


# -- training -------------------------------------------------------------------------------------------------------

ARMS = {
    "alone": ("synthetic", "real", "real, right ones"),
    "filled": ("real", "real + synthetic", "real + operations", "real + half of each"),
}


def trainings(seeds: int, size: int, budget: int) -> Iterator[dict[str, Any]]:
    for seed in range(seeds):
        for arm in ARMS["alone"]:
            yield {"part": "alone", "arm": arm, "size": size, "seed": seed}
        for arm in ARMS["filled"]:
            yield {"part": "filled", "arm": arm, "size": budget, "seed": seed}


def lesson(
    data: Dataset, run: MemoryRun, right: set[str], asked: dict[str, Any]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Pictures and labels of one arm."""
    size, arm = asked["size"], asked["arm"]
    train, rng = data.train, np.random.default_rng([asked["seed"], 5])
    if arm == "synthetic":
        adds = made("synthesize.handwriting", data.open, run, _even(train, size), {"balance": False})[:size]
        return _of(adds)
    if asked["part"] == "alone":
        pool = train.only(sorted(right)) if "right" in arm else train
        chosen = pool.only(rng.permutation(pool.ids)[:size])
        return list(run.images(chosen)), chosen.labels
    pictures, labels = list(run.images(train)), train.labels
    room = size - len(train)
    if arm == "real":
        return pictures, labels
    open_ = data.open.where(data.open.splits != BOOK)
    uses = {"real + synthetic": ("synthesize.handwriting",), "real + operations": ("augment.operations",)}
    steps = uses.get(arm, ("synthesize.handwriting", "augment.operations"))
    for use in steps:
        settings = {"against": BOOK} if use == "synthesize.handwriting" else {}
        base = data.open if use == "synthesize.handwriting" else open_
        more, label = _of(made(use, base, run, room // len(steps), settings))
        pictures, labels = [*pictures, *more], np.concatenate([labels, label])
    return pictures, labels


def _even(train: Dataset, size: int) -> int:
    return -(-size // len(train.schema.classes)) * len(train.schema.classes)


def _of(adds: Sequence[Any]) -> tuple[list[np.ndarray], np.ndarray]:
    return [picture.decode(add.content) for add in adds], np.array([add.sample.label for add in adds])


def trained(pictures: Sequence[np.ndarray], labels: np.ndarray, test: tuple[Any, Any], steps: int, seed: int) -> float:
    """Accuracy of the fixed model on the test pictures: one cycle of Adam, the mean of the last two looks."""
    import torch

    from tilth.learn.cut_resnet50 import Net

    torch.manual_seed(seed)
    shown, answers = seen(pictures), torch.as_tensor(labels, dtype=torch.long)
    net = Net(len(CLASSES))
    optimizer = torch.optim.Adam(net.parameters(), 3e-4, eps=1e-7)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.25)
    rng, rows, hits = np.random.default_rng([seed, 6]), np.empty(0, np.int64), []
    for step in range(steps):
        if len(rows) < 32:
            rows = np.concatenate([rows, rng.permutation(len(shown))])
        batch, rows = rows[:32], rows[32:]
        net.train()
        loss = torch.nn.functional.cross_entropy(net(shown[batch].float()), answers[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if step in (steps - 1, steps - 41):
            net.eval()
            with torch.no_grad():
                found = torch.cat([net(part.float()).argmax(1) for part in test[0].split(256)])
            hits.append(float((found == test[1]).float().mean()))
    return float(np.mean(hits))


def seen(pictures: Sequence[np.ndarray]) -> Any:
    """(n, 3, 32, 32) half: what the fixed model is given."""
    import torch

    from tilth.learn.preprocess import caffe

    return torch.stack([caffe(one, 32).half() for one in pictures])


# -- all of it ------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1400, help="pictures that a model is trained on alone")
    parser.add_argument("--budget", type=int, default=6000, help="train pictures with those that are added")
    parser.add_argument("--steps", type=int, help="of training, for a trial; default: 900 alone, 1,800 filled")
    parser.add_argument("--table", action="store_true", help="no measuring: the tables of the page anew")
    parser.add_argument("--skip-speed", action="store_true")
    parser.add_argument("--out", type=Path, default=HERE / "handwriting.json")
    asked = parser.parse_args()
    record: dict[str, Any] = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    if asked.table:
        return tables(record)
    record["machine"] = platform.processor() or platform.machine()
    record["versions"] = {one: version(one) for one in ("numpy", "pillow", "scipy", "torch")}
    if not asked.skip_speed:
        record["speed"] = speed()
        print(json.dumps(record["speed"], indent=1), flush=True)
    _kept(asked.out, record)
    if asked.data is None:
        return
    import torch

    torch.set_num_threads(1)
    data, contents, right = read(asked.data)
    run = run_of(contents, 0)
    if "fit" not in record:
        record["fit"] = fit(data, run)
        _kept(asked.out, record)
    test = data.split(TEST)
    judged = (seen(list(run.images(test))), torch.as_tensor(test.labels))
    record["test"] = len(test)
    rows: list[dict[str, Any]] = record.setdefault("trainings", [])
    for wanted in trainings(asked.seeds, asked.size, asked.budget):
        steps = asked.steps or STEPS[wanted["part"]]
        if any({**wanted, "steps": steps}.items() <= row.items() for row in rows):
            continue
        began = time.perf_counter()
        pictures, labels = lesson(data, run_of(contents, wanted["seed"]), right, wanted)
        accuracy = trained(pictures, labels, judged, steps, wanted["seed"])
        seconds = round(time.perf_counter() - began, 1)
        rows.append({**wanted, "steps": steps, "n": len(labels), "accuracy": round(accuracy, 4), "seconds": seconds})
        print(rows[-1], flush=True)
        _kept(asked.out, record)


def tables(record: dict[str, Any]) -> None:
    """Write the tables of handwriting.md anew, between their marks, out of what was measured."""
    page = HERE / "handwriting.md"
    text = page.read_text()
    for name, lines in (("speed", _speeds(record)), ("fit", _fits(record)), ("trainings", _trainings(record))):
        mark, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = text.split(mark)
        text = before + mark + "".join(f"{line}\n" for line in lines) + end + rest.split(end)[1]
    page.write_text(text)


def _speeds(record: dict[str, Any]) -> list[str]:
    found = record.get("speed", {}).get("per_second", {})
    return ["| | a second |", "|---|---|", *(f"| {name} | {rate:,.0f} |" for name, rate in found.items())]


def _fits(record: dict[str, Any]) -> list[str]:
    head = ("attribute", "label book", "made", "train", "KS made", "KS train", "p made", "p train")
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in record.get("fit", {}).get("attributes", ()):
        sides = [" / ".join(f"{one:.3g}" for one in row[who]) for who in ("label_book", "made", "train")]
        shares = [f"{row[name]:.3f}" for name in ("made_ks", "train_ks", "made_p", "train_p")]
        lines.append(f"| {' | '.join((row['attribute'], *sides, *shares))} |")
    told = record.get("fit", {}).get("told_apart_auc", {})
    return [*lines, "", *(f"- area under the curve of a forest, {who}: {area:.3f}" for who, area in told.items())]


def _trainings(record: dict[str, Any]) -> list[str]:
    """A row for each arm; the filled ones beside `real + operations`, in pairs of seeds."""
    rows = record.get("trainings", [])
    head = ("arm", "train pictures", "steps", "accuracy by seed", "mean", "less real + operations, by seed")
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    by_seed: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_seed.setdefault((row["part"], row["arm"]), {})[row["seed"]] = row
    usual = by_seed.get(("filled", "real + operations"), {})
    for (part, arm), found in by_seed.items():
        right = [row["accuracy"] for row in found.values()]
        sizes = sorted({row["n"] for row in found.values()})
        many = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
        each = ", ".join(f"{100 * one:.1f}" for one in right)
        pairs = [row["accuracy"] - usual[seed]["accuracy"] for seed, row in found.items() if seed in usual]
        beside = ", ".join(f"{100 * one:+.1f}" for one in pairs) if part == "filled" and any(pairs) else ""
        steps = next(iter(found.values()))["steps"]
        lines.append(f"| {arm} | {many} | {steps:,} | {each} | {100 * np.mean(right):.1f} | {beside} |")
    return lines


def _kept(where: Path, record: dict[str, Any]) -> None:
    where.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
