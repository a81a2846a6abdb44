"""Handwriting by a recurrent network: what it takes to train, how many samples a second, and what real-trained models read.

    python benchmarks/synthesis/recurrent.py --data FOLDER [--strokes motor PATH] [--minutes 20] [--threads 2]

FOLDER holds `roman_numerals/roman_numerals.tar` and `roman_numerals/reviewed.csv`; PATH is a file of pen strokes. A network
for each source is trained for so many minutes: the seconds of a step are measured first, the steps are as many as fit in. It
goes on from where it was killed. Then it writes each numeral so many times, with the looks of the label book; readers that
were trained on the real train pictures say what they read, of all that was written, and of what is left after rejection.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from handwriting import BOOK, CLASSES, read, run_of

from tilth.dataset import Dataset
from tilth.digest import digest
from tilth.numerics import picture
from tilth.sample import TRAIN
from tilth.signal import Array, Signals
from tilth.synthesize.desk import named
from tilth.synthesize.graves import known_of
from tilth.synthesize.hand.strokes import Strokes
from tilth.synthesize.hand.writers import writer
from tilth.synthesize.ink.fit import Target, look_like, thinned
from tilth.synthesize.ink.render import rendered
from tilth.synthesize.pens.compose import Hand
from tilth.synthesize.pens.reading import read_written
from tilth.synthesize.recurrent.freehand import written_by
from tilth.synthesize.recurrent.lessons import Writing, of_motor_model, of_pens, prepared
from tilth.synthesize.recurrent.network import Net, Shape
from tilth.synthesize.recurrent.teach import Lesson, Plan, taught
from tilth.synthesize.recurrent.trailing import Habits, Usual, tidied
from tilth.synthesize.targets import target_of
from tilth.testing.memory import MemoryRun

HERE = Path(__file__).parent
LESSONS = 6000
TEXTS = [text for name in CLASSES for text in named(name, CLASSES)]
READERS: dict[str, dict[str, Any]] = {"learn.cut-resnet50": {}, "learn.contrastive": {}, "learn.convnet": {}}
NEAR = 5  # neighbours that vote


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--strokes", nargs="+", default=["motor"], help="motor, or files of pen strokes")
    asked.add_argument("--minutes", type=float, default=20.0)
    asked.add_argument("--steps", type=int, default=0, help="instead of --minutes")
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--samples", type=int, default=50, help="of each numeral")
    asked.add_argument("--bias", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    asked.add_argument("--readers", nargs="+", default=["learn.cut-resnet50", "learn.contrastive"])
    asked.add_argument("--guard", action="store_true", help="the label check too: some minutes more")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--work", type=Path, default=Path.home() / ".cache" / "tilth-recurrent")
    asked.add_argument("--out", type=Path, default=HERE / "recurrent.json")
    args = asked.parse_args()
    torch.set_num_threads(args.threads)
    data, contents, right = read(args.data)
    run = run_of(contents, args.seed)
    run.threads = args.threads
    readers = {name: reader(name, data, run, args.seed) for name in args.readers}
    readers["nearest neighbours of pixels"] = neighbours(data, right, run)
    results = json.loads(args.out.read_text()) if args.out.exists() else {}
    results |= {"machine": machine(args.threads), "readers": clean(readers, data, run)}
    results.setdefault("sources", {})
    for source in args.strokes:
        name = "motor model" if source == "motor" else Path(source).name
        results["sources"][name] = one_source(source, args, data, run, readers)
        args.out.write_text(json.dumps(results, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(page(results))
        print(page(results))


# -- training -------------------------------------------------------------------------------------------------------


def one_source(
    source: str, args: argparse.Namespace, data: Dataset, run: MemoryRun, readers: Mapping[str, Reader]
) -> dict[str, Any]:
    began = time.perf_counter()
    rng = np.random.default_rng(args.seed)
    if source == "motor":
        writings = of_motor_model(TEXTS, LESSONS, rng)
    else:
        writings = of_pens(Hand.of(read_written(Path(source))), TEXTS, LESSONS, rng)
    pairs = prepared(writings)
    alphabet = "".join(sorted({" "} | {letter for one, _ in pairs for letter in one.text}))
    lesson = Lesson.of([(one.text, steps) for one, steps in pairs], alphabet)
    prepared_s = time.perf_counter() - began
    net, training, folder = trained(lesson, source, args)
    known = known_of(net, pairs, alphabet)
    np.savez(folder / "scribe.npz", **known)  # for docs/reference/recurrent.py
    usual, habits = Usual.from_arrays(known, alphabet), Habits(int(known["after"]), bool(known["skips"]))
    found: dict[str, Any] = {
        "lessons": len(pairs),
        "points_a_lesson": float(np.median([len(own) for _, own in pairs])),
        "prepared_s": round(prepared_s, 1),
        "training": training,
        "window": {"after": habits.after, "skips": habits.skips},
        "bias": {},
    }
    target = target_of("benchmark", data.open, Signals(), run, against=BOOK, looked_at=400)
    judge = judge_of(data, run) if args.guard else None
    found["lessons_read_as_asked"] = control(writings, target, readers, args)
    for bias in args.bias:
        found["bias"][str(bias)] = sampled(net, alphabet, bias, usual, habits, target, readers, judge, args)
    return found


def trained(lesson: Lesson, source: str, args: argparse.Namespace) -> tuple[Net, dict[str, Any], Path]:
    """The network, how its training went, and where it lies; found again where it was trained before."""
    name = digest(
        source, LESSONS, args.seed, args.minutes, args.steps, args.threads, lesson.steps[0], len(lesson.steps)
    )
    folder = args.work / name
    folder.mkdir(parents=True, exist_ok=True)
    shape = Shape(len(lesson.alphabet), pace=lesson.pace)
    done, told = folder / "net.pt", folder / "training.json"
    facts = json.loads(told.read_text()) if told.exists() else {}
    steps = args.steps or facts.get("steps") or int(args.minutes * 60 / seconds_a_step(lesson, shape, args))
    told.write_text(json.dumps(facts | {"steps": steps}))
    if done.exists():
        net = Net(shape)
        net.load_state_dict(torch.load(done, weights_only=True))
        return net.eval(), facts, folder
    losses: list[float] = []
    began, cpu, load = time.perf_counter(), time.process_time(), os.getloadavg()[0]

    def saw(at: int, loss: float) -> None:
        losses.append(loss)
        if at % 50 == 49:
            spent = time.perf_counter() - began
            left = spent / len(losses) * (steps - at - 1)
            print(
                f"{source}: step {at + 1} of {steps}, {np.mean(losses[-50:]):.3f} nats, {left:.0f} s left", flush=True
            )

    net = taught(lesson, shape, Plan(steps), seed=args.seed, folder=folder, threads=args.threads, saw=saw)
    facts = {
        "steps": steps,
        "threads": args.threads,
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "load_before": round(load, 1),
        "went_on_from": steps - len(losses),
        "nats_a_point": [round(float(np.mean(part)), 3) for part in np.array_split(losses, 10)],
    }
    torch.save(net.state_dict(), done)
    told.write_text(json.dumps(facts))
    return net, facts, folder


def seconds_a_step(lesson: Lesson, shape: Shape, args: argparse.Namespace) -> float:
    stamps: list[float] = []
    plan = Plan(steps=25)
    taught(lesson, shape, plan, seed=args.seed, threads=args.threads, saw=lambda *_: stamps.append(time.perf_counter()))
    return (stamps[-1] - stamps[4]) / (len(stamps) - 5)


# -- writing --------------------------------------------------------------------------------------------------------


def asked_for(samples: int) -> tuple[Array, list[str]]:
    """Labels and texts: each numeral so many times, in small letters and in capitals by turns."""
    labels = np.repeat(np.arange(len(CLASSES)), samples)
    return labels, [named(CLASSES[label], CLASSES)[at % 2] for at, label in enumerate(labels)]


def control(
    writings: Sequence[Writing], target: Target, readers: Mapping[str, Reader], args: argparse.Namespace
) -> dict[str, float | None]:
    """How many of the lessons themselves are read as what they say: what the network could reach at best."""
    labels, texts = asked_for(args.samples)
    own = {text: [one.strokes for one in writings if one.text == text] for text in TEXTS}
    words = [own[text][at % len(own[text])] for at, text in enumerate(texts)]
    shown = pictures(words, labels, target, args.seed)
    return {name: share(ask(shown) == labels) for name, ask in readers.items()}


def sampled(
    net: Net,
    alphabet: str,
    bias: float,
    usual: Usual,
    habits: Habits,
    target: Target,
    readers: Mapping[str, Reader],
    judge: Any,
    args: argparse.Namespace,
) -> dict[str, Any]:
    labels, texts = asked_for(args.samples)
    rngs = [np.random.default_rng([args.seed, 5, at]) for at in range(len(texts))]
    began = time.perf_counter()
    drawn = written_by(net, alphabet, texts, rngs, bias=bias, after=habits.after)
    drawn_s = time.perf_counter() - began
    found = [tidied(one, usual, habits) for one in drawn]
    kept = np.array([not one.fault for one in found])
    shown = pictures([one.strokes for one in drawn], labels, target, args.seed)
    tidy = pictures([one.strokes for one in found], labels, target, args.seed)
    passed = kept & (judged(judge, tidy, labels) if judge is not None else True)
    said = {name: (ask(shown), ask(tidy)) for name, ask in readers.items()}
    return {
        "written": len(drawn),
        "samples_a_second": round(len(drawn) / drawn_s, 1),
        "strokes_cut": int(sum(one.cut for one in found)),
        "rejected": int((~kept).sum()),
        "why": dict(Counter(reason(one.fault) for one in found if one.fault).most_common()),
        "turned_away_by_the_label_check": int((kept & ~passed).sum()) if judge is not None else None,
        "read_as_asked": {
            name: {
                "before": share(before == labels),
                "after": share((after == labels)[kept]),
                "after, small letters": share((after == labels)[kept & ~capitals(texts)]),
                "after, capitals": share((after == labels)[kept & capitals(texts)]),
                "after the label check": share((after == labels)[passed]) if judge is not None else None,
                "after, by numeral": {
                    one: share((after == labels)[kept & (labels == at)]) for at, one in enumerate(CLASSES)
                },
            }
            for name, (before, after) in said.items()
        },
    }


def pictures(words: Sequence[Strokes], labels: Array, target: Target, seed: int) -> list[Array]:
    """The words with the looks of the target; the same looks for the same row."""
    looks, dice = [], []
    for at, (word, label) in enumerate(zip(words, labels.tolist(), strict=True)):
        rng = np.random.default_rng([seed, 6, at])
        like = target.like(label, rng)
        look = look_like(like, writer(rng, sloppy=0.0), rng, same=like.label == label)
        looks.append(thinned(word, look) if word else look)
        dice.append(rng)
    return rendered(words, looks, dice)


def capitals(texts: Sequence[str]) -> Array:
    return np.array([text.isupper() for text in texts])


def reason(fault: str) -> str:
    """The fault without its numbers."""
    return " ".join(word for word in fault.partition(",")[0].split() if not any(letter.isdigit() for letter in word))


def share(hits: Array) -> float | None:
    return round(float(np.mean(hits)), 4) if len(hits) else None


# -- reading --------------------------------------------------------------------------------------------------------

Reader = Callable[[Sequence[Array]], Array]


def dataset_of(shown: Sequence[Array], data: Dataset) -> tuple[Dataset, MemoryRun]:
    """Pictures as samples without labels, in their order."""
    from tilth.sample import Sample

    names = [f"{at:016x}" for at in range(len(shown))]
    samples = [Sample(name, name * 2, f"{name}.png", None, TRAIN) for name in names]
    files = {name: picture.encode(one) for name, one in zip(names, shown, strict=True)}
    return Dataset.from_samples(samples, data.schema), MemoryRun(files)


def reader(name: str, data: Dataset, run: MemoryRun, seed: int) -> Reader:
    """A learner trained on the real train pictures as they came, wrong labels and all; the label book picks the epoch."""
    model = run.step(name, READERS.get(name, {})).fit(data.train, data.split(BOOK), run, seed=seed)
    return lambda shown: model.predict(*dataset_of(shown, data)).argmax(1)


def neighbours(data: Dataset, right: set[str], run: MemoryRun) -> Reader:
    """The vote of the nearest real train pictures that all reviewers keep, in small pixels."""
    known = data.train.where(np.isin(data.train.ids, list(right)))
    space = np.asarray(run.describe("embed.pixels", known), np.float32)

    def ask(shown: Sequence[Array]) -> Array:
        rows, own = dataset_of(shown, data)
        seen = np.asarray(own.describe("embed.pixels", rows), np.float32)
        far = (seen**2).sum(1)[:, None] + (space**2).sum(1)[None] - 2 * seen @ space.T
        votes = known.labels[np.argsort(far, axis=1)[:, :NEAR]]
        return np.array([np.bincount(row, minlength=len(CLASSES)).argmax() for row in votes])

    return ask


def clean(readers: Mapping[str, Reader], data: Dataset, run: MemoryRun) -> dict[str, Any]:
    """What the readers say of real clean pictures that they never saw."""
    test = data.split("test")
    shown = list(run.images(test))
    return {
        name: {"clean_accuracy": share(ask(shown) == test.labels), "pictures": len(test)}
        for name, ask in readers.items()
    }


def judge_of(data: Dataset, run: MemoryRun) -> Any:
    guard = run.step("augment.guard", {"operations": ("rotate",)})
    return guard.made_check(data.open, Signals({"guard": guard.measure(data.open, run)}), run), run


def judged(judge: Any, shown: Sequence[Array], labels: Array) -> Array:
    check, run = judge
    found = check.of(shown, labels.tolist(), [f"page {at}" for at in range(len(shown))], run)
    return np.array([one.passed for one in found])


# -- page -----------------------------------------------------------------------------------------------------------


def page(results: Mapping[str, Any]) -> str:
    """The figures as they are read."""
    about = results["machine"]
    lines = [
        "# Handwriting by a recurrent network",
        "",
        "Made by `python benchmarks/synthesis/recurrent.py --data FOLDER`. Two LSTM layers of 128, 5 window components, 10",
        f"densities; {about['threads']} thread(s) of a machine with {about['cores']} cores, torch {about['torch']}.",
        "Readers are trained on the real train pictures as they came, wrong labels and all.",
        "",
        "| reader | right on real clean pictures |",
        "|---|---|",
        *(
            f"| {name} | {_percent(one['clean_accuracy'])} of {one['pictures']} |"
            for name, one in results["readers"].items()
        ),
    ]
    for source, found in results["sources"].items():
        lines += ["", f"## Strokes of the {source}" if source == "motor model" else f"## Strokes of {source}", ""]
        lines += _told(found)
    return "\n".join(lines) + "\n"


def _told(found: Mapping[str, Any]) -> list[str]:
    training = found["training"]
    nats = training["nats_a_point"]
    went = f", gone on from step {training['went_on_from']}" if training["went_on_from"] else ""
    lines = [
        f"{found['lessons']:,} lessons of {found['points_a_lesson']:.0f} points in the median. {training['steps']:,} steps of 64 in "
        f"{training['seconds'] / 60:.1f} minutes ({training['cpu_seconds'] / 60:.1f} of processor time, load "
        f"{training['load_before']:.0f} at the start{went}); from {nats[0]:.2f} nats a point in the first tenth to {nats[-1]:.2f} in the last.",
        f"In right writings up to {found['window']['after']} points are drawn after the window passed the last character.",
    ]
    if "lessons_read_as_asked" in found:
        said = ", ".join(f"{name} {_percent(one)}" for name, one in found["lessons_read_as_asked"].items())
        lines += [f"The lessons themselves, rendered alike, are read as what they say by: {said}."]
    lines += [
        "",
        "| bias | reader | before | after rejection | small letters | capitals | after the label check too | worst numeral | "
        "rejected | strokes cut | samples a second |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for bias, one in found["bias"].items():
        for name, said in one["read_as_asked"].items():
            by = said["after, by numeral"]
            worst = min(by, key=lambda text: by[text])
            cells = [said[column] for column in ("before", "after", "after, small letters", "after, capitals")]
            cells += [said["after the label check"]]
            lines += [
                f"| {bias} | {name} | {' | '.join(map(_percent, cells))} | {worst} {_percent(by[worst])} | "
                f"{_percent(one['rejected'] / one['written'])} | {one['strokes_cut']} | {one['samples_a_second']:.0f} |"
            ]
    return lines


def _percent(value: float | None) -> str:
    return "not run" if value is None else f"{100 * value:.1f} %"


def machine(threads: int) -> dict[str, Any]:
    versions = {name: version(name) for name in ("tilth", "torch", "numpy")}
    return {"python": platform.python_version(), "cores": os.cpu_count(), "threads": threads, **versions}


if __name__ == "__main__":
    main()
