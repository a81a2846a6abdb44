"""What each selector is for, on pools whose right answer is known."""

import numpy as np
import pytest

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.numerics.diversity import spread_of
from tilth.sample import Sample, made_id, raw_id
from tilth.select.at_random import Random
from tilth.select.coverage import Coverage
from tilth.select.facility_location import FacilityLocation
from tilth.select.herding import Herding
from tilth.select.iterative import Iterative
from tilth.select.k_center import KCenter
from tilth.select.moderate import Moderate
from tilth.select.near_errors import NearErrors
from tilth.signal import Signal, Signals


def line(places, labels=None, raw=1):
    """Samples of these places on a line, of one class unless named; all but the first `raw` of each class are made."""
    samples, seen, parent = [], {}, {}
    labels = [0] * len(places) if labels is None else labels
    for number, label in enumerate(labels):
        path = f"{number}.png"
        content = digest_bytes(path.encode())
        count = seen[label] = seen.get(label, 0) + 1
        if count <= raw or not raw:
            sample = Sample(raw_id(content, path), content, path, label)
            parent.setdefault(label, sample.id)
        else:
            id = made_id((parent[label],), "test", number)
            sample = Sample(id, content, path, label, parents=(parent[label],), maker="test", home="blob")
        samples.append(sample)
    data = Dataset.from_samples(samples, Schema("image", "single-label", ("a", "b", "c")))
    of = {sample.id: place for sample, place in zip(samples, places, strict=True)}
    values = np.array([[of[id], 0.0] for id in data.ids], np.float32)
    return data, Signals({"embedding": Signal("embedding", data.ids, values)}), of


def chosen(step, data, signals, of, budget, seed=0):
    return sorted(of[id] for id in step.select(data, signals, budget, np.random.default_rng(seed)))


def test_k_centre_takes_the_corners_and_facility_location_the_middles():
    data, signals, of = line([0, 1, 2, 8, 9, 10, 30, 31, 32], raw=0)
    assert chosen(KCenter(raw=True), data, signals, of, 3) == [0, 10, 32]  # the first is the one nearest to the mean
    assert chosen(FacilityLocation(raw=True), data, signals, of, 3) == [1, 9, 31]


def test_herding_keeps_the_mean_and_moderate_the_middle_of_the_distances():
    data, signals, of = line([0, 1, 2, 3, 4, 10], raw=0)
    assert np.mean(chosen(Herding(raw=True), data, signals, of, 2)) == pytest.approx(10 / 3, abs=0.7)
    # distances to the median place 2.5: 2.5, 1.5, .5, .5, 1.5, 7.5; their median is 1.5
    assert chosen(Moderate(raw=True), data, signals, of, 2) == [1, 4]


def test_what_stays_in_any_case_counts_from_the_start():
    data, signals, of = line([0, 0.5, 10])  # 0 is raw
    assert chosen(KCenter(), data, signals, of, 2) == [0, 10]
    assert chosen(FacilityLocation(), data, signals, of, 2) == [0, 10]


@pytest.mark.parametrize("form", ["paper", "pairs"])
def test_iterative_sampling_takes_heaps_apart(form):
    rng = np.random.default_rng(0)
    heap = [10 + place for place in rng.uniform(0, 0.5, 100)]
    apart = [20 + 2 * place for place in range(60)]
    data, signals, of = line([0, *heap, *apart])
    step = Iterative(form=form, similar=3, patience=20, share=0.3)
    points = signals["embedding"].values + (np.float32([[0, 30]]) if form == "pairs" else 0)  # apart in direction too
    signals = Signals({"embedding": Signal("embedding", data.ids, points)})
    means = []
    for one in (Random(), step):
        ids = one.select(data, signals, 40, np.random.default_rng(3))
        means.append(spread_of(points, data.labels, np.isin(data.ids, ids))[0].apart)
    random, spread = (chosen(one, data, signals, of, 40, seed=3) for one in (Random(), step))
    assert len(random) == len(spread) == 40
    assert means[1] > 1.25 * means[0]
    assert sum(10 <= place < 20 for place in spread) < sum(10 <= place < 20 for place in random)


def test_of_a_pair_the_one_of_less_worth_goes():
    rng = np.random.default_rng(1)
    data, signals, of = line([0, *rng.uniform(10, 20, 60).tolist()])
    worth = Signal("hydra", data.ids, np.array([of[id] for id in data.ids]), better="higher")
    points = np.stack([np.array([of[id] for id in data.ids]), np.full(len(data), 10.0)], 1).astype(np.float32)
    signals = Signals({"embedding": Signal("embedding", data.ids, points), "hydra": worth})
    step = Iterative(form="pairs", worth="hydra", gamma=3.0, share=0.2)
    plain = Iterative(form="pairs", share=0.2)
    sums = [sum(chosen(one, data, signals, of, 20, seed=2)) for one in (step, plain)]
    assert sums[0] > sums[1]


def test_neighbours_of_errors_are_chosen_first_and_errors_take_turns():
    # raw at 0 (wrong), 50 (right), 100 (wrong); the pool lies around all three
    places = [
        0,
        50,
        100,
        *(1 + n / 10 for n in range(8)),
        *(51 + n / 10 for n in range(8)),
        *(101 + n / 10 for n in range(8)),
    ]
    data, signals, of = line(places, raw=3)
    raw = [id for id in data.ids.tolist() if not data[id].parents]
    said = np.array([[0.2, 0.8, 0.0] if of[id] != 50 else [0.9, 0.1, 0.0] for id in raw], np.float32)
    signals = signals.with_(Signal("probabilities", np.array(raw), said))
    got = chosen(NearErrors(share=1.0, budgets="equal"), data, signals, of, 3 + 6)
    assert got == pytest.approx([0, 1.0, 1.1, 1.2, 50, 100, 101, 101.1, 101.2], abs=0.95)
    assert sum(0 < place < 10 for place in got) == sum(place > 100 for place in got) == 3
    assert not any(50 < place < 60 for place in got)


def test_coverage_leaves_the_hardest_out_and_keeps_every_degree():
    data, signals, of = line(list(range(100)), raw=0)
    sure = np.array([1 - of[id] / 100 for id in data.ids])
    said = np.stack([sure, 1 - sure, 0 * sure], 1).astype(np.float32)
    signals = signals.with_(Signal("probabilities", data.ids, said))
    got = chosen(Coverage(discard=0.2, strata=10, raw=True), data, signals, of, 20)
    assert max(got) < 80 and np.bincount((np.array(got) // 8).astype(int), minlength=10).tolist() == [2] * 10
    score = Signal("worth", data.ids, sure, better="higher")
    assert chosen(
        Coverage("worth", discard=0.2, strata=10, raw=True), data, signals.with_(score), of, 20
    ) == pytest.approx(got)


def test_a_class_without_errors_is_chosen_at_random():
    data, signals, of = line(list(range(40)), raw=4)
    raw = [id for id in data.ids.tolist() if not data[id].parents]
    right = np.tile(np.array([[1, 0, 0]], np.float32), (4, 1))
    signals = signals.with_(Signal("probabilities", np.array(raw), right))
    assert len(chosen(NearErrors(), data, signals, of, 20)) == 20


def test_with_several_labels_no_class_is_lost():
    samples = []
    for number in range(30):
        path = f"{number}.png"
        label = frozenset({0, 2}) if number == 7 else frozenset({0} if number % 2 else {1})
        content = digest_bytes(path.encode())
        samples.append(Sample(raw_id(content, path), content, path, label))
    data = Dataset.from_samples(samples, Schema("image", "multi-label", ("a", "b", "c")))
    for seed in range(20):
        kept = data.only(Random(raw=True, budgets="as_is").select(data, Signals(), 6, np.random.default_rng(seed)))
        assert len(kept) == 6 and (kept.targets.sum(0) > 0).all()
