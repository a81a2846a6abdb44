"""New texts by operations on words: what they may do, what they must not, and what the step makes of them."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.augment.drafting import Draws
from tilth.augment.judging import judge_of
from tilth.augment.synonyms.built_in import BuiltIn
from tilth.augment.synonyms.lexicon import Synonyms
from tilth.augment.texts import Words
from tilth.augment.words import WORD
from tilth.augment.writing import OPERATIONS, SETS, letters, marks, named
from tilth.augment.writing.operation import Stock
from tilth.augment.writing.phrase import agreed, parsed
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, StepError
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun


def of_texts(texts, labels, *, classes=2, multi=False):
    samples = []
    for number, text in enumerate(texts):
        content, path = digest_bytes(text.encode()), f"row-{number}"
        samples.append(Sample(raw_id(content, path), content, path, labels[number], home="text", text=text))
    return Dataset.from_samples(
        samples, Schema("text", "multi-label" if multi else "single-label", tuple("abc"[:classes]))
    )


def added(step, data, run, budget):
    return list(step.augment(data, Signals(), run, budget=budget))


STOCK = Stock(Synonyms(BuiltIn(), {"train"}), ("river", "green"), "[MASK]")
TEXT = 'Please don\'t say that the big train, number 42, was bought in Turin by "a quick doctor" without a large movie'
KEPT = ("Please", "don't", "say", "train", "42", "Turin", "a", "quick", "doctor", "without")


def done(name: str, text: str, seed: int = 0, *, keep: tuple[str, ...] = (), share: float = 0.1) -> str | None:
    made = OPERATIONS[name].apply(parsed(text, frozenset(keep)), share, np.random.default_rng(seed), STOCK)
    return None if made is None else made.text


def every(name: str, text: str, **settings) -> set[str | None]:
    return {done(name, text, seed, **settings) for seed in range(40)}


# -- phrases --------------------------------------------------------------------------------------------------


@given(st.text(alphabet='ab cD\'".,?!-\n’“”"12', max_size=60))
def test_a_text_is_the_sum_of_its_parts(text: str) -> None:
    phrase = parsed(text, frozenset())
    assert phrase.text == text
    assert len(phrase.gaps) == len(phrase.words) + 1 == len(phrase.free) + 1


def test_what_must_stay_is_not_free() -> None:
    phrase = parsed(TEXT, frozenset({"train"}))
    held = [word for word, free in zip(phrase.words, phrase.free, strict=True) if not free]
    assert set(KEPT) <= set(held)
    assert [
        w for w, free in zip(phrase.words, phrase.free, strict=True) if free
    ] == "that the big number was bought in by large movie".split()


def test_quotes_that_are_never_closed_hold_nothing() -> None:
    assert all(parsed('say "all is well', frozenset()).free[1:])
    assert parsed("he said 'is' and left", frozenset()).free == (False, True, True, True, True)


@pytest.mark.parametrize(
    ("words", "right"),
    [("a apple", "an apple"), ("an union", "a union"), ("A hour", "An hour"), ("a house", "a house")],
)
def test_articles_agree(words: str, right: str) -> None:
    plain = parsed("this is nothing", frozenset())
    assert agreed(parsed(words, frozenset()), plain).text == right


def test_an_article_that_stood_so_stays() -> None:
    phrase = parsed("a unusual case", frozenset())
    assert agreed(phrase, phrase).text == "a unusual case"


# -- every operation ------------------------------------------------------------------------------------------

RESPELL = {"case", "contraction"}  # these alone may touch what carries meaning, for they keep it


@pytest.mark.parametrize("name", OPERATIONS)
@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.02, 0.5))
def test_what_carries_the_meaning_stays_in_its_order(name: str, seed: int, share: float) -> None:
    made = done(name, TEXT, seed, keep=("train",), share=share)
    if made is None or name in RESPELL:
        return
    words = WORD.findall(made)
    at = [
        words.index(word) for word in ("Please", "don't", "say", "train", "42", "Turin", "quick", "doctor", "without")
    ]
    assert at == sorted(at)
    assert '"a quick doctor" without' in made
    assert "don't say" in made


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_same_seed_gives_the_same_text(name: str) -> None:
    assert [done(name, TEXT, seed) for seed in range(5)] == [done(name, TEXT, seed) for seed in range(5)]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("text", ["", "   ", "!?", "Why", "4711", "NASA USA", "ein Wort", "a b"])
def test_poor_texts_do_no_harm(name: str, text: str) -> None:
    made = done(name, text)
    assert made is None or isinstance(made, str)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_does_something_to_a_text_that_lets_it(name: str) -> None:
    text = "we do not think that the famous young doctor bought a big house, and it is often quiet there."
    made = [one for one in every(name, text) if one is not None]
    assert made and all(one != text for one in made)


def test_strength_is_a_share_of_the_words() -> None:
    text = "and " + " ".join(["seven words that carry nothing at all"] * 6)
    counts = [done("mask", text, 1, share=share).count("[MASK]") for share in (0.05, 0.2, 0.5)]
    assert counts[0] < counts[1] < counts[2] <= 22


# -- one by one -----------------------------------------------------------------------------------------------


def test_synonyms_keep_form_and_article() -> None:
    assert every("synonym", "we saw an automobile") == {"we saw a car"}
    assert every("synonym", "they watched the movies, yes") == {"they watched the films, yes"}
    assert every("synonym", "so it was exactly then") == {"so it was precisely then"}


def test_insertion_keeps_every_word_and_its_order() -> None:
    for made in every("insert", TEXT):
        assert made is not None
        words, new = WORD.findall(TEXT), WORD.findall(made)
        rest = iter(new)
        assert len(new) > len(words) and all(word in rest for word in words)
        assert "don't say" in made and "42," in made


def test_a_degree_goes_before_an_adjective() -> None:
    assert every("intensify", "I am happy to see you") <= {
        f"I am {one} happy to see you" for one in ("very", "really", "quite", "so")
    }
    assert every("intensify", "I am very happy") == {None}
    assert every("intensify", "it is a big house") <= {
        f"it is a {one} big house" for one in ("very", "really", "quite")
    }


def test_swapping_changes_neighbours_alone() -> None:
    for made in every("swap", TEXT):
        assert sorted(WORD.findall(made or "")) == sorted(WORD.findall(TEXT))
    assert every("swap", "one two, three") == {None}


def test_deletion_leaves_three_words_and_takes_the_space_along() -> None:
    assert every("delete", "go on now") == {None}
    assert every("delete", "go on , then.") == {None}
    assert every("delete", "go on , then now.") == {"go , then now.", "go on , now.", "go on , then."}
    assert all("  " not in made for made in every("delete", TEXT, share=0.3) if made)


def test_fillers_alone_are_thinned() -> None:
    for made in every("thin", "we go to the mill with our horses"):
        assert {"mill", "horses", "go"} <= set(WORD.findall(made or "")) and len(made or "") < 33


def test_masking_is_berts_80_10_10() -> None:
    text = "and " + " ".join(["word"] * 400)
    made = done("mask", text, 3, share=1.0) or ""
    shares = [made.count("[MASK]") / 400, len(re.findall("river|green", made)) / 400, made.count("word") / 400]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.05)


def test_the_mask_is_what_was_asked_for() -> None:
    stock = Stock(None, (), "<mask>")
    made = OPERATIONS["mask"].apply(parsed("we go there", frozenset()), 0.1, np.random.default_rng(0), stock)
    assert made is not None and "<mask>" in made.text


def test_keys_lie_beside_each_other() -> None:
    assert set(letters.KEYS["g"]) >= set("fhtyvb") and "p" not in letters.KEYS["q"]
    assert all(one in letters.KEYS[other] for one, near in letters.KEYS.items() for other in near)


@pytest.mark.parametrize(
    ("slip", "length"), [(letters.key_beside, 7), (letters.exchanged, 7), (letters.dropped, 6), (letters.doubled, 8)]
)
def test_a_slip_keeps_the_first_letter(slip, length: int) -> None:
    for seed in range(20):
        made = slip("station", np.random.default_rng(seed))
        assert made[0] == "s" and len(made) == length


def test_a_scanner_misreads_what_looks_alike() -> None:
    made = {letters.misread("modern", np.random.default_rng(seed)) for seed in range(60)}
    assert {"modem", "rnodern"} & made == {"modem"}, "the first letter stays"
    assert {"m0dern", "modcrn"} <= made


def test_short_words_get_no_slip() -> None:
    assert every("keyboard", "how to go by car") == {None}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("I don't know", {"I do not know"}),
        ("I do not know", {"I don't know"}),
        ("Can’t you", {"Cannot you"}),
        ("i'm here", {"i am here"}),
        ("I AM here", {"I'M here", "I'm here"}),
        ("She cannot go", {"She can't go"}),
        ("what's that", {None}),
    ],
)
def test_contractions_keep_the_meaning(text: str, made: set[str | None]) -> None:
    assert every("contraction", text) <= made


def test_every_contraction_can_be_taken_back() -> None:
    for short in ("don't", "you're", "they've", "we'll", "isn't"):
        full = done("contraction", f"so {short} it")
        assert full and done("contraction", full) == f"so {short} it"


def test_capitals_and_marks() -> None:
    assert every("case", "Is it Rome") == {"is it Rome", "is it rome", "IS IT ROME"}
    assert every("punctuation", "Is it, now?") == {"Is it now?", "Is it, now", "Is it, now??"}
    assert every("punctuation", "so it is") == {"so it is."}
    assert marks._other_ends(" ;") == []


# -- names ----------------------------------------------------------------------------------------------------


def test_sets_stand_for_operations_that_are_there() -> None:
    assert all(name in OPERATIONS for names in SETS.values() for name in names)
    assert named("augment.words", ("eda", "swap"), ("insert",)) == ("synonym", "swap", "delete")


def test_wrong_names_are_told() -> None:
    with pytest.raises(SettingError, match="did you mean 'synonym'"):
        Words(operations=("synonim",))
    with pytest.raises(SettingError, match="no operation is left"):
        Words(operations=("swap",), forbid=("swap",))
    for bad in (
        {"strength": 0},
        {"composed": 2},
        {"most_per_parent": 0},
        {"synonyms": "google"},
        {"check": "maybe"},
        {"mask": " "},
    ):
        with pytest.raises(SettingError, match=next(iter(bad))):
            Words(**bad)


# -- the step -------------------------------------------------------------------------------------------------


def test_keeps_the_contract() -> None:
    check_step(Words(synonyms="built-in"), world=worlds.utterances(60, imbalance=0.3))
    check_step(Words(fill=True, synonyms="built-in"), world=worlds.multi_label(60))
    check_step(Words(operations=("characters", "mask"), fill=True, check="none"), world=worlds.utterances(60))


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 500), st.integers(-5, 60))
def test_the_budget_is_never_exceeded_and_no_text_comes_twice(seed: int, extra: int) -> None:
    world = worlds.utterances(60, imbalance=0.2, seed=seed)
    data = world.data.open
    step = Words(operations=("swap", "delete", "characters"))
    adds = added(step, data, world.run(), len(data) + extra)
    after = data.apply(adds)
    assert len(after) <= max(len(data) + extra, len(data))
    counts = [np.array(list(version.counts("train").values())) for version in (data, after)]
    assert np.ptp(counts[1]) <= np.ptp(counts[0]) and counts[1].max() == counts[0].max()
    texts = [sample.text for sample in after]
    assert len(set(texts)) == len(set(world.run().texts(data))) + len(adds)


def test_filling_goes_past_the_largest_class() -> None:
    world = worlds.utterances(60, seed=2)
    data = world.data.open
    adds = added(Words(operations=("characters",), fill=True), data, world.run(), len(data) + 70)
    assert len(adds) == 70
    assert max(len([one for one in adds if one.sample.parents == (id,)]) for id in data.ids.tolist()) <= 9


def test_a_made_text_says_where_it_is_from() -> None:
    data = of_texts(["We went along to the old quiet station by night", "rain falls", "snow falls"], [0, 1, 1])
    step = Words(operations=("swap", "keyboard"), composed=1.0, label_words=0.0)
    add = added(step, data, MemoryRun(), 4)[0]
    assert add.sample.maker in ("augment.words:swap+keyboard", "augment.words:keyboard+swap")
    assert add.sample.path.startswith("row-0_") and add.sample.parents == (data.ids[data.labels == 0][0],)
    assert add.content == (add.sample.text or "").encode() and add.sample.content == digest_bytes(add.content)
    assert "neighbouring words changed places" in add.because and "letters typed by the key beside" in add.because


def test_several_operations_only_where_they_can_be_done() -> None:
    draws = Draws.of(("swap", "intensify"), 0.2, 1.0, 2)
    draft = draws.drawn(parsed("we walk along here", frozenset()), np.random.default_rng(0), STOCK)
    assert draft is not None and draft.operations == ("swap",)


def test_the_words_of_a_label_are_never_brought_in() -> None:
    texts = ["we saw a film at home", "we saw a film again", "we saw a movie at home", "we saw a movie again"] * 5
    data = of_texts([f"{text} {'x' * number}" for number, text in enumerate(texts)], [0, 0, 1, 1] * 5)
    for keep, made in ((0.0, True), (0.5, False)):
        step = Words(operations=("synonym",), synonyms="built-in", label_words=keep, fill=True, check="none")
        adds = added(step, data, MemoryRun(), 100)
        crossed = [add for add in adds if ("film" in add.sample.text) != ("film" in data[add.sample.parents[0]].text)]
        assert bool(crossed) == made


def test_the_same_seed_gives_the_same_texts_and_another_seed_others() -> None:
    world = worlds.utterances(60, imbalance=0.3)
    made = [
        [add.sample.text for add in added(Words(), world.data.open, world.run(seed=seed), 500)] for seed in (3, 3, 4)
    ]
    assert made[0] == made[1] != made[2]


def test_a_text_with_nothing_safe_is_left_out_and_said() -> None:
    run, data = MemoryRun(), of_texts(["Stop", "rain falls", "snow falls"], [0, 1, 1])
    assert added(Words(operations=("swap",)), data, run, 10) == []
    assert "1 texts gave fewer new ones" in run.lines[-1]


def test_images_are_refused_and_empty_texts_do_no_harm() -> None:
    world = worlds.photos(10, side_px=8)
    with pytest.raises(StepError, match=r"augment\.operations"):
        added(Words(), world.data.open, world.run(), 50)
    assert added(Words(fill=True), of_texts(["", "   ", "!!!"], [0, 1, 1]), MemoryRun(), 10) == []


def test_it_is_said_which_synonyms_are_used() -> None:
    run, world = MemoryRun(), worlds.utterances(40, imbalance=0.3)
    added(Words(operations=("synonym",), synonyms="built-in"), world.data.open, run, 100)
    assert run.lines[0] == "augment.words: synonyms from a short list of English pairs that comes with this package"


def test_another_file_of_synonyms_is_another_step(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    keys = []
    for text in ("cat 1 0\n", "cat 1 0\nmat 1 0\n"):
        file.write_text(text)
        keys.append(Words(operations=("synonym",), synonyms="vectors", synonyms_at=str(file)).weights)
    assert all(keys) and keys[0] != keys[1]
    assert (
        Words(operations=("swap",), synonyms_at=str(file)).weights
        == ""
        == Words(operations=("synonym",), synonyms="corpus").weights
    )


# -- the check ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["linear", "neighbors", "learner"])
def test_a_text_that_became_another_class_is_turned_away(asked: str) -> None:
    world = worlds.utterances(240, seed=1)
    data = world.data.train
    judge = judge_of(data, world.run(), asked=asked)
    texts = world.run().texts(data)
    other = [texts[int(np.flatnonzero(data.labels != label)[0])] for label in data.labels]
    parents = [(id,) for id in data.ids.tolist()]
    kept = np.mean([one.passed for one in judge.of(texts, data.targets, parents)])
    strange = np.mean([one.passed for one in judge.of(other, data.targets, parents)])
    assert kept >= 0.95 and strange <= 0.35


@pytest.mark.parametrize("asked", ["linear", "neighbors", "learner"])
def test_of_too_few_texts_nothing_is_said_of_the_label(asked: str) -> None:
    data = of_texts(["one thing", "another"], [0, 1])
    (said,) = judge_of(data, MemoryRun(), asked=asked).of(["one thing more"], data.targets[:1], [(data.ids[0],)])
    assert said.passed and set(said.evidence) == {"strange"}


def test_what_passed_carries_what_the_check_said() -> None:
    world = worlds.utterances(80, imbalance=0.4, seed=4)
    add = added(Words(operations=("keyboard",)), world.data.open, world.run(), 200)[0]
    assert 0 <= add.evidence["probability"] <= 1 and 0 <= add.evidence["strange"] <= 1


@pytest.mark.parametrize("multi", [False, True])
def test_classes_come_up_to_so_many_and_larger_ones_are_left(multi: bool) -> None:
    rng = np.random.default_rng(0)
    words = "river meadow station village harbour garden window kitchen picture mountain journey weather".split()
    labels = [0] * 40 + [1] * 12 + [2] * 25
    texts = [f"we saw {' and '.join(rng.permutation(words)[:4])} near place {at}" for at in range(len(labels))]
    data = of_texts(texts, [frozenset({one}) for one in labels] if multi else labels, classes=3, multi=multi)
    step = Words(operations=("characters",), check="none", label_words=0.0, up_to=20)
    adds = added(step, data, MemoryRun(), 500)
    sizes = (data.apply(adds).train.targets > 0).sum(axis=0).tolist()
    assert sizes == [40, 20, 25] and len(adds) == 8
    assert len(added(step, data, MemoryRun(), len(data) + 3)) == 3, "the budget holds"
    beyond = Words(operations=("characters",), check="none", label_words=0.0, up_to=500)
    sizes = (data.apply(added(beyond, data, MemoryRun(), 500)).train.targets > 0).sum(axis=0).tolist()
    assert sizes == [40, 40, 40], "never past the largest"


@pytest.mark.parametrize("settings", [{"up_to": -1}, {"up_to": 5, "fill": True}, {"up_to": 5, "balance": False}])
def test_a_bound_that_cannot_be_one_is_refused(settings) -> None:
    with pytest.raises(SettingError, match="up_to"):
        Words(**settings)
