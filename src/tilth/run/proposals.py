"""Edits that a recipe proposes and nobody has applied yet: kept, applied in part, left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tilth.dataset import Dataset
from tilth.edit import Edit
from tilth.errors import WorkspaceError
from tilth.run.runner import Done
from tilth.store import history
from tilth.store.ledger import Batch, Change
from tilth.store.plain import dump, edit_to_plain, kind_of
from tilth.store.shelf import Store

KINDS = ("drop", "relabel", "add", "weigh", "move")


def keep(store: Store, done: Sequence[Done], start: str) -> int:
    """Put what was proposed for version `start` on record, in place of what was proposed before; returns how many edits of
    that are withdrawn and not proposed anew."""
    ledger = store.ledger
    before = Counter(_signature(batch.use, one.edit) for batch, one in waiting(store))
    with ledger.transaction():
        ledger.drop_batches((batch.batch for batch in ledger.batches(state="proposed")), state="withdrawn")
        for one in done:
            if one.edits:
                _keep(store, one.edits, one.place.place, one.place.use, one.place.key, start, one.seconds)
    before.subtract(_signature(one.place.use, edit) for one in done for edit in one.edits)
    return sum(max(count, 0) for count in before.values())


def _signature(use: str, edit: Edit) -> str:
    return dump([use, kind_of(edit), edit.id, edit_to_plain(edit)])


def waiting(store: Store) -> list[tuple[Batch, Change]]:
    """The edits that wait."""
    return [
        (batch, one)
        for batch in store.ledger.batches(state="proposed")
        for one in store.ledger.changes(batch=batch.batch)
    ]


@dataclass(frozen=True)
class Chosen:
    """Which proposals are meant.

    only  ids of samples, names of steps or kinds of edit that are applied; none: all. The others stay open
    skip  the same, for those that are declined
    """

    only: Collection[str] = ()
    skip: Collection[str] = ()

    def of(self, batch: Batch, edit: Edit) -> str:
        """`apply`, `decline` or `open`."""
        said = {edit.id, kind_of(edit), batch.use}
        if said & set(self.skip):
            return "decline"
        return "apply" if not self.only or said & set(self.only) else "open"


def apply(store: Store, data: Dataset, chosen: Chosen, *, by: str) -> Dataset:
    """Apply what is chosen, and put the rest on record as open or declined."""
    batches = store.ledger.batches(state="proposed")
    if not batches:
        raise WorkspaceError("nothing is proposed. First:  tilth propose")
    for batch in batches:
        changes = store.ledger.changes(batch=batch.batch)
        parts: dict[str, list[Edit]] = {"apply": [], "open": [], "decline": []}
        for change in changes:
            parts[chosen.of(batch, change.edit)].append(change.edit)
        if parts["apply"]:
            how = {"place": batch.place, "use": batch.use, "key": "", "by": by, "seconds": batch.seconds}
            data, _ = history.add_batch(store, data, parts["apply"], **how)
        with store.ledger.transaction():  # at once: what is applied is not offered again after a kill
            store.ledger.drop_batches([batch.batch], state="settled")
            if parts["open"]:
                _keep(store, parts["open"], batch.place, batch.use, batch.key, batch.before, batch.seconds)
    return data


def _keep(store: Store, edits: Sequence[Edit], place: str, use: str, key: str, before: str, seconds: float) -> None:
    store.ledger.add_batch(
        edits, place=place, use=use, key=key, before=before, after="", state="proposed", by="tilth", seconds=seconds
    )
