"""What is said while it works: progress with the time left, and lines. All of it on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_TELLING = 0.02  # share that must be done before the first of it tells a pace


class Voice(Protocol):
    def log(self, message: str) -> None: ...

    def doing(self, step: str) -> None:
        """What the bars are of, from now on: said where the work is long enough for a bar."""
        ...

    def bar(self, what: str, total: int) -> tuple[Callable[[int], None], Callable[[], None]]:
        """(set what is done so far, take the bar away)."""
        ...


class Silence:
    """Says nothing: the default of the Python API."""

    def log(self, message: str) -> None:
        pass

    def doing(self, step: str) -> None:
        pass

    def bar(self, what: str, total: int) -> tuple[Callable[[int], None], Callable[[], None]]:
        return (lambda done: None), (lambda: None)


class Lines:
    """Plain lines for logs and pipes: what began, and every `every_s` seconds how far it is."""

    def __init__(self, *, every_s: float = 20.0) -> None:
        self.every_s = every_s
        self._doing = ""

    def log(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    def doing(self, step: str) -> None:
        self._doing = step

    def bar(self, what: str, total: int) -> tuple[Callable[[int], None], Callable[[], None]]:
        start = said = time.monotonic()
        first: tuple[int, float] | None = None

        def update(done: int) -> None:
            nonlocal said, first
            now = time.monotonic()
            if done and first is None:
                first = done, now
            if now - said >= self.every_s and first is not None:
                said = now
                # What came before the first is done is getting ready: it tells no pace, where there is another.
                since, began = first if done > first[0] else (0, start)
                left = (now - began) / max(done - since, 1) * max(total - done, 0)
                sure = done > first[0] or done >= _TELLING * total
                if self._doing:
                    self.log(self._doing)
                    self._doing = ""
                self.log(f"  {what}: {done:,} of {total:,}" + (f", about {_span(left)} left" if sure else ""))

        return update, lambda: None


class Bars:
    """Live bars for a terminal, by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._open = 0
        self._doing = ""

    def log(self, message: str) -> None:
        self.console.print(message, markup=False)

    def doing(self, step: str) -> None:
        self._doing = f"{step}  " if step else ""

    def bar(self, what: str, total: int) -> tuple[Callable[[int], None], Callable[[], None]]:
        if not self._open:
            self._progress.start()
        self._open += 1
        task = self._progress.add_task(self._doing + what, total=total or None)

        def close() -> None:
            self._progress.remove_task(task)
            self._open -= 1
            if not self._open:
                self._progress.stop()

        return (lambda done: self._progress.update(task, completed=done)), close


def voice_for(*, quiet: bool = False) -> Voice:
    """Bars on a terminal, lines elsewhere, silence when asked."""
    if quiet:
        return Silence()
    return Bars() if sys.stderr.isatty() else Lines()


@contextmanager
def advancing(voice: Voice, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that is told how much more is done."""
    update, close = voice.bar(what, total)
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        update(done)

    try:
        yield advance
    finally:
        close()


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
