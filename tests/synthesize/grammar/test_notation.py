"""The notation of templates is read as it is written, and what is wrong in it is told with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.errors import SourceError
from tilth.synthesize.grammar.agreement import sentence, with_article
from tilth.synthesize.grammar.book import book_of
from tilth.synthesize.grammar.every import all_ways
from tilth.synthesize.grammar.fillers import in_words, ranged
from tilth.synthesize.grammar.notation import escaped, parse, plural


def every(text, **slots):
    book = book_of({"slots": slots, "template": [{"text": text, "label": "x"}]}, where="t.toml")
    return sorted({" ".join(one.split()) for one in all_ways(book, book.templates[0])})


def test_alternatives_and_optional_parts():
    assert every("(a|b) c") == ["a c", "b c"]
    assert every("[please ]go[ now]") == ["go", "go now", "please go", "please go now"]
    assert every("go (home|to (town|sea))") == ["go home", "go to sea", "go to town"]
    assert every("2 (a*3|b)") == ["2 a", "2 b"], "a weight is not a part of the text"
    assert every("2*3 is 6") == ["2*3 is 6"], "a star outside of alternatives is a star"


def test_a_slot_has_one_filler_in_a_text_and_another_key_another_one():
    assert every("{c} and {c}", c=["Rome", "Oslo"]) == ["Oslo and Oslo", "Rome and Rome"]
    assert every("{c} to {c:2}", c=["Rome", "Oslo"]) == ["Oslo to Rome", "Rome to Oslo"]


def test_words_agree_with_numbers_and_articles_with_sounds():
    miles = {"kind": "number", "from": 1, "to": 2}
    assert every("{n} {n|mile|miles}", n=miles) == ["1 mile", "2 miles"]
    assert every("{n} {n|city}", n=["one", "two"]) == ["one city", "two cities"]
    assert every("{a f} and {A f}", f=["apple", "pear"]) == ["a pear and A pear", "an apple and An apple"]


@pytest.mark.parametrize(
    "word", "hour apple umbrella uninteresting FBI 8 11 18 80 heir honest Italian Ethiopian ugly MRI urgent".split()
)
def test_an_before_a_vowel_that_is_heard(word):
    assert with_article(word) == f"an {word}"


@pytest.mark.parametrize(
    "word",
    "user university European one-way once UFO house Thai useful euro unit unanimous hierarchy 1 utility".split(),
)
def test_a_before_a_consonant_that_is_heard(word):
    assert with_article(word) == f"a {word}"


def test_plurals_and_sentences():
    assert [plural(word) for word in ("mile", "box", "city", "day", "church")] == [
        "miles",
        "boxes",
        "cities",
        "days",
        "churches",
    ]
    assert sentence("who? me. no") == "Who? Me. No"


def test_fillers_may_have_slots_of_their_own():
    assert every("at {p}", p=["home", "the {l}"], l=["station", "pier"]) == ["at home", "at the pier", "at the station"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"kind": "number", "from": 1, "to": 2, "step": 0.5}, ["1.0", "1.5", "2.0"]),
        ({"kind": "number", "from": 20, "to": 22, "words": True}, ["twenty", "twenty-one", "twenty-two"]),
        ({"kind": "money", "from": 1, "to": 2, "step": 0.5}, ["$1.00", "$1.50", "$2.00"]),
        ({"kind": "money", "from": 5, "to": 6, "currency": "{} euros"}, ["5 euros", "6 euros"]),
        ({"kind": "date", "from": "2024-02-28", "to": "2024-03-01"}, ["28 February", "29 February", "1 March"]),
        ({"kind": "time", "from": "08:30", "to": "09:30"}, ["08:30", "09:00", "09:30"]),
        ({"kind": "time", "from": "12:00", "to": "13:00", "step": "1h", "format": "%I:%M %p"}, ["12:00 PM", "1:00 PM"]),
    ],
)
def test_ranges_have_all_their_members(table, expected):
    found = ranged(table, where="t.toml, slot 'x'")
    assert [found.said(at) for at in range(found.count)] == expected


def test_numbers_in_words():
    said = [in_words(number) for number in (0, 13, 40, 99, 100, 101, 345, 1000, 12_040)]
    assert said == [
        "zero", "thirteen", "forty", "ninety-nine", "one hundred", "one hundred and one", "three hundred and forty-five",
        "one thousand", "twelve thousand and forty",
    ]  # fmt: skip


@given(st.text(alphabet="ab {}[]()|*\\3:", max_size=20))
def test_an_escaped_text_says_itself(text):
    pattern = parse(escaped(text), where="here")
    assert "".join(node.text for node in pattern) == text


@given(st.text(alphabet="ab {}[]()|*\\3:", max_size=20))
def test_whatever_is_written_is_read_or_told(text):
    try:
        parse(text, where="here")
    except SourceError as told:
        assert str(told).startswith("here: ")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"template": [{"text": "go {citty}", "label": "x"}], "slots": {"city": ["a"]}}, ["template '1'", "'citty'", "'city'"]),
        ({"template": [{"name": "t", "text": "(a|b", "label": "x"}]}, ["template 't'", "not closed"]),
        ({"template": [{"text": "a)", "label": "x"}]}, ["closes nothing"]),
        ({"template": [{"text": "{a b c}", "label": "x"}]}, ["{slot}"]),
        ({"template": [{"text": "a", "lable": "x"}]}, ["'lable'", "'label'"]),
        ({"template": [{"text": "a"}]}, ["name its class"]),
        ({"template": []}, ["no template"]),
        ({"template": [{"text": "a {s}", "label": "x"}], "slots": {"s": []}}, ["slot 's'", "list of fillers"]),
        ({"template": [{"text": "{s}", "label": "x"}], "slots": {"s": ["{t}"], "t": ["{s}"]}}, ["made of itself", "s -> t -> s"]),
        ({"template": [{"text": "{s}", "label": "x"}], "slots": {"s": {"kind": "nummber", "from": 1, "to": 2}}}, ["'nummber'"]),
        ({"template": [{"text": "{s}", "label": "x"}], "slots": {"s": {"kind": "number", "from": 3, "to": 2}}}, ["nothing"]),
        ({"template": [{"text": "{s}", "label": "x"}], "slots": {"s": {"kind": "date", "from": "1 May", "to": "2024-01-01"}}}, ["2024-12-31"]),
        ({"template": [{"text": "{s}", "label": "x"}], "slots": {"s": [{"text": "a", "weight": 0}]}}, ["not all 0"]),
        ({"template": [{"text": "a", "label": "x"}], "case": "upper"}, ["case"]),
        ("text", ["a table"]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_place(raw, words):
    with pytest.raises(SourceError) as told:
        book_of(raw, where="t.toml")
    assert str(told.value).startswith("t.toml")
    assert all(word in str(told.value) for word in words), str(told.value)
