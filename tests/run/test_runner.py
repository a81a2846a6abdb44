"""The runner: memo, line, and what a step is handed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest
from tilth.edit import Add, Drop, Edit, Relabel
from tilth.finding import Finding
from tilth.run.local import LocalRun
from tilth.run.plan import Place
from tilth.run.runner import Outcome, blinded, run_plan
from tilth.run.voice import Silence
from tilth.sample import TEST, Sample, raw_id
from tilth.signal import Array, Signals
from tilth.steps import Run
from tilth.store import history
from tilth.store.shelf import Store

CALLS: list[str] = []


@dataclass(frozen=True)
class OddOnes:
    """Finds the samples of class 1, and notes that it was asked."""

    version = 1

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        CALLS.append("detect")
        assert TEST not in data.splits
        ids = data.ids[data.labels == 1].tolist()
        return [Finding("odd", (id,), 0.5, "its class is odd", {"lot": float(run.rng(id).random())}) for id in ids]


@dataclass(frozen=True)
class DropOdd:
    """Drops what was found odd, the first `most` of it."""

    most: int = 2

    version = 1

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        CALLS.append("cleanse")
        return [Drop(finding.ids[0], finding.why) for finding in findings[: self.most]]


@dataclass(frozen=True)
class Guess:
    """Says what its seed says, of everybody."""

    version = 1
    gives = ("probabilities",)

    def fit(self, train: Dataset, valid: Dataset | None, run: Run, *, seed: int) -> Guessed:
        return Guessed(float(np.random.default_rng(seed).random()))


@dataclass(frozen=True)
class Guessed:
    share: float
    curves = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, data: Dataset, run: Run) -> Array:
        return np.tile(np.array([self.share, 1 - self.share], np.float32), (len(data), 1))

    def features(self, data: Dataset, run: Run) -> None: ...


def place(number: int, role: str, step: Any) -> Place:
    return Place(str(number), f"test.{type(step).__name__}", role, step, digest(type(step).__name__, step), {})


def started(folder: Path) -> tuple[Store, LocalRun, str]:
    CALLS.clear()
    samples = [Sample(raw_id("c", f"p{n}"), "c" * 32, f"p{n}", n % 2, TEST if n < 4 else "train") for n in range(20)]
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b")))
    store = Store(folder)
    store.keep_version(data)
    store.ledger.set_fact("base", data.version)
    return store, LocalRun(folder, {}), data.version


def go(store: Store, run: LocalRun, start: str, *steps: tuple[str, Any], commit: bool = True) -> Outcome:
    places = [place(number, role, step) for number, (role, step) in enumerate(steps, 1)]
    return run_plan(store, run, places, start=start, folds=2, budget=0, commit=commit)


PLAN = (("detectors", OddOnes()), ("cleansers", DropOdd()))


def test_a_second_run_does_nothing_again(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    first = go(store, run, start, *PLAN)
    again = go(Store(tmp_path), run, start, *PLAN)
    assert CALLS == ["detect", "cleanse"]
    assert first.data.version == again.data.version != start
    assert first.findings == again.findings
    assert len(store.ledger.batches()) == 1


@pytest.mark.parametrize("commit", [True, False])
def test_another_budget_asks_no_cleanser_again(tmp_path: Path, commit: bool) -> None:
    store, run, start = started(tmp_path)
    for budget in (0, 9):
        places = [place(number, role, step) for number, (role, step) in enumerate(PLAN, 1)]
        run_plan(store, run, places, start=start, folds=2, budget=budget, commit=commit)
    assert CALLS == ["detect", "cleanse"]


def test_fresh_passes_the_memo_by_and_ends_the_same(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    first = go(store, run, start, *PLAN)
    again = go(store, LocalRun(tmp_path, {}, fresh=1e12), start, *PLAN)
    assert CALLS == ["detect", "cleanse"] * 2
    assert first.data.version == again.data.version


def test_a_learner_is_cross_fitted_as_often_as_the_recipe_says_and_once_more_is_another_answer(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    told, known = dict[int, list[Any]](), list[bool]()
    for crossfits in (1, 2, 2, 1):
        places = [replace(place(1, "learners", Guess()), crossfits=crossfits)]
        (done,) = run_plan(store, run, places, start=start, folds=2, budget=0, commit=True).done
        told.setdefault(crossfits, []).append(next(one for one in done.signals if one.kind == "probabilities"))
        known.append(done.known)
    assert known == [False, False, True, True]
    assert [one.meta.get("repeats", 1) for one in (*told[1], *told[2])] == [1, 1, 2, 2]
    assert told[1][0].key == told[1][1].key != told[2][0].key == told[2][1].key


def test_another_setting_takes_the_place_of_the_old_batch(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    go(store, run, start, *PLAN)
    other = go(store, run, start, ("detectors", OddOnes()), ("cleansers", DropOdd(most=3)))
    assert len(other.data) == 17
    assert history.head(store) == other.data.version
    assert len(store.ledger.batches()) == 1 and len(store.ledger.batches(state="superseded")) == 1


def test_a_dry_run_leaves_the_line_alone(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    outcome = go(store, run, start, *PLAN, commit=False)
    assert len(outcome.edits) == 2 and len(outcome.data) == 18
    assert history.head(store) == start and not store.ledger.batches()


def test_what_a_person_took_back_stays_back_in_the_next_run(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    first = go(store, run, start, *PLAN)
    id = first.edits[0][1].id
    history.undo(store, store.ledger.changes(sample=id), by="ana")
    again = go(store, run, start, *PLAN)
    assert id in again.data and len(again.data) == 19
    other = go(store, run, start, ("detectors", OddOnes()), ("cleansers", DropOdd(most=5)))
    assert id in other.data and len(other.data) == 16


def test_what_a_person_applied_stands_above_the_next_run(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    first = go(store, run, start, *PLAN)
    id = str(first.data.train.ids[0])
    history.add_batch(store, first.data, [Drop(id, "ana says so")], place="apply", use="apply", key="", by="ana")
    again = go(store, run, start, ("detectors", OddOnes()), ("cleansers", DropOdd(most=3)))
    assert id not in again.data and history.head(store) == again.data.version
    assert (
        go(store, run, start, ("detectors", OddOnes()), ("cleansers", DropOdd(most=3))).data.version
        == again.data.version
    )


def test_a_person_may_do_again_what_was_undone(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    first = go(store, run, start, *PLAN)
    edit = first.edits[0][1]
    history.undo(store, store.ledger.changes(sample=edit.id), by="ana")
    dry = go(store, run, start, ("detectors", OddOnes()), ("cleansers", DropOdd(most=4)), commit=False)
    assert edit.id not in {one.id for _, one in dry.edits}
    after, _ = history.add_batch(
        store, store.version(history.head(store)), [edit], place="apply", use="apply", key="", by="ana"
    )
    assert edit.id not in after


def test_a_kill_between_steps_loses_only_the_step_in_hand(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    with pytest.raises(RuntimeError, match="power cut"):
        go(store, run, start, *PLAN, ("detectors", _Broken()))
    go(store, run, start, *PLAN, ("detectors", OddOnes()))
    assert CALLS == ["detect", "cleanse", "detect"]


@dataclass(frozen=True)
class _Broken:
    """Fails."""

    version = 1

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        raise RuntimeError("power cut")


def test_embedders_see_no_label_of_the_test_split(tmp_path: Path) -> None:
    store, _, start = started(tmp_path)
    data = blinded(store.version(start))
    assert [sample.label is None for sample in data] == [sample.split == TEST for sample in data]
    assert np.array_equal(data.ids, store.version(start).ids)


def test_randomness_follows_seed_step_and_key() -> None:
    run = LocalRun(Path(), {}, seed=1)
    draws = [run.rng("a"), run.rng("b"), run.within("step").rng("a"), LocalRun(Path(), {}, seed=2).rng("a")]
    assert len({rng.random() for rng in draws}) == 4
    assert run.rng("a").random() == LocalRun(Path("elsewhere"), {}, seed=1).rng("a").random()


def test_map_gives_results_in_order_from_processes(tmp_path: Path) -> None:
    run = LocalRun(tmp_path, {}, workers=2, threads=2)
    assert run.map(math.factorial, range(7)) == [1, 1, 2, 6, 24, 120, 720]


def test_what_an_embedder_of_the_whole_dataset_says_of_its_signal_is_kept_with_it(tmp_path: Path) -> None:
    from tilth.testing.worlds import photos

    world = photos(30, classes=2, test_share=0.0)
    world.write(tmp_path / "raw")
    run = LocalRun(tmp_path / "tilth", {"source": tmp_path / "raw"})
    settings = {"learner": "learn.linear", "settings": {}, "operations": ["hflip"], "folds": 2}
    first, again = (run.embed("augment.guard", world.data, settings) for _ in range(2))
    assert first.meta["changes"] == again.meta["changes"] == [[["hflip", 1.0]]]
    assert first.key == again.key


# -- rounds -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OddAtFirst(OddOnes):
    """Finds the odd ones while none is gone."""

    def detect(self, data: Dataset, signals: Signals, run: Run) -> list[Finding]:
        return super().detect(data, signals, run) if len(data) == 16 else []


def rounds(times: int, worth: float, *steps: tuple[str, Any]) -> list[Place]:
    return [
        replace(place(0, role, step), place=f"1.{turn}.{inner}", worth=worth if turn > 1 else 0.0)
        for turn in range(1, times + 1)
        for inner, (role, step) in enumerate(steps, 1)
    ]


@dataclass(frozen=True)
class MendOdd:
    """Gives what was found odd the other label, the first `most` of it."""

    most: int = 2

    version = 1

    def cleanse(self, data: Dataset, findings: Sequence[Finding], signals: Signals) -> list[Edit]:
        return [Relabel(finding.ids[0], 1, 0, finding.why) for finding in findings[: self.most]]


def settled(outcome: Outcome) -> list[int]:
    """How many edits each cleanser had, in order."""
    return [len(done.edits) for done in outcome.done if done.place.role == "cleansers"]


@pytest.mark.parametrize(("most", "found"), [(2, [2, 2, 2, 2, 0]), (1, [1])])
def test_a_round_is_run_again_where_the_last_one_mended_enough(tmp_path: Path, most: int, found: list[int]) -> None:
    store, run, start = started(tmp_path)
    places = rounds(6, 0.1, ("detectors", OddOnes()), ("cleansers", MendOdd(most)))  # of 16 samples
    outcome = run_plan(store, run, places, start=start, folds=2, budget=0, commit=True)
    assert settled(outcome) == found
    again = run_plan(store, run, places, start=start, folds=2, budget=0, commit=True)
    assert settled(again) == found and again.data.version == outcome.data.version


def test_what_a_round_drops_misled_nobody_and_asks_for_no_other(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    for worth, found in ((0.1, [2]), (0.0, [2, 2, 2])):
        outcome = run_plan(store, run, rounds(3, worth, *PLAN), start=start, folds=2, budget=0, commit=False)
        assert settled(outcome) == found


@dataclass(frozen=True)
class Grow:
    """Brings in as many as there are."""

    version = 1

    def augment(self, data: Dataset, signals: Signals, run: Run, *, budget: int) -> list[Edit]:
        parents = list(data.train)
        return [
            Add(
                Sample(
                    digest("grown", one.id),
                    one.content,
                    f"{one.path}-{one.id}",
                    one.label,
                    parents=(one.id,),
                    maker="t",
                ),
                "more",
            )
            for one in parents
        ]


def test_what_a_round_brings_in_does_not_end_it_midway(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    places = rounds(2, 0.1, ("augmenters", Grow()), ("detectors", OddOnes()), ("cleansers", MendOdd(2)))
    outcome = run_plan(store, run, places, start=start, folds=2, budget=0, commit=True)
    assert [done.place.place for done in outcome.done] == [one.place for one in places]
    assert settled(outcome) == [2, 2]


def test_a_kill_in_the_second_time_of_a_round_goes_on_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = lambda: rounds(3, 0.1, ("detectors", OddOnes()), ("cleansers", MendOdd(2)))  # noqa: E731
    store, run, start = started(tmp_path / "whole")
    whole = run_plan(store, run, places(), start=start, folds=2, budget=0, commit=True)
    store, run, start = started(tmp_path / "killed")
    with monkeypatch.context() as patch:
        mend, calls = MendOdd.cleanse, []

        def killed(self: MendOdd, *args: Any) -> list[Edit]:
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return mend(self, *args)

        patch.setattr(MendOdd, "cleanse", killed)
        with pytest.raises(KeyboardInterrupt):
            run_plan(store, run, places(), start=start, folds=2, budget=0, commit=True)
    after = run_plan(store, run, places(), start=start, folds=2, budget=0, commit=True)
    assert after.data.version == whole.data.version
    assert [done.known for done in after.done] == [True, True, True, False, False, False]


class Heard(Silence):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []

    def doing(self, step: str) -> None:
        self.steps.append(step.strip())

    def log(self, message: str) -> None:
        self.lines.append(message.strip())


def test_each_step_is_named_before_its_work_and_none_after(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    run = replace(run, voice=(heard := Heard()))
    run_plan(
        store,
        run,
        rounds(2, 0.2, ("detectors", OddOnes()), ("cleansers", MendOdd(2))),
        start=start,
        folds=2,
        budget=0,
        commit=True,
    )
    assert [step.split()[0] for step in heard.steps if step] == ["1.1.1", "1.1.2"] and heard.steps[-1] == ""
    assert heard.lines[-1].endswith("no other round: 2 of 16 labels were mended, less than 20 %")
    assert not any("done before" in line for line in heard.lines)


def test_what_a_step_no_longer_finds_is_not_acted_upon(tmp_path: Path) -> None:
    store, run, start = started(tmp_path)
    places = rounds(2, 0.0, ("detectors", OddAtFirst()), ("cleansers", DropOdd()))
    assert settled(run_plan(store, run, places, start=start, folds=2, budget=0, commit=True)) == [2, 0]
