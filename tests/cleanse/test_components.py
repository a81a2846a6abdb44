"""The rules for components change what their statistic says, give their counts, and empty no class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.audit.components import Components
from tilth.cleanse.component_labels import LabelCountsRatio, LabelIntersection, RareLabels
from tilth.cleanse.component_variance import ComponentVariance
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Relabel
from tilth.errors import SettingError, StepError
from tilth.finding import Finding
from tilth.sample import Label, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

NONE = Signals({})
NAMES = ("a", "b", "c")
Group = list[Label]


def world(
    groups: list[Group], *, task: str = "multi-label", splits: dict[str, str] | None = None, pad: int = 6
) -> tuple[Dataset, list[Finding]]:
    """Components with these labels; path `2.1` is the second of the third. `pad` singletons of each class keep it full."""
    rows = [(f"{g}.{n}", float(g * 100), label) for g, group in enumerate(groups) for n, label in enumerate(group)]
    for n in range(pad):
        for c in range(3):
            rows.append((f"s{c}.{n}", -1000.0 - 10 * n - 500 * c, c if task == "single-label" else frozenset({c})))
    splits = splits or {}
    samples = [
        Sample(raw_id(path, path), f"{at:032x}", path, label, splits.get(path, "train"), home="text", text=path)
        for at, (path, _, label) in enumerate(rows)
    ]
    data = Dataset.from_samples(samples, Schema("text", task, NAMES))  # type: ignore[arg-type]
    places = {path: place for path, place, _ in rows}
    points = np.array([[places[sample.path]] for sample in data])
    audit = Components(metric="euclidean", threshold=1.0, singletons=True)
    return data, audit.detect(data, Signals({"embedding": Signal("embedding", data.ids, points)}), MemoryRun())


def asked(step: Any, data: Dataset, found: list[Finding]) -> dict[str, Any]:
    """path -> the new label, or `drop`; applied once to see that it fits."""
    edits = step.cleanse(data, found, NONE)
    data.apply(edits)
    assert all(edit.because and ("component" in edit.evidence or "singleton" in edit.evidence) for edit in edits)
    return {data[edit.id].path: "drop" if isinstance(edit, Drop) else edit.new for edit in edits}


A, AB, B, ABC, C = (frozenset(map(NAMES.index, word)) for word in ("a", "ab", "b", "abc", "c"))


# -- label pruning --------------------------------------------------------------------------------------------


def test_label_pruning_takes_off_what_few_carry() -> None:
    data, found = world([[A, A, AB], [AB, AB, A]])
    assert asked(LabelCountsRatio(), data, found) == {"0.2": A}  # b: on 1 of 3; in the second on 2 of 3
    assert asked(LabelCountsRatio(least_share=0.7), data, found) == {"0.2": A, "1.0": A, "1.1": A}


def test_label_pruning_leaves_two_that_contradict_each_other() -> None:
    data, found = world([[A, B]])
    assert asked(LabelCountsRatio(), data, found) == {}
    assert asked(LabelCountsRatio(least_share=0.6), data, found) == {"0.0": "drop", "0.1": "drop"}


def test_a_sample_left_without_labels_goes_and_one_that_had_none_stays() -> None:
    data, found = world([[A, A, B, frozenset()]])
    assert asked(LabelCountsRatio(least_share=0.4), data, found) == {"0.2": "drop"}


def test_label_pruning_of_one_label_each_drops_the_minority() -> None:
    data, found = world([[0, 0, 1], [2, 2, 2]], task="single-label")
    assert asked(LabelCountsRatio(), data, found) == {"0.2": "drop"}


# -- label intersection ---------------------------------------------------------------------------------------


def test_intersection_keeps_what_all_carry() -> None:
    data, found = world([[AB, ABC, AB], [A, A]])
    assert asked(LabelIntersection(), data, found) == {"0.1": AB}
    data, found = world([[AB, A, ABC]])
    assert asked(LabelIntersection(), data, found) == {"0.0": A, "0.2": A}


def test_intersection_drops_a_component_that_has_nothing_in_common() -> None:
    data, found = world([[A, B]])
    assert asked(LabelIntersection(), data, found) == {"0.0": "drop", "0.1": "drop"}


@given(st.lists(st.frozensets(st.integers(0, 2)), min_size=2, max_size=6))
@settings(deadline=None)
def test_after_the_intersection_all_that_stay_agree(labels: list[frozenset[int]]) -> None:
    data, found = world([list(labels)], pad=8)
    after = data.apply(LabelIntersection().cleanse(data, found, NONE))
    left = {sample.label for sample in after if sample.path.startswith("0.") and sample.label}
    assert left <= {frozenset.intersection(*labels)}


# -- image pruning --------------------------------------------------------------------------------------------


def test_image_pruning_drops_who_carries_a_rare_label_and_not_who_lacks_one() -> None:
    data, found = world([[A, A, AB], [AB, AB, A]])
    assert asked(RareLabels(), data, found) == {"0.2": "drop"}


# -- component pruning ----------------------------------------------------------------------------------------


def test_component_pruning_drops_the_whole_component_above_the_threshold() -> None:
    data, found = world([[A, AB], [AB, frozenset({0, 2})], [A, A]])  # counts 2 1, 2 1 1
    assert asked(ComponentVariance(threshold=0.6), data, found) == {"1.0": "drop", "1.1": "drop"}
    assert set(asked(ComponentVariance(threshold=0.4), data, found)) == {"0.0", "0.1", "1.0", "1.1"}


def test_each_statistic_has_its_own_unit() -> None:
    data, found = world([[A, A, AB], [A, A, A, A, A, AB]])  # counts 3 1 and 6 1
    for statistic, between in (("variance", 3.0), ("std", 1.5), ("cubic_variance", 5.0), ("geometric_variance", 1.8)):
        dropped = asked(ComponentVariance(statistic=statistic, threshold=between), data, found)  # type: ignore[arg-type]
        assert {path[0] for path in dropped} == {"1"} and len(dropped) == 6


def test_without_a_threshold_it_is_the_percentile_when_they_were_found() -> None:
    groups: list[Group] = [[A, A] for _ in range(7)] + [[A, AB], [A, AB], [A, B]]
    data, found = world(groups)
    assert asked(ComponentVariance(), data, found) == {"9.0": "drop", "9.1": "drop"}
    assert asked(ComponentVariance(statistic="std"), data, found).keys() == {
        "7.0",
        "7.1",
        "8.0",
        "8.1",
    }  # even: not seen


def test_the_statistic_is_counted_from_the_labels_as_they_are_now() -> None:
    data, found = world([[A, AB]])
    after = data.apply([Relabel(next(s.id for s in data if s.path == "0.1"), AB, A, "by a person")])
    assert asked(ComponentVariance(threshold=0.0), after, found) == {}


# -- what all share -------------------------------------------------------------------------------------------

RULES = (
    ComponentVariance(threshold=0.0),
    LabelCountsRatio(least_share=1.0),
    LabelIntersection(),
    RareLabels(least_share=1.0),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_other_splits_are_counted_and_not_touched(rule: Any) -> None:
    data, found = world([[A, AB, AB]], splits={"0.1": "valid", "0.2": "label_book"})
    touched = asked(rule, data, found)
    assert not {"0.1", "0.2"} & set(touched)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_no_class_is_emptied(rule: Any) -> None:
    data, found = world([[A, B], [A, C]], pad=0)
    after = data.apply(rule.cleanse(data, found, NONE))
    assert min(after.counts("train").values()) >= 1


@pytest.mark.parametrize("kind", [ComponentVariance, LabelCountsRatio, LabelIntersection, RareLabels])
def test_singletons_are_dropped_when_asked_and_told(kind: Any) -> None:
    data, found = world([[A, AB], [A, B, C], [A, A, B, B, C, C]], pad=2)
    dropped = asked(kind(singletons="drop", smallest=9), data, found)
    assert sorted(dropped) == ["s0.0", "s0.1", "s1.0", "s1.1", "s2.0", "s2.1"] and set(dropped.values()) == {"drop"}
    with pytest.raises(StepError, match="singletons = true"):
        kind(singletons="drop").cleanse(data, [one for one in found if one.kind == "component"], NONE)


@pytest.mark.parametrize("kind", [ComponentVariance, LabelCountsRatio, LabelIntersection, RareLabels])
def test_small_components_are_left_where_only_larger_ones_are_judged(kind: Any) -> None:
    data, found = world([[A, B]])
    assert asked(kind(smallest=3), data, found) == {}


def test_a_later_finding_takes_the_place_of_an_earlier_one() -> None:
    data, found = world([[A, A, AB]])
    first = next(one for one in found if one.kind == "component")
    pair = [one.id for one in data if one.path in ("0.1", "0.2")]
    second = Finding("component", tuple(sorted(pair)), 0.5, "again", {**first.evidence, "component": 7})
    (edit,) = LabelIntersection().cleanse(data, [first, second], NONE)
    assert edit.evidence["component"] == 7 and edit.evidence["size"] == 2


def test_what_has_no_hard_label_is_neither_counted_nor_edited() -> None:
    data, found = world([[0, 0, 1, None, ((0, 0.5), (2, 0.5))]], task="single-label")
    assert asked(LabelIntersection(), data, found) == {"0.0": "drop", "0.1": "drop", "0.2": "drop"}


def test_settings_out_of_range_are_told() -> None:
    data, found = world([[A, AB]])
    for rule in (
        ComponentVariance(statistic="median"),  # type: ignore[arg-type]
        ComponentVariance(threshold=-1.0),
        ComponentVariance(smallest=1),
        LabelCountsRatio(least_share=1.5),
        LabelIntersection(singletons="no"),  # type: ignore[arg-type]
        RareLabels(least_share=-0.1),
    ):
        with pytest.raises(SettingError, match="cleanse"):
            rule.cleanse(data, found, NONE)


@given(st.lists(st.lists(st.frozensets(st.integers(0, 2)), min_size=2, max_size=5), min_size=1, max_size=4))
@settings(deadline=None)
def test_labels_are_taken_off_and_never_put_on(groups: list[list[frozenset[int]]]) -> None:
    data, found = world([list(group) for group in groups], pad=2)
    for rule in RULES:
        for edit in rule.cleanse(data, found, NONE):
            assert isinstance(edit, Drop) or edit.new < edit.old  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("kind", [ComponentVariance, LabelCountsRatio, LabelIntersection, RareLabels])
def test_keeps_the_contract(kind: Any) -> None:
    photos = worlds.photos(60, wrong=6, near=6)
    signals = Signals({"embedding": photos.run().embed("embed.pixels", photos.data.open)})
    found = Components(singletons=True, threshold=0.4).detect(photos.data.open, signals, photos.run())
    assert any(one.kind == "component" for one in found)
    check_step(kind(), world=photos, findings=found)
    check_step(kind(singletons="drop"), world=photos, findings=found)
