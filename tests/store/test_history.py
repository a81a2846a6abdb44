"""Undo is applying a subset of the edits to the parent, and what was built on them goes too."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.dataset import Dataset, Schema
from tilth.edit import Add, Drop, Edit, Relabel
from tilth.errors import WorkspaceError
from tilth.sample import Sample, made_id, raw_id
from tilth.store import history
from tilth.store.shelf import Store

SCHEMA = Schema("image", "single-label", ("ant", "bee", "cat"))


def plain(number: int, label: int = 0) -> Sample:
    return Sample(raw_id("c" * 32, f"p{number}"), "c" * 32, f"p{number}", label)


def child(parent: Sample, label: int, ordinal: int = 0) -> Sample:
    id = made_id((parent.id,), "s", ordinal)
    return Sample(id, "d" * 32, f"{parent.path}_x", label, parents=(parent.id,), maker="augment.x:shear", home="blob")


def started(folder: Path, *samples: Sample) -> tuple[Store, Dataset]:
    store, data = Store(folder), Dataset.from_samples(samples, SCHEMA)
    store.keep_version(data)
    store.ledger.set_fact("base", data.version)
    return store, data


def put(store: Store, data: Dataset, *edits: Edit, use: str = "step") -> Dataset:
    after, _ = history.add_batch(store, data, edits, place="1", use=use, key=use)
    return after


def undo(store: Store, *ids: str) -> history.Undone:
    return history.undo(store, [change for id in ids for change in store.ledger.changes(sample=id)], by="ana")


def test_undo_of_one_edit_leaves_the_others(tmp_path: Path) -> None:
    a, b = plain(1), plain(2)
    store, data = started(tmp_path, a, b)
    put(store, data, Drop(a.id, "junk"), Relabel(b.id, 0, 1, "seen"))
    undone = undo(store, a.id)
    now = store.version(history.head(store))
    assert undone.version == now.version and a.id in now and now[b.id].label == 1


def test_undo_of_everything_is_the_base(tmp_path: Path) -> None:
    a, b = plain(1), plain(2)
    store, data = started(tmp_path, a, b)
    after = put(store, data, Relabel(a.id, 0, 1, "seen"), use="one")
    put(store, after, Drop(b.id, "junk"), Add(child(a, 1), "filled"), use="two")
    undo(store, a.id, b.id, child(a, 1).id)
    assert history.head(store) == data.version


def test_what_was_made_with_a_label_goes_when_that_label_is_taken_back(tmp_path: Path) -> None:
    a = plain(1)
    store, data = started(tmp_path, a)
    after = put(store, data, Relabel(a.id, 0, 1, "seen"), use="mend")
    after = put(store, after, Add(child(a, 1), "filled"), use="fill")
    put(
        store,
        after,
        Add(Sample("f" * 16, "e" * 32, "y", 1, parents=(child(a, 1).id,), maker="m"), "filled"),
        use="more",
    )
    undone = undo(store, a.id)
    assert history.head(store) == data.version
    assert len(undone.also) == 2 and all("made from" in why for _, why in undone.also)


def test_a_later_relabel_that_no_longer_fits_goes_too(tmp_path: Path) -> None:
    a = plain(1)
    store, data = started(tmp_path, a)
    after = put(store, data, Relabel(a.id, 0, 1, "seen"), use="one")
    put(store, after, Relabel(a.id, 1, 2, "seen again"), use="two")
    first = store.ledger.changes(sample=a.id)[0]
    undone = history.undo(store, [first], by="ana")
    assert history.head(store) == data.version
    assert "expects label" in undone.also[0][1]


def test_what_a_person_took_back_is_not_done_again(tmp_path: Path) -> None:
    a = plain(1)
    store, data = started(tmp_path, a)
    put(store, data, Drop(a.id, "junk"), use="one")
    undo(store, a.id)
    again = put(store, store.version(history.head(store)), Drop(a.id, "junk"), use="two")
    assert a.id in again
    assert store.ledger.changes(sample=a.id)[-1].why == "undone by a person before"


def test_nothing_to_undo_is_told(tmp_path: Path) -> None:
    store, _ = started(tmp_path, plain(1))
    with pytest.raises(WorkspaceError, match="nothing to undo"):
        history.undo(store, [], by="ana")


def test_an_edit_that_does_not_fit_is_kept_as_refused(tmp_path: Path) -> None:
    a = plain(1)
    store, data = started(tmp_path, a)
    after = put(store, data, Relabel(a.id, 2, 1, "wrong old label"), Drop("9" * 16, "unknown"))
    assert after.version == data.version
    assert [change.verdict for change in store.ledger.changes()] == ["reject", "reject"]


@given(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_undo_is_a_subset_of_the_edits(dropped: set[int], taken_back: set[int]) -> None:
    import tempfile

    samples = [plain(number) for number in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        store, data = started(Path(folder), *samples)
        put(store, data, *(Drop(samples[number].id, "junk") for number in dropped))
        if taken_back & dropped:
            undo(store, *(samples[number].id for number in taken_back))
        left = data.apply([Drop(samples[number].id, "junk") for number in dropped - taken_back])
        assert history.head(store) == left.version
        store.ledger.close()


@given(st.permutations(range(6)), st.integers(0, 5), st.booleans())
def test_the_quick_undo_is_the_replay(order: list[int], taken: int, grown: bool) -> None:
    import tempfile

    samples = [plain(number, number % 3) for number in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        store, data = started(Path(folder), *samples)
        first: list[Edit] = [Drop(samples[order[0]].id, "junk"), Relabel(samples[order[1]].id, order[1] % 3, 2, "seen")]
        first += [Relabel(samples[order[2]].id, order[2] % 3, 1, "seen")]
        after = put(store, data, *first, use="one")
        second: list[Edit] = [Drop(samples[order[3]].id, "junk")]
        second += [Add(child(samples[order[1]], 2), "filled")] if grown else []
        put(store, after, *second, use="two")
        asked = [change for change in store.ledger.changes() if change.edit.id == samples[order[taken % 4]].id]
        line = [batch for batch in store.ledger.batches() if batch.batch >= asked[0].batch]
        heirs = history._heirs(store, asked)
        quick = history._patched(store, line, asked, heirs)
        slow = history._replayed(store, line, {one.number for one in asked} | set(heirs), heirs)
        assert quick is not None
        assert (quick[0], quick[1]) == (slow[0], slow[1])
        assert [(one.number, why) for one, why in quick[2]] == [(one.number, why) for one, why in slow[2]]
        store.ledger.close()
