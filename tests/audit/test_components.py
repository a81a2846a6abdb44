"""Components: near samples whose labels differ are told, the others counted, for one label each and for several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tilth.audit.components import Components
from tilth.dataset import Dataset, Schema
from tilth.errors import SettingError, StepError
from tilth.sample import Label, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

NAMES = ("hat", "shorts", "bag")


def frames(rows: list[tuple[float, Label]], *, task: str = "multi-label") -> tuple[Dataset, Signals]:
    """Samples on a line, at these places and with these labels; `path` is the number."""
    samples = [
        Sample(raw_id(f"{n:032x}", str(n)), f"{n:032x}", str(n), label, home="text", text=str(n))
        for n, (_, label) in enumerate(rows)
    ]
    data = Dataset.from_samples(samples, Schema("text", task, NAMES))  # type: ignore[arg-type]
    places = np.array([[rows[int(sample.path)][0], 1.0] for sample in data], np.float32)
    return data, Signals({"embedding": Signal("embedding", data.ids, places)})


def told(rows: list[tuple[float, Label]], *, task: str = "multi-label", **settings: Any) -> tuple[Dataset, list[Any]]:
    data, signals = frames(rows, task=task)
    settings = {"metric": "euclidean", "threshold": 1.0, **settings}
    return data, Components(**settings).detect(data, signals, MemoryRun())


def paths(data: Dataset, one: Any) -> list[str]:
    return sorted(data[id].path for id in one.ids)


HAT, BOTH, NONE = frozenset({0}), frozenset({0, 1}), frozenset[int]()


def test_tells_the_woman_who_wears_shorts_once_and_once_not() -> None:
    data, (one,) = told([(0, HAT), (0.5, BOTH), (10, HAT), (10.1, HAT), (20, BOTH)])
    assert one.kind == "component" and paths(data, one) == ["0", "1"]
    assert one.why == "2 near texts do not carry the same labels: shorts on 1 of 2."
    assert one.evidence["counts"] == {"hat": 2, "shorts": 1}
    assert one.evidence["disagreement"] == 0.5 and one.evidence["std"] == 0.5
    assert one.severity == pytest.approx(0.3)
    assert "is_bad_component_std_80" in one.evidence["flags"]


def test_two_samples_with_one_label_each_contradict_at_most() -> None:
    data, (one,) = told([(0, 0), (0.5, 1), (10, 2), (10.1, 2)], task="single-label")
    assert paths(data, one) == ["0", "1"] and one.severity == pytest.approx(0.6)
    assert one.evidence["std"] == 0 and one.evidence["flags"] == [
        f"is_bad_component_disagreement_{p}" for p in (80, 90, 95)
    ]


def test_no_label_and_a_soft_one_do_not_vote_and_an_empty_set_does() -> None:
    assert told([(0, 0), (0.5, None), (0.6, ((0, 0.5), (1, 0.5)))], task="single-label")[1] == []
    _, (one,) = told([(0, HAT), (0.5, NONE), (0.6, None)])
    assert one.evidence["labelled"] == 2 and one.evidence["size"] == 3 and one.evidence["counts"] == {"hat": 1}


def test_what_a_step_made_of_a_sample_is_left_out() -> None:
    data, _ = frames([(0, HAT), (30, HAT)])
    parent = next(iter(data))
    made = Sample("f" * 16, "0" * 32, "made", BOTH, parents=(parent.id,), maker="augment.text:x", home="text", text="m")
    data = data.merged(Dataset.from_samples([made], data.schema))
    signals = Signals({"embedding": Signal("embedding", data.ids, np.zeros((3, 2), np.float32))})
    assert Components().detect(data, signals, MemoryRun()) == []


def test_singletons_are_told_when_asked_for_and_also_when_there_is_none() -> None:
    data, (one,) = told([(0, HAT), (0.5, HAT), (10, HAT)], singletons=True)
    assert one.kind == "singletons" and paths(data, one) == ["2"] and one.severity == 0
    _, (none,) = told([(0, HAT), (0.5, HAT)], singletons=True)
    assert none.ids == ()


def test_a_chain_of_frames_is_cut_and_under_mutual_it_is_not() -> None:
    chain: list[tuple[float, Label]] = [(n * 0.6, HAT if n < 20 else BOTH) for n in range(40)]
    _, short = told(chain)
    assert max((len(one.ids) for one in short), default=0) <= 2
    _, (whole,) = told(chain, linkage="mutual")
    assert len(whole.ids) == 40


def test_the_percentile_is_over_components_of_two_or_more() -> None:
    rows: list[tuple[float, Label]] = []
    for n in range(10):  # three of ten at odds, one of them more than the others
        labels = {0: (HAT, frozenset({1, 2})), 1: (HAT, BOTH), 2: (HAT, BOTH)}.get(n, (HAT, HAT))
        rows += [(100 * n, labels[0]), (100 * n + 0.5, labels[1])]
    _, found = told([*rows, (5000, BOTH)])
    flags = sorted(
        (one.evidence["disagreement"], "is_bad_component_disagreement_80" in one.evidence["flags"]) for one in found
    )
    assert flags == [(0.5, False), (0.5, False), (1.0, True)]


def test_finds_planted_contradictions_among_sentences() -> None:
    world = worlds.multi_label(120, contradictions=9, seed=3)
    run = world.run()
    signals = Signals({"embedding": run.embed("embed.text", world.data)})
    found = Components(threshold=1e-4).detect(world.data.open, signals, run)
    assert {tuple(sorted(pair)) for pair in world.copies} == {one.ids for one in found}


def test_settings_out_of_range_are_told() -> None:
    for wrong in (
        {"metric": "manhattan"},
        {"linkage": "single"},
        {"threshold": -1.0},
        {"neighbors": 0},
        {"threshold": "x"},
    ):
        with pytest.raises(SettingError, match=r"audit\.components"):
            told([(0, HAT)], **wrong)
    with pytest.raises(SettingError, match="0 to 2"):
        told([(0, HAT)], metric="cosine", threshold=3.0)


def test_an_embedding_that_is_not_finite_is_told() -> None:
    data, _ = frames([(0, HAT), (1, HAT)])
    signals = Signals({"embedding": Signal("embedding", data.ids, np.array([[np.nan], [0.0]]))})
    with pytest.raises(StepError, match="1 of 2 samples is not finite"):
        Components().detect(data, signals, MemoryRun())


def test_no_samples_at_all() -> None:
    data, signals = frames([(0, HAT)])
    empty = data.where(np.zeros(1, bool))
    assert Components().detect(empty, signals, MemoryRun()) == []


def test_keeps_the_contract() -> None:
    check_step(Components(singletons=True))
    check_step(Components(linkage="mutual", metric="euclidean"), world=worlds.utterances(60, copies=3))
