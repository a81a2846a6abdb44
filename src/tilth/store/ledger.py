"""The ledger: one SQLite file (WAL) with what was read, believed, changed, decided and tried.

An edit has one row for ever. What a policy or a person thinks of it is a Decision beside it; the last one counts. A batch
is the edits of one step; the line is the batches in their order. Versions are what the accepted edits of the line give.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.edit import Edit
from tilth.errors import WorkspaceError
from tilth.finding import Finding
from tilth.store.plain import dump, edit_from_plain, edit_to_plain, kind_of

FORMAT = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asides (path TEXT NOT NULL, why TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batches (
    batch INTEGER PRIMARY KEY, place TEXT NOT NULL, use TEXT NOT NULL, key TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL, state TEXT NOT NULL,
    seconds REAL NOT NULL DEFAULT 0, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')));
CREATE INDEX IF NOT EXISTS batches_key ON batches (key);
CREATE TABLE IF NOT EXISTS edits (
    edit INTEGER PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batches, sample TEXT NOT NULL, kind TEXT NOT NULL,
    payload TEXT NOT NULL, because TEXT NOT NULL, evidence TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS edits_sample ON edits (sample);
CREATE INDEX IF NOT EXISTS edits_batch ON edits (batch);
CREATE TABLE IF NOT EXISTS lineage (parent TEXT NOT NULL, child TEXT NOT NULL, edit INTEGER NOT NULL REFERENCES edits);
CREATE INDEX IF NOT EXISTS lineage_parent ON lineage (parent);
CREATE TABLE IF NOT EXISTS decisions (
    decision INTEGER PRIMARY KEY, edit INTEGER NOT NULL REFERENCES edits, verdict TEXT NOT NULL, by TEXT NOT NULL,
    why TEXT NOT NULL, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')));
CREATE INDEX IF NOT EXISTS decisions_edit ON decisions (edit);
CREATE TABLE IF NOT EXISTS findings (
    finding INTEGER PRIMARY KEY, key TEXT NOT NULL, use TEXT NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
    ids TEXT NOT NULL, severity REAL NOT NULL, why TEXT NOT NULL, evidence TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS findings_key ON findings (key);
CREATE TABLE IF NOT EXISTS spoken_of (sample TEXT NOT NULL, finding INTEGER NOT NULL REFERENCES findings);
CREATE INDEX IF NOT EXISTS spoken_of_sample ON spoken_of (sample);
CREATE TABLE IF NOT EXISTS memo (
    key TEXT PRIMARY KEY, use TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, seconds REAL NOT NULL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')));
CREATE TABLE IF NOT EXISTS log (
    line INTEGER PRIMARY KEY, what TEXT NOT NULL, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')));
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """The edits of one step. state: `line` (applied) or `proposed`."""

    batch: int
    place: str
    use: str
    key: str
    before: str
    after: str
    state: str
    seconds: float
    at: str


@dataclass(frozen=True, slots=True)
class Change:
    """An edit as the ledger holds it. verdict: `apply` or `reject`, the last decision; by whom and why."""

    number: int
    batch: int
    edit: Edit
    verdict: str
    by: str
    why: str


class Ledger:
    """The file `ledger.db` of a workspace."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            with suppress(sqlite3.OperationalError):  # a read-only workspace can still be asked questions
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
            found = int(self.fact("format", FORMAT)) if self._has_tables() else None
        except sqlite3.DatabaseError as fault:
            raise WorkspaceError(f"{path} is not a ledger of tilth ({fault})") from fault
        if found is not None and found > FORMAT:
            raise WorkspaceError(
                f"this workspace has format {found}, and this tilth knows up to {FORMAT}. Update tilth, or open another."
            )
        if found is None:
            tables = f"BEGIN;{_TABLES}INSERT OR IGNORE INTO facts VALUES ('format', '{FORMAT}');COMMIT;"
            self._db.executescript(tables)

    def _has_tables(self) -> bool:
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone())

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, also under kill -9."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- facts, log, memo -------------------------------------------------------------------------------------

    def fact(self, key: str, default: Any = None) -> Any:
        row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else default

    def set_fact(self, key: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, dump(value)))

    def forget(self, *keys: str) -> None:
        """Take facts off the record."""
        self._db.executemany("DELETE FROM facts WHERE key = ?", [(key,) for key in keys])

    def say(self, what: str) -> None:
        self._db.execute("INSERT INTO log (what) VALUES (?)", (what,))

    def lines(self) -> list[tuple[str, str]]:
        """(time, what) of everything that was done."""
        return self._db.execute("SELECT at, what FROM log ORDER BY line").fetchall()

    def memo(self, key: str) -> Any:
        """The remembered value, or None."""
        row = self._db.execute("SELECT value FROM memo WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def remember(self, key: str, use: str, kind: str, value: Any, seconds: float) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO memo (key, use, kind, value, seconds) VALUES (?, ?, ?, ?, ?)",
            (key, use, kind, dump(value), seconds),
        )

    def seconds(self, key: str) -> float:
        """How long the remembered value took to make; 0 where there is none."""
        row = self._db.execute("SELECT seconds FROM memo WHERE key = ?", (key,)).fetchone()
        return float(row[0]) if row else 0.0

    def remembered(self, kind: str) -> list[tuple[str, str, Any, float]]:
        """(key, use, value, seconds) of all that is remembered of a kind."""
        rows = self._db.execute("SELECT key, use, value, seconds FROM memo WHERE kind = ? ORDER BY at, key", (kind,))
        return [(key, use, json.loads(value), seconds) for key, use, value, seconds in rows]

    def set_asides(self, asides: Iterable[tuple[str, str]]) -> None:
        self._db.execute("DELETE FROM asides")
        self._db.executemany("INSERT INTO asides VALUES (?, ?)", asides)

    def asides(self) -> list[tuple[str, str]]:
        return self._db.execute("SELECT path, why FROM asides ORDER BY path").fetchall()

    # -- findings ---------------------------------------------------------------------------------------------

    def add_findings(self, key: str, use: str, version: str, findings: Sequence[Finding]) -> None:
        """Keep what a detector believes; the same key takes the place of itself."""
        self._db.execute("DELETE FROM spoken_of WHERE finding IN (SELECT finding FROM findings WHERE key = ?)", (key,))
        self._db.execute("DELETE FROM findings WHERE key = ?", (key,))
        start = self._db.execute("SELECT COALESCE(MAX(finding), 0) + 1 FROM findings").fetchone()[0]
        rows = [
            (
                start + at,
                key,
                use,
                version,
                one.kind,
                dump(one.ids),
                one.severity,
                one.why,
                dump(one.evidence),
            )
            for at, one in enumerate(findings)
        ]
        self._db.executemany("INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        links = [(id, start + at) for at, one in enumerate(findings) for id in one.ids]
        self._db.executemany("INSERT INTO spoken_of VALUES (?, ?)", links)

    def findings(self, *, key: str | None = None, sample: str | None = None) -> list[tuple[str, Finding]]:
        """(step, finding), all of them, those of one memo key or those that speak of one sample."""
        query, values = "SELECT use, kind, ids, severity, why, evidence FROM findings", ()
        if key is not None:
            query, values = query + " WHERE key = ?", (key,)
        elif sample is not None:
            query, values = (
                query + " WHERE finding IN (SELECT finding FROM spoken_of WHERE sample = ?)",
                (sample,),
            )
        rows = self._db.execute(query + " ORDER BY finding", values).fetchall()
        return [
            (use, Finding(kind, tuple(json.loads(ids)), severity, why, json.loads(evidence)))
            for use, kind, ids, severity, why, evidence in rows
        ]

    # -- batches, edits, decisions ----------------------------------------------------------------------------

    def add_batch(
        self,
        edits: Sequence[Edit],
        *,
        place: str,
        use: str,
        key: str,
        before: str,
        after: str,
        state: str,
        by: str,
        seconds: float = 0.0,
        verdict: str = "apply",
        refused: Mapping[str, str] | None = None,
    ) -> int:
        """Keep the edits of a step with a decision each; those in `refused` (id -> why) are rejected."""
        refused = refused or {}
        cursor = self._db.execute(
            "INSERT INTO batches (place, use, key, before, after, state, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (place, use, key, before, after, state, seconds),
        )
        batch = int(cursor.lastrowid or 0)
        start = self._db.execute("SELECT COALESCE(MAX(edit), 0) + 1 FROM edits").fetchone()[0]
        rows, links, decisions = [], [], []
        for number, edit in enumerate(edits, start):
            kind, payload = kind_of(edit), edit_to_plain(edit)
            rows.append((number, batch, edit.id, kind, dump(payload), edit.because, dump(edit.evidence)))
            links += [(parent, edit.id, number) for parent in payload.get("parents", ())] if kind == "add" else []
            why = refused.get(edit.id)
            decisions.append((number, "reject" if why else verdict, "tilth" if why else by, why or ""))
        self._db.executemany("INSERT INTO edits VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT INTO lineage VALUES (?, ?, ?)", links)
        self.decide(decisions)
        return batch

    def decide(self, decisions: Iterable[tuple[int, str, str, str]]) -> None:
        """Rows of (edit, verdict, by, why)."""
        self._db.executemany("INSERT INTO decisions (edit, verdict, by, why) VALUES (?, ?, ?, ?)", decisions)

    def batches(self, *, state: str = "line", key: str | None = None) -> list[Batch]:
        query = "SELECT batch, place, use, key, before, after, state, seconds, at FROM batches WHERE state = ?"
        values: tuple[Any, ...] = (state,)
        if key is not None:
            query, values = query + " AND key = ?", (state, key)
        return [Batch(*row) for row in self._db.execute(query + " ORDER BY batch", values)]

    def set_batch(self, batch: int, *, before: str, after: str, state: str = "line") -> None:
        self._db.execute(
            "UPDATE batches SET before = ?, after = ?, state = ? WHERE batch = ?",
            (before, after, state, batch),
        )

    def drop_batches(self, batches: Iterable[int], *, state: str) -> None:
        """Take batches out of the line: their rows stay, as history."""
        self._db.executemany("UPDATE batches SET state = ? WHERE batch = ?", [(state, batch) for batch in batches])

    def changes(
        self,
        *,
        batch: int | None = None,
        sample: str | None = None,
        kinds: Sequence[str] | None = None,
        numbers: Sequence[int] | None = None,
    ) -> list[Change]:
        """Edits with their last decision, of one batch, one sample, by kind or by number; all where nothing is asked."""
        where, values = [], []
        for clause, value in (("e.batch = ?", batch), ("e.sample = ?", sample)):
            if value is not None:
                where.append(clause)
                values.append(value)
        for column, chosen in (("e.kind", kinds), ("e.edit", numbers)):
            if chosen is not None:
                # As one JSON value: SQLite takes no more than some 32,000 parameters.
                where.append(f"{column} IN (SELECT value FROM json_each(?))")
                values.append(dump(list(chosen)))
        query = (
            "SELECT e.edit, e.batch, e.sample, e.kind, e.payload, e.because, e.evidence, d.verdict, d.by, d.why "
            "FROM edits e JOIN decisions d ON d.decision = "
            "(SELECT MAX(decision) FROM decisions WHERE edit = e.edit) "
        )
        query += ("WHERE " + " AND ".join(where) if where else "") + " ORDER BY e.edit"
        return [_change(*row) for row in self._db.execute(query, values)]

    def tally(self) -> list[tuple[int, str, str, int]]:
        """(batch, kind, verdict, how many) of the last decisions."""
        query = (
            "SELECT e.batch, e.kind, d.verdict, COUNT(*) FROM edits e JOIN decisions d ON d.decision = "
            "(SELECT MAX(decision) FROM decisions WHERE edit = e.edit) GROUP BY e.batch, e.kind, d.verdict ORDER BY e.batch"
        )
        return self._db.execute(query).fetchall()

    def in_force(self, batch: int) -> int:
        """How many edits of a batch are applied."""
        return sum(count for one, _, verdict, count in self.tally() if one == batch and verdict == "apply")

    def children(self, samples: Iterable[str]) -> list[tuple[str, int]]:
        """(child, edit that added it) of all that descends from these samples."""
        query = (
            "WITH RECURSIVE down(child, edit) AS (SELECT child, edit FROM lineage WHERE parent = ? "
            "UNION SELECT l.child, l.edit FROM lineage l JOIN down ON l.parent = down.child) SELECT child, edit FROM down"
        )
        return [row for sample in samples for row in self._db.execute(query, (sample,))]


def _change(
    number: int,
    batch: int,
    sample: str,
    kind: str,
    payload: str,
    because: str,
    evidence: str,
    verdict: str,
    by: str,
    why: str,
) -> Change:
    edit = edit_from_plain(kind, sample, json.loads(payload), because, json.loads(evidence))
    return Change(number, batch, edit, verdict, by, why)
