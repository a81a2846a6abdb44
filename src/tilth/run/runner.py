"""Run a plan: observe, propose, decide, apply. The memo stands outside the steps.

Every place has a key: the step with its settings, the version and the signals it is handed, the seed. What is found under
its key is not done again; so a run that was killed goes on where it was, by asking for the same things once more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

import numpy as np
import pyarrow as pa

from tilth.dataset import Dataset
from tilth.digest import digest, digest_bytes
from tilth.edit import Add, Edit, Relabel
from tilth.finding import Finding
from tilth.recipe import turn_of
from tilth.run import choosing, values
from tilth.run.local import LocalRun
from tilth.run.plan import Place, looks_at_each
from tilth.sample import TEST
from tilth.signal import Signal, Signals
from tilth.steps import declared
from tilth.store import history
from tilth.store.ledger import Batch
from tilth.store.plain import dump, edit_from_plain, edit_to_plain, kind_of
from tilth.store.shelf import Store


@dataclass(frozen=True)
class Done:
    """What one place gave: signals, findings or edits. known: whether it was found done, by an earlier run."""

    place: Place
    signals: tuple[Signal, ...] = ()
    findings: tuple[Finding, ...] = ()
    edits: tuple[Edit, ...] = ()
    seconds: float = 0.0
    known: bool = False


@dataclass(frozen=True)
class Outcome:
    """The end of a run: the version it gave and what each place did on the way."""

    data: Dataset
    signals: Signals
    done: tuple[Done, ...]

    @property
    def findings(self) -> list[tuple[str, Finding]]:
        return [(done.place.use, finding) for done in self.done for finding in done.findings]

    @property
    def edits(self) -> list[tuple[str, Edit]]:
        return [(done.place.use, edit) for done in self.done for edit in done.edits]


@dataclass
class _State:
    """Where a run is. Mutable and private: it lives for one call of `run_plan`."""

    data: Dataset
    signals: Signals = field(default_factory=Signals)
    found: dict[str, tuple[Finding, ...]] = field(default_factory=dict)  # by key of the step: its last word
    line: list[Batch] = field(default_factory=list)
    least: Mapping[str, float] = field(default_factory=dict)
    aside: bool = False
    eyes: dict[str, Place] = field(default_factory=dict)  # signal -> the embedder that gave it, where it looks at each
    looked: dict[str, float] = field(default_factory=dict)  # key of an embedder -> seconds it took beside others
    mended: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # a time of a round, see `turn_of` -> labels it mended
    going: dict[tuple[int, int], bool] = field(default_factory=dict)  # a time of a round -> whether it is run

    @property
    def findings(self) -> list[Finding]:
        return [finding for found in self.found.values() for finding in found]

    def told(self, key: str, findings: Sequence[Finding]) -> None:
        """What a step found: it takes the place of what the same step, with the same settings, found before."""
        self.found.pop(key, None)
        self.found[key] = tuple(findings)


def run_plan(
    store: Store,
    run: LocalRun,
    places: Sequence[Place],
    *,
    start: str,
    folds: int,
    budget: int,
    commit: bool,
    least: Mapping[str, float] | None = None,
    aside: bool = False,
) -> Outcome:
    """Run the places from version `start`.

    budget  most open samples of the result
    commit  whether edits go on the line; otherwise nothing but the memo is written
    least   kind of finding -> severity under which it is kept on record and not acted upon
    aside   whether findings and values stay off the record: they speak of versions that nobody chose
    """
    state = _State(store.version(start), least=least or {}, aside=aside)
    decided = _decided_by_people(store) if commit else {}
    done = []
    try:
        for number, place in enumerate(places):
            if not _worth_it(run, place, state):
                continue
            if place.role == "embedders" and not (number and places[number - 1].role == "embedders"):
                _look_together(run, places[number:], state)
            began = time.monotonic()
            wide = round(budget * place.pool)
            run.doing(f"{place.place:>8}  {place.use}")
            one = _do(store, run.within(place.key), place, state, folds=folds, budget=wide, commit=commit)
            seconds = one.seconds or time.monotonic() - began
            done.append(replace(one, seconds=seconds))
            if turn := turn_of(place.place):
                state.mended[turn] = state.mended.get(turn, 0) + sum(isinstance(edit, Relabel) for edit in one.edits)
            before = ", done before" if one.known else ""
            run.log(f"  {place.place:>6}  {place.use:<22} {_said(one)}  ({seconds:.1f} s{before})")
    finally:
        run.doing("")
    if commit:
        _forget_rest(store, state.line)
        _apply_again(store, run, state, decided)
    return Outcome(state.data, state.signals, tuple(done))


def _worth_it(run: LocalRun, place: Place, state: _State) -> bool:
    """Whether the time of its round that a place is in is run: the one before must have mended enough labels."""
    turn = turn_of(place.place)
    if not turn or not place.worth:
        return True
    if turn not in state.going:  # once for the whole of it: its own steps add samples, and drop some
        block, nth = turn
        mended, n = state.mended.get((block, nth - 1)), len(state.data.open.train.raw)
        state.going[turn] = mended is not None and mended >= place.worth * n
        if mended is not None and not state.going[turn]:
            run.log(
                f"  {place.place:>6}  no other round: {mended:,} of {n:,} labels were mended, less than {100 * place.worth:g} %"
            )
    return state.going[turn]


def _do(store: Store, run: LocalRun, place: Place, state: _State, *, folds: int, budget: int, commit: bool) -> Done:
    if place.role == "embedders":
        return _embedded(store, run, place, state)
    _look_at_new(run, place, state)
    if place.role in ("learners", "valuators"):
        return _measured(store, run, place, state, folds)
    if place.role == "detectors":
        return _detected(store, run, place, state)
    return _edited(store, run, place, state, budget=budget, commit=commit)


# -- signals --------------------------------------------------------------------------------------------------


def blinded(data: Dataset) -> Dataset:
    """The data with the labels of the sealed split taken off: what embedders see."""
    hidden = pa.array(data.splits == TEST)
    table = data.table
    for name in ("classes", "shares"):
        column = table.column(name).combine_chunks()
        at = table.schema.get_field_index(name)
        empty = pa.nulls(len(data), column.type)
        pick = np.where(np.asarray(hidden), len(data), 0) + np.arange(len(data))
        table = table.set_column(at, table.schema.field(name), pa.concat_arrays([column, empty]).take(pa.array(pick)))
    return replace(data, table=table, _trusted=True)


def _look_together(run: LocalRun, places: Sequence[Place], state: _State) -> None:
    """Embedders that follow one another see the same samples: each picture is decoded once for all of them."""
    row = list(takewhile(lambda place: place.role == "embedders", places))
    if len(row) > 1:
        run.doing(f"{row[0].place:>8}  {', '.join(place.use for place in row)}")
        state.looked = run.describe_all({place.key: place.step for place in row}, blinded(state.data))


def _look_at_new(run: LocalRun, place: Place, state: _State) -> None:
    """Samples that came in since an embedder looked: it looks at them now, where this step reads what it says of them."""
    for kind in declared(place.step, "needs"):
        eye = None if kind in declared(place.step, "of_raw") else state.eyes.get(kind)
        if eye is not None and not state.signals[kind].covers(state.data.ids):
            state.signals = state.signals.with_(run.embed(eye.use, blinded(state.data), eye.settings))


def _embedded(store: Store, run: LocalRun, place: Place, state: _State) -> Done:
    # Through run.embed, whose own memo is by sample; the signal as a whole is cheap to put together again.
    began = time.monotonic() - state.looked.pop(place.key, 0.0)
    signal = run.embed(place.use, blinded(state.data), place.settings)
    state.signals = state.signals.with_(signal)
    state.eyes.pop(signal.kind, None)
    if looks_at_each(place):
        state.eyes[signal.kind] = place
    key = digest("embed", place.key, state.data.version, run.seed)
    seconds = _seconds(store, key, place, began, state.data.version)
    return Done(place, signals=(signal,), seconds=seconds)


def _measured(store: Store, run: LocalRun, place: Place, state: _State, folds: int) -> Done:
    data = state.data.open
    read = () if place.role == "learners" else tuple(signal.key for signal in state.signals.values())
    often = folds if place.crossfits == 1 else (folds, place.crossfits)
    key = digest("measure", place.key, data.version, often, run.seed, read)
    began = time.monotonic()
    kinds = store.ledger.memo(key) if not run.fresh else None
    found = [store.signal(digest(key, kind)) for kind in kinds["signals"]] if kinds else []
    known = bool(kinds) and all(found)
    if not known:
        if place.role == "learners":
            from tilth.learn.crossfit import crossfit

            found = list(crossfit(place.step, data, run, folds=folds, seed=run.seed, repeats=place.crossfits))
        else:
            found = [place.step.value(data, state.signals, run)]
        for signal in found:
            if signal is not None:
                store.keep_signal(digest(key, signal.kind), signal)
        kinds = {"signals": [signal.kind for signal in found if signal is not None]}
        store.ledger.remember(key, place.use, "signal", {**kinds, "version": data.version}, time.monotonic() - began)
    signals = tuple(signal for signal in found if signal is not None)
    state.signals = state.signals.with_(*signals)
    for signal in signals:
        state.eyes.pop(signal.kind, None)
    seconds = _remembered(store, key)
    # A demand says of whom more is made; shown among values, its low end would read as harm.
    if place.role == "valuators" and not state.aside and signals[0].kind != "demand":
        # Of the whole version: what is asked later is asked by its name, without reading its rows.
        kept = digest(key, signals[0].kind)
        mine = {"signal": kept, "settings": place.settings, "seconds": seconds}
        former = values.record(store, place.use, state.data.version, **mine)
        if former is not None:
            told = ", ".join(f"{name} = {value!r}" for name, value in former.items()) or "the default settings"
            run.log(
                f"{place.use}: these values take the place of those with {told}; asked for again, those are found at once"
            )
    return Done(place, signals=signals, seconds=seconds, known=known)


# -- findings -------------------------------------------------------------------------------------------------


def _detected(store: Store, run: LocalRun, place: Place, state: _State) -> Done:
    data = state.data.open
    key = digest(
        "detect",
        place.key,
        data.version,
        run.seed,
        [signal.key for _, signal in sorted(state.signals.items())],
    )
    known = not run.fresh and store.ledger.memo(key) is not None
    if state.aside and not known:
        every = _believed_aside(store, run, place, state, key)
    else:
        if not known:
            began = time.monotonic()
            found = place.step.detect(data, state.signals, run)
            with store.ledger.transaction():
                store.ledger.add_findings(key, place.use, state.data.version, found)
                value = {"findings": len(found), "version": state.data.version}
                store.ledger.remember(key, place.use, "findings", value, time.monotonic() - began)
        # Read back also when just made: a resumed run must see exactly what an undisturbed one sees.
        every = [finding for _, finding in store.ledger.findings(key=key)]
    findings = [one for one in every if one.severity >= state.least.get(one.kind, 0.0)]
    if len(findings) < len(every):
        run.log(
            f"         {len(every) - len(findings):,} findings lie under the least severity: nothing is done about them"
        )
    state.told(place.key, findings)
    return Done(place, findings=tuple(findings), seconds=_remembered(store, key), known=known)


def _believed_aside(store: Store, run: LocalRun, place: Place, state: _State, key: str) -> list[Finding]:
    """Findings through the memo, and nowhere else: what the record tells of the samples stays as it is."""
    key = digest("aside", key)
    if run.fresh or store.ledger.memo(key) is None:
        began = time.monotonic()
        found = place.step.detect(state.data.open, state.signals, run)
        value = [[one.kind, one.ids, one.severity, one.why, one.evidence] for one in found]
        store.ledger.remember(key, place.use, "aside", value, time.monotonic() - began)
    rows = store.ledger.memo(key)
    return [Finding(kind, tuple(ids), severity, why, evidence) for kind, ids, severity, why, evidence in rows]


# -- edits ----------------------------------------------------------------------------------------------------


def _edited(store: Store, run: LocalRun, place: Place, state: _State, *, budget: int, commit: bool) -> Done:
    if place.room < 1:
        now = len(state.data.open)
        budget = now + round(place.room * max(budget - now, 0))
    beliefs = digest_bytes(dump([[one.kind, one.ids, one.severity, one.evidence] for one in state.findings]).encode())
    read = [signal.key for _, signal in sorted(state.signals.items())]
    told = None if place.role == "cleansers" else budget  # they are not told it, and do the same under any
    key = digest("edit", place.key, place.place, state.data.version, run.seed, told, beliefs, read)
    if commit and not run.fresh and (batch := _on_line(store, state, key)):
        edits = tuple(change.edit for change in store.ledger.changes(batch=batch.batch) if change.verdict == "apply")
        state.data, state.line = store.version(batch.after), [*state.line, batch]
        return Done(place, edits=edits, seconds=batch.seconds, known=True)
    edits, seconds = _known_edits(store, run, key)
    known = edits is not None
    if edits is None:
        began = time.monotonic()
        edits = _proposed(store, run, place, state, budget)
        seconds = time.monotonic() - began
        if not commit:  # otherwise the batch remembers them
            rows = [[kind_of(one), one.id, edit_to_plain(one), one.because, one.evidence] for one in edits]
            store.ledger.remember(digest("proposed", key), place.use, "edits", rows, seconds)
    if commit:
        after, batch = history.add_batch(
            store,
            state.data,
            edits,
            place=place.place,
            use=place.use,
            key=key,
            seconds=seconds,
            keep=state.line,
        )
        refused = {change.edit.id for change in store.ledger.changes(batch=batch.batch) if change.verdict == "reject"}
        edits = [edit for edit in edits if edit.id not in refused]
        state.line = [*state.line, batch]
    else:
        refused = set(history.refused_of(store, state.data, edits))
        edits = [edit for edit in edits if edit.id not in refused]
        after = state.data.apply(edits)
    state.data = after
    return Done(place, edits=tuple(edits), seconds=seconds, known=known)


def _known_edits(store: Store, run: LocalRun, key: str) -> tuple[list[Edit] | None, float]:
    """What a step proposed when it was last asked the same, and how long it took: from a batch, or from the memo."""
    if run.fresh:
        return None, 0.0
    ledger = store.ledger
    for batch in (*ledger.batches(key=key), *ledger.batches(state="superseded", key=key)):
        return [change.edit for change in ledger.changes(batch=batch.batch)], batch.seconds
    memo = digest("proposed", key)
    if (rows := ledger.memo(memo)) is None:
        return None, 0.0
    return [edit_from_plain(*row) for row in rows], ledger.seconds(memo)


def _on_line(store: Store, state: _State, key: str) -> Batch | None:
    line = store.ledger.batches()
    at = len(state.line)
    return line[at] if at < len(line) and line[at].key == key and line[at].before == state.data.version else None


def _proposed(store: Store, run: LocalRun, place: Place, state: _State, budget: int) -> list[Edit]:
    data = state.data.open
    if place.role == "cleansers":
        findings = [one for one in state.findings if not one.ids or any(id in data for id in one.ids)]
        return place.step.cleanse(data, findings, state.signals)
    if place.role == "augmenters":
        return [_stored(store, edit) for edit in place.step.augment(data, state.signals, run, budget=budget)]
    return choosing.left_out(place.use, place.step, data, state.signals, budget, run)


def _stored(store: Store, edit: Add) -> Add:
    """The edit without its bytes, which go to the blobs at once: ten thousand pictures do not wait in memory."""
    if edit.content is not None and edit.sample.text is None:
        store.blobs.keep(edit.content)
    return Add(edit.sample, edit.because, edit.evidence)


def _decided_by_people(store: Store) -> dict[str, list[Edit]]:
    """Who -> the edits of the line that they applied themselves. They stand above a recipe."""
    decided: dict[str, list[Edit]] = {}
    for batch in store.ledger.batches():
        for change in store.ledger.changes(batch=batch.batch):
            if change.verdict == "apply" and change.by != "tilth":
                decided.setdefault(change.by, []).append(change.edit)
    return decided


def _apply_again(store: Store, run: LocalRun, state: _State, decided: dict[str, list[Edit]]) -> None:
    """Put what people decided on top of what the recipe gave; what no longer fits is told."""
    for by, edits in decided.items():
        last = {edit.id: edit for edit in edits}
        state.data, batch = history.add_batch(
            store, state.data, list(last.values()), place="apply", use="apply", key="", by=by
        )
        kept = store.ledger.in_force(batch.batch)
        run.log(f"  {kept:,} edits of {by} stand; {len(last) - kept:,} no longer fit (tilth why SAMPLE tells why)")


def _forget_rest(store: Store, line: Sequence[Batch]) -> None:
    """Take off the line what an earlier recipe put there and this one did not."""
    staying = {batch.batch for batch in line}
    rest = [batch for batch in store.ledger.batches() if batch.batch not in staying]
    if rest:
        with store.ledger.transaction():
            store.ledger.drop_batches((batch.batch for batch in rest), state="superseded")
            store.ledger.say(f"{len(rest)} batches of an earlier run were taken off the line")


# -- words and times ------------------------------------------------------------------------------------------


def _seconds(store: Store, key: str, place: Place, began: float, version: str) -> float:
    """Time of the first making: a run that finds its rows in the memo does not lower it."""
    if store.ledger.memo(key) is None:
        store.ledger.remember(key, place.use, "signal", {"version": version}, time.monotonic() - began)
    return _remembered(store, key)


def _remembered(store: Store, key: str) -> float:
    return store.ledger.seconds(key)


def _said(done: Done) -> str:
    if done.signals:
        shapes = ", ".join(f"{signal.kind} {'x'.join(map(str, signal.values.shape))}" for signal in done.signals)
        return shapes
    items: Sequence[Any] = done.findings or done.edits
    counts: dict[str, int] = {}
    for item in items:
        name = item.kind if isinstance(item, Finding) else type(item).__name__.lower()
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "nothing"
