"""Templates give as many texts as are asked for, none twice, each filler as often as another, under the right labels."""

import json
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.errors import SettingError, SourceError, StepError
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.synthesize.grammar.book import book_of, read_book
from tilth.synthesize.grammar.drawing import even, texts
from tilth.synthesize.grammar.every import all_ways, ways
from tilth.synthesize.grammar.induced import induced, write_templates
from tilth.synthesize.templates import Templates
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

BOOK = {
    "slots": {
        "topic": ["soup", "bread", "cheese", "curry", "salad", "rice"],
        "verb": ["tastes good", "is cooked", "needs salt", "is eaten"],
        "place": ["Lisbon", "Oslo", "Kyoto", "Quito", "Perth", "Accra", "Turin", "Hanoi"],
        "when": ["today", "tomorrow", "at noon", "on Monday", "next week", "tonight"],
        "n": {"kind": "number", "from": 0, "to": 98},
    },
    "template": [
        {
            "name": "meal",
            "text": "(the|my|our) {topic} {verb} in {place} {when} says {place:2} no {n}",
            "label": "food",
        }
    ],
}


def of_texts(rows, classes, task="single-label"):
    samples = []
    for number, (text, label) in enumerate(rows):
        content = digest_bytes(text.encode())
        samples.append(Sample(raw_id(content, f"{number}"), content, f"{number}", label, home="text", text=text))
    return Dataset.from_samples(samples, Schema("text", task, classes))


def added(step, data, run=None, budget=1000):
    return list(step.augment(data, Signals(), run or MemoryRun(), budget=budget))


def test_keeps_the_contract():
    check_step(Templates(book=BOOK, fill=True), world=worlds.utterances(60))
    check_step(Templates(fill=True), world=worlds.utterances(60))
    check_step(Templates(fill=True, check=False), world=worlds.multi_label(60))


def test_thousands_of_texts_from_one_template_and_none_twice():
    book = book_of(BOOK, where="here")
    began = time.perf_counter()
    found = texts(book, book.templates[0], 5000, np.random.default_rng(0))
    assert len(set(found)) == len(found) == 5000
    assert time.perf_counter() - began < 5, "some 0.3 s on a core that has nothing else to do"


def test_fillers_are_used_evenly_and_by_weight():
    raw = {
        "slots": {"a": ["red", "blue", {"text": "green", "weight": 2}], "n": {"kind": "number", "from": 1, "to": 50}},
        "template": [{"text": "{a} {n} {n:2} (x*3|y)", "label": "l"}],
    }
    book = book_of(raw, where="here")
    found = [text.split() for text in texts(book, book.templates[0], 400, np.random.default_rng(0))]
    colours, ends, numbers = (Counter(words[at] for words in found) for at in (0, 3, 1))
    # Texts that come twice are drawn again: a few more or less.
    assert abs(colours["green"] - 200) < 12 and abs(colours["red"] - 100) < 12
    assert abs(ends["x"] - 300) < 12
    assert len(numbers) == 50 and max(numbers.values()) - min(numbers.values()) <= 6
    assert all(words[1] != words[2] for words in found)


@given(st.integers(1, 40), st.lists(st.floats(0.1, 5), min_size=1, max_size=6))
def test_even_gives_each_its_share_but_for_one(count, weights):
    found = np.bincount(even(count, np.array(weights), np.random.default_rng(0)), minlength=len(weights))
    expected = count * np.array(weights) / sum(weights)
    assert found.sum() == count and (abs(found - expected) < 1 + 1e-9).all()


@settings(deadline=None)
@given(st.integers(1, 60))
def test_all_that_a_template_gives_is_found_where_all_is_asked_for(count):
    raw = {
        "slots": {"a": ["p", "q", "p q"], "b": ["r", "s"]},
        "template": [{"text": "{a} {b}[ {a}] (t|u)", "label": "l"}],
    }
    book = book_of(raw, where="here")
    there = {" ".join(text.split()) for text in all_ways(book, book.templates[0])}
    found = texts(book, book.templates[0], count, np.random.default_rng(0), known={"p r t"})
    assert len(found) == len(set(found)) == min(count, len(there) - 1) and set(found) <= there - {"p r t"}
    assert len(there) <= ways(book, book.templates[0])


def test_a_class_comes_up_to_the_largest_with_the_label_of_the_template():
    world = worlds.utterances(120, imbalance=0.3, seed=1)
    data = world.data.open
    small = min(data.counts("train"), key=lambda name: data.counts("train")[name])
    raw = {**BOOK, "template": [{**BOOK["template"][0], "label": small}]}
    adds = added(Templates(book=raw, check=False), data, world.run())
    assert adds and {add.sample.label for add in adds} == {data.schema.classes.index(small)}
    after = data.apply(adds)
    assert after.counts("train")[small] == max(data.counts("train").values())
    assert all(add.sample.parents == () and add.sample.maker == "synthesize.templates:meal" for add in adds)
    assert len({add.sample.text for add in adds} | {sample.text for sample in data}) == len(after)


def test_the_check_turns_away_what_the_real_texts_do_not_bear_out():
    world = worlds.utterances(240, classes=4)
    data = world.data.open
    right = added(Templates(book=BOOK, fill=True), data, world.run(), len(data) + 60)
    assert len(right) == 60, "texts of the world itself pass"
    wrong = {**BOOK, "template": [{**BOOK["template"][0], "label": "weather"}]}
    run = world.run()
    assert len(added(Templates(book=wrong, fill=True), data, run, len(data) + 60)) <= 12, "food is no weather"
    assert "left out" in run.lines[-1]
    odd = {"slots": BOOK["slots"], "template": [{"text": "zqx {topic}wvk jjqxz{n} bvzkq", "label": "food"}]}
    assert len(added(Templates(book=odd, fill=True), data, world.run(), len(data) + 60)) <= 6


def test_a_class_of_which_nothing_real_is_known_is_made_all_the_same():
    rows = [(f"rain falls in {place} {n}", 0) for place in ("Oslo", "Perth", "Turin") for n in range(10)]
    data = of_texts(rows, ("weather", "food"))
    adds = added(Templates(book={**BOOK, "template": [{"text": "rain[ falls] in {place} {n}", "label": "food"}]}), data)
    assert len(adds) == 30 and "probability" not in adds[0].evidence


def test_several_labels_at_once():
    data = of_texts([("rain", frozenset({0})), ("soup", frozenset({1}))], ("weather", "food"), "multi-label")
    raw = {"slots": BOOK["slots"], "template": [{"text": "rain and {topic} {n}", "labels": ["food", "weather"]}]}
    adds = added(Templates(book=raw, fill=True, check=False), data, budget=12)
    assert len(adds) == 10 and {add.sample.label for add in adds} == {frozenset({0, 1})}
    single = of_texts([("rain", 0), ("soup", 1)], ("weather", "food"))
    with pytest.raises(SourceError, match="names 2 classes"):
        added(Templates(book=raw), single)


def test_toml_and_json_say_the_same(tmp_path):
    (tmp_path / "b.json").write_text(json.dumps(BOOK))
    toml = '[slots]\ntopic = ["soup", "bread"]\n[[template]]\ntext = "my {topic}"\nlabel = "food"\n'
    (tmp_path / "b.toml").write_text(toml)
    assert read_book(tmp_path / "b.json").templates == book_of(BOOK, where="x").templates
    data = of_texts([("my rice", 0), ("a fog", 1), ("a hail", 1), ("snow", 1)], ("food", "weather"))
    step = Templates(templates=str(tmp_path / "b.toml"), check=False)
    assert sorted(add.sample.text or "" for add in added(step, data)) == ["my bread", "my soup"]
    before = step.weights
    (tmp_path / "b.toml").write_text(toml.replace("bread", "cheese"))
    assert step.weights != before, "another file is another step"


def test_clear_words_for_what_is_missing(tmp_path):
    data = of_texts([("my rice", 0)], ("food",))
    with pytest.raises(SourceError, match=r"no file nowhere\.toml"):
        added(Templates(templates="nowhere.toml"), data)
    with pytest.raises(SourceError, match="no class 'foood'; did you mean 'food'"):
        added(Templates(book={"template": [{"text": "a", "label": "foood"}]}), data)
    (tmp_path / "bad.toml").write_text("a = [")
    with pytest.raises(SourceError, match="not TOML"):
        added(Templates(templates=str(tmp_path / "bad.toml")), data)
    with pytest.raises(SettingError, match="name one of them"):
        Templates(templates="a.toml", book=BOOK)
    with pytest.raises(SettingError, match="support"):
        Templates(support=1)
    with pytest.raises(StepError, match="images"):
        added(Templates(), worlds.photos(20).data)


# -- found in texts ---------------------------------------------------------------------------------------------

ROWS = [
    *(
        (f"what is the price of {what} in {where}", 0)
        for what in ("gold", "tin", "coal")
        for where in ("Oslo", "Perth")
    ),
    *((f"how much does {what} cost", 0) for what in ("gold", "zinc", "coal", "lead")),
    *((f"will it rain in {where} tomorrow", 1) for where in ("Oslo", "Perth", "Turin")),
    ("will it not rain tomorrow", 1),
    ("good morning", 1),
]


def test_what_differs_between_alike_texts_is_a_slot():
    book = induced(of_texts(ROWS, ("price", "weather")))
    said = {one.text: one for one in book.templates}
    rain = next(text for text in said if "rain" in text)
    assert rain.startswith("will it rain in {weather_") and rain.endswith("} tomorrow")
    assert said[rain].labels == ("weather",) and len(said[rain].parents) == 3
    cost = next(one for text, one in said.items() if text.startswith("how much does {"))
    found = set(texts(book, cost, 50, np.random.default_rng(0)))
    assert "how much does tin cost" in found, "fillers of one slot are shared by the frames of a class"
    assert not any("not" in text.split() for text in found)


def test_found_templates_are_written_to_a_file_that_can_be_used(tmp_path):
    data = of_texts([*ROWS, ('say "hi" [now]', 0)], ("price", "weather"))
    count = write_templates(data, tmp_path / "found.toml")
    again = read_book(tmp_path / "found.toml")
    assert count == len(again.templates)
    assert again.templates == tuple(replace(one, stood=0) for one in induced(data).templates), "now a person's"
    adds = added(Templates(templates=str(tmp_path / "found.toml"), check=False, fill=True), data, budget=len(data) + 4)
    assert adds and all(set(add.sample.parents) <= set(data.ids.tolist()) for add in adds)


@pytest.mark.parametrize(("most_share", "times"), [(0.5, 1), (0.75, 3)])
def test_a_found_template_says_no_more_than_its_share_of_what_people_wrote_with_it(most_share, times):
    """One way of asking that outgrows the others moves what the rest of the class is known by."""
    names = [f"{one}{two}" for one in "abcdefgh" for two in "klmnopqr"]
    frames = ("tell me what the {} is", "who was it that made the {}")
    rows = [(frame.format(name), 0) for at, frame in enumerate(frames) for name in names[at * 8 : at * 8 + 12]]
    rows += [(f"a {one} text that is like no other {two}", 1) for one, two in zip(names, names[::-1], strict=True)]
    data = of_texts(rows, ("asked", "plain"))
    stood = {one.name: one.stood for one in induced(data).templates}
    adds = added(Templates(check=False, fill=True, most_share=most_share), data, budget=10_000)
    by_template = Counter(add.sample.maker.split(":")[1] for add in adds)
    assert by_template and all(count <= times * stood[name] for name, count in by_template.items())


def test_made_texts_name_those_they_come_from():
    data = of_texts(ROWS, ("price", "weather"))
    adds = added(Templates(check=False, fill=True), data, budget=len(data) + 6)
    assert adds and all(add.sample.parents for add in adds)
    data.apply(adds)


def test_the_same_seed_gives_the_same_texts():
    data = of_texts(ROWS, ("price", "weather"))
    first, second, other = (
        [add.sample for add in added(Templates(fill=True, check=False), data, MemoryRun(seed=seed), len(data) + 3)]
        for seed in (0, 0, 1)
    )
    assert first == second and first != other
    assert replace(first[0]) == second[0]
