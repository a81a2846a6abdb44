"""Before and after are told apart where they differ, and not where they do not."""

import dataclasses
import pickle
from functools import partial

import numpy as np
import pytest

from tilth.dataset import Dataset
from tilth.edit import Drop, Relabel
from tilth.errors import SealBroken, SettingError, StepError
from tilth.prove.compare import Asked, _answer, compare, dropped, random_deletion
from tilth.prove.taught import taught
from tilth.prove.trial import hold
from tilth.run.local import LocalRun
from tilth.testing import worlds

SEEDS = (0, 1, 2)


def mended(world):
    """The data with the planted wrong labels put right."""
    data = world.data
    return data.apply([Relabel(id, data[id].label, world.truth[id], "the truth") for id in sorted(world.wrong)])


def without(data, ids):
    return data.apply([Drop(id, "for the test") for id in sorted(ids)])


def test_putting_wrong_labels_right_is_better(run_of):
    world = worlds.photos(400, wrong=120)
    evidence = compare(world.data, mended(world), learner="learn.ridge", seeds=SEEDS, run=run_of(world))
    assert evidence.verdict == "better"
    top = evidence.headline
    assert top.metric == "accuracy"
    assert top.low < top.difference < top.high
    assert top.after - top.before == pytest.approx(top.difference)
    assert [measure.metric for measure in evidence.measures] == ["accuracy", "balanced_accuracy", "macro_f1"]
    assert set(evidence.per_class) == set(world.data.schema.classes)
    assert evidence.baseline is None, "nothing was dropped"
    assert len(evidence.trials) == 6
    assert (evidence.before, evidence.seal) == (world.data.version, world.data.seal)
    back = compare(mended(world), world.data, learner="learn.ridge", seeds=SEEDS, run=run_of(world))
    assert back.verdict == "worse"


def test_the_same_version_shows_nothing_and_is_trained_once(run_of):
    world = worlds.photos(100)
    evidence = compare(world.data, world.data, learner="learn.ridge", seeds=SEEDS, run=run_of(world))
    assert evidence.verdict == "not shown"
    assert (evidence.headline.low, evidence.headline.difference, evidence.headline.high) == (0, 0, 0)
    assert len(evidence.trials) == 3


def test_a_change_that_does_not_matter_is_not_shown(run_of):
    world = worlds.photos(300)
    evidence = compare(
        world.data, without(world.data, world.data.train.ids[:3]), learner="learn.ridge", seeds=SEEDS, run=run_of(world)
    )
    assert evidence.verdict == "not shown"
    assert evidence.headline.low <= 0 <= evidence.headline.high


def test_dropping_wrong_labels_beats_dropping_at_random(run_of):
    world = worlds.photos(400, wrong=120)
    after = without(world.data, world.wrong)
    evidence = compare(world.data, after, learner="learn.ridge", seeds=SEEDS, run=run_of(world))
    assert evidence.baseline is not None
    assert evidence.baseline.metric == "accuracy"
    assert evidence.baseline.before == evidence.headline.before
    assert evidence.headline.difference > evidence.baseline.difference + 0.03
    assert len(evidence.trials) == 9
    short = compare(world.data, after, learner="learn.ridge", seeds=(0,), run=run_of(world), baseline=False)
    assert short.baseline is None


def test_random_deletion_takes_as_many_train_samples_and_no_other(run_of):
    world = worlds.photos(100, valid_share=0.2)
    after = without(world.data, world.data.train.ids[:7])
    run = run_of(world)
    thin = random_deletion(world.data, after, 0, run)
    assert len(thin.train) == len(world.data.train) - 7
    assert thin.seal == world.data.seal and thin.valid.version == world.data.valid.version
    assert thin.version == random_deletion(world.data, after, 0, run).version
    assert thin.version != random_deletion(world.data, after, 1, run).version
    assert dropped(world.data, without(world.data, world.data.valid.ids[:2])) == 0


def test_texts_with_sets_of_classes_are_judged_by_macro_f1(run_of):
    world = worlds.multi_label(200)
    rng = np.random.default_rng(0)
    train = world.data.train
    spoil = [
        Relabel(id, train[id].label, frozenset(rng.choice(4, 2, replace=False).tolist()), "spoiled")
        for id in train.ids[: len(train) * 2 // 3]
    ]
    spoiled = world.data.apply([edit for edit in spoil if edit.old != edit.new])
    asked = {"learner": "learn.ridge", "seeds": SEEDS, "run": run_of(world)}
    evidence = compare(spoiled, world.data, **asked)
    assert evidence.headline.metric == "macro_f1"
    assert evidence.verdict == "better"
    named = compare(spoiled, world.data, metric="mean_average_precision", **asked)
    assert named.headline.metric == "mean_average_precision"
    assert len(named.measures) == 4


def test_the_same_seed_gives_the_same_evidence(run_of):
    world = worlds.photos(120, wrong=20)
    first, second = (
        compare(world.data, mended(world), learner="learn.ridge", seeds=SEEDS, run=run_of(world)) for _ in range(2)
    )
    assert first.measures == second.measures
    assert first.per_class == second.per_class


def test_a_class_that_the_test_split_lacks_has_no_measure(run_of):
    world = worlds.photos(100)
    rows = [one for one in world.data if one.split != "test" or one.label != 0]
    data = Dataset.from_samples(rows, world.data.schema)
    evidence = compare(data, without(data, data.train.ids[:5]), learner="learn.ridge", seeds=(0, 1), run=run_of(world))
    assert set(evidence.per_class) == set(data.schema.classes[1:])
    assert all(np.isfinite(measure.low) for measure in (*evidence.measures, *evidence.per_class.values()))


# -- metrics without answers -----------------------------------------------------------------------------------


def test_a_command_is_judged_by_its_numbers(run_of):
    world = worlds.photos(800)
    after = without(world.data, world.data.train.ids[:300])
    evidence = compare(world.data, after, learner="learn.command", seeds=SEEDS, run=run_of(world))
    assert evidence.headline.metric == "accuracy"
    assert evidence.headline.difference == pytest.approx(-0.3)
    assert evidence.verdict == "worse"
    assert evidence.per_class == {}
    little = compare(
        world.data,
        without(world.data, world.data.train.ids[:5]),
        learner="learn.command",
        seeds=(0,),
        run=run_of(world),
    )
    assert little.verdict == "not shown"


def test_a_headline_that_the_command_did_not_give_is_named(run_of):
    world = worlds.photos(60)
    with pytest.raises(StepError, match="accuracy, f2"):
        compare(world.data, world.data, learner="learn.command", seeds=(0,), run=run_of(world), metric="macro_f1")


# -- what is refused -------------------------------------------------------------------------------------------


def test_different_test_splits_are_refused(run_of):
    world = worlds.photos(60)
    other = world.data.apply([Drop(world.data.split("test").ids[0], "unsealed")], break_seal=True)
    with pytest.raises(SealBroken, match="different test splits"):
        compare(world.data, other, learner="learn.ridge", seeds=SEEDS, run=run_of(world))


def test_what_cannot_be_compared_is_said_before_anything_is_trained(run_of):
    def untrained(*asked):
        raise AssertionError("trained")

    world, bare = worlds.photos(60), worlds.photos(60, test_share=0)
    asked = {"learner": "learn.ridge", "run": run_of(world), "hold": untrained}
    with pytest.raises(StepError, match="no labelled test split"):
        compare(bare.data, bare.data, seeds=SEEDS, **asked)
    with pytest.raises(SettingError, match="did you mean 'accuracy'"):
        compare(world.data, world.data, seeds=SEEDS, metric="acuracy", **asked)
    with pytest.raises(SettingError, match="seeds"):
        compare(world.data, world.data, seeds=(), **asked)
    with pytest.raises(SettingError, match="seeds"):
        compare(world.data, world.data, seeds=(1, 1), **asked)


# -- side by side ----------------------------------------------------------------------------------------------


def test_the_caller_may_remember_trials(run_of):
    world = worlds.photos(80, wrong=10)
    kept, held = {}, []

    def remembering(learner, settings, data, seed, run):
        key = (data.version, seed)
        if key not in kept:
            held.append(key)
            kept[key] = hold(learner, settings, data, seed, run)
        return kept[key]

    ask = partial(compare, world.data, mended(world), learner="learn.ridge", run=run_of(world), hold=remembering)
    first = ask(seeds=(0, 1))
    assert len(held) == 4
    more = ask(seeds=(0, 1, 2))
    assert len(held) == 6, "only the third seed was trained"
    assert first.trials[0] is more.trials[0]


def test_what_is_asked_can_be_pickled(tmp_path):
    world = worlds.photos(20)
    run = LocalRun(tmp_path / ".tilth", {"source": tmp_path})
    fn, asked = pickle.loads(pickle.dumps((_answer, Asked(hold, "learn.x", {"a": 1}, world.data, 3, run))))
    assert fn is _answer
    assert asked.data.version == world.data.version
    assert dataclasses.replace(asked, data=None, run=None).settings == {"a": 1}


def test_the_headline_is_told_without_test_samples_that_were_taught(run_of):
    """A copy in train flatters; taking it out must not look like harm."""
    world = worlds.photos(300, leaks=25)
    learned, sealed = ({pair[side] for pair in world.leaks} for side in (0, 1))
    asked = {"learner": "learn.ridge", "seeds": SEEDS, "run": run_of(world)}
    evidence = compare(world.data, without(world.data, learned), **asked)
    assert evidence.taught == len(sealed) > 10
    rest = ~np.isin(evidence.trials[0].ids, list(sealed))
    right = [
        np.mean([(one.probabilities.argmax(1) == one.targets.argmax(1))[rest].mean() for one in evidence.trials[at]])
        for at in (slice(0, 3), slice(3, 6))
    ]
    assert (evidence.unseen.before, evidence.unseen.after) == pytest.approx(tuple(right))
    assert evidence.unseen.metric == evidence.headline.metric
    assert evidence.headline.before > evidence.unseen.before, "what was learned by heart flatters"
    clean = compare(without(world.data, learned), without(world.data, learned), **asked)
    assert (clean.taught, clean.unseen) == (0, None)


def test_where_all_of_the_test_was_taught_nothing_fair_is_left(run_of):
    world = worlds.utterances(60)
    copied = [
        dataclasses.replace(one, id=f"{number:016x}", split="train")
        for number, one in enumerate(world.data.split("test"))
    ]
    both = Dataset.from_samples([*world.data, *copied], world.data.schema)
    evidence = compare(both, both, learner="learn.ridge", seeds=SEEDS, run=run_of(world))
    assert (evidence.taught, evidence.unseen) == (len(copied), None)
    assert taught([world.data]) == frozenset() and taught([world.data, both]) == set(
        world.data.split("test").ids.tolist()
    )
