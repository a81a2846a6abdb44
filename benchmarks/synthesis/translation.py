"""Digits by one pen drawn as by another, without pairs, and back: minutes, labels kept, style reached.

    python benchmarks/synthesis/translation.py [--steps 3000] [--seeds 0] [--methods fastcut] [--workers 2]

Each direction of each seed and method is a training of its own; with --workers 2 there and back run side by side, a core each.
A training that was stopped goes on where it was (--cache), and what is in the JSON already is not done again.

--clock      steps a second of the three methods, nothing else
--sheet FILE the page of samples, of the first seed and method
"""

from __future__ import annotations

import argparse
import json
import pickle
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tilth.dataset import Dataset, Schema
from tilth.digest import digest, digest_bytes
from tilth.numerics import picture
from tilth.sample import Sample, raw_id
from tilth.signal import Array, Signals
from tilth.synthesize.translate.domains import pair_of
from tilth.synthesize.translate.translators import Batch
from tilth.synthesize.translating import Translator, game_of, teach
from tilth.synthesize.translation import METHODS, Translation
from tilth.testing.memory import MemoryRun
from tilth.testing.pens import pens, spare, written

HERE = Path(__file__).parent
WAYS = {"there": ("plain", "outlined"), "back": ("outlined", "plain")}
WITNESS = {"size_px": 32, "epochs": 30, "least_steps": 500, "precision": "fp32"}  # learn.convnet: no kin of the judge
TOLD = 400  # spare digits that the independent witnesses are taught; they are measured on the other 197
CLOCKED = 20  # steps of each method, after three to warm up


class KeptRun(MemoryRun):
    """A MemoryRun whose memo and checkpoints outlive it: a killed benchmark goes on."""

    def __init__(self, contents: Mapping[str, bytes], folder: Path, *, seed: int) -> None:
        super().__init__(contents, seed=seed)
        self.folder, self.threads = folder, 1
        folder.mkdir(parents=True, exist_ok=True)

    def checkpoints(self, *key: Any) -> Path:
        place = self.folder / digest(list(key))
        place.mkdir(exist_ok=True)
        return place

    def keep(self, key: Sequence[Any], make: Callable[[], Mapping[str, Array]]) -> Mapping[str, Array]:
        file = self.folder / f"{digest(list(key))}.pickle"
        if not file.exists():
            file.write_bytes(pickle.dumps(dict(make())))
        return pickle.loads(file.read_bytes())


# -- witnesses that no step knows --------------------------------------------------------------------------------------


def dataset(
    pictures: Sequence[Array], labels: Sequence[int], classes: tuple[str, ...]
) -> tuple[Dataset, dict[str, bytes]]:
    contents = [picture.encode(one) for one in pictures]
    samples = []
    for row, (content, label) in enumerate(zip(contents, labels, strict=True)):
        key, path = digest_bytes(content), f"{row:06d}.png"
        samples.append(Sample(raw_id(key, path), key, path, int(label)))
    held = {sample.id: content for sample, content in zip(samples, contents, strict=True)}
    return Dataset.from_samples(samples, Schema("image", "single-label", classes)), held


class Witness:
    """A small network taught on real pictures, asked by arrays."""

    def __init__(self, pictures: Sequence[Array], labels: Sequence[int], classes: tuple[str, ...], seed: int) -> None:
        data, held = dataset(pictures, labels, classes)
        run = MemoryRun(held, seed=seed)
        run.threads = 1
        self.classes = classes
        self.model = run.step("learn.convnet", WITNESS).fit(data, None, run, seed=seed)

    def answers(self, pictures: Sequence[Array]) -> Array:
        """(n,) int, the class of each."""
        data, held = dataset(pictures, [0] * len(pictures), self.classes)
        places = {sample.id: int(sample.path.removesuffix(".png")) for sample in data}
        order = np.array([places[id] for id in data.ids.tolist()])
        found = np.empty(len(pictures), np.int64)
        found[order] = self.model.predict(data, MemoryRun(held)).argmax(axis=1)
        return found


def witnesses(pen: str, seed: int) -> tuple[Witness, Witness, dict[str, float]]:
    """One that knows the digits by this pen, one that tells the pens apart; and how well they know what they did not see."""
    flat, labels = spare(seed=seed)
    other = "plain" if pen == "outlined" else "outlined"
    by_pen, by_other = (written(one, flat, seed=seed + 100) for one in (pen, other))
    digits = Witness(by_pen[:TOLD], labels[:TOLD], tuple("0123456789"), seed)
    styles = Witness([*by_pen[:TOLD], *by_other[:TOLD]], [1] * TOLD + [0] * TOLD, ("other", "this"), seed)
    rest = labels[TOLD:]
    return (
        digits,
        styles,
        {
            "digits_known": float((digits.answers(by_pen[TOLD:]) == rest).mean()),
            "pen_known": float((styles.answers(by_pen[TOLD:]) == 1).mean()),
            "digits_known_by_the_other_pen": float((digits.answers(by_other[TOLD:]) == rest).mean()),
            "other_pen_taken_for_this": float((styles.answers(by_other[TOLD:]) == 1).mean()),
        },
    )


# -- one training ------------------------------------------------------------------------------------------------------


def one_way(way: str, method: str, seed: int, steps: int, cache: Path) -> dict[str, Any]:
    """Minutes and shares of one direction."""
    torch.set_num_threads(1)
    origin, target = WAYS[way]
    world = pens(origin, target, seed=seed)
    step = Translation(method=method, steps=steps)
    folder = cache / f"{way}-{method}-{seed}-{steps}"
    run = KeptRun(world.contents, folder, seed=seed)
    clock = Clock(folder / "seconds.json")
    with clock("teaching"):
        translator = teach(step, pair_of(world.data, Signals(), run, step.origin, step.target), run)
    train = world.data.train
    originals, labels = list(run.images(train)), train.labels
    with clock("drawing"):
        drawn = translator.of(originals, guided=True)
    with clock("judging"):
        adds = list(step.augment(world.data, Signals(), run, budget=2 * len(world.data)))
    digits, styles, known = witnesses(target, seed)
    kept = [picture.decode(add.content or b"") for add in adds]
    kept_labels = np.array([add.sample.label for add in adds])
    return {
        "way": f"{origin} to {target}",
        "method": method,
        "seed": seed,
        "steps": steps,
        **{f"minutes_{name}": round(seconds / 60, 2) for name, seconds in clock.seconds.items()},
        "minutes": round(sum(clock.seconds.values()) / 60, 2),
        "witnesses": known,
        "as_it_is": shares(originals, labels, digits, styles),
        "drawn": shares(drawn, labels, digits, styles),
        "passed": len(adds),
        "share_passed": round(len(adds) / len(drawn), 4),
        "kept": shares(kept, kept_labels, digits, styles),
        "said": run.lines[-1],
    }


def shares(pictures: Sequence[Array], labels: Array, digits: Witness, styles: Witness) -> dict[str, float]:
    if not len(pictures):
        return {"n": 0}
    right = digits.answers(pictures) == labels
    style = styles.answers(pictures) == 1
    return {
        "n": len(pictures),
        "label_kept": round(float(right.mean()), 4),
        "style_reached": round(float(style.mean()), 4),
        "both": round(float((right & style).mean()), 4),
        "worst_class": round(min(float(right[labels == label].mean()) for label in np.unique(labels)), 4),
    }


class Clock:
    """Seconds of the wall by name, summed up over the times that a benchmark was stopped and went on."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}

    def __call__(self, name: str) -> Clock:
        self.name = name
        return self

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self.began
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + spent
        self.file.write_text(json.dumps(self.seconds))


# -- there and back again ----------------------------------------------------------------------------------------------


def translator_of(way: str, method: str, seed: int, steps: int, cache: Path) -> tuple[Translator, Dataset, KeptRun]:
    world = pens(*WAYS[way], seed=seed)
    run = KeptRun(world.contents, cache / f"{way}-{method}-{seed}-{steps}", seed=seed)
    step = Translation(method=method, steps=steps)
    return teach(step, pair_of(world.data, Signals(), run, step.origin, step.target), run), world.data, run


def round_trip(method: str, seed: int, steps: int, cache: Path) -> dict[str, Any]:
    """Plain digits that were drawn as outlined ones and passed, drawn back: known for what they were?"""
    there, data, run = translator_of("there", method, seed, steps, cache)
    back, _, _ = translator_of("back", method, seed, steps, cache)
    adds = list(Translation(method=method, steps=steps).augment(data, Signals(), run, budget=2 * len(data)))
    if not adds:
        return {"method": method, "seed": seed, "steps": steps, "n": 0}
    parents = data.only([add.sample.parents[0] for add in adds])
    labels, originals = parents.labels, list(run.images(parents))
    again = back.of(there.of(originals, guided=True), guided=True)
    digits, styles, _ = witnesses("plain", seed)
    apart = np.mean(
        [
            np.abs(a.astype(float).mean(2) - b.astype(float).mean(2)).mean()
            for a, b in zip(originals, again, strict=True)
        ]
    )
    return {
        "method": method,
        "seed": seed,
        "steps": steps,
        **shares(again, labels, digits, styles),
        "grey_levels_apart": round(float(apart), 1),
    }


def sheet(method: str, seed: int, steps: int, cache: Path, file: Path, *, across: int = 20) -> None:
    """Two digits of each class: plain, outlined, plain again; outlined, plain. Nothing is chosen by its looks; what the judge
    turned away is crossed out."""
    rows: list[list[Array]] = []
    there, data, run = translator_of("there", method, seed, steps, cache)
    back, other, other_run = translator_of("back", method, seed, steps, cache)
    for first, second, own, own_run in ((there, back, data, run), (back, None, other, other_run)):
        train = own.train
        chosen = np.sort(np.concatenate([np.flatnonzero(train.labels == label)[: across // 10] for label in range(10)]))
        chosen = chosen[np.argsort(train.labels[chosen], kind="stable")]
        picked = train.only(train.ids[chosen])
        order = np.argsort(picked.labels, kind="stable")
        originals = [list(own_run.images(picked))[at] for at in order]
        passed = {
            add.sample.parents[0]
            for add in Translation(method=method, steps=steps).augment(own, Signals(), own_run, budget=2 * len(own))
        }
        made = first.of(originals, guided=True)
        marks = [picked.ids[at] in passed for at in order]
        rows += [originals, [one if mark else crossed(one) for one, mark in zip(made, marks, strict=True)]]
        rows += [second.of(made, guided=True)] if second else []
    gap = np.full((2, 34 * across, 3), 255, np.uint8)
    parts: list[Array] = []
    for row in rows:
        framed = [np.pad(coloured(one), ((0, 0), (0, 2), (0, 0)), constant_values=255) for one in row]
        parts += [np.concatenate(framed, axis=1), gap]
    image = Image.fromarray(np.concatenate(parts))
    image.resize((image.width * 3 // 2, image.height * 3 // 2), Image.Resampling.LANCZOS).save(file, optimize=True)


def coloured(one: Array) -> Array:
    return np.repeat(one, 3, axis=2) if one.shape[2] == 1 else one


def crossed(one: Array) -> Array:
    out = coloured(one).copy()
    side = np.arange(len(out))
    out[side, side] = out[side, side[::-1]] = (220, 30, 30)
    return out


# -- the clock ---------------------------------------------------------------------------------------------------------


def clocked() -> list[dict[str, Any]]:
    """Of each method the quickest step in seconds of the processor, in turns: a busy neighbour slows down all."""
    torch.set_num_threads(1)
    batch = Batch(torch.rand(16, 3, 32, 32), torch.rand(16, 3, 32, 32), torch.arange(16) % 10, torch.arange(16) % 10)
    plays = {method: game_of(Translation(method=method), 3, 32, 10).begin() for method in METHODS}
    seconds: dict[str, list[float]] = {method: [] for method in plays}
    for number in range(3 + CLOCKED):
        for method, play in plays.items():
            began = time.process_time()
            play.step(batch, np.random.default_rng(number), 1.0)
            seconds[method].append(time.process_time() - began)
    best = {method: min(all_of[3:]) for method, all_of in seconds.items()}
    return [
        {"method": method, "ms_a_step": round(1000 * one, 1), "steps_a_second": round(1 / one, 2)}
        for method, one in best.items()
    ]


# -- the page ----------------------------------------------------------------------------------------------------------

_HEAD = """# Translation: digits by one pen drawn as by another, and back

**Claim.** Of 600 plain digits, and 600 others as blue outlines that lean on ruled paper, a translator learns to draw the ones as the
others without a single pair, on two cores in at most 15 minutes there and back; of what its judge lets in, at least 90 % is still known for what
it was by a network that neither was taught with.

    python benchmarks/synthesis/translation.py [--steps 3000] [--seeds 0 1 2] [--methods fastcut cyclegan] [--workers 2]

Figures: [translation.json](translation.json) (machine, versions, seeds); the page of samples is drawn by
`--sheet`. The digits are scikit-learn's (1,797 of 8 x 8, enlarged to 32 px); the pens `tilth.testing.pens`. No digit is in both domains; the 597 of neither
teach (400) and measure (197) the independent witnesses: `learn.convnet` on real pictures by the target's pen, one for the digit, one for the pen.
"""

_READING = """
*Minutes*: of the wall, the teaching of translator and judge and all drawing in it; one core each. *As it is*: the originals, not
translated. *Drawn*: before the check. *Kept*: after it. Label: known for its digit by the witness of the target's pen; a blind yardstick
alone, as this witness knows most originals too. Style: taken for the target's pen by the other witness; so *both* is what counts.
"""


def page(said: Mapping[str, Any]) -> str:
    """The page, from the figures."""
    parts = [_HEAD]
    if ways := said.get("ways"):
        parts += [
            "| method, seed, steps | | minutes | as it is: label, style, both | drawn: label, style, both | passed | kept: label, style, both"
            " | worst class kept |\n|---|---|---|---|---|---|---|---|",
            *(_row(one) for one in ways.values()),
            _READING,
            "How well the witnesses know real pictures that they did not see: "
            + "; ".join(
                f"{one['way'].split()[-1]}, seed {one['seed']}: digit {one['witnesses']['digits_known']:.1%}, "
                f"pen {one['witnesses']['pen_known']:.1%}"
                for one in ways.values()
            )
            + ".\n",
        ]
    for trip in said.get("round_trips", {}).values():
        told = (
            f"label {trip['label_kept']:.1%}, style {trip['style_reached']:.1%}, {trip['grey_levels_apart']} grey levels apart"
            if trip["n"]
            else "none passed the first way"
        )
        parts.append(
            f"- There and back ({trip['method']}, seed {trip['seed']}, {trip['steps']} steps), {trip['n']} pictures: {told}."
        )
    if before := said.get("without_a_reader"):
        parts += [
            "\n**Before there was a reader** (`meaning = 0`; the critic alone is told the class), the same seeds and steps:\n"
        ]
        parts += [f"- {_before(one)}" for one in before["ways"].values()]
        parts += [f"- there and back: label {one['label_kept']:.1%}" for one in before["round_trips"].values()]
    if clock := said.get("clock"):
        parts.append("\n| method | ms of the processor a step | steps a second of one core |\n|---|---|---|")
        parts += [f"| {one['method']} | {one['ms_a_step']} | {one['steps_a_second']} |" for one in clock]
    for cells, minutes in said.get("wall_minutes", {}).items():
        parts.append(f"\nWall clock of {cells} with their witnesses: {minutes} minutes ({said['machine']}).")
    return "\n".join(parts) + "\n"


def _before(one: Mapping[str, Any]) -> str:
    kept = f"; of these label kept {one['kept']['label_kept']:.1%}" if one["kept"]["n"] else ""
    return (
        f"{one['way']}: drawn with label kept {one['drawn']['label_kept']:.1%}, {one['passed']} passed the check{kept}"
    )


def _row(one: Mapping[str, Any]) -> str:
    def three(name: str) -> str:
        found = one[name]
        if not found["n"]:
            return "none"
        return ", ".join(f"{found[part]:.1%}" for part in ("label_kept", "style_reached", "both"))

    worst = f"{one['kept']['worst_class']:.0%}" if one["kept"]["n"] else ""
    head = f"| {one['method']}, {one['seed']}, {one['steps']} | {one['way']} | {one['minutes']} | {three('as_it_is')} | {three('drawn')}"
    return f"{head} | {one['passed']} ({one['share_passed']:.0%}) | {three('kept')} | {worst} |"


def written_down(said: Mapping[str, Any], out: Path) -> None:
    out.write_text(json.dumps(said, indent=1) + "\n")
    out.with_suffix(".md").write_text(page(said), encoding="utf-8")


# -- all of it ---------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=Translation().steps)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="+", default=["fastcut"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "tilth-benchmarks" / "translation")
    parser.add_argument("--out", type=Path, default=HERE / "translation.json")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--clock", action="store_true")
    options = parser.parse_args()
    said: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    said |= {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {options.workers} side by side",
        "versions": {name: version(name) for name in ("tilth", "torch", "numpy", "scikit-learn")},
    }
    if options.clock:
        said["clock"] = clocked()
        written_down(said, options.out)
        return
    cells = [(way, method, seed) for seed in options.seeds for method in options.methods for way in WAYS]
    done = said.setdefault("ways", {})
    waiting = [cell for cell in cells if name_of(*cell, options.steps) not in done]
    began = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        futures = {cell: pool.submit(one_way, *cell, options.steps, options.cache) for cell in waiting}
        for cell, future in futures.items():
            done[name_of(*cell, options.steps)] = future.result()
            written_down(said, options.out)
            print(json.dumps(done[name_of(*cell, options.steps)], indent=1))
    if waiting:
        said.setdefault("wall_minutes", {})[" ".join(name_of(*cell, options.steps) for cell in waiting)] = round(
            (time.perf_counter() - began) / 60, 2
        )
    trips = said.setdefault("round_trips", {})
    for seed in options.seeds:
        for method in options.methods:
            trips[f"{method} {seed} {options.steps}"] = round_trip(method, seed, options.steps, options.cache)
    written_down(said, options.out)
    if options.sheet:
        sheet(options.methods[0], options.seeds[0], options.steps, options.cache, options.sheet)


def name_of(way: str, method: str, seed: int, steps: int) -> str:
    return f"{way} {method} {seed} {steps}"


if __name__ == "__main__":
    main()
