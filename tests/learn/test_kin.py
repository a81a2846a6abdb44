"""Kin go into one fold; a mixture trains no network that judges any of those it was made from."""

import numpy as np

from tilth.dataset import Dataset, Schema
from tilth.learn.crossfit import crossfit, fold_of, teaching_targets
from tilth.learn.kin import groups_of, taught_of
from tilth.sample import Sample, made_id, raw_id
from tilth.testing import worlds


def of(*rows: tuple[str, str, tuple[str, ...]]) -> Dataset:
    """(name, content, parents by name) -> a dataset, whose ids are looked up by path."""
    ids: dict[str, str] = {}
    samples = []
    for number, (name, content, parents) in enumerate(rows):
        above = tuple(ids.get(parent, parent.rjust(16, "0")) for parent in parents)
        ids[name] = made_id(above, "step", number) if above else raw_id(content * 32, name)
        maker = "m:x" if above else ""
        samples.append(Sample(ids[name], content * 32, name, number % 2, parents=above, maker=maker))
    return Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b")))


def by_name(data: Dataset, values: np.ndarray) -> dict[str, object]:
    return dict(zip(data.table.column("path").to_pylist(), values.tolist(), strict=True))


def test_copies_children_and_children_of_children_are_one_group_and_mixtures_tie_nothing_together():
    rows = [("a", "1", ()), ("b", "2", ()), ("a2", "1", ()), ("ca", "3", ("a",)), ("cca", "4", ("ca",))]
    data = of(
        *rows, ("mix", "5", ("a", "b")), ("cmix", "6", ("mix",)), ("orphan", "7", ("gone",)), ("o2", "8", ("gone",))
    )
    group = by_name(data, groups_of(data))
    assert len({group[name] for name in ("a", "a2", "ca", "cca", "mix", "cmix")}) == 1
    assert group["orphan"] == group["o2"] != group["a"] and group["b"] not in (group["a"], group["orphan"])


def test_a_mixture_and_what_is_made_of_it_tell_of_the_folds_of_all_their_parents():
    data = of(
        ("a", "1", ()), ("b", "2", ()), ("c", "3", ()), ("mix", "5", ("a", "b")), ("cmix", "6", ("mix",)),
        ("both", "7", ("cmix", "c")), ("kept", "8", ("gone",)), ("late", "9", ("a", "gone")),
    )  # fmt: skip
    place = {"a": 0, "mix": 0, "cmix": 0, "both": 0, "late": 0, "b": 1, "c": 2, "kept": 3}
    parts = np.array([place[name] for name in data.table.column("path").to_pylist()])
    told = {name: np.flatnonzero(row).tolist() for name, row in by_name(data, taught_of(data, parts)).items()}
    assert told == {
        "a": [0], "b": [1], "c": [2], "mix": [0, 1], "cmix": [0, 1], "both": [0, 1, 2], "kept": [3], "late": [0, 3],
    }  # fmt: skip


def test_with_one_parent_each_a_sample_tells_of_its_own_fold_alone():
    data = of(("a", "1", ()), ("b", "2", ()), ("ca", "3", ("a",)))
    groups = groups_of(data)
    assert np.array_equal(taught_of(data, groups), np.eye(2, dtype=bool)[groups])


class Seen:
    """A learner that notes what it is taught and what it is asked."""

    notes: list[tuple[set[str], set[str]]] = []  # noqa: RUF012 - emptied by the test

    def fit(self, train, valid, run, *, seed):
        return Asked(set(train.ids.tolist()))


class Asked:
    curves, record = (), {}

    def __init__(self, taught):
        self.taught = taught

    def predict(self, data, run):
        Seen.notes.append((self.taught, set(data.ids.tolist())))
        return np.full((len(data), len(data.schema.classes)), 1 / len(data.schema.classes), np.float32)

    def features(self, data, run):
        return None


def test_crossfit_of_many_mixtures_has_folds_and_no_network_saw_a_mixture_of_what_it_judges():
    from dataclasses import make_dataclass

    from tilth.augment.mixing import Mixup
    from tilth.signal import Signals

    world = worlds.photos(60, side_px=12, test_share=0)
    run = world.run(seed=0)
    data = world.data.apply(list(Mixup(within="any").augment(world.data, Signals(), run, budget=160)))
    assert len(data) == 160
    Seen.notes.clear()
    learner = make_dataclass("Noted", [], bases=(Seen,), frozen=True)()
    crossfit(learner, data, run, folds=5, seed=0)
    assert len(Seen.notes) == 5
    parts = fold_of(groups_of(data), teaching_targets(data), folds=5, seed=0)
    parents = {sample.id: set(sample.parents) for sample in data}
    for number, (taught, _) in enumerate(Seen.notes):
        held = set(data.ids[parts == number].tolist())
        raw = {id for id in held if not parents[id]}
        assert len(taught) > 60 and not taught & held
        assert not any(parents[id] & raw for id in taught)
    assert np.bincount(parts).min() > 20
