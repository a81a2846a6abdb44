"""Questions about one sample, answered from the ledger without reading a whole version."""

from __future__ import annotations

from dataclasses import dataclass

from tilth.dataset import label_text
from tilth.edit import Add
from tilth.errors import WorkspaceError
from tilth.finding import Finding
from tilth.run.values import Influence, influence
from tilth.sample import Sample
from tilth.store import history
from tilth.store.ledger import Batch, Change
from tilth.store.shelf import Store
from tilth.store.tables import read_schema

_MOST = 3  # judges and train samples named of each valuator


@dataclass(frozen=True)
class Why:
    """All that is known of one sample."""

    sample: Sample
    present: bool
    label: str
    findings: tuple[tuple[str, Finding], ...]
    changes: tuple[tuple[Batch, Change], ...]
    children: tuple[str, ...]
    parents: tuple[str, ...]
    values: tuple[Influence, ...] = ()


def find(store: Store, name: str) -> str:
    """The id of a sample by its id, the beginning of it, or its path. Raises WorkspaceError where none or many fit."""
    head, base = history.head(store), history.base(store)
    for version in (head, base):
        for column in ("id", "path"):
            if len(found := store.rows(version, column, name)):
                return str(found.ids[0])
    known = {*store.version(head).ids.tolist(), *store.version(base).ids.tolist()}
    close = sorted(id for id in known if id.startswith(name)) if len(name) >= 4 else []
    if len(close) == 1:
        return close[0]
    if changed := store.ledger.changes(sample=name):
        return changed[0].edit.id
    # What was made and taken back is in no version: its path is known from the edit alone.
    if made := [
        one for one in store.ledger.changes(kinds=["add"]) if isinstance(one.edit, Add) and one.edit.sample.path == name
    ]:
        return made[-1].edit.id
    found_many = f"{len(close)} samples begin with {name!r}: {', '.join(close[:5])}"
    raise WorkspaceError(
        f"{found_many if close else f'there is no sample {name!r}'}.\n"
        "  Give an id (the report shows them), its first digits or a path as in the source."
    )


def why(store: Store, name: str) -> Why:
    """All that is known of a sample."""
    id = find(store, name)
    ledger = store.ledger
    states = ("line", "superseded", "proposed")
    batches = {batch.batch: batch for state in states for batch in ledger.batches(state=state)}
    changes = ledger.changes(sample=id)
    present = store.rows(history.head(store), "id", id)
    rows = present if len(present) else store.rows(history.base(store), "id", id)
    sample = next(iter(rows)) if len(rows) else next(one.edit.sample for one in changes if isinstance(one.edit, Add))
    latest = {(use, finding.key): (use, finding) for use, finding in ledger.findings(sample=id)}
    schema = read_schema(store.version_file(history.base(store)))
    return Why(
        sample,
        bool(len(present)),
        label_text(schema, sample.label),
        tuple(latest.values()),
        tuple((batches[one.batch], one) for one in changes if one.batch in batches),
        tuple(child for child, _ in ledger.children([id])),
        sample.parents,
        tuple(influence(store, id, most=_MOST)),
    )
