"""What was done, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tilth.run import answers
from tilth.run.compare import Difference, differences
from tilth.workspace.changing import Changing
from tilth.workspace.proving import Proving

if TYPE_CHECKING:
    pass


class Telling(Changing, Proving):
    """Answers to questions about samples and versions."""

    def why(self, name: str) -> answers.Why:
        """All that is known of a sample: what was found, what was changed and by whom, where it comes from."""
        return answers.why(self.store, name)

    def diff(self, before: str = "base", after: str = "head") -> list[Difference]:
        """What is different between two versions, sample by sample, with the last reason on record."""
        old, new = self.version(before), self.version(after)
        reasons = {one.edit.id: one.edit.because for _, one in self.changes()}
        return [replace(one, because=reasons.get(one.id, "")) for one in differences(old, new)]

    def log(self) -> list[tuple[str, str]]:
        """(time, what) of everything that was done here."""
        return self.store.ledger.lines()

    def _repr_html_(self) -> str:
        """A short table for notebooks; `tilth.write_report` has the whole story."""
        from html import escape

        data, base = self.data, self.base
        rows = [
            ("source", self.fact("layout", "")),
            ("version", f"{data.version} ({len(data):,} samples; {len(base):,} as read)"),
            (
                "edits in force",
                ", ".join(f"{count:,} {kind}" for kind, count in self.tally().items()) or "none",
            ),
        ]
        if asked := self.fact("proof"):
            rows.append(
                (
                    "proof",
                    "on record, of another version" if asked["after"] != data.version else self._proof_line(),
                )
            )
        cells = "".join(f"<tr><th style='text-align:left'>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in rows)
        return f"<table><caption>Tilth workspace {escape(str(self.store.folder))}</caption>{cells}</table>"

    def _proof_line(self) -> str:
        evidence = self.evidence()
        return evidence.headline.sentence if evidence else ""
