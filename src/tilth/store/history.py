"""The line of batches: add to it, take edits out of it, replay it.

Undo is applying a subset of the edits to the parent. There are no inverse edits: the accepted edits of each batch are
applied again from the first batch that changed, and what no longer fits is rejected with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tilth.dataset import Dataset
from tilth.edit import Add, Edit
from tilth.errors import WorkspaceError
from tilth.store.ledger import Batch, Change
from tilth.store.plain import dump, edit_to_plain, kind_of
from tilth.store.shelf import Store


def base(store: Store) -> str:
    """The version that was read from the source."""
    version = store.ledger.fact("base")
    if version is None:
        raise WorkspaceError(f"the workspace {store.folder} holds no dataset yet. Begin with: tilth audit SOURCE")
    return version


def head(store: Store) -> str:
    """The present version: what the line gives."""
    line = store.ledger.batches()
    return line[-1].after if line else base(store)


def add_batch(
    store: Store,
    data: Dataset,
    edits: Sequence[Edit],
    *,
    place: str,
    use: str,
    key: str,
    by: str = "tilth",
    seconds: float = 0.0,
    keep: Sequence[Batch] | None = None,
) -> tuple[Dataset, Batch]:
    """Apply the edits of a step and put them on the line, in one transaction.

    keep  the batches of the line that stay before it; the others are superseded. None: all of them
    """
    edits = [_kept(store, edit) for edit in edits]
    refused = refused_of(store, data, edits, by=by)
    after = data.apply([edit for edit in edits if edit.id not in refused])
    store.keep_version(after)
    ledger = store.ledger
    with ledger.transaction():
        if keep is not None:
            staying = {batch.batch for batch in keep}
            ledger.drop_batches((b.batch for b in ledger.batches() if b.batch not in staying), state="superseded")
        number = ledger.add_batch(
            edits,
            place=place,
            use=use,
            key=key,
            before=data.version,
            after=after.version,
            state="line",
            by=by,
            seconds=seconds,
            refused=refused,
        )
        ledger.say(f"{use}: {len(edits) - len(refused):,} edits, version {after.version}")
    return after, next(batch for batch in ledger.batches() if batch.batch == number)


def _kept(store: Store, edit: Edit) -> Edit:
    if isinstance(edit, Add) and edit.content is not None:
        if edit.sample.text is None:
            store.blobs.keep(edit.content)
        return Add(edit.sample, edit.because, edit.evidence)
    return edit


def refused_of(store: Store, data: Dataset, edits: Sequence[Edit], *, by: str = "tilth") -> dict[str, str]:
    """id -> why, for edits that do not fit; and, where it is not a person who asks, those that a person has undone."""
    numbers = store.ledger.fact("undone", []) if by == "tilth" else []
    undone = {_identity(change.edit) for change in store.ledger.changes(numbers=numbers)}
    refused = {edit.id: "undone by a person before" for edit in edits if _identity(edit) in undone}
    rest = [edit for edit in edits if edit.id not in refused]
    while rest and (found := data.refusals(rest)):
        # To refuse one edit may make another unfit (a child of a refused sample), so ask again.
        refused |= {refusal.edit.id: refusal.why for refusal in found}
        rest = [edit for edit in rest if edit.id not in refused]
    return refused


def _identity(edit: Edit) -> tuple[str, str, str]:
    return edit.id, kind_of(edit), dump({} if isinstance(edit, Add) else edit_to_plain(edit))


@dataclass(frozen=True)
class Undone:
    """What an undo did. also: edits that had to go with those that were asked for, and why."""

    asked: tuple[Change, ...]
    also: tuple[tuple[Change, str], ...]
    version: str


def undo(store: Store, changes: Sequence[Change], *, by: str, why: str = "") -> Undone:
    """Reject these edits and replay the line from the first batch that they touch.

    Samples made from one whose relabel is undone go too: they carry the label that is taken back.
    """
    ledger = store.ledger
    line = ledger.batches()
    on_line = {batch.batch for batch in line}
    asked = tuple(change for change in changes if change.batch in on_line and change.verdict == "apply")
    if not asked:
        raise WorkspaceError("nothing to undo: none of these edits is in force. `tilth log` shows what is.")
    heirs = _heirs(store, asked)
    rejected = {change.number for change in asked} | set(heirs)
    first = min(change.batch for change in asked)
    batches = [batch for batch in line if batch.batch >= first]
    version, steps, also = _patched(store, batches, asked, heirs) or _replayed(store, batches, rejected, heirs)
    with ledger.transaction():
        ledger.decide((change.number, "reject", by, why or "undone") for change in asked)
        ledger.decide((change.number, "reject", "tilth", reason) for change, reason in also)
        ledger.set_fact("undone", sorted({*ledger.fact("undone", []), *(change.number for change in asked)}))
        for batch, before, after in steps:
            ledger.set_batch(batch, before=before, after=after)
        ledger.say(f"undo: {len(asked):,} edits and {len(also):,} that depended on them, version {version}")
    return Undone(asked, tuple(also), version)


def _heirs(store: Store, asked: Iterable[Change]) -> dict[int, str]:
    """edit -> why, for samples made later from a sample whose relabel is taken back or that is itself taken back."""
    ids = [change.edit.id for change in asked if kind_of(change.edit) in ("relabel", "add")]
    return {edit: "made from a sample whose edit was undone" for _, edit in store.ledger.children(ids)}


_Steps: TypeAlias = list[tuple[int, str, str]]  # (batch, version before, version after)
_Also: TypeAlias = list[tuple[Change, str]]
_FEW = 100


def _patched(
    store: Store, batches: Sequence[Batch], asked: Sequence[Change], heirs: dict[int, str]
) -> tuple[str, _Steps, _Also] | None:
    """What `_replayed` gives, found faster where few samples of one batch are concerned; None where it is not so simple.

    Edits commute and speak of one sample each. So the version without an edit is the version with it, and that one row
    as it was before, as long as no other edit touched it. A test holds this to the replay.
    """
    ids = {change.edit.id for change in asked}
    if len(batches) == 1 and len(asked) == store.ledger.in_force(batches[0].batch):
        return batches[0].before, [(batches[0].batch, batches[0].before, batches[0].before)], []
    if len(ids) > _FEW or len({change.batch for change in asked}) > 1 or asked[0].batch != batches[0].batch:
        return None
    on_line = {batch.batch for batch in batches}
    also = [(one, heirs[one.number]) for one in store.ledger.changes(numbers=sorted(heirs)) if one.batch in on_line]
    also = [(one, why) for one, why in also if one.verdict == "apply" and one.edit.id not in ids]
    going = {one.edit.id for one, _ in also}
    for id in ids | going:
        others = [one for one in store.ledger.changes(sample=id) if one.batch in on_line and one.verdict == "apply"]
        if len(others) > 1:
            return None
    restored = store.rows_of(batches[0].before, ids)
    steps, before = [], batches[0].before
    for batch in batches:
        data = store.version(batch.after)
        kept = data.where(~np.isin(data.ids, np.array(sorted(ids | going), dtype="U16")))
        version = store.keep_version(kept.merged(restored))
        steps.append((batch.batch, before, version))
        before = version
    return before, steps, also


def _replayed(
    store: Store, batches: Sequence[Batch], rejected: set[int], heirs: dict[int, str]
) -> tuple[str, _Steps, _Also]:
    """The line from its first batch on, with the accepted edits less the rejected, and what no longer fits left out."""
    data = store.version(batches[0].before)
    steps: _Steps = []
    also: _Also = []
    for batch in batches:
        changes = [change for change in store.ledger.changes(batch=batch.batch) if change.verdict == "apply"]
        also += [(change, heirs[change.number]) for change in changes if change.number in heirs]
        wanted = {change.edit.id: change for change in changes if change.number not in rejected}
        before = data.version
        while wanted and (refusals := data.refusals([change.edit for change in wanted.values()])):
            also += [(wanted.pop(refusal.edit.id), refusal.why) for refusal in refusals]
        data = data.apply([change.edit for change in wanted.values()])
        store.keep_version(data)
        steps.append((batch.batch, before, data.version))
    return data.version, steps, also
