"""Several versions side by side, and the classification report beside scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from tilth.edit import Drop, Relabel
from tilth.errors import SealBroken, SettingError
from tilth.prove.ablate import ablate
from tilth.prove.classes import class_scores, course_in_words
from tilth.prove.compare import compare
from tilth.testing import worlds
from tilth.trial import Trial

SEEDS = (0, 1)


def mended(world):
    data = world.data
    return data.apply([Relabel(id, data[id].label, world.truth[id], "the truth") for id in sorted(world.wrong)])


def test_every_row_says_what_a_comparison_of_two_versions_says(run_of):
    world = worlds.photos(200, wrong=60)
    run, right = run_of(world), mended(world)
    thinned = right.apply([Drop(id, "for the test") for id in right.train.ids[:90].tolist()])
    rows = [("as read", world.data), ("mended", right), ("thinned", thinned)]
    found = ablate(rows, learner="learn.ridge", seeds=SEEDS, run=run, resamples=200)
    assert [row.name for row in found] == ["as read", "mended", "thinned"]
    for row, (_, data), before in zip(found, rows, [rows[0], rows[0], rows[1]], strict=True):
        first = compare(rows[0][1], data, learner="learn.ridge", seeds=SEEDS, run=run, resamples=200, baseline=False)
        assert row.against_first.measures == first.measures and row.against_first.per_class == first.per_class
        if row.against_last is not None:
            last = compare(before[1], data, learner="learn.ridge", seeds=SEEDS, run=run, resamples=200, baseline=False)
            assert row.against_last.measures == last.measures
        assert {trial.version for trial in row.trials} == {data.version} and len(row.trials) == 2
        assert row.samples == len(data.train)


def test_a_version_that_stands_in_two_rows_is_trained_once(run_of):
    world = worlds.photos(80)
    asked = []

    def hold(learner, settings, data, seed, run):
        from tilth.prove.trial import hold as held

        asked.append((data.version, seed))
        return held(learner, settings, data, seed, run)

    ablate([("a", world.data), ("b", world.data)], learner="learn.ridge", seeds=SEEDS, run=run_of(world), hold=hold)
    assert len(asked) == len(set(asked)) == 2


def test_rows_of_different_seals_and_no_rows_are_refused(run_of):
    one, other = worlds.photos(80, seed=0), worlds.photos(80, seed=1)
    with pytest.raises(SealBroken):
        ablate([("a", one.data), ("b", other.data)], learner="learn.ridge", seeds=SEEDS, run=run_of(one))
    with pytest.raises(SettingError, match="one row or more"):
        ablate([], learner="learn.ridge", seeds=SEEDS, run=run_of(one))


def trial(targets, probabilities, seed=0, **more):
    ids = np.array([f"{n:016x}" for n in range(len(targets))])
    return Trial({}, "v", "s", seed, ids, targets.astype(np.float32), probabilities, {}, **more)


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
def test_the_report_by_class_is_that_of_scikit_learn(task):
    rng = np.random.default_rng(0)
    said = rng.random((3, 60, 5)).astype(np.float32)
    said[:, :, 4] *= 0.3  # hardly ever named
    truth = rng.random((60, 5)) > 0.6 if task == "multi-label" else np.eye(5, dtype=bool)[rng.integers(4, size=60)]
    found = class_scores([trial(truth, one, seed) for seed, one in enumerate(said)], list("abcde"), task)
    want = []
    for one in said:
        guess = one >= 0.5 if task == "multi-label" else np.eye(5, dtype=bool)[one.argmax(1)]
        want.append(np.array(precision_recall_fscore_support(truth, guess, zero_division=0.0)))
    want = np.mean(want, axis=0)
    shown = {row.name: row for row in found}
    for k, name in enumerate("abcde"):
        if name in shown:
            row = shown[name]
            assert np.allclose([row.precision, row.recall, row.f1, row.support], want[:, k])
        else:
            assert want[3, k] == 0 and (want[:, k] == 0).all()
    assert found[-2].name == "macro mean" and found[-1].name == "weighted mean"
    assert found[-1].recall == pytest.approx((want[1] * want[3]).sum() / want[3].sum())


def test_trials_with_metrics_only_have_no_report_by_class():
    assert class_scores([trial(np.eye(2), None)], ["a", "b"], "single-label") == ()
    assert class_scores([], ["a", "b"], "single-label") == ()


def test_a_course_is_told_in_words():
    rows = tuple({"epoch": float(e), "loss": 2 / e, "valid_accuracy": v} for e, v in ((1, 0.4), (2, 0.9), (3, 0.8)))
    one = trial(np.eye(2), np.eye(2, dtype=np.float32), curves=rows)
    assert course_in_words([one]) == "3 epochs, loss 2 -> 0.667, valid accuracy 0.900 at best (epoch 2)"
    assert course_in_words([trial(np.eye(2), None)]) == ""
