"""The neighbour rules: what they call wrong, what is done about it, and what goes with it."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.audit.neighbors import Neighbors
from tilth.cleanse.neighbors import MendByNeighbors
from tilth.dataset import Dataset, Schema
from tilth.edit import Drop, Relabel
from tilth.errors import SettingError, StepError
from tilth.sample import Sample, made_id, raw_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

RUN = MemoryRun()


def sample(number: int, label: int, **more) -> Sample:
    content, path = f"{number:032x}", str(number)
    return Sample(raw_id(content, path), content, path, label, home="text", text=f"text {number}", **more)


def town(labels: list[int], spots: list[int], *, extra: tuple[Sample, ...] = ()) -> tuple[Dataset, Signals]:
    """Samples in clusters: those of one spot point in one direction, up to a little noise."""
    data = Dataset.from_samples(
        [*(sample(n, label) for n, label in enumerate(labels)), *extra], Schema("text", "single-label", ("a", "b", "c"))
    )
    rng, place = np.random.default_rng(0), np.eye(4)
    numbers = [int(s.path) if not s.parents else int(data[s.parents[0]].path) for s in data]
    rows = np.array([place[spots[n]] + 0.05 * rng.normal(size=4) for n in numbers])
    return data, Signals({"embedding": Signal("embedding", data.ids, rows.astype(np.float32))})


# Twelve of each class in their own spot; number 0 lies among the b, 12 between b and c, 36 alone.
LABELS = [0] * 12 + [0] + [1] * 12 + [2] * 12 + [2]
SPOTS = [1] + [0] * 11 + [2] + [1] * 12 + [2] * 12 + [3]


def broken(data: Dataset, signals: Signals, **settings) -> dict[int, str]:
    found = Neighbors(neighbors=5, **settings).detect(data, signals, RUN)
    return {int(data[one.ids[0]].path): one.evidence["rule"] for one in found}


def test_neighbours_of_one_other_class_are_unanimous() -> None:
    data, signals = town(LABELS, SPOTS)
    found = broken(data, signals)
    assert found[0] == found[12] == "unanimous"
    assert set(found) <= {0, 12, 37}


def test_neighbours_of_several_other_classes_mean_elsewhere() -> None:
    labels, spots = [0] * 13 + [1] * 12 + [2] * 12, [1] + [0] * 12 + [1] * 12 + [1] * 12
    assert broken(*town(labels, spots))[0] == "elsewhere"


def test_one_that_is_alone_is_far() -> None:
    rng = np.random.default_rng(1)
    data, _ = town([0] * 40, [0] * 40)
    rows = np.concatenate([np.ones((40, 1)), 0.05 * rng.normal(size=(40, 3))], axis=1)
    alone = [s.path for s in data].index("7")
    rows[alone] = [0, 0, 0, 1]
    signals = Signals({"embedding": Signal("embedding", data.ids, rows.astype(np.float32))})
    assert broken(data, signals) == {7: "far"}


def test_unanimous_neighbours_relabel_and_the_made_follow() -> None:
    parent = sample(0, 0)
    made = Sample(made_id((parent.id,), "step", 0), "f" * 32, "made", 0, parents=(parent.id,), maker="augment.text:x")
    data, signals = town(LABELS, SPOTS, extra=(made,))
    found = Neighbors(neighbors=5).detect(data, signals, RUN)
    assert made.id not in {id for one in found for id in one.ids}
    edits = {edit.id: edit for edit in MendByNeighbors().cleanse(data, found, signals)}
    assert isinstance(edits[parent.id], Relabel) and edits[parent.id].new == 1
    assert edits[made.id].new == 1 and parent.id in edits[made.id].because
    data.apply(list(edits.values()))


def test_the_learner_must_agree_where_there_is_one() -> None:
    data, signals = town(LABELS, SPOTS)
    found = Neighbors(neighbors=5).detect(data, signals, RUN)
    against = signals.with_(Signal("probabilities", data.ids, np.eye(3)[data.labels]))
    assert not MendByNeighbors().cleanse(data, found, against)
    assert MendByNeighbors(agree=False).cleanse(data, found, against)


def test_far_is_dropped_only_when_asked_and_a_class_is_never_emptied() -> None:
    rng = np.random.default_rng(1)
    data, _ = town([0] * 40, [0] * 40)
    rows = np.concatenate([np.ones((40, 1)), 0.05 * rng.normal(size=(40, 3))], axis=1)
    rows[3] = [0, 0, 0, 1]
    signals = Signals({"embedding": Signal("embedding", data.ids, rows.astype(np.float32))})
    found = Neighbors(neighbors=5).detect(data, signals, RUN)
    assert not MendByNeighbors().cleanse(data, found, signals)
    (drop,) = MendByNeighbors(rules=("far",)).cleanse(data, found, signals)
    assert isinstance(drop, Drop) and drop.id == data.ids[3]
    assert not MendByNeighbors(rules=("far",), least=40).cleanse(data, found, signals)


def test_without_a_space_it_says_what_to_add_and_an_unknown_rule_is_refused() -> None:
    data, signals = town(LABELS, SPOTS)
    with pytest.raises(StepError, match=r"learn\.contrastive"):
        Neighbors().detect(data, Signals(), RUN)
    with pytest.raises(SettingError, match="at least 1"):
        Neighbors(neighbors=0).detect(data, signals, RUN)
    with pytest.raises(SettingError, match="unanimous, elsewhere, far"):
        MendByNeighbors(rules=("close",)).cleanse(data, [], signals)


def test_both_keep_the_contract() -> None:
    world = worlds.photos(60, wrong=6, junk=3)
    check_step(Neighbors(), world=world)
    check_step(MendByNeighbors(), world=world)


def test_sets_of_labels_are_compared_as_sets() -> None:
    world = worlds.multi_label(60)
    data = world.data.open
    rng = np.random.default_rng(0)
    rows = data.targets @ rng.normal(size=(data.targets.shape[1], 16)) + 0.01 * rng.normal(size=(len(data), 16))
    signals = Signals({"embedding": Signal("embedding", data.ids, rows.astype(np.float32))})
    edits = MendByNeighbors().cleanse(data, Neighbors(neighbors=3).detect(data, signals, world.run()), signals)
    data.apply(edits)
