"""Which source of synonyms is used: the one that is named, or the first that is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tilth.augment.synonyms import mythes, vectors, wordnet
from tilth.augment.synonyms.built_in import BuiltIn
from tilth.augment.synonyms.lexicon import Lexicon
from tilth.augment.words import FILLERS, WORD, lower
from tilth.errors import SettingError, StepError

SOURCES = ("auto", "wordnet", "mythes", "corpus", "vectors", "built-in")
"""`auto`: what `synonyms_at` names; else WordNet, a thesaurus, the texts themselves, the short list, whichever is there first."""

_ENGLISH = 0.15  # of the words are English function words: in English texts it is 0.3 to 0.5, in others below 0.1
_ENOUGH = 50  # words with neighbours: with fewer, the same few words would be exchanged again and again


def lexicon(source: str, place: str, texts: Sequence[str], *, cosine: float) -> Lexicon:
    """The source of this name, for these texts. Raises StepError where it is not there.

    place   folder of WordNet or of a thesaurus, or a file of vectors; empty: where they are usually installed
    cosine  how near two vectors of words must be
    """
    if source == "auto":
        return _at(place, texts, cosine) if place else _first(texts, cosine)
    if source == "wordnet":
        return _there(wordnet.found(place), "WordNet (index.noun, data.noun)", place, "wordnet-base")
    if source == "mythes":
        return _there(mythes.found(place), "MyThes thesaurus (th_en_US_v2.idx and .dat)", place, "mythes-en-us")
    if source == "vectors":
        if not place:
            raise SettingError(
                "augment.words: synonyms = 'vectors' needs synonyms_at, a file of a word and its numbers a line"
            )
        return vectors.of_file(Path(place), _words(texts), cosine=cosine)
    return vectors.of_texts(texts, cosine=cosine) if source == "corpus" else BuiltIn()


def identity(source: str, place: str) -> str:
    """Changes where the dictionary or the file does that this setting reads; empty where it reads none."""
    if source not in ("auto", "wordnet", "mythes", "vectors"):
        return ""
    there = (wordnet.found(place) if source != "mythes" else None) or (
        mythes.found(place) if source != "wordnet" else None
    )
    if there is not None and source != "vectors":
        return there.key
    return vectors.key_of(Path(place)) if place and Path(place).is_file() else ""


def english(texts: Sequence[str]) -> bool:
    """Whether these texts hold as many English function words as English texts do."""
    words = _words(texts)
    return sum(words[word] for word in FILLERS) >= _ENGLISH * max(words.total(), 1)


def _first(texts: Sequence[str], cosine: float) -> Lexicon:
    speaks = english(texts)
    installed = (wordnet.found() or mythes.found()) if speaks else None
    if installed is not None:
        return installed
    learned = vectors.of_texts(texts, cosine=cosine)
    return learned if len(learned.near) >= _ENOUGH or not speaks else BuiltIn()


def _at(place: str, texts: Sequence[str], cosine: float) -> Lexicon:
    there = wordnet.found(place) or mythes.found(place)
    if there is not None:
        return there
    if Path(place).is_file():
        return vectors.of_file(Path(place), _words(texts), cosine=cosine)
    raise StepError(
        f"augment.words: at synonyms_at = {place!r} there is no WordNet, no thesaurus and no file of vectors. "
        "Leave it out to take what is installed."
    )


def _there(one: Lexicon | None, what: str, place: str, package: str) -> Lexicon:
    if one is None:
        where = f"at {place}" if place else "where it is usually installed"
        raise StepError(
            f"augment.words asked for the {what}, and found none {where}. Name its folder in synonyms_at, install it "
            f"(on Debian: {package}), or set synonyms = 'auto'."
        )
    return one


def _words(texts: Sequence[str]) -> Counter[str]:
    return Counter(lower(word) for text in texts for word in WORD.findall(text))
