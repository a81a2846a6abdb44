"""Coverage gaps: what is planted is found and named, and where nothing is planted nothing is found."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tilth.audit.coverage_gaps import CoverageGaps
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.embed.attributes import Attributes
from tilth.errors import SettingError, StepError
from tilth.sample import VALID, Sample, raw_id
from tilth.signal import Signal, Signals
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.styles import OTHERS, styled


def measured(data: Dataset, run: MemoryRun) -> Signals:
    rows = Attributes().describe(list(run.images(data)), run)
    return Signals({"attributes": Signal("attributes", data.ids, rows)})


def looked_at(world, **settings):
    settings = {"permutations": 299, **settings}
    data, run = world.data.open, world.run()
    return CoverageGaps(**settings).detect(data, measured(data, run), run), data


@pytest.fixture(scope="module", params=sorted(OTHERS))
def planted(request):
    one = styled(request.param, seed=1)
    found, data = looked_at(one.world)
    return one, found, data, OTHERS[request.param][1]


def test_the_planted_gap_is_found_and_named(planted):
    one, found, data, name = planted
    gap = next(finding for finding in found if finding.evidence.get("attribute") == name)
    assert "class" not in gap.evidence and gap.evidence["p"] <= 0.01
    assert gap.evidence["target"] > 0.45 and gap.evidence["train"] < 0.2
    assert gap.why.startswith("train lacks ") and "of valid have" in gap.why
    named = set(gap.ids)
    assert len(named & one.other) > 0.85 * len(named)
    assert all(data.splits[np.flatnonzero(data.ids == id)[0]] == VALID for id in named)
    for side in ("train_shares", "target_shares"):
        assert sum(gap.evidence[side]) == pytest.approx(1, abs=0.01)
    assert len(gap.evidence["edges"]) == len(gap.evidence["train_shares"]) + 1
    assert set(gap.evidence["by_class"]) == set(data.schema.classes)


def test_findings_have_ids_of_their_own(planted):
    keys = [finding.key for finding in planted[1]]
    assert len(set(keys)) == len(keys) > 0


@pytest.mark.slow
def test_where_both_are_of_one_style_mostly_nothing_is_found():
    """Each of two families of tests errs at a rate of .2; what errs comes in bunches, as attributes hang together."""
    counts = [len(looked_at(styled("thin", n=150, rare=0, common=0, seed=seed).world)[0]) for seed in range(5)]
    assert sum(count == 0 for count in counts) >= 3


def test_a_target_of_the_same_mix_has_no_gap():
    found, _ = looked_at(styled("dark", rare=0.5, common=0.5, seed=2).world)
    assert [one for one in found if "class" not in one.evidence] == []


def test_a_gap_of_one_class_names_the_class():
    one = styled("thin", n=400, target=100, rare=0.0, common=0.0, seed=4)
    thin = styled("thin", n=400, target=100, rare=0.0, common=1.0, seed=4)
    vee = [id for id in thin.world.data.valid.ids if thin.world.data[id].label == 0]
    kept = [id for id in one.world.data.ids if one.world.data[id].split != VALID or one.world.data[id].label != 0]
    data = one.world.data.only(kept).merged(thin.world.data.only(vee))
    run = MemoryRun({**one.world.contents, **thin.world.contents})
    found = CoverageGaps().detect(data, measured(data, run), run)
    about = [gap for gap in found if gap.evidence.get("class") == 0 and gap.evidence["attribute"] == "stroke"]
    over_all = [gap for gap in found if gap.evidence.get("attribute") == "stroke" and "class" not in gap.evidence]
    assert about or "vee" in over_all[0].why


def test_uncovered_samples_are_named_with_their_nearest():
    one = styled("thin", seed=0)
    data, run = one.world.data.open, one.world.run()
    rng = np.random.default_rng(0)
    values = np.eye(12)[data.labels] * 4 + rng.normal(size=(len(data), 12)) * 0.4
    strange = data.valid.ids[:9]
    values[np.isin(data.ids, strange), 6:] += 3
    signals = measured(data, run).with_(Signal("embedding", data.ids, values.astype(np.float32)))
    found = [gap for gap in CoverageGaps().detect(data, signals, run) if gap.evidence.get("space")]
    assert set(strange) <= set(found[0].ids) and found[0].evidence["p"] < 0.05
    single = {gap.ids[0]: gap for gap in found[1:]}
    for id in strange:
        near = single[id].ids[1:]
        assert len(near) == 3 and all(data[other].split == "train" for other in near)
        assert all(data[other].label == data[id].label for other in near)


def test_a_class_that_train_has_not_is_uncovered():
    one = styled("thin", rare=0, common=0, seed=0)
    data = one.world.data.where((one.world.data.splits == VALID) | (one.world.data.labels != 0))
    run = one.world.run()
    values = (np.eye(5)[data.labels] + np.random.default_rng(0).normal(size=(len(data), 5)) * 0.1).astype(np.float32)
    signals = measured(data, run).with_(Signal("embedding", data.ids, values))
    found = CoverageGaps().detect(data, signals, run)
    assert any("train has no vee" in gap.why for gap in found)


def test_the_same_seed_says_the_same(planted):
    one, found, *_ = planted
    assert looked_at(one.world)[0] == found


def test_without_a_target_it_says_what_to_do():
    world = styled("thin", target=0).world
    with pytest.raises(StepError, match="--valid"):
        looked_at(world, against="valid")
    assert looked_at(world)[0] == []  # nobody named one: nothing to compare with is no fault
    with pytest.raises(StepError, match="no labelled samples"):
        looked_at(styled("thin").world, against="train")


def test_too_few_are_not_compared():
    found, _ = looked_at(styled("thin", target=8).world)
    assert found == []


@pytest.mark.parametrize("wrong", [{"false_discovery": 0}, {"covered": 1}, {"permutations": 10}])
def test_wrong_settings_are_told(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        CoverageGaps(**wrong)


def test_keeps_the_contract():
    world = styled("moved", n=100).world
    data, run = world.data.open, world.run()
    check_step(CoverageGaps(permutations=99), world=world, signals=measured(data, run))


def test_several_labels_are_compared_over_all():
    one = styled("dark", seed=0)
    samples = [replace(sample, label=frozenset({int(sample.label), 0})) for sample in one.world.data]  # type: ignore[arg-type]
    data = Dataset.from_samples(samples, Schema("image", "multi-label", one.world.data.schema.classes))
    run = one.world.run()
    found = CoverageGaps(permutations=99).detect(data, measured(data, run), run)
    assert "ground" in [gap.evidence.get("attribute") for gap in found]


@pytest.mark.data
@pytest.mark.slow
def test_a_label_book_of_numerals_has_wider_pictures_and_thinner_strokes_than_train(real_data: Path, tmp_path: Path):
    source = real_data / "roman_numerals" / "roman_numerals.tar"
    if not source.exists():
        pytest.skip("roman_numerals/roman_numerals.tar is not beside the project (TILTH_DATA)")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    root = next(tmp_path.rglob("label_book")).parent
    samples, contents = [], {}
    for place, split in (("train", "train"), ("label_book", VALID)):
        for file in sorted((root / place).glob("*/*.png")):
            content = file.read_bytes()
            key, path = digest_bytes(content), f"{split}/{file.parent.name}/{file.name}"
            samples.append(Sample(raw_id(key, path), key, path, NUMERALS.index(file.parent.name), split))
            contents[samples[-1].id] = content
    data, run = Dataset.from_samples(samples, Schema("image", "single-label", NUMERALS)), MemoryRun(contents)
    found = CoverageGaps().detect(data, measured(data, run), run)
    said = {gap.evidence["attribute"]: gap.why for gap in found if "class" not in gap.evidence}
    assert "wide pictures" in said["shape"] and "thin strokes" in said["stroke"]


NUMERALS = ("i", "ii", "iii", "iv", "ix", "v", "vi", "vii", "viii", "x")
