"""LabelNoise finds planted wrong labels and junk, says why, and leaves alone what it may not judge."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.audit.label_noise import LabelNoise, noise_scores
from tilth.dataset import Dataset, Schema
from tilth.edit import Relabel
from tilth.errors import StepError
from tilth.numerics import confident
from tilth.sample import Label, Sample, made_id, raw_id
from tilth.signal import Signal, Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun
from tilth.testing.worlds import World

RUN = MemoryRun()


def witnesses(world: World, *, seed: int = 0, sure: float = 0.9) -> Signals:
    """Probabilities and an embedding that know the truth of a world, and know nothing of junk."""
    rng, data = np.random.default_rng(seed), world.data.open
    k = len(data.schema.classes)
    truth = np.array([world.truth.get(id, -1) for id in data.ids.tolist()], dtype=object)
    p = rng.dirichlet(np.ones(k), len(data))
    spots = rng.normal(size=(k, 12)) * 2
    features = rng.normal(size=(len(data), 12))
    for row, label in enumerate(truth):
        if label != -1:
            p[row] = p[row] * (1 - sure) + sure * np.eye(k)[label]
            features[row] += spots[label]
    return Signals(
        {
            "probabilities": Signal("probabilities", data.ids, p.astype(np.float32)),
            "embedding": Signal("embedding", data.ids, features.astype(np.float32)),
        }
    )


def opposite(label: Label) -> Label:
    assert isinstance(label, frozenset)
    return frozenset({0, 1, 2, 3}) - label or frozenset({0})


def only(signals: Signals, *kinds: str) -> Signals:
    return Signals({kind: signals[kind] for kind in kinds})


def named(label: Label, number: int, *, split: str = "train") -> Sample:
    content, path = f"{number:032x}", str(number)
    return Sample(raw_id(content, path), content, path, label, split, home="text", text=f"text {number}")


def test_keeps_the_contract_with_and_without_neighbours() -> None:
    world = worlds.photos(60, wrong=6, junk=3)
    check_step(LabelNoise(), world=world)
    check_step(LabelNoise(), world=world, signals=witnesses(world))


def test_finds_every_planted_wrong_label_and_nothing_clean() -> None:
    world = worlds.photos(300, wrong=20)
    found = LabelNoise().detect(world.data.open, witnesses(world), RUN)
    assert {finding.ids[0] for finding in found} == world.wrong
    assert all(finding.evidence["suggested"] == world.truth[finding.ids[0]] for finding in found)


def test_probabilities_alone_find_what_confident_learning_finds() -> None:
    world = worlds.photos(300, wrong=20)
    data, signals = world.data.open, only(witnesses(world, sure=0.5), "probabilities")
    p = signals["probabilities"].rows(data.ids).astype(float)
    found = LabelNoise(unlikely=0.0).detect(data, signals, RUN)
    assert {finding.ids[0] for finding in found} == set(data.ids[confident.flagged(data.labels, p)].tolist())
    assert all(finding.evidence["votes"] == {} for finding in found)


def test_ranks_wrong_labels_and_junk_before_the_clean() -> None:
    world = worlds.photos(300, wrong=15, junk=15)
    data = world.data.open
    scores = noise_scores(data, witnesses(world, sure=0.7))
    first = set(data.ids[np.argsort(-scores)[:30]].tolist())
    assert len(first & world.wrong) == 15
    assert len(first & world.junk) >= 10  # junk carries some label, and by chance the guesses may lean to it


def test_scores_and_findings_agree_and_the_worst_comes_first() -> None:
    world = worlds.photos(200, wrong=12, junk=5)
    data, signals = world.data.open, witnesses(world)
    scores = dict(zip(data.ids.tolist(), noise_scores(data, signals), strict=True))
    found = LabelNoise().detect(data, signals, RUN)
    assert [finding.severity for finding in found] == sorted((finding.severity for finding in found), reverse=True)
    for finding in found:
        assert finding.severity == pytest.approx(scores[finding.ids[0]], abs=1e-4)
    assert [finding.evidence["rank"] for finding in found] == sorted(finding.evidence["rank"] for finding in found)


def test_the_reason_names_classes_numbers_and_neighbours() -> None:
    world = worlds.photos(200, wrong=5)
    data, signals = world.data.open, witnesses(world)
    finding = LabelNoise().detect(data, signals, RUN)[0]
    given, truth = data[finding.ids[0]].label, world.truth[finding.ids[0]]
    assert finding.why.startswith(f"labelled {worlds.SHAPES[given]}, but the model that did not see it")  # type: ignore[index]
    ballot = finding.evidence["votes"]["embedding"]
    assert f"nearest in the embedding {ballot['suggested_count']} are {worlds.SHAPES[truth]}" in finding.why  # type: ignore[index]
    assert len(ballot["neighbors"]) == 10
    assert all(id in data for id in ballot["neighbors"])


def test_copies_of_a_wrong_label_do_not_defend_it() -> None:
    world = worlds.photos(120, wrong=1)
    wrong = next(iter(world.wrong))
    sample = world.data[wrong]
    copies = [Sample(raw_id(sample.content, f"copy-{n}"), sample.content, f"copy-{n}", sample.label) for n in range(12)]
    data = Dataset.from_samples([*world.data, *copies], world.data.schema).open
    old = witnesses(world)
    rows = [id if id in world.data else wrong for id in data.ids.tolist()]
    signals = Signals({k: Signal(k, data.ids, signal.rows(np.array(rows))) for k, signal in old.items()})
    found = {finding.ids[0]: finding for finding in LabelNoise().detect(data, signals, RUN)}
    assert wrong in found
    assert found[wrong].evidence["votes"]["embedding"]["given"] < 0.2


def test_features_and_embedding_both_vote() -> None:
    world = worlds.photos(200, wrong=8)
    signals = witnesses(world)
    features = Signal("features", signals["embedding"].ids, witnesses(world, seed=5)["embedding"].values.copy())
    found = LabelNoise().detect(world.data.open, signals.with_(features), RUN)
    assert {finding.ids[0] for finding in found} == world.wrong
    assert all(list(finding.evidence["votes"]) == ["features", "embedding"] for finding in found)
    assert "nearest in the model's eyes" in found[0].why


def test_an_embedding_that_does_not_cover_the_data_is_not_heard() -> None:
    world = worlds.photos(100, wrong=5)
    signals = only(witnesses(world), "probabilities")
    ids = world.data.open.ids[1:]
    found = LabelNoise().detect(
        world.data.open, signals.with_(Signal("embedding", ids, np.ones((len(ids), 3), np.float32))), RUN
    )
    assert found and all(finding.evidence["votes"] == {} for finding in found)


def test_made_unlabelled_soft_and_hand_made_samples_are_not_judged() -> None:
    schema = Schema("text", "single-label", ("a", "b"))
    plain = [named(n % 2, n) for n in range(40)]
    parent = plain[0]
    made = Sample(made_id((parent.id,), "x", 0), "f" * 32, "made", 1, "train", parents=(parent.id,), maker="x")
    others = [named(None, 50), named(((0, 0.4), (1, 0.6)), 51), named(1, 52, split="label_book"), made]
    data = Dataset.from_samples([*plain, *others], schema)
    p = np.tile([0.97, 0.03], (len(data), 1))  # says `a` of everything: half is doubtful
    p[(data.labels == 1) & (np.arange(len(data)) % 3 > 0)] = [0.03, 0.97]
    signals = Signals({"probabilities": Signal("probabilities", data.ids, p)})
    scores = dict(zip(data.ids.tolist(), noise_scores(data, signals), strict=True))
    assert all(np.isnan(scores[one.id]) for one in others)
    assert not any(np.isnan(scores[one.id]) for one in plain)
    found = {finding.ids[0] for finding in LabelNoise().detect(data, signals, RUN)}
    assert found and not found & {one.id for one in others}


def test_made_samples_that_were_never_measured_do_no_harm() -> None:
    world = worlds.photos(100, wrong=5)
    signals, parent = witnesses(world), next(iter(world.data.train))
    made = Sample(made_id((parent.id,), "x", 0), "f" * 32, "made", 1, "train", parents=(parent.id,), maker="x")
    before = LabelNoise().detect(world.data.open, signals, RUN)
    data = Dataset.from_samples([*world.data.open, made], world.data.schema)
    assert LabelNoise().detect(data, signals, RUN) == before


def test_valid_is_judged_and_can_be_left_out() -> None:
    world = worlds.photos(200, valid_share=0.3)
    data, signals = world.data.open, witnesses(world)
    assert not np.isnan(noise_scores(data, signals)[data.splits == "valid"]).any()
    assert np.isnan(noise_scores(data, signals, splits=("train",))[data.splits == "valid"]).all()


def test_several_labels_at_once() -> None:
    world = worlds.multi_label(300, seed=1)
    data = world.data.open
    wrong = data.train.ids[:8]
    noisy = data.apply([Relabel(id, data[id].label, opposite(data[id].label), "planted") for id in wrong.tolist()])
    rng = np.random.default_rng(0)
    p = np.clip(data.targets * 0.8 + 0.1 + rng.normal(size=data.targets.shape) * 0.03, 0, 1)
    signals = Signals({"probabilities": Signal("probabilities", noisy.ids, p.astype(np.float32))})
    found = LabelNoise().detect(noisy, signals, RUN)
    assert {finding.ids[0] for finding in found[:8]} == set(wrong.tolist())
    truth = {s.id: s.label for s in data}
    for finding in found[:8]:
        assert frozenset(finding.evidence["suggested"]) == truth[finding.ids[0]]
        assert "the model that did not see it says otherwise of" in finding.why
    check_step(LabelNoise(), world=world)


@pytest.mark.parametrize("n", [0, 1])
def test_no_sample_or_one_gives_no_finding(n: int) -> None:
    data = Dataset.from_samples([named(0, k) for k in range(n)], Schema("text", "single-label", ("a", "b")))
    signals = Signals({"probabilities": Signal("probabilities", data.ids, np.full((n, 2), 0.5))})
    assert LabelNoise().detect(data, signals, RUN) == []
    assert np.isfinite(noise_scores(data, signals)).all()


def test_one_class_gives_no_finding() -> None:
    data = Dataset.from_samples([named(0, k) for k in range(9)], Schema("text", "single-label", ("a",)))
    signals = Signals({"probabilities": Signal("probabilities", data.ids, np.ones((9, 1)))})
    assert LabelNoise().detect(data, signals, RUN) == []


def test_probabilities_that_do_not_cover_the_data_are_an_error() -> None:
    world = worlds.photos(50)
    data, signals = world.data.open, witnesses(world)
    short = Signal("probabilities", data.ids[1:], signals["probabilities"].values[1:].copy())
    with pytest.raises(StepError, match="no row for 1 of"):
        LabelNoise().detect(data, signals.with_(short), RUN)
