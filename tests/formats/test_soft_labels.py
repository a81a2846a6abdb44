"""Soft labels: a table holds them in any form of it, every other layout refuses them and says what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from tilth.augment.mixing import Mixup
from tilth.dataset import Dataset
from tilth.errors import ExportError
from tilth.formats.folder import Folder
from tilth.formats.onehot import OneHot
from tilth.formats.paper4 import check_paper4
from tilth.formats.table import Table
from tilth.signal import Signals
from tilth.testing.worlds import World, multi_label, photos, utterances

WORLD = photos(16, side_px=12, channels=3, seed=1)


def mixed(world: World = WORLD, within: str = "any", extra: int = 12) -> tuple[Dataset, dict[str, bytes]]:
    adds = list(
        Mixup(within=within).augment(world.data, Signals(), world.run(seed=0), budget=len(world.data.open) + extra)
    )
    return world.data.apply(adds), {**world.contents, **{add.id: add.content or b"" for add in adds}}


def reading_of(contents: dict[str, bytes]):
    return lambda data: ((s.text or "").encode() if s.text is not None else contents[s.id] for s in data)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_of_pictures_with_soft_labels_comes_back(tmp_path: Path, kit, suffix: str) -> None:
    data, contents = mixed()
    assert any(isinstance(sample.label, tuple) for sample in data) and any(isinstance(s.label, int) for s in data)
    Table().write(data, tmp_path / "set", reading_of(contents), {"table_suffix": suffix})
    options = {"classes": data.schema.classes}
    found = kit.read(Table(), tmp_path / "set", **options)
    assert not found.aside and kit.bag(found.data) == kit.bag(data)
    assert found.data.schema == data.schema
    Table().write(found.data, tmp_path / "again", kit.contents(found), found.facts)
    assert kit.read(Table(), tmp_path / "again", **options).data.version == found.data.version


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_texts_with_shares_of_several_labels_come_back(tmp_path: Path, kit, suffix: str) -> None:
    for world, shares in ((utterances(12), ((0, 0.25), (2, 0.75))), (multi_label(12), ((0, 0.7), (1, 1.0), (3, 0.3)))):
        rows = list(world.data)
        data = Dataset.from_samples([replace(rows[0], label=shares), *rows[1:]], world.data.schema)
        where = tmp_path / f"{data.schema.task}{suffix}"
        Table().write(data, where, reading_of(world.contents), {})
        found = kit.read(Table(), where, classes=data.schema.classes, task=data.schema.task)
        assert not found.aside and kit.bag(found.data) == kit.bag(data)


def test_shares_that_are_none_are_set_aside_with_the_reason(tmp_path: Path, kit) -> None:
    rows = ['{"text": "a", "label": {"x": 0.5, "y": 0.2}}', '{"text": "b", "label": {"x": 0.4, "y": 0.6}}']
    kit.lay(tmp_path, {"one.jsonl": "\n".join(rows)})
    found = kit.read(Table(), tmp_path / "one.jsonl")
    assert [sample.label for sample in found.data] == [((0, 0.4), (1, 0.6))]
    assert [one.why for one in found.aside] == ["the shares of its label add up to 0.7, not to 1"]
    kit.lay(tmp_path, {"several.jsonl": "\n".join([*rows, '{"text": "c", "label": {"x": 1.5}}'])})
    several = kit.read(Table(), tmp_path / "several.jsonl", task="multi-label")
    assert [one.why for one in several.aside] == ["a share of its label is 1.5, more than 1"]
    assert len(several.data) == 2


@pytest.mark.parametrize("layout", [Folder(), OneHot()], ids=lambda layout: type(layout).__name__)
def test_other_layouts_refuse_mixtures_of_classes_and_say_what_to_do(tmp_path: Path, layout) -> None:
    data, contents = mixed()
    with pytest.raises(ExportError) as fault:
        layout.write(data, tmp_path / "set", reading_of(contents), {})
    said = str(fault.value)
    assert (
        "soft label" in said
        and "--export-layout table" in said
        and 'within = "class" in the step augment.mixup' in said
    )
    assert not (tmp_path / "set").exists()


def test_mixtures_within_classes_are_written_as_class_folders(tmp_path: Path, kit) -> None:
    data, contents = mixed(within="class")
    Folder().write(data, tmp_path / "set", reading_of(contents), {})
    names = kit.names(tmp_path / "set")
    assert sum("_mixup" in name for name in names) == 12 and len(names) == len(data)
    assert kit.bag(kit.read(Folder(), tmp_path / "set").data) == kit.bag(data)


def test_mixtures_within_classes_have_the_names_that_paper_4_asks_for(tmp_path: Path, kit) -> None:
    rows = [replace(s, split="train", path=f"imgs/img_key{n}.jpg") for n, s in enumerate(WORLD.data)]
    world = replace(WORLD, data=Dataset.from_samples(rows, WORLD.data.schema))
    data, contents = mixed(world, within="class", extra=24)
    OneHot().write(data, tmp_path / "set", reading_of(contents), {})
    [folder] = [found.parent for found in (tmp_path / "set").rglob("imgs")]
    assert [said for said in check_paper4(folder) if "JPEG" not in said and "class-names" not in said] == []
    names = [file.name for file in (folder / "imgs").iterdir()]
    made = sorted(name for name in names if "mixup" in name)
    parents = {"_".join(name.split("_")[:2]) + ".jpg" for name in made}
    assert len(made) == 24 and parents <= set(names)
    assert any(name.endswith("_mixup.jpg") or "_mixup-1.jpg" in name for name in made)
