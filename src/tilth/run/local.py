"""LocalRun: what a step is handed, on this machine. It can be pickled: workers get a copy and keep its rules."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.errors import ContentError, StepError
from tilth.numerics import picture
from tilth.run import describing
from tilth.run.plugins import make_step, step_key
from tilth.run.voice import Silence, Voice, advancing
from tilth.signal import Array, Signal
from tilth.steps import declared
from tilth.store.blobs import Blobs
from tilth.store.tables import written_whole

_AHEAD = 64  # pictures decoded ahead: keeps two cores busy within some tens of MB


@dataclass(frozen=True)
class LocalRun:
    """A Run on this machine.

    folder   the workspace's `.tilth`; kept arrays, checkpoints and blobs lie in it
    roots    home -> folder of raw files
    facts    layout and facts of the source, for `export`
    scope    digest of the step that is handed this run: its randomness derives from it
    fresh    pass the memo by once: kept arrays older than this moment (seconds since 1970) are made again
    workers  processes of `map`
    """

    folder: Path
    roots: Mapping[str, Path]
    seed: int = 0
    device: str = "cpu"
    threads: int = 1
    workers: int = 1
    scope: str = ""
    source_format: str = "formats.folder"
    facts: Mapping[str, Any] = field(default_factory=dict)
    fresh: float = 0.0
    voice: Voice = field(default_factory=Silence, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "voice": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # In a worker: its share of the threads, and no workers of its own.
        share = max(1, state["threads"] // max(1, state["workers"]))
        self.__dict__.update(state, voice=Silence(), threads=share, workers=1)

    def within(self, scope: str) -> LocalRun:
        """This run, handed to another step."""
        return replace(self, scope=scope)

    # -- randomness, voice ------------------------------------------------------------------------------------

    def rng(self, *key: Any) -> np.random.Generator:
        return np.random.default_rng(int(digest(self.seed, self.scope, key), 16))

    def log(self, message: str) -> None:
        self.voice.log(message)

    def doing(self, step: str) -> None:
        """Whose the progress is, from now on."""
        self.voice.doing(step)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        if _IN_WORKER:
            yield _reporter(self.folder / "progress", what, total)
            return
        with advancing(self.voice, what, total) as advance:
            yield advance

    # -- contents ---------------------------------------------------------------------------------------------

    def contents(self, data: Dataset) -> Iterator[bytes]:
        blobs = Blobs(self.folder / "blobs")
        columns = [data.table.column(name).to_pylist() for name in ("home", "path", "content", "text")]
        for home, path, content, text in zip(*columns, strict=True):
            yield self._content(blobs, home, path, content, text)

    def _content(self, blobs: Blobs, home: str, path: str, content: str, text: str | None) -> bytes:
        if text is not None:
            return text.encode()
        if home == "blob":
            return blobs[content]
        file = self.roots[home] / path
        try:
            found = file.read_bytes()
        except OSError as fault:
            raise ContentError(
                f"{file} was there when the source was read, and is not now ({fault.strerror}).\n"
                "  If the source moved, put it back, or open it where it is in another workspace: --workspace PATH"
            ) from fault
        if digest_bytes(found) != content:
            raise ContentError(
                f"{file} changed since the source was read. Open it anew in another workspace (--workspace)."
            )
        return found

    def images(self, data: Dataset) -> Iterator[Array]:
        blobs = Blobs(self.folder / "blobs")
        columns = [data.table.column(name).to_pylist() for name in ("home", "path", "content", "text")]
        rows = zip(*columns, strict=True)

        def load(row: tuple[Any, ...]) -> Array:
            return picture.decode(self._content(blobs, *row))

        with ThreadPoolExecutor(max(self.threads, 1)) as pool:
            waiting = [pool.submit(load, row) for row in islice(rows, _AHEAD)]
            while waiting:
                done = waiting.pop(0).result()
                waiting += [pool.submit(load, row) for row in islice(rows, 1)]
                yield done

    def texts(self, data: Dataset) -> list[str]:
        return data.table.column("text").to_pylist()

    # -- steps ------------------------------------------------------------------------------------------------

    def step(self, use: str, settings: Mapping[str, Any] | None = None) -> Any:
        return make_step(use, settings)

    def embed(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Signal:
        step = make_step(use, settings)
        key = step_key(use, step)
        run = self.within(key)
        facts: dict[str, Any] = {}
        if hasattr(step, "measure"):
            kept = run.keep(("measure", key, data.version), lambda: _as_arrays(step.measure(data, run)))
            values = kept["values"]
            facts = json.loads(str(kept["meta"])) if "meta" in kept else {}
        else:
            values = self._described(step, key, data)
            if hasattr(step, "finish"):
                described = values
                kept = run.keep(
                    ("finish", key, data.version),
                    lambda: {"values": np.asarray(step.finish(described, data, run))},
                )
                values = kept["values"]
        kind = (declared(step, "gives") or ("embedding",))[0]
        return Signal(kind, data.ids, values, meta={**facts, "step": use})

    def describe(self, use: str, data: Dataset, settings: Mapping[str, Any] | None = None) -> Array:
        step = make_step(use, settings)
        if not hasattr(step, "describe"):
            raise StepError(
                f"{use} must see the whole dataset at once; a learner needs one that describes sample by sample"
            )
        key = step_key(use, step)
        return self._described(step, key, data)

    def describe_all(self, steps: Mapping[str, Any], data: Dataset) -> dict[str, float]:
        """Have several embedders look at the samples together; `embed` and `describe` then find their rows.

        steps    key -> embedder; those that must see the whole dataset at once are left out
        returns  key -> seconds
        """
        return describing.describe(self, {key: one for key, one in steps.items() if hasattr(one, "describe")}, data)

    def _described(self, step: Any, key: str, data: Dataset) -> Array:
        """(n, d) what the embedder says of each sample; only contents that it has not seen before are computed."""
        describing.describe(self, {key: step}, data)
        return describing.rows_of(self, key, data)

    def stale(self, file: Path) -> bool:
        """Whether a kept file is older than what `fresh` allows."""
        return self.fresh > 0 and file.stat().st_mtime < self.fresh

    # -- memo -------------------------------------------------------------------------------------------------

    def keep(self, key: Sequence[Any], make: Callable[[], Mapping[str, Array]]) -> Mapping[str, Array]:
        file = self.folder / "kept" / f"{digest(self.seed, self.scope, list(key))}.npz"
        if file.exists() and not self.stale(file):
            with np.load(file, allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
        made = {name: np.asarray(values) for name, values in make().items()}
        with written_whole(file) as draft, draft.open("wb") as sink:
            np.savez(sink, **made)  # pyright: ignore[reportArgumentType]
        return made

    def checkpoints(self, *key: Any) -> Path:
        folder = self.folder / "checkpoints" / digest(self.seed, self.scope, list(key))
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # -- compute ----------------------------------------------------------------------------------------------

    def map(
        self, fn: Callable[[Any], Any], items: Iterable[Any], *, cpus: int = 1, gpus: int = 0, what: str = ""
    ) -> list[Any]:
        todo = list(items)
        workers = 1 if gpus and self.device != "cpu" else min(self.workers // max(cpus, 1), len(todo))
        if workers <= 1 or _IN_WORKER:
            with self.progress(what or "working", len(todo)) as advance:
                return [(fn(item), advance(1))[0] for item in todo]
        from joblib import Parallel, delayed

        # loky: no __main__ guard needed in a user's script, and one thread of BLAS each.
        with (
            _watched(self.folder / "progress", self.voice),
            self.progress(what or "working", len(todo)) as advance,
        ):
            results = Parallel(n_jobs=workers, backend="loky", return_as="generator", pre_dispatch="2*n_jobs")(
                delayed(_in_worker)(fn, item, os.getpid(), Path.cwd()) for item in todo
            )
            return [(result, advance(1))[0] for result in results]  # pyright: ignore[reportGeneralTypeIssues]

    def export(self, data: Dataset, where: Path, *, layout: str | None = None) -> Path:
        writer = make_step(layout or self.source_format)
        facts = dict(self.facts) if layout in (None, self.source_format) else {}
        if len(set(data.splits.tolist())) < 2:
            # One split for an external program: its classes stand at the top, whatever the source looked like.
            facts = {key: value for key, value in facts.items() if key not in ("split_level", "splits")}
        writer.write(data, where, self.contents, facts)
        return where


def _as_arrays(signal: Signal) -> Mapping[str, Array]:
    return {"values": signal.values, "meta": np.array(json.dumps(dict(signal.meta), default=str))}


# -- workers --------------------------------------------------------------------------------------------------

_IN_WORKER = False


def _in_worker(fn: Callable[[Any], Any], item: Any, parent: int, folder: Path) -> Any:
    """Runs in a worker. It ends with its parent: a kill -9 must leave nobody behind that still writes."""
    global _IN_WORKER  # noqa: PLW0603 - a worker is a process of its own; this is its only state
    if not _IN_WORKER:
        _IN_WORKER = True
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.chdir(folder)  # a worker may outlive a change of folder in its parent, say in a notebook
    return fn(item)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _reporter(folder: Path, what: str, total: int) -> Callable[[int], None]:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{os.getpid()}.json"
    done, said = 0, 0.0

    def advance(more: int) -> None:
        nonlocal done, said
        done += more
        if time.monotonic() - said > 0.3 or done >= total:
            said = time.monotonic()
            with written_whole(file) as draft:
                draft.write_text(json.dumps([what, done, total]))

    return advance


@dataclass
class _Shown:
    """The bar of one worker."""

    what: str
    update: Callable[[int], None]
    close: Callable[[], None]
    done: int = 0


@contextmanager
def _watched(folder: Path, voice: Voice) -> Iterator[None]:
    """Bars for what the workers report, while they work."""
    stop = threading.Event()
    for file in folder.glob("*.json"):
        file.unlink(missing_ok=True)

    def watch() -> None:
        bars: dict[str, _Shown] = {}
        while not stop.wait(0.5):
            for file in sorted(folder.glob("[!.]*.json")):
                try:
                    what, done, total = json.loads(file.read_text())
                except (OSError, ValueError):
                    continue
                shown = bars.get(file.name)
                if shown is None or shown.what != what or done < shown.done:  # the worker began something else
                    if shown is not None:
                        shown.close()
                    shown = bars[file.name] = _Shown(what, *voice.bar(what, total))
                shown.done = done
                shown.update(done)
        for shown in bars.values():
            shown.close()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
