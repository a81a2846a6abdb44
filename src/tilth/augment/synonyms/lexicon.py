"""What a source of synonyms is, and the rules that hold for all of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from tilth.augment.words import FILLERS, NEGATIONS

_NOUN_AHEAD = frozenset("a an the my your his her its our their this these those some any each every another".split())
_VERB_AHEAD = frozenset("to can could will would shall should may might must i you we they please let's".split())


_ASKED = frozenset(
    "what which who whom whose where when why how many much far long often old several few more most less least first second third "
    "last next one two three four five six seven eight nine ten hundred thousand million billion half twice".split()
)
"""Words that say what is asked, or how many: nothing stands for them, and they stand for nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Words of the same form that may stand for one, and which part of speech it is: n, v, a, r, or empty."""

    part: str
    words: tuple[str, ...]


class Lexicon(Protocol):
    """A source of synonyms.

    name  as in the setting `synonyms`
    said  what it is, in words
    key   changes where its answers may
    """

    @property
    def name(self) -> str: ...

    @property
    def said(self) -> str: ...

    @property
    def key(self) -> str: ...

    def entry(self, word: str) -> Entry | None:
        """What may stand for this word, lower case, in the same form; the best first."""
        ...


# No pair of these is ever exchanged: vectors of words cannot tell a word from its opposite.
_OPPOSITES = """
able unable, above below, accept refuse, active inactive, add remove, after before, agree disagree, allow forbid,
always never, appear disappear, arrive leave, ascend descend, awake asleep, begin end, best worst, better worse, big small,
black white, borrow lend, boy girl, bright dark, bring take, brother sister, buy sell, cancel confirm, cause effect,
cheap expensive, child adult, clean dirty, close open, cold hot, come go, connect disconnect, correct incorrect,
create destroy, day night, dead alive, debit credit, decrease increase, deep shallow, deposit withdraw, die live,
difficult easy, down up, dry wet, early late, earn spend, east west, empty full, enable disable, enemy friend, enter exit,
export import, fail succeed, false true, far near, fast slow, fat thin, father mother, female male, few many, find lose,
first last, forget remember, gain loss, gain lose, get give, give take, good bad, happy sad, hard easy, hard soft,
hate love, he she, heavy light, here there, high low, him her, his her, hire fire, husband wife, in out, include exclude,
inside outside, internal external, join leave, king queen, large small, laugh cry, least most, left right, lend borrow,
less more, like dislike, like hate, lock unlock, long short, loose tight, lose win, loud quiet, lower upper, man woman,
maximum minimum, minus plus, mom dad, monday sunday, more fewer, new old, next previous, north south, off on, old young,
over under, pass fail, past future, plus minus, poor rich, positive negative, private public, pull push, question answer,
raise lower, reject accept, right wrong, rise fall, safe dangerous, same different, send receive, send get, short tall,
sick healthy, son daughter, start finish, start stop, start end, strong weak, summer winter, sweet sour, teacher student,
thick thin, today tomorrow, today yesterday, together apart, top bottom, turn return, uncle aunt, wide narrow, with without,
yesterday tomorrow, yes no, morning evening, morning night, week month, month year, day week, day month, day year,
hour minute, minute second, who what, what where, where when, when why, who where, which what, how why, block unblock,
activate deactivate, approve decline, approve reject, freeze unfreeze, register unregister, single married
"""


def _pairs(text: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(pair.split()) for pair in text.split(","))


OPPOSITES = _pairs(_OPPOSITES)
"""Opposites, and words of one list of which each says something else."""

_TURNS = ("un", "in", "im", "dis", "non", "ir", "de", "mis")
_ENDINGS = ("ing", "ed", "er", "est", "s")


def opposite(one: str, other: str) -> bool:
    """Whether two words are known opposites, by the list or by a prefix (`lock`, `unlock`), with their endings or not."""
    if frozenset((one, other)) in OPPOSITES or frozenset((_stem(one), _stem(other))) in OPPOSITES:
        return True
    short, long = sorted((one, other), key=len)
    less = {one.removesuffix("less"), other.removesuffix("less")} & {one.removesuffix("ful"), other.removesuffix("ful")}
    return any(long == turn + short for turn in _TURNS) or (
        len(less) > 0 and ("less" in one[-4:]) != ("less" in other[-4:])
    )


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)]
    return word


@dataclass
class Synonyms:
    """A source with the guards: nothing for function words and negations, never a word of `barred` or an opposite, and a
    noun only where no verb must stand, or the other way round.

    barred  words that carry a label: to bring one in would bring in another label
    """

    lexicon: Lexicon
    barred: Collection[str] = ()
    _known: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def of(self, word: str, before: str = "") -> tuple[str, ...]:
        """What may stand for this lower-case word behind the word `before`."""
        entry = self._known.get(word)
        if entry is None:
            entry = self._known[word] = self._looked_up(word)
        if not entry.words or not fits(entry.part, before):
            return ()
        return entry.words

    def _looked_up(self, word: str) -> Entry:
        if word in FILLERS or word in NEGATIONS or word in _ASKED or len(word) < 3:
            return Entry("", ())
        found = self.lexicon.entry(word)
        if found is None:
            return Entry("", ())
        return Entry(found.part, tuple(one for one in found.words if self._allowed(one, word)))

    def _allowed(self, new: str, old: str) -> bool:
        plain = new.isalpha() and new.islower() and new != old
        barred = new in self.barred or new in NEGATIONS or new in FILLERS or new in _ASKED
        return plain and not barred and not opposite(new, old)


def fits(part: str, before: str) -> bool:
    """Whether a word of this part of speech may stand behind that word."""
    ahead = before.lower()
    return not (part == "v" and ahead in _NOUN_AHEAD) and not (part in ("n", "a") and ahead in _VERB_AHEAD)
