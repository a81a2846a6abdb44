"""The map of a workspace: kept from version to version, of the features where there are some, made samples beside parents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tilth
from tilth.digest import digest
from tilth.edit import Drop
from tilth.report import layout
from tilth.report.layout import layout_of
from tilth.report.write import story_of
from tilth.signal import Signal
from tilth.testing.worlds import photos


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = photos(140, wrong=8, copies=4, imbalance=0.4)
    return world.write(tmp_path_factory.mktemp("source") / "shapes")


def places(ws: tilth.Workspace) -> dict[str, np.ndarray]:
    story = story_of(ws)
    assert story.map is not None
    return dict(zip(story.map[0], story.map[1], strict=True))


@pytest.mark.slow
def test_a_sample_keeps_its_place_when_others_come_and_go(source: Path, tmp_path: Path) -> None:
    ws = tilth.open(source, workspace=tmp_path / "ws", workers=1)
    before = places(ws)
    ws.improve("quick", prove=False)
    after = places(ws)
    made = ws.data.open.made
    assert made.any()
    assert set(before) <= set(after) and all(np.array_equal(before[id], after[id]) for id in before)
    width = np.ptp(np.array(list(before.values())), axis=0).max()
    for sample in ws.data.open.where(made):
        assert np.linalg.norm(after[sample.id] - after[sample.parents[0]]) <= 0.013 * width


def test_the_same_source_and_seed_give_the_same_map(source: Path, tmp_path: Path) -> None:
    one, two = (places(tilth.open(source, workspace=tmp_path / name, seed=4, workers=1)) for name in ("a", "b"))
    assert list(one) == list(two) and all(np.array_equal(one[id], two[id]) for id in one)


def test_features_are_mapped_where_a_learner_gave_some_and_are_kept_to(source: Path, tmp_path: Path) -> None:
    ws = tilth.open(source, workspace=tmp_path / "ws", workers=1)
    assert "embedding" in story_of(ws).map_of
    rng = np.random.default_rng(0)
    seen = ws.base.open.ids[5:]  # five were dropped before the learner came
    for key in ("first", "second"):
        signal = Signal("features", seen, rng.normal(size=(len(seen), 6)))
        if key == "second":
            known = places(ws)
        with ws.store.writing():
            ws.store.keep_signal(digest(key, "features"), signal)
            ws.store.ledger.remember(key, "learn.convnet", "signal", {"signals": ["features"], "version": ""}, 1.0)
    assert "features" in story_of(ws).map_of
    again = places(ws)
    assert set(again) == set(ws.base.open.ids.tolist())
    assert all(np.array_equal(known[id], again[id]) for id in known)


def test_of_many_a_fair_draw_is_shown_and_what_is_marked_joins_the_same_map(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "MOST", 80)
    ws = tilth.open(source, workspace=tmp_path / "ws", workers=1)
    before = places(ws)
    assert len(before) == 60
    absent = [id for id in ws.base.open.ids.tolist() if id not in before][:6]
    ws.apply([Drop(id, "to see it") for id in absent])
    after = places(ws)
    assert set(after) == set(before) | set(absent)
    assert all(np.array_equal(before[id], after[id]) for id in before)


def test_each_class_has_medoids_that_nothing_was_found_of(source: Path, tmp_path: Path) -> None:
    ws = tilth.open(source, workspace=tmp_path / "ws", workers=1)
    ws.audit("quick")
    found = layout_of(ws, ws.base)
    assert found is not None
    doubted = {id for _, one in ws.findings() if one.severity >= 0.2 for id in one.ids}
    labels = [ws.base[id].label for id in found.medoids]
    assert labels == sorted(labels) and set(labels) == {0, 1, 2, 3} and max(map(labels.count, labels)) <= 3
    assert not doubted & set(found.medoids) and set(found.medoids) <= set(found.ids)


def test_too_few_samples_have_no_map(tmp_path: Path) -> None:
    ws = tilth.open(photos(2, classes=2, test_share=0).write(tmp_path / "two"), workspace=tmp_path / "ws", workers=1)
    assert layout_of(ws, ws.base) is None
