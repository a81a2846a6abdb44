"""New texts keep what carries the label, and come up to the largest class."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import chi2

from tilth.augment.text import Text
from tilth.augment.turns import plan
from tilth.augment.words import WORD, chi_squared, class_words, negates, swapped, thinned
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun


def of_texts(texts, labels, *, classes=2, task="single-label"):
    samples = []
    for number, text in enumerate(texts):
        content = digest_bytes(text.encode())
        path = f"row-{number}"
        samples.append(Sample(raw_id(content, path), content, path, labels[number], home="text", text=text))
    return Dataset.from_samples(samples, Schema("text", task, tuple(f"class {one:03}" for one in range(classes))))


def added(step, data, run, budget):
    return list(step.augment(data, Signals(), run, budget=budget))


def test_keeps_the_contract():
    check_step(Text(), world=worlds.utterances(60, imbalance=0.3))
    check_step(Text(fill=True), world=worlds.multi_label(60))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 500), st.integers(-5, 60))
def test_the_budget_is_never_exceeded_and_classes_even_out(seed, extra):
    world = worlds.utterances(60, imbalance=0.2, seed=seed)
    data = world.data.open
    adds = added(Text(), data, world.run(), len(data) + extra)
    after = data.apply(adds)
    assert len(after) <= max(len(data) + extra, len(data))
    counts = [np.array(list(version.counts("train").values())) for version in (data, after)]
    assert np.ptp(counts[1]) <= max(np.ptp(counts[0]), 1)
    assert counts[1].max() == counts[0].max(), "up to the largest class and no further"
    texts = [sample.text for sample in after]
    assert len(set(texts)) == len(set(world.run().texts(data))) + len(adds), "no text comes twice"


def test_classes_come_up_to_the_largest():
    world = worlds.utterances(120, imbalance=0.6, seed=1)
    data = world.data.open
    after = data.apply(added(Text(), data, world.run(), 10_000))
    assert len(set(after.counts("train").values())) == 1
    filled = data.apply(added(Text(fill=True), data, world.run(), len(data) + 100))
    assert len(filled) == len(data) + 100


def test_multi_label_texts_lift_the_smallest_class():
    world = worlds.multi_label(60)
    rare = world.data.where(world.data.targets[:, 3] == 0)
    keep = [*rare.ids.tolist(), *world.data.ids[world.data.targets[:, 3] > 0][:5].tolist()]
    data = world.data.only(keep).open
    adds = added(Text(), data, world.run(), 200)
    after = data.apply(adds)
    before, now = data.counts("train"), after.counts("train")
    assert now["money"] > before["money"]
    assert all(add.sample.label == data[add.sample.parents[0]].label for add in adds)


def test_the_same_seed_gives_the_same_texts():
    world = worlds.utterances(60, imbalance=0.3)
    first, second = (added(Text(), world.data.open, world.run(seed=3), 500) for _ in range(2))
    assert [add.sample.text for add in first] == [add.sample.text for add in second]


def test_a_made_text_says_where_it_is_from():
    data = of_texts(["Please tell us the way to the old station now", "rain falls", "snow falls"], [0, 1, 1])
    add = added(Text(), data, MemoryRun(), 4)[0]
    technique = add.sample.maker.removeprefix("augment.text:")
    assert technique in ("swap", "thin")
    assert add.sample.path == f"row-0_{technique}"
    assert add.content == (add.sample.text or "").encode() and add.sample.content == digest_bytes(add.content)
    assert add.because.startswith("more of class 000: row-0 with")


def test_a_text_without_a_safe_move_is_left_out_and_said():
    run = MemoryRun()
    data = of_texts(["Stop", "rain falls", "snow falls"], [0, 1, 1])
    assert added(Text(), data, run, 10) == []
    assert "1 texts have no safe move left" in run.lines[0]


def test_empty_texts_do_no_harm():
    data = of_texts(["", "   ", "!!!"], [0, 1, 1])
    assert added(Text(fill=True), data, MemoryRun(), 10) == []


# -- the moves -------------------------------------------------------------------------------------------------

TEXT = "She didn't say that the blue train, number 42, would ever arrive in Turin without us"


@given(st.integers(0, 2000))
def test_protected_words_stay_and_so_does_punctuation(seed):
    rng = np.random.default_rng(seed)
    keep = frozenset({"train"})
    for made in (swapped(TEXT, keep, rng, share=0.3), thinned(TEXT, keep, rng, share=0.3)):
        words = WORD.findall(made)
        assert words[0] == "She"
        assert ["didn't", "say"] == words[1:3], "a negation and its word"
        assert "42" in words and "Turin" in words and "train" in words
        assert "without us" in made
        assert made.count(",") == 2
    assert sorted(WORD.findall(swapped(TEXT, keep, rng, share=0.3))) == sorted(WORD.findall(TEXT))


def test_swapping_moves_neighbours_only():
    made = swapped("one two three", frozenset(), np.random.default_rng(0), share=0.1)
    assert made == "one three two"
    assert swapped("one two, three", frozenset(), np.random.default_rng(0), share=0.1) == "one two, three"


def test_thinning_takes_the_space_along():
    made = thinned("Go  to the mill.", frozenset({"to"}), np.random.default_rng(0), share=0.1)
    assert made == "Go  to mill."
    assert thinned("Rivers run dry", frozenset(), np.random.default_rng(0), share=0.1) == "Rivers run dry"


@pytest.mark.parametrize("word", ["not", "No", "didn't", "don’t", "nicht"])
def test_negations_are_known(word):
    assert negates(word)


def test_words_that_carry_a_label_are_found():
    world = worlds.utterances(300)
    data = world.data.train
    found = class_words(world.run().texts(data), data.targets, share=0.05)
    assert {"train", "ferry"} & found.every
    assert not {"Oslo", "tomorrow"} & found.every


def test_each_class_has_its_own_words_and_none_that_it_lacks():
    texts, labels = ["my red boat", "our red boat", "my blue car", "our blue car"] * 5, [0, 0, 1, 1] * 5
    found = class_words(texts, np.eye(2)[labels], share=0.5)
    assert found.of == ({"red", "boat"}, {"blue", "car"})
    assert found.told(np.array([1.0, 0])) == {"red", "boat"} and found.told(np.array([0.5, 0.5])) == found.every
    assert found.told(np.zeros(2)) == found.every, "without a label, any of them may be the one"


def test_with_many_classes_most_words_may_still_be_touched():
    """The best hundredth of the vocabulary for each of 150 classes was all of it."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(150), 10)
    frame = "please can you tell me how i get to see what my own is now".split()
    texts = [" ".join([*rng.permutation(frame)[:7], f"topic{label}"]) for label in labels]
    targets = np.eye(150)[labels]
    found = class_words(texts, targets, share=0.05)
    for text, target in zip(texts, targets, strict=True):
        stay = found.told(target) & set(text.split())
        assert f"topic{target.argmax()}" in stay and len(stay) <= 2
    made = added(Text(fill=True), of_texts(texts, labels.tolist(), classes=150), MemoryRun(), 3000)
    assert len(made) > 1400


def test_chi_squared_agrees_with_sklearn():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefgh"), 5)) for _ in range(60)]
    present = CountVectorizer(binary=True, token_pattern=r"\w").fit_transform(texts)
    targets = (rng.random((60, 3)) < 0.4).astype(float)
    for column in range(3):
        np.testing.assert_allclose(chi_squared(present, targets)[column], chi2(present, targets[:, column])[0])


def test_wrong_use_is_refused():
    with pytest.raises(SettingError, match="swap_share"):
        Text(swap_share=2)
    with pytest.raises(SettingError, match="most_per_parent"):
        dataclasses.replace(Text(), most_per_parent=0)
    world = worlds.photos(10, side_px=8)
    with pytest.raises(StepError, match=r"augment\.geometric"):
        added(Text(), world.data.open, world.run(), 50)


def test_a_class_is_brought_up_to_the_largest_by_what_counts_it_where_labels_are_soft():
    """A text of two classes by shares has the larger one: what is levelled is counted as what is filled."""
    labels = [0] * 6 + [1] * 3 + [((0, 0.6), (1, 0.4)), ((0, 0.4), (1, 0.6))] * 5
    data = of_texts([f"we see thing number {at} here" for at in range(len(labels))], labels)
    turns = plan(data, 100, np.random.default_rng(0), balance=True, most=9, level=True)
    assert turns.times.sum() == 3, "11 have the first one, 8 the second"
