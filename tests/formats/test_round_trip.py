"""The law of formats: what is written reads back the same, and no source is ever touched."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.formats.archive import Archive
from tilth.formats.folder import Folder
from tilth.formats.onehot import OneHot
from tilth.formats.table import Table
from tilth.sample import Sample, raw_id
from tilth.steps import Format, Reading
from tilth.testing.worlds import World, multi_label, photos, utterances

IMAGES = photos(24, wrong=2, copies=2, near=1, junk=1, leaks=1, valid_share=0.2, seed=4)
TEXTS = utterances(24, wrong=2, copies=2, near=1, junk=1, leaks=1, valid_share=0.2, seed=4)


def written(world: World, format: Format, where: Path) -> Path:
    format.write(world.data, where, world.run().contents, {})
    return where


@pytest.mark.parametrize(
    ("world", "format", "name"),
    [
        (IMAGES, Folder(), "set"),
        (IMAGES, OneHot(), "set"),
        (IMAGES, Table(), "set"),
        (IMAGES, Archive(), "set.zip"),
        (TEXTS, Folder(), "set"),
        (TEXTS, Table(), "set"),
        (TEXTS, Table(), "set.parquet"),
        (TEXTS, Archive(), "set.zip"),
        (multi_label(20, contradictions=2), Table(), "set"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, (World, Folder, OneHot, Table, Archive)) else str(x),
)
def test_every_layout_comes_back_and_again(tmp_path: Path, kit, world: World, format: Format, name: str) -> None:
    first = written(world, format, tmp_path / "a" / name)
    before = kit.tree(tmp_path / "a")
    options = {"classes": world.data.schema.classes}
    one = kit.read(format, first, unpack_to=tmp_path / "u1", **options)
    if not isinstance(format, OneHot):  # which encodes the pictures anew
        assert kit.bag(one.data) == kit.bag(world.data)
    assert len(one.data) == len(world.data) and not one.aside
    second = tmp_path / "b" / name
    format.write(one.data, second, kit.contents(one), one.facts)
    two = kit.read(format, second, unpack_to=tmp_path / "u2", **options)
    assert kit.bag(two.data) == kit.bag(one.data) and two.data.schema == one.data.schema
    assert two.data.version == one.data.version
    assert kit.tree(tmp_path / "a") == before


@pytest.mark.parametrize("to", [Folder(), Table()], ids=lambda w: type(w).__name__)
@pytest.mark.parametrize("world", [IMAGES, TEXTS], ids=["images", "texts"])
def test_another_layout_holds_the_same(tmp_path: Path, kit, world: World, to: Format) -> None:
    source = Table() if isinstance(to, Folder) else Folder()
    reading = kit.read(source, written(world, source, tmp_path / "in"))
    to.write(reading.data, tmp_path / "out", kit.contents(reading), {})
    assert kit.bag(kit.read(to, tmp_path / "out").data) == kit.bag(world.data)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=12)


@st.composite
def texts(draw: st.DrawFn) -> Dataset:
    """Any texts under any class names in any splits."""
    classes = tuple(sorted(draw(st.sets(NAMES.filter(lambda name: name[0] not in "[{"), min_size=1, max_size=4))))
    rows = draw(
        st.lists(
            st.tuples(WORDS, st.integers(0, len(classes) - 1), st.sampled_from(["train", "valid", "test"])),
            min_size=1,
            max_size=8,
        )
    )
    samples = [
        Sample(
            raw_id(digest_bytes(text.encode()), f"d:{n}"),
            digest_bytes(text.encode()),
            f"d:{n}",
            label,
            split,
            home="text",
            text=text,
        )
        for n, (text, label, split) in enumerate(rows)
    ]
    return Dataset.from_samples(samples, Schema("text", "single-label", classes))


@settings(max_examples=60, deadline=None)
@given(texts(), st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]))
def test_any_text_and_any_class_name_come_back(data: Dataset, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / f"d{suffix}"
        Table().write(data, where, lambda rows: ((s.text or "").encode() for s in rows), {})
        options = {"classes": data.schema.classes, "task": "single-label"}
        reading = Table().read(where, options, lambda _: None)
    assert sorted((s.text, s.label, s.split) for s in reading.data) == sorted((s.text, s.label, s.split) for s in data)


def test_the_order_of_the_files_on_disk_does_not_matter(tmp_path: Path, kit) -> None:
    readings: list[Reading] = []
    samples = list(IMAGES.data)
    for number, order in enumerate((samples, samples[::-1])):
        root = tmp_path / str(number)
        for sample in order:
            kit.lay(root, {sample.path: IMAGES.contents[sample.id]})
        readings.append(kit.read(Folder(), root))
    one, two = readings
    assert one.data.version == two.data.version and one.aside == two.aside and one.layout == two.layout
