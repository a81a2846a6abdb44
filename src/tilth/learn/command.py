"""Command: a training script that is not ours to touch."""

from __future__ import annotations

import shlex
import shutil
import string
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.errors import LearnerError, SettingError, did_you_mean
from tilth.learn.answers import listed, read_metrics, read_probabilities
from tilth.learn.teaching import judging, required
from tilth.signal import Array
from tilth.steps import Run

PLACES = ("train", "val", "test", "out", "seed")
_LAST_LINES = 20
_POLL_S = 0.2


@dataclass(frozen=True)
class Command:
    """Train by an external command, and read its predictions or its metrics from the folder it writes.

    `python train.py --train {train} --val {val} --test {test} --out {out} --seed {seed}`: the splits are exported to
    scratch folders, as class folders for pictures of one class, as a table otherwise. The command runs without a shell
    and writes to `{out}`, first come first taken:

    `predictions.csv`      `path` (below `{test}`), `name`, `id` or `text`, then a column per class, or `prediction`
    `predictions.npy`      (n, k); rows in order of path (of the table for texts), columns in order of the classes'
                           names, both as torchvision's ImageFolder has them
    `predictions.npz`      the same under `probabilities`, with `paths` or `classes` where the order is another
    `metrics.json`         {"accuracy": 0.87, ...}, where there are no predictions

    A command without `{test}` is run once and can only give metrics.
    """

    command: str = ""  # with the places {train} {val} {test} {out} {seed}
    most_s: float = 0.0  # seconds after which the command is ended; 0: it may take as long as it likes
    layout: str = ""  # of the exported splits: folder, table or onehot; empty: as said above

    version = 1
    gives = ("probabilities",)
    cost = "that of the command"

    @property
    def weights(self) -> str:
        """Digest of the files that the command names: a trial is not remembered for a script that has changed."""
        try:
            words = shlex.split(self.command)
        except ValueError:  # an open quote: `check` tells it
            return ""
        files = [Path(word) for word in words if Path(word).is_file()]
        return digest([digest_bytes(file.read_bytes()) for file in files]) if files else ""

    def check(self) -> None:
        """Raises SettingError for a command that could not run: told before the work that comes before it."""
        _check(self)

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> CommandModel:
        """Check the command and lay out train and valid. It is run when the model is asked, for it must be told which
        samples it will be asked about; at once where it has no `{test}`."""
        _check(self)
        lesson, judges = required(train, "learn.command", ("image", "text")), judging(valid)
        folder = run.checkpoints("command", self.command, train.version, valid.version if valid else None, seed)
        model = CommandModel(self, lesson.data, judges.data if judges is not None else None, seed, folder)
        if "test" not in _places(self.command):
            model.hold(None, run)
        return model


@dataclass(frozen=True)
class CommandModel:
    """What an external command trains.

    metrics  what it wrote of itself, name -> number, filled when it has run
    """

    step: Command
    train: Dataset
    valid: Dataset | None
    seed: int
    folder: Path
    metrics: dict[str, float] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    curves: tuple[Mapping[str, float], ...] = ()

    def predict(self, data: Dataset, run: Run) -> Array | None:
        """(n, k) float32, or None where the command wrote only metrics: read `metrics` then.

        Raises LearnerError where the command fails or writes neither.
        """
        if "test" not in _places(self.step.command):
            return None
        return self.hold(data, run)

    def features(self, data: Dataset, run: Run) -> None:
        """None: the network is out of reach."""
        del data, run

    def hold(self, data: Dataset | None, run: Run) -> Array | None:
        """Run the command and read what it wrote of these samples."""
        folder = self.folder / (data.version if data is not None else "alone")
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        out = folder / "out"
        out.mkdir(parents=True)
        given = {"out": str(out), "seed": str(self.seed)}
        for place, part in (("train", self.train), ("val", self.valid), ("test", data)):
            if place in _places(self.step.command):
                given[place] = str(_exported(part, folder / place, self, run))
        self.record.update(command=self.step.command, seconds=_ran(self.step, given, folder, run))
        self.metrics.update(read_metrics(out))
        found = None
        if data is not None:
            items = listed(folder / "test", data)
            found = read_probabilities(out, data, items)
        if found is None and not self.metrics:
            raise LearnerError(
                f"the training command ended well and wrote neither predictions nor metrics to {{out}}.\n"
                f"  Command: {self.step.command}\n  Found there: {_names(out)}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        return found


def _check(step: Command) -> None:
    if not step.command.strip():
        raise SettingError('learn.command needs a command, say command = "python train.py --train {train} --out {out}"')
    places = _places(step.command)
    for place in places:
        if place not in PLACES:
            known = " ".join(f"{{{name}}}" for name in PLACES)
            raise SettingError(f"learn.command knows no {{{place}}}{did_you_mean(place, PLACES)}; there is {known}")
    for place in ("train", "out"):
        if place not in places:
            raise SettingError(f"learn.command: the command must say where to put {{{place}}}: {step.command!r}")
    _words(step.command)


def _places(command: str) -> set[str]:
    try:
        parts = list(string.Formatter().parse(command))
    except ValueError as fault:
        raise SettingError(f"learn.command: {fault} in {command!r}; write {{{{ and }}}} for braces") from fault
    for _, name, form, conversion in parts:
        if name is not None and (form or conversion):
            raise SettingError(f"learn.command: write {{{name}}} alone, without a format, in {command!r}")
    return {name for _, name, _, _ in parts if name is not None}


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as fault:
        raise SettingError(f"learn.command: {fault} in {command!r}") from fault


def _exported(part: Dataset | None, where: Path, model: CommandModel, run: Run) -> Path:
    if part is None or not len(part):
        where.mkdir()
        return where  # an empty folder: the script learns that there is none
    schema = part.schema
    plain = schema.modality == "image" and schema.task == "single-label"
    return run.export(part, where, layout=model.step.layout or ("folder" if plain else "table"))


def _ran(step: Command, given: Mapping[str, str], folder: Path, run: Run) -> float:
    """Run the command to its end; returns its seconds. Raises LearnerError with its last words where it fails."""
    # Split before the places are filled: a folder with a blank in its name stays one word.
    words = [word.format(**given) for word in _words(step.command)]
    said, complained = folder / "stdout", folder / "stderr"
    began = time.monotonic()
    with said.open("wb") as sink, complained.open("wb") as complaints:
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=sink, stderr=complaints)
        except OSError as fault:
            raise LearnerError(f"the training command cannot be started: {words[0]} ({fault.strerror})") from fault
        code = _waited(process, step.most_s, began)
    seconds = time.monotonic() - began
    if code is None:
        raise LearnerError(
            f"the training command took longer than {step.most_s:.0f} s and was ended.{_last(complained)}"
        )
    if code != 0:
        raise LearnerError(f"the training command failed with exit code {code}: {shlex.join(words)}{_last(complained)}")
    run.log(f"the training command took {seconds:.0f} s{_last(said, 1)}")
    return seconds


def _waited(process: subprocess.Popen[bytes], most_s: float, began: float) -> int | None:
    """The exit code, or None where it was ended. It never outlives an interrupted caller."""
    try:
        while (code := process.poll()) is None:
            if most_s and time.monotonic() - began > most_s:
                return None
            time.sleep(_POLL_S)
        return code
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _last(file: Path, lines: int = _LAST_LINES) -> str:
    last = file.read_text(errors="replace").splitlines()[-lines:]
    return "".join(f"\n  | {line}" for line in last)


def _names(folder: Path) -> str:
    return ", ".join(sorted(file.name for file in folder.iterdir())) or "nothing"
