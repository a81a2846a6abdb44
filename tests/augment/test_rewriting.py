"""Translators, language models and sentence models of a person's own: small real ones, asked as they would be."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tilth.augment.back_translation import BackTranslation
from tilth.augment.masked_model import MASK, MaskedModel
from tilth.augment.rewriting import harm
from tilth.dataset import Dataset, Schema
from tilth.digest import digest_bytes
from tilth.embed.sentences import Sentences
from tilth.errors import SettingError, StepError
from tilth.numerics.outside import asked
from tilth.sample import Sample, raw_id
from tilth.signal import Signals
from tilth.testing import worlds
from tilth.testing.contract import check_step
from tilth.testing.memory import MemoryRun

TRANSLATOR = '''
"""Word for word into a language of its own and back, where it has one word for what English has two for."""
import sys

THERE = {"comes": "vekas", "starts": "vekas", "falls": "falas", "needs": "nidas", "is": "estas", "says": "diras", "says,": "diras"}
BACK = {"vekas": "begins", "falas": "drops", "nidas": "wants", "estas": "is", "diras": "tells"}
words = THERE if sys.argv[1] == "there" else BACK
for line in sys.stdin:
    print(" ".join(words.get(word, word) for word in line.split()))
'''

FUNCTIONS = '''
"""Functions as a person would write them; `calls` counts how often they are asked."""
import numpy as np

calls = []

def there(texts):
    calls.append(len(texts))
    return [text.replace("says", "diras") for text in texts]

def back(texts):
    return [{"translation_text": text.replace("diras", "tells us")} for text in texts]

def forgets(texts):
    return [text.replace("no ", "") for text in texts]

def fewer(texts):
    return texts[1:]

def breaks(texts):
    raise RuntimeError("no model here")

def fill(texts):
    calls.append(len(texts))
    assert all(text.count("[MASK]") == 1 for text in texts)
    return [[("near", 0.5), ("not", 0.3), ("around", 0.2), ("7", 0.1), ("##ly", 0.05), ("beyond", 0.001)] for _ in texts]

def embed(texts):
    return np.array([[text.count(letter) for letter in "aeiou"] for text in texts], float)

def flat(texts):
    return np.zeros(len(texts))
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of functions and a translator script, as files."""
    from tilth.numerics import outside

    name = f"mine_{abs(hash(tmp_path)) % 10**8}"
    (tmp_path / f"{name}.py").write_text(FUNCTIONS)
    (tmp_path / "translate.py").write_text(TRANSLATOR)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path, name
    outside._function.cache_clear()
    sys.modules.pop(name, None)


def command(folder: Path, way: str) -> str:
    return f"{sys.executable} {folder / 'translate.py'} {way}"


def of_texts(rows):
    samples = []
    for number, (text, label) in enumerate(rows):
        content = digest_bytes(text.encode())
        samples.append(Sample(raw_id(content, f"{number}"), content, f"{number}", label, home="text", text=text))
    return Dataset.from_samples(samples, Schema("text", "single-label", ("a", "b")))


def added(step, data, run=None, budget=1000):
    return list(step.augment(data, Signals(), run or MemoryRun(), budget=budget))


def test_they_keep_the_contract(mine):
    folder, name = mine
    there, back = command(folder, "there"), command(folder, "back")
    world = worlds.utterances(60, imbalance=0.3)
    check_step(BackTranslation(there=there, back=back), world=world)
    check_step(MaskedModel(model=f"{name}:fill"), world=world)
    check_step(Sentences(model=f"{name}:embed"), world=world)


def test_a_command_translates_there_and_back(mine):
    folder, _ = mine
    data = of_texts([("rain comes in Oslo no 7", 0), ("fog starts today", 0), ("snow", 1), ("bread", 1)])
    step = BackTranslation(
        there=command(folder, "there"), back=command(folder, "back"), fill=True, check=False, label_words=0
    )
    adds = added(step, data)
    assert sorted(add.sample.text for add in adds) == ["fog begins today", "rain begins in Oslo no 7"]
    assert adds[0].sample.maker == "augment.back_translation:back-translation"
    assert {add.sample.parents for add in adds} == {(data.ids[at],) for at in np.flatnonzero(data.labels == 0)}
    data.apply(adds)


def test_functions_translate_and_no_text_is_asked_twice(mine):
    _, name = mine
    world, run = worlds.utterances(60, imbalance=0.3), None
    run = world.run()
    step = BackTranslation(there=f"{name}:there", back=f"{name}:back", check=False)
    first = added(step, world.data.open, run)
    assert first and all("tells us" in add.sample.text for add in first)
    module = sys.modules[name]
    before = len(module.calls)
    again = added(step, world.data.open, run)
    assert [add.sample for add in again] == [add.sample for add in first] and len(module.calls) == before


def test_what_was_lost_on_the_way_is_left_out(mine):
    _, name = mine
    data = of_texts([("no bus here today", 0), ("a bus", 1)])
    run = MemoryRun()
    assert (
        added(BackTranslation(there=f"{name}:there", back=f"{name}:forgets", fill=True, check=False), data, run) == []
    )
    assert "negation" in run.lines[-1]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("the bus at 7", "the coach at 7", ""),
        ("the bus at 7", "the bus at 8", "with another number"),
        ("it is not late", "it is late", "with a negation more or less"),
        ("it is late", "it isn't late", "with a negation more or less"),
        ("my LOAN is due", "my credit is due", "without a word that carries the label"),
        ("my loan is due", "due is my Loan", ""),
    ],
)
def test_numbers_negations_and_label_words_must_come_back(before, after, why):
    assert harm(before, after, frozenset({"loan"})) == why


def test_a_language_model_fills_gaps_with_whole_likely_words(mine):
    _, name = mine
    data = of_texts([("rain falls in Oslo today", 0), ("no rain falls in Oslo at 7", 0), ("snow", 1)])
    adds = added(MaskedModel(model=f"{name}:fill", fill=True, check=False, most_per_parent=3, label_words=0), data)
    texts = {add.sample.text for add in adds}
    assert texts and all(MASK not in text for text in texts)
    assert all(("near" in text.split()) or ("around" in text.split()) for text in texts)
    assert not any(word in text.split() for text in texts for word in ("not", "##ly", "beyond"))
    assert all(text.startswith(("rain ", "no rain ")) and "Oslo" in text for text in texts)


def test_the_check_turns_away_what_is_another_class(mine):
    folder, _ = mine
    (folder / "swap.py").write_text(
        "import sys\nfor line in sys.stdin: print('soup tastes good in Oslo no', line.split()[-1])\n"
    )
    swap = f"{sys.executable} {folder / 'swap.py'}"
    world = worlds.utterances(240, imbalance=0.5)
    data, run = world.data.open, world.run()
    step = BackTranslation(there=swap, back=swap, label_words=0, fill=True, balance=False)
    kept = added(step, data, run, len(data) + 100)
    food = data.schema.classes.index("food")
    assert {add.sample.label for add in kept} <= {food}
    assert "bear out" in run.lines[-1]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (BackTranslation(there="", back="x"), "augment.back_translation.there is empty"),
        (BackTranslation(there="nowhere_to_be_found:f", back="x"), "cannot be imported"),
        (BackTranslation(there="json:dump_s", back="x"), "did you mean 'dumps'"),
        (BackTranslation(there="no-such-program --to de", back="x"), "no program 'no-such-program'"),
        (MaskedModel(model=""), "augment.masked_model.model is empty"),
    ],
)
def test_what_is_missing_is_told_before_the_work(step, words):
    with pytest.raises(SettingError, match=words.replace(".", r"\.")):
        added(step, of_texts([("rain", 0), ("fog today", 0), ("snow", 1)]))


def test_a_program_that_fails_is_told_with_its_last_words(mine):
    folder, name = mine
    (folder / "bad.py").write_text("import sys\nsys.exit('the model is broken')\n")
    with pytest.raises(StepError, match=r"ended with code 1\n.*the model is broken"):
        asked(f"{sys.executable} {folder / 'bad.py'}", setting="x")(["a"])
    with pytest.raises(StepError, match="did not end within"):
        asked(f"{sys.executable} -c 'import time; time.sleep(5)'", setting="x", most_s=0.2)(["a"])
    with pytest.raises(StepError, match="handed 2 texts and gave 1 answers"):
        asked(f"{name}:fewer", setting="x")(["a", "b"])
    with pytest.raises(StepError, match="RuntimeError: no model here"):
        asked(f"{name}:breaks", setting="x")(["a"])


def test_a_folder_of_a_model_asks_for_its_library(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    data = of_texts([("rain falls", 0), ("fog today", 0), ("snow", 1)])
    with pytest.raises(SettingError, match=r"tilth\[transformers\]|cannot be loaded"):
        added(MaskedModel(model=str(tmp_path)), data)
    with pytest.raises(SettingError, match=r"tilth\[transformers\]|cannot be loaded"):
        added(BackTranslation(there=str(tmp_path), back=str(tmp_path)), data)
    with pytest.raises(StepError, match=r"tilth\[sentences\]|cannot be loaded"):
        Sentences(model=str(tmp_path)).describe(["a"], MemoryRun())


def test_a_learner_on_top_of_sentences(mine):
    _, name = mine
    world = worlds.utterances(80)
    run = world.run()
    vectors = run.describe("embed.sentences", world.data, {"model": f"{name}:embed"})
    assert vectors.shape == (len(world.data), 5) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    with pytest.raises(StepError, match=r"\(n, d\) is needed"):
        Sentences(model=f"{name}:flat").describe(["a", "b"], run)
    with pytest.raises(StepError, match="name a folder"):
        Sentences().describe(["a"], run)
    learner = run.step("learn.linear", {"embedder": "embed.sentences", "embedder_settings": {"model": f"{name}:embed"}})
    model = learner.fit(world.data.train, None, run, seed=0)
    assert model.predict(world.data, run).shape == (len(world.data), len(world.data.schema.classes))
