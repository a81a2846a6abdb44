"""What comes in: splits by name or path, the seal, what is set aside, and a source that nobody touches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tilth
from tilth.errors import SourceError, WorkspaceError
from tilth.testing.worlds import multi_label, photos
from voices import Heard


def splits(ws: tilth.Workspace) -> dict[str, int]:
    names, counts = np.unique(ws.base.splits, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def test_a_share_is_sealed_where_there_is_no_test_and_goes_back_on_export(tmp_path: Path) -> None:
    source = photos(200, copies=10, test_share=0.0).write(tmp_path / "shapes")
    ws = tilth.open(source, workspace=tmp_path / "w")
    assert ws.fact("held_out") and 30 <= splits(ws)["test"] <= 45
    contents = {split: set(ws.base.split(split).table.column("content").to_pylist()) for split in ("train", "test")}
    assert not contents["train"] & contents["test"], "copies of one content lie on both sides of the seal"
    ws.export(tmp_path / "out")
    names = [sorted(f.relative_to(top).as_posix() for f in top.rglob("*.png")) for top in (source, tmp_path / "out")]
    assert names[0] == names[1]


def test_holdout_zero_seals_nothing_and_proves_nothing(tmp_path: Path) -> None:
    source = photos(80, test_share=0.0).write(tmp_path / "shapes")
    ws = tilth.open(source, workspace=tmp_path / "w", holdout=0.0)
    assert "test" not in splits(ws)
    assert ws.improve("quick").evidence is None


@pytest.mark.parametrize(
    ("rows", "holdout", "advice"),
    [
        ([(f"text {n}", "ab"[n % 2]) for n in range(20)], 0.2, "50 train samples, and 5 different ones of a class"),
        ([("the same", "ab"[n % 2]) for n in range(60)], 0.5, "50 train samples, and 2 different ones of a class"),
        ([(f"text {n}", "ab"[n % 2]) for n in range(60)], 0.0, "let a share be sealed (--holdout 0.2)"),
    ],
)
def test_without_a_proof_what_a_share_would_take_is_told(tmp_path: Path, rows, holdout, advice) -> None:
    source = tmp_path / "few.csv"
    source.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    voice = Heard()
    ws = tilth.open(source, workspace=tmp_path / "w", holdout=holdout, voice=voice)
    assert ws.improve("text").evidence is None
    (told,) = [line for line in voice.lines if line.startswith("No proof")]
    assert advice in told and not any("are sealed" in line for line in voice.lines)


def test_splits_by_name_take_their_roles(tmp_path: Path) -> None:
    source = photos(80, test_share=0.25, valid_share=0.25).write(tmp_path / "shapes")
    (source / "test").rename(source / "label_book")
    ws = tilth.open(source, workspace=tmp_path / "w", valid="label_book", test="valid")
    assert splits(ws) == {"train": 40, "valid": 20, "test": 20}


def test_a_split_may_come_from_another_source(tmp_path: Path) -> None:
    source = photos(60, test_share=0.0).write(tmp_path / "shapes")
    other = photos(40, test_share=0.0, seed=9).write(tmp_path / "clean")
    ws = tilth.open(source, workspace=tmp_path / "w", test=str(other / "train"))
    assert splits(ws) == {"train": 60, "test": 40}
    assert len(list(ws.run.images(ws.base))) == 100
    ws.export(tmp_path / "out")


def test_another_source_with_other_classes_is_refused(tmp_path: Path) -> None:
    source = photos(30, classes=2, test_share=0.0).write(tmp_path / "shapes")
    other = photos(30, classes=4, test_share=0.0).write(tmp_path / "more")
    with pytest.raises(SourceError, match="does not fit"):
        tilth.open(source, workspace=tmp_path / "w", test=str(other / "train"))


def test_what_is_unreadable_is_set_aside_with_its_reason_and_the_run_goes_on(tmp_path: Path) -> None:
    source = photos(60).write(tmp_path / "shapes")
    (source / "train" / "circle" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n not really")
    (source / "train" / "circle" / "empty.png").write_bytes(b"")
    ws = tilth.open(source, workspace=tmp_path / "w")
    ws.improve("quick", learner="linear", seeds=1)
    told = dict(ws.store.ledger.asides())
    assert set(told) == {"train/circle/broken.png", "train/circle/empty.png"} and all(told.values())


def test_a_file_that_changes_behind_our_back_is_told(tmp_path: Path) -> None:
    from tilth.errors import ContentError

    source = photos(30).write(tmp_path / "shapes")
    ws = tilth.open(source, workspace=tmp_path / "w")
    victim = next(source.rglob("*.png"))
    victim.write_bytes(b"other")
    with pytest.raises(ContentError, match="changed since"):
        list(ws.run.images(ws.base))
    victim.unlink()
    with pytest.raises(ContentError, match="is not now"):
        list(ws.run.images(ws.base))


def test_no_samples_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(SourceError):
        tilth.open(tmp_path / "nothing", workspace=tmp_path / "w")
    with pytest.raises(WorkspaceError, match="Begin with"):
        tilth.open(workspace=tmp_path / "w")


@pytest.mark.parametrize("n", [1, 2, 7])
def test_tiny_datasets_go_through_the_loop(tmp_path: Path, n: int) -> None:
    source = photos(n, classes=min(n, 2), test_share=0.0).write(tmp_path / "shapes")
    ws = tilth.open(source, workspace=tmp_path / "w")
    ws.improve("quick", learner="linear", budget=n + 3)
    ws.export(tmp_path / "out")
    assert len(ws.data) >= n


def test_one_class_goes_through_the_loop(tmp_path: Path) -> None:
    source = photos(70, classes=1).write(tmp_path / "shapes")
    ws = tilth.open(source, workspace=tmp_path / "w")
    assert ws.improve("quick", learner="linear", seeds=1).evidence is not None


def test_a_multi_label_table_runs_the_same_loop(tmp_path: Path) -> None:
    import csv

    world = multi_label(160, contradictions=8)
    with (tmp_path / "topics.csv").open("w", newline="") as sink:
        table = csv.writer(sink)
        table.writerow(["text", "labels", "split"])
        for sample in world.data:
            assert isinstance(sample.label, frozenset)
            table.writerow(
                [sample.text, "|".join(world.data.schema.classes[k] for k in sorted(sample.label)), sample.split]
            )
    ws = tilth.open(tmp_path / "topics.csv", workspace=tmp_path / "w", options={"task": "multi-label"})
    assert ws.base.schema.task == "multi-label"
    result = ws.improve(seeds=1)
    assert result.evidence is not None and result.evidence.headline.metric == "macro_f1"
    kinds = {finding.kind for _, finding in result.outcome.findings}
    assert "contradiction" in kinds
    contents = ws.data.train.table.column("content").to_pylist()
    assert len(contents) == len(set(contents)), "a contradicting copy is still there"
    ws.export(tmp_path / "out")
    again = tilth.open(tmp_path / "out", workspace=tmp_path / "w2", options={"task": "multi-label"})
    assert again.base.schema.task == "multi-label"
    tilth.write_report(ws, tmp_path / "report.html")


def test_the_same_seed_gives_the_same_dataset_byte_for_byte(tmp_path: Path) -> None:
    source = photos(120, wrong=6, copies=3, imbalance=0.4).write(tmp_path / "shapes")
    outs = []
    for name in ("one", "two"):
        ws = tilth.open(source, workspace=tmp_path / f"{name}.tilth", seed=5)
        ws.improve("quick", prove=False, budget=150)
        ws.export(tmp_path / name)
        outs.append({f.relative_to(tmp_path / name): f.read_bytes() for f in (tmp_path / name).rglob("*.png")})
    assert outs[0] == outs[1]
    other = tilth.open(source, workspace=tmp_path / "other.tilth", seed=6)
    assert other.improve("quick", prove=False, budget=150).after.version != ws.data.version
