"""Words that stand for others keep form, sense and label, whichever source they come from."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.augment.synonyms import built_in, choose, mythes, vectors, wordnet
from tilth.augment.synonyms.inflect import IRREGULAR, article, inflected, readings
from tilth.augment.synonyms.lexicon import OPPOSITES, Entry, Synonyms, fits, opposite
from tilth.augment.writing import OPERATIONS
from tilth.augment.writing.operation import Stock
from tilth.augment.writing.phrase import parsed
from tilth.errors import SettingError, SourceError, StepError

# -- endings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "part", "form", "word"),
    [
        ("city", "n", "s", "cities"),
        ("day", "n", "s", "days"),
        ("box", "n", "s", "boxes"),
        ("child", "n", "s", "children"),
        ("stop", "v", "ed", "stopped"),
        ("visit", "v", "ing", "visiting"),
        ("admit", "v", "ing", "admitting"),
        ("make", "v", "ing", "making"),
        ("die", "v", "ing", "dying"),
        ("see", "v", "ing", "seeing"),
        ("try", "v", "ed", "tried"),
        ("buy", "v", "ed", "bought"),
        ("go", "v", "s", "goes"),
        ("big", "a", "est", "biggest"),
        ("happy", "a", "er", "happier"),
        ("quit", "v", "ing", "quitting"),
    ],
)
def test_a_word_is_inflected_and_read_back(base: str, part: str, form: str, word: str) -> None:
    assert inflected(base, part, form) == word
    assert (base, form) in set(readings(word, part))


@pytest.mark.parametrize(
    ("base", "part", "form"),
    [
        ("begin", "v", "ed"),
        ("cut", "v", "ed"),
        ("knight-errant", "a", "er"),
        ("expensive", "a", "er"),
        ("fish", "n", "s"),
    ],
)
def test_a_form_that_is_in_doubt_is_none(base: str, part: str, form: str) -> None:
    assert inflected(base, part, form) is None


@given(
    st.sampled_from(["walk", "stop", "carry", "make", "play", "permit", "offer"]), st.sampled_from(["s", "ed", "ing"])
)
def test_every_form_of_a_regular_verb_leads_back_to_it(base: str, form: str) -> None:
    word = inflected(base, "v", form)
    assert word and (base, form) in set(readings(word, "v"))


def test_no_irregular_verb_is_in_two_lists() -> None:
    table = IRREGULAR.forms["v", "ed"]
    assert all(word == "" or word != base for base, word in table.items())
    assert table["buy"] == "bought" and table["begin"] == ""


@pytest.mark.parametrize(
    ("word", "right"),
    [("apple", "an"), ("union", "a"), ("hour", "an"), ("uninteresting", "an"), ("one", "a"), ("European", "a"), ("usher", "an"),
     ("urgent", "an"), ("house", "a"), ("user", "a")],
)  # fmt: skip
def test_an_article_is_as_the_word_sounds(word: str, right: str) -> None:
    assert article(word) == right


# -- guards ---------------------------------------------------------------------------------------------------


class Given:
    name, said, key = "given", "what a test gives", "given"

    def __init__(self, part: str, **words: tuple[str, ...]) -> None:
        self.part, self.words = part, words

    def entry(self, word: str) -> Entry | None:
        return Entry(self.part, self.words[word]) if word in self.words else None


def test_what_carries_a_label_is_not_brought_in_and_gives_way_only_where_it_tells_nothing() -> None:
    source = Given("n", train=("rail",), bus=("train", "coach"))
    known = Synonyms(source, {"train"})
    assert known.of("bus") == ("coach",)
    for stay, made in ((frozenset({"train"}), None), (frozenset(), "we want a rail")):
        phrase = OPERATIONS["synonym"].apply(
            parsed("we want a train", stay), 0.1, np.random.default_rng(0), Stock(known)
        )
        assert (phrase and phrase.text) == made


def test_negations_function_words_and_question_words_have_no_synonyms() -> None:
    source = Given(
        "r", never=("rarely",), the=("a",), what=("which",), rarely=("never", "seldom"), number=("many", "count")
    )
    known = Synonyms(source)
    assert [known.of(word) for word in ("never", "the", "what")] == [(), (), ()]
    assert known.of("rarely") == ("seldom",) and known.of("number") == ("count",)


@pytest.mark.parametrize(
    ("one", "other"),
    [("hot", "cold"), ("lock", "unlock"), ("buying", "selling"), ("careful", "careless"), ("loses", "wins")],
)
def test_opposites_are_known(one: str, other: str) -> None:
    assert opposite(one, other) and opposite(other, one)


def test_words_that_are_alike_are_no_opposites() -> None:
    assert not opposite("big", "large") and not opposite("movie", "film")
    assert all(len(pair) == 2 for pair in OPPOSITES)


def test_an_opposite_is_never_given() -> None:
    assert Synonyms(Given("a", hot=("cold", "warm"))).of("hot") == ("warm",)


def test_a_verb_does_not_stand_behind_an_article_nor_a_noun_behind_to() -> None:
    assert not fits("v", "the") and not fits("n", "To") and fits("n", "the") and fits("v", "to") and fits("", "the")
    assert Synonyms(Given("v", start=("begin",))).of("start", "the") == ()


# -- WordNet --------------------------------------------------------------------------------------------------


def small_wordnet(folder: Path) -> Path:
    """Two nouns of one sense, an irregular verb and a regular one of another, and a word that is mostly a noun."""
    folder.mkdir()
    nouns = ["auto 0 car 0 automobile 0", "film 0 movie 0", "run 0", "opera 0 grand_opera 0"]
    verbs = ["begin 0 start 0", "buy 0 purchase 0", "run 0", "film 0 shoot 0"]
    for kind, part, senses in (("noun", "n", nouns), ("verb", "v", verbs), ("adj", "a", []), ("adv", "r", [])):
        data, index = "  1 made for a test\n", {}
        for sense in senses:
            words = sense.split()[::2]
            for word in words:
                index.setdefault(word, []).append(f"{len(data):08}")
            data += f"{len(data):08} 06 {part} {len(words):02x} {sense} 000 | a sense of a test\n"
        (folder / f"data.{kind}").write_text(data)
        lines = [f"{word} {part} {len(at)} 0 {len(at)} 1 {' '.join(at)}  " for word, at in sorted(index.items())]
        (folder / f"index.{kind}").write_text("\n".join(["  1 made for a test", *lines]) + "\n")
    (folder / "verb.exc").write_text("began begin\nbegun begin\nbought buy\n")
    (folder / "noun.exc").write_text("")
    counts = [("car", 1, 71), ("auto", 1, 8), ("automobile", 1, 0), ("film", 1, 20), ("film", 2, 1), ("movie", 1, 29),
              ("begin", 2, 9), ("start", 2, 5), ("buy", 2, 5), ("purchase", 2, 3), ("run", 1, 5), ("run", 2, 6), ("shoot", 2, 3)]  # fmt: skip
    (folder / "cntlist.rev").write_text("".join(f"{word}%{part}:06:00:: 1 {count}\n" for word, part, count in counts))
    return folder


def words_of(source, word: str) -> tuple[str, ...]:
    entry = source.entry(word)
    return entry.words if entry else ()


def test_wordnet_gives_words_of_the_same_first_sense_in_the_same_form(tmp_path: Path) -> None:
    source = wordnet.found(str(small_wordnet(tmp_path / "dict")))
    assert source is not None and source.name == "wordnet"
    assert words_of(source, "car") == ("auto",), "automobile was never counted: too rare"
    assert words_of(source, "cars") == (), "no rule tells the plural of auto"
    assert words_of(source, "movies") == ("films",)
    assert words_of(source, "bought") == ("purchased",) and words_of(source, "purchased") == ("bought",)
    assert words_of(source, "begins") == ("starts",)
    assert words_of(source, "started") == (), "begin has two past forms"
    assert words_of(source, "run") == (), "noun and verb are about as frequent"
    assert words_of(source, "opera") == () and words_of(source, "unknown") == ()


def test_wordnet_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert wordnet.found(str(tmp_path)) is None


def test_nltk_data_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLTK_DATA", str(tmp_path))
    assert tmp_path / "corpora" / "wordnet" in set(wordnet.places())


@pytest.mark.skipif(wordnet.found() is None, reason="WordNet is not installed")
def test_installed_wordnet_gives_what_it_is_known_for() -> None:
    source = wordnet.found()
    assert "film" in words_of(source, "movie") and "purchased" in words_of(source, "bought")
    assert "begins" in {*words_of(source, "starts"), *words_of(source, "commences")}


# -- MyThes ---------------------------------------------------------------------------------------------------


def small_thesaurus(folder: Path) -> Path:
    folder.mkdir()
    entries = {
        "film": ["(noun)|movie|picture (generic term)"],
        "movie": ["(noun)|film|show (generic term)"],
        "hot": ["(adj)|warm (similar term)|cold (antonym)"],
        "start": ["(verb)|begin", "(verb)|commence"],
        "begin": ["(verb)|start"],
        "light": ["(noun)|lamp", "(adj)|bright"],
    }
    data, index = "UTF-8\n", []
    for word, meanings in entries.items():
        index.append(f"{word}|{len(data)}")
        data += f"{word}|{len(meanings)}\n" + "".join(line + "\n" for line in meanings)
    (folder / "th_en_US_v2.dat").write_text(data)
    (folder / "th_en_US_v2.idx").write_text("UTF-8\n" + f"{len(index)}\n" + "\n".join(sorted(index)) + "\n")
    return folder


def test_a_thesaurus_gives_synonyms_and_nothing_else(tmp_path: Path) -> None:
    source = mythes.found(str(small_thesaurus(tmp_path / "th")))
    assert source is not None
    assert words_of(source, "films") == ("movies",), "no generic term"
    assert words_of(source, "starts") == ("begins",)
    assert words_of(source, "hot") == (), "neither a similar term nor an antonym"
    assert words_of(source, "light") == (), "a noun and an adjective"


def test_a_broken_thesaurus_is_told(tmp_path: Path) -> None:
    folder = small_thesaurus(tmp_path / "th")
    (folder / "th_en_US_v2.idx").write_text("UTF-8\n1\nfilm|here\n")
    source = mythes.found(str(folder))
    with pytest.raises(SourceError, match="no index of a MyThes thesaurus"):
        source.entry("film")


# -- vectors --------------------------------------------------------------------------------------------------


def sentences(n: int, seed: int = 0) -> list[str]:
    """Sentences in which `sofa` and `couch` stand in the same places, and `lamp` in others."""
    rng = np.random.default_rng(seed)
    seats, lights, who = (
        ("sofa", "couch"),
        ("lamp", "candle"),
        [f"name{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"],
    )
    fill = [f"{a}{b}word" for a in "bcdfghjklm" for b in "aeiouy"]
    out = []
    for _ in range(n):
        pick = lambda words: str(rng.choice(words))  # noqa: E731
        out += [
            f"{pick(who)} sat down on our {pick(seats)} and slept near {pick(fill)} {pick(fill)}",
            f"{pick(who)} lit their {pick(lights)} when night fell over {pick(fill)} {pick(fill)}",
        ]
    return out


def test_words_in_the_same_places_are_neighbours() -> None:
    learned = vectors.of_texts(sentences(1_000))
    assert learned.near["sofa"] == ("couch",) and learned.near["couch"] == ("sofa",)
    assert learned.near["lamp"] == ("candle",)


def test_few_texts_teach_nothing() -> None:
    assert vectors.of_texts(sentences(20)).near == {}
    assert vectors.of_texts([]).near == {}


def test_neighbours_are_learned_the_same_each_time() -> None:
    texts = sentences(1_000, seed=3)
    assert vectors.of_texts(texts).near == vectors.of_texts(texts).near


def test_a_file_of_vectors_is_read_with_and_without_a_head(tmp_path: Path) -> None:
    lines = "movie 1 0 0.1\nfilm 1 0 0.12\nhot 0 1 0\ncold 0 1 0.05\nfilms 1 0 0.11\n"
    for head in ("", "5 3\n"):
        file = tmp_path / f"vectors{len(head)}.txt"
        file.write_text(head + lines)
        source = vectors.of_file(file, {"movie": 1, "hot": 1})
        assert words_of(source, "movie") == ("film",), "not its own plural's ending"
        assert Synonyms(source).of("hot") == (), "an opposite, however near"


def test_a_file_that_holds_no_vectors_is_told(tmp_path: Path) -> None:
    file = tmp_path / "no.txt"
    file.write_text("this is prose\n")
    with pytest.raises(SourceError, match="no file of vectors"):
        vectors.of_file(file, {})
    with pytest.raises(SettingError, match="cannot be read"):
        vectors.of_file(tmp_path / "absent.txt", {})


# -- the short list, and the choice ---------------------------------------------------------------------------


def test_the_short_list_is_as_long_as_it_says_and_gives_forms() -> None:
    assert 200 < built_in.count() < 600
    assert words_of(built_in.BuiltIn(), "films") == ("movies",)
    assert words_of(built_in.BuiltIn(), "bigger") == ("larger",)
    assert words_of(built_in.BuiltIn(), "get") == (), "it is put in and never taken out"


def test_no_pair_of_the_short_list_is_a_pair_of_opposites() -> None:
    pairs = [(one, other) for table in built_in._pairs().values() for one, others in table.items() for other in others]
    assert pairs and [pair for pair in pairs if opposite(*pair)] == []


ENGLISH = ["the cat is on the mat and it will be there for you", "what is the name of this and that"]


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet, "_PLACES", ())
    monkeypatch.setattr(mythes, "_PLACES", ())
    monkeypatch.setattr(wordnet, "places", lambda: iter(()))


@pytest.mark.usefixtures("nothing_installed")
def test_without_any_source_the_short_list_is_taken() -> None:
    assert choose.lexicon("auto", "", ENGLISH, cosine=0.8).name == "built-in"


@pytest.mark.usefixtures("nothing_installed")
def test_texts_of_another_language_are_never_given_english_words() -> None:
    german = ["wo liegt der bahnhof von turin", "wie heisst die hauptstadt von peru"] * 20
    assert not choose.english(german) and choose.english(ENGLISH)
    assert choose.lexicon("auto", "", german, cosine=0.8).name == "corpus"


def test_the_place_that_is_named_decides(tmp_path: Path) -> None:
    assert choose.lexicon("auto", str(small_wordnet(tmp_path / "w")), ENGLISH, cosine=0.8).name == "wordnet"
    assert choose.lexicon("auto", str(small_thesaurus(tmp_path / "t")), ENGLISH, cosine=0.8).name == "mythes"
    (tmp_path / "v.txt").write_text("cat 1 0\nmat 1 0\n")
    assert choose.lexicon("auto", str(tmp_path / "v.txt"), ENGLISH, cosine=0.8).name == "vectors"
    with pytest.raises(StepError, match="no WordNet, no thesaurus and no file of vectors"):
        choose.lexicon("auto", str(tmp_path / "absent"), ENGLISH, cosine=0.8)


def test_a_source_that_is_asked_for_and_absent_is_told(tmp_path: Path) -> None:
    for name in ("wordnet", "mythes"):
        with pytest.raises(StepError, match="Name its folder in synonyms_at"):
            choose.lexicon(name, str(tmp_path), ENGLISH, cosine=0.8)
    with pytest.raises(SettingError, match="needs synonyms_at"):
        choose.lexicon("vectors", "", ENGLISH, cosine=0.8)
