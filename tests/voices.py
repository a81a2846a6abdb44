"""A voice whose lines are kept, for the tests of what a person is told."""

from __future__ import annotations

from tilth.run.voice import Silence


class Heard(Silence):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)
